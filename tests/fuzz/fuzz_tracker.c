// Random words of a broker and some joins about orders: taken, begun, ended,
// bounced, lost, missed, taken stock of, in any order and by anybody. Each
// order that was added must end exactly once: by the word of the join that has
// it, or given back; and only an order that is there is ever sent.
#include <string.h>

#include "fleet/tracker.h"
#include "fuzz.h"
#include "model/items.h"

enum {
    JOBS = 16,
    JOINS = 4,
};

struct model {
    struct tracker *tracker;
    struct tracked_list given;
    struct order_names wrong;
    uint16_t attempt[JOBS]; // of the last order of a job
    bool open[JOBS];        // it is not over
    uint32_t count;
    msec now;
    const uint8_t *data;
    size_t size;
};

static unsigned
next(struct model *model)
{
    if (model->size == 0) {
        return 0;
    }
    model->size--;
    return *model->data++;
}

static struct order_name
pick(struct model *model)
{
    unsigned byte = next(model);
    uint32_t job = byte % JOBS;
    // Mostly the order that is there, sometimes one before it or none at all.
    uint16_t attempt = model->attempt[job];
    return (struct order_name){job, (uint16_t)(attempt - byte / 128)};
}

static void
is_over(struct model *model, struct order_name name)
{
    FUZZ_CHECK(model->open[name.job]);
    FUZZ_CHECK(model->attempt[name.job] == name.attempt);
    model->open[name.job] = false;
    model->count--;
}

static void
take_given(struct model *model)
{
    for (size_t i = 0; i < model->given.count; i++) {
        const struct order *order = &model->given.items[i].order;
        is_over(model, (struct order_name){order->job, order->attempt});
    }
    model->given.count = 0;
    model->wrong.count = 0;
}

static void
add(struct model *model)
{
    uint32_t job = next(model) % JOBS;
    if (!model->open[job]) {
        struct order order = {.job = job, .attempt = ++model->attempt[job]};
        tracker_add(model->tracker, &order);
        model->open[job] = true;
        model->count++;
    }
}

static void
send_one(struct model *model)
{
    const struct tracked *tracked = tracker_send(model->tracker, model->now);
    if (tracked != NULL) {
        FUZZ_CHECK(model->open[tracked->order.job]);
        FUZZ_CHECK(tracked->order.attempt ==
                   model->attempt[tracked->order.job]);
        FUZZ_CHECK(tracked->sends <= TRACKER_SENDS_MAX);
        FUZZ_CHECK(!tracked->began);
    }
}

static void
end_one(struct model *model)
{
    struct order_name name = pick(model);
    uint32_t join = next(model) % JOINS;
    const struct tracked *tracked = tracker_find(model->tracker, name);
    bool others = tracked != NULL && tracked->state == TRACKED_TAKEN &&
                  tracked->taker != join;
    if (tracker_end(model->tracker, name, join) == TRACKER_YES) {
        FUZZ_CHECK(!others);
        is_over(model, name);
    }
}

static void
take_stock(struct model *model)
{
    struct order_name names[4];
    size_t count = next(model) % 5;
    uint32_t join = next(model) % JOINS;
    for (size_t i = 0; i < count; i++) {
        names[i] = pick(model);
    }
    tracker_hold(model->tracker, join, names, count, &model->given,
                 &model->wrong);
    FUZZ_CHECK(tracker_held(model->tracker, join) <= count);
}

static void
happen(struct model *model)
{
    struct order_name name;
    uint32_t join = 0;
    model->now++;
    switch (next(model) % 13) {
    case 0:
    case 1:
        add(model);
        break;
    case 2:
    case 3:
        send_one(model);
        break;
    case 4:
        name = pick(model);
        tracker_take(model->tracker, name, next(model) % JOINS);
        break;
    case 5:
        name = pick(model);
        join = next(model) % JOINS;
        tracker_begin(model->tracker, name, join, 0, ITEM_NONE);
        break;
    case 6:
        end_one(model);
        break;
    case 7:
        tracker_bounce(model->tracker, pick(model), &model->given);
        break;
    case 8:
        join = next(model) % JOINS;
        tracker_lose(model->tracker, join, (int)(next(model) % 3),
                     &model->given);
        FUZZ_CHECK(tracker_held(model->tracker, join) == 0);
        break;
    case 9:
        tracker_miss(model->tracker, model->now, &model->given);
        break;
    case 10:
        take_stock(model);
        break;
    case 11:
        tracker_unsend(model->tracker, pick(model));
        break;
    default:
        if (next(model) % 16 == 0) {
            tracker_drop(model->tracker, &model->given);
            FUZZ_CHECK(tracker_ready(model->tracker) == 0);
            FUZZ_CHECK(tracker_sent(model->tracker) == 0);
        }
        break;
    }
    take_given(model);
}

static void
check_counts(const struct model *model)
{
    uint32_t count =
        tracker_ready(model->tracker) + tracker_sent(model->tracker);
    for (uint32_t join = 0; join < JOINS; join++) {
        count += tracker_held(model->tracker, join);
    }
    FUZZ_CHECK(count == model->count);
    FUZZ_CHECK(tracker_count(model->tracker) == model->count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model model = {
        .tracker = tracker_new(),
        .data = data,
        .size = size,
    };
    while (model.size > 0) {
        happen(&model);
        check_counts(&model);
    }
    tracker_clear(model.tracker, &model.given);
    take_given(&model);
    FUZZ_CHECK(model.count == 0);
    tracker_free(model.tracker);
    ARRAY_RELEASE(&model.given);
    ARRAY_RELEASE(&model.wrong);
    return 0;
}
