#include "fleet/fleet_internal.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/log.h"

// A broker that was never reached may be away so long: one that starts in the
// same minute is waited for, a wrong name is not.
#define FIRST_MS 5000
// How long a hole in the updates may be reordering, and how often it is asked
// for.
#define HOLE_MS 50
#define RESEND_MS 200
// How often the queue of offers is looked at while nobody answers them.
#define OFFERS_LOOK_MS 1000
// What is repeated until it had its effect.
#define REPEAT_MS 1000
// When somebody is late because this machine is busy, nothing is concluded
// from the time that was lost.
#define STEP_MAX_MS 1000

// ------------------------------------------------------------------- joins

static void
on_probed(void *ctx, uint64_t count, const struct err *err)
{
    struct fleet *fleet = ctx;
    (void)count;
    fleet->probing = false;
    if (err == NULL) {
        fleet->probed = fleet->now;
    }
}

/* Whether the broker answers us: who is silent may be cut off, or we. */
static void
probe(struct fleet *fleet)
{
    if (!fleet->probing && fleet->up) {
        fleet->probing = true;
        transport_length(fleet->transport, fleet->names.inbox, on_probed,
                         fleet);
    }
}

static void
look_for_silence(struct fleet *fleet, struct join *join)
{
    char why[80];
    switch (roster_look(join, fleet->params.lease_ms, fleet->now)) {
    case ROSTER_FINE:
        break;
    case ROSTER_ASK:
        log_info("fleet: nothing is heard of %s", join->node);
        roster_ask(join, fleet->now);
        fleet_ask_state(fleet, join);
        probe(fleet);
        break;
    case ROSTER_GONE:
        if (fleet->probed <= join->asked) {
            probe(fleet);
            break;
        }
        snprintf(why, sizeof(why), "nothing was heard of it for %lld s",
                 (long long)(fleet->now - join->heard) / 1000);
        fleet_join_over(fleet, join, JOIN_LOST, why);
        break;
    }
}

static void
look_for_holes(struct fleet *fleet, struct join *join)
{
    uint64_t from = 0;
    if (!stream_in_hole(&join->updates, &from)) {
        join->hole = join->resend = 0;
        return;
    }
    if (join->hole == 0) {
        join->hole = fleet->now;
    }
    if (fleet->now - join->hole >= HOLE_MS &&
        (join->resend == 0 || fleet->now - join->resend >= RESEND_MS)) {
        join->resend = fleet->now;
        fleet_tell(fleet, join, FLEET_RESEND,
                   json_pack("{s:I}", "from", (json_int_t)from));
    }
}

static msec
repeat_ms(const struct fleet *fleet)
{
    msec sixth = fleet_sixth(fleet);
    return sixth > REPEAT_MS ? sixth : REPEAT_MS;
}

static void
look_at_joins(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        if (join->state == JOIN_LEFT || join->state == JOIN_LOST) {
            continue;
        }
        look_for_holes(fleet, join);
        if (join->state == JOIN_LEAVING &&
            fleet->now - join->told >= repeat_ms(fleet)) {
            fleet_tell_teardown(fleet, join);
        }
        look_for_silence(fleet, join);
    }
}

void
fleet_release_idle(struct fleet *fleet)
{
    if (!fleet->wanted || fleet->waiting > 0 || fleet->phase != FLEET_OPEN ||
        tracker_ready(fleet->tracker) + tracker_sent(fleet->tracker) > 0) {
        return;
    }
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        bool here = join->state == JOIN_GREETED || join->state == JOIN_WORKING;
        if (here && tracker_held(fleet->tracker, join->number) == 0) {
            roster_move(&fleet->roster, join, JOIN_LEAVING);
            fleet_tell_teardown(fleet, join);
        }
    }
}

// ------------------------------------------------------------------ offers

static void
on_offers_length(void *ctx, uint64_t count, const struct err *err)
{
    struct fleet *fleet = ctx;
    if (err == NULL && count == 0) {
        offers_missing(&fleet->offers, fleet->now);
    }
}

static void
on_withdrawn(void *ctx, uint64_t count, const struct err *err)
{
    (void)ctx;
    log_debug("fleet: withdrew %llu offers%s", (unsigned long long)count,
              err != NULL ? ", in vain" : "");
}

void
fleet_withdraw(struct fleet *fleet)
{
    if (fleet->offers.open > 0) {
        offers_withdrawn(&fleet->offers);
        transport_withdraw(fleet->transport, fleet->params.queue,
                           FLEET_HEADER_BUILD, fleet->names.build, on_withdrawn,
                           fleet);
    }
}

void
fleet_look_at_offers(struct fleet *fleet)
{
    if (fleet->phase != FLEET_OPEN || !fleet->wanted || fleet->broken ||
        fleet->cancelled || !fleet->up || fleet->params.plan == NULL) {
        return;
    }
    uint32_t work = fleet->waiting + tracker_ready(fleet->tracker) +
                    tracker_sent(fleet->tracker);
    uint32_t wanted =
        offers_wanted(work, (uint32_t)roster_hands(&fleet->roster),
                      fleet->params.max_workers);
    if (wanted == 0) {
        fleet_withdraw(fleet);
        return;
    }
    uint32_t due = offers_due(&fleet->offers, wanted, fleet->now);
    if (due > 0) {
        fleet_send_offers(fleet, due);
    } else if (fleet->now - fleet->offers_looked >= OFFERS_LOOK_MS) {
        fleet->offers_looked = fleet->now;
        transport_length(fleet->transport, fleet->params.queue,
                         on_offers_length, fleet);
    }
}

// ------------------------------------------------------------------- audit

static void
on_length(void *ctx, uint64_t count, const struct err *err)
{
    struct fleet *fleet = ctx;
    fleet->audit.looking = false;
    if (err == NULL && count == 0 && fleet->phase == FLEET_OPEN &&
        fleet->audit.ask == 0) {
        fleet->audit.began = fleet->now;
        fleet->audit.ask = fleet_ask_state(fleet, NULL);
    }
}

static bool
everybody_answered(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->roster.count; i++) {
        const struct join *join = fleet->roster.joins[i];
        if (join->state == JOIN_WORKING && join->joined < fleet->audit.began &&
            join->answered < fleet->audit.ask) {
            return false;
        }
    }
    return true;
}

/* Orders that nobody took, though nothing is on the queue. */
static void
audit(struct fleet *fleet)
{
    msec oldest = tracker_oldest(fleet->tracker);
    msec patience = fleet_sixth(fleet) > 500 ? fleet_sixth(fleet) : 500;
    if (fleet->phase != FLEET_OPEN || oldest == 0 ||
        fleet->roster.states[JOIN_WORKING] == 0) {
        fleet->audit.ask = 0;
        return;
    }
    if (fleet->audit.ask > 0 && everybody_answered(fleet)) {
        struct tracked_list lost = {0};
        tracker_miss(fleet->tracker, fleet->audit.began, &lost);
        fleet->audit.ask = 0;
        fleet_end_all(fleet, &lost, ORDER_LOST, "it was lost on its way");
        fleet_flush_soon(fleet);
    } else if (fleet->audit.ask > 0) {
        if (fleet->now - fleet->audit.began > patience) {
            fleet->audit.ask = 0; // the question may have been lost
        }
    } else if (!fleet->audit.looking && fleet->now - oldest > patience) {
        fleet->audit.looking = true;
        transport_length(fleet->transport, fleet->names.queue, on_length,
                         fleet);
    }
}

// ----------------------------------------------------------------- nobody

static void
describe_nobody(const struct fleet *fleet, struct err *err)
{
    const struct survey *survey = &fleet->survey;
    struct buf text = BUF_INIT(4096);
    buf_addf(&text, "no worker came within %u s by queue \"%.60s\" of %.80s",
             fleet->params.wait_ms / 1000, fleet->params.queue,
             transport_address(fleet->transport));
    if (err_is_set(&fleet->refused)) {
        buf_addf(&text, "; it takes no offers: %.100s", fleet->refused.text);
    } else if (fleet->failed > 0) {
        buf_addf(&text, "; %u could not get ready: %.80s", fleet->failed,
                 fleet->failure);
    } else if (survey->willing + survey->strangers == 0) {
        buf_add_text(&text, "; nobody takes from it");
    } else if (survey->willing > 0) {
        buf_addf(&text, "; %u workers take from it and did not greet",
                 survey->willing);
    }
    if (survey->strangers > 0) {
        buf_addf(&text, "; %u who take from it do not know mule",
                 survey->strangers);
    }
    err_set(err, ERR_SYSTEM, "%s", buf_text(&text));
    if (err_is_set(&fleet->refused) && fleet->refused.hint != NULL) {
        err_hint(err, fleet->refused.hint);
    }
    if (fleet->failed == 0 && survey->willing > 0 && fleet->roster.count == 0) {
        err_hint(err, "are they busy, have they the same secret, and are the "
                      "clocks of all machines right? `mule status` and `mule "
                      "doctor --broker` show it");
    }
    err_hint(err, "start some on that queue: mule worker --broker URL -Q "
                  "QUEUE; `mule status` shows who is there");
    buf_release(&text);
}

static void
on_purged(void *ctx, uint64_t count, const struct err *err)
{
    (void)ctx;
    (void)err;
    log_debug("fleet: took back %llu messages", (unsigned long long)count);
}

/* Slots of this machine can do what nobody else is there for. */
static void
take_back(struct fleet *fleet)
{
    struct tracked_list list = {0};
    if (tracker_count(fleet->tracker) == 0) {
        return;
    }
    transport_purge(fleet->transport, fleet->names.queue, on_purged, fleet);
    tracker_drop(fleet->tracker, &list);
    fleet_end_all(fleet, &list, ORDER_CANCELLED, "");
}

static void
look_for_hands(struct fleet *fleet)
{
    bool work = fleet->waiting + tracker_count(fleet->tracker) > 0;
    bool local = fleet->params.first_slot > 0;
    if (fleet->phase != FLEET_OPEN || !fleet->wanted || !work ||
        fleet->params.plan == NULL || fleet->cancelled ||
        roster_hands(&fleet->roster) > 0) {
        fleet->alone_since = 0;
        return;
    }
    if (fleet->alone_since == 0) {
        fleet->alone_since = fleet->now;
    }
    msec alone = fleet->now - fleet->alone_since;
    if (local) {
        if (alone > (msec)fleet->params.lease_ms / 3) {
            take_back(fleet);
        }
    } else if (fleet->params.wait_ms > 0 &&
               alone > (msec)fleet->params.wait_ms) {
        struct err err = {0};
        fleet_tell_survey(fleet);
        describe_nobody(fleet, &err);
        fleet_break(fleet, &err);
    }
}

// -------------------------------------------------------------- being away

static void
give_up_broker(struct fleet *fleet, msec ms)
{
    struct err err = {0};
    if (err_is_set(&fleet->down)) {
        err = fleet->down;
        err.kind = ERR_SYSTEM;
        err_wrap(&err, "broker");
    } else {
        err_set(&err, ERR_SYSTEM, "broker %s did not answer for %lld s",
                transport_address(fleet->transport), (long long)ms / 1000);
    }
    err_hint(&err, "is it running, and is this its address? `mule doctor "
                   "--broker` looks at it more closely");
    fleet->gone = true;
    fleet_break(fleet, &err);
}

static void
look_while_down(struct fleet *fleet)
{
    msec wait = fleet->params.wait_ms;
    msec away = fleet->real - fleet->down_since;
    if (!fleet->was_up) {
        msec most = wait > 0 && wait < FIRST_MS ? wait : FIRST_MS;
        if (fleet->real - fleet->opened > most) {
            give_up_broker(fleet, most);
        }
        return;
    }
    if (wait > 0 && away > wait + (msec)fleet->params.lease_ms) {
        give_up_broker(fleet, away);
    }
    if (fleet->cancelled && away > (msec)fleet->params.grace_ms + REPEAT_MS) {
        struct tracked_list list = {0};
        tracker_clear(fleet->tracker, &list);
        fleet_end_all(fleet, &list, ORDER_CANCELLED,
                      "the broker was away when the run was stopped");
    }
}

// ------------------------------------------------------------------- ticks

static void
pass_time(struct fleet *fleet)
{
    msec real = loop_now_us(fleet->params.loop) / 1000;
    msec step = real - fleet->real;
    fleet->real = real;
    if (fleet->up) {
        fleet->now += step > STEP_MAX_MS ? STEP_MAX_MS : step;
    }
}

static void
look_while_up(struct fleet *fleet)
{
    look_at_joins(fleet);
    if (fleet->phase < FLEET_CLEANING &&
        fleet->now - fleet->leased >= fleet_sixth(fleet)) {
        fleet_tell_lease(fleet);
    }
    if (fleet->cancelled && fleet->phase < FLEET_LEAVING &&
        tracker_count(fleet->tracker) > 0 &&
        fleet->now - fleet->cancel_said >= REPEAT_MS) {
        fleet_tell_cancel(fleet);
    }
    fleet_release_idle(fleet);
    fleet_look_at_offers(fleet);
    audit(fleet);
    look_for_hands(fleet);
}

void
fleet_on_tick(void *ctx)
{
    struct fleet *fleet = ctx;
    pass_time(fleet);
    if (fleet->paused) {
        fleet->paused = false;
        fleet_flush_soon(fleet);
        fleet_offer_room(fleet);
    }
    if (fleet->up) {
        look_while_up(fleet);
    } else if (fleet->phase <= FLEET_OPEN) {
        look_while_down(fleet);
    }
    fleet_note_mood(fleet);
    fleet_look_at_end(fleet);
    fleet_step(fleet);
    if (fleet->phase != FLEET_OVER) {
        deadline_arm(&fleet->tick, fleet_tick_ms(fleet));
    }
}
