/*
 * What belongs to the git checkout a folder lies in: the names of all files
 * that are tracked, or neither tracked nor ignored, those of submodules and
 * repositories inside of it too. __pycache__ counts as ignored. Asks git;
 * reads no file.
 */
#ifndef FLEET_WORKTREE_H
#define FLEET_WORKTREE_H

#include <stdbool.h>

#include "fleet/git_run.h"
#include "util/array.h"

struct worktree_params {
    struct loop *loop;
    struct guardians *guardians;
    const char *folder;
};

struct worktree;

/* Begins nothing. Copies `params`. */
struct worktree *worktree_new(const struct worktree_params *params);
void worktree_free(struct worktree *worktree); // also while it asks

/* The last call; `err` is NULL, or says what to do. */
typedef void (*worktree_done_fn)(void *ctx, const struct err *err);

/* Finds out where the checkout is and what commit it is at. */
void worktree_find(struct worktree *worktree, worktree_done_fn done, void *ctx);

/* After worktree_find: lists the names, anew each time. */
void worktree_list(struct worktree *worktree, worktree_done_fn done, void *ctx);

/* The top folder, absolute. */
const char *worktree_top(const struct worktree *worktree);
/* Where `folder` is below it: "", or "a/b". */
const char *worktree_place(const struct worktree *worktree);
/* The commit, or "": there is none yet. */
const char *worktree_commit(const struct worktree *worktree);
/* Whether something differs from that commit, untracked files too. */
bool worktree_is_changed(const struct worktree *worktree);

/*
 * The names, sorted by bytes, each once, relative to the top. Those that are
 * deleted but still tracked are among them; so are folders of submodules that
 * are not checked out. Valid until the next worktree_list.
 */
struct worktree_names {
    char **items;
    size_t count;
    size_t capacity;
};
const struct worktree_names *worktree_names(const struct worktree *worktree);

#endif
