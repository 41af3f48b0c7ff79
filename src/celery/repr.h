/*
 * A JSON value as Python's repr would show it, for fields that only people
 * read (argsrepr, results in events). Pure.
 */
#ifndef CELERY_REPR_H
#define CELERY_REPR_H

#include <jansson.h>

#include "util/buf.h"

/* Celery's own bound for such texts. */
#define REPR_MAX 1024

/* Adds the text; beyond `max` bytes it ends with "...". */
void repr_add(struct buf *buf, const json_t *value, size_t max);

/* A list as a tuple: "(1, 'a')", "(1,)"; NULL: "()". */
void repr_add_tuple(struct buf *buf, const json_t *list, size_t max);

/* The text of a value as a new JSON text, for events. */
json_t *repr_json(const json_t *value);

#endif
