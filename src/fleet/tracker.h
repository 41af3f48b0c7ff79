/*
 * Where each order is: waiting to be sent, sent, taken by a join, or over. It
 * is told what the broker and the joins say, in any order and as often as they
 * like, and says what to believe; each order that was added ends exactly once:
 * with tracker_end, or among those that tracker_lose, tracker_miss or
 * tracker_drop give back. Pure: no clock but the numbers it is given, no I/O;
 * joins are numbers.
 *
 *     add -> READY -> SENT -> TAKEN -> over
 *              ^        |        |
 *              +--------+--------+   lost before it began
 */
#ifndef FLEET_TRACKER_H
#define FLEET_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/feed.h"
#include "fleet/order_codec.h"
#include "run/executor.h"
#include "util/now.h"

/* Nobody has it. */
#define TRACKER_NOBODY UINT32_MAX

/*
 * So often may an order be sent again as it was because those who took it
 * died before it began. After that it is lost, as if it had begun: it may be
 * what kills them.
 */
#define TRACKER_DEATHS_MAX 2
/* And so often in all, whatever the reason. */
#define TRACKER_SENDS_MAX 12

enum tracked_state {
    TRACKED_READY = 1, // has to be sent
    TRACKED_SENT,      // on its way
    TRACKED_TAKEN,     // a join has it
};

struct tracked {
    struct order order;
    enum tracked_state state;
    uint32_t taker;  // TAKEN: a join; else TRACKER_NOBODY
    int slot;        // where it began; -1
    uint32_t place;  // of the item that began last; ITEM_NONE
    msec since;      // SENT: when
    uint32_t before; // links of its list
    uint32_t after;
    uint16_t copies; // messages of it that may still come to somebody
    uint8_t sends;
    uint8_t deaths; // takers that were lost with it
    uint8_t misses; // rounds in which nobody had it
    bool began;
};

/* Orders that came to their end here, for the caller to tell. */
struct tracked_list {
    struct tracked *items;
    size_t count;
    size_t capacity;
};

struct tracker;
struct tracker *tracker_new(void);
void tracker_free(struct tracker *tracker);

/* A new order. No other one of its job may be here. */
void tracker_add(struct tracker *tracker, const struct order *order);

/*
 * The next order that has to be sent: READY -> SENT. NULL: there is none.
 * Valid until the tracker is called again. tracker_next leaves it READY.
 */
const struct tracked *tracker_next(const struct tracker *tracker);
const struct tracked *tracker_send(struct tracker *tracker, msec now);

/* It was not sent after all: SENT -> READY, the first in the row. */
void tracker_unsend(struct tracker *tracker, struct order_name name);

/* The order of that name, or NULL: it is over, or never was. */
const struct tracked *tracker_find(const struct tracker *tracker,
                                   struct order_name name);

enum tracker_answer {
    TRACKER_YES,    // it counts
    TRACKER_LATE,   // it does not: over, or another one has it
    TRACKER_SECOND, // the same, and it has to be told to drop it
};

/* `join` says that it has it. */
enum tracker_answer tracker_take(struct tracker *tracker,
                                 struct order_name name, uint32_t join);
/* `join` speaks of it: also takes it when nobody has. */
enum tracker_answer tracker_hear(struct tracker *tracker,
                                 struct order_name name, uint32_t join);
/* It began there, or an item of it (`place`; ITEM_NONE: none yet). */
enum tracker_answer tracker_begin(struct tracker *tracker,
                                  struct order_name name, uint32_t join,
                                  int slot, uint32_t place);
/* The last word on it, from whoever has it: it is over. */
enum tracker_answer tracker_end(struct tracker *tracker, struct order_name name,
                                uint32_t join);

/*
 * A copy came to somebody as redelivered and was dropped there. When it was
 * the last one and nobody has the order, it is READY again, or lost: then it
 * is in `lost`.
 */
void tracker_bounce(struct tracker *tracker, struct order_name name,
                    struct tracked_list *lost);

/*
 * `join` is gone: it died with so many `slots`, or took its leave (0). What
 * began there is lost, and over: it is added to `lost`. What did not is READY
 * again. The first orders that a dead one had, one for each slot, count as
 * begun: it may have died of them before it could say so.
 */
void tracker_lose(struct tracker *tracker, uint32_t join, int slots,
                  struct tracked_list *lost);

/*
 * All that `join` has, by its own words: `names`. What it should have and
 * does not, is lost or READY; what it should not have is added to `wrong`.
 */
void tracker_hold(struct tracker *tracker, uint32_t join,
                  const struct order_name *names, size_t count,
                  struct tracked_list *lost, struct order_names *wrong);

/*
 * A round in which the queue was empty and everybody said what they have is
 * over: what was sent before `asked` and is still not taken was missed once
 * more. After two it is READY again, or lost.
 */
void tracker_miss(struct tracker *tracker, msec asked,
                  struct tracked_list *lost);

/* When the order that has been on its way longest was sent; 0: none is. */
msec tracker_oldest(const struct tracker *tracker);

/* Takes out what nobody has: all that is READY or SENT. */
void tracker_drop(struct tracker *tracker, struct tracked_list *dropped);
/* Takes out everything. */
void tracker_clear(struct tracker *tracker, struct tracked_list *dropped);

/* All that is here, as the feed wants to know it; who is idle is not said. */
void tracker_out(const struct tracker *tracker, struct feed_out *out);

/* How many are here; that are READY; SENT; that a join has. */
uint32_t tracker_count(const struct tracker *tracker);
uint32_t tracker_ready(const struct tracker *tracker);
uint32_t tracker_sent(const struct tracker *tracker);
uint32_t tracker_held(const struct tracker *tracker, uint32_t join);

#endif
