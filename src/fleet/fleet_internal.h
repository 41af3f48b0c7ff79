/*
 * The inside of a fleet, for the files it is made of: fleet.c (its phases, the
 * executor), fleet_talk.c (what is said to workers), fleet_hear.c and
 * fleet_orders.c (what they say), fleet_ship.c (pieces of their trees),
 * fleet_watch.c (what time brings), fleet_leave.c (its end), fleet_survey.c
 * (who is there at all) and fleet_status.c (what it says of itself). Nobody
 * else includes it.
 */
#ifndef FLEET_FLEET_INTERNAL_H
#define FLEET_FLEET_INTERNAL_H

#include "celery/asker.h"
#include "fleet/feed.h"
#include "fleet/fleet.h"
#include "fleet/fleet_names.h"
#include "fleet/offers.h"
#include "fleet/roster.h"
#include "fleet/tracker.h"
#include "fleet/update_codec.h"
#include "loop/deadline.h"
#include "transport/transport.h"

/*
 * OPENING -> OPEN -> LEAVING -> CLEANING -> OVER. Any of them may go straight
 * on to a later one; nothing goes back.
 */
enum fleet_phase {
    FLEET_OPENING = 1, // connects, declares, asks who is there
    FLEET_OPEN,        // offers and sends
    FLEET_LEAVING,     // everybody is told to leave
    FLEET_CLEANING,    // what bears the build's id is deleted
    FLEET_OVER,
};

/* What a build is doing, for those who ask. */
enum fleet_mood {
    FLEET_WAITS, // for workers
    FLEET_RUNS,
    FLEET_ENDS,
};

/* Who takes from the queue of offers, by Celery's own words. */
struct survey {
    struct map queues;     // node -> takes from our queue
    struct map registered; // node -> knows mule.provision
    uint32_t open;         // questions
    bool asked;
    bool told;
    struct deadline patience; // before the first offer
    uint32_t strangers;       // nodes on our queue that do not know mule
    uint32_t willing;         // nodes on our queue that do
    struct buf names;         // of the strangers, for people
};

struct fleet {
    struct executor executor;
    struct fleet_params params;
    struct transport *transport;
    struct asker *asker;
    struct consumer *inbox;
    struct consumer *nodes;   // their events
    struct consumer *control; // questions who is there
    char *name;               // under which these are answered
    msec since;               // real: of what it answers
    enum fleet_mood mood;     // that it answered last
    struct fleet_names names;
    char nonce[ENVELOPE_NONCE_SIZE];
    char *origin;
    enum fleet_phase phase;
    struct roster roster;
    struct tracker *tracker;
    struct feed feed;
    struct offers offers;
    struct survey survey;
    struct update_memory memory;
    struct order_places places;

    // Time: `now` stands still while we are cut off.
    struct deadline tick;
    msec now;
    msec real; // of the last tick, on a clock that does not
    bool up;
    bool was_up;
    msec down_since; // real
    msec opened;     // real: when it was made
    struct err down; // why it is, or could not be made
    msec probed;     // when the broker last answered a question, in `now`
    bool probing;

    // Numbers.
    uint64_t said;  // the last one said to all
    uint64_t asked; // the last question

    // What is wanted.
    uint32_t waiting;  // jobs not given out, when that was last asked
    uint64_t next_us;  // what the next of them should take; 0: not known
    bool wanted;       // it was asked
    bool posted;       // a flush will come
    bool paused;       // the broker takes no orders for now
    msec refused_told; // real: when it was last said that it does not
    bool cancelled;
    bool cancelled_now;
    bool broken;
    bool gone; // the broker, for good
    bool drained;
    msec cancel_said;
    msec alone_since; // that nobody is there to work; 0: somebody is

    // Leases, questions, offers.
    msec leased;
    msec asked_length;
    msec offers_looked;
    size_t unacknowledged; // messages since the last lease
    bool lease_posted;
    struct {
        uint64_t ask; // 0: none is under way
        msec began;
        bool looking; // how long the queue is
    } audit;

    // The end.
    uint32_t cleaning;  // answers that are missing
    msec leaving_since; // real
    msec clean_since;   // real
    bool deleting;
    bool closing;
    uint64_t forged; // messages that were dropped
    msec forged_told;
    uint32_t failed;    // workers whose setup failed
    char *failure;      // why the last one did
    struct err refused; // why the broker did not take an offer
};

/* That a running test may print under --live until the next lease: bytes. */
#define LIVE_CREDIT (UINT64_C(256) * 1024)

/* How often time is looked at. */
msec fleet_tick_ms(const struct fleet *fleet);
/* A sixth of the lease. */
msec fleet_sixth(const struct fleet *fleet);

// fleet.c

/* It cannot go on: everything that is out ends. Said once. */
void fleet_break(struct fleet *fleet, const struct err *err);
/* There may be room. */
void fleet_offer_room(struct fleet *fleet);
/* Ends orders that have come to their end here. Releases the list. */
void fleet_end_all(struct fleet *fleet, struct tracked_list *list,
                   enum order_end end, const char *problem);
void fleet_note(struct fleet *fleet, enum note_level level, const char *hint,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Sends what is READY, later in this turn. */
void fleet_flush_soon(struct fleet *fleet);
/* Goes on to the next phase, when this one has come to its end. */
void fleet_step(struct fleet *fleet);
void fleet_step_posted(void *ctx); // the same, for loop_post

// fleet_talk.c

/* Says something to a join, or to all (NULL). Takes `members` (or NULL). */
void fleet_tell(struct fleet *fleet, struct join *join, const char *method,
                json_t *members);
void fleet_welcome(struct fleet *fleet, struct join *join);
/* To a node that is not welcome. */
void fleet_refuse(struct fleet *fleet, struct slice join, struct slice node,
                  const char *reason);
void fleet_tell_cancel(struct fleet *fleet);
/* Tells one that it must not run these. */
void fleet_tell_drop(struct fleet *fleet, struct join *join,
                     const struct order_name *names, size_t count);
void fleet_tell_lease(struct fleet *fleet);
void fleet_tell_teardown(struct fleet *fleet, struct join *join);
/* Asks a join, or all, what they have; gives the number of the question. */
uint64_t fleet_ask_state(struct fleet *fleet, struct join *join);
void fleet_send_offers(struct fleet *fleet, uint32_t count);
/* Sends all that is READY. */
void fleet_flush(struct fleet *fleet);

// fleet_hear.c

/* A message from the inbox. */
void fleet_on_inbox(void *ctx, const struct delivery *delivery);
/* It is lost, or has left: what it had goes back or is lost. */
void fleet_join_over(struct fleet *fleet, struct join *join,
                     enum join_state state, const char *why);
void fleet_tell_worker(struct fleet *fleet, const struct join *join,
                       enum worker_what what, uint64_t us, struct slice text);

// fleet_ship.c

/* Before the welcome; when it has joined; when it is over. */
void fleet_ship_open(struct fleet *fleet, struct join *join);
void fleet_ship_settled(struct fleet *fleet, const struct join *join);
void fleet_ship_close(struct fleet *fleet, struct join *join);
void fleet_hear_want(struct fleet *fleet, const struct envelope *envelope);

// fleet_orders.c

/* What a join says of orders; see docs/protocol/celery.md, section 4. */
void fleet_hear_took(struct fleet *fleet, struct join *join,
                     const struct update *update);
void fleet_hear_bounced(struct fleet *fleet, const struct update *update);
void fleet_hear_holds(struct fleet *fleet, struct join *join,
                      const struct update *update);
void fleet_hear_begin(struct fleet *fleet, struct join *join,
                      const struct update *update);
void fleet_hear_slow(struct fleet *fleet, struct join *join,
                     const struct update *update);
void fleet_hear_result(struct fleet *fleet, struct join *join,
                       const struct update *update);
void fleet_hear_appeared(struct fleet *fleet, struct join *join,
                         const struct update *update);
void fleet_hear_end(struct fleet *fleet, struct join *join,
                    const struct update *update);
void fleet_hear_differs(struct fleet *fleet, struct join *join,
                        const struct update *update);

// fleet_watch.c

void fleet_on_tick(void *ctx);
/* Those that have nothing to do, and will have nothing, may go. */
void fleet_release_idle(struct fleet *fleet);
/* Offers as many as are due, or takes them back. */
void fleet_look_at_offers(struct fleet *fleet);
void fleet_withdraw(struct fleet *fleet);

// fleet_survey.c

/* Asks who is there; fleet_surveyed comes. */
void fleet_survey(struct fleet *fleet);
/* Names those who do not know mule, once. */
void fleet_tell_survey(struct fleet *fleet);
void fleet_surveyed(struct fleet *fleet);
/* Hears when a node starts: one that does so again has died in between. */
void fleet_listen_to_nodes(struct fleet *fleet);
void survey_release(struct survey *survey);

// fleet_status.c

/* Answers `mule_status` from here on. */
void fleet_answer_status(struct fleet *fleet);
/* What it says may have changed. */
void fleet_note_mood(struct fleet *fleet);

// fleet_leave.c

/* No more orders: everybody leaves. */
void fleet_leave(struct fleet *fleet);
/* Everybody has left, or is lost. */
void fleet_clean(struct fleet *fleet);
/* Some time has passed. */
void fleet_look_at_end(struct fleet *fleet);

#endif
