#include "fleet/shipment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/git_words.h"
#include "fleet/packing.h"
#include "fleet/size_text.h"
#include "fleet/worktree.h"
#include "loop/deadline.h"
#include "transport/base64.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/field.h"
#include "util/path.h"

enum {
    // A join that was not heard of for so long has nothing on its way: it is
    // gone, or will ask again.
    SILENCE_MS = 20000,
    JOINS_MAX = 4096,
    BODY_MAX = SHIPMENT_PIECE / 3 * 4 + 100,
};

// What a join has of the archive.
struct wanter {
    char *join;
    uint64_t have; // as it said
    uint64_t sent; // up to where pieces were sent
    uint64_t room; // up to where it wants them
    msec heard;
};

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
    int fd; // of the archive, or -1
    uint64_t bytes;
    char hash[SHA256_SIZE];
    json_t *tree;
    char *commit;
    bool running;
    struct err err;
    ARRAY(struct wanter) wanters;
    size_t turn;  // of the wanters
    bool serving; // a turn was posted
    struct deadline silence;
    char *piece; // SHIPMENT_PIECE
    struct buf body;
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
    shipment->fd = end->fd;
    shipment->bytes = end->bytes;
    memcpy(shipment->hash, end->hash, sizeof(end->hash));
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

// ----------------------------------------------------------------- pieces

static struct wanter *
find_wanter(struct shipment *shipment, const char *join)
{
    for (size_t i = 0; i < shipment->wanters.count; i++) {
        if (strcmp(shipment->wanters.items[i].join, join) == 0) {
            return &shipment->wanters.items[i];
        }
    }
    return NULL;
}

static void
remove_wanter(struct shipment *shipment, size_t index)
{
    free(shipment->wanters.items[index].join);
    ARRAY_REMOVE(&shipment->wanters, index);
}

static uint64_t
on_way(const struct shipment *shipment)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < shipment->wanters.count; i++) {
        const struct wanter *wanter = &shipment->wanters.items[i];
        sum += wanter->sent - wanter->have;
    }
    return sum;
}

static bool
read_piece(struct shipment *shipment, uint64_t at, size_t len, struct err *err)
{
    size_t got = 0;

    while (got < len) {
        ssize_t count = pread(shipment->fd, shipment->piece + got, len - got,
                              (off_t)(at + got));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return err_set_errno(err, ERR_SYSTEM, count < 0 ? errno : EIO,
                                 "reading the archive");
        }
        got += (size_t)count;
    }
    return true;
}

// Sends the next piece to one who has room. False: it cannot be read.
static bool
send_piece(struct shipment *shipment, struct wanter *wanter)
{
    struct err err = {0};
    uint64_t rest = wanter->room - wanter->sent;
    size_t len = rest < SHIPMENT_PIECE ? (size_t)rest : SHIPMENT_PIECE;
    uint64_t at = wanter->sent;

    if (!read_piece(shipment, at, len, &err)) {
        say(shipment, "%s", err.text);
        return false;
    }
    buf_reset(&shipment->body);
    buf_addf(&shipment->body, "{\"at\":%llu,\"data\":\"",
             (unsigned long long)at);
    base64_encode(&shipment->body, slice_make(shipment->piece, len));
    buf_add_text(&shipment->body, "\"}");
    wanter->sent += len;
    shipment->events->on_piece(shipment->ctx, wanter->join,
                               buf_slice(&shipment->body));
    return true;
}

// One after another, one piece each.
static struct wanter *
next_wanter(struct shipment *shipment)
{
    size_t count = shipment->wanters.count;

    for (size_t i = 0; i < count; i++) {
        shipment->turn = (shipment->turn + 1) % count;
        struct wanter *wanter = &shipment->wanters.items[shipment->turn];
        if (wanter->sent < wanter->room) {
            return wanter;
        }
    }
    return NULL;
}

// A piece in each turn of the loop: encoding a lot of them takes a while.
static void
serve(void *ctx)
{
    struct shipment *shipment = ctx;
    struct wanter *wanter = next_wanter(shipment);

    shipment->serving = false;
    if (wanter == NULL || on_way(shipment) + SHIPMENT_PIECE > SHIPMENT_ON_WAY ||
        !send_piece(shipment, wanter)) {
        return;
    }
    shipment->serving = true;
    loop_post(shipment->params.loop, serve, shipment);
}

static void
serve_soon(struct shipment *shipment)
{
    if (!shipment->serving) {
        shipment->serving = true;
        loop_post(shipment->params.loop, serve, shipment);
    }
}

static void
on_silence(void *ctx)
{
    struct shipment *shipment = ctx;
    msec now = now_msec();

    for (size_t i = shipment->wanters.count; i > 0; i--) {
        if (now - shipment->wanters.items[i - 1].heard >= SILENCE_MS) {
            remove_wanter(shipment, i - 1);
        }
    }
    if (shipment->wanters.count > 0) {
        deadline_arm(&shipment->silence, SILENCE_MS / 2);
    }
    serve_soon(shipment);
}

static void
take_want(struct shipment *shipment, const char *join, uint64_t at,
          uint64_t bytes, bool again)
{
    struct wanter *wanter = find_wanter(shipment, join);

    if (at == shipment->bytes) {
        shipment_forget(shipment, join);
        return;
    }
    if (wanter == NULL) {
        ARRAY_ADD(&shipment->wanters, ((struct wanter){
                                          .join = alloc_dup(join),
                                          .sent = at,
                                      }));
        wanter = &ARRAY_LAST(&shipment->wanters);
    }
    uint64_t rest = shipment->bytes - at;
    wanter->have = at;
    wanter->room = at + (bytes < rest ? bytes : rest);
    if (again || wanter->sent < at) {
        wanter->sent = at;
    }
    if (wanter->room < wanter->sent) {
        wanter->room = wanter->sent;
    }
    wanter->heard = now_msec();
    if (!deadline_is_armed(&shipment->silence)) {
        deadline_arm(&shipment->silence, SILENCE_MS / 2);
    }
    serve_soon(shipment);
}

bool
shipment_want(struct shipment *shipment, const char *join, const json_t *want,
              struct err *err)
{
    struct slice hash = {0};
    int64_t at = 0;
    int64_t bytes = 0;
    bool again = false;

    if (shipment->fd < 0) {
        return err_set(err, ERR_PROTOCOL, "nothing is shipped");
    }
    if (!field_text(want, "hash", &hash, err) ||
        !field_int(want, "at",
                   (struct field_range){0, (int64_t)shipment->bytes}, &at,
                   err) ||
        !field_int(want, "bytes", (struct field_range){0, SHIPMENT_WINDOW},
                   &bytes, err) ||
        !field_bool_optional(want, "again", &again, err)) {
        return false;
    }
    if (!slice_equals_text(hash, shipment->hash)) {
        return err_set(err, ERR_PROTOCOL, "another archive is shipped");
    }
    if (shipment->wanters.count == JOINS_MAX &&
        find_wanter(shipment, join) == NULL) {
        return err_set(err, ERR_LIMIT, "too many ask for the archive");
    }
    take_want(shipment, join, (uint64_t)at, (uint64_t)bytes, again);
    return true;
}

void
shipment_forget(struct shipment *shipment, const char *join)
{
    for (size_t i = 0; i < shipment->wanters.count; i++) {
        if (strcmp(shipment->wanters.items[i].join, join) == 0) {
            remove_wanter(shipment, i);
            serve_soon(shipment);
            return;
        }
    }
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
    shipment->fd = -1;
    shipment->tree = json_object();
    if (shipment->tree == NULL) {
        alloc_failed(0);
    }
    shipment->commit = alloc_dup("");
    shipment->piece = alloc_bytes(SHIPMENT_PIECE);
    shipment->run = (struct git_run){
        .guardians = params->guardians,
        .loop = params->loop,
        .ctx = shipment,
    };
    buf_init(&shipment->body, BODY_MAX);
    deadline_init(&shipment->silence, params->loop, on_silence, shipment);
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
    deadline_release(&shipment->silence);
    while (shipment->wanters.count > 0) {
        remove_wanter(shipment, shipment->wanters.count - 1);
    }
    ARRAY_RELEASE(&shipment->wanters);
    if (shipment->fd >= 0) {
        close(shipment->fd);
    }
    unlink(shipment->path);
    buf_release(&shipment->body);
    json_decref(shipment->tree);
    free(shipment->piece);
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
        shipment->serving = false;
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
