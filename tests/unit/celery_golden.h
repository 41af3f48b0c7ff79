/*
 * Recorded messages of Celery as struct message, for unit tests.
 */
#ifndef TESTS_UNIT_CELERY_GOLDEN_H
#define TESTS_UNIT_CELERY_GOLDEN_H

#include "golden.h"

#include <jansson.h>
#include <string.h>

#include "transport/transport.h"
#include "util/json_text.h"

/* The whole of tests/golden/celery/NAME.json; json_decref it. */
static inline json_t *
celery_golden(const char *name)
{
    char path[256];
    struct err err = {0};

    (void)snprintf(path, sizeof(path), "celery/%s.json", name);
    struct buf bytes = golden_read(path);
    json_t *json = json_text_parse_object(buf_slice(&bytes), &err);
    if (json == NULL) {
        fail_msg("%s: %s", path, err.text);
    }
    buf_release(&bytes);
    return json;
}

static inline struct slice
celery_golden_text(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return slice_make(json_string_value(text), json_string_length(text));
}

/* A view of a recorded message; it lives as long as `recorded`. */
static inline struct message
celery_golden_message(const json_t *recorded)
{
    const json_t *properties = json_object_get(recorded, "properties");

    assert_non_null(properties);
    return (struct message){
        .body = celery_golden_text(recorded, "body"),
        .content_type = celery_golden_text(recorded, "content-type"),
        .content_encoding = celery_golden_text(recorded, "content-encoding"),
        .headers = json_object_get(recorded, "headers"),
        .correlation_id = celery_golden_text(properties, "correlation_id"),
        .reply_to = celery_golden_text(properties, "reply_to"),
        .expiration = celery_golden_text(properties, "expiration"),
        .priority =
            (int)json_integer_value(json_object_get(properties, "priority")),
        .persistent = json_integer_value(
                          json_object_get(properties, "delivery_mode")) == 2};
}

/* Every member of `wanted` is in `got`, with a value of the same type. */
static inline void
celery_golden_same_shape(const json_t *wanted, const json_t *got)
{
    json_t *members = json_deep_copy(wanted);
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(members, key, value)
    {
        const json_t *other = json_object_get(got, key);
        if (other == NULL) {
            fail_msg("\"%s\" is missing", key);
            return;
        }
        if (!json_is_null(value) && !json_is_null(other) &&
            json_typeof(value) != json_typeof(other) &&
            !(json_is_boolean(value) && json_is_boolean(other))) {
            fail_msg("\"%s\" is of another type", key);
        }
    }
    json_decref(members);
}

#endif
