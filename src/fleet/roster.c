#include "fleet/roster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

void
roster_init(struct roster *roster, int first_base)
{
    *roster = (struct roster){.first_base = first_base};
}

void
roster_release(struct roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        struct join *join = roster->joins[i];
        stream_in_release(&join->updates);
        buf_release(&join->printed);
        free(join->pieces);
        free(join->node);
        free(join->host);
        free(join->python);
        free(join);
    }
    free(roster->joins);
    map_release(&roster->by_id);
    *roster = (struct roster){0};
}

struct join *
roster_find(const struct roster *roster, struct slice id)
{
    return map_find(&roster->by_id, id);
}

/* Whether `slots` numbers from `base` on are free; else where to go on. */
static bool
is_free(const struct roster *roster, int base, int slots, int *next)
{
    for (size_t i = 0; i < roster->count; i++) {
        const struct join *join = roster->joins[i];
        if (join->state != JOIN_LEFT && join->base < base + slots &&
            base < join->base + join->slots) {
            *next = join->base + join->slots;
            return false;
        }
    }
    return true;
}

static int
find_base(const struct roster *roster, int slots)
{
    int base = roster->first_base;
    while (!is_free(roster, base, slots, &base)) {
    }
    return base;
}

struct join *
roster_greet(struct roster *roster, const struct join_params *params, msec now)
{
    assert(roster_find(roster, params->id) == NULL);
    assert(params->slots > 0);
    struct join *join = ALLOC(struct join);
    join->number = (uint32_t)roster->count;
    snprintf(join->id, sizeof(join->id), "%.*s", SLICE_ARG(params->id));
    join->node = slice_dup(params->node);
    join->host = slice_dup(params->host);
    join->python = slice_dup(params->python);
    join->native = params->native;
    join->pid = params->pid;
    join->slots = params->slots;
    join->base = find_base(roster, params->slots);
    join->state = JOIN_GREETED;
    join->greeted = join->heard = now;
    roster->states[JOIN_GREETED]++;
    roster->joins = array_grow(roster->joins, &roster->capacity,
                               roster->count + 1, sizeof(struct join *));
    roster->joins[roster->count++] = join;
    map_set(&roster->by_id, slice_of(join->id), join);
    return join;
}

static bool
may_move(enum join_state from, enum join_state to)
{
    if (to == JOIN_LOST) {
        return from != JOIN_LEFT && from != JOIN_LOST;
    }
    if (from == JOIN_LOST) {
        return to == JOIN_LEFT;
    }
    return to > from;
}

void
roster_move(struct roster *roster, struct join *join, enum join_state state)
{
    assert(may_move(join->state, state));
    if (join->state == JOIN_WORKING) {
        roster->working_slots -= join->slots;
    }
    if (state == JOIN_WORKING) {
        roster->working_slots += join->slots;
    }
    roster->states[join->state]--;
    roster->states[state]++;
    join->state = state;
}

void
roster_hear(struct join *join, msec now)
{
    join->heard = now;
    join->asked = 0;
}

void
roster_forgive(struct roster *roster, msec now)
{
    for (size_t i = 0; i < roster->count; i++) {
        roster_hear(roster->joins[i], now);
    }
}

enum roster_advice
roster_look(const struct join *join, uint32_t lease_ms, msec now)
{
    if (join->state == JOIN_LEFT || join->state == JOIN_LOST) {
        return ROSTER_FINE;
    }
    if (join->asked > 0) {
        bool gone = now - join->asked > (msec)lease_ms / 3;
        return gone ? ROSTER_GONE : ROSTER_FINE;
    }
    return now - join->heard > (msec)lease_ms ? ROSTER_ASK : ROSTER_FINE;
}

void
roster_ask(struct join *join, msec now)
{
    join->asked = now > 0 ? now : 1;
}

size_t
roster_hands(const struct roster *roster)
{
    return roster->states[JOIN_GREETED] + roster->states[JOIN_WORKING];
}

size_t
roster_open(const struct roster *roster)
{
    return roster_hands(roster) + roster->states[JOIN_LEAVING];
}

int
roster_total(const struct roster *roster)
{
    int total = roster->first_base;
    for (size_t i = 0; i < roster->count; i++) {
        const struct join *join = roster->joins[i];
        int end = join->base + join->slots;
        total = end > total ? end : total;
    }
    return total;
}
