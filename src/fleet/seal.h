/*
 * The seal of a payload: proves that whoever wrote it knows the secret of the
 * fleet. HMAC-SHA256 over its exact bytes. Does not know what it says, nor
 * whether it was said before.
 */
#ifndef FLEET_SEAL_H
#define FLEET_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"
#include "util/slice.h"

/* Hexadecimal digits and the NUL behind them. */
#define SEAL_SIZE 65

/* Zeroed = none: seals are empty then, and every seal is believed. */
struct secret {
    char *bytes; // owned; wiped when it is released
    size_t len;
};

/*
 * Reads the secret: from the file at `path`, where that is not NULL, else from
 * MULE_SECRET; neither: none. White space at its end does not count. The file
 * must belong to this user or root, and nobody else may read or write it. The
 * variable is wiped and removed from the environment in any case, so call it
 * before anything is started. ERR_CONFIG, which never shows the secret.
 */
bool secret_read(struct secret *secret, const char *path, struct err *err);

/* Copies the bytes; for tests, and for whoever got it otherwise. */
void secret_set(struct secret *secret, struct slice bytes);
void secret_release(struct secret *secret);
bool secret_is_set(const struct secret *secret);

/* "" without a secret. */
void seal_make(const struct secret *secret, struct slice payload,
               char seal[static SEAL_SIZE]);

/* Takes the same time whatever is wrong with it. */
bool seal_check(const struct secret *secret, struct slice payload,
                struct slice seal);

#endif
