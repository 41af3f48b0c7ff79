#include "fleet/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/git_words.h"
#include "fleet/storehouse.h"
#include "fleet/tree_internal.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/field.h"
#include "util/path.h"
#include "util/text.h"

enum {
    TIMEOUT_MS = 10 * 60 * 1000,
};
#define MAX_BYTES (UINT64_C(4) * 1024 * 1024 * 1024)

// ----------------------------------------------------------------- origin

static bool
is_inside(struct slice folder)
{
    struct slice part;

    if (folder.len == 0 || folder.data[0] == '/' || slice_has(folder, '\0') ||
        folder.len > TAR_NAME_MAX) {
        return false;
    }
    while (slice_split(&folder, '/', &part)) {
        if (slice_equals_text(part, "..")) {
            return false;
        }
    }
    return true;
}

static bool
read_ship(struct tree *tree, const json_t *origin, struct err *err)
{
    struct slice hash = {0};
    int64_t bytes = 0;

    if (!field_text(origin, "ship", &hash, err) ||
        !field_int(origin, "bytes", (struct field_range){1, INT64_MAX}, &bytes,
                   err)) {
        return false;
    }
    if (!sha256_is_text(hash)) {
        return err_set(err, ERR_PROTOCOL, "\"ship\" is no SHA-256");
    }
    if ((uint64_t)bytes > tree->max_bytes) {
        return err_set(err, ERR_LIMIT,
                       "an archive of %lld bytes is more than this worker "
                       "takes (%llu)",
                       (long long)bytes, (unsigned long long)tree->max_bytes);
    }
    memcpy(tree->ship.hash, hash.data, hash.len);
    tree->ship.bytes = (uint64_t)bytes;
    tree->kind = TREE_SHIP;
    return true;
}

static bool
read_git(struct tree *tree, const json_t *origin, struct err *err)
{
    struct slice url = {0};
    struct slice revision = {0};

    if (!field_text(origin, "git", &url, err) ||
        !field_text(origin, "revision", &revision, err) ||
        !git_words_check_url(url, err) ||
        !git_words_check_revision(revision, err)) {
        return false;
    }
    tree->source.url = slice_dup(url);
    tree->source.revision = slice_dup(revision);
    tree->kind = TREE_GIT;
    return true;
}

static bool
read_origin(struct tree *tree, const struct tree_params *params,
            struct err *err)
{
    const json_t *origin = params->origin;
    struct slice folder = {0};

    if (json_object_get(origin, "ship") != NULL) {
        read_ship(tree, origin, err);
    } else if (json_object_get(origin, "git") != NULL) {
        read_git(tree, origin, err);
    } else {
        return true;
    }
    if (err_is_set(err) ||
        !field_text_optional(origin, "folder", &folder, err)) {
        return false;
    }
    if (folder.len > 0 && !is_inside(folder)) {
        return err_set(err, ERR_PROTOCOL, "\"folder\" is not in the tree");
    }
    tree->root = storehouse_tree(params->home, params->build, params->node);
    tree->folder = folder.len == 0
                       ? alloc_dup(tree->root)
                       : alloc_printf("%s/%.*s", tree->root, SLICE_ARG(folder));
    return true;
}

// --------------------------------------------------------------- the end

void
tree_say(struct tree *tree, const char *format, ...)
{
    va_list arguments;
    struct buf line = BUF_INIT(4000);

    va_start(arguments, format);
    buf_vaddf(&line, format, arguments);
    va_end(arguments);
    tree->events->on_said(tree->ctx, buf_slice(&line));
    buf_release(&line);
}

// Used things are locked shared, those that change alone. The limit for all of
// it comes before the one for a lock.
void
tree_lock(struct tree *tree, struct host_lock *lock, const char *path, bool use,
          host_lock_fn fn)
{
    char *file = storehouse_lock(tree->home, path, use);

    host_lock_take(lock,
                   &(struct host_lock_params){
                       .loop = tree->loop,
                       .path = file,
                       .shared = use,
                       .patience_ms = tree->timeout_ms,
                   },
                   fn, tree);
    free(file);
}

static void
stop_all(struct tree *tree)
{
    deadline_disarm(&tree->limit);
    tree_git_stop(tree);
    tree_ship_stop(tree);
    git_run_release(&tree->git);
    child_drop(tree->remover);
    tree->remover = NULL;
}

static void start_rm(struct tree *tree, const char *path,
                     void (*removed)(struct tree *tree));

static void
on_pruned(struct tree *tree)
{
    (void)tree; // what is left goes next time
}

// Now and then, and never in somebody's way: once a tree is there.
static void
prune(struct tree *tree)
{
    if (tree->remover == NULL &&
        storehouse_prune(tree->home, now_wall_usec() / 1000000)) {
        char *trash = storehouse_trash(tree->home);
        start_rm(tree, trash, on_pruned);
        free(trash);
    }
}

static void
tell(void *ctx)
{
    struct tree *tree = ctx;

    tree->running = false;
    tree->over = true;
    if (err_is_set(&tree->err)) {
        tree->events->on_failed(tree->ctx, &tree->err);
        return;
    }
    if (tree->kind != TREE_HERE && !tree->prepared) {
        prune(tree);
    }
    tree->events->on_ready(tree->ctx, tree->folder, tree->revision);
}

void
tree_done(struct tree *tree, const struct err *err)
{
    struct stat status;

    assert(tree->running);
    if (err != NULL) {
        tree->err = *err;
    } else if (tree->folder != NULL &&
               (stat(tree->folder, &status) != 0 || !S_ISDIR(status.st_mode))) {
        err_set(&tree->err, ERR_CONFIG, "the tree has no folder %.150s",
                tree->folder + strlen(tree->root));
    }
    stop_all(tree);
    loop_post(tree->loop, tell, tree);
}

static void
on_limit(void *ctx)
{
    struct tree *tree = ctx;
    struct err err = {0};

    err_set(&err, ERR_LIMIT, "getting the sources took longer than %u s",
            tree->timeout_ms / 1000);
    tree_done(tree, &err);
}

// --------------------------------------------------------------- removing

// What rm could not do: folders that forbid it.
static void
after_rm(struct tree *tree, bool fine, const char *path)
{
    void (*removed)(struct tree * tree) = tree->removed;

    tree->remover = NULL;
    tree->remove_err = (struct err){0};
    if (!fine && removed != on_pruned) {
        path_remove_tree(path, &tree->remove_err);
    }
    removed(tree);
}

static void
on_rm_gone(void *ctx, const struct child_exit *exit)
{
    struct tree *tree = ctx;

    after_rm(tree, exit->status == 0 && !exit->failed && !exit->lost,
             tree->root);
}

// Removes a tree by a child, as it may take a while.
static void
start_rm(struct tree *tree, const char *path,
         void (*removed)(struct tree *tree))
{
    static const struct child_events events = {.on_gone = on_rm_gone};
    const char *argv[] = {"rm", "-rf", "--", path, NULL};
    struct child_params params = {
        .argv = argv,
        .out = CHILD_OUTPUT_NULL,
        .err = CHILD_OUTPUT_NULL,
    };
    struct err ignored = {0};

    tree->removed = removed;
    tree->remover =
        child_start(tree->guardians, &params, &events, tree, &ignored);
    if (tree->remover == NULL && removed != on_pruned) {
        after_rm(tree, false, path);
    }
}

static void
tell_removed(void *ctx)
{
    struct tree *tree = ctx;

    tree->on_removed(tree->removed_ctx,
                     err_is_set(&tree->remove_err) ? &tree->remove_err : NULL);
}

static void
forget_place(struct tree *tree)
{
    char *build = path_folder(tree->root);
    char *lock = storehouse_lock(tree->home, tree->root, true);

    host_lock_release(&tree->own);
    if (!err_is_set(&tree->remove_err) &&
        host_lock_try(&tree->own, lock, false)) {
        host_lock_remove(&tree->own);
    }
    host_lock_release(&tree->source.using);
    rmdir(build); // other nodes of this host may have a tree in it
    free(lock);
    free(build);
    loop_post(tree->loop, tell_removed, tree);
}

void
tree_remove(struct tree *tree, tree_removed_fn fn, void *ctx)
{
    assert(!tree->running);
    tree->on_removed = fn;
    tree->removed_ctx = ctx;
    child_drop(tree->remover);
    tree->remover = NULL;
    if (tree->root == NULL || !tree->over) {
        loop_post(tree->loop, tell_removed, tree);
        return;
    }
    start_rm(tree, tree->root, forget_place);
}

// ----------------------------------------------------------------- start

static void
begin_origin(struct tree *tree)
{
    if (err_is_set(&tree->remove_err)) {
        struct err err = tree->remove_err;
        err_wrap(&err, "an older tree is in the way");
        tree_done(tree, &err);
    } else if (tree->kind == TREE_GIT) {
        tree_git_start(tree);
    } else {
        tree_ship_start(tree);
    }
}

static void
on_own_lock(void *ctx, const struct err *err)
{
    struct tree *tree = ctx;
    struct stat status;

    if (err != NULL) {
        tree_done(tree, err);
    } else if (tree->prepared) {
        tree_done(tree, NULL);
    } else if (lstat(tree->root, &status) == 0) {
        start_rm(tree, tree->root,
                 begin_origin); // of an engine that was killed
    } else {
        begin_origin(tree);
    }
}

static void
begin_place(struct tree *tree)
{
    struct err err = {0};
    char *parent = path_folder(tree->root);

    if (!storehouse_make(tree->home, &err) ||
        !path_make_folders(parent, 0700, &err)) {
        tree_done(tree, &err);
    } else {
        tree_lock(tree, &tree->own, tree->root, true, on_own_lock);
    }
    free(parent);
}

void
tree_start(struct tree *tree)
{
    assert(!tree->running && !tree->over);
    tree->running = true;
    if (tree->kind == TREE_HERE) {
        loop_post(tree->loop, tell, tree);
        return;
    }
    deadline_arm(&tree->limit, tree->timeout_ms);
    begin_place(tree);
}

void
tree_piece(struct tree *tree, uint64_t at, struct slice data)
{
    if (tree->running && tree->kind == TREE_SHIP) {
        tree_ship_piece(tree, at, data);
    }
}

void
tree_cancel(struct tree *tree)
{
    struct err err = {0};

    if (tree->running && !err_is_set(&tree->err)) {
        loop_cancel(tree->loop, tree);
        err_set(&err, ERR_INTERRUPTED, "it was stopped");
        tree_done(tree, &err);
    }
}

struct tree *
tree_new(const struct tree_params *params, const struct tree_events *events,
         void *ctx, struct err *err)
{
    struct tree *tree = ALLOC(struct tree);

    tree->loop = params->loop;
    tree->guardians = params->guardians;
    tree->events = events;
    tree->ctx = ctx;
    tree->prepared = params->prepared;
    tree->timeout_ms = params->timeout_ms > 0 ? params->timeout_ms : TIMEOUT_MS;
    tree->max_bytes = params->max_bytes > 0 ? params->max_bytes : MAX_BYTES;
    tree->home = alloc_dup(params->home);
    tree->revision = alloc_dup("");
    tree->git = (struct git_run){
        .guardians = params->guardians,
        .loop = params->loop,
        .ctx = tree,
    };
    deadline_init(&tree->limit, params->loop, on_limit, tree);
    if (!read_origin(tree, params, err)) {
        tree_free(tree);
        return NULL;
    }
    return tree;
}

void
tree_free(struct tree *tree)
{
    if (tree == NULL) {
        return;
    }
    stop_all(tree);
    loop_cancel(tree->loop, tree);
    deadline_release(&tree->limit);
    host_lock_release(&tree->own);
    host_lock_release(&tree->source.using);
    free(tree->source.url);
    free(tree->source.revision);
    free(tree->home);
    free(tree->root);
    free(tree->folder);
    free(tree->revision);
    free(tree);
}
