#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/handout.h"
#include "fleet/size_text.h"
#include "fleet/storehouse.h"
#include "fleet/tree_internal.h"
#include "transport/base64.h"
#include "util/alloc.h"
#include "util/path.h"

/*
 * The archive of a shipped tree: once for each host, whoever needs it first
 * pulls it while others wait for the lock. Half of one that was left is gone
 * on with.
 */

enum {
    SILENCE_MS = 5000,
};

static void pull(struct tree *tree);

static void
close_archive(struct tree_ship *ship)
{
    if (ship->number > 0) {
        close(ship->number - 1);
    }
    ship->number = 0;
}

void
tree_ship_stop(struct tree *tree)
{
    struct tree_ship *ship = &tree->ship;

    unpack_stop(ship->unpack);
    ship->unpack = NULL;
    ship->pulling = false;
    deadline_release(&ship->silence);
    close_archive(ship);
    host_lock_release(&ship->lock);
    buf_release(&ship->piece);
    free(ship->path);
    free(ship->part);
    ship->path = ship->part = NULL;
}

static void
fail_system(struct tree *tree, int number, const char *what)
{
    struct err err = {0};

    err_set_errno(&err, ERR_SYSTEM, number, "%s %s", what, tree->ship.part);
    tree_done(tree, &err);
}

// Opens what there is of the archive; false: told.
static bool
open_part(struct tree *tree, int flags)
{
    struct tree_ship *ship = &tree->ship;
    struct stat status;

    close_archive(ship);
    ship->number =
        open(ship->part, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600) + 1;
    if (ship->number == 0 || fstat(ship->number - 1, &status) != 0) {
        fail_system(tree, errno, "opening");
        return false;
    }
    ship->have = (uint64_t)status.st_size;
    return true;
}

// ----------------------------------------------------------------- making

static void
on_unpacked(void *ctx, enum unpack_end end, const struct err *err)
{
    struct tree *tree = ctx;
    struct tree_ship *ship = &tree->ship;
    bool pulled = ship->part != NULL;

    ship->unpack = NULL;
    if (end == UNPACK_WRONG) {
        close_archive(ship);
        unlink(pulled ? ship->part : ship->path);
        // What was there before may be what was wrong.
        if (ship->resumed) {
            ship->resumed = false;
            tree_say(tree,
                     "what was here of the archive is damaged: once more");
            pull(tree);
            return;
        }
    } else if (pulled && rename(ship->part, ship->path) != 0) {
        fail_system(tree, errno, "renaming");
        return;
    }
    if (end == UNPACK_DONE) {
        storehouse_touch(ship->path);
    }
    tree_done(tree, err);
}

static void
unpack(struct tree *tree)
{
    struct unpack_params params = {
        .loop = tree->loop,
        .fd = tree->ship.number - 1,
        .bytes = tree->ship.bytes,
        .hash = tree->ship.hash,
        .folder = tree->root,
    };

    tree->ship.unpack = unpack_start(&params, on_unpacked, tree);
}

// ---------------------------------------------------------------- pulling

static void
want(struct tree *tree, bool again)
{
    struct tree_ship *ship = &tree->ship;
    uint64_t rest = ship->bytes - ship->have;
    struct tree_want wanted = {
        .hash = ship->hash,
        .at = ship->have,
        .bytes = rest < HANDOUT_WINDOW ? rest : HANDOUT_WINDOW,
        .again = again,
    };

    deadline_arm(&ship->silence, SILENCE_MS);
    tree->events->on_want(tree->ctx, &wanted);
}

static void
on_silence(void *ctx)
{
    want(ctx, true);
}

static void
pulled_all(struct tree *tree)
{
    want(tree, false); // of nothing: it has all
    deadline_disarm(&tree->ship.silence);
    tree->ship.pulling = false;
    unpack(tree);
}

static void
pull(struct tree *tree)
{
    struct tree_ship *ship = &tree->ship;

    if (ship->part == NULL) {
        ship->part = alloc_printf("%s%s", ship->path, STOREHOUSE_PART);
    }
    if (!open_part(tree, 0)) {
        return;
    }
    if (ship->have > ship->bytes && !open_part(tree, O_TRUNC)) {
        return;
    }
    ship->resumed = ship->have > 0;
    ship->pulling = true;
    deadline_init(&ship->silence, tree->loop, on_silence, tree);
    ship->piece.max = 2UL * HANDOUT_PIECE;
    if (ship->have > 0) {
        tree_say(tree, "pulling the tree: %s, of which %s are here",
                 size_text(ship->bytes).text, size_text(ship->have).text);
    } else {
        tree_say(tree, "pulling the tree: %s", size_text(ship->bytes).text);
    }
    if (ship->have == ship->bytes) {
        pulled_all(tree);
    } else {
        want(tree, true);
    }
}

static bool
store(struct tree *tree, struct slice bytes)
{
    struct tree_ship *ship = &tree->ship;

    while (bytes.len > 0) {
        ssize_t count =
            pwrite(ship->number - 1, bytes.data, bytes.len, (off_t)ship->have);
        if (count < 0 && errno != EINTR) {
            fail_system(tree, errno, "writing");
            return false;
        }
        size_t put = count > 0 ? (size_t)count : 0;
        ship->have += put;
        bytes = slice_skip(bytes, put);
    }
    return true;
}

// Pieces may come twice, and one may be missing: then it is asked for again,
// and so is what follows it.
void
tree_ship_piece(struct tree *tree, uint64_t at, struct slice data)
{
    struct tree_ship *ship = &tree->ship;

    if (!ship->pulling || at > ship->bytes) {
        return;
    }
    buf_reset(&ship->piece);
    if (!base64_decode(&ship->piece, data) ||
        ship->piece.len > ship->bytes - at) {
        return; // it will be asked for again
    }
    if (at > ship->have) {
        if (ship->hole != ship->have + 1) { // once for each hole
            ship->hole = ship->have + 1;
            want(tree, true);
        }
        return;
    }
    uint64_t known = ship->have - at;
    if (known >= ship->piece.len) {
        return;
    }
    if (!store(tree, slice_skip(buf_slice(&ship->piece), (size_t)known))) {
        return;
    }
    if (ship->have == ship->bytes) {
        pulled_all(tree);
    } else {
        want(tree, false);
    }
}

// ------------------------------------------------------------------ start

static void
on_lock(void *ctx, const struct err *err)
{
    struct tree *tree = ctx;
    struct tree_ship *ship = &tree->ship;
    struct stat status;

    if (err != NULL) {
        tree_done(tree, err);
        return;
    }
    ship->number = open(ship->path, O_RDONLY | O_CLOEXEC) + 1;
    if (ship->number > 0 && fstat(ship->number - 1, &status) == 0 &&
        (uint64_t)status.st_size == ship->bytes) {
        tree_say(tree, "the tree is here already: %s",
                 size_text(ship->bytes).text);
        ship->resumed = true;
        unpack(tree);
        return;
    }
    pull(tree);
}

void
tree_ship_start(struct tree *tree)
{
    struct tree_ship *ship = &tree->ship;

    ship->path = storehouse_ship(tree->home, ship->hash);
    tree_lock(tree, &ship->lock, ship->path, false, on_lock);
}
