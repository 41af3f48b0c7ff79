#include "fleet/holdings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/feed.h"
#include "fleet/order_ends.h"
#include "util/alloc.h"

enum {
    KEY_SIZE = 6,
};

static struct slice
key_of(struct order_name name, char key[static KEY_SIZE])
{
    memcpy(key, &name.job, sizeof(name.job));
    memcpy(key + sizeof(name.job), &name.attempt, sizeof(name.attempt));
    return slice_make(key, KEY_SIZE);
}

void
holdings_init(struct holdings *holdings)
{
    *holdings = (struct holdings){.over = order_ends_new()};
    list_init(&holdings->orders);
    list_init(&holdings->tasks);
    list_init(&holdings->idle);
}

static void
holding_free(struct holding *holding)
{
    json_decref(holding->order);
    free(holding);
}

void
held_task_free(struct held_task *task)
{
    json_decref(task->result);
    free(task);
}

void
holdings_release(struct holdings *holdings)
{
    LIST_FOR_EACH(link, &holdings->orders)
    {
        holding_free(LIST_ENTRY(link, struct holding, link));
    }
    LIST_FOR_EACH(link, &holdings->tasks)
    {
        held_task_free(LIST_ENTRY(link, struct held_task, link));
    }
    LIST_FOR_EACH(link, &holdings->idle)
    {
        held_task_free(LIST_ENTRY(link, struct held_task, link));
    }
    map_release(&holdings->by_name);
    order_ends_free(holdings->over);
    *holdings = (struct holdings){0};
}

struct held_task *
holdings_task(struct holdings *holdings, uint64_t number)
{
    struct held_task *task = ALLOC(struct held_task);

    task->number = number;
    list_add(&holdings->idle, &task->link);
    return task;
}

// Counts the open orders of a task up or down.
static void
count_open(struct holdings *holdings, struct held_task *task, int step)
{
    assert(step > 0 || task->open > 0);
    task->open = (size_t)((ptrdiff_t)task->open + step);
    list_remove(&task->link);
    if (task->open > 0) {
        list_add(&holdings->tasks, &task->link);
    } else {
        list_add(&holdings->idle, &task->link);
    }
}

struct held_task *
holdings_find_task(const struct holdings *holdings, uint64_t number)
{
    LIST_FOR_EACH(link, &holdings->tasks)
    {
        struct held_task *task = LIST_ENTRY(link, struct held_task, link);
        if (task->number == number) {
            return task;
        }
    }
    return NULL;
}

struct holding *
holdings_find(const struct holdings *holdings, struct order_name name)
{
    char key[KEY_SIZE];

    return map_find(&holdings->by_name, key_of(name, key));
}

uint64_t
holdings_expect_us(const json_t *order)
{
    json_int_t us = json_integer_value(json_object_get(order, "expect_us"));

    return us > 0 ? (uint64_t)us : 0;
}

enum holdings_verdict
holdings_offer(struct holdings *holdings, struct held_task *task,
               struct order_name name, json_t *order, bool redelivered)
{
    char key[KEY_SIZE];
    struct holding *known = holdings_find(holdings, name);

    if (known != NULL) {
        // Twice in one message is once.
        if (known->task != task) {
            count_open(holdings, known->task, -1);
            known->task = task;
            count_open(holdings, task, 1);
        }
        return HOLDINGS_ADOPTED;
    }
    if (order_ends_has(holdings->over, name)) {
        return HOLDINGS_OVER;
    }
    if (redelivered) {
        return HOLDINGS_FOREIGN;
    }
    struct holding *holding = ALLOC(struct holding);
    *holding = (struct holding){
        .name = name,
        .task = task,
        .order = json_incref(order),
        .busies = holdings_expect_us(order) >= FEED_GOAL_US,
        .slot = -1,
    };
    holdings->busying += holding->busies;
    list_add(&holdings->orders, &holding->link);
    map_set(&holdings->by_name, key_of(name, key), holding);
    holdings->count++;
    count_open(holdings, task, 1);
    return HOLDINGS_NEW;
}

void
holdings_begin(struct holdings *holdings, struct holding *holding, int slot,
               usec wall, msec boot)
{
    if (!holding->begun) {
        holdings->begun++;
    }
    holding->begun = true;
    holding->slot = slot;
    holding->began = wall;
    holding->began_boot = boot;
}

struct held_task *
holdings_drop(struct holdings *holdings, struct holding *holding)
{
    char key[KEY_SIZE];
    struct held_task *task = holding->task;

    count_open(holdings, task, -1);
    holdings->count--;
    holdings->begun -= holding->begun;
    holdings->busying -= holding->busies;
    map_remove(&holdings->by_name, key_of(holding->name, key));
    list_remove(&holding->link);
    holding_free(holding);
    return task;
}

struct held_task *
holdings_end(struct holdings *holdings, struct holding *holding)
{
    order_ends_add(holdings->over, holding->name);
    return holdings_drop(holdings, holding);
}

struct held_task *
holdings_idle_task(struct holdings *holdings)
{
    struct list_link *link = list_take_first(&holdings->idle);

    return link != NULL ? LIST_ENTRY(link, struct held_task, link) : NULL;
}
