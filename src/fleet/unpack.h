/*
 * An archive -> a tree. Goes through the archive three times, a little in each
 * turn of the loop: its hash, then every entry's right to be there, and only
 * then is anything made. Rights are those of the umask, with or without
 * execution; times are now.
 */
#ifndef FLEET_UNPACK_H
#define FLEET_UNPACK_H

#include <stdint.h>

#include "loop/loop.h"
#include "util/err.h"

enum unpack_end {
    UNPACK_DONE,
    UNPACK_WRONG,  // the archive does not have the hash
    UNPACK_FAILED, // refused, or the tree could not be made
};

struct unpack_params {
    struct loop *loop;
    int fd; // of the archive; stays the caller's
    uint64_t bytes;
    const char *hash;   // that it must have
    const char *folder; // made here; must not be there
};

/* The last call; `err` is NULL after UNPACK_DONE. */
typedef void (*unpack_done_fn)(void *ctx, enum unpack_end end,
                               const struct err *err);

struct unpack;

/* Begins; copies the texts. `done` comes from the loop. */
struct unpack *unpack_start(const struct unpack_params *params,
                            unpack_done_fn done, void *ctx);

/* Stops where it is; `done` does not come. NULL is allowed. */
void unpack_stop(struct unpack *unpack);

#endif
