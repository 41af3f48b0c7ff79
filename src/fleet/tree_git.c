#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/git_words.h"
#include "fleet/storehouse.h"
#include "fleet/tree_internal.h"
#include "util/alloc.h"
#include "util/path.h"

/*
 * A revision out of git: one mirror for each URL and host, which is fetched
 * into under a lock and only when the revision is not there; and a clone that
 * borrows its objects, in which the revision is checked out. The mirror is
 * locked against pruning as long as the tree is there.
 */

static void resolve(struct tree *tree);
static void fetch(struct tree *tree);

void
tree_git_stop(struct tree *tree)
{
    struct tree_git *source = &tree->source;

    host_lock_release(&source->lock);
    if (!source->using.held) {
        host_lock_release(&source->using);
    }
    free(source->mirror);
    free(source->commit);
    source->mirror = source->commit = NULL;
}

static void
on_said(void *ctx, struct slice line)
{
    struct tree *tree = ctx;

    tree->events->on_said(tree->ctx, line);
}

static void
run(struct tree *tree, const char *folder, const char *const *words,
    git_run_fn done)
{
    struct git_call call = {
        .words = words,
        .folder = folder,
        .url = tree->source.url,
    };

    git_run_start(&tree->git, &call, done);
}

static void
add_url(const struct tree *tree, struct buf *buf)
{
    git_words_add_masked(buf, slice_of(tree->source.url));
}

// Gives false, and has told why, if the command did not work.
static bool
worked(struct tree *tree, const struct git_end *end, const struct err *cause,
       const char *what)
{
    struct err err = {0};
    struct buf url = BUF_INIT(8000);

    if (cause == NULL && end->ok) {
        return true;
    }
    add_url(tree, &url);
    if (cause != NULL) {
        err = *cause;
    } else {
        err_set(&err, ERR_SYSTEM, "git: %.150s",
                end->said[0] != '\0' ? end->said : "it failed");
        err_hint(&err, "a worker must be able to fetch without being asked "
                       "for anything: give it a key or a credential helper");
    }
    err_wrap(&err, "%s %.*s", what,
             SLICE_ARG(slice_first(buf_slice(&url), 120)));
    buf_release(&url);
    tree_done(tree, &err);
    return false;
}

// --------------------------------------------------------------- checkout

static void
on_checkout(void *ctx, const struct git_end *end, const struct err *err)
{
    struct tree *tree = ctx;

    if (!worked(tree, end, err, "checking out of the mirror of")) {
        return;
    }
    storehouse_touch(tree->source.mirror);
    free(tree->revision);
    tree->revision = alloc_dup(tree->source.commit);
    tree_done(tree, NULL);
}

static void
on_clone(void *ctx, const struct git_end *end, const struct err *err)
{
    struct tree *tree = ctx;
    const char *words[] = {"checkout",          "-q", "--force", "--detach",
                           tree->source.commit, NULL};

    if (worked(tree, end, err, "cloning the mirror of")) {
        run(tree, tree->root, words, on_checkout);
    }
}

static void
on_using(void *ctx, const struct err *err)
{
    struct tree *tree = ctx;
    const char *words[] = {
        "clone",       "-q", "--shared",          "--no-checkout",
        "--template=", "--", tree->source.mirror, tree->root,
        NULL};

    if (err != NULL) {
        tree_done(tree, err);
        return;
    }
    host_lock_release(&tree->source.lock); // others may fetch
    run(tree, NULL, words, on_clone);
}

// -------------------------------------------------------------- resolving

static void
not_there(struct tree *tree)
{
    struct err err = {0};
    struct buf url = BUF_INIT(8000);

    add_url(tree, &url);
    err_set(&err, ERR_CONFIG, "there is no revision %.70s at %.*s",
            tree->source.revision,
            SLICE_ARG(slice_first(buf_slice(&url), 120)));
    err_hint(&err, "push it, or use --ship, which sends what is not "
                   "committed, too");
    buf_release(&url);
    tree_done(tree, &err);
}

static void
on_resolved(void *ctx, const struct git_end *end, const struct err *err)
{
    struct tree *tree = ctx;
    struct tree_git *source = &tree->source;

    if (err != NULL) {
        worked(tree, end, err, "looking for the revision at");
        return;
    }
    if (end->ok) {
        source->commit = slice_dup(slice_trim(end->out));
        tree_lock(tree, &source->using, source->mirror, true, on_using);
    } else if (!source->fetched ||
               (!source->by_commit &&
                git_words_is_commit(slice_of(source->revision)))) {
        fetch(tree);
    } else {
        not_there(tree);
    }
}

static void
resolve(struct tree *tree)
{
    char *commit = alloc_printf("%s^{commit}", tree->source.revision);
    const char *words[] = {"rev-parse",        "-q",   "--verify",
                           "--end-of-options", commit, NULL};

    run(tree, tree->source.mirror, words, on_resolved);
    free(commit);
}

// --------------------------------------------------------------- fetching

static void
on_fetched(void *ctx, const struct git_end *end, const struct err *err)
{
    struct tree *tree = ctx;

    if (tree->source.by_commit && err == NULL && !end->ok) {
        not_there(tree); // servers refuse what no branch or tag leads to
    } else if (worked(tree, end, err, "fetching")) {
        resolve(tree);
    }
}

static int
remove_stale(const char *path, const struct stat *status, int kind,
             struct FTW *where)
{
    (void)status;
    (void)where;
    if (kind == FTW_F && slice_ends_with(slice_of(path), SLICE(".lock"))) {
        unlink(path);
    }
    return 0;
}

// A fetch that was killed leaves its own locks behind. Nobody writes into the
// mirror now but us.
static void
remove_stale_locks(const struct tree_git *source)
{
    static const char *const files[] = {"HEAD.lock", "config.lock",
                                        "packed-refs.lock", "shallow.lock"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *path = path_join(source->mirror, files[i]);
        unlink(path);
        free(path);
    }
    char *refs = path_join(source->mirror, "refs");
    nftw(refs, remove_stale, 16, FTW_PHYS);
    free(refs);
}

// Everything that has a name; then, if that was not enough, the commit itself.
static void
fetch(struct tree *tree)
{
    struct tree_git *source = &tree->source;
    const char *all[] = {"fetch",
                         "-q",
                         "--force",
                         "--prune",
                         "--no-tags",
                         "--no-write-fetch-head",
                         "mule",
                         "+refs/heads/*:refs/heads/*",
                         "+refs/tags/*:refs/tags/*",
                         NULL};
    const char *one[] = {
        "fetch",          "-q", "--no-tags", "--no-write-fetch-head", "mule",
        source->revision, NULL};
    struct buf url = BUF_INIT(8000);

    remove_stale_locks(source);
    add_url(tree, &url);
    tree_say(tree, "fetching %.*s",
             SLICE_ARG(slice_first(buf_slice(&url), 1000)));
    buf_release(&url);
    source->by_commit = source->fetched;
    source->fetched = true;
    run(tree, source->mirror, source->by_commit ? one : all, on_fetched);
}

// ----------------------------------------------------------------- mirror

static void
begin_in_mirror(struct tree *tree)
{
    // A name may mean another commit by now; a commit is always itself.
    if (git_words_is_commit(slice_of(tree->source.revision))) {
        resolve(tree);
    } else {
        fetch(tree);
    }
}

static void
on_made(void *ctx, const struct git_end *end, const struct err *err)
{
    struct tree *tree = ctx;
    struct tree_git *source = &tree->source;
    struct err cannot = {0};

    if (!worked(tree, end, err, "making a mirror of")) {
        return;
    }
    char *fresh = alloc_printf("%s%s", source->mirror, STOREHOUSE_PART);
    if (rename(fresh, source->mirror) != 0) {
        err_set_errno(&cannot, ERR_SYSTEM, errno, "making %s", source->mirror);
        tree_done(tree, &cannot);
    } else {
        begin_in_mirror(tree);
    }
    free(fresh);
}

static void
on_lock(void *ctx, const struct err *err)
{
    struct tree *tree = ctx;

    if (err != NULL) {
        tree_done(tree, err);
        return;
    }
    if (path_is_folder(tree->source.mirror)) {
        begin_in_mirror(tree);
        return;
    }
    char *fresh = alloc_printf("%s%s", tree->source.mirror, STOREHOUSE_PART);
    const char *words[] = {
        "init", "-q", "--bare", "--template=", "--", fresh, NULL};
    run(tree, NULL, words, on_made);
    free(fresh);
}

void
tree_git_start(struct tree *tree)
{
    struct tree_git *source = &tree->source;

    tree->git.said = on_said;
    source->mirror = storehouse_mirror(tree->home, source->url);
    tree_lock(tree, &source->lock, source->mirror, false, on_lock);
}
