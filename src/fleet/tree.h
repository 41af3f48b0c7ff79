/*
 * The tree of sources that a build works in on a worker: the folder as it is,
 * a revision out of git, or an archive that the coordinator ships. Makes it
 * ready, says so, and removes it afterwards. Mirrors and archives are kept for
 * all builds of this host, under `home`. Runs no script of the workspace and
 * speaks to nobody but through its events. See docs/design/0006-trees.md.
 */
#ifndef FLEET_TREE_H
#define FLEET_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/guardians.h"
#include "util/err.h"
#include "util/slice.h"

struct tree;

/*
 * What is still missing of an archive: everything before `at` is here, and
 * there is room for `bytes` from there on. Replaces what was asked before.
 */
struct tree_want {
    const char *hash;
    uint64_t at;
    uint64_t bytes;
    bool again; // what was sent beyond `at` did not arrive
};

struct tree_events {
    /* Lines for the log of the build, without the last newline. */
    void (*on_said)(void *ctx, struct slice text);
    void (*on_want)(void *ctx, const struct tree_want *want);
    /*
     * It is there: `path` is the folder to work in, absolute, or NULL: the
     * current one. `revision` is what was checked out, "" if that is not
     * known. Both live as long as the tree.
     */
    void (*on_ready)(void *ctx, const char *path, const char *revision);
    /* It cannot be made ready; what there is of it is tree_remove's. */
    void (*on_failed)(void *ctx, const struct err *err);
};

/* Copied, but for what is behind loop and guardians. */
struct tree_params {
    struct loop *loop;
    struct guardians *guardians;
    const json_t *origin; // the member `tree` of a plan; NULL: {}
    const char *home;     // absolute
    const char *build;
    const char *node;
    uint64_t max_bytes;  // the largest archive that is taken; 0: 4 GiB
    uint32_t timeout_ms; // for all of it; 0: ten minutes
    bool prepared;       // an engine before this one has made it ready
};

/* Borrows `events` and `ctx`. NULL with err: the origin makes no sense. */
struct tree *tree_new(const struct tree_params *params,
                      const struct tree_events *events, void *ctx,
                      struct err *err);

/* Begins. on_ready or on_failed comes from the loop, once. */
void tree_start(struct tree *tree);

/* A message `piece`: base64 of the bytes from `at` on. */
void tree_piece(struct tree *tree, uint64_t at, struct slice data);

/* Ends what runs; on_failed with ERR_INTERRUPTED unless it has ended before. */
void tree_cancel(struct tree *tree);

/*
 * Removes the tree, if there is one of its own, and calls fn(ctx) from the
 * loop; `err` is NULL or says why it is still there. After on_ready or
 * on_failed; nothing may work in it any more.
 */
typedef void (*tree_removed_fn)(void *ctx, const struct err *err);
void tree_remove(struct tree *tree, tree_removed_fn fn, void *ctx);

/* When nothing runs: before tree_start, or after on_ready or on_failed and,
 * if it was begun, the end of tree_remove. The tree stays. NULL is allowed. */
void tree_free(struct tree *tree);

#endif
