/*
 * Which of the jobs known here an order is about: one that was collected and
 * has the same items, or, where nothing is collected, one that is made for it.
 * Pure, but for the tables of items it adds to.
 */
#ifndef FLEET_FINDER_H
#define FLEET_FINDER_H

#include "fleet/order_codec.h"
#include "util/refs.h"

/* Where jobs come from that nobody has asked for before. */
enum finder_jobs {
    FINDER_COLLECTED, // they were collected: any other is not known here
    FINDER_PROGRAMS,  // each is a program, and its own item
    FINDER_NOTHING,   // they have as many items as they say
};

struct finder {
    struct items *items;
    enum finder_jobs jobs;
    struct refs refs;        // jobs, by what orders say of them
    ARRAY(uint32_t) made_of; // whose number a job has elsewhere, if made here
    char *missing;           // why some jobs may not be known, or NULL
};

/* Borrows `items`, which may be filled later. */
void finder_init(struct finder *finder, struct items *items,
                 enum finder_jobs jobs);
void finder_release(struct finder *finder);

/*
 * The tables are complete. `missing` says, where it is not empty, why some
 * jobs may not be in them.
 */
void finder_open(struct finder *finder, struct slice missing);

/*
 * The job to run, which is a part of the one that is known where the order is
 * for a part. JOB_NONE: it is known otherwise, or not at all; `reason` says so
 * in words.
 */
uint32_t finder_find(struct finder *finder, const struct order_text *text,
                     struct buf *reason);

#endif
