#include "fleet/envelope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/alloc.h"
#include "util/escape.h"
#include "util/field.h"
#include "util/json_text.h"

enum {
    NAME_MAX_LEN = 64,
    VERSION_MAX_LEN = 16,
    BUILD_ID_MAX = 200,
};

static const char *const receivers[] = {"worker", "coordinator"};

void
envelope_draw(char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[64];

    assert(size > 0 && size <= sizeof(bytes));
    if (getrandom(bytes, size, 0) != (ssize_t)size) {
        // The kernel gives up to 256 bytes at once, or the system is broken.
        abort();
    }
    for (size_t i = 0; i + 1 < size; i++) {
        text[i] = digits[bytes[i] & 15];
    }
    text[size - 1] = '\0';
}

bool
envelope_is_drawn(struct slice text, size_t size)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f')) {
            return false;
        }
    }
    return text.len == size - 1;
}

static void
set_new(json_t *object, const char *name, json_t *value)
{
    // All our texts are UTF-8, see fleet_names_init.
    if (json_object_set_new(object, name, value) != 0) {
        alloc_failed(0);
    }
}

static json_t *
head_of(const struct envelope_params *params)
{
    json_t *object = json_object();

    assert(params->n <= INT64_MAX);
    set_new(object, "msg", json_string(params->msg));
    set_new(object, "v", json_string(ENVELOPE_VERSION));
    set_new(object, "build", json_string(params->build));
    set_new(object, "nonce", json_string(params->nonce));
    set_new(object, "to", json_string(receivers[params->to]));
    set_new(object, "n", json_integer((json_int_t)params->n));
    if (params->join != NULL) {
        set_new(object, "join", json_string(params->join));
    }
    return object;
}

static char *
dump(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    if (text == NULL) {
        alloc_failed(0);
    }
    json_decref(object);
    return text;
}

static void
seal_text(struct envelope_text *text, const struct secret *secret)
{
    seal_make(secret, slice_make(text->payload, text->len), text->seal);
}

void
envelope_write(struct envelope_text *text, const struct envelope_params *params,
               json_t *members, const struct secret *secret)
{
    json_t *object = head_of(params);
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(members, key, value)
    {
        assert(json_object_get(object, key) == NULL);
        json_object_set(object, key, value);
    }
    text->payload = dump(object);
    text->len = strlen(text->payload);
    seal_text(text, secret);
}

void
envelope_write_list(struct envelope_text *text,
                    const struct envelope_params *params, const char *name,
                    struct slice inside, const struct secret *secret)
{
    char *head = dump(head_of(params));
    size_t head_len = strlen(head) - 1; // without its brace
    struct buf buf = BUF_INIT(head_len + strlen(name) + inside.len + 16);

    buf_add(&buf, head, head_len);
    buf_addf(&buf, ",\"%s\":[", name);
    buf_add_slice(&buf, inside);
    buf_add_text(&buf, "]}");
    assert(!buf.overflowed);
    free(head);
    text->len = buf.len;
    text->payload = buf_take(&buf);
    seal_text(text, secret);
}

void
envelope_text_release(struct envelope_text *text)
{
    free(text->payload);
    *text = (struct envelope_text){0};
}

struct sealed
envelope_sealed(const struct envelope_text *text)
{
    return (struct sealed){
        .payload = slice_make(text->payload, text->len),
        .seal = slice_of(text->seal),
    };
}

static bool
bounded_text(const json_t *object, const char *name, size_t max,
             struct slice *value, struct err *err)
{
    if (!field_text(object, name, value, err)) {
        return false;
    }
    if (value->len == 0 || value->len > max ||
        memchr(value->data, '\0', value->len) != NULL) {
        return err_set(err, ERR_PROTOCOL, "field \"%s\" is empty or too long",
                       name);
    }
    return true;
}

static bool
read_rest(struct envelope *envelope, struct slice *to, struct err *err)
{
    const json_t *object = envelope->object;
    const struct field_range range = {0, INT64_MAX};
    int64_t n = 0;

    if (!bounded_text(object, "msg", NAME_MAX_LEN, &envelope->msg, err) ||
        !bounded_text(object, "build", BUILD_ID_MAX, &envelope->build, err) ||
        !field_text(object, "nonce", &envelope->nonce, err) ||
        !field_text_optional(object, "join", &envelope->join, err) ||
        !field_text(object, "to", to, err) ||
        !field_int(object, "n", range, &n, err)) {
        return false;
    }
    envelope->n = (uint64_t)n;
    if (!envelope_is_drawn(envelope->nonce, ENVELOPE_NONCE_SIZE) ||
        (envelope->join.len > 0 &&
         !envelope_is_drawn(envelope->join, ENVELOPE_JOIN_SIZE))) {
        return err_set(err, ERR_PROTOCOL,
                       "nonce or join is not what anybody draws");
    }
    return true;
}

static bool
same_major(struct slice version)
{
    return slice_starts_with(version, SLICE("1."));
}

enum envelope_verdict
envelope_read(struct envelope *envelope, const struct sealed *sealed,
              enum envelope_to to, const struct secret *secret, struct err *err)
{
    struct slice for_whom = {0};

    *envelope = (struct envelope){0};
    if (!seal_check(secret, sealed->payload, sealed->seal)) {
        err_set(err, ERR_PROTOCOL, "the seal is %s",
                sealed->seal.len == 0 ? "missing" : "wrong");
        return ENVELOPE_FORGED;
    }
    envelope->object = json_text_parse_object(sealed->payload, err);
    if (envelope->object == NULL ||
        !bounded_text(envelope->object, "v", VERSION_MAX_LEN,
                      &envelope->version, err)) {
        return ENVELOPE_MALFORMED;
    }
    if (!same_major(envelope->version)) {
        err_set(err, ERR_PROTOCOL,
                "it speaks version %.*s of the fleet's protocol, this is %s",
                SLICE_ARG(envelope->version), ENVELOPE_VERSION);
        err_hint(err, "give both sides the same version of mule");
        return ENVELOPE_VERSION_DIFFERS;
    }
    if (!read_rest(envelope, &for_whom, err)) {
        return ENVELOPE_MALFORMED;
    }
    if (!slice_equals_text(for_whom, receivers[to])) {
        err_set(err, ERR_PROTOCOL, "it is not for a %s", receivers[to]);
        return ENVELOPE_MISLED;
    }
    return ENVELOPE_GOOD;
}

void
envelope_release(struct envelope *envelope)
{
    json_decref(envelope->object);
    *envelope = (struct envelope){0};
}

bool
envelope_count_take(struct envelope_count *count, uint64_t n)
{
    if (n <= count->last) {
        return false;
    }
    count->last = n;
    return true;
}

static json_t *
slice_value(struct slice slice)
{
    json_t *value =
        json_stringn(slice.data != NULL ? slice.data : "", slice.len);

    return value != NULL ? value : json_string("");
}

json_t *
envelope_to_args(const struct sealed *sealed)
{
    json_t *args = json_array();

    json_array_append_new(args, slice_value(sealed->payload));
    json_array_append_new(args, slice_value(sealed->seal));
    return args;
}

bool
envelope_from_args(const json_t *args, struct sealed *sealed, struct err *err)
{
    *sealed = (struct sealed){0};
    if (!json_is_array(args) || json_array_size(args) != 2) {
        return err_set(err, ERR_PROTOCOL, "args are not a payload and a seal");
    }
    return field_element_text(args, 0, &sealed->payload, err) &&
           field_element_text(args, 1, &sealed->seal, err);
}

json_t *
envelope_to_arguments(const struct sealed *sealed)
{
    json_t *arguments = json_object();

    set_new(arguments, "payload", slice_value(sealed->payload));
    set_new(arguments, "seal", slice_value(sealed->seal));
    return arguments;
}

bool
envelope_from_arguments(const json_t *arguments, struct sealed *sealed,
                        struct err *err)
{
    *sealed = (struct sealed){0};
    if (!json_is_object(arguments)) {
        return err_set(err, ERR_PROTOCOL, "it is no object");
    }
    return field_text(arguments, "payload", &sealed->payload, err) &&
           field_text(arguments, "seal", &sealed->seal, err);
}

bool
envelope_to_body(const struct sealed *sealed, struct buf *body)
{
    buf_add_text(body, "{\"payload\":");
    escape_json(body, sealed->payload);
    buf_add_text(body, ",\"seal\":");
    escape_json(body, sealed->seal);
    return buf_add_char(body, '}') && !body->overflowed;
}

bool
envelope_from_body(struct slice body, json_t **held, struct sealed *sealed,
                   struct err *err)
{
    *sealed = (struct sealed){0};
    *held = json_text_parse_object(body, err);
    return *held != NULL && envelope_from_arguments(*held, sealed, err);
}
