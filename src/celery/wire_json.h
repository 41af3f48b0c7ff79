/*
 * Writing JSON into a bounded buffer, and texts of any bytes into JSON.
 */
#ifndef CELERY_WIRE_JSON_H
#define CELERY_WIRE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "util/buf.h"
#include "util/slice.h"

/* Adds the value's text; false: it did not fit, the rest is missing. NULL is
 * null. */
bool wire_json_add(struct buf *buf, const json_t *value);

/* A JSON text; what is not UTF-8 is repaired. */
json_t *wire_json_text(struct slice text);
/* The same, and null for NULL. */
json_t *wire_json_text_or_null(const char *text);

/* One more reference to a value that is only shown: for putting it into
 * something that is written and then let go. */
json_t *wire_json_share(const json_t *value);

/* Sets `name`; takes `value`. */
void wire_json_set(json_t *object, const char *name, json_t *value);

/* Sets all members of `more`, which may be NULL; borrows it. */
void wire_json_merge(json_t *object, const json_t *more);

/* The text of a member; empty: none, or no text. */
struct slice wire_json_get(const json_t *object, const char *name);

#endif
