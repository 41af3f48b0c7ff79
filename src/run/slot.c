#include "run/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/slot_internal.h"
#include "util/alloc.h"

static bool
make_page(struct slot *slot, struct err *err)
{
    slot->page_path = alloc_printf(
        "%s/%d.page", workplace_folder(slot->shared->workplace), slot->number);
    int fd = open(slot->page_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    // Room is taken now: a page without it would be a SIGBUS later.
    int number = fd < 0 ? errno : posix_fallocate(fd, 0, PAGE_BYTES);
    if (number != 0) {
        err_set_errno(err, ERR_SYSTEM, number, "make %s", slot->page_path);
        if (fd >= 0) {
            close(fd);
        }
        return err_hint(err, "set TMPDIR to a folder with room");
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
    deadline_init(&slot->deadline, shared->loop, slot_on_deadline, slot);
    const struct settings *settings = shared->settings;
    if (!printed_open(&slot->printed, workplace_folder(shared->workplace),
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
    printed_release(&slot->printed);
    if (slot->page != NULL) {
        munmap(slot->page, PAGE_BYTES);
    }
    free(slot->page_path);
    free(slot);
}

bool
slot_is_empty(const struct slot *slot)
{
    return slot->state == SLOT_EMPTY;
}

void
slot_give(struct slot *slot, const struct order *order)
{
    slot_add(slot, order);
    if (slot->state == SLOT_EMPTY) {
        slot_start_worker(slot);
    } else {
        slot_send(slot);
    }
}

void
slot_warm(struct slot *slot)
{
    if (slot->state == SLOT_EMPTY && !slot->shared->inside) {
        slot_start_worker(slot);
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
        slot_signal(slot, slot->run.pid > 0 ? slot->run.pid : slot->pid,
                    slot->dump_signal > 0 ? slot->dump_signal : SIGABRT, false);
        break;
    case WATCH_TERMINATE:
        slot_signal_job(slot, SIGTERM); // its worker waits for it
        break;
    case WATCH_KILL:
        slot_signal_job(slot, SIGKILL);
        if (slot->shared->inside) {
            zygote_kill(slot->shared->zygote);
        }
        if (slot->run.watch.cause == WATCH_CANCEL) {
            slot_signal_worker(slot, SIGKILL);
        }
        break;
    case WATCH_GIVE_UP:
        slot_condemn(slot, false, slot->problem);
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
    if (slot_front(slot) == NULL || slot->state != SLOT_BUSY) {
        return;
    }
    slot_read_page(slot);
    printed_bound(&slot->printed, slot->run.item != ITEM_NONE);
    enum watch_action action;
    while (slot_front(slot) != NULL &&
           (action =
                watch_step(&slot->run.watch, slot_watch_time(slot, now_us))) !=
               WATCH_NOTHING) {
        act(slot, action);
    }
}

void
slot_cancel(struct slot *slot, bool now)
{
    slot->cancelled = true;
    if (slot_front(slot) != NULL) {
        slot_read_page(slot);
        watch_cancel(&slot->run.watch, now);
        slot_tick(slot, slot_now(slot));
    } else if (slot->order_count > 0) {
        slot_signal_worker(slot, SIGKILL);
        if (slot->state == SLOT_STARTING && slot->pid == 0 &&
            slot->child == NULL) {
            // The fork is under way: its worker is ended when it greets.
            slot_give_back(slot, ORDER_CANCELLED, "");
        }
    }
}

static uint32_t
find_order(const struct slot *slot, uint32_t job, uint16_t attempt)
{
    uint32_t place = 0;
    while (place < slot->order_count &&
           (slot->orders[place].job != job ||
            slot->orders[place].attempt != attempt)) {
        place++;
    }
    return place;
}

void
slot_cancel_order(struct slot *slot, uint32_t job, uint16_t attempt, bool now)
{
    uint32_t place = find_order(slot, job, attempt);
    if (place >= slot->order_count) {
        return;
    }
    if (place >= slot->sent_count) {
        slot_drop_unsent(slot, place);
        struct order_report report = {
            .job = job,
            .attempt = attempt,
            .slot = slot->number,
            .end = ORDER_CANCELLED,
            .running = ITEM_NONE,
            .problem = "",
        };
        slot->shared->events->on_end(slot->shared->ctx, &report);
        return;
    }
    slot->cut = true;
    slot->doomed |= (uint64_t)1 << slot->lanes[place];
    if (place == 0) {
        slot_read_page(slot);
        watch_cancel(&slot->run.watch, now);
        slot_tick(slot, slot_now(slot));
    }
}

bool
slot_view(struct slot *slot, uint32_t job, struct order_view *view)
{
    const struct order *order = slot_front(slot);
    if (order == NULL || order->job != job || slot->run.item == ITEM_NONE) {
        return false;
    }
    view->item = slot->run.item;
    view->printed[VIEW_OUT] = printed_unclaimed(&slot->printed, STREAM_OUT);
    view->printed[VIEW_ERR] = printed_unclaimed(&slot->printed, STREAM_ERR);
    return true;
}

void
slot_read(struct slot *slot, int stream, uint64_t from, uint64_t to,
          struct buf *text)
{
    printed_peek(&slot->printed, stream == VIEW_OUT ? STREAM_OUT : STREAM_ERR,
                 from, to, text);
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
    slot_send_line(slot);
    deadline_arm(&slot->deadline,
                 zygote_end_ms(slot->shared->settings, SLOT_STOP_MS));
}
