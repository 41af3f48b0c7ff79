/*
 * What chosen tests print while they run: looks at them now and then, and
 * sends what is new, within a credit for each stream. Nobody may rely on it:
 * their results bring it all again.
 */
#ifndef FLEET_LIVE_H
#define FLEET_LIVE_H

#include "fleet/desk.h"

/* Streams that are followed at once. */
#define LIVE_STREAMS 20

typedef void (*live_send_fn)(void *ctx, struct slice line);

struct live;
/* Borrows all. `send` is given lines of the engine protocol. */
struct live *live_new(struct loop *loop, live_send_fn send, void *ctx);
void live_free(struct live *live);

/*
 * Follows what runs by the orders of this desk, which has this executor and
 * these tables; all borrowed until live_free.
 */
void live_watch(struct live *live, const struct desk *desk,
                struct executor *executor, const struct items *items);

/*
 * Tests whose id has `pattern` in it, or, with a *, fits it; "": none. Each
 * stream may send `credit` bytes from here on.
 */
void live_wish(struct live *live, struct slice pattern, uint64_t credit);

#endif
