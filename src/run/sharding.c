#include "run/sharding.h"

#include "run/book.h"
#include "run/forecast.h"
#include "schedule/fingerprint.h"
#include "schedule/shard.h"
#include "util/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The jobs that are dealt out. */
struct deck {
    ARRAY(uint32_t) jobs;
    struct shard_job *cards; // as many
    bool known;              // how long one of them takes
};

static void
gather(struct deck *deck, const struct items *items)
{
    for (uint32_t job = 0; job < items_job_count(items); job++) {
        if (book_count_open(items, job) > 0) {
            ARRAY_ADD(&deck->jobs, job);
        }
    }
    deck->cards = alloc_zero(deck->jobs.count + 1, sizeof(*deck->cards));
    for (size_t i = 0; i < deck->jobs.count; i++) {
        deck->cards[i].name =
            slice_of(items_job_name(items, deck->jobs.items[i]));
    }
}

/* A job that the file does not know takes the median of its module's. */
static void
weigh(struct deck *deck, const struct items *items,
      const struct durations *durations)
{
    struct estimate *estimate = estimate_new();
    for (size_t i = 0; i < deck->jobs.count; i++) {
        struct past past = {0};
        past.timed = durations_find(durations, deck->cards[i].name, &past.us);
        deck->known = deck->known || past.timed;
        estimate_add_job(estimate,
                         forecast_module_of(items, deck->jobs.items[i]), 0);
        estimate_add_item(estimate, &past);
    }
    estimate_settle(estimate);
    for (size_t i = 0; i < deck->jobs.count; i++) {
        deck->cards[i].us = estimate_of_job(estimate, (uint32_t)i);
    }
    estimate_free(estimate);
}

static void
deal(struct deck *deck, uint32_t shards, bool balance)
{
    if (balance) {
        shard_balance(deck->cards, deck->jobs.count, shards);
        return;
    }
    for (size_t i = 0; i < deck->jobs.count; i++) {
        deck->cards[i].shard = shard_of_name(deck->cards[i].name, shards);
    }
}

static void
leave(struct sharding *sharding, struct items *items, uint32_t job,
      uint32_t shard)
{
    ARRAY_ADD(&sharding->jobs, job);
    ARRAY_ADD(&sharding->of, shard);
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct item *item = items_get(items, items_of_job(items, job, i));
        if ((item->flags & ITEM_SELECTED) != 0) {
            item->flags =
                (uint8_t)((item->flags & ~ITEM_SELECTED) | ITEM_ELSEWHERE);
        }
    }
}

void
sharding_divide(struct sharding *sharding, const struct settings *settings,
                struct items *items, const struct durations *durations)
{
    if (settings->shard == 0) {
        return;
    }
    snprintf(sharding->shard, sizeof(sharding->shard), "%" PRIu32 "/%" PRIu32,
             settings->shard, settings->shards);
    fingerprint_selected(items, sharding->selection);
    struct deck deck = {0};
    gather(&deck, items);
    if (durations != NULL) {
        sharding->durations = durations_hash(durations);
        weigh(&deck, items, durations);
        sharding->in_vain = deck.jobs.count > 0 && !deck.known;
    }
    deal(&deck, settings->shards, durations != NULL);
    for (size_t i = 0; i < deck.jobs.count; i++) {
        if (deck.cards[i].shard != settings->shard) {
            leave(sharding, items, deck.jobs.items[i], deck.cards[i].shard);
        }
    }
    free(deck.cards);
    ARRAY_RELEASE(&deck.jobs);
}

void
sharding_release(struct sharding *sharding)
{
    ARRAY_RELEASE(&sharding->jobs);
    ARRAY_RELEASE(&sharding->of);
}

void
sharding_describe(const struct sharding *sharding,
                  struct event_collected *collected)
{
    if (sharding->shard[0] != '\0') {
        collected->shard = sharding->shard;
        collected->selection = sharding->selection;
        collected->durations = sharding->durations;
    }
}

void
sharding_tell(const struct sharding *sharding, struct chronicle *chronicle)
{
    for (size_t i = 0; i < sharding->jobs.count; i++) {
        uint32_t job = sharding->jobs.items[i];
        uint32_t count = items_peek_job(chronicle->items, job)->count;
        for (uint32_t k = 0; k < count; k++) {
            uint32_t item = items_of_job(chronicle->items, job, k);
            uint8_t flags = items_peek(chronicle->items, item)->flags;
            if ((flags & ITEM_ELSEWHERE) != 0) {
                chronicle_elsewhere(chronicle, item, sharding->of.items[i]);
            }
        }
    }
}
