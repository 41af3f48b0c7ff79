#include "schedule/queue.h"

#include "model/items.h"
#include "util/alloc.h"
#include "util/array.h"

/* Numbers in the order they came, taken from the front. */
struct line {
    uint32_t *items;
    size_t count;
    size_t capacity;
    size_t taken;
};

struct queue {
    struct line again; // came back; not alone
    struct line first; // in order; not alone
    struct line alone;
    uint32_t alone_now; // the job that must stay alone; JOB_NONE
};

struct queue *
queue_new(void)
{
    struct queue *queue = ALLOC(struct queue);
    queue->alone_now = JOB_NONE;
    return queue;
}

void
queue_free(struct queue *queue)
{
    if (queue == NULL) {
        return;
    }
    ARRAY_RELEASE(&queue->again);
    ARRAY_RELEASE(&queue->first);
    ARRAY_RELEASE(&queue->alone);
    free(queue);
}

static size_t
line_left(const struct line *line)
{
    return line->count - line->taken;
}

static uint32_t
line_take(struct line *line)
{
    assert(line_left(line) > 0);
    uint32_t job = line->items[line->taken++];
    if (line->taken == line->count) {
        line->taken = line->count = 0;
    }
    return job;
}

void
queue_add(struct queue *queue, uint32_t job, bool alone)
{
    struct line *line = alone ? &queue->alone : &queue->first;
    ARRAY_ADD(line, job);
}

void
queue_add_again(struct queue *queue, uint32_t job, bool alone)
{
    struct line *line = alone ? &queue->alone : &queue->again;
    ARRAY_ADD(line, job);
}

uint32_t
queue_next(struct queue *queue, uint32_t running)
{
    if (queue->alone_now != JOB_NONE) {
        return JOB_NONE;
    }
    if (line_left(&queue->again) > 0) {
        return line_take(&queue->again);
    }
    if (line_left(&queue->first) > 0) {
        return line_take(&queue->first);
    }
    if (line_left(&queue->alone) > 0 && running == 0) {
        queue->alone_now = line_take(&queue->alone);
        return queue->alone_now;
    }
    return JOB_NONE;
}

void
queue_done(struct queue *queue, uint32_t job)
{
    if (queue->alone_now == job) {
        queue->alone_now = JOB_NONE;
    }
}

uint32_t
queue_waiting(const struct queue *queue)
{
    return (uint32_t)(line_left(&queue->again) + line_left(&queue->first) +
                      line_left(&queue->alone));
}

uint32_t
queue_drop(struct queue *queue)
{
    struct line *lines[] = {&queue->again, &queue->first, &queue->alone};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (line_left(lines[i]) > 0) {
            return line_take(lines[i]);
        }
    }
    return JOB_NONE;
}
