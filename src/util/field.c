#include "util/field.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>

enum presence {
    OPTIONAL,
    REQUIRED
};

// What a value is called in a message.
static const char *
type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "null";
}

static bool
wrong_type(const char *name, const char *wanted, const json_t *value,
           struct err *err)
{
    assert(value != NULL);
    return err_set(err, ERR_PROTOCOL, "field \"%s\" is %s instead of %s", name,
                   type_name(value), wanted);
}

// Finds a field; *value is NULL where an optional one is missing or null.
static bool
find(const json_t *object, const char *name, enum presence presence,
     const json_t **value, struct err *err)
{
    *value = json_object_get(object, name);
    if (presence == OPTIONAL && json_is_null(*value)) {
        *value = NULL;
    }
    if (presence == REQUIRED && *value == NULL) {
        return err_set(err, ERR_PROTOCOL, "field \"%s\" is missing", name);
    }
    return true;
}

static struct slice
text_of(const json_t *value)
{
    return slice_make(json_string_value(value), json_string_length(value));
}

static bool
get_text(const json_t *object, const char *name, enum presence presence,
         struct slice *text, struct err *err)
{
    const json_t *value = NULL;

    if (!find(object, name, presence, &value, err)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        return wrong_type(name, "a text", value, err);
    }
    *text = text_of(value);
    return true;
}

bool
field_text(const json_t *object, const char *name, struct slice *value,
           struct err *err)
{
    return get_text(object, name, REQUIRED, value, err);
}

bool
field_text_optional(const json_t *object, const char *name, struct slice *value,
                    struct err *err)
{
    return get_text(object, name, OPTIONAL, value, err);
}

static bool
to_int(const json_t *value, const char *name, struct field_range range,
       int64_t *number, struct err *err)
{
    if (!json_is_integer(value)) {
        return wrong_type(name, "an integer", value, err);
    }
    int64_t integer = json_integer_value(value);
    if (integer < range.min || integer > range.max) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"%s\" is %" PRId64 ", which is not between "
                       "%" PRId64 " and %" PRId64,
                       name, integer, range.min, range.max);
    }
    *number = integer;
    return true;
}

bool
field_int(const json_t *object, const char *name, struct field_range range,
          int64_t *value, struct err *err)
{
    const json_t *found = NULL;

    return find(object, name, REQUIRED, &found, err) &&
           to_int(found, name, range, value, err);
}

bool
field_int_optional(const json_t *object, const char *name,
                   struct field_range range, int64_t *value, struct err *err)
{
    const json_t *found = NULL;

    if (!find(object, name, OPTIONAL, &found, err)) {
        return false;
    }
    return found == NULL || to_int(found, name, range, value, err);
}

static bool
get_double(const json_t *object, const char *name, enum presence presence,
           double *number, struct err *err)
{
    const json_t *value = NULL;

    if (!find(object, name, presence, &value, err)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_number(value)) {
        return wrong_type(name, "a number", value, err);
    }
    *number = json_number_value(value);
    return true;
}

bool
field_double(const json_t *object, const char *name, double *value,
             struct err *err)
{
    return get_double(object, name, REQUIRED, value, err);
}

bool
field_double_optional(const json_t *object, const char *name, double *value,
                      struct err *err)
{
    return get_double(object, name, OPTIONAL, value, err);
}

static bool
get_bool(const json_t *object, const char *name, enum presence presence,
         bool *truth, struct err *err)
{
    const json_t *value = NULL;

    if (!find(object, name, presence, &value, err)) {
        return false;
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_boolean(value)) {
        return wrong_type(name, "true or false", value, err);
    }
    *truth = json_is_true(value);
    return true;
}

bool
field_bool(const json_t *object, const char *name, bool *value, struct err *err)
{
    return get_bool(object, name, REQUIRED, value, err);
}

bool
field_bool_optional(const json_t *object, const char *name, bool *value,
                    struct err *err)
{
    return get_bool(object, name, OPTIONAL, value, err);
}

bool
field_object(const json_t *object, const char *name, const json_t **value,
             struct err *err)
{
    if (!find(object, name, REQUIRED, value, err)) {
        return false;
    }
    return json_is_object(*value) || wrong_type(name, "an object", *value, err);
}

bool
field_object_optional(const json_t *object, const char *name,
                      const json_t **value, struct err *err)
{
    const json_t *found = NULL;

    if (!find(object, name, OPTIONAL, &found, err)) {
        return false;
    }
    return found == NULL || field_object(object, name, value, err);
}

bool
field_array(const json_t *object, const char *name, const json_t **value,
            struct err *err)
{
    if (!find(object, name, REQUIRED, value, err)) {
        return false;
    }
    return json_is_array(*value) || wrong_type(name, "an array", *value, err);
}

bool
field_array_optional(const json_t *object, const char *name,
                     const json_t **value, struct err *err)
{
    const json_t *found = NULL;

    if (!find(object, name, OPTIONAL, &found, err)) {
        return false;
    }
    return found == NULL || field_array(object, name, value, err);
}

bool
field_element_text(const json_t *array, size_t index, struct slice *value,
                   struct err *err)
{
    const json_t *element = json_array_get(array, index);

    if (!json_is_string(element)) {
        return err_set(err, ERR_PROTOCOL, "element %zu is not a text", index);
    }
    *value = text_of(element);
    return true;
}

bool
field_element_object(const json_t *array, size_t index, const json_t **value,
                     struct err *err)
{
    *value = json_array_get(array, index);
    return json_is_object(*value) ||
           err_set(err, ERR_PROTOCOL, "element %zu is not an object", index);
}
