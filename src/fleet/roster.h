/*
 * Who works for a build: every join that greeted, its slots and their numbers,
 * and when it was last heard of. Says who has to be asked and who is lost. Pure:
 * time is a number that its owner lets pass, and stops while it is itself cut
 * off; knows no orders.
 *
 *     GREETED -> WORKING -> LEAVING -> LEFT
 *
 * Each may go to LEFT at once (it says so), and each but LEFT to LOST. A lost
 * one that is heard of again stays lost until it says that it left.
 */
#ifndef FLEET_ROSTER_H
#define FLEET_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/envelope.h"
#include "fleet/stream.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/now.h"
#include "util/slice.h"

#define JOIN_NONE UINT32_MAX

enum join_state {
    JOIN_GREETED = 1, // was welcomed, and prepares
    JOIN_WORKING,     // takes orders
    JOIN_LEAVING,     // was told to leave
    JOIN_LEFT,        // said its last word
    JOIN_LOST,        // nothing is heard of it
    JOIN_STATE_COUNT
};

/* A join. Owned by the roster; never moves. Its owner's members are zeroed. */
struct join {
    uint32_t number; // its place in the roster
    char id[ENVELOPE_JOIN_SIZE];
    char *node;
    char *host;
    char *python; // "" for native
    bool native;
    int64_t pid; // 0: not known
    int base;    // the number of its first slot
    int slots;   // that it is to use
    enum join_state state;
    msec greeted;
    msec heard; // last
    msec asked; // since then whether it lives; 0: it need not be
    msec told;  // its owner's: when it was last told to leave

    // Of its owner, who talks with it.
    struct stream_in updates;
    uint64_t said;         // the last number it was sent
    uint64_t acknowledged; // updates up to here
    uint64_t answered;     // the last question it answered
    size_t unacknowledged; // bytes that came since
    uint32_t tellings;     // how often it was told to leave
    msec resend;           // when it was last asked to send again
    msec joined;
    msec hole;          // since when updates of it are missing; 0: none are
    struct buf printed; // the end of what its scripts print
    char *pieces;       // owned: the queue of pieces of the tree, or NULL
};

struct roster {
    struct join **joins;
    size_t count;
    size_t capacity;
    struct map by_id;
    size_t states[JOIN_STATE_COUNT]; // how many are in each
    int working_slots;
    int first_base;
};

/* Slots below `first_base` are somebody else's. */
void roster_init(struct roster *roster, int first_base);
void roster_release(struct roster *roster);

/* NULL when it never greeted. */
struct join *roster_find(const struct roster *roster, struct slice id);

struct join_params {
    struct slice id; // must be drawn, see envelope.h
    struct slice node;
    struct slice host;
    struct slice python;
    bool native;
    int64_t pid;
    int slots;
};

/*
 * A new one, which must not be there yet: GREETED. Its slots get the lowest
 * numbers that nobody has who has not left.
 */
struct join *roster_greet(struct roster *roster,
                          const struct join_params *params, msec now);

/* It moves on. Backwards, and out of LEFT, is a mistake of the caller. */
void roster_move(struct roster *roster, struct join *join,
                 enum join_state state);

/* Something came from it. */
void roster_hear(struct join *join, msec now);

/* Nobody can be blamed for silence up to now: we were cut off ourselves. */
void roster_forgive(struct roster *roster, msec now);

enum roster_advice {
    ROSTER_FINE,
    ROSTER_ASK, // nothing was heard of it for a lease
    ROSTER_GONE // and nothing for a third of one after it was asked
};
/*
 * What to do about its silence. After ROSTER_ASK the owner asks, and says so
 * with roster_ask.
 */
enum roster_advice roster_look(const struct join *join, uint32_t lease_ms,
                               msec now);
void roster_ask(struct join *join, msec now);

/* How many may get work, now or soon: GREETED and WORKING. */
size_t roster_hands(const struct roster *roster);
/* How many have not come to their end: the same, and LEAVING. */
size_t roster_open(const struct roster *roster);
/* One more than the highest number of a slot so far. */
int roster_total(const struct roster *roster);

#endif
