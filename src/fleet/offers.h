/*
 * How many workers to ask for, and when: offers are short-lived messages on a
 * queue that others use too, so that there are never more than workers wanted,
 * and never many. Pure: time is a number.
 */
#ifndef FLEET_OFFERS_H
#define FLEET_OFFERS_H

#include <stddef.h>
#include <stdint.h>

#include "util/now.h"

/* How long an offer holds. */
#define OFFERS_EXPIRE_MS 30000
/* At most so many lie on the queue: each that is taken makes room. */
#define OFFERS_MAX 32
/*
 * An offer that is this old, while none lies on the queue, was taken by
 * somebody who cannot serve: another one may go out.
 */
#define OFFERS_STALE_MS 3000

struct offers {
    msec sent[OFFERS_MAX]; // when, the oldest first
    size_t open;
    uint64_t total; // ever sent
    uint32_t extra; // for those who take offers and cannot serve
};

/*
 * How many to send when `wanted` more workers would be of use (those who
 * greeted are no longer wanted). What expired is forgotten.
 */
uint32_t offers_due(struct offers *offers, uint32_t wanted, msec now);
void offers_sent(struct offers *offers, uint32_t count, msec now);
/* Somebody greeted. */
void offers_taken(struct offers *offers);
/*
 * None lies on the queue. Where one vanished, the next time more are sent than
 * are wanted, so that one of them gets past whoever takes them in vain.
 */
void offers_missing(struct offers *offers, msec now);
/* All were withdrawn. */
void offers_withdrawn(struct offers *offers);

/*
 * How many workers would be of use: one for each job that waits, with those
 * `hands` that are here already, and at most `most` in all (0: no bound).
 */
uint32_t offers_wanted(uint32_t waiting, uint32_t hands, uint32_t most);

#endif
