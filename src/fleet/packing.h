/*
 * The working tree of a checkout -> an archive for workers (tar_codec.h), a
 * little in each turn of the loop. Equal trees give equal archives. Files that
 * change meanwhile are noticed, and packing begins again.
 */
#ifndef FLEET_PACKING_H
#define FLEET_PACKING_H

#include <stdint.h>

#include "fleet/worktree.h"
#include "util/err.h"
#include "util/sha256.h"

struct packing_params {
    struct loop *loop;
    struct worktree *worktree; // found; borrowed until the end
    const char *path;          // of the archive; replaced
    uint64_t limit;            // bytes
};

struct packing_end {
    int fd; // of the archive, for reading; the receiver's from now on
    uint64_t bytes;
    char hash[SHA256_SIZE];
    size_t files;
};

/* The last call; `err` is NULL, or `end` is. */
typedef void (*packing_done_fn)(void *ctx, const struct packing_end *end,
                                const struct err *err);

struct packing;

/* Begins. `done` comes from the loop. */
struct packing *packing_start(const struct packing_params *params,
                              packing_done_fn done, void *ctx);

/* Stops where it is; `done` does not come. NULL is allowed. */
void packing_stop(struct packing *packing);

#endif
