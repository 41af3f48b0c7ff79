/*
 * JSON text, member by member, straight into a buffer: for those who write
 * much of it. Texts may be any bytes; they become valid JSON. Commas are set
 * by what stands before: a member right behind a `{`, an element right behind
 * a `[`, gets none. All rely on the buffer's memory of what it refused.
 * Reading is done by json_text.h and field.h.
 */
#ifndef UTIL_COMPOSE_H
#define UTIL_COMPOSE_H

#include "util/buf.h"

/* `"key":`, with a comma before it where one is due. */
void compose_key(struct buf *buf, const char *key);

/* Members. */
void compose_uint(struct buf *buf, const char *key, uint64_t number);
void compose_int(struct buf *buf, const char *key, int64_t number);
void compose_bool(struct buf *buf, const char *key, bool value);
void compose_slice(struct buf *buf, const char *key, struct slice text);
void compose_text(struct buf *buf, const char *key, const char *text);

/* The same, left out where it says nothing: 0, false, "". */
void compose_some_uint(struct buf *buf, const char *key, uint64_t number);
void compose_some_bool(struct buf *buf, const char *key, bool value);
void compose_some(struct buf *buf, const char *key, struct slice text);

/* Elements of a list: a number, a text. */
void compose_number(struct buf *buf, uint64_t number);
void compose_element(struct buf *buf, struct slice text);

/* A number without a key, and without a comma. */
void compose_digits(struct buf *buf, uint64_t number);

/* The comma before a member or an element, where one is due. */
void compose_comma(struct buf *buf);

void compose_open(struct buf *buf, const char *key); // "key":{
void compose_list(struct buf *buf, const char *key); // "key":[

#endif
