/*
 * What the files of a tree share; for tree.c, tree_git.c and tree_ship.c.
 */
#ifndef FLEET_TREE_INTERNAL_H
#define FLEET_TREE_INTERNAL_H

#include "fleet/git_run.h"
#include "fleet/host_lock.h"
#include "fleet/tar_codec.h"
#include "fleet/tree.h"
#include "fleet/unpack.h"
#include "util/sha256.h"

enum tree_kind {
    TREE_HERE, // the folder as it is
    TREE_GIT,
    TREE_SHIP,
};

/* How to get it; each calls tree_done at its end, once. */
struct tree_ship {
    char hash[SHA256_SIZE];
    uint64_t bytes;
    char *path; // of the archive in the store
    char *part; // of what is there of it
    int number; // of the open archive, plus one; 0: none
    uint64_t have;
    uint64_t hole; // one more than where the last one began; 0: none
    bool resumed;  // some of it was there before
    bool pulling;
    struct host_lock lock;
    struct deadline silence; // no piece came
    struct unpack *unpack;
    struct buf piece;
};

struct tree_git {
    char *url;
    char *revision;
    char *mirror;
    char *commit; // resolved
    bool fetched;
    bool by_commit;         // the commit itself was asked for
    struct host_lock lock;  // alone, while the mirror may change
    struct host_lock using; // shared, as long as the tree is there
};

struct tree {
    struct loop *loop;
    struct guardians *guardians;
    const struct tree_events *events;
    void *ctx;
    uint32_t timeout_ms;
    uint64_t max_bytes;
    bool prepared;
    enum tree_kind kind;
    char *home;
    char *root;   // of the tree; NULL: TREE_HERE
    char *folder; // of it, where work is done
    char *revision;
    struct host_lock own; // shared: the tree is in use
    struct deadline limit;
    struct git_run git; // any command, also that which removes
    struct child *remover;
    struct err remove_err;
    void (*removed)(struct tree *tree);
    tree_removed_fn on_removed;
    void *removed_ctx;
    bool running; // between tree_start and its end
    bool over;
    struct err err; // why it failed; told by a post
    struct tree_ship ship;
    struct tree_git source;
};

/* Both begin; and stop without a word, freeing what they hold. */
void tree_git_start(struct tree *tree);
void tree_git_stop(struct tree *tree);
void tree_ship_start(struct tree *tree);
void tree_ship_stop(struct tree *tree);
void tree_ship_piece(struct tree *tree, uint64_t at, struct slice data);

/* The end, from an event: `err` is NULL, or why it failed (copied). */
void tree_done(struct tree *tree, const struct err *err);

/* Tells a line. */
void tree_say(struct tree *tree, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes the lock of something in the store; see storehouse_lock. */
void tree_lock(struct tree *tree, struct host_lock *lock, const char *path,
               bool use, host_lock_fn fn);

#endif
