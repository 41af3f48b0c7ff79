#include "fleet/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"

// What a name, or what it was loaded from, may be long.
#define DESK_KEY_MAX ((size_t)16 << 20)
// Items of a job that nobody looks for.
#define DESK_ITEMS_MAX 1000000U
#define DESK_FULL_MS 20

/* An order and what became of it. */
struct errand {
    struct list_link link; // in `waiting` or `running`
    uint64_t key;          // its name
    struct order_name name;
    struct order_text text; // its texts and places are the errand's own
    uint32_t job;           // here; JOB_NONE until it was looked for
    bool stopped;           // somebody asked for its end
    bool begun;             // that was told
};

struct desk {
    struct desk_params params;
    struct executor *executor; // NULL: not open
    char *missing;
    struct list waiting;
    struct list running;
    size_t waiting_count;
    struct map errands;            // by key
    struct map jobs;               // by kind, load and name: number + 1
    ARRAY(uint32_t) twins;         // the next job of the same key + 1
    ARRAY(struct errand *) of_job; // what runs, by its number here
    struct buf scratch;            // a key of `jobs`
    struct order_places places;
    struct deadline full;
    struct err broken;
    bool cancelled;
    bool paused;
    bool giving;
    bool again; // something ended while orders were given out
};

// ---------------------------------------------------------------- errands

static uint64_t
key_of(struct order_name name)
{
    return (uint64_t)name.job << 16 | name.attempt;
}

static struct slice
key_slice(const uint64_t *key)
{
    return slice_make((const char *)key, sizeof(*key));
}

static struct errand *
find_errand(const struct desk *desk, struct order_name name)
{
    uint64_t key = key_of(name);

    return map_find(&desk->errands, key_slice(&key));
}

static struct slice
copy_text(struct slice text)
{
    return slice_make(slice_dup(text), text.len);
}

static void
free_text(struct slice text)
{
    free((char *)(uintptr_t)text.data);
}

static struct errand *
errand_new(const struct order_text *text)
{
    struct errand *errand = ALLOC(struct errand);

    errand->text = *text;
    errand->name = (struct order_name){text->order.job, text->order.attempt};
    errand->key = key_of(errand->name);
    errand->job = JOB_NONE;
    errand->text.name = copy_text(text->name);
    errand->text.load = copy_text(text->load);
    errand->text.file = copy_text(text->file);
    if (text->places != NULL) {
        size_t size = text->count * sizeof(*text->places);
        errand->text.places = memcpy(alloc_bytes(size), text->places, size);
    }
    return errand;
}

static void
forget_errand(struct desk *desk, struct errand *errand)
{
    map_remove(&desk->errands, key_slice(&errand->key));
    list_remove(&errand->link);
    free_text(errand->text.name);
    free_text(errand->text.load);
    free_text(errand->text.file);
    free((uint32_t *)(uintptr_t)errand->text.places);
    free(errand);
}

static void
tell(struct desk *desk, struct update *update)
{
    bulletin_add(desk->params.bulletin, update);
}

/* The last word on an order that was never begun. */
static void
end_waiting(struct desk *desk, struct errand *errand)
{
    struct update update = {
        .kind = UPDATE_END,
        .o = errand->name,
        .slot = -1,
        .place = ITEM_NONE,
        .end = {.end = ORDER_CANCELLED},
    };

    tell(desk, &update);
    desk->waiting_count--;
    forget_errand(desk, errand);
}

static void
differ(struct desk *desk, struct errand *errand, const char *reason)
{
    struct update update = {
        .kind = UPDATE_DIFFERS,
        .o = errand->name,
        .text = slice_of(reason),
    };

    tell(desk, &update);
    desk->waiting_count--;
    forget_errand(desk, errand);
}

// ------------------------------------------------------------------- jobs

/* What a job is known by. */
static struct slice
job_key(struct desk *desk, enum job_kind kind, struct slice load,
        struct slice name)
{
    buf_reset(&desk->scratch);
    buf_add_char(&desk->scratch, (char)('a' + (int)kind));
    buf_add_slice(&desk->scratch, load);
    buf_add_char(&desk->scratch, '\0');
    buf_add_slice(&desk->scratch, name);
    return buf_slice(&desk->scratch);
}

static void
set_job(struct desk *desk, struct slice key, uint32_t job)
{
    uintptr_t twin =
        (uintptr_t)map_set(&desk->jobs, key, (void *)((uintptr_t)job + 1));

    while (desk->twins.count <= job) {
        ARRAY_ADD(&desk->twins, 0);
    }
    desk->twins.items[job] = (uint32_t)twin;
}

static void
index_jobs(struct desk *desk)
{
    const struct items *items = desk->params.items;

    for (uint32_t job = 0; job < items_job_count(items); job++) {
        enum job_kind kind = (enum job_kind)items_peek_job(items, job)->kind;
        set_job(desk,
                job_key(desk, kind, slice_of(items_job_load(items, job)),
                        slice_of(items_job_name(items, job))),
                job);
    }
}

static bool
is_same(const struct desk *desk, const struct order_text *text, uint32_t job)
{
    char digest[ORDER_DIGEST_SIZE];

    if (items_peek_job(desk->params.items, job)->count != text->total) {
        return false;
    }
    if (text->digest[0] == '\0' || desk->params.jobs != DESK_COLLECTED) {
        return true;
    }
    order_digest(desk->params.items, job, digest);
    return strcmp(digest, text->digest) == 0;
}

static uint32_t
add_job(struct desk *desk, const struct order_text *text, struct slice key)
{
    struct items *items = desk->params.items;
    bool program = desk->params.jobs == DESK_PROGRAMS;
    uint32_t most = program ? 1 : DESK_ITEMS_MAX;
    uint32_t job = JOB_NONE;

    if (text->total <= most) {
        job = items_add_job(items, &(struct job_params){
                                       .name = text->name,
                                       .load = text->load,
                                       .file = text->file,
                                       .kind = text->kind,
                                   });
    }
    for (uint32_t i = 0; job != JOB_NONE && i < text->total; i++) {
        char id[16] = "";
        if (!program) {
            snprintf(id, sizeof(id), ".%" PRIu32, i);
        }
        struct slice name = program ? text->name : slice_of(id);
        if (items_add(items, job, name, 0) == ITEM_NONE) {
            return JOB_NONE;
        }
    }
    if (job != JOB_NONE) {
        set_job(desk, key, job);
    }
    return job;
}

/* The job the order is about; JOB_NONE: it is not known here. */
static uint32_t
find_job(struct desk *desk, const struct order_text *text, bool *same)
{
    struct slice key = job_key(desk, text->kind, text->load, text->name);
    if (desk->params.jobs != DESK_COLLECTED) {
        // The same program may be there twice, and run at the same time.
        buf_addf(&desk->scratch, "%c%" PRIu32, '\0', text->order.job);
        key = buf_slice(&desk->scratch);
    }
    uintptr_t found = (uintptr_t)map_find(&desk->jobs, key);
    uint32_t job = found > 0 ? (uint32_t)(found - 1) : JOB_NONE;

    if (job == JOB_NONE && desk->params.jobs != DESK_COLLECTED) {
        job = add_job(desk, text, key);
    }
    uint32_t first = job;
    while (job != JOB_NONE && !(*same = is_same(desk, text, job))) {
        uint32_t twin = desk->twins.items[job];
        job = twin > 0 ? twin - 1 : JOB_NONE;
    }
    return job != JOB_NONE ? job : first;
}

static void
explain(const struct desk *desk, const struct errand *errand, uint32_t job,
        struct buf *reason)
{
    const struct order_text *text = &errand->text;

    if (job == JOB_NONE) {
        buf_addf(reason, "%.*s is not known here",
                 SLICE_ARG(slice_first(text->name, 1000)));
        if (desk->missing[0] != '\0') {
            buf_addf(reason, " (%s)", desk->missing);
        }
        return;
    }
    uint32_t count = items_peek_job(desk->params.items, job)->count;
    if (count != text->total) {
        buf_addf(reason, "%.*s has %" PRIu32 " tests here instead of %" PRIu32,
                 SLICE_ARG(slice_first(text->name, 1000)), count, text->total);
    } else {
        buf_addf(reason, "the tests of %.*s have other names here",
                 SLICE_ARG(slice_first(text->name, 1000)));
    }
}

/* The part of the job that the order names. */
static uint32_t
split(struct desk *desk, const struct order_text *text, uint32_t job)
{
    uint32_t first = items_peek_job(desk->params.items, job)->first;

    if (text->places == NULL) {
        return job;
    }
    uint32_t *list = alloc_zero(text->count, sizeof(*list));
    for (size_t i = 0; i < text->count; i++) {
        list[i] = first + text->places[i];
    }
    uint32_t part =
        items_split_job(desk->params.items, job, list, (uint32_t)text->count);
    free(list);
    return part;
}

/* False: it is none of ours, which was said. */
static bool
look_up(struct desk *desk, struct errand *errand)
{
    bool same = false;
    uint32_t job = find_job(desk, &errand->text, &same);

    if (job == JOB_NONE || !same) {
        struct buf reason = BUF_INIT(4096);
        explain(desk, errand, job, &reason);
        differ(desk, errand, buf_text(&reason));
        buf_release(&reason);
        return false;
    }
    errand->job = split(desk, &errand->text, job);
    return true;
}

// ------------------------------------------------------------ giving out

/* A flag of the ledger's, which nobody keeps here: the item runs. */
static bool
is_any_running(const struct desk *desk, uint32_t job)
{
    const struct items *items = desk->params.items;
    uint32_t count = items_peek_job(items, job)->count;

    for (uint32_t i = 0; i < count; i++) {
        const struct item *item =
            items_peek(items, items_of_job(items, job, i));
        if ((item->flags & ITEM_BEGUN) != 0) {
            return true;
        }
    }
    return false;
}

/*
 * The items get no state from whoever ran them before: what they may run, and
 * what counts, is decided elsewhere.
 */
static void
mark_running(struct desk *desk, uint32_t job, bool running, uint16_t attempt)
{
    struct items *items = desk->params.items;
    uint32_t count = items_peek_job(items, job)->count;

    for (uint32_t i = 0; i < count; i++) {
        struct item *item = items_get(items, items_of_job(items, job, i));
        if (running) {
            item->flags |= ITEM_BEGUN;
            item->state = STATE_NONE;
            item->tries = (uint8_t)(attempt > 0 ? attempt - 1 : 0);
        } else {
            item->flags &= (uint8_t)~ITEM_BEGUN;
        }
    }
}

static void
start(struct desk *desk, struct errand *errand)
{
    struct order order = errand->text.order;

    order.job = errand->job;
    desk->waiting_count--;
    list_remove(&errand->link);
    list_add(&desk->running, &errand->link);
    while (desk->of_job.count <= errand->job) {
        ARRAY_ADD(&desk->of_job, NULL);
    }
    desk->of_job.items[errand->job] = errand;
    mark_running(desk, errand->job, true, order.attempt);
    desk->executor->ops->start(desk->executor, &order);
}

static bool
has_room(struct desk *desk)
{
    if (desk->params.is_full(desk->params.ctx)) {
        deadline_arm(&desk->full, DESK_FULL_MS);
        return false;
    }
    return desk->executor->ops->room(desk->executor,
                                     (uint32_t)desk->waiting_count) > 0;
}

static void
give_once(struct desk *desk)
{
    LIST_FOR_EACH(link, &desk->waiting)
    {
        struct errand *errand = LIST_ENTRY(link, struct errand, link);
        if (errand->job == JOB_NONE && !look_up(desk, errand)) {
            continue;
        }
        if (!has_room(desk)) {
            break;
        }
        // An attempt that was given up elsewhere may still run here.
        if (!is_any_running(desk, errand->job)) {
            start(desk, errand);
        }
    }
}

void
desk_give(struct desk *desk)
{
    desk->again = true;
    if (desk->executor == NULL || desk->giving || desk->paused) {
        return;
    }
    desk->giving = true;
    while (desk->again && !desk->cancelled && !err_is_set(&desk->broken)) {
        desk->again = false;
        give_once(desk);
    }
    desk->giving = false;
    if (desk->errands.count == 0) {
        bulletin_hurry(desk->params.bulletin);
    }
}

static void
on_full_deadline(void *ctx)
{
    desk_give(ctx);
}

// ----------------------------------------------------------------- events

/* What runs as that job, with what all its updates say. */
static struct errand *
errand_of(const struct desk *desk, uint32_t job)
{
    assert(job < desk->of_job.count && desk->of_job.items[job] != NULL);
    return desk->of_job.items[job];
}

static void
on_room(void *ctx)
{
    desk_give(ctx);
}

static void
tell_begun(struct desk *desk, struct errand *errand, int slot)
{
    if (!errand->begun) {
        errand->begun = true;
        tell(desk, &(struct update){
                       .kind = UPDATE_JOB,
                       .o = errand->name,
                       .slot = slot,
                   });
    }
}

static void
on_job_begin(void *ctx, uint32_t job, uint16_t attempt, int slot)
{
    struct desk *desk = ctx;
    (void)attempt;
    tell_begun(desk, errand_of(desk, job), slot);
}

static void
on_begin(void *ctx, uint32_t job, uint16_t attempt, uint32_t item, int slot,
         uint64_t began_us)
{
    struct desk *desk = ctx;
    (void)attempt;
    (void)began_us;
    items_get(desk->params.items, item)->tries++;
    tell(desk, &(struct update){
                   .kind = UPDATE_BEGIN,
                   .o = errand_of(desk, job)->name,
                   .place = order_place_of(desk->params.items, job, item),
                   .slot = slot,
               });
}

static void
on_slow(void *ctx, uint32_t job, uint32_t item, int slot, uint64_t us)
{
    struct desk *desk = ctx;
    tell(desk, &(struct update){
                   .kind = UPDATE_SLOW,
                   .o = errand_of(desk, job)->name,
                   .place = order_place_of(desk->params.items, job, item),
                   .slot = slot,
                   .us = us,
               });
}

static void
on_result(void *ctx, const struct order_result *result)
{
    struct desk *desk = ctx;
    items_get(desk->params.items, result->item)->state =
        (uint8_t)result->outcome->state;
    tell(desk, &(struct update){
                   .kind = UPDATE_RESULT,
                   .o = errand_of(desk, result->job)->name,
                   .place = order_place_of(desk->params.items, result->job,
                                           result->item),
                   .slot = result->slot,
                   .outcome = result->outcome,
               });
}

static void
on_appeared(void *ctx, uint32_t job, uint16_t attempt,
            const struct order_appeared *appeared)
{
    struct desk *desk = ctx;
    (void)attempt;
    tell(desk, &(struct update){
                   .kind = UPDATE_APPEARED,
                   .o = errand_of(desk, job)->name,
                   .slot = appeared->slot,
                   .outcome = appeared->outcome,
                   .appeared =
                       {
                           .id = appeared->id,
                           .file = appeared->file,
                           .line = appeared->line,
                           .whole = appeared->whole,
                       },
               });
}

static void
on_bail(void *ctx, uint32_t job, struct slice reason)
{
    struct desk *desk = ctx;
    tell(desk, &(struct update){
                   .kind = UPDATE_BAIL,
                   .o = errand_of(desk, job)->name,
                   .text = reason,
               });
}

/* A place that broke ends orders that nobody wanted to end. */
static enum order_end
end_of(const struct desk *desk, const struct errand *errand,
       const struct order_report *report)
{
    bool asked = desk->cancelled || errand->stopped;

    return report->end == ORDER_CANCELLED && !asked ? ORDER_LOST : report->end;
}

static void
on_end(void *ctx, const struct order_report *report)
{
    struct desk *desk = ctx;
    struct errand *errand = errand_of(desk, report->job);
    bool ran = report->running != ITEM_NONE;
    struct update update = {
        .kind = UPDATE_END,
        .o = errand->name,
        .place = ran ? order_place_of(desk->params.items, report->job,
                                      report->running)
                     : ITEM_NONE,
        .slot = report->slot,
        .us = report->us,
        .end =
            {
                .end = end_of(desk, errand, report),
                .running_us = report->running_us,
                .status = report->status,
                .problem = slice_of(report->problem),
                .job_limit = report->job_limit,
                .left = report->left,
                .usage = report->usage,
                .out = report->out,
                .err = report->err,
            },
    };

    tell(desk, &update);
    mark_running(desk, report->job, false, 0);
    desk->of_job.items[report->job] = NULL;
    forget_errand(desk, errand);
    desk_give(desk);
}

static void
on_leak(void *ctx, const struct event_leak *leak)
{
    struct desk *desk = ctx;
    tell(desk, &(struct update){
                   .kind = UPDATE_LEAK,
                   .leak =
                       {
                           .job = slice_of(leak->job),
                           .id = slice_of(leak->id),
                           .pid = leak->pid,
                           .command = slice_of(leak->command),
                       },
               });
}

static void
on_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    struct desk *desk = ctx;
    tell(desk, &(struct update){
                   .kind = UPDATE_NOTE,
                   .note = {level, slice_of(text), slice_of(hint)},
               });
}

static void
tell_broken(void *ctx)
{
    struct desk *desk = ctx;
    desk->params.on_broken(desk->params.ctx, &desk->broken);
}

static void
on_broken(void *ctx, const struct err *err)
{
    struct desk *desk = ctx;
    if (!err_is_set(&desk->broken)) {
        desk->broken = *err;
        loop_post(desk->params.loop, tell_broken, desk);
    }
}

static void
on_drained(void *ctx)
{
    struct desk *desk = ctx;
    desk->params.on_drained(desk->params.ctx);
}

const struct executor_events *
desk_events(void)
{
    static const struct executor_events events = {
        .on_room = on_room,
        .on_job_begin = on_job_begin,
        .on_begin = on_begin,
        .on_slow = on_slow,
        .on_result = on_result,
        .on_appeared = on_appeared,
        .on_bail = on_bail,
        .on_end = on_end,
        .on_leak = on_leak,
        .on_note = on_note,
        .on_broken = on_broken,
        .on_drained = on_drained,
    };
    return &events;
}

// ----------------------------------------------------------- from outside

struct desk *
desk_new(const struct desk_params *params)
{
    struct desk *desk = ALLOC(struct desk);

    desk->params = *params;
    desk->missing = alloc_dup("");
    list_init(&desk->waiting);
    list_init(&desk->running);
    map_init(&desk->errands, MAP_BORROWS_KEYS);
    map_init(&desk->jobs, MAP_COPIES_KEYS);
    buf_init(&desk->scratch, DESK_KEY_MAX);
    deadline_init(&desk->full, params->loop, on_full_deadline, desk);
    return desk;
}

void
desk_free(struct desk *desk)
{
    if (desk == NULL) {
        return;
    }
    LIST_FOR_EACH(waits, &desk->waiting)
    {
        forget_errand(desk, LIST_ENTRY(waits, struct errand, link));
    }
    LIST_FOR_EACH(runs, &desk->running)
    {
        forget_errand(desk, LIST_ENTRY(runs, struct errand, link));
    }
    loop_cancel(desk->params.loop, desk);
    deadline_release(&desk->full);
    map_release(&desk->errands);
    map_release(&desk->jobs);
    ARRAY_RELEASE(&desk->twins);
    ARRAY_RELEASE(&desk->of_job);
    ARRAY_RELEASE(&desk->places);
    buf_release(&desk->scratch);
    free(desk->missing);
    free(desk);
}

void
desk_open(struct desk *desk, struct executor *executor, struct slice missing)
{
    free(desk->missing);
    desk->missing = slice_dup(missing);
    index_jobs(desk);
    desk->executor = executor;
    desk_give(desk);
}

bool
desk_take(struct desk *desk, const json_t *order, struct err *err)
{
    struct order_text text;

    if (!order_decode(order, &text, &desk->places, err)) {
        return false;
    }
    struct order_name name = {text.order.job, text.order.attempt};
    if (find_errand(desk, name) != NULL) {
        log_info("desk: order %u.%u came twice", name.job, name.attempt);
        return true;
    }
    struct errand *errand = errand_new(&text);
    map_set(&desk->errands, key_slice(&errand->key), errand);
    list_add(&desk->waiting, &errand->link);
    desk->waiting_count++;
    if (desk->cancelled) {
        end_waiting(desk, errand);
    } else {
        desk_give(desk);
    }
    return true;
}

static bool
is_waiting(const struct errand *errand, const struct desk *desk)
{
    return errand->job >= desk->of_job.count ||
           desk->of_job.items[errand->job] != errand;
}

void
desk_cancel(struct desk *desk, const struct order_name *names, size_t count,
            bool now)
{
    for (size_t i = 0; i < count; i++) {
        struct errand *errand = find_errand(desk, names[i]);
        if (errand == NULL) {
            continue;
        }
        if (is_waiting(errand, desk)) {
            end_waiting(desk, errand);
        } else {
            errand->stopped = true;
            desk->executor->ops->cancel_order(desk->executor, errand->job,
                                              names[i].attempt, now);
        }
    }
}

void
desk_cancel_all(struct desk *desk, bool now)
{
    desk->cancelled = true;
    LIST_FOR_EACH(link, &desk->waiting)
    {
        end_waiting(desk, LIST_ENTRY(link, struct errand, link));
    }
    if (!list_is_empty(&desk->running)) {
        desk->executor->ops->cancel(desk->executor, now);
    }
}

void
desk_forget_waiting(struct desk *desk)
{
    LIST_FOR_EACH(link, &desk->waiting)
    {
        forget_errand(desk, LIST_ENTRY(link, struct errand, link));
    }
    desk->waiting_count = 0;
}

void
desk_pause(struct desk *desk, bool paused)
{
    desk->paused = paused;
    if (!paused) {
        desk_give(desk);
        return;
    }
    LIST_FOR_EACH(link, &desk->running)
    {
        tell_begun(desk, LIST_ENTRY(link, struct errand, link),
                   desk->params.base);
    }
}

size_t
desk_count(const struct desk *desk)
{
    return desk->errands.count;
}

size_t
desk_given(const struct desk *desk)
{
    return desk->errands.count - desk->waiting_count;
}
