#include "fleet/fleet_internal.h"

#include "util/log.h"

// A broker that is away at the end is waited for so long, or a lease, if that
// is less: after it workers end by themselves.
#define AWAY_MS 5000
// And one that is there has so long to delete what was ours.
#define CLEAN_MS 5000
// Who was told twice to leave may answer twice; the second answer would make
// the inbox again that is being deleted.
#define ECHO_MS 500

void
fleet_leave(struct fleet *fleet)
{
    if (fleet->phase > FLEET_LEAVING) {
        return;
    }
    bool again = fleet->phase == FLEET_LEAVING;
    if (!again) {
        fleet_withdraw(fleet);
        fleet->leaving_since = fleet->real;
    }
    fleet->phase = FLEET_LEAVING;
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        if (join->state == JOIN_GREETED || join->state == JOIN_WORKING) {
            roster_move(&fleet->roster, join, JOIN_LEAVING);
            fleet_tell_teardown(fleet, join);
        } else if (join->state == JOIN_LOST ||
                   (again && join->state == JOIN_LEAVING)) {
            fleet_tell_teardown(fleet, join);
        }
    }
    loop_post(fleet->params.loop, fleet_step_posted, fleet);
}

static void
on_deleted(void *ctx, uint64_t count, const struct err *err)
{
    struct fleet *fleet = ctx;
    (void)count;
    if (err != NULL) {
        log_warn("fleet: deleting: %s", err->text);
    }
    fleet->cleaning -= fleet->cleaning > 0;
    fleet_step(fleet);
}

static void
on_exchange_deleted(void *ctx, const struct err *err)
{
    on_deleted(ctx, 0, err);
}

static void
delete_all(struct fleet *fleet)
{
    struct transport *transport = fleet->transport;
    fleet->deleting = true;
    // Acknowledges the last words: with a new connection they would be said
    // again, and nobody be here to take them.
    fleet_tell_lease(fleet);
    fleet->cleaning = 4;
    consumer_stop(fleet->inbox, NULL, NULL);
    consumer_stop(fleet->nodes, NULL, NULL);
    consumer_stop(fleet->control, NULL, NULL);
    fleet->inbox = fleet->nodes = fleet->control = NULL;
    transport_delete(transport, fleet->names.queue, false, on_deleted, fleet);
    transport_delete_exchange(transport, fleet->names.queue,
                              on_exchange_deleted, fleet);
    transport_withdraw(transport, fleet->params.queue, FLEET_HEADER_BUILD,
                       fleet->names.build, on_deleted, fleet);
    transport_delete(transport, fleet->names.inbox, false, on_deleted, fleet);
}

static bool
may_echo(const struct fleet *fleet)
{
    if (fleet->survey.open > 0) {
        return true; // who was asked may still answer
    }
    for (size_t i = 0; i < fleet->roster.count; i++) {
        const struct join *join = fleet->roster.joins[i];
        if (join->tellings > 1 && join->state == JOIN_LEFT) {
            return true;
        }
    }
    return false;
}

void
fleet_clean(struct fleet *fleet)
{
    fleet->phase = FLEET_CLEANING;
    fleet->clean_since = fleet->real;
    if (!fleet->up) {
        if (fleet->was_up) {
            fleet_note(fleet, NOTE_WARNING,
                       "workers end with their lease, queues when they have "
                       "not been used for a while",
                       "the broker is away: what is left of the build there "
                       "could not be deleted");
        }
        fleet->deleting = true;
    } else if (may_echo(fleet)) {
        fleet->cleaning = 1; // until fleet_look_at_end
    } else {
        delete_all(fleet);
    }
}

void
fleet_look_at_end(struct fleet *fleet)
{
    if (fleet->phase == FLEET_LEAVING && !fleet->up) {
        msec since = fleet->leaving_since > fleet->down_since
                         ? fleet->leaving_since
                         : fleet->down_since;
        bool gone = fleet->gone || !fleet->was_up;
        msec lease = fleet->params.lease_ms;
        msec most = lease < AWAY_MS ? lease : AWAY_MS;
        if (gone || fleet->real - since > most) {
            fleet_clean(fleet);
        }
    }
    if (fleet->phase != FLEET_CLEANING) {
        return;
    }
    msec since = fleet->real - fleet->clean_since;
    if (!fleet->deleting && since >= ECHO_MS) {
        if (fleet->up) {
            delete_all(fleet);
        } else {
            fleet->deleting = true;
            fleet->cleaning = 0;
        }
    } else if (fleet->deleting && since > CLEAN_MS) {
        fleet->cleaning = 0; // nobody answers
    }
}
