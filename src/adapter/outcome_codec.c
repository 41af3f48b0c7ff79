#include "adapter/outcome_codec.h"

#include "util/field.h"

static const struct field_range any_count = {0, INT64_MAX};

static bool
decode_count(const json_t *object, const char *name, uint64_t *count,
             struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, name, any_count, &number, err)) {
        return false;
    }
    *count = (uint64_t)number;
    return true;
}

static bool
decode_state(const json_t *object, enum state *state, struct err *err)
{
    struct slice name = {0};

    if (!field_text(object, "state", &name, err)) {
        return false;
    }
    if (state_find(name, state)) {
        switch (*state) {
        case STATE_PASSED:
        case STATE_FAILED:
        case STATE_ERROR:
        case STATE_SKIPPED:
        case STATE_XFAILED:
        case STATE_XPASSED:
        case STATE_NOT_RUN:
            return true;
        case STATE_NONE:
        case STATE_TIMEOUT:
        case STATE_CRASHED:
        case STATE_LOST:
        case STATE_COUNT:
            break; // only mule can know these
        }
    }
    return err_set(err, ERR_PROTOCOL, "field \"state\" is \"%.*s\", no state",
                   SLICE_ARG(slice_first(name, 40)));
}

static bool
decode_finding(const json_t *object, struct finding *finding, struct err *err)
{
    int64_t line = 0;
    struct slice kind = {0};

    if (!field_text(object, "kind", &kind, err)) {
        return false;
    }
    if (!finding_kind_find(kind, &finding->kind)) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"kind\" is \"%.*s\", no kind of finding",
                       SLICE_ARG(slice_first(kind, 40)));
    }
    finding->where = SLICE("test");
    if (!field_text_optional(object, "where", &finding->where, err) ||
        !field_text_optional(object, "sub", &finding->sub, err) ||
        !field_text_optional(object, "type", &finding->type, err) ||
        !field_text_optional(object, "message", &finding->message, err) ||
        !field_text_optional(object, "trace", &finding->trace, err) ||
        !field_text_optional(object, "file", &finding->file, err) ||
        !field_int_optional(object, "line", (struct field_range){0, UINT32_MAX},
                            &line, err)) {
        return false;
    }
    finding->line = (uint32_t)line;
    return true;
}

bool
findings_decode(const json_t *object, struct findings *findings,
                struct err *err)
{
    const json_t *array = NULL;

    ARRAY_CLEAR(findings);
    if (!field_array_optional(object, "findings", &array, err)) {
        return false;
    }
    // Their number is bounded by the length of a line.
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *element = NULL;

        ARRAY_ADD_ZERO(findings);
        if (!field_element_object(array, i, &element, err) ||
            !decode_finding(element, &ARRAY_LAST(findings), err)) {
            return err_wrap(err, "finding %zu", i);
        }
    }
    return true;
}

bool
outcome_decode(const json_t *object, struct findings *findings,
               struct outcome *outcome, struct err *err)
{
    *outcome = (struct outcome){.counted = true};
    if (!decode_state(object, &outcome->state, err) ||
        !decode_count(object, "us", &outcome->us, err) ||
        !field_text_optional(object, "reason", &outcome->reason, err)) {
        return false;
    }
    outcome->ran = outcome->state != STATE_NOT_RUN;
    if (!field_bool_optional(object, "ran", &outcome->ran, err) ||
        !field_bool_optional(object, "counted", &outcome->counted, err) ||
        !findings_decode(object, findings, err)) {
        return false;
    }
    outcome->findings = findings->items;
    outcome->finding_count = findings->count;
    return true;
}

bool
output_range_decode(const json_t *object, const char *name,
                    struct output_range *range, struct err *err)
{
    const json_t *array = NULL;

    *range = (struct output_range){0};
    if (!field_array_optional(object, name, &array, err)) {
        return false;
    }
    if (array == NULL) {
        return true;
    }
    const json_t *first = json_array_get(array, 0);
    const json_t *end = json_array_get(array, 1);
    if (json_array_size(array) != 2 || !json_is_integer(first) ||
        !json_is_integer(end) || json_integer_value(first) < 0 ||
        json_integer_value(end) < json_integer_value(first)) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"%s\" is not a first and a last place", name);
    }
    range->first = (uint64_t)json_integer_value(first);
    range->end = (uint64_t)json_integer_value(end);
    return true;
}

bool
usage_decode(const json_t *object, const char *name, struct usage *usage,
             struct err *err)
{
    const json_t *found = NULL;

    *usage = (struct usage){0};
    if (!field_object_optional(object, name, &found, err)) {
        return false;
    }
    if (found == NULL) {
        return true;
    }
    if (!decode_count(found, "user_us", &usage->user_us, err) ||
        !decode_count(found, "system_us", &usage->system_us, err) ||
        !decode_count(found, "maxrss_kib", &usage->maxrss_kib, err)) {
        return err_wrap(err, "field \"%s\"", name);
    }
    return true;
}
