/*
 * Typed fields of a JSON object. A missing field, or one of another type or
 * outside its bounds, is an ERR_PROTOCOL that names it. The _optional forms
 * leave *value as it is where the field is missing or null. What they give is
 * borrowed from the object. See json_text.h for where objects come from.
 */
#ifndef UTIL_FIELD_H
#define UTIL_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "util/err.h"
#include "util/slice.h"

/* Text may be empty and may hold NUL. */
bool field_text(const json_t *object, const char *name, struct slice *value,
                struct err *err);
bool field_text_optional(const json_t *object, const char *name,
                         struct slice *value, struct err *err);

/* An integer between `min` and `max`, both included. */
struct field_range {
    int64_t min;
    int64_t max;
};
bool field_int(const json_t *object, const char *name, struct field_range range,
               int64_t *value, struct err *err);
bool field_int_optional(const json_t *object, const char *name,
                        struct field_range range, int64_t *value,
                        struct err *err);

/* Any number, an integer too. */
bool field_double(const json_t *object, const char *name, double *value,
                  struct err *err);
bool field_double_optional(const json_t *object, const char *name,
                           double *value, struct err *err);

bool field_bool(const json_t *object, const char *name, bool *value,
                struct err *err);
bool field_bool_optional(const json_t *object, const char *name, bool *value,
                         struct err *err);

bool field_object(const json_t *object, const char *name, const json_t **value,
                  struct err *err);
bool field_object_optional(const json_t *object, const char *name,
                           const json_t **value, struct err *err);

bool field_array(const json_t *object, const char *name, const json_t **value,
                 struct err *err);
bool field_array_optional(const json_t *object, const char *name,
                          const json_t **value, struct err *err);

/* The text of an array's element; any other element is an error. */
bool field_element_text(const json_t *array, size_t index, struct slice *value,
                        struct err *err);

/* The object in an array's element; any other element is an error. */
bool field_element_object(const json_t *array, size_t index,
                          const json_t **value, struct err *err);

#endif
