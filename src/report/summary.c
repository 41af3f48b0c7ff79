#include "report/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/wording.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"

enum {
    MOST_TEXT = 400, // bytes kept of any text
    MOST_REASONS = 200,
    MOST_IDS = 200, // kept of each reason
    FEW_IDS = 5,    // shown of each reason
    MOST_BAD = 1000,
    MOST_LEAKS = 20,
    MOST_SLOTS = 1 << 16,
    FEW_SLOTS = 16,  // shown one by one
    FAST_US = 10000, // not worth naming among the slowest
};

struct entry {
    char *text;
    uint32_t count;
};

// Items that were skipped, or did not run, for one reason.
struct group {
    char *reason;
    uint32_t count;
    ARRAY(struct entry) entries;
};

struct groups {
    struct map places; // reason -> place in `all` + 1
    ARRAY(struct group) all;
    uint32_t more; // items with a reason that is not kept
};

struct bad {
    enum state state;
    char *id;
    char *place;
};

struct slow {
    uint64_t us;
    char *id;
};

struct slot {
    uint32_t tests;
    uint64_t busy_us;
};

struct summary {
    bool all;
    struct groups skipped;
    struct groups not_run;
    ARRAY(struct bad) bad;
    uint32_t bad_count;
    struct slow *slowest; // the longest first
    int slowest_count;
    int slowest_max;
    ARRAY(char *) leaks;
    uint32_t leak_count;
    ARRAY(struct slot) slots;
    uint64_t began_us; // the first job
    bool began;
};

struct summary *
summary_new(int slowest, bool all)
{
    struct summary *summary = ALLOC(struct summary);

    summary->all = all;
    summary->slowest_max = slowest > 0 ? slowest : 0;
    summary->slowest =
        alloc_zero((size_t)summary->slowest_max + 1, sizeof(struct slow));
    return summary;
}

static void
groups_release(struct groups *groups)
{
    for (size_t i = 0; i < groups->all.count; i++) {
        struct group *group = &groups->all.items[i];
        for (size_t k = 0; k < group->entries.count; k++) {
            free(group->entries.items[k].text);
        }
        ARRAY_RELEASE(&group->entries);
        free(group->reason);
    }
    ARRAY_RELEASE(&groups->all);
    map_release(&groups->places);
}

void
summary_free(struct summary *summary)
{
    if (summary == NULL) {
        return;
    }
    groups_release(&summary->skipped);
    groups_release(&summary->not_run);
    for (size_t i = 0; i < summary->bad.count; i++) {
        free(summary->bad.items[i].id);
        free(summary->bad.items[i].place);
    }
    ARRAY_RELEASE(&summary->bad);
    for (int i = 0; i < summary->slowest_count; i++) {
        free(summary->slowest[i].id);
    }
    free(summary->slowest);
    for (size_t i = 0; i < summary->leaks.count; i++) {
        free(summary->leaks.items[i]);
    }
    ARRAY_RELEASE(&summary->leaks);
    ARRAY_RELEASE(&summary->slots);
    free(summary);
}

// A copy of text from outside, which may be of any length.
static char *
keep(struct slice text)
{
    return slice_dup(slice_first(text, MOST_TEXT));
}

static struct group *
find_group(struct groups *groups, struct slice reason)
{
    reason = slice_first(reason, MOST_TEXT);
    uintptr_t place = (uintptr_t)map_find(&groups->places, reason);
    if (place == 0) {
        if (groups->all.count >= MOST_REASONS) {
            return NULL;
        }
        ARRAY_ADD_ZERO(&groups->all);
        ARRAY_LAST(&groups->all).reason = keep(reason);
        place = groups->all.count;
        // NOLINTNEXTLINE(performance-no-int-to-ptr)
        map_set(&groups->places, reason, (void *)place);
    }
    return &groups->all.items[place - 1];
}

// Counts one more `text` with that reason.
static void
groups_add(struct groups *groups, struct slice reason, struct slice text)
{
    struct group *group = find_group(groups, reason);

    if (group == NULL) {
        groups->more++;
        return;
    }
    group->count++;
    if (group->entries.count > 0) {
        struct entry *last = &ARRAY_LAST(&group->entries);
        if (slice_equals_text(slice_first(text, MOST_TEXT), last->text)) {
            last->count++;
            return;
        }
    }
    if (group->entries.count < MOST_IDS) {
        struct entry entry = {keep(text), 1};
        ARRAY_ADD(&group->entries, entry);
    }
}

static void
add_bad(struct summary *summary, const struct event_test *test)
{
    struct buf place = BUF_INIT(MOST_TEXT);

    summary->bad_count++;
    if (summary->bad.count >= MOST_BAD) {
        return;
    }
    wording_place(&place, test);
    struct bad bad = {test->outcome->state, keep(slice_of(test->id)),
                      alloc_dup(buf_text(&place))};
    ARRAY_ADD(&summary->bad, bad);
    buf_release(&place);
}

static void
add_slow(struct summary *summary, const struct event_test *test)
{
    struct slow *slowest = summary->slowest;
    int at = summary->slowest_count;

    if (test->us < FAST_US || summary->slowest_max == 0 ||
        (at == summary->slowest_max && test->us <= slowest[at - 1].us)) {
        return;
    }
    while (at > 0 && slowest[at - 1].us < test->us) {
        slowest[at] = slowest[at - 1];
        at--;
    }
    slowest[at] = (struct slow){test->us, keep(slice_of(test->id))};
    if (summary->slowest_count < summary->slowest_max) {
        summary->slowest_count++;
    } else {
        free(slowest[summary->slowest_max].id);
    }
}

static struct slot *
find_slot(struct summary *summary, int slot)
{
    if (slot < 0 || slot >= MOST_SLOTS) {
        return NULL;
    }
    while (summary->slots.count <= (size_t)slot) {
        ARRAY_ADD_ZERO(&summary->slots);
    }
    return &summary->slots.items[slot];
}

static void
note_test(struct summary *summary, const struct event_test *test)
{
    enum state state = test->outcome->state;

    if (state == STATE_NOT_RUN) {
        // By job: after Ctrl-C there may be thousands of them.
        groups_add(&summary->not_run, wording_reason(test->outcome),
                   slice_of(test->job[0] != '\0' ? test->job : test->id));
        return;
    }
    struct slot *slot = find_slot(summary, test->slot);
    if (slot != NULL) {
        slot->tests++;
    }
    add_slow(summary, test);
    if (state == STATE_SKIPPED) {
        groups_add(&summary->skipped, wording_reason(test->outcome),
                   slice_of(test->id));
    } else if (state_is_bad(state)) {
        add_bad(summary, test);
    }
}

static void
note_job(struct summary *summary, const struct event *event)
{
    struct slot *slot = find_slot(summary, event->job.slot);

    if (!summary->began) {
        summary->began = true;
        summary->began_us = event->us;
    }
    if (slot != NULL && event->kind == EVENT_JOB_FINISHED) {
        slot->busy_us += event->job.us;
    }
}

static void
note_leak(struct summary *summary, const struct event_leak *leak)
{
    summary->leak_count++;
    if (summary->leaks.count < MOST_LEAKS) {
        const char *whose = leak->id[0] != '\0' ? leak->id : leak->job;
        char *text = alloc_printf("%.*s (process %d) of %.*s", MOST_TEXT,
                                  leak->command, leak->pid, MOST_TEXT,
                                  whose[0] != '\0' ? whose : "an unknown job");
        ARRAY_ADD(&summary->leaks, text);
    }
}

void
summary_note(struct summary *summary, const struct event *event)
{
    switch (event->kind) {
    case EVENT_TEST_FINISHED:
        note_test(summary, &event->test);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        note_job(summary, event);
        break;
    case EVENT_LEAKED:
        note_leak(summary, &event->leak);
        break;
    case EVENT_RUN_STARTED:
    case EVENT_COLLECTING:
    case EVENT_COLLECTED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static void
print_slowest(const struct summary *summary, struct sheet *sheet)
{
    char span[SHEET_SPAN_SIZE];

    if (summary->slowest_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_BOLD, "Slowest:\n");
    for (int i = 0; i < summary->slowest_count; i++) {
        sheet_add(sheet, STYLE_PLAIN, "%10s  ",
                  sheet_seconds(span, summary->slowest[i].us));
        sheet_text(sheet, STYLE_PLAIN, slice_of(summary->slowest[i].id));
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static unsigned
percent(uint64_t part, uint64_t whole)
{
    uint64_t share = whole > 0 ? (part * 100 + whole / 2) / whole : 0;

    return share < 100 ? (unsigned)share : 100;
}

static void
print_slot(const struct slot *slot, size_t number, uint64_t whole_us,
           struct sheet *sheet)
{
    char span[SHEET_SPAN_SIZE];

    sheet_add(sheet, STYLE_PLAIN, "  slot %-3zu %7" PRIu32 " %-5s %10s  ",
              number, slot->tests, slot->tests == 1 ? "test" : "tests",
              sheet_seconds(span, slot->busy_us));
    sheet_bar(sheet, STYLE_GOOD, slot->busy_us, whole_us, 20);
    sheet_add(sheet, STYLE_PLAIN, " %3u %%\n",
              percent(slot->busy_us, whole_us));
}

static void
print_balance(const struct summary *summary, struct sheet *sheet, uint64_t us)
{
    uint64_t whole_us = us > summary->began_us ? us - summary->began_us : 0;
    uint64_t busy_us = 0;
    size_t least = 0;
    size_t most = 0;
    size_t count = summary->slots.count;
    const struct slot *slots = summary->slots.items;

    if (count < 2) {
        return; // nothing to balance
    }
    for (size_t i = 0; i < count; i++) {
        busy_us += slots[i].busy_us;
        least = slots[i].busy_us < slots[least].busy_us ? i : least;
        most = slots[i].busy_us > slots[most].busy_us ? i : most;
    }
    sheet_add(sheet, STYLE_BOLD, "Workers: ");
    sheet_add(sheet, STYLE_PLAIN, "%zu slots, %u %% busy\n", count,
              percent(busy_us, whole_us * count));
    if (count <= FEW_SLOTS) {
        for (size_t i = 0; i < count; i++) {
            print_slot(&slots[i], i, whole_us, sheet);
        }
    } else {
        print_slot(&slots[least], least, whole_us, sheet);
        sheet_add(sheet, STYLE_DIM, "  ...\n");
        print_slot(&slots[most], most, whole_us, sheet);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_leaks(const struct summary *summary, struct sheet *sheet)
{
    if (summary->leak_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_WARN, "Leaked processes: %" PRIu32 "\n",
              summary->leak_count);
    for (size_t i = 0; i < summary->leaks.count; i++) {
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(summary->leaks.items[i]));
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    if (summary->leak_count > summary->leaks.count) {
        sheet_add(sheet, STYLE_DIM, "  and %zu more\n",
                  summary->leak_count - summary->leaks.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_group(const struct group *group, bool all, struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];
    uint32_t shown = 0;

    sheet_add(sheet, STYLE_PLAIN, "%7s  ", sheet_number(number, group->count));
    sheet_text(sheet, STYLE_PLAIN,
               group->reason[0] != '\0' ? slice_of(group->reason)
                                        : SLICE("(no reason given)"));
    sheet_add(sheet, STYLE_PLAIN, "\n");
    for (size_t i = 0; i < group->entries.count; i++) {
        const struct entry *entry = &group->entries.items[i];
        // One more line instead of "and 1 more".
        if (!all && i >= FEW_IDS && group->entries.count > FEW_IDS + 1) {
            break;
        }
        sheet_add(sheet, STYLE_PLAIN, "         ");
        sheet_text(sheet, STYLE_DIM, slice_of(entry->text));
        if (entry->count > 1) {
            sheet_add(sheet, STYLE_DIM, " (%" PRIu32 ")", entry->count);
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
        shown += entry->count;
    }
    if (shown < group->count) {
        sheet_add(sheet, STYLE_DIM, "         and %s more\n",
                  sheet_number(number, group->count - shown));
    }
    writer_relieve(&sheet->writer);
}

static void
print_groups(const struct groups *groups, const char *heading, bool all,
             struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];
    uint32_t count = groups->more;

    for (size_t i = 0; i < groups->all.count; i++) {
        count += groups->all.items[i].count;
    }
    if (count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_WARN, "%s: %s\n", heading,
              sheet_number(number, count));
    for (size_t i = 0; i < groups->all.count; i++) {
        print_group(&groups->all.items[i], all, sheet);
    }
    if (groups->more > 0) {
        sheet_add(sheet, STYLE_DIM, "%7s  for other reasons\n",
                  sheet_number(number, groups->more));
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

static void
print_bad(const struct summary *summary, struct sheet *sheet)
{
    char number[SHEET_SPAN_SIZE];

    if (summary->bad_count == 0) {
        return;
    }
    sheet_add(sheet, STYLE_BAD, "Failed: %s\n",
              sheet_number(number, summary->bad_count));
    for (size_t i = 0; i < summary->bad.count; i++) {
        const struct bad *bad = &summary->bad.items[i];
        sheet_add(sheet, STYLE_BAD, "%9s", wording_of(bad->state)->word);
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(bad->id));
        if (bad->place[0] != '\0') {
            sheet_add(sheet, STYLE_PLAIN, "  ");
            sheet_text(sheet, STYLE_DIM, slice_of(bad->place));
        }
        sheet_add(sheet, STYLE_PLAIN, "\n");
        writer_relieve(&sheet->writer);
    }
    if (summary->bad_count > summary->bad.count) {
        sheet_add(sheet, STYLE_DIM, "%9s  and %zu more\n", "",
                  summary->bad_count - summary->bad.count);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

void
summary_print(struct summary *summary, struct sheet *sheet, uint64_t us)
{
    print_slowest(summary, sheet);
    print_balance(summary, sheet, us);
    print_leaks(summary, sheet);
    print_groups(&summary->skipped, "Skipped", summary->all, sheet);
    print_groups(&summary->not_run, "Not run", summary->all, sheet);
    print_bad(summary, sheet);
}

void
summary_print_verdict(struct sheet *sheet,
                      const struct event_finished *finished)
{
    const struct tally *tally = finished->tally;
    struct buf line = BUF_INIT(1024);
    char span[SHEET_SPAN_SIZE];

    if (finished->stop != STOP_NONE) {
        sheet_add(sheet, STYLE_WARN, "Stopped early: %s\n",
                  wording_stop(finished->stop));
    }
    sheet_rule(sheet, STYLE_PLAIN, '-', NULL);
    sheet_add(sheet, STYLE_PLAIN, "Ran %" PRIu32 " test%s in %s\n\n",
              tally->ran, tally->ran == 1 ? "" : "s",
              sheet_seconds(span, finished->us));
    tally_unittest_line(tally, &line);
    enum style style = STYLE_BAD;
    if (slice_starts_with(buf_slice(&line), SLICE("OK"))) {
        style = STYLE_GOOD;
    } else if (!slice_starts_with(buf_slice(&line), SLICE("FAILED"))) {
        style = STYLE_WARN;
    }
    sheet_add(sheet, style, "%s", buf_text(&line));
    buf_reset(&line);
    tally_line(tally, &line);
    sheet_add(sheet, STYLE_PLAIN, "\n%s\n", buf_text(&line));
    buf_release(&line);
}
