/*
 * JSON text -> jansson's value. More forgiving than jansson about what other
 * programs really write: NUL may stand in strings, and escapes of lone
 * surrogates (Python's json writes them) become U+FFFD. Not more: invalid
 * UTF-8, NaN or text behind the value are errors. Does not know what the
 * value means; see field.h for reading it.
 */
#ifndef UTIL_JSON_TEXT_H
#define UTIL_JSON_TEXT_H

#include <jansson.h>

#include "util/err.h"
#include "util/slice.h"

/*
 * Gives a new reference (json_decref) or NULL with ERR_PROTOCOL. Borrows
 * `text`; its size is bounded by whoever read it.
 */
json_t *json_text_parse(struct slice text, struct err *err);

/* The same, and anything but an object is an error. */
json_t *json_text_parse_object(struct slice text, struct err *err);

#endif
