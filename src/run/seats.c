#include "run/seats.h"

#include <stdlib.h>

#include "util/alloc.h"

// What numbers come from a fleet is not ours to choose.
#define SEATS_MAX (1 << 20)

void
seats_release(struct seats *seats)
{
    free(seats->seats);
    *seats = (struct seats){0};
}

static void
grow(struct seats *seats, size_t count)
{
    if (count <= seats->count) {
        return;
    }
    size_t room = alloc_grow(seats->count, count);
    seats->seats = alloc_resize(seats->seats, room, sizeof(struct seat));
    while (seats->count < room) {
        seats->seats[seats->count++] = (struct seat){0};
    }
}

uint32_t
seats_begin(struct seats *seats, const struct order_begin *begin)
{
    if (begin->slot < 0 || begin->slot >= SEATS_MAX) {
        return 0;
    }
    grow(seats, (size_t)begin->slot + 1);
    struct seat *seat = &seats->seats[begin->slot];
    seat->job = begin->job;
    seat->attempt = begin->attempt;
    if (begin->process == 0) {
        seat->number = 0;
    } else if (seat->local != begin->process || seat->number == 0) {
        seat->number = ++seats->processes;
    }
    seat->local = begin->process;
    return seat->number;
}

uint32_t
seats_find(const struct seats *seats, int slot, uint32_t job, uint16_t attempt)
{
    if (slot < 0 || (size_t)slot >= seats->count) {
        return 0;
    }
    const struct seat *seat = &seats->seats[slot];
    bool same = seat->job == job && (attempt == 0 || seat->attempt == attempt);
    return same ? seat->number : 0;
}

void
seats_clear(struct seats *seats, int base, int count)
{
    for (size_t i = 0; i < seats->count; i++) {
        if ((int)i >= base && (int)i - base < count) {
            seats->seats[i] = (struct seat){0};
        }
    }
}
