#include "report/progress.h"

#include <inttypes.h>
#include <string.h>

enum {
    MOST_NAME = 1000,
    MOST_SLOTS = 1 << 16,
    NARROW = 60,       // columns below which there is no bar
    LONG_US = 500000,  // a test is named when it takes longer
    EARLY_US = 2000000 // no guess of the end before
};

void
progress_init(struct progress *progress)
{
    *progress = (struct progress){.highest = UINT32_MAX};
    buf_init(&progress->activity, MOST_NAME);
}

void
progress_release(struct progress *progress)
{
    for (size_t i = 0; i < progress->slots.count; i++) {
        buf_release(&progress->slots.items[i].name);
    }
    ARRAY_RELEASE(&progress->slots);
    buf_release(&progress->activity);
}

static void
set_text(struct buf *buf, struct slice text)
{
    buf_reset(buf);
    buf_add_slice(buf, slice_first(text, buf->max));
}

static struct progress_slot *
find_slot(struct progress *progress, int slot)
{
    if (slot < 0 || slot >= MOST_SLOTS) {
        return NULL;
    }
    while (progress->slots.count <= (size_t)slot) {
        ARRAY_ADD_ZERO(&progress->slots);
        buf_init(&ARRAY_LAST(&progress->slots).name, MOST_NAME);
    }
    return &progress->slots.items[slot];
}

static void
note_job(struct progress *progress, const struct event *event)
{
    struct progress_slot *slot = find_slot(progress, event->job.slot);
    bool busy = event->kind == EVENT_JOB_STARTED;

    if (slot == NULL) {
        return;
    }
    if (slot->busy != busy) {
        progress->running += busy ? 1U : -1U;
    }
    slot->busy = busy;
    slot->test = false;
    slot->slow = false;
    slot->began_us = event->us;
    if (busy) {
        set_text(&slot->name, slice_of(event->job.name));
    }
}

static void
note_begin(struct progress *progress, const struct event_test *test)
{
    struct progress_slot *slot = find_slot(progress, test->slot);

    if (slot != NULL) {
        progress->running += slot->busy ? 0 : 1;
        slot->busy = true;
        slot->test = true;
        slot->slow = false;
        slot->number = test->number;
        slot->began_us = test->began_us;
        set_text(&slot->name, slice_of(test->id));
    }
}

static void
note_slow(struct progress *progress, const struct event_test *test)
{
    struct progress_slot *slot = find_slot(progress, test->slot);

    if (slot != NULL && slot->test && slot->number == test->number) {
        slot->slow = true;
    }
}

// The test is over; its slot goes on with its job.
static void
rest_slot(struct progress *progress, const struct event_test *test, uint64_t us)
{
    struct progress_slot *slot = find_slot(progress, test->slot);

    if (slot != NULL && slot->busy) {
        if (slot->test) {
            set_text(&slot->name, slice_of(test->job));
        }
        slot->test = false;
        slot->slow = false;
        slot->began_us = us;
    }
}

static void
note_end(struct progress *progress, const struct event *event)
{
    const struct event_test *test = &event->test;

    progress->done++;
    if (test->number >= progress->highest || progress->done > progress->total) {
        progress->total++;
    }
    if (state_is_bad(test->outcome->state) && !test->quarantined) {
        progress->bad++;
    } else if (test->outcome->state == STATE_SKIPPED) {
        progress->skipped++;
    }
    rest_slot(progress, test, event->us);
}

static void
note_script(struct progress *progress, const struct event *event)
{
    struct buf *activity = &progress->activity;

    buf_reset(activity);
    progress->activity_us = event->us;
    if (event->kind == EVENT_SCRIPT_STARTED) {
        buf_addf(activity, "%s of workspace %s", event->script.name,
                 event->script.workspace);
    }
}

static void
note_preparing(struct progress *progress, const struct event *event)
{
    struct buf *activity = &progress->activity;
    bool begins = event->preparing.len == 0;

    if (begins) {
        progress->activity_us = event->us;
    }
    buf_reset(activity);
    buf_add_text(activity, begins ? "preparing" : "preparing: ");
    buf_add_slice(activity, slice_first(event->preparing, MOST_NAME / 2));
}

void
progress_note(struct progress *progress, const struct event *event)
{
    switch (event->kind) {
    case EVENT_COLLECTING:
        if (progress->activity.len == 0) {
            progress->activity_us = event->us;
        }
        buf_reset(&progress->activity);
        buf_add_text(&progress->activity, "loading ");
        buf_add_slice(&progress->activity,
                      slice_first(event->module, MOST_NAME / 2));
        break;
    case EVENT_COLLECTED:
        buf_reset(&progress->activity);
        progress->total = event->collected.items;
        progress->highest = event->collected.items + event->collected.excluded;
        progress->began_us = event->us;
        break;
    case EVENT_PREPARING:
        note_preparing(progress, event);
        break;
    case EVENT_PREPARED:
        buf_reset(&progress->activity);
        progress->began_us = event->us;
        break;
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
        note_script(progress, event);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        note_job(progress, event);
        break;
    case EVENT_TEST_STARTED:
        note_begin(progress, &event->test);
        break;
    case EVENT_TEST_SLOW:
        note_slow(progress, &event->test);
        break;
    case EVENT_TEST_FINISHED:
        note_end(progress, event);
        break;
    case EVENT_TEST_ATTEMPT:
        rest_slot(progress, &event->test, event->us);
        break;
    case EVENT_STOPPING:
        if (progress->total > 0) {
            buf_reset(&progress->activity); // of preparing
        }
        progress->stopping = true;
        break;
    case EVENT_RUN_STARTED:
    case EVENT_ELSEWHERE:
    case EVENT_LEAKED:
    case EVENT_WORKER:
    case EVENT_NOTE:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static uint64_t
since(uint64_t began_us, uint64_t now_us)
{
    return now_us > began_us ? now_us - began_us : 0;
}

// "   2 failed  3 skipped   0:42  eta 1:10" and its columns.
static int
draw_counts(const struct progress *progress, struct sheet *sheet,
            uint64_t now_us)
{
    char text[SHEET_SPAN_SIZE];
    uint64_t spent_us = since(progress->began_us, now_us);
    int columns = 0;

    if (progress->bad > 0) {
        const char *number = sheet_number(text, progress->bad);
        columns += 9 + (int)strlen(number);
        sheet_add(sheet, STYLE_BAD, "  %s failed", number);
    }
    if (progress->skipped > 0) {
        const char *number = sheet_number(text, progress->skipped);
        columns += 10 + (int)strlen(number);
        sheet_add(sheet, STYLE_WARN, "  %s skipped", number);
    }
    const char *clock = sheet_clock(text, now_us);
    columns += 2 + (int)strlen(clock);
    sheet_add(sheet, STYLE_PLAIN, "  %s", clock);
    if (progress->stopping) {
        columns += 10;
        sheet_add(sheet, STYLE_WARN, "  stopping");
    } else if (progress->done > 0 && progress->done < progress->total &&
               spent_us >= EARLY_US) {
        uint64_t left = progress->total - progress->done;
        clock = sheet_clock(text, spent_us / progress->done * left);
        columns += 6 + (int)strlen(clock);
        sheet_add(sheet, STYLE_DIM, "  eta %s", clock);
    }
    return columns;
}

static void
draw_line(const struct progress *progress, struct sheet *sheet, uint64_t now_us)
{
    struct buf *buf = &sheet->writer.buf;
    char done[SHEET_SPAN_SIZE];
    char total[SHEET_SPAN_SIZE];
    size_t start = buf->len;

    // The counts are drawn first to know how much room they leave, and then
    // moved behind the bar.
    struct buf counts = BUF_INIT(4096);
    int columns = draw_counts(progress, sheet, now_us);
    buf_add(&counts, buf->data + start, buf->len - start);
    buf_cut(buf, start);

    sheet_number(done, progress->done);
    sheet_number(total, progress->total);
    columns += (int)(strlen(done) + strlen(total)) + 2 + 6;
    sheet_add(sheet, STYLE_BOLD, " %s", done);
    sheet_add(sheet, STYLE_PLAIN, "/%s", total);
    int room = sheet->width - 1 - columns - 2;
    if (sheet->width >= NARROW && room >= 10) {
        buf_add_char(buf, ' ');
        sheet_bar(sheet, progress->bad > 0 ? STYLE_BAD : STYLE_GOOD,
                  progress->done, progress->total, room < 40 ? room : 40);
    }
    unsigned share = (unsigned)((uint64_t)progress->done * 100 /
                                (progress->total > 0 ? progress->total : 1));
    sheet_add(sheet, STYLE_PLAIN, " %3u %%", share);
    if (columns < sheet->width) {
        buf_add_slice(buf, buf_slice(&counts));
    }
    buf_add_char(buf, '\n');
    buf_release(&counts);
}

static void
draw_activity(const struct progress *progress, struct sheet *sheet,
              uint64_t now_us)
{
    char text[SHEET_SPAN_SIZE];
    const char *clock = sheet_clock(text, since(progress->activity_us, now_us));
    int room = sheet->width - 1 - 3 - (int)strlen(clock);

    sheet_add(sheet, STYLE_PLAIN, " ");
    sheet_text_fit(sheet, STYLE_PLAIN, buf_slice(&progress->activity),
                   room > 0 ? (size_t)room : 0);
    sheet_add(sheet, STYLE_PLAIN, "  %s\n", clock);
}

static void
draw_slot(const struct progress_slot *slot, struct sheet *sheet,
          uint64_t now_us)
{
    char text[SHEET_SPAN_SIZE];
    int room = sheet->width - 1 - 11;

    sheet_add(sheet, slot->slow ? STYLE_WARN : STYLE_DIM, "%9s  ",
              sheet_clock(text, since(slot->began_us, now_us)));
    sheet_text_fit(sheet, STYLE_PLAIN, buf_slice(&slot->name),
                   room > 0 ? (size_t)room : 0);
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

// The busy slot that has been at it longest, of those that began after
// `after_us` or are behind the slot `after` and began then; NULL: no more.
static const struct progress_slot *
next_longest(const struct progress *progress, const struct progress_slot *after)
{
    const struct progress_slot *longest = NULL;

    for (size_t i = 0; i < progress->slots.count; i++) {
        const struct progress_slot *slot = &progress->slots.items[i];
        bool behind = after == NULL || slot->began_us > after->began_us ||
                      (slot->began_us == after->began_us && slot > after);
        if (slot->busy && behind &&
            (longest == NULL || slot->began_us < longest->began_us)) {
            longest = slot;
        }
    }
    return longest;
}

int
progress_draw(const struct progress *progress, struct sheet *sheet,
              uint64_t now_us, int most)
{
    const struct progress_slot *slot = NULL;
    int lines = 0;

    if (progress->activity.len > 0) {
        draw_activity(progress, sheet, now_us);
        return 1;
    }
    if (progress->total == 0) {
        return 0;
    }
    draw_line(progress, sheet, now_us);
    lines++;
    while (lines <= most && (slot = next_longest(progress, slot)) != NULL &&
           since(slot->began_us, now_us) >= LONG_US) {
        draw_slot(slot, sheet, now_us);
        lines++;
    }
    return lines;
}

void
progress_list(const struct progress *progress, struct sheet *sheet,
              uint64_t now_us)
{
    char text[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_BOLD,
              "%s: %" PRIu32 " of %" PRIu32 " done, %" PRIu32
              " failed, %" PRIu32 " running\n",
              sheet_clock(text, now_us), progress->done, progress->total,
              progress->bad, progress->running);
    if (progress->activity.len > 0) {
        draw_activity(progress, sheet, now_us);
    }
    for (size_t i = 0; i < progress->slots.count; i++) {
        const struct progress_slot *slot = &progress->slots.items[i];
        if (!slot->busy) {
            continue;
        }
        sheet_add(sheet, slot->slow ? STYLE_WARN : STYLE_PLAIN, "%10s  ",
                  sheet_seconds(text, since(slot->began_us, now_us)));
        sheet_add(sheet, STYLE_DIM, "slot %-3zu ", i);
        sheet_text(sheet, STYLE_PLAIN, buf_slice(&slot->name));
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
}
