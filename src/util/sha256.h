/*
 * SHA-256 of bytes that come in pieces, as text.
 */
#ifndef UTIL_SHA256_H
#define UTIL_SHA256_H

#include <stdbool.h>

#include "util/slice.h"

/* Lower-case hexadecimal digits and the NUL behind them. */
#define SHA256_SIZE 65

struct sha256;

struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *sha256, struct slice bytes);
/* Gives the digest of all that was added, and begins anew. */
void sha256_end(struct sha256 *sha256, char text[static SHA256_SIZE]);
void sha256_free(struct sha256 *sha256); // NULL is allowed

/* Of bytes that are all there. */
void sha256_of(struct slice bytes, char text[static SHA256_SIZE]);

/* Whether a text is a digest. */
bool sha256_is_text(struct slice text);

#endif
