#include "fleet/shipment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/git_words.h"
#include "fleet/handout.h"
#include "fleet/packing.h"
#include "fleet/size_text.h"
#include "fleet/worktree.h"
#include "util/alloc.h"
#include "util/field.h"
#include "util/path.h"

struct shipment {
    struct shipment_params params;
    const struct shipment_events *events;
    void *ctx;
    char *folder;
    char *path; // of the archive
    char *git;
    char *revision; // as asked for, or NULL
    struct worktree *worktree;
    struct packing *packing;
    struct git_run run;
    struct handout *handout; // of the archive, or NULL
    uint64_t bytes;
    char hash[SHA256_SIZE];
    json_t *tree;
    char *commit;
    bool running;
    struct err err;
};

// --------------------------------------------------------------- the end

static void
tell(void *ctx)
{
    struct shipment *shipment = ctx;

    shipment->running = false;
    if (err_is_set(&shipment->err)) {
        shipment->events->on_failed(shipment->ctx, &shipment->err);
    } else {
        shipment->events->on_ready(shipment->ctx);
    }
}

static void
stop_all(struct shipment *shipment)
{
    packing_stop(shipment->packing);
    shipment->packing = NULL;
    worktree_free(shipment->worktree);
    shipment->worktree = NULL;
    git_run_release(&shipment->run);
}

static void
finish(struct shipment *shipment, const struct err *err)
{
    if (err != NULL) {
        shipment->err = *err;
    }
    stop_all(shipment);
    loop_post(shipment->params.loop, tell, shipment);
}

static void say(struct shipment *shipment, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct shipment *shipment, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);
    shipment->events->on_said(shipment->ctx, text);
    free(text);
}

static void
set_commit(struct shipment *shipment, const char *commit)
{
    char *copy = alloc_dup(commit);

    free(shipment->commit);
    shipment->commit = copy;
}

static void
set_place(struct shipment *shipment)
{
    const char *place = worktree_place(shipment->worktree);

    if (place[0] != '\0') {
        json_object_set_new(shipment->tree, "folder",
                            json_stringn_nocheck(place, strlen(place)));
    }
}

// ----------------------------------------------------------------- pieces

static void
on_piece(void *ctx, const char *join, struct slice body)
{
    struct shipment *shipment = ctx;

    shipment->events->on_piece(shipment->ctx, join, body);
}

static void
on_unreadable(void *ctx, const struct err *err)
{
    say(ctx, "%s", err->text);
}

static void
begin_handout(struct shipment *shipment, const struct packing_end *end)
{
    static const struct handout_events events = {
        .on_piece = on_piece,
        .on_unreadable = on_unreadable,
    };

    shipment->handout = handout_new(
        &(struct handout_params){
            .loop = shipment->params.loop,
            .fd = end->fd,
            .bytes = end->bytes,
        },
        &events, shipment);
    memcpy(shipment->hash, end->hash, sizeof(end->hash));
    shipment->bytes = end->bytes;
}

bool
shipment_want(struct shipment *shipment, const char *join, const json_t *want,
              struct err *err)
{
    struct slice hash = {0};
    int64_t at = 0;
    int64_t bytes = 0;
    bool again = false;

    if (shipment->handout == NULL) {
        return err_set(err, ERR_PROTOCOL, "nothing is shipped");
    }
    if (!field_text(want, "hash", &hash, err) ||
        !field_int(want, "at",
                   (struct field_range){0, (int64_t)shipment->bytes}, &at,
                   err) ||
        !field_int(want, "bytes", (struct field_range){0, HANDOUT_WINDOW},
                   &bytes, err) ||
        !field_bool_optional(want, "again", &again, err)) {
        return false;
    }
    if (!slice_equals_text(hash, shipment->hash)) {
        return err_set(err, ERR_PROTOCOL, "another archive is shipped");
    }
    return handout_want(shipment->handout, join,
                        &(struct handout_want){
                            .at = (uint64_t)at,
                            .bytes = (uint64_t)bytes,
                            .again = again,
                        },
                        err);
}

void
shipment_forget(struct shipment *shipment, const char *join)
{
    if (shipment->handout != NULL) {
        handout_forget(shipment->handout, join);
    }
}

// ---------------------------------------------------------------- packing

static void
on_packed(void *ctx, const struct packing_end *end, const struct err *err)
{
    struct shipment *shipment = ctx;

    shipment->packing = NULL;
    if (err != NULL) {
        struct err told = *err;
        err_wrap(&told, "--ship");
        finish(shipment, &told);
        return;
    }
    begin_handout(shipment, end);
    unlink(shipment->path); // nobody else needs its name
    json_object_set_new(shipment->tree, "ship", json_string(end->hash));
    json_object_set_new(shipment->tree, "bytes",
                        json_integer((json_int_t)end->bytes));
    set_place(shipment);
    set_commit(shipment, worktree_commit(shipment->worktree));
    say(shipment, "shipping %zu files of %s, %s", end->files,
        worktree_top(shipment->worktree), size_text(end->bytes).text);
    finish(shipment, NULL);
}

static void
on_ship_found(void *ctx, const struct err *err)
{
    struct shipment *shipment = ctx;

    if (err != NULL) {
        struct err told = *err;
        err_wrap(&told, "--ship");
        finish(shipment, &told);
        return;
    }
    struct packing_params params = {
        .loop = shipment->params.loop,
        .worktree = shipment->worktree,
        .path = shipment->path,
        .limit = shipment->params.limit,
    };
    shipment->packing = packing_start(&params, on_packed, shipment);
}

// -------------------------------------------------------------------- git

static void
set_git(struct shipment *shipment, const char *revision)
{
    json_object_set_new(
        shipment->tree, "git",
        json_stringn_nocheck(shipment->git, strlen(shipment->git)));
    json_object_set_new(shipment->tree, "revision", json_string(revision));
    set_place(shipment);
    finish(shipment, NULL);
}

// A name that this checkout knows is sent as the commit it means here, so that
// all workers have the same one, and the one whose tests were collected.
static void
on_revision(void *ctx, const struct git_end *end, const struct err *err)
{
    struct shipment *shipment = ctx;

    if (err != NULL || !end->ok) {
        set_git(shipment, shipment->revision);
        return;
    }
    char *commit = slice_dup(slice_trim(end->out));
    set_commit(shipment, commit);
    if (strcmp(commit, worktree_commit(shipment->worktree)) != 0) {
        say(shipment,
            "workers check out %s; the tests were collected here "
            "from another commit",
            shipment->revision);
    }
    set_git(shipment, commit);
    free(commit);
}

static void
resolve(struct shipment *shipment)
{
    char *commit = alloc_printf("%s^{commit}", shipment->revision);
    const char *words[] = {"rev-parse",        "-q",   "--verify",
                           "--end-of-options", commit, NULL};
    struct git_call call = {
        .words = words,
        .folder = worktree_top(shipment->worktree),
    };

    git_run_start(&shipment->run, &call, on_revision);
    free(commit);
}

static void
on_git_found(void *ctx, const struct err *err)
{
    struct shipment *shipment = ctx;
    struct err told = {0};

    if (err != NULL && shipment->revision == NULL) {
        told = *err;
        told.hint = "--revision says what the workers are to check out";
        finish(shipment, &told);
        return;
    }
    if (err != NULL) { // no checkout, but a revision was named
        json_object_set_new(
            shipment->tree, "git",
            json_stringn_nocheck(shipment->git, strlen(shipment->git)));
        json_object_set_new(shipment->tree, "revision",
                            json_string(shipment->revision));
        finish(shipment, NULL);
        return;
    }
    if (worktree_is_changed(shipment->worktree)) {
        say(shipment, "what is not committed here is not sent to workers "
                      "that use git; --ship sends it");
    }
    if (shipment->revision != NULL) {
        resolve(shipment);
        return;
    }
    const char *commit = worktree_commit(shipment->worktree);
    if (commit[0] == '\0') {
        err_set(&told, ERR_CONFIG, "the checkout has no commit yet");
        err_hint(&told, "commit and push, or use --ship");
        finish(shipment, &told);
        return;
    }
    set_commit(shipment, commit);
    set_git(shipment, commit);
}

// ------------------------------------------------------------------- rest

struct shipment *
shipment_new(const struct shipment_params *params,
             const struct shipment_events *events, void *ctx)
{
    struct shipment *shipment = ALLOC(struct shipment);
    struct err ignored = {0};

    shipment->params = *params;
    shipment->events = events;
    shipment->ctx = ctx;
    shipment->folder = path_absolute(params->folder, &ignored);
    if (shipment->folder == NULL) {
        shipment->folder = alloc_dup(params->folder);
    }
    shipment->path = path_join(params->scratch, "ship.tar");
    shipment->git = alloc_dup_or_null(params->git);
    shipment->revision = alloc_dup_or_null(params->revision);
    shipment->tree = json_object();
    if (shipment->tree == NULL) {
        alloc_failed(0);
    }
    shipment->commit = alloc_dup("");
    shipment->run = (struct git_run){
        .guardians = params->guardians,
        .loop = params->loop,
        .ctx = shipment,
    };
    return shipment;
}

void
shipment_free(struct shipment *shipment)
{
    if (shipment == NULL) {
        return;
    }
    stop_all(shipment);
    loop_cancel(shipment->params.loop, shipment);
    handout_free(shipment->handout);
    unlink(shipment->path);
    json_decref(shipment->tree);
    free(shipment->folder);
    free(shipment->path);
    free(shipment->git);
    free(shipment->revision);
    free(shipment->commit);
    free(shipment);
}

// Only what git is to be given; elsewhere a revision is any text.
static bool
check_words(const struct shipment *shipment, struct err *err)
{
    if (shipment->git == NULL || shipment->params.ship) {
        return true;
    }
    if (git_words_has_password(slice_of(shipment->git))) {
        err_set(err, ERR_CONFIG, "the URL in `git:` has a password in it");
        return err_hint(err, "it would be sent through the broker: give the "
                             "workers a key or a credential helper instead");
    }
    return git_words_check_url(slice_of(shipment->git), err) &&
           (shipment->revision == NULL ||
            git_words_check_revision(slice_of(shipment->revision), err));
}

void
shipment_start(struct shipment *shipment)
{
    struct err err = {0};
    bool ship = shipment->params.ship;

    assert(!shipment->running);
    shipment->running = true;
    if (!check_words(shipment, &err)) {
        finish(shipment, &err);
        return;
    }
    if (!ship && shipment->git == NULL) {
        if (shipment->revision != NULL) {
            set_commit(shipment, shipment->revision);
        }
        finish(shipment, NULL);
        return;
    }
    shipment->worktree = worktree_new(&(struct worktree_params){
        .loop = shipment->params.loop,
        .guardians = shipment->params.guardians,
        .folder = shipment->folder,
    });
    worktree_find(shipment->worktree, ship ? on_ship_found : on_git_found,
                  shipment);
}

void
shipment_cancel(struct shipment *shipment)
{
    struct err err = {0};

    if (shipment->running && !err_is_set(&shipment->err)) {
        loop_cancel(shipment->params.loop, shipment);
        err_set(&err, ERR_INTERRUPTED, "it was stopped");
        finish(shipment, &err);
    }
}

const json_t *
shipment_tree(const struct shipment *shipment)
{
    return shipment->tree;
}

const char *
shipment_revision(const struct shipment *shipment)
{
    return shipment->commit;
}
