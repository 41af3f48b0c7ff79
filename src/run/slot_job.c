#include "run/slot_internal.h"

#include "run/run_request.h"
#include "run/verdict.h"

uint64_t
slot_now(const struct slot *slot)
{
    return (uint64_t)loop_now_us(slot->shared->loop);
}

/* The clock of limits: it stands still while the run is paused. */
uint64_t
slot_watch_time(const struct slot *slot, uint64_t us)
{
    return working_time_at(&slot->shared->time, us);
}

/* Whether the item may be spoken of now. */
static bool
is_asked(struct slot *slot, uint32_t item)
{
    struct order *order = slot_front(slot);
    if (order == NULL ||
        !items_job_has(slot->shared->items, order->job, item)) {
        return false;
    }
    const struct item *it = items_peek(slot->shared->items, item);
    return (it->flags & (ITEM_SELECTED | ITEM_APPEARED)) == ITEM_SELECTED;
}

/* The number of the process that runs the order: the worker or a new one. */
static uint32_t
number_process(struct slot *slot)
{
    if (slot_forks_jobs(slot)) {
        return ++slot->processes;
    }
    if (slot->process == 0) {
        slot->process = ++slot->processes;
    }
    return slot->process;
}

static void
say_job_begin(struct slot *slot)
{
    struct order *order = slot_front(slot);
    if (!slot->run.said && order != NULL) {
        slot->run.said = true;
        slot->shared->events->on_job_begin(slot->shared->ctx,
                                           &(struct order_begin){
                                               .job = order->job,
                                               .attempt = order->attempt,
                                               .slot = slot->number,
                                               .process = number_process(slot),
                                           });
    }
}

static void
begin_item(struct slot *slot, uint32_t item, uint64_t began_us)
{
    if (slot->run.item == item) {
        return;
    }
    assert(slot_front(slot) != NULL);
    const struct order *order = &slot->orders[0];
    slot->run.item = item;
    slot->run.item_us = began_us;
    watch_item(&slot->run.watch, slot_watch_time(slot, began_us));
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
    assert(slot_front(slot) != NULL);
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
    slot->told[slot->told_count++ % PAGE_ENTRIES] = item;
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

// The worker begins the page again after it has sent its messages, which are
// read here before that. Whoever looks for what spoils a test enters no
// states: there nothing else tells an item that ended from one that runs.
static bool
was_told(const struct slot *slot, uint32_t item)
{
    size_t count = slot->told_count;
    for (size_t i = 0; i < count && i < PAGE_ENTRIES; i++) {
        if (slot->told[i] == item) {
            return true;
        }
    }
    return false;
}

static bool
has_state(const struct slot *slot, uint32_t item)
{
    const struct item *it = items_peek(slot->shared->items, item);
    return it->state != STATE_NONE || (it->flags & ITEM_ANSWERED) != 0 ||
           was_told(slot, item);
}

void
slot_read_page(struct slot *slot)
{
    if (slot->page == NULL || slot_front(slot) == NULL ||
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

static enum order_end
why_it_ended(const struct slot *slot, bool died)
{
    if (slot->breach) {
        return ORDER_BREACH;
    }
    if (slot->cancelled) {
        return ORDER_CANCELLED;
    }
    if (slot->orphan) {
        return ORDER_LOST;
    }
    return died ? ORDER_CRASHED : ORDER_DONE;
}

/* The front order is over; `status` is of the process that died, if one did. */
void
slot_end_front(struct slot *slot, bool died, int status, uint64_t us)
{
    struct order order = slot->orders[0];
    char problem[256] = "";
    enum order_end end;
    if (!verdict_of_watch(&slot->run.watch, false, &end, problem,
                          sizeof(problem))) {
        end = why_it_ended(slot, died);
        snprintf(problem, sizeof(problem), "%s",
                 end == ORDER_CANCELLED ? VERDICT_STOPPED : slot->problem);
    }
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
    struct printed *printed = &slot->printed;
    bool bad = end != ORDER_DONE;
    report.out = bad ? printed_claim_rest(printed, STREAM_OUT)
                     : printed_loose(printed, STREAM_OUT);
    report.err = bad ? printed_claim_rest(printed, STREAM_ERR)
                     : printed_loose(printed, STREAM_ERR);
    say_job_begin(slot);
    slot_drop_front(slot);
    slot->shared->events->on_end(slot->shared->ctx, &report);
    printed_end_job(printed);
}

void
slot_sweep(struct slot *slot, int pid)
{
    char tag[RUN_REQUEST_TAG_SIZE];
    run_request_tag(tag, slot->shared->build_id, slot->orders[0].job,
                    slot->orders[0].attempt);
    guardians_sweep(slot->shared->guardians, tag, pid);
}

static void
take_passed(struct slot *slot, const struct adapter_passed *passed)
{
    for (size_t i = 0; i < passed->count; i++) {
        uint32_t item = passed->items[i].item;
        if (was_early(slot, item)) {
            continue;
        }
        if (!is_asked(slot, item)) {
            slot_condemn(slot, true, "reported a test it was not asked to run");
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
        slot_condemn(slot, true, "reported a test it was not asked to run");
        return;
    }
    outcome.out = printed_claim(&slot->printed, STREAM_OUT, &finished->out);
    outcome.err = printed_claim(&slot->printed, STREAM_ERR, &finished->err);
    tell_result(slot, finished->item, &outcome);
}

static void
take_fixture(struct slot *slot, const struct adapter_finished *fixture)
{
    const struct order *order = slot_front(slot);
    if (order == NULL) {
        slot_condemn(slot, true, "reported a fixture while no job ran");
        return;
    }
    struct outcome outcome = fixture->outcome;
    outcome.ran = false; // it is no test
    outcome.out = printed_claim(&slot->printed, STREAM_OUT, &fixture->out);
    outcome.err = printed_claim(&slot->printed, STREAM_ERR, &fixture->err);
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
    slot_read_page(slot);
    slot->run.exited = true;
    slot->run.status = exit->status;
    slot->run.usage = exit->usage;
    if (exit->leak || exit->status != 0) {
        slot_sweep(slot, exit->pid);
    }
}

/* The worker ends itself; what it was sent ahead goes to the next one. */
static void
expect_end(struct slot *slot)
{
    slot->sent_count = 1; // the job that is over
    slot->state = SLOT_ENDING;
    deadline_arm(&slot->deadline,
                 zygote_end_ms(slot->shared->settings, SLOT_STOP_MS));
}

static void
take_done(struct slot *slot, const struct adapter_progress *done)
{
    slot_read_page(slot);
    if (slot->killed || (done->left && !slot->run.exited)) {
        expect_end(slot);
    } else if (slot_is_single_use(slot)) {
        expect_end(slot);
        buf_reset(&slot->shared->line);
        request_add_stop(&slot->shared->line);
        slot_send_line(slot);
    }
    bool died = slot->run.item != ITEM_NONE ||
                (slot->run.exited && slot->run.status != 0 && !done->left);
    slot->run.left = done->left;
    if (!slot->run.exited) {
        slot->run.usage = done->usage;
    }
    slot->shared->on_job_us(slot->shared->suite, done->us);
    slot_end_front(slot, died, slot->run.status, done->us);
    if (slot->order_count == 0 && slot->state == SLOT_BUSY) {
        slot->state = SLOT_IDLE;
    }
    if (slot->cancelled && slot->order_count > 0) {
        slot_abandon(slot);
        return;
    }
    slot_send(slot);
    slot->shared->events->on_room(slot->shared->ctx);
    if (slot->stopping && slot->order_count == 0) {
        slot_stop(slot);
    }
}

void
slot_message(struct slot *slot, const struct adapter_message *message)
{
    struct order *order = slot_front(slot);
    if (slot->breach || (slot->killed && order == NULL)) {
        return; // it was ended; what it still says does not count
    }
    if (order == NULL) {
        slot_condemn(slot, true, "spoke of a job while it had none");
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
            slot_condemn(slot, true, "began a test it was not asked to run");
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
            slot_condemn(slot, true, "spoke of a job it was not asked to run");
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
    case ADAPTER_PREPARING:
    case ADAPTER_PREPARED:
    case ADAPTER_UNFIT:
    case ADAPTER_NOTE:
    case ADAPTER_KIND_COUNT:
        slot_condemn(slot, true, "said what only a zygote may say");
        break;
    }
}
