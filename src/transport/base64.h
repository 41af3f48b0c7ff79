/*
 * Base64 as RFC 4648 has it, with padding. Reads strictly: what is no base64
 * is an error, and not skipped.
 */
#ifndef TRANSPORT_BASE64_H
#define TRANSPORT_BASE64_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/slice.h"

/* Adds `bytes` in base64; false beyond the maximum of `buf`. */
bool base64_encode(struct buf *buf, struct slice bytes);

/* Adds what `text` stands for; false where it is none, or beyond the maximum.
 * What was added until then must not be used. */
bool base64_decode(struct buf *buf, struct slice text);

#endif
