/*
 * An archive, handed out in pieces to all who want it: in turn, a piece each,
 * and no more at a time than a broker should have to hold. A piece counts as
 * arrived when its taker says that it has what came before a later one.
 */
#ifndef FLEET_HANDOUT_H
#define FLEET_HANDOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "util/err.h"
#include "util/slice.h"

enum {
    HANDOUT_PIECE = 256 * 1024,      // bytes of the archive in a message
    HANDOUT_WINDOW = 1024 * 1024,    // on their way to one taker
    HANDOUT_ON_WAY = 4 * 1024 * 1024 // on their way to all
};

struct handout_events {
    /* A message for a taker, `{"at", "data"}`; borrowed for the call. */
    void (*on_piece)(void *ctx, const char *taker, struct slice body);
    /* Nothing can be sent any more, until somebody wants something again. */
    void (*on_unreadable)(void *ctx, const struct err *err);
};

struct handout_params {
    struct loop *loop;
    int fd; // of the archive; taken
    uint64_t bytes;
};

struct handout;

/* Borrows `events` and `ctx`. */
struct handout *handout_new(const struct handout_params *params,
                            const struct handout_events *events, void *ctx);
void handout_free(struct handout *handout); // NULL is allowed

/* A taker has everything before `at`, and room for `bytes` from there on. */
struct handout_want {
    uint64_t at; // the end of the archive: it wants nothing more
    uint64_t bytes;
    bool again; // what was sent beyond `at` is lost
};
/* `at` must be in the archive. False with ERR_LIMIT: too many takers. */
bool handout_want(struct handout *handout, const char *name,
                  const struct handout_want *want, struct err *err);

/* It wants nothing more, or is gone. */
void handout_forget(struct handout *handout, const char *name);

#endif
