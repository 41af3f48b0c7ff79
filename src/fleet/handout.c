#include "fleet/handout.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/deadline.h"
#include "transport/base64.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"

enum {
    // A taker that was not heard of for so long has nothing on its way: it is
    // gone, or will ask again.
    SILENCE_MS = 20000,
    TAKERS_MAX = 4096,
    BODY_MAX = HANDOUT_PIECE / 3 * 4 + 100,
};

struct taker {
    char *name;
    uint64_t have; // as it said
    uint64_t sent; // up to where pieces were sent
    uint64_t room; // up to where it wants them
    msec heard;
};

struct handout {
    struct handout_params params;
    const struct handout_events *events;
    void *ctx;
    ARRAY(struct taker) takers;
    size_t turn;  // of the takers
    bool serving; // a turn was posted
    struct deadline silence;
    char *piece; // HANDOUT_PIECE
    struct buf body;
};

static struct taker *
find_taker(struct handout *handout, const char *name)
{
    for (size_t i = 0; i < handout->takers.count; i++) {
        if (strcmp(handout->takers.items[i].name, name) == 0) {
            return &handout->takers.items[i];
        }
    }
    return NULL;
}

static void
remove_taker(struct handout *handout, size_t index)
{
    free(handout->takers.items[index].name);
    ARRAY_REMOVE(&handout->takers, index);
}

static uint64_t
on_way(const struct handout *handout)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < handout->takers.count; i++) {
        const struct taker *taker = &handout->takers.items[i];
        sum += taker->sent - taker->have;
    }
    return sum;
}

static bool
read_piece(struct handout *handout, uint64_t at, size_t len, struct err *err)
{
    size_t got = 0;

    while (got < len) {
        ssize_t count = pread(handout->params.fd, handout->piece + got,
                              len - got, (off_t)(at + got));
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
send_piece(struct handout *handout, struct taker *taker)
{
    struct err err = {0};
    uint64_t rest = taker->room - taker->sent;
    size_t len = rest < HANDOUT_PIECE ? (size_t)rest : HANDOUT_PIECE;
    uint64_t at = taker->sent;

    if (!read_piece(handout, at, len, &err)) {
        handout->events->on_unreadable(handout->ctx, &err);
        return false;
    }
    buf_reset(&handout->body);
    buf_addf(&handout->body, "{\"at\":%llu,\"data\":\"",
             (unsigned long long)at);
    base64_encode(&handout->body, slice_make(handout->piece, len));
    buf_add_text(&handout->body, "\"}");
    taker->sent += len;
    handout->events->on_piece(handout->ctx, taker->name,
                              buf_slice(&handout->body));
    return true;
}

// One after another, one piece each.
static struct taker *
next_taker(struct handout *handout)
{
    size_t count = handout->takers.count;

    for (size_t i = 0; i < count; i++) {
        handout->turn = (handout->turn + 1) % count;
        struct taker *taker = &handout->takers.items[handout->turn];
        if (taker->sent < taker->room) {
            return taker;
        }
    }
    return NULL;
}

// A piece in each turn of the loop: encoding a lot of them takes a while.
static void
serve(void *ctx)
{
    struct handout *handout = ctx;
    struct taker *taker = next_taker(handout);

    handout->serving = false;
    if (taker == NULL || on_way(handout) + HANDOUT_PIECE > HANDOUT_ON_WAY ||
        !send_piece(handout, taker)) {
        return;
    }
    handout->serving = true;
    loop_post(handout->params.loop, serve, handout);
}

static void
serve_soon(struct handout *handout)
{
    if (!handout->serving) {
        handout->serving = true;
        loop_post(handout->params.loop, serve, handout);
    }
}

static void
on_silence(void *ctx)
{
    struct handout *handout = ctx;
    msec now = now_msec();

    for (size_t i = handout->takers.count; i > 0; i--) {
        if (now - handout->takers.items[i - 1].heard >= SILENCE_MS) {
            remove_taker(handout, i - 1);
        }
    }
    if (handout->takers.count > 0) {
        deadline_arm(&handout->silence, SILENCE_MS / 2);
    }
    serve_soon(handout);
}

// One that goes back, without saying so, has lost what lies between.
static void
take_want(struct handout *handout, struct taker *taker,
          const struct handout_want *want)
{
    uint64_t rest = handout->params.bytes - want->at;

    if (want->again || want->at < taker->have || taker->sent < want->at) {
        taker->sent = want->at;
    }
    taker->have = want->at;
    taker->room = want->at + (want->bytes < rest ? want->bytes : rest);
    if (taker->room < taker->sent) {
        taker->room = taker->sent;
    }
    taker->heard = now_msec();
}

bool
handout_want(struct handout *handout, const char *name,
             const struct handout_want *want, struct err *err)
{
    struct taker *taker = find_taker(handout, name);

    assert(want->at <= handout->params.bytes);
    if (want->at == handout->params.bytes) {
        handout_forget(handout, name);
        return true;
    }
    if (taker == NULL && handout->takers.count == TAKERS_MAX) {
        return err_set(err, ERR_LIMIT, "too many want pieces of the archive");
    }
    if (taker == NULL) {
        ARRAY_ADD(&handout->takers, ((struct taker){.name = alloc_dup(name)}));
        taker = &ARRAY_LAST(&handout->takers);
    }
    take_want(handout, taker, want);
    if (!deadline_is_armed(&handout->silence)) {
        deadline_arm(&handout->silence, SILENCE_MS / 2);
    }
    serve_soon(handout);
    return true;
}

void
handout_forget(struct handout *handout, const char *name)
{
    for (size_t i = 0; i < handout->takers.count; i++) {
        if (strcmp(handout->takers.items[i].name, name) == 0) {
            remove_taker(handout, i);
            serve_soon(handout);
            return;
        }
    }
}

struct handout *
handout_new(const struct handout_params *params,
            const struct handout_events *events, void *ctx)
{
    struct handout *handout = ALLOC(struct handout);

    handout->params = *params;
    handout->events = events;
    handout->ctx = ctx;
    handout->piece = alloc_bytes(HANDOUT_PIECE);
    buf_init(&handout->body, BODY_MAX);
    deadline_init(&handout->silence, params->loop, on_silence, handout);
    return handout;
}

void
handout_free(struct handout *handout)
{
    if (handout == NULL) {
        return;
    }
    loop_cancel(handout->params.loop, handout);
    deadline_release(&handout->silence);
    while (handout->takers.count > 0) {
        remove_taker(handout, handout->takers.count - 1);
    }
    ARRAY_RELEASE(&handout->takers);
    close(handout->params.fd);
    buf_release(&handout->body);
    free(handout->piece);
    free(handout);
}
