/*
 * Which process runs at each slot: turns the numbers that a place gives its
 * processes, which differ within a slot only, into numbers that no two
 * processes of a build share. Takes a slot's number as it comes: one that is
 * out of bounds has no process.
 */
#ifndef RUN_SEATS_H
#define RUN_SEATS_H

#include "run/executor.h"

/* The last order that began at a slot. */
struct seat {
    uint32_t job;
    uint16_t attempt;
    uint32_t local;  // as its place has it; 0: nobody was here
    uint32_t number; // in the build
};

/* Zeroed = nobody anywhere. */
struct seats {
    struct seat *seats;
    size_t count;
    uint32_t processes; // so far
};

void seats_release(struct seats *seats);

/* An order began: gives the number of its process; 0: not known. */
uint32_t seats_begin(struct seats *seats, const struct order_begin *begin);

/*
 * The process of an order; `attempt` 0 means any. 0: not known, as when it
 * did not begin there or another one has begun since.
 */
uint32_t seats_find(const struct seats *seats, int slot, uint32_t job,
                    uint16_t attempt);

/* Somebody else has these slots now, whose numbers begin again. */
void seats_clear(struct seats *seats, int base, int count);

#endif
