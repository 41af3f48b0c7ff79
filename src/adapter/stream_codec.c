#include "adapter/stream_codec.h"

#include <stdlib.h>

#include "util/field.h"
#include "util/json_text.h"

static bool
check_protocol(const json_t *root, struct err *err)
{
    struct slice version = {0};

    if (!field_text(root, "mule", &version, err)) {
        return false;
    }
    if (!slice_equals(slice_first(version, slice_find(version, '.')),
                      SLICE("1"))) {
        return err_set(err, ERR_PROTOCOL,
                       "it speaks protocol \"%.*s\", and 1.0 is spoken here",
                       SLICE_ARG(slice_first(version, 40)));
    }
    return true;
}

static bool
decode_plan(struct stream_message *message, struct err *err)
{
    const json_t *array = NULL;

    if (!field_array(message->root, "items", &array, err)) {
        return false;
    }
    size_t count = json_array_size(array);
    message->ids = array_grow(message->ids, &message->id_capacity, count,
                              sizeof(*message->ids));
    for (size_t i = 0; i < count; i++) {
        if (!field_element_text(array, i, &message->ids[i], err)) {
            return err_wrap(err, "field \"items\"");
        }
        if (message->ids[i].len == 0) {
            return err_set(err, ERR_PROTOCOL,
                           "element %zu of \"items\" is "
                           "empty",
                           i);
        }
    }
    message->id_count = count;
    return true;
}

static bool
decode_finished(struct stream_message *message, struct err *err)
{
    const json_t *root = message->root;
    int64_t line = 0;

    if (!field_text(root, "id", &message->id, err) ||
        !field_text_optional(root, "file", &message->file, err) ||
        !field_int_optional(root, "line", (struct field_range){0, UINT32_MAX},
                            &line, err) ||
        !outcome_decode(root, &message->findings, &message->outcome, err)) {
        return false;
    }
    if (message->id.len == 0) {
        return err_set(err, ERR_PROTOCOL, "field \"id\" is empty");
    }
    message->line = (uint32_t)line;
    return true;
}

static bool
decode_end(struct stream_message *message, struct err *err)
{
    int64_t tests = 0;

    if (!field_int(message->root, "tests", (struct field_range){0, INT64_MAX},
                   &tests, err)) {
        return false;
    }
    message->tests = (uint64_t)tests;
    return true;
}

static bool
decode(struct stream_message *message, struct slice name, struct err *err)
{
    if (slice_equals(name, SLICE("plan"))) {
        message->kind = STREAM_PLAN;
        return decode_plan(message, err);
    }
    if (slice_equals(name, SLICE("finished"))) {
        message->kind = STREAM_FINISHED;
        return decode_finished(message, err);
    }
    if (slice_equals(name, SLICE("end"))) {
        message->kind = STREAM_END;
        return decode_end(message, err);
    }
    return true;
}

bool
stream_message_decode(struct stream_message *message, struct slice line,
                      struct err *err)
{
    struct slice name = {0};

    json_decref(message->root);
    *message = (struct stream_message){
        .ids = message->ids,
        .id_capacity = message->id_capacity,
        .findings = message->findings,
    };
    message->root = json_text_parse_object(line, err);
    if (message->root == NULL || !check_protocol(message->root, err) ||
        !field_text(message->root, "msg", &name, err)) {
        return false;
    }
    if (!decode(message, name, err)) {
        message->kind = STREAM_OTHER;
        return err_wrap(err, "message \"%.*s\"", SLICE_ARG(name));
    }
    return true;
}

void
stream_message_release(struct stream_message *message)
{
    json_decref(message->root);
    free(message->ids);
    ARRAY_RELEASE(&message->findings);
    *message = (struct stream_message){0};
}
