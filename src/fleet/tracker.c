#include "fleet/tracker.h"

#include <assert.h>
#include <stdlib.h>

#include "model/items.h"
#include "util/alloc.h"
#include "util/array.h"

#define NOWHERE UINT32_MAX

/* Places of entries in the order they came, linked through them. */
struct chain {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

struct tracker {
    struct tracked_list all; // places that were ever used
    struct chain free;
    struct chain ready;
    struct chain sent;
    struct chain *taken; // by join
    size_t taken_count;
    uint32_t *by_job; // place of the order of a job; NOWHERE
    size_t jobs;
    uint32_t live;
    uint32_t unknown; // live, and nobody knows how long they take
    uint64_t us;      // what the others take, no more than is enough each
};

static const struct chain empty_chain = {NOWHERE, NOWHERE, 0};

struct tracker *
tracker_new(void)
{
    struct tracker *tracker = ALLOC(struct tracker);
    tracker->free = tracker->ready = tracker->sent = empty_chain;
    return tracker;
}

void
tracker_free(struct tracker *tracker)
{
    if (tracker == NULL) {
        return;
    }
    free(tracker->all.items);
    free(tracker->taken);
    free(tracker->by_job);
    free(tracker);
}

// ------------------------------------------------------------------ chains

static void
chain_add(struct tracker *tracker, struct chain *chain, uint32_t place)
{
    struct tracked *entry = &tracker->all.items[place];
    entry->before = chain->last;
    entry->after = NOWHERE;
    if (chain->last != NOWHERE) {
        tracker->all.items[chain->last].after = place;
    } else {
        chain->first = place;
    }
    chain->last = place;
    chain->count++;
}

static void
chain_add_first(struct tracker *tracker, struct chain *chain, uint32_t place)
{
    struct tracked *entry = &tracker->all.items[place];
    entry->before = NOWHERE;
    entry->after = chain->first;
    if (chain->first != NOWHERE) {
        tracker->all.items[chain->first].before = place;
    } else {
        chain->last = place;
    }
    chain->first = place;
    chain->count++;
}

static void
chain_remove(struct tracker *tracker, struct chain *chain, uint32_t place)
{
    struct tracked *entry = &tracker->all.items[place];
    if (entry->before != NOWHERE) {
        tracker->all.items[entry->before].after = entry->after;
    } else {
        chain->first = entry->after;
    }
    if (entry->after != NOWHERE) {
        tracker->all.items[entry->after].before = entry->before;
    } else {
        chain->last = entry->before;
    }
    chain->count--;
}

static struct chain *
chain_of_join(struct tracker *tracker, uint32_t join)
{
    size_t needed = (size_t)join + 1;
    if (tracker->taken_count < needed) {
        tracker->taken =
            alloc_resize(tracker->taken, needed, sizeof(struct chain));
        while (tracker->taken_count < needed) {
            tracker->taken[tracker->taken_count++] = empty_chain;
        }
    }
    return &tracker->taken[join];
}

static struct chain *
chain_of(struct tracker *tracker, const struct tracked *entry)
{
    switch (entry->state) {
    case TRACKED_READY:
        return &tracker->ready;
    case TRACKED_SENT:
        return &tracker->sent;
    case TRACKED_TAKEN:
        break;
    }
    return chain_of_join(tracker, entry->taker);
}

// ----------------------------------------------------------------- entries

static uint32_t
place_of(const struct tracker *tracker, struct order_name name)
{
    if (name.job >= tracker->jobs || tracker->by_job[name.job] == NOWHERE) {
        return NOWHERE;
    }
    uint32_t place = tracker->by_job[name.job];
    bool same = tracker->all.items[place].order.attempt == name.attempt;
    return same ? place : NOWHERE;
}

static void
make_room_for_job(struct tracker *tracker, uint32_t job)
{
    if (job < tracker->jobs) {
        return;
    }
    size_t jobs = alloc_grow(tracker->jobs, (size_t)job + 1);
    tracker->by_job = alloc_resize(tracker->by_job, jobs, sizeof(uint32_t));
    while (tracker->jobs < jobs) {
        tracker->by_job[tracker->jobs++] = NOWHERE;
    }
}

static uint32_t
find_place(struct tracker *tracker)
{
    uint32_t place = tracker->free.first;
    if (place != NOWHERE) {
        chain_remove(tracker, &tracker->free, place);
    } else {
        place = (uint32_t)tracker->all.count;
        ARRAY_ADD_ZERO(&tracker->all);
    }
    return place;
}

static void
move(struct tracker *tracker, uint32_t place, enum tracked_state state,
     uint32_t taker)
{
    struct tracked *entry = &tracker->all.items[place];
    chain_remove(tracker, chain_of(tracker, entry), place);
    entry->state = state;
    entry->taker = taker;
    if (state == TRACKED_READY) {
        chain_add_first(tracker, &tracker->ready, place);
    } else {
        chain_add(tracker, chain_of(tracker, entry), place);
    }
}

/* Counts how long an order should take, or with -1 does no more. */
static void
count_time(struct tracker *tracker, const struct order *order, int sign)
{
    uint64_t us =
        order->expect_us < FEED_GOAL_US ? order->expect_us : FEED_GOAL_US;
    if (us == 0) {
        tracker->unknown += (uint32_t)sign;
    } else {
        tracker->us += sign > 0 ? us : -us;
    }
}

static void
forget(struct tracker *tracker, uint32_t place)
{
    struct tracked *entry = &tracker->all.items[place];
    chain_remove(tracker, chain_of(tracker, entry), place);
    tracker->by_job[entry->order.job] = NOWHERE;
    count_time(tracker, &entry->order, -1);
    chain_add(tracker, &tracker->free, place);
    tracker->live--;
}

/* A message of it will come to nobody any more. */
static void
forget_copy(struct tracked *entry)
{
    if (entry->copies > 0) {
        entry->copies--;
    }
}

/* It is over: into `list`. */
static void
give_back(struct tracker *tracker, uint32_t place, struct tracked_list *list)
{
    struct tracked entry = tracker->all.items[place];
    forget(tracker, place);
    ARRAY_ADD(list, entry);
}

/* Nobody has it any more: it is sent again, unless that cannot go on. */
static void
again(struct tracker *tracker, uint32_t place, struct tracked_list *lost)
{
    struct tracked *entry = &tracker->all.items[place];
    entry->misses = 0;
    if (entry->began || entry->deaths > TRACKER_DEATHS_MAX ||
        entry->sends >= TRACKER_SENDS_MAX) {
        give_back(tracker, place, lost);
    } else {
        move(tracker, place, TRACKED_READY, TRACKER_NOBODY);
    }
}

// ----------------------------------------------------------------- sending

void
tracker_add(struct tracker *tracker, const struct order *order)
{
    make_room_for_job(tracker, order->job);
    assert(tracker->by_job[order->job] == NOWHERE);
    uint32_t place = find_place(tracker);
    tracker->all.items[place] = (struct tracked){
        .order = *order,
        .state = TRACKED_READY,
        .taker = TRACKER_NOBODY,
        .slot = -1,
        .place = ITEM_NONE,
    };
    tracker->by_job[order->job] = place;
    chain_add(tracker, &tracker->ready, place);
    tracker->live++;
    count_time(tracker, order, 1);
}

const struct tracked *
tracker_next(const struct tracker *tracker)
{
    uint32_t place = tracker->ready.first;
    return place != NOWHERE ? &tracker->all.items[place] : NULL;
}

const struct tracked *
tracker_send(struct tracker *tracker, msec now)
{
    uint32_t place = tracker->ready.first;
    if (place == NOWHERE) {
        return NULL;
    }
    move(tracker, place, TRACKED_SENT, TRACKER_NOBODY);
    struct tracked *entry = &tracker->all.items[place];
    entry->since = now;
    entry->sends++;
    entry->copies++;
    entry->misses = 0;
    return entry;
}

void
tracker_unsend(struct tracker *tracker, struct order_name name)
{
    uint32_t place = place_of(tracker, name);
    if (place == NOWHERE) {
        return;
    }
    struct tracked *entry = &tracker->all.items[place];
    forget_copy(entry);
    if (entry->state == TRACKED_SENT) {
        entry->sends--;
        move(tracker, place, TRACKED_READY, TRACKER_NOBODY);
    }
}

const struct tracked *
tracker_find(const struct tracker *tracker, struct order_name name)
{
    uint32_t place = place_of(tracker, name);
    return place != NOWHERE ? &tracker->all.items[place] : NULL;
}

// ----------------------------------------------------------- what is heard

enum tracker_answer
tracker_hear(struct tracker *tracker, struct order_name name, uint32_t join)
{
    uint32_t place = place_of(tracker, name);
    if (place == NOWHERE) {
        return TRACKER_LATE;
    }
    struct tracked *entry = &tracker->all.items[place];
    if (entry->state == TRACKED_TAKEN) {
        return entry->taker == join ? TRACKER_YES : TRACKER_LATE;
    }
    move(tracker, place, TRACKED_TAKEN, join);
    entry->misses = 0;
    return TRACKER_YES;
}

enum tracker_answer
tracker_take(struct tracker *tracker, struct order_name name, uint32_t join)
{
    if (tracker_hear(tracker, name, join) == TRACKER_YES) {
        return TRACKER_YES;
    }
    uint32_t place = place_of(tracker, name);
    if (place != NOWHERE) {
        struct tracked *entry = &tracker->all.items[place];
        forget_copy(entry); // it comes to nobody else
    }
    return TRACKER_SECOND;
}

enum tracker_answer
tracker_begin(struct tracker *tracker, struct order_name name, uint32_t join,
              int slot, uint32_t place)
{
    enum tracker_answer answer = tracker_hear(tracker, name, join);
    if (answer == TRACKER_YES) {
        struct tracked *entry = &tracker->all.items[place_of(tracker, name)];
        entry->began = true;
        entry->slot = slot;
        entry->place = place;
    }
    return answer;
}

enum tracker_answer
tracker_end(struct tracker *tracker, struct order_name name, uint32_t join)
{
    enum tracker_answer answer = tracker_hear(tracker, name, join);
    if (answer == TRACKER_YES) {
        forget(tracker, place_of(tracker, name));
    }
    return answer;
}

// ------------------------------------------------------------------ losses

void
tracker_bounce(struct tracker *tracker, struct order_name name,
               struct tracked_list *lost)
{
    uint32_t place = place_of(tracker, name);
    if (place == NOWHERE) {
        return;
    }
    struct tracked *entry = &tracker->all.items[place];
    forget_copy(entry);
    if (entry->state == TRACKED_SENT && entry->copies == 0) {
        again(tracker, place, lost);
    }
}

void
tracker_lose(struct tracker *tracker, uint32_t join, int slots,
             struct tracked_list *lost)
{
    struct chain *chain = chain_of_join(tracker, join);
    bool died = slots > 0;
    // They stand in the order in which they were taken, and so are run.
    for (uint32_t place = chain->first; place != NOWHERE && slots > 0;
         place = tracker->all.items[place].after) {
        tracker->all.items[place].began = true;
        slots--;
    }
    // From the last one on, as each goes to the front of the others.
    while (chain->last != NOWHERE) {
        tracker->all.items[chain->last].deaths += died;
        again(tracker, chain->last, lost);
    }
}

static bool
is_among(struct order_name name, const struct order_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (order_name_equals(name, names[i])) {
            return true;
        }
    }
    return false;
}

void
tracker_hold(struct tracker *tracker, uint32_t join,
             const struct order_name *names, size_t count,
             struct tracked_list *lost, struct order_names *wrong)
{
    for (size_t i = 0; i < count; i++) {
        if (tracker_take(tracker, names[i], join) == TRACKER_SECOND) {
            ARRAY_ADD(wrong, names[i]);
        }
    }
    uint32_t place = chain_of_join(tracker, join)->last;
    while (place != NOWHERE) {
        struct tracked *entry = &tracker->all.items[place];
        uint32_t before = entry->before;
        struct order_name name = {entry->order.job, entry->order.attempt};
        if (!is_among(name, names, count)) {
            entry->deaths++;
            again(tracker, place, lost);
        }
        place = before;
    }
}

void
tracker_miss(struct tracker *tracker, msec asked, struct tracked_list *lost)
{
    uint32_t place = tracker->sent.last;
    while (place != NOWHERE) {
        struct tracked *entry = &tracker->all.items[place];
        uint32_t before = entry->before;
        if (entry->since < asked && ++entry->misses >= 2) {
            entry->copies = 0;
            again(tracker, place, lost);
        }
        place = before;
    }
}

msec
tracker_oldest(const struct tracker *tracker)
{
    uint32_t place = tracker->sent.first;
    return place != NOWHERE ? tracker->all.items[place].since : 0;
}

void
tracker_drop(struct tracker *tracker, struct tracked_list *dropped)
{
    while (tracker->sent.first != NOWHERE) {
        give_back(tracker, tracker->sent.first, dropped);
    }
    while (tracker->ready.first != NOWHERE) {
        give_back(tracker, tracker->ready.first, dropped);
    }
}

void
tracker_clear(struct tracker *tracker, struct tracked_list *dropped)
{
    tracker_drop(tracker, dropped);
    for (size_t i = 0; i < tracker->taken_count; i++) {
        while (tracker->taken[i].first != NOWHERE) {
            give_back(tracker, tracker->taken[i].first, dropped);
        }
    }
}

// ------------------------------------------------------------------ counts

void
tracker_out(const struct tracker *tracker, struct feed_out *out)
{
    *out = (struct feed_out){
        .count = tracker->live,
        .unknown = tracker->unknown,
        .us = tracker->us,
        .queued = tracker->ready.count + tracker->sent.count,
    };
}

uint32_t
tracker_count(const struct tracker *tracker)
{
    return tracker->live;
}

uint32_t
tracker_ready(const struct tracker *tracker)
{
    return tracker->ready.count;
}

uint32_t
tracker_sent(const struct tracker *tracker)
{
    return tracker->sent.count;
}

uint32_t
tracker_held(const struct tracker *tracker, uint32_t join)
{
    return join < tracker->taken_count ? tracker->taken[join].count : 0;
}
