#include "schedule/queue.h"

#include "model/items.h"
#include "util/alloc.h"
#include "util/array.h"

/* A job and its turn: the lower one goes first. */
struct waiter {
    uint32_t job;
    uint32_t turn;
};

/* Taken from the front. */
struct fifo {
    struct waiter *items;
    size_t count;
    size_t capacity;
    size_t taken;
};

/* The jobs that need the same. */
struct line {
    struct queue_need *needs;
    uint32_t need_count;
    struct fifo again; // came back
    struct fifo first;
};

struct queue {
    ARRAY(struct line *) lines; // by the number of their needs; 0: none
    ARRAY(uint32_t) turns;      // lines with jobs, the first one's turn first
    struct fifo alone;
    uint32_t alone_now; // the job that must stay alone; JOB_NONE
    uint32_t *free;     // units of each resource
    uint32_t *kept;     // of these, for jobs that wait; while one is looked for
    uint32_t resources;
    uint32_t waiting;
    uint32_t running;
    uint32_t last_turn;
    ARRAY(uint32_t) held; // by job: the number of what it holds
};

// ------------------------------------------------------------------- fifos

static bool
fifo_is_empty(const struct fifo *fifo)
{
    return fifo->count == fifo->taken;
}

static struct waiter
fifo_take(struct fifo *fifo)
{
    assert(!fifo_is_empty(fifo));
    struct waiter waiter = fifo->items[fifo->taken++];
    if (fifo->taken == fifo->count) {
        fifo->taken = fifo->count = 0;
    }
    return waiter;
}

static void
fifo_add(struct fifo *fifo, struct waiter waiter)
{
    if (fifo->taken > 1024 && fifo->taken > fifo->count / 2) {
        fifo->count -= fifo->taken;
        memmove(fifo->items, fifo->items + fifo->taken,
                fifo->count * sizeof(*fifo->items));
        fifo->taken = 0;
    }
    ARRAY_ADD(fifo, waiter);
}

// ------------------------------------------------------------------- lines

static struct line *
line_new(const struct queue_need *needs, size_t count)
{
    struct line *line = ALLOC(struct line);
    line->need_count = (uint32_t)count;
    if (count > 0) {
        line->needs = alloc_zero(count, sizeof(*needs));
        memcpy(line->needs, needs, count * sizeof(*needs));
    }
    return line;
}

static void
line_free(struct line *line)
{
    free(line->needs);
    ARRAY_RELEASE(&line->again);
    ARRAY_RELEASE(&line->first);
    free(line);
}

static bool
line_is_empty(const struct line *line)
{
    return fifo_is_empty(&line->again) && fifo_is_empty(&line->first);
}

/* The turn of its first job: what came back is before what was not tried. */
static uint64_t
line_turn(const struct line *line)
{
    if (!fifo_is_empty(&line->again)) {
        return line->again.items[line->again.taken].turn;
    }
    return (UINT64_C(1) << 32) + line->first.items[line->first.taken].turn;
}

static uint32_t
line_first(const struct line *line)
{
    const struct fifo *fifo =
        fifo_is_empty(&line->again) ? &line->first : &line->again;
    return fifo->items[fifo->taken].job;
}

static uint32_t
line_take(struct line *line)
{
    struct fifo *fifo =
        fifo_is_empty(&line->again) ? &line->first : &line->again;
    return fifo_take(fifo).job;
}

static bool
line_needs(const struct line *line, const struct queue_need *needs,
           size_t count)
{
    if (line->need_count != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < count && line->needs[k].resource != needs[i].resource) {
            k++;
        }
        if (k == count || line->needs[k].units != needs[i].units) {
            return false;
        }
    }
    return true;
}

// ------------------------------------------------------------------- turns

/* Puts a line that has jobs where it belongs. */
static void
place_line(struct queue *queue, uint32_t number)
{
    uint64_t turn = line_turn(queue->lines.items[number]);
    ARRAY_ADD(&queue->turns, number);
    uint32_t *turns = queue->turns.items;
    size_t at = queue->turns.count - 1;
    while (at > 0 && line_turn(queue->lines.items[turns[at - 1]]) > turn) {
        turns[at] = turns[at - 1];
        at--;
    }
    turns[at] = number;
}

static void
unplace_line(struct queue *queue, uint32_t number)
{
    for (size_t i = 0; i < queue->turns.count; i++) {
        if (queue->turns.items[i] == number) {
            ARRAY_REMOVE(&queue->turns, i);
            return;
        }
    }
}

/* Takes the first job of the line at that place of the turns. */
static uint32_t
take_from(struct queue *queue, size_t at)
{
    uint32_t number = queue->turns.items[at];
    struct line *line = queue->lines.items[number];
    uint32_t job = line_take(line);
    queue->waiting--;
    if (queue->turns.count == 1 && !line_is_empty(line)) {
        return job; // where nothing is needed it never moves
    }
    ARRAY_REMOVE(&queue->turns, at);
    if (!line_is_empty(line)) {
        place_line(queue, number);
    }
    return job;
}

// -------------------------------------------------------------- resources

static bool
fits(const struct queue *queue, const struct line *line)
{
    for (uint32_t i = 0; i < line->need_count; i++) {
        const struct queue_need *need = &line->needs[i];
        uint32_t free = queue->free[need->resource];
        uint32_t kept = queue->kept[need->resource];
        if (free < kept || free - kept < need->units) {
            return false;
        }
    }
    return true;
}

/* Who comes behind this line gets nothing that it waits for. */
static void
keep_for(struct queue *queue, const struct line *line)
{
    for (uint32_t i = 0; i < line->need_count; i++) {
        uint32_t *kept = &queue->kept[line->needs[i].resource];
        uint32_t units = line->needs[i].units;
        *kept = *kept > UINT32_MAX - units ? UINT32_MAX : *kept + units;
    }
}

static void
hold(struct queue *queue, uint32_t job, uint32_t number)
{
    const struct line *line = queue->lines.items[number];
    if (line->need_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < line->need_count; i++) {
        queue->free[line->needs[i].resource] -= line->needs[i].units;
    }
    while (queue->held.count <= job) {
        ARRAY_ADD(&queue->held, 0);
    }
    assert(queue->held.items[job] == 0);
    queue->held.items[job] = number;
}

static void
let_go(struct queue *queue, uint32_t job)
{
    if (job >= queue->held.count || queue->held.items[job] == 0) {
        return;
    }
    const struct line *line = queue->lines.items[queue->held.items[job]];
    for (uint32_t i = 0; i < line->need_count; i++) {
        queue->free[line->needs[i].resource] += line->needs[i].units;
    }
    queue->held.items[job] = 0;
}

// ----------------------------------------------------------- from outside

struct queue *
queue_new(const uint32_t *units, uint32_t count)
{
    struct queue *queue = ALLOC(struct queue);
    queue->alone_now = JOB_NONE;
    queue->resources = count;
    queue->free = alloc_zero((size_t)count + 1, sizeof(*queue->free));
    queue->kept = alloc_zero((size_t)count + 1, sizeof(*queue->kept));
    for (uint32_t i = 0; i < count; i++) {
        queue->free[i] = units[i];
    }
    ARRAY_ADD(&queue->lines, line_new(NULL, 0));
    return queue;
}

void
queue_free(struct queue *queue)
{
    if (queue == NULL) {
        return;
    }
    for (size_t i = 0; i < queue->lines.count; i++) {
        line_free(queue->lines.items[i]);
    }
    ARRAY_RELEASE(&queue->lines);
    ARRAY_RELEASE(&queue->turns);
    ARRAY_RELEASE(&queue->alone);
    ARRAY_RELEASE(&queue->held);
    free(queue->free);
    free(queue->kept);
    free(queue);
}

uint32_t
queue_needs(struct queue *queue, const struct queue_need *needs, size_t count)
{
    for (size_t i = 0; i < queue->lines.count; i++) {
        if (line_needs(queue->lines.items[i], needs, count)) {
            return (uint32_t)i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert(needs[i].resource < queue->resources);
    }
    ARRAY_ADD(&queue->lines, line_new(needs, count));
    return (uint32_t)queue->lines.count - 1;
}

static void
add(struct queue *queue, uint32_t job, struct queue_wants wants, bool again)
{
    assert(job != JOB_NONE && wants.needs < queue->lines.count);
    struct waiter waiter = {.job = job, .turn = queue->last_turn++};
    queue->waiting++;
    if (wants.alone) {
        fifo_add(&queue->alone, waiter); // then everything is free
        return;
    }
    struct line *line = queue->lines.items[wants.needs];
    bool moves = again ? fifo_is_empty(&line->again) : line_is_empty(line);
    if (moves && !line_is_empty(line)) {
        unplace_line(queue, wants.needs);
    }
    fifo_add(again ? &line->again : &line->first, waiter);
    if (moves) {
        place_line(queue, wants.needs);
    }
}

void
queue_add(struct queue *queue, uint32_t job, struct queue_wants wants)
{
    add(queue, job, wants, false);
}

void
queue_add_again(struct queue *queue, uint32_t job, struct queue_wants wants)
{
    add(queue, job, wants, true);
}

#define NO_PLACE SIZE_MAX

/* The place in the turns of the line whose first job is next. */
static size_t
find_place(struct queue *queue, bool idle)
{
    bool clean = false;
    for (size_t i = 0; i < queue->turns.count; i++) {
        uint32_t number = queue->turns.items[i];
        const struct line *line = queue->lines.items[number];
        if (line->need_count > 0 && !idle) {
            continue;
        }
        if (line->need_count > 0 && !clean) {
            memset(queue->kept, 0, queue->resources * sizeof(*queue->kept));
            clean = true;
        }
        if (fits(queue, line)) {
            return i;
        }
        keep_for(queue, line);
    }
    return NO_PLACE;
}

static bool
is_alones_turn(const struct queue *queue)
{
    return queue->turns.count == 0 && queue->running == 0 &&
           !fifo_is_empty(&queue->alone);
}

uint32_t
queue_peek(struct queue *queue, bool idle)
{
    if (queue->alone_now != JOB_NONE) {
        return JOB_NONE;
    }
    size_t place = find_place(queue, idle || queue->running == 0);
    if (place != NO_PLACE) {
        return line_first(queue->lines.items[queue->turns.items[place]]);
    }
    return is_alones_turn(queue) ? queue->alone.items[queue->alone.taken].job
                                 : JOB_NONE;
}

uint32_t
queue_next(struct queue *queue, bool idle)
{
    if (queue->alone_now != JOB_NONE) {
        return JOB_NONE;
    }
    uint32_t job = JOB_NONE;
    size_t place = find_place(queue, idle || queue->running == 0);
    if (place != NO_PLACE) {
        uint32_t number = queue->turns.items[place];
        job = take_from(queue, place);
        hold(queue, job, number);
    } else if (is_alones_turn(queue)) {
        job = queue->alone_now = fifo_take(&queue->alone).job;
        queue->waiting--;
    }
    queue->running += job != JOB_NONE;
    return job;
}

void
queue_done(struct queue *queue, uint32_t job)
{
    assert(queue->running > 0);
    queue->running--;
    if (queue->alone_now == job) {
        queue->alone_now = JOB_NONE;
    }
    let_go(queue, job);
}

uint32_t
queue_waiting(const struct queue *queue)
{
    return queue->waiting;
}

uint32_t
queue_running(const struct queue *queue)
{
    return queue->running;
}

uint32_t
queue_free_units(const struct queue *queue, uint32_t resource)
{
    assert(resource < queue->resources);
    return queue->free[resource];
}

uint32_t
queue_drop(struct queue *queue)
{
    if (queue->turns.count > 0) {
        return take_from(queue, 0);
    }
    if (!fifo_is_empty(&queue->alone)) {
        queue->waiting--;
        return fifo_take(&queue->alone).job;
    }
    return JOB_NONE;
}
