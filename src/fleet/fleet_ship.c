#include "fleet/fleet_internal.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/log.h"

/*
 * The queue of pieces of a join, where the plan ships a tree: made before the
 * welcome, deleted with the join. What is in the pieces, and when they are due,
 * is another's business.
 */

static bool
ships(const struct fleet *fleet)
{
    const json_t *tree = json_object_get(fleet->params.plan, "tree");
    return json_object_get(tree, "ship") != NULL;
}

static void
on_declared(void *ctx, const struct err *err)
{
    struct fleet *fleet = ctx;
    if (err != NULL && fleet->phase < FLEET_LEAVING) {
        fleet_note(fleet, NOTE_WARNING, NULL,
                   "a queue for the tree could not be made: %s", err->text);
    }
}

void
fleet_ship_open(struct fleet *fleet, struct join *join)
{
    if (!ships(fleet) || join->pieces != NULL) {
        return;
    }
    join->pieces = fleet_names_ship(&fleet->names, join->id);
    const struct queue_params queue = {
        .name = join->pieces,
        .durable = true,
        .expires_ms = FLEET_INBOX_EXPIRES_MS,
    };
    transport_declare_queue(fleet->transport, &queue, on_declared, fleet);
}

void
fleet_ship_settled(struct fleet *fleet, const struct join *join)
{
    if (join->pieces != NULL && fleet->params.supply != NULL) {
        fleet->params.supply->on_settled(fleet->params.supply_ctx, join->id);
    }
}

void
fleet_ship_close(struct fleet *fleet, struct join *join)
{
    if (join->pieces == NULL) {
        return;
    }
    fleet_ship_settled(fleet, join);
    transport_delete(fleet->transport, join->pieces, false, NULL, NULL);
    transport_delete_exchange(fleet->transport, join->pieces, NULL, NULL);
    free(join->pieces);
    join->pieces = NULL;
}

void
fleet_hear_want(struct fleet *fleet, const struct envelope *envelope)
{
    struct join *join = roster_find(&fleet->roster, envelope->join);
    struct err err = {0};
    if (join == NULL || join->pieces == NULL || fleet->params.supply == NULL) {
        log_warn("fleet: a piece is wanted by nobody it is for");
        return;
    }
    roster_hear(join, fleet->now);
    if (!fleet->params.supply->on_want(fleet->params.supply_ctx, join->id,
                                       envelope->object, &err)) {
        log_warn("fleet: %s: %s", join->node, err.text);
    }
}

void
fleet_give(struct fleet *fleet, const char *id, struct slice body)
{
    struct join *join = roster_find(&fleet->roster, slice_of(id));
    const struct message message = {
        .body = body,
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
    };
    if (join == NULL || join->pieces == NULL || !fleet->up) {
        return; // it is asked for again, if it is still wanted
    }
    transport_publish(fleet->transport,
                      &(struct publish){.exchange = "",
                                        .key = join->pieces,
                                        .message = &message},
                      NULL, NULL);
}

void
fleet_set_plan(struct fleet *fleet, const json_t *plan)
{
    fleet->params.plan = plan;
    fleet_flush_soon(fleet); // with offers
}

void
fleet_fail(struct fleet *fleet, const struct err *err)
{
    fleet_break(fleet, err);
}

void
fleet_say(struct fleet *fleet, const char *text)
{
    fleet_note(fleet, NOTE_INFO, NULL, "%s", text);
}
