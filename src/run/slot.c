#include "run/slot.h"

#include "adapter/page.h"
#include "adapter/request_codec.h"
#include "loop/deadline.h"
#include "run/capture.h"
#include "run/verdict.h"
#include "run/watch.h"
#include "schedule/batch.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// A worker that was forked greets within milliseconds; one that has to load
// the suite first takes as long as that takes.
#define SLOT_FORK_MS 30000
#define SLOT_SPAWN_MS 120000
// Between the end of a worker's connection and the news of its death.
#define SLOT_SILENCE_MS 5000
// What a dead worker wrote last is there already; this is for holders of its
// socket, which never let the end of file come.
#define SLOT_EOF_MS 500
#define SLOT_STOP_MS 5000
#define SLOT_UNCLAIMED_MAX ((size_t)64 * 1024)

enum slot_state {
    SLOT_EMPTY = 1,
    SLOT_STARTING, // asked for; has not greeted
    SLOT_IDLE,
    SLOT_BUSY,
    SLOT_ENDING, // asked to end, or dead and not yet buried
};

/* The job that runs, and what is known of its process. */
struct running {
    uint64_t began_us;
    int pid;          // of the job's process; 0: the worker itself
    uint32_t item;    // what runs; ITEM_NONE
    uint64_t item_us; // when it began
    bool said;        // on_job_begin was told
    bool exited;      // `exit` came for its own process
    bool left;        // it did not go on after a test, and says so
    int status;
    struct usage usage;
    struct watch watch;
};

struct slot {
    struct slot_shared *shared;
    int number;
    enum slot_state state;
    struct capture capture;
    uint32_t *page;
    char *page_path;
    struct page_state page_state;
    uint32_t early[PAGE_ENTRIES]; // passes taken from the page, not yet said
    size_t early_count;

    struct session *session;
    struct session *side; // a job whose connection a test closed
    struct child *child;  // a worker that was started, not forked
    int pid;
    unsigned can;
    int dump_signal;
    bool spawned;
    bool dead; // its end is known; what it said last may still come
    int dead_status;
    struct deadline deadline;

    struct order orders[BATCH_MOST]; // [0] runs
    int lanes[BATCH_MOST];           // the TMPDIR of each
    uint64_t lanes_used;             // a bit a lane
    uint32_t order_count;
    bool sent; // orders[0] was sent to the worker that is there
    uint32_t sent_count;
    struct running run;
    struct capture_mark cursor;     // output up to here has an owner
    struct buf loose[STREAM_COUNT]; // what no item of the job claimed
    bool stopping;
    bool cancelled;
    char problem[256]; // why the worker was ended by mule
    bool breach;
};

static void start_worker(struct slot *slot);
static void send_orders(struct slot *slot);
static void send_line(struct slot *slot);
static void bury(struct slot *slot);

static uint64_t
slot_now(const struct slot *slot)
{
    return (uint64_t)loop_now_us(slot->shared->loop);
}

/* The clock of limits: it stands still while the run is paused. */
static uint64_t
watch_time(const struct slot *slot, uint64_t us)
{
    return us - slot->shared->paused_us;
}

// --------------------------------------------------------------- signals

/* Signals a process that the worker or the zygote started, or the worker. */
static void
signal_pid(struct slot *slot, int pid, int signo, bool group)
{
    if (pid <= 1) {
        return;
    }
    log_debug("slot %d: signal %d to %d", slot->number, signo, pid);
    if (slot->child != NULL) {
        child_signal_pid(slot->child, pid, signo, group);
    } else {
        zygote_signal(slot->shared->zygote, pid, signo, group);
    }
}

static void
signal_worker(struct slot *slot, int signo)
{
    if (slot->child != NULL) {
        child_signal(slot->child, signo);
    } else if (slot->pid > 0) {
        signal_pid(slot, slot->pid, signo, true);
    }
}

static void
signal_job(struct slot *slot, int signo)
{
    if (slot->run.pid > 0) {
        signal_pid(slot, slot->run.pid, signo, true);
    } else {
        signal_worker(slot, signo);
    }
}

/* The worker cannot be trusted or does not answer: it is ended. */
static void
condemn(struct slot *slot, bool breach, const char *problem)
{
    if (slot->problem[0] == '\0') {
        snprintf(slot->problem, sizeof(slot->problem), "%s", problem);
        slot->breach = breach;
    }
    log_info("slot %d: %s", slot->number, problem);
    signal_job(slot, SIGKILL);
    signal_worker(slot, SIGKILL);
}

// ----------------------------------------------------------------- output

static struct output_range
range_to_end(const struct slot *slot, enum stream stream)
{
    struct capture_mark end = capture_end(&slot->capture);
    return (struct output_range){slot->cursor.at[stream], end.at[stream]};
}

/* What was printed between the last owner and here belongs to the job. */
static void
keep_loose(struct slot *slot, enum stream stream, uint64_t upto)
{
    uint64_t from = slot->cursor.at[stream];
    if (upto <= from) {
        return;
    }
    struct output output = capture_read(&slot->capture, stream, from, upto);
    struct buf *loose = &slot->loose[stream];
    buf_add_slice(loose,
                  slice_first(output.head, SLOT_UNCLAIMED_MAX - loose->len));
    slot->cursor.at[stream] = upto;
}

static struct output
claim(struct slot *slot, enum stream stream, const struct output_range *range)
{
    if (range->end <= range->first) {
        return (struct output){0};
    }
    keep_loose(slot, stream, range->first);
    slot->cursor.at[stream] = range->end;
    return capture_read(&slot->capture, stream, range->first, range->end);
}

// --------------------------------------------------------------- results

static struct order *
front(struct slot *slot)
{
    return slot->order_count > 0 && slot->sent ? &slot->orders[0] : NULL;
}

/* Whether the item may be spoken of now. */
static bool
is_asked(struct slot *slot, uint32_t item)
{
    struct order *order = front(slot);
    if (order == NULL ||
        !items_job_has(slot->shared->items, order->job, item)) {
        return false;
    }
    const struct item *it = items_peek(slot->shared->items, item);
    return (it->flags & (ITEM_SELECTED | ITEM_APPEARED)) == ITEM_SELECTED;
}

static void
say_job_begin(struct slot *slot)
{
    struct order *order = front(slot);
    if (!slot->run.said && order != NULL) {
        slot->run.said = true;
        slot->shared->events->on_job_begin(slot->shared->ctx, order->job,
                                           order->attempt, slot->number);
    }
}

static void
begin_item(struct slot *slot, uint32_t item, uint64_t began_us)
{
    if (slot->run.item == item) {
        return;
    }
    assert(front(slot) != NULL);
    const struct order *order = &slot->orders[0];
    slot->run.item = item;
    slot->run.item_us = began_us;
    watch_item(&slot->run.watch, watch_time(slot, began_us));
    say_job_begin(slot);
    slot->shared->events->on_begin(slot->shared->ctx, order->job,
                                   order->attempt, item, slot->number,
                                   began_us);
}

static void
end_item(struct slot *slot, uint32_t item)
{
    if (slot->run.item == item) {
        slot->run.item = ITEM_NONE;
        watch_item(&slot->run.watch, 0);
    }
}

static void
tell_result(struct slot *slot, uint32_t item, const struct outcome *outcome)
{
    assert(front(slot) != NULL);
    const struct order *order = &slot->orders[0];
    uint64_t now = slot_now(slot);
    struct order_result result = {
        .job = order->job,
        .attempt = order->attempt,
        .item = item,
        .slot = slot->number,
        .began_us = now > outcome->us ? now - outcome->us : 0,
        .outcome = outcome,
    };
    say_job_begin(slot);
    end_item(slot, item);
    slot->shared->events->on_result(slot->shared->ctx, &result);
}

static void
tell_pass(struct slot *slot, uint32_t item, uint64_t us)
{
    struct outcome outcome = {
        .state = STATE_PASSED,
        .us = us,
        .ran = true,
        .counted = true,
    };
    tell_result(slot, item, &outcome);
}

/* Whether the page said so before the message did. */
static bool
was_early(struct slot *slot, uint32_t item)
{
    for (size_t i = 0; i < slot->early_count; i++) {
        if (slot->early[i] == item) {
            slot->early[i] = slot->early[--slot->early_count];
            return true;
        }
    }
    return false;
}

static bool
has_state(const struct slot *slot, uint32_t item)
{
    return items_peek(slot->shared->items, item)->state != STATE_NONE;
}

static void
read_page(struct slot *slot)
{
    if (slot->page == NULL || front(slot) == NULL ||
        page_read(slot->page, slot_now(slot), &slot->page_state) != PAGE_READ) {
        return;
    }
    const struct page_state *page = &slot->page_state;
    if (page->pid == 0 || page->job != slot->orders[0].job) {
        return;
    }
    slot->run.pid = (int)page->pid == slot->pid ? 0 : (int)page->pid;
    for (size_t i = 0; i < page->passed_count; i++) {
        uint32_t item = page->passed[i].item;
        if (is_asked(slot, item) && !has_state(slot, item) &&
            slot->early_count < PAGE_ENTRIES) {
            slot->early[slot->early_count++] = item;
            tell_pass(slot, item, page->passed[i].us);
        }
    }
    if (page->running && is_asked(slot, page->item) &&
        !has_state(slot, page->item)) {
        begin_item(slot, page->item, page->since_us);
    }
}

// ------------------------------------------------------- the end of a job

static void
begin_front(struct slot *slot)
{
    slot->run = (struct running){
        .began_us = slot_now(slot),
        .item = ITEM_NONE,
    };
    slot->early_count = 0;
    slot->page_state = (struct page_state){0};
    if (slot->order_count == 0) {
        return;
    }
    const struct order *order = &slot->orders[0];
    struct watch_limits limits = {
        .job_ms = order->timeout_ms,
        .item_ms = order->test_timeout_ms,
        .slow_ms = order->slow_ms,
        .grace_ms = slot->shared->settings->grace_ms,
    };
    if (slot->shared->inside) {
        limits = (struct watch_limits){.grace_ms = limits.grace_ms};
    }
    watch_begin(&slot->run.watch, &limits,
                watch_time(slot, slot->run.began_us));
}

static void
drop_front(struct slot *slot)
{
    assert(slot->order_count > 0);
    slot->order_count--;
    slot->lanes_used &= ~((uint64_t)1 << slot->lanes[0]);
    memmove(&slot->orders[0], &slot->orders[1],
            slot->order_count * sizeof(slot->orders[0]));
    memmove(&slot->lanes[0], &slot->lanes[1],
            slot->order_count * sizeof(slot->lanes[0]));
    if (slot->sent_count > 0) {
        slot->sent_count--;
    }
    slot->sent = slot->sent_count > 0;
    begin_front(slot);
}

static enum order_end
why_it_ended(const struct slot *slot, bool died)
{
    switch (slot->run.watch.cause) {
    case WATCH_JOB_LIMIT:
    case WATCH_ITEM_LIMIT:
        return ORDER_TIMEOUT;
    case WATCH_CANCEL:
        return ORDER_CANCELLED;
    case WATCH_NO_CAUSE:
        break;
    }
    if (slot->breach) {
        return ORDER_BREACH;
    }
    if (slot->cancelled) {
        return ORDER_CANCELLED;
    }
    return died ? ORDER_CRASHED : ORDER_DONE;
}

static void
describe_problem(const struct slot *slot, enum order_end end, char *text,
                 size_t size)
{
    const struct watch *watch = &slot->run.watch;
    text[0] = '\0';
    switch (end) {
    case ORDER_TIMEOUT:
        if (watch->cause == WATCH_ITEM_LIMIT) {
            snprintf(text, size, "took longer than %g s (--test-timeout)",
                     watch->limits.item_ms / 1000.0);
        } else {
            snprintf(text, size,
                     "was running when its job had taken %g s (--timeout)",
                     watch->limits.job_ms / 1000.0);
        }
        break;
    case ORDER_CANCELLED:
        snprintf(text, size, "the run was stopped while it ran");
        break;
    case ORDER_BREACH:
        snprintf(text, size, "%s", slot->problem);
        break;
    case ORDER_DONE:
    case ORDER_CRASHED:
    case ORDER_LOST:
        snprintf(text, size, "%s", slot->problem);
        break;
    }
}

/* The front order is over; `status` is of the process that died, if one did. */
static void
end_front(struct slot *slot, bool died, int status, uint64_t us)
{
    struct order order = slot->orders[0];
    char problem[256];
    enum order_end end = why_it_ended(slot, died);
    describe_problem(slot, end, problem, sizeof(problem));
    struct order_report report = {
        .job = order.job,
        .attempt = order.attempt,
        .slot = slot->number,
        .end = end,
        .running = slot->run.item,
        .status = status,
        .problem = problem,
        .job_limit = slot->run.watch.cause == WATCH_JOB_LIMIT,
        .left = slot->run.left,
        .usage = slot->run.usage,
        .us = us,
    };
    if (slot->run.item != ITEM_NONE) {
        report.running_us = slot_now(slot) - slot->run.item_us;
    }
    bool bad = end != ORDER_DONE;
    for (int i = 0; i < STREAM_COUNT; i++) {
        enum stream stream = (enum stream)i;
        struct output *output = i == STREAM_OUT ? &report.out : &report.err;
        struct output_range range = range_to_end(slot, stream);
        if (bad) {
            *output = claim(slot, stream, &range);
        } else {
            keep_loose(slot, stream, range.end);
            output->head = buf_slice(&slot->loose[i]);
        }
    }
    say_job_begin(slot);
    drop_front(slot);
    slot->shared->events->on_end(slot->shared->ctx, &report);
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_reset(&slot->loose[i]);
    }
    capture_forget(&slot->capture, slot->cursor);
}

static void
make_tag(const struct slot *slot, const struct order *order, char *tag,
         size_t size)
{
    snprintf(tag, size, "%s.%u.%u", slot->shared->build_id, order->job,
             order->attempt);
}

// --------------------------------------------------------------- messages

static void
take_passed(struct slot *slot, const struct adapter_passed *passed)
{
    for (size_t i = 0; i < passed->count; i++) {
        uint32_t item = passed->items[i].item;
        if (was_early(slot, item)) {
            continue;
        }
        if (!is_asked(slot, item)) {
            condemn(slot, true, "reported a test it was not asked to run");
            return;
        }
        tell_pass(slot, item, passed->items[i].us);
    }
}

static void
take_finished(struct slot *slot, const struct adapter_finished *finished)
{
    struct outcome outcome = finished->outcome;
    if (!is_asked(slot, finished->item)) {
        condemn(slot, true, "reported a test it was not asked to run");
        return;
    }
    outcome.out = claim(slot, STREAM_OUT, &finished->out);
    outcome.err = claim(slot, STREAM_ERR, &finished->err);
    tell_result(slot, finished->item, &outcome);
}

static void
take_fixture(struct slot *slot, const struct adapter_finished *fixture)
{
    const struct order *order = front(slot);
    if (order == NULL) {
        condemn(slot, true, "reported a fixture while no job ran");
        return;
    }
    struct outcome outcome = fixture->outcome;
    outcome.ran = false; // it is no test
    outcome.out = claim(slot, STREAM_OUT, &fixture->out);
    outcome.err = claim(slot, STREAM_ERR, &fixture->err);
    struct order_appeared appeared = {
        .id = fixture->id,
        .slot = slot->number,
        .began_us = slot_now(slot) - outcome.us,
        .outcome = &outcome,
    };
    say_job_begin(slot);
    slot->shared->events->on_appeared(slot->shared->ctx, order->job,
                                      order->attempt, &appeared);
}

static void
take_exit(struct slot *slot, const struct adapter_progress *exit)
{
    read_page(slot);
    slot->run.exited = true;
    slot->run.status = exit->status;
    slot->run.usage = exit->usage;
    if (exit->leak || exit->status != 0) {
        char tag[128];
        make_tag(slot, &slot->orders[0], tag, sizeof(tag));
        guardians_sweep(slot->shared->guardians, tag, exit->pid);
    }
}

/* Whether its worker may run one job only: it has no other way to isolate. */
static bool
is_single_use(const struct slot *slot)
{
    return slot->shared->settings->isolation != ISOLATION_WORKER &&
           (slot->can & ADAPTER_CAN_PROCESS) == 0 && !slot->shared->inside;
}

/* The worker ends itself; what it was sent ahead goes to the next one. */
static void
expect_end(struct slot *slot)
{
    slot->sent_count = 1; // the job that is over
    slot->state = SLOT_ENDING;
    deadline_arm(&slot->deadline, SLOT_STOP_MS);
}

static void
take_done(struct slot *slot, const struct adapter_progress *done)
{
    read_page(slot);
    if (done->left && !slot->run.exited) {
        expect_end(slot);
    } else if (is_single_use(slot)) {
        expect_end(slot);
        buf_reset(&slot->shared->line);
        request_add_stop(&slot->shared->line);
        send_line(slot);
    }
    bool died = slot->run.item != ITEM_NONE ||
                (slot->run.exited && slot->run.status != 0 && !done->left);
    slot->run.left = done->left;
    if (!slot->run.exited) {
        slot->run.usage = done->usage;
    }
    slot->shared->on_job_us(slot->shared->suite, done->us);
    end_front(slot, died, slot->run.status, done->us);
    if (slot->order_count == 0 && slot->state == SLOT_BUSY) {
        slot->state = SLOT_IDLE;
    }
    send_orders(slot);
    slot->shared->events->on_room(slot->shared->ctx);
    if (slot->stopping && slot->order_count == 0) {
        slot_stop(slot);
    }
}

void
slot_message(struct slot *slot, const struct adapter_message *message)
{
    if (slot->breach) {
        return; // it was ended; what it still says does not count
    }
    struct order *order = front(slot);
    if (order == NULL) {
        condemn(slot, true, "spoke of a job while it had none");
        return;
    }
    switch (message->kind) {
    case ADAPTER_PROCESS:
        slot->run.pid = message->progress.pid;
        break;
    case ADAPTER_STARTED:
        if (is_asked(slot, message->started)) {
            begin_item(slot, message->started, slot_now(slot));
        } else {
            condemn(slot, true, "began a test it was not asked to run");
        }
        break;
    case ADAPTER_PASSED:
        take_passed(slot, &message->passed);
        break;
    case ADAPTER_FINISHED:
        take_finished(slot, &message->finished);
        break;
    case ADAPTER_FIXTURE:
        take_fixture(slot, &message->finished);
        break;
    case ADAPTER_EXIT:
    case ADAPTER_DONE:
        if (message->progress.job != order->job) {
            condemn(slot, true, "spoke of a job it was not asked to run");
        } else if (message->kind == ADAPTER_EXIT) {
            take_exit(slot, &message->progress);
        } else {
            take_done(slot, &message->progress);
        }
        break;
    case ADAPTER_OTHER:
    case ADAPTER_HELLO:
    case ADAPTER_IMPORTING:
    case ADAPTER_JOB:
    case ADAPTER_UNKNOWN:
    case ADAPTER_FOREIGN:
    case ADAPTER_THREADS:
    case ADAPTER_WARNING:
    case ADAPTER_COLLECTED:
    case ADAPTER_FORKED:
    case ADAPTER_EXITED:
    case ADAPTER_FAILED:
    case ADAPTER_KIND_COUNT:
        condemn(slot, true, "said what only a zygote may say");
        break;
    }
}

static void
on_message(void *ctx, struct session *session,
           const struct adapter_message *message)
{
    struct slot *slot = ctx;
    (void)session;
    if (message->kind == ADAPTER_HELLO) {
        condemn(slot, true, "greeted twice");
    } else if (message->kind != ADAPTER_IMPORTING &&
               message->kind != ADAPTER_WARNING &&
               message->kind != ADAPTER_THREADS) {
        slot_message(slot, message);
    }
}

static void
on_session_gone(void *ctx, struct session *session, const struct err *err)
{
    struct slot *slot = ctx;
    if (session == slot->side) {
        slot->side = NULL;
    } else {
        slot->session = NULL;
    }
    if (err != NULL) {
        condemn(slot, true, err->text);
    }
    if (slot->dead) {
        bury(slot);
    } else if (slot->session == NULL && slot->side == NULL) {
        // Its process may have died, or a test closed its socket and it will
        // be back; in both cases there will be news soon.
        deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
    }
}

static const struct session_events session_events = {
    .on_message = on_message,
    .on_gone = on_session_gone,
};

// ----------------------------------------------------- sending orders

struct open_items {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

static void
list_open(const struct slot *slot, uint32_t job, struct open_items *open)
{
    const struct items *items = slot->shared->items;
    uint32_t count = items_peek_job(items, job)->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = items_of_job(items, job, i);
        const struct item *item = items_peek(items, number);
        if (item->state == STATE_NONE &&
            (item->flags & (ITEM_SELECTED | ITEM_APPEARED)) == ITEM_SELECTED) {
            ARRAY_ADD(open, number);
        }
    }
}

static bool
is_range(const struct open_items *open)
{
    return open->items[open->count - 1] - open->items[0] ==
           (uint32_t)open->count - 1;
}

/* The ids of items, for a worker that does not know their numbers. */
static struct slice *
list_ids(const struct slot *slot, const struct open_items *open,
         struct buf *texts)
{
    const struct items *items = slot->shared->items;
    size_t *ends = alloc_zero(open->count, sizeof(*ends));
    struct slice *ids = alloc_zero(open->count, sizeof(*ids));
    for (size_t i = 0; i < open->count; i++) {
        items_id(items, open->items[i], texts);
        ends[i] = texts->len;
    }
    size_t start = 0;
    for (size_t i = 0; i < open->count; i++) {
        ids[i] = slice_make(buf_text(texts) + start, ends[i] - start);
        start = ends[i];
    }
    free(ends);
    return ids;
}

static bool
add_run(struct slot *slot, uint32_t place, const struct open_items *open)
{
    const struct items *items = slot->shared->items;
    const struct order *order = &slot->orders[place];
    char tag[128];
    char tries[16];
    make_tag(slot, order, tag, sizeof(tag));
    snprintf(tries, sizeof(tries), "%d",
             items_peek(items, open->items[0])->tries + 1);
    struct request_env env[] = {
        {"MULE_JOB", tag},
        {"MULE_ATTEMPT", tries},
        {"TMPDIR", workplace_tmp(slot->shared->workplace, slot->number,
                                 slot->lanes[place])},
    };
    struct buf texts = BUF_INIT(ADAPTER_LINE_MAX);
    struct slice *ids = slot->spawned ? list_ids(slot, open, &texts) : NULL;
    struct request_run run = {
        .job = order->job,
        .attempt = order->attempt,
        .name = items_job_name(items, order->job),
        .first = open->items[0],
        .count = (uint32_t)open->count,
        .items = is_range(open) ? NULL : open->items,
        .env = env,
        .env_count = 3,
        .load = items_job_load(items, order->job),
        .ids = ids,
    };
    bool fits = request_add_run(&slot->shared->line, &run);
    free(ids);
    buf_release(&texts);
    return fits;
}

static void
send_line(struct slot *slot)
{
    struct slice line = buf_slice(&slot->shared->line);
    if (slot->shared->inside) {
        zygote_send(slot->shared->zygote, line);
    } else if (slot->session != NULL) {
        session_send(slot->session, line);
    }
}

static bool
needs_spawn(const struct slot *slot, const struct order *order)
{
    uint8_t flags = items_peek_job(slot->shared->items, order->job)->flags;
    return slot->shared->spawn || (flags & JOB_SPAWN) != 0;
}

/* Sends what has not been sent, as long as it fits the worker that is there. */
static void
send_orders(struct slot *slot)
{
    if (slot->state != SLOT_IDLE && slot->state != SLOT_BUSY) {
        return;
    }
    struct open_items open = {0};
    buf_reset(&slot->shared->line);
    bool any = false;
    while (slot->sent_count < slot->order_count) {
        struct order *order = &slot->orders[slot->sent_count];
        if (!slot->shared->inside &&
            needs_spawn(slot, order) != slot->spawned) {
            break;
        }
        if (slot->sent_count > 0 && is_single_use(slot)) {
            break;
        }
        ARRAY_CLEAR(&open);
        list_open(slot, order->job, &open);
        assert(open.count > 0);
        if (!add_run(slot, slot->sent_count, &open)) {
            condemn(slot, true, "has more tests than fit into one request");
            break;
        }
        slot->sent_count++;
        any = true;
    }
    ARRAY_RELEASE(&open);
    if (any) {
        if (!slot->sent) {
            slot->sent = true;
            begin_front(slot);
        }
        slot->state = SLOT_BUSY;
        send_line(slot);
    } else if (slot->order_count > 0 && slot->sent_count == 0) {
        // A worker of the wrong kind is there: it makes room for another.
        slot_stop(slot);
        slot->stopping = false;
    }
}

// -------------------------------------------------- the worker's life

static void
on_deadline(void *ctx)
{
    struct slot *slot = ctx;
    switch (slot->state) {
    case SLOT_STARTING:
        condemn(slot, false, "its worker did not greet in time");
        if (slot->child == NULL && slot->pid == 0) {
            slot->dead = true;
            bury(slot);
        }
        break;
    case SLOT_IDLE:
    case SLOT_BUSY:
        if (slot->dead) {
            bury(slot);
        } else {
            condemn(slot, false, "closed its connection and stayed silent");
            slot->dead = true;
            deadline_arm(&slot->deadline, SLOT_SILENCE_MS);
        }
        break;
    case SLOT_ENDING:
        if (slot->dead) {
            bury(slot);
        } else {
            signal_worker(slot, SIGKILL);
            slot->dead = true;
            deadline_arm(&slot->deadline, SLOT_STOP_MS);
        }
        break;
    case SLOT_EMPTY:
        break;
    }
}

static void
send_fork(struct slot *slot)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", slot->number);
    struct request_env env[] = {
        {"MULE_SLOT", number},
        {"MULE_LOCAL_SLOT", number},
        {"TMPDIR", workplace_tmp(slot->shared->workplace, slot->number, 0)},
    };
    struct request_fork fork = {
        .slot = slot->number,
        .env = env,
        .env_count = 3,
        .out = slot->capture.paths[STREAM_OUT],
        .err = slot->capture.paths[STREAM_ERR],
        .page = slot->page_path,
    };
    buf_reset(&slot->shared->line);
    request_add_fork(&slot->shared->line, &fork);
    zygote_send(slot->shared->zygote, buf_slice(&slot->shared->line));
}

static void
on_child_failed(void *ctx, const struct err *err)
{
    struct slot *slot = ctx;
    snprintf(slot->problem, sizeof(slot->problem), "%s", err->text);
}

static void
on_child_gone(void *ctx, const struct child_exit *exit)
{
    struct slot *slot = ctx;
    struct usage usage = {exit->usage.user_us, exit->usage.system_us,
                          exit->usage.maxrss_kib};
    slot->child = NULL;
    slot_exited(slot, exit->status, &usage);
}

static bool
spawn_worker(struct slot *slot, struct err *err)
{
    static const struct child_events events = {
        .on_failed = on_child_failed,
        .on_gone = on_child_gone,
    };
    struct adapter_start start = {
        .command = slot->shared->command,
        .socket = workplace_socket(slot->shared->workplace),
        .slot = slot->number,
        .out = slot->capture.paths[STREAM_OUT],
        .err = slot->capture.paths[STREAM_ERR],
        .tmp = workplace_tmp(slot->shared->workplace, slot->number, 0),
    };
    slot->child = adapter_command_start(slot->shared->guardians, &start,
                                        &events, slot, err);
    return slot->child != NULL;
}

static void
start_worker(struct slot *slot)
{
    assert(slot->state == SLOT_EMPTY);
    slot->dead = false;
    slot->breach = false;
    slot->problem[0] = '\0';
    slot->pid = 0;
    slot->cursor = capture_end(&slot->capture);
    slot->spawned =
        slot->shared->spawn ||
        (slot->order_count > 0 && needs_spawn(slot, &slot->orders[0]));
    if (slot->page != NULL) {
        memset(slot->page, 0, PAGE_BYTES);
    }
    slot->state = SLOT_STARTING;
    if (slot->shared->inside) {
        slot->state = SLOT_IDLE;
        send_orders(slot);
        return;
    }
    struct err err = {0};
    if (!slot->spawned) {
        send_fork(slot);
    } else if (!spawn_worker(slot, &err)) {
        slot_fork_failed(slot, slice_of(err.text));
        return;
    }
    deadline_arm(&slot->deadline, slot->spawned ? SLOT_SPAWN_MS : SLOT_FORK_MS);
}

void
slot_forked(struct slot *slot, int pid)
{
    if (slot->pid == 0) {
        slot->pid = pid;
    }
}

static void
send_welcome(struct slot *slot, struct session *session)
{
    buf_reset(&slot->shared->line);
    request_add_welcome(&slot->shared->line, slot->shared->welcome);
    session_send(session, buf_slice(&slot->shared->line));
}

static bool
may_resume(struct slot *slot, const struct adapter_hello *hello)
{
    return front(slot) != NULL && !slot->dead && slot->side == NULL &&
           hello->resume_job == slot->orders[0].job &&
           hello->resume_attempt == slot->orders[0].attempt;
}

/*
 * A test closed the socket of its process, which has called again. Where that
 * is a process of the job's own, the worker goes on with the old connection.
 * The worker itself has no other: what lay in the old one is asked for again.
 */
static void
resume(struct slot *slot, struct session *session,
       const struct adapter_hello *hello)
{
    deadline_disarm(&slot->deadline);
    session_give(session, &session_events, slot);
    send_welcome(slot, session);
    if (hello->pid == slot->pid) {
        slot->side = slot->session; // what it still holds is read
        slot->session = session;
        slot->sent_count = 1;
        send_orders(slot);
    } else {
        slot->side = session;
    }
}

void
slot_greeted(struct slot *slot, struct session *session,
             const struct adapter_hello *hello)
{
    if (hello->resume && may_resume(slot, hello)) {
        resume(slot, session, hello);
        return;
    }
    if (hello->resume || slot->state != SLOT_STARTING ||
        slot->session != NULL) {
        session_drop(session);
        if (!hello->resume && slot->state != SLOT_EMPTY) {
            condemn(slot, true, "greeted twice");
        }
        return;
    }
    slot->session = session;
    slot->pid = hello->pid;
    slot->can = hello->can;
    slot->dump_signal = hello->dump_signal;
    session_give(session, &session_events, slot);
    deadline_disarm(&slot->deadline);
    send_welcome(slot, session);
    slot->state = SLOT_IDLE;
    send_orders(slot);
    if (slot->stopping && slot->order_count == 0) {
        slot_stop(slot);
    }
}

/* Gives every order that lies here back, all with the same fate. */
static void
give_back(struct slot *slot, enum order_end end, const char *problem)
{
    while (slot->order_count > 0) {
        struct order order = slot->orders[0];
        slot->sent_count = 0;
        drop_front(slot);
        struct order_report report = {
            .job = order.job,
            .attempt = order.attempt,
            .slot = slot->number,
            .end = end,
            .running = ITEM_NONE,
            .problem = problem,
        };
        slot->shared->events->on_end(slot->shared->ctx, &report);
    }
}

void
slot_fork_failed(struct slot *slot, struct slice reason)
{
    struct err err = {0};
    err_set(&err, ERR_SPAWN, "starting a worker: %.*s", SLICE_ARG(reason));
    err_hint(&err, "there may be too many processes (ulimit -u) or too little"
                   " memory; fewer slots (-j) need less of both");
    slot->state = SLOT_EMPTY;
    deadline_disarm(&slot->deadline);
    slot->shared->events->on_broken(slot->shared->ctx, &err);
    give_back(slot, ORDER_CANCELLED, "no worker could be started");
    slot->shared->on_empty(slot->shared->suite);
}

/* The worker is gone and has said all that it will: what of its orders? */
static void
bury(struct slot *slot)
{
    deadline_disarm(&slot->deadline);
    session_drop(slot->session);
    session_drop(slot->side);
    slot->session = slot->side = NULL;
    read_page(slot);
    bool greeted = slot->state != SLOT_STARTING;
    // Not empty yet: what is given to it while it tells of its end must wait.
    slot->state = SLOT_ENDING;
    if (front(slot) != NULL) {
        if (slot->run.pid > 0 && !slot->run.exited) {
            signal_job(slot, SIGKILL); // nobody is left to do so
        }
        char tag[128];
        make_tag(slot, &slot->orders[0], tag, sizeof(tag));
        guardians_sweep(slot->shared->guardians, tag, slot->pid);
        uint64_t us = slot_now(slot) - slot->run.began_us;
        end_front(slot, true, slot->dead_status, us);
    } else if (!greeted && slot->order_count > 0) {
        struct err err = {0};
        err_set(&err, ERR_SPAWN, "a worker of adapter \"%s\" %s",
                slot->shared->command->name,
                slot->problem[0] != '\0' ? slot->problem
                                         : "ended before it greeted");
        slot->shared->events->on_broken(slot->shared->ctx, &err);
        give_back(slot, ORDER_CANCELLED, "no worker could be started");
    }
    slot->pid = 0;
    // What had been sent ahead was never begun: the next worker gets it.
    slot->sent = false;
    slot->sent_count = 0;
    if (slot->cancelled) {
        give_back(slot, ORDER_CANCELLED, "");
    }
    slot->state = SLOT_EMPTY;
    if (slot->order_count > 0) {
        start_worker(slot);
    } else {
        slot->shared->on_empty(slot->shared->suite);
        slot->shared->events->on_room(slot->shared->ctx);
    }
}

void
slot_exited(struct slot *slot, int status, const struct usage *usage)
{
    if (slot->state == SLOT_EMPTY) {
        return;
    }
    slot->dead = true;
    slot->dead_status = status;
    slot->run.usage = *usage;
    if (slot->session == NULL && slot->side == NULL) {
        bury(slot);
    } else {
        deadline_arm(&slot->deadline, SLOT_EOF_MS);
    }
}

void
slot_orphaned(struct slot *slot)
{
    if (slot->state == SLOT_EMPTY || slot->spawned) {
        return;
    }
    // Its own connection tells of its end from now on.
    condemn(slot, false, "the process that had loaded the suite is gone");
    slot_exited(slot, SIGKILL, &(struct usage){0});
}

// ----------------------------------------------------------- from outside

static bool
make_page(struct slot *slot, struct err *err)
{
    slot->page_path = alloc_printf(
        "%s/%d.page", workplace_folder(slot->shared->workplace), slot->number);
    int fd = open(slot->page_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, PAGE_BYTES) != 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "make %s", slot->page_path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    void *page =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) {
        return err_set_errno(err, ERR_SYSTEM, errno, "map %s", slot->page_path);
    }
    slot->page = page;
    return true;
}

struct slot *
slot_new(struct slot_shared *shared, int number, struct err *err)
{
    struct slot *slot = ALLOC(struct slot);
    slot->shared = shared;
    slot->number = number;
    slot->state = SLOT_EMPTY;
    slot->run.item = ITEM_NONE;
    deadline_init(&slot->deadline, shared->loop, on_deadline, slot);
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_init(&slot->loose[i], SLOT_UNCLAIMED_MAX);
    }
    const struct settings *settings = shared->settings;
    if (!capture_open(&slot->capture, workplace_folder(shared->workplace),
                      number, settings->capture == CAPTURE_MERGED,
                      settings->output_limit, err) ||
        !make_page(slot, err)) {
        slot_free(slot);
        return NULL;
    }
    return slot;
}

void
slot_free(struct slot *slot)
{
    if (slot == NULL) {
        return;
    }
    assert(slot->state == SLOT_EMPTY);
    deadline_release(&slot->deadline);
    capture_release(&slot->capture);
    if (slot->page != NULL) {
        munmap(slot->page, PAGE_BYTES);
    }
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_release(&slot->loose[i]);
    }
    free(slot->page_path);
    free(slot);
}

uint32_t
slot_orders(const struct slot *slot)
{
    return slot->order_count;
}

bool
slot_is_empty(const struct slot *slot)
{
    return slot->state == SLOT_EMPTY;
}

void
slot_give(struct slot *slot, const struct order *order)
{
    assert(slot->order_count < BATCH_MOST);
    int lane = ffsll((long long)~slot->lanes_used) - 1;
    slot->lanes_used |= (uint64_t)1 << lane;
    slot->lanes[slot->order_count] = lane;
    slot->orders[slot->order_count++] = *order;
    if (slot->state == SLOT_EMPTY) {
        start_worker(slot);
    } else {
        send_orders(slot);
    }
}

void
slot_warm(struct slot *slot)
{
    if (slot->state == SLOT_EMPTY && !slot->shared->inside) {
        start_worker(slot);
    }
}

static void
act(struct slot *slot, enum watch_action action)
{
    const struct order *order = &slot->orders[0];
    switch (action) {
    case WATCH_SAY_SLOW:
        slot->shared->events->on_slow(slot->shared->ctx, order->job,
                                      slot->run.item, slot->number,
                                      slot_now(slot) - slot->run.item_us);
        break;
    case WATCH_DUMP:
        signal_pid(slot, slot->run.pid > 0 ? slot->run.pid : slot->pid,
                   slot->dump_signal > 0 ? slot->dump_signal : SIGABRT, false);
        break;
    case WATCH_TERMINATE:
        signal_job(slot, SIGTERM);
        if (slot->run.watch.cause == WATCH_CANCEL) {
            signal_worker(slot, SIGTERM);
        }
        break;
    case WATCH_KILL:
        signal_job(slot, SIGKILL);
        if (slot->run.watch.cause == WATCH_CANCEL) {
            signal_worker(slot, SIGKILL);
        }
        break;
    case WATCH_GIVE_UP:
        condemn(slot, false, slot->problem);
        slot->dead = true;
        slot->dead_status = SIGKILL;
        deadline_arm(&slot->deadline, SLOT_EOF_MS);
        break;
    case WATCH_NOTHING:
        break;
    }
}

void
slot_tick(struct slot *slot, uint64_t now_us)
{
    if (front(slot) == NULL || slot->state != SLOT_BUSY) {
        return;
    }
    read_page(slot);
    if (slot->run.item != ITEM_NONE) {
        capture_bound(&slot->capture, slot->cursor);
    }
    enum watch_action action;
    while (front(slot) != NULL &&
           (action = watch_step(&slot->run.watch, watch_time(slot, now_us))) !=
               WATCH_NOTHING) {
        act(slot, action);
    }
}

void
slot_cancel(struct slot *slot, bool now)
{
    slot->cancelled = true;
    if (front(slot) != NULL) {
        read_page(slot);
        watch_cancel(&slot->run.watch, now);
        slot_tick(slot, slot_now(slot));
    } else if (slot->order_count > 0) {
        signal_worker(slot, SIGKILL);
        if (slot->state == SLOT_STARTING && slot->pid == 0 &&
            slot->child == NULL) {
            // The fork is under way: its worker is ended when it greets.
            give_back(slot, ORDER_CANCELLED, "");
        }
    }
}

void
slot_stop(struct slot *slot)
{
    slot->stopping = true;
    if (slot->state == SLOT_EMPTY) {
        slot->shared->on_empty(slot->shared->suite);
        return;
    }
    if (slot->shared->inside && slot->state == SLOT_IDLE) {
        slot->state = SLOT_EMPTY;
        slot->shared->on_empty(slot->shared->suite);
        return;
    }
    if (slot->state != SLOT_IDLE) {
        return; // when its orders are done, or when it has greeted
    }
    slot->state = SLOT_ENDING;
    buf_reset(&slot->shared->line);
    request_add_stop(&slot->shared->line);
    send_line(slot);
    deadline_arm(&slot->deadline, SLOT_STOP_MS);
}
