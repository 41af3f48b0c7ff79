#include "report/lookback.h"

#include "report/wording.h"
#include "util/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum {
    ID_COLUMNS = 10,
    COUNTS_COLUMN = 49,
    BAR_COLUMNS = 12,
    WIDTH_LEAST = 40,
};

const char *
lookback_date(char text[static LOOKBACK_DATE_SIZE], int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (localtime_r(&seconds, &tm) == NULL ||
        strftime(text, LOOKBACK_DATE_SIZE, "%Y-%m-%d %H:%M", &tm) == 0) {
        snprintf(text, LOOKBACK_DATE_SIZE, "%-16s", "?");
    }
    return text;
}

/* "4 errors": the other states are no nouns. */
static const char *
plural_of(enum state state, uint32_t count)
{
    bool noun = state == STATE_ERROR || state == STATE_TIMEOUT;
    return noun && count != 1 ? "s" : "";
}

void
lookback_counts(struct buf *buf, const uint32_t states[STATE_COUNT],
                uint32_t flaky)
{
    size_t start = buf->len;
    for (int state = STATE_PASSED; state < STATE_COUNT; state++) {
        if (states[state] > 0) {
            buf_addf(buf, "%s%" PRIu32 " %s%s", buf->len > start ? ", " : "",
                     states[state], state_name((enum state)state),
                     plural_of((enum state)state, states[state]));
        }
    }
    if (flaky > 0) {
        buf_addf(buf, "%s%" PRIu32 " flaky", buf->len > start ? ", " : "",
                 flaky);
    }
    if (buf->len == start) {
        buf_add_text(buf, "no tests");
    }
}

/* Text of a test or a user in a column of its own. */
static void
add_column(struct sheet *sheet, enum style style, const char *text,
           size_t columns)
{
    size_t used = sheet_text_fit(sheet, style, slice_of(text), columns);
    sheet_add(sheet, STYLE_PLAIN, "%*s", (int)(columns - used), "");
}

/* The same in all that is left of the line. */
static void
add_rest(struct sheet *sheet, enum style style, const char *text, int used)
{
    int width = sheet->width > WIDTH_LEAST ? sheet->width : WIDTH_LEAST;
    sheet_text_fit(sheet, style, slice_of(text), (size_t)(width - used));
    sheet_add(sheet, STYLE_PLAIN, "\n");
}

// ----------------------------------------------------------------- builds

struct verdict_word {
    const char *text; // at most seven columns
    enum style style;
};

/* By the exit status, as the manual explains it. */
static struct verdict_word
word_verdict(const struct lookback_build *build)
{
    if (build->cut) {
        return (struct verdict_word){"cut off", STYLE_WARN};
    }
    if (build->running) {
        return (struct verdict_word){"running", STYLE_PLAIN};
    }
    switch (build->exit_status) {
    case 0:
        return (struct verdict_word){"OK", STYLE_GOOD};
    case 1:
        return (struct verdict_word){"FAILED", STYLE_BAD};
    case 2:
        return (struct verdict_word){"stopped", STYLE_WARN};
    case 5:
        return (struct verdict_word){"empty", STYLE_WARN};
    default:
        return (struct verdict_word){"broken", STYLE_BAD};
    }
}

/* "12.346s", "27:46:40": at most nine columns for a year. */
static const char *
word_span(char text[static SHEET_SPAN_SIZE], uint64_t us)
{
    return us < UINT64_C(1000000000) ? sheet_seconds(text, us)
                                     : sheet_clock(text, us);
}

/* What does not fit goes on below; between counts only. */
static void
add_counts(struct sheet *sheet, const struct lookback_build *build)
{
    struct buf counts = BUF_INIT(1024);
    lookback_counts(&counts, build->states, build->flaky);
    struct slice rest = buf_slice(&counts);
    struct slice part;
    size_t column = COUNTS_COLUMN;
    while (slice_split(&rest, ',', &part)) {
        bool last = slice_is_over(rest);
        if (column + part.len + 1 > (size_t)sheet->width &&
            column > COUNTS_COLUMN) {
            sheet_add(sheet, STYLE_PLAIN, "\n%*s", COUNTS_COLUMN - 1, "");
            column = COUNTS_COLUMN - 1;
        }
        sheet_add(sheet, STYLE_PLAIN, "%.*s%s", SLICE_ARG(part),
                  last ? "" : ",");
        column += part.len + 1;
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
    buf_release(&counts);
}

static void
print_build(struct sheet *sheet, const struct lookback_build *build)
{
    char date[LOOKBACK_DATE_SIZE];
    char span[SHEET_SPAN_SIZE];
    struct verdict_word verdict = word_verdict(build);

    sheet_add(sheet, verdict.style, "%-7s", verdict.text);
    sheet_add(sheet, STYLE_PLAIN, "  ");
    add_column(sheet, STYLE_BOLD, build->id, ID_COLUMNS);
    sheet_add(sheet, STYLE_PLAIN, "  %s %9s  ",
              lookback_date(date, build->wall_ms), word_span(span, build->us));
    add_counts(sheet, build);
    sheet_add(sheet, STYLE_DIM, "         %-10s  ",
              build->recorded ? "recorded" : "");
    add_rest(sheet, STYLE_DIM, build->command, 21);
    writer_relieve(&sheet->writer);
}

void
lookback_builds(struct sheet *sheet, const struct lookback_build *builds,
                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_build(sheet, &builds[i]);
    }
}

// --------------------------------------------------------------- one test

static int
compare_us(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return (first > second) - (first < second);
}

struct span {
    uint64_t least;
    uint64_t median;
    uint64_t most;
    uint32_t states[STATE_COUNT];
    uint32_t flaky;
};

static struct span
measure(const struct lookback_attempt *attempts, size_t count)
{
    struct span span = {0};
    uint64_t *times = alloc_zero(count + 1, sizeof(*times));
    size_t timed = 0;
    for (size_t i = 0; i < count; i++) {
        span.states[attempts[i].state]++;
        span.flaky += attempts[i].flaky;
        bool ran = attempts[i].state != STATE_NOT_RUN &&
                   attempts[i].state != STATE_SKIPPED;
        if (ran) {
            times[timed++] = attempts[i].us;
        }
    }
    if (timed > 0) {
        qsort(times, timed, sizeof(*times), compare_us);
        span.least = times[0];
        span.median = times[timed / 2];
        span.most = times[timed - 1];
    }
    free(times);
    return span;
}

static void
print_attempt(struct sheet *sheet, const struct lookback_attempt *attempt,
              uint64_t most)
{
    char date[LOOKBACK_DATE_SIZE];
    char seconds[SHEET_SPAN_SIZE];
    enum style style = wording_of(attempt->state)->style;

    sheet_add(sheet, STYLE_PLAIN, "%s  ",
              lookback_date(date, attempt->wall_ms));
    add_column(sheet, STYLE_PLAIN, attempt->build, ID_COLUMNS);
    sheet_add(sheet, attempt->flaky ? STYLE_WARN : style, "  %-7s",
              attempt->flaky ? "flaky" : state_name(attempt->state));
    sheet_add(sheet, STYLE_PLAIN, " %10s  ",
              sheet_seconds(seconds, attempt->us));
    sheet_bar(sheet, STYLE_PLAIN, attempt->us, most, BAR_COLUMNS);
    if (attempt->slot >= 0) {
        sheet_add(sheet, STYLE_PLAIN, "  slot %d", attempt->slot);
    }
    if (attempt->tries > 1) {
        sheet_add(sheet, STYLE_WARN, ", try %d", attempt->tries);
    }
    sheet_add(sheet, STYLE_PLAIN, "\n");
    if (attempt->worker[0] != '\0') {
        sheet_add(sheet, STYLE_DIM, "%18s", "");
        add_rest(sheet, STYLE_DIM, attempt->worker, 18);
    }
    writer_relieve(&sheet->writer);
}

void
lookback_test(struct sheet *sheet, const char *id,
              const struct lookback_attempt *attempts, size_t count)
{
    struct span span = measure(attempts, count);
    struct buf counts = BUF_INIT(1024);
    char least[SHEET_SPAN_SIZE];
    char median[SHEET_SPAN_SIZE];
    char most[SHEET_SPAN_SIZE];

    sheet_text(sheet, STYLE_BOLD, slice_of(id));
    lookback_counts(&counts, span.states, span.flaky);
    sheet_add(sheet, STYLE_PLAIN, "\n%zu build%s: %s\n", count,
              count == 1 ? "" : "s", buf_text(&counts));
    sheet_add(sheet, STYLE_PLAIN, "%s to %s, median %s\n\n",
              sheet_seconds(least, span.least), sheet_seconds(most, span.most),
              sheet_seconds(median, span.median));
    for (size_t i = 0; i < count; i++) {
        print_attempt(sheet, &attempts[i], span.most);
    }
    buf_release(&counts);
}

// ---------------------------------------------------------- slow and flaky

void
lookback_slowest(struct sheet *sheet, const struct lookback_rank *ranks,
                 size_t count)
{
    char span[SHEET_SPAN_SIZE];

    if (count > 0) {
        sheet_add(sheet, STYLE_BOLD, "%10s  %-8s  test\n", "takes", "last");
    }
    for (size_t i = 0; i < count; i++) {
        const struct lookback_rank *rank = &ranks[i];
        sheet_add(sheet, STYLE_PLAIN, "%10s  ", sheet_seconds(span, rank->us));
        sheet_add(sheet, wording_of(rank->state)->style, "%-8s",
                  rank->state == STATE_NONE ? "" : state_name(rank->state));
        sheet_add(sheet, STYLE_PLAIN, "  ");
        sheet_text(sheet, STYLE_PLAIN, slice_of(rank->id));
        sheet_add(sheet, STYLE_PLAIN, "\n");
        writer_relieve(&sheet->writer);
    }
}

void
lookback_flaky(struct sheet *sheet, const struct lookback_rank *ranks,
               size_t count)
{
    char date[LOOKBACK_DATE_SIZE];

    if (count > 0) {
        sheet_add(sheet, STYLE_BOLD, "%5s  %5s  %5s  %-16s  test\n", "flaky",
                  "turns", "of", "last time");
    }
    for (size_t i = 0; i < count; i++) {
        const struct lookback_rank *rank = &ranks[i];
        sheet_add(sheet, STYLE_WARN, "%5" PRIu32, rank->flaky);
        sheet_add(sheet, STYLE_PLAIN, "  %5" PRIu32 "  %5" PRIu32 "  %-16s  ",
                  rank->turns, rank->runs,
                  rank->wall_ms > 0 ? lookback_date(date, rank->wall_ms) : "");
        sheet_text(sheet, STYLE_PLAIN, slice_of(rank->id));
        sheet_add(sheet, STYLE_PLAIN, "\n");
        writer_relieve(&sheet->writer);
    }
}
