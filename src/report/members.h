/*
 * Members of a JSON object, one call for each; the comma goes where it is
 * needed. Texts may be any bytes: they become valid JSON. Knows of no schema.
 */
#ifndef REPORT_MEMBERS_H
#define REPORT_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/slice.h"

/* A comma, unless an object or an array begins here. */
void members_comma(struct buf *buf);

/* "key": with what follows it being up to the caller. */
void members_key(struct buf *buf, const char *key);

/* "key":{ and "key":[ */
void members_object(struct buf *buf, const char *key);
void members_array(struct buf *buf, const char *key);

/* A number, a text without a key: an element. */
void members_number(struct buf *buf, uint64_t number);
void members_element(struct buf *buf, struct slice text);

void members_uint(struct buf *buf, const char *key, uint64_t number);
void members_int(struct buf *buf, const char *key, int64_t number);
void members_text(struct buf *buf, const char *key, struct slice text);

/* Left out when they would say nothing: 0, an empty text, false. */
void members_known(struct buf *buf, const char *key, uint64_t number);
void members_some(struct buf *buf, const char *key, struct slice text);
void members_true(struct buf *buf, const char *key, bool value);

#endif
