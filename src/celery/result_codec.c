#include "celery/result_codec.h"

#include "celery/task_codec.h"
#include "celery/wire_json.h"
#include "util/json_text.h"

bool
result_is_final(struct slice status)
{
    return slice_equals_text(status, "SUCCESS") ||
           slice_equals_text(status, "FAILURE") ||
           slice_equals_text(status, "REVOKED");
}

json_t *
result_failure(const char *type, const char *text, const char *module)
{
    json_t *object = json_object();
    json_t *message = json_array();

    json_array_append_new(message, wire_json_text(slice_of(text)));
    wire_json_set(object, "exc_type", wire_json_text(slice_of(type)));
    wire_json_set(object, "exc_message", message);
    wire_json_set(object, "exc_module",
                  json_string(module != NULL ? module : "builtins"));
    return object;
}

bool
result_decode(struct result *result, struct slice body, json_t **held,
              struct err *err)
{
    json_t *object = json_text_parse_object(body, err);

    *result = (struct result){0};
    *held = object;
    if (object == NULL) {
        return err_wrap(err, "a result");
    }
    result->task_id = wire_json_get(object, "task_id");
    result->status = wire_json_get(object, "status");
    result->traceback = wire_json_get(object, "traceback");
    result->value = json_object_get(object, "result");
    if (!task_time_parse(wire_json_get(object, "date_done"), &result->done)) {
        result->done = 0;
    }
    if (result->task_id.len == 0 || result->status.len == 0) {
        return err_set(err, ERR_PROTOCOL,
                       "a result without \"task_id\" or \"status\"");
    }
    return true;
}

bool
result_encode(const struct result *result, struct buf *body)
{
    json_t *object = json_object();
    char time[TASK_TIME_SIZE];

    wire_json_set(object, "task_id", wire_json_text(result->task_id));
    wire_json_set(object, "status", wire_json_text(result->status));
    // Borrowed for the writing: nobody else looks at it meanwhile.
    wire_json_set(object, "result",
                  result->value == NULL ? json_null()
                                        : wire_json_share(result->value));
    wire_json_set(object, "traceback",
                  result->traceback.len > 0 ? wire_json_text(result->traceback)
                                            : json_null());
    wire_json_set(object, "children", json_array());
    if (result->done != 0) {
        task_time_write(result->done, time);
    }
    wire_json_set(object, "date_done",
                  result->done != 0 ? json_string(time) : json_null());
    bool good = wire_json_add(body, object);
    json_decref(object);
    return good;
}

bool
result_send(struct transport *transport, const struct result *result,
            transport_done_fn done, void *ctx, struct err *err)
{
    struct buf body = BUF_INIT(TRANSPORT_BODY_MAX);
    struct buf key = BUF_INIT(4096);
    bool good =
        result_encode(result, &body) && buf_add_slice(&key, result->reply_to);

    if (good) {
        struct message message = {.body = buf_slice(&body),
                                  .content_type = SLICE("application/json"),
                                  .content_encoding = SLICE("utf-8"),
                                  .correlation_id = result->correlation_id};
        struct publish publish = {
            .exchange = "", .key = buf_text(&key), .message = &message};
        transport_publish(transport, &publish, done, ctx);
    } else {
        err_set(err, ERR_LIMIT, "a result is longer than %u bytes",
                TRANSPORT_BODY_MAX);
    }
    buf_release(&body);
    buf_release(&key);
    return good;
}
