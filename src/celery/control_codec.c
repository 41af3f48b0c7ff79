#include "celery/control_codec.h"

#include <regex.h>
#include <string.h>

#include "celery/wire_json.h"
#include "util/alloc.h"
#include "util/field.h"
#include "util/glob.h"
#include "util/json_text.h"

#define PATTERN_MAX 256
#define REPETITIONS_MAX 6

static bool
read_reply_to(struct control_request *request, struct err *err)
{
    const json_t *reply_to = NULL;

    if (!field_object_optional(request->held, "reply_to", &reply_to, err)) {
        return false;
    }
    request->wants_reply = reply_to != NULL;
    return reply_to == NULL ||
           (field_text_optional(reply_to, "exchange", &request->reply_exchange,
                                err) &&
            field_text(reply_to, "routing_key", &request->reply_key, err));
}

bool
control_request_decode(struct control_request *request,
                       const struct message *message, struct err *err)
{
    const json_t *clock = json_object_get(message->headers, "clock");
    static const struct field_range any = {0, INT64_MAX};

    *request = (struct control_request){.clock = -1};
    if (json_is_integer(clock) && json_integer_value(clock) >= any.min) {
        request->clock = json_integer_value(clock);
    }
    request->held = json_text_parse_object(message->body, err);
    if (request->held == NULL ||
        !field_text(request->held, "method", &request->method, err) ||
        !field_object_optional(request->held, "arguments", &request->arguments,
                               err) ||
        !read_reply_to(request, err)) {
        return err_wrap(err, "a control command");
    }
    if (request->arguments == NULL) {
        json_t *none = json_object();
        wire_json_set(request->held, "arguments", none);
        request->arguments = none;
    }
    request->destination = json_object_get(request->held, "destination");
    request->pattern = wire_json_get(request->held, "pattern");
    request->matcher = wire_json_get(request->held, "matcher");
    request->ticket = wire_json_get(request->held, "ticket");
    return true;
}

void
control_request_release(struct control_request *request)
{
    json_decref(request->held);
    *request = (struct control_request){0};
}

// What Python takes for no destination at all.
static bool
is_nothing(const json_t *destination)
{
    switch (destination == NULL ? JSON_NULL : json_typeof(destination)) {
    case JSON_STRING:
        return json_string_length(destination) == 0;
    case JSON_ARRAY:
        return json_array_size(destination) == 0;
    case JSON_OBJECT:
        return json_object_size(destination) == 0;
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
        break;
    }
    return false;
}

static bool
is_among(const json_t *destination, const char *node)
{
    if (json_is_string(destination)) {
        return strstr(json_string_value(destination), node) != NULL;
    }
    if (json_is_object(destination)) {
        return json_object_get(destination, node) != NULL;
    }
    for (size_t i = 0; i < json_array_size(destination); i++) {
        const char *name = json_string_value(json_array_get(destination, i));
        if (name != NULL && strcmp(name, node) == 0) {
            return true;
        }
    }
    return false;
}

// What could make the C library slow or hungry is not tried: counts, back
// references, and more repetitions than names need, for it doubles what is
// repeated for each one.
static bool
is_modest(struct slice pattern)
{
    int repetitions = 0;

    if (pattern.len > PATTERN_MAX || slice_has(pattern, '\0')) {
        return false;
    }
    for (size_t i = 0; i < pattern.len; i++) {
        char byte = pattern.data[i];
        char next = (char)(i + 1 < pattern.len ? pattern.data[i + 1] : '\0');
        repetitions += byte == '*' || byte == '+' || byte == '?' ? 1 : 0;
        if (byte == '{' || (byte == '\\' && next >= '0' && next <= '9')) {
            return false;
        }
    }
    return repetitions <= REPETITIONS_MAX;
}

// At the start of the name, as Python's re.match.
static bool
fits_expression(struct slice pattern, const char *node)
{
    regex_t expression;
    struct buf text = BUF_INIT(PATTERN_MAX + 8);
    bool fits = false;

    if (!is_modest(pattern)) {
        return false;
    }
    (void)buf_addf(&text, "^(%.*s)", SLICE_ARG(pattern));
    if (regcomp(&expression, buf_text(&text), REG_EXTENDED | REG_NOSUB) == 0) {
        fits = regexec(&expression, node, 0, NULL, 0) == 0;
        regfree(&expression);
    }
    buf_release(&text);
    return fits;
}

bool
control_request_is_for(const struct control_request *request, const char *node)
{
    if (!is_nothing(request->destination)) {
        return is_among(request->destination, node);
    }
    if (request->pattern.len == 0 || request->matcher.len == 0) {
        return true;
    }
    if (slice_equals_text(request->matcher, "glob")) {
        return glob_match(request->pattern, slice_of(node));
    }
    return slice_equals_text(request->matcher, "pcre") &&
           fits_expression(request->pattern, node);
}

static json_t *
text_or_null(struct slice text)
{
    return text.len > 0 ? wire_json_text(text) : json_null();
}

bool
control_request_encode(const struct control_request *request, struct buf *body)
{
    json_t *object = json_object();

    wire_json_set(object, "method", wire_json_text(request->method));
    wire_json_set(object, "arguments",
                  request->arguments != NULL
                      ? wire_json_share(request->arguments)
                      : json_object());
    wire_json_set(object, "destination",
                  request->destination != NULL
                      ? wire_json_share(request->destination)
                      : json_null());
    wire_json_set(object, "pattern", text_or_null(request->pattern));
    wire_json_set(object, "matcher", text_or_null(request->matcher));
    if (request->wants_reply) {
        json_t *reply_to = json_object();
        wire_json_set(reply_to, "exchange",
                      wire_json_text(request->reply_exchange));
        wire_json_set(reply_to, "routing_key",
                      wire_json_text(request->reply_key));
        wire_json_set(object, "ticket", wire_json_text(request->ticket));
        wire_json_set(object, "reply_to", reply_to);
    }
    bool good = wire_json_add(body, object);
    json_decref(object);
    return good;
}

bool
control_reply_encode(const char *node, const json_t *value, struct buf *body)
{
    json_t *object = json_object();

    wire_json_set(object, node,
                  value != NULL ? wire_json_share(value) : json_null());
    bool good = wire_json_add(body, object);
    json_decref(object);
    return good;
}

bool
control_reply_decode(struct slice body, struct slice *node,
                     const json_t **value, json_t **held, struct err *err)
{
    json_t *object = json_text_parse_object(body, err);
    void *at = NULL;

    *held = object;
    *node = (struct slice){0};
    *value = NULL;
    if (object == NULL) {
        return err_wrap(err, "an answer of a node");
    }
    at = json_object_iter(object);
    if (at == NULL || json_object_size(object) != 1) {
        return err_set(err, ERR_PROTOCOL,
                       "an answer of %zu nodes instead of one",
                       json_object_size(object));
    }
    *node = slice_of(json_object_iter_key(at));
    *value = json_object_iter_value(at);
    return true;
}
