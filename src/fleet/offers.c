#include "fleet/offers.h"

#include <string.h>

/* Forgets the `count` oldest. */
static void
forget(struct offers *offers, size_t count)
{
    offers->open -= count;
    memmove(offers->sent, offers->sent + count,
            offers->open * sizeof(offers->sent[0]));
}

/* Forgets those that are older than `age`. */
static void
forget_older(struct offers *offers, msec age, msec now)
{
    size_t old = 0;
    while (old < offers->open && now - offers->sent[old] >= age) {
        old++;
    }
    forget(offers, old);
}

uint32_t
offers_due(struct offers *offers, uint32_t wanted, msec now)
{
    forget_older(offers, OFFERS_EXPIRE_MS, now);
    uint32_t most = wanted < OFFERS_MAX ? wanted : OFFERS_MAX;
    if (most > 0) {
        most += offers->extra;
        most = most < OFFERS_MAX ? most : OFFERS_MAX;
    }
    uint32_t open = (uint32_t)offers->open;
    return open < most ? most - open : 0;
}

void
offers_sent(struct offers *offers, uint32_t count, msec now)
{
    for (uint32_t i = 0; i < count && offers->open < OFFERS_MAX; i++) {
        offers->sent[offers->open++] = now;
    }
    offers->total += count;
}

void
offers_taken(struct offers *offers)
{
    offers->extra = 0;
    if (offers->open > 0) {
        forget(offers, 1);
    }
}

void
offers_missing(struct offers *offers, msec now)
{
    size_t before = offers->open;
    forget_older(offers, OFFERS_STALE_MS, now);
    if (offers->open < before && offers->extra < OFFERS_MAX / 2) {
        offers->extra = 2 * offers->extra + 1;
    }
}

void
offers_withdrawn(struct offers *offers)
{
    offers->open = 0;
}

uint32_t
offers_wanted(uint32_t waiting, uint32_t hands, uint32_t most)
{
    uint32_t room = most == 0 ? UINT32_MAX : most > hands ? most - hands : 0;
    return waiting < room ? waiting : room;
}
