/* For the files of the member only. */
#ifndef FLEET_MEMBER_INTERNAL_H
#define FLEET_MEMBER_INTERNAL_H

#include <jansson.h>

#include "fleet/envelope.h"
#include "fleet/fleet_names.h"
#include "fleet/holdings.h"
#include "fleet/marker.h"
#include "fleet/member.h"
#include "fleet/member_life.h"
#include "fleet/outbox.h"
#include "loop/deadline.h"
#include "util/list.h"
#include "util/now.h"

/* Joins whose end is remembered, and builds that are not served again. */
#define MEMBER_PAST_MAX 100

/* All that belongs to one join. Times are of CLOCK_BOOTTIME. */
struct service {
    char join[ENVELOPE_JOIN_SIZE];
    char nonce[ENVELOPE_NONCE_SIZE];
    char *build;
    struct fleet_names names;
    struct envelope_count own; // numbers of what is said to this join
    struct envelope_count all; // and to all
    msec lease_ms;
    msec until; // the lease; while it asks: the end of its patience
    msec hello; // the last one
    bool cut;   // we heard nothing for reasons of our own
    struct outbox *outbox;
    struct holdings holdings;
    struct marker *marker;
    json_t *plan;  // as the build sent it
    char *pieces;  // queue of the shipped tree, or NULL
    int base;      // slots
    int slots_max; // it was welcomed with
    uint32_t depth;
    uint32_t message_orders; // in the last message
    uint64_t message_us;     // what they should take; 0: not known
    uint32_t prefetch;

    struct engine_link *engine;
    bool planned;   // the engine was told what to do
    bool ready;     // it takes orders
    bool held;      // it is not listened to
    bool dismissed; // it was told to tear down
    int losses;     // engines that died
    bool prepared;  // the tree is there, setup has run

    bool left; // the engine did its last
    bool left_ok;
    char *left_why;
    uint64_t left_us;
    bool queue_joined;
    bool queue_leaving;
    bool queue_left;
    json_t *live;   // the last wish for output, for the next engine; or NULL
    bool torn_down; // everything but queue_left
    bool lease_over;
    bool leftover; // of a worker before this one
    bool now;      // no grace
    bool draining; // what runs may end, nothing begins
    bool drained;  // the engine knows
    int64_t open;  // orders that will still end, once it does
    char *why;     // why it leaves, or NULL
};

/* A join that is over. */
struct past {
    char join[ENVELOPE_JOIN_SIZE];
    struct outbox *outbox; // what was not acknowledged; NULL: forgotten
    msec until;            // then it is
    char *inbox;
    msec lease_ms;
    bool open;    // what was said has not been acknowledged
    json_t *left; // its last word
};

struct member {
    struct member_params params;
    char *texts[7]; // what params' texts point to
    struct carrier *carrier;
    enum member_state state;
    msec since;              // it is in this state
    struct service *service; // NULL: free
    struct past past[MEMBER_PAST_MAX];
    size_t past_count; // ever
    char *refused[MEMBER_PAST_MAX];
    size_t refused_count; // ever
    struct deadline tick;
    struct deadline soft;
    struct deadline echo;   // after the last words of joins
    enum carrier_stop stop; // if `stopping`
    bool stopping;
    bool stopped;
    bool way_up;
    bool served; // a build, for `once`
    int slots;
    msec ticked;       // the last tick
    uint64_t hellos;   // sent
    uint64_t answered; // whose `done` came
    uint64_t first;    // of this service
    uint64_t leaves;   // of queues, asked for
    uint64_t leaves_done;
    bool leftovers_done;
    int looks;        // for what somebody holds who may be dying
    uint64_t dropped; // messages that were not believed
    msec dropped_said;
    char about[160];
};

/* --- member.c */

/* Something happened: the table says what follows. */
void member_step(struct member *member, enum member_input input);
/* Before anything else is believed: false when the lease was over. */
bool member_check_lease(struct member *member);
void member_say(struct member *member, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A message was not believed. */
void member_note_dropped(struct member *member, const struct err *err);
void member_set_why(struct service *service, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* No engine is left, and nothing to tear down. */
void member_torn_down(struct member *member);
/* The tick goes with the lease. */
void member_arm_tick(struct member *member);

/* Nothing is left to do: the carrier may end. */
void member_finish(struct member *member);

/* --- member_actions.c */

/* It is torn down, and the broker knows that it left the queue. */
void member_try_to_part(struct member *member);

/* --- member_leftover.c */

/* What a worker before it left behind, then offers; or the end. */
void member_take_next(struct member *member);

/* --- member_service.c */

struct service *service_new(struct member *member, const struct envelope *offer,
                            struct err *err);
void service_free(struct service *service);
/* An update made of an object, whose reference it takes. */
void service_update(struct service *service, json_t *update);
/* The object of an order's name. */
json_t *service_order(struct order_name name);

void past_add(struct member *member, struct service *service, json_t *left);
struct past *past_find(struct member *member, struct slice join);
/* Says the last word again. */
void past_repeat(struct member *member, struct past *past);
/* Nobody took the last words: what they lie in belongs to nobody. */
void past_clean(struct member *member);
/* Forgets what is acknowledged or too old. */
void past_tidy(struct member *member);
void past_free(struct member *member);
void refused_add(struct member *member, const char *build);
bool refused_has(const struct member *member, struct slice build);

/* --- member_offer.c */

void member_take_offer(struct member *member, uint64_t task,
                       const struct sealed *sealed);
void member_hello(struct member *member);
void member_welcome(struct member *member, const struct envelope *envelope);

/* --- member_orders.c */

void member_take_run(struct member *member, uint64_t task,
                     const struct sealed *sealed, bool redelivered);
/* What an engine says of orders, and all else it says. */
void member_updates(struct member *member, struct slice list);
/* Ends tasks that have no open orders. */
void member_end_idle(struct member *member);
/* Orders that began are lost; what did not begin stays. */
void member_lose_begun(struct member *member);
/* All orders go; their tasks are ended. */
void member_drop_orders(struct member *member);
/* Gives the engine what it has not got. */
void member_give_all(struct member *member);
void member_set_prefetch(struct member *member);
/* No engine is there to cancel these, a list of names. */
void member_cancel_here(struct member *member, const json_t *names);
void member_cancel_task(struct member *member, uint64_t task, bool now);

/* --- member_engine.c */

/* NULL with err: it cannot be carried out here. */
json_t *member_make_plan(const struct member *member, struct err *err);
void member_engine_start(struct member *member);
void member_engine_send(struct member *member, json_t *message); // takes it
void member_engine_dismiss(struct member *member);
void member_engine_slots(struct member *member, int slots);
int member_slots(const struct member *member);

/* --- member_control.c */

void member_control(struct member *member, const char *method,
                    const struct sealed *sealed, uint64_t reply);

#endif
