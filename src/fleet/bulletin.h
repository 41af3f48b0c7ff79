/*
 * Gathers updates into lines of the engine protocol: one that comes alone goes
 * out at the end of the loop's turn, many that come together share a line.
 * Knows what an update looks like, not what it means.
 */
#ifndef FLEET_BULLETIN_H
#define FLEET_BULLETIN_H

#include "fleet/update_codec.h"
#include "loop/loop.h"

/* A line with its newline, borrowed for the call. */
typedef void (*bulletin_send_fn)(void *ctx, struct slice line);

struct bulletin;
/* Borrows all. */
struct bulletin *bulletin_new(struct loop *loop, bulletin_send_fn send,
                              void *ctx);
void bulletin_free(struct bulletin *bulletin); // what waits is dropped

void bulletin_add(struct bulletin *bulletin, const struct update *update);

/* Nothing more will come soon: what waits need not wait longer. */
void bulletin_hurry(struct bulletin *bulletin);

/* Sends what waits now, so that something else can be said after it. */
void bulletin_flush(struct bulletin *bulletin);

#endif
