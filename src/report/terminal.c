#include "report/terminal.h"

#include <stdlib.h>

#include "report/failure.h"
#include "report/github.h"
#include "report/notice.h"
#include "report/progress.h"
#include "report/summary.h"
#include "report/wording.h"
#include "util/alloc.h"
#include "util/text.h"

enum {
    MOST_LIVE = 12,   // lines drawn again and again
    DRAW_US = 100000, // not more often than this
    FLUSH_US = 50000, // a log that is read while it grows
    PERCENT_COLUMNS = 8,
};

struct terminal {
    struct event_sink sink; // first
    struct terminal_params params;
    struct sheet sheet;
    struct progress progress;
    struct summary *summary;
    struct buf dots; // the row of dots that is not full yet, with its colours
    int dot_count;
    int live_lines; // on the screen now, or taken for that
    int live_widths[MOST_LIVE];
    uint64_t drawn_us;
    uint64_t flushed_us;
    bool spaced;    // what was printed last ends with an empty line
    bool collected; // it is known what there is to run
    bool finished;
};

static struct terminal *
terminal_of(struct event_sink *sink)
{
    return (struct terminal *)(void *)sink;
}

// Takes the live lines off the screen. A line that became wider than the
// terminal covers several rows of it.
static void
erase_live(struct terminal *terminal)
{
    int rows = 0;
    int width = terminal->sheet.width;

    for (int i = 0; i < terminal->live_lines; i++) {
        int columns = terminal->live_widths[i];
        rows += columns > width ? (columns + width - 1) / width : 1;
    }
    if (rows > 0) {
        buf_addf(&terminal->sheet.writer.buf, "\r\x1b[%dA\x1b[J", rows);
    }
    terminal->live_lines = 0;
}

static int
dots_in_a_row(const struct terminal *terminal)
{
    int columns = terminal->sheet.width - 1 - PERCENT_COLUMNS;

    return columns < 10 ? 10 : columns;
}

static void
end_dot_row(struct terminal *terminal)
{
    erase_live(terminal);
    buf_add_slice(&terminal->sheet.writer.buf, buf_slice(&terminal->dots));
    buf_reset(&terminal->dots);
    terminal->dot_count = 0;
}

// From here on text is added that stays.
static struct sheet *
begin_lines(struct terminal *terminal)
{
    if (terminal->dot_count > 0) {
        end_dot_row(terminal);
        buf_add_char(&terminal->sheet.writer.buf, '\n');
    }
    erase_live(terminal);
    terminal->spaced = false;
    return &terminal->sheet;
}

// A row that is not full is kept apart on a terminal, where it is drawn again
// and again above the line of progress.
static void
add_dot(struct terminal *terminal, const struct wording *wording)
{
    struct progress *progress = &terminal->progress;
    struct sheet *sheet = &terminal->sheet;
    struct buf *buf = &sheet->writer.buf;
    size_t start = buf->len;

    if (wording->letter == '\0') {
        return;
    }
    if (wording->style == STYLE_GOOD) {
        buf_add_char(buf, wording->letter);
    } else {
        sheet_add(sheet, wording->style, "%c", wording->letter);
    }
    if (terminal->params.live) {
        buf_add(&terminal->dots, buf->data + start, buf->len - start);
        buf_cut(buf, start);
    }
    terminal->dot_count++;
    terminal->spaced = false;
    if (terminal->dot_count >= dots_in_a_row(terminal)) {
        uint32_t total = progress->total > 0 ? progress->total : 1;
        unsigned share = (unsigned)((uint64_t)progress->done * 100 / total);
        end_dot_row(terminal);
        sheet_add(sheet, STYLE_DIM, " [%3u %%]\n", share);
    }
}

// Columns of lines of our own, which have no wide characters but in names
// that were measured when they were cut.
static int
measure(struct slice line)
{
    int columns = 0;

    while (line.len > 0) {
        size_t sequence = text_sequence(line);
        if (sequence > 0) {
            line = slice_skip(line, sequence);
        } else {
            columns += text_char_width(text_take(&line));
        }
    }
    return columns;
}

static void
draw_live(struct terminal *terminal, uint64_t now_us)
{
    struct sheet *sheet = &terminal->sheet;
    struct slice drawn;
    struct slice line;
    int most = MOST_LIVE - 2;

    if (terminal->params.height > 0 && most > terminal->params.height / 3) {
        most = terminal->params.height / 3;
    }
    erase_live(terminal);
    size_t start = sheet->writer.buf.len;
    if (terminal->dot_count > 0) {
        buf_add_slice(&sheet->writer.buf, buf_slice(&terminal->dots));
        buf_add_char(&sheet->writer.buf, '\n');
    }
    progress_draw(&terminal->progress, sheet, now_us, most);
    drawn = slice_skip(buf_slice(&sheet->writer.buf), start);
    while (drawn.len > 0 && terminal->live_lines < MOST_LIVE &&
           slice_split(&drawn, '\n', &line)) {
        terminal->live_widths[terminal->live_lines++] = measure(line);
    }
}

static void
flush(struct terminal *terminal, uint64_t now_us)
{
    terminal->flushed_us = now_us;
    writer_flush(&terminal->sheet.writer);
}

// After each event: what it added is shown at once where that is cheap, and
// with the next tick otherwise.
static void
settle(struct terminal *terminal, uint64_t now_us)
{
    if (terminal->params.live && !terminal->finished) {
        if (now_us >= terminal->drawn_us + DRAW_US) {
            terminal->drawn_us = now_us;
            draw_live(terminal, now_us);
            flush(terminal, now_us);
        }
    } else if (now_us >= terminal->flushed_us + FLUSH_US) {
        flush(terminal, now_us);
    }
}

static void
print_failure(struct terminal *terminal, const struct event_test *test)
{
    struct sheet *sheet = begin_lines(terminal);
    struct buf *buf = &sheet->writer.buf;

    if (terminal->params.workflow && state_is_bad(test->outcome->state)) {
        github_annotate(buf, test);
        github_begin_group(buf, wording_of(test->outcome->state)->heading,
                           slice_of(test->id));
        failure_print(sheet, test, terminal->params.merged);
        github_end_group(buf);
    } else {
        failure_print(sheet, test, terminal->params.merged);
        terminal->spaced = true;
    }
}

static void
print_test(struct terminal *terminal, const struct event_test *test)
{
    const struct outcome *outcome = test->outcome;
    int verbosity = terminal->params.verbosity;
    bool bad = state_is_bad(outcome->state);
    bool printed =
        failure_has_output(&outcome->out) || failure_has_output(&outcome->err);

    if (verbosity == 1) {
        add_dot(terminal, wording_of(outcome->state));
    } else if (verbosity >= 2) {
        notice_print_test(begin_lines(terminal), test);
    }
    if ((verbosity >= 1 && bad) ||
        (verbosity >= 3 && outcome->finding_count > 0)) {
        print_failure(terminal, test);
    } else if (verbosity >= 3 && printed) {
        failure_print_output(begin_lines(terminal), &outcome->out,
                             &outcome->err, terminal->params.merged);
    } else if (bad && terminal->params.workflow) {
        github_annotate(&begin_lines(terminal)->writer.buf, test);
    }
}

// Where nothing was collected there is nothing to sum up; the message about
// it stands alone.
static bool
is_stillborn(const struct terminal *terminal, enum stop_reason stop)
{
    return stop == STOP_BROKEN && !terminal->collected;
}

static void
print_end(struct terminal *terminal, const struct event_finished *finished)
{
    bool spaced = terminal->spaced;
    struct sheet *sheet = begin_lines(terminal);

    terminal->finished = true;
    if (is_stillborn(terminal, finished->stop)) {
        return;
    }
    if (terminal->params.verbosity > 0 && !spaced) {
        sheet_add(sheet, STYLE_PLAIN, "\n");
    }
    if (terminal->params.verbosity > 0) {
        summary_print_attempts(terminal->summary, sheet,
                               terminal->params.merged,
                               terminal->params.workflow);
    }
    summary_print(terminal->summary, sheet, finished->us);
    summary_print_verdict(sheet, finished);
}

static void
print_event(struct terminal *terminal, const struct event *event)
{
    int verbosity = terminal->params.verbosity;

    if (event->kind == EVENT_RUN_STARTED && event->run.merged) {
        terminal->params.merged = true;
    }
    if (event->kind == EVENT_COLLECTED) {
        terminal->collected = true;
    }
    if (event->kind == EVENT_TEST_FINISHED) {
        print_test(terminal, &event->test);
    } else if (event->kind == EVENT_TEST_ATTEMPT) {
        if (verbosity >= 1 && state_is_bad(event->test.outcome->state)) {
            notice_print_retry(begin_lines(terminal), &event->test);
        }
    } else if (event->kind == EVENT_RUN_FINISHED) {
        print_end(terminal, &event->finished);
    } else if (event->kind == EVENT_STOPPING &&
               is_stillborn(terminal, event->stopping.reason)) {
        return;
    } else if (notice_is_due(event, verbosity)) {
        notice_print(begin_lines(terminal), event, verbosity,
                     terminal->params.merged);
    }
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct terminal *terminal = terminal_of(sink);

    progress_note(&terminal->progress, event);
    summary_note(terminal->summary, event);
    print_event(terminal, event);
    if (event->kind == EVENT_RUN_FINISHED) {
        flush(terminal, event->us);
    } else {
        settle(terminal, event->us);
    }
    *err = terminal->sheet.writer.err;
    return !err_is_set(err);
}

static void
terminal_free(struct event_sink *sink)
{
    struct terminal *terminal = terminal_of(sink);

    begin_lines(terminal);
    writer_flush(&terminal->sheet.writer);
    writer_release(&terminal->sheet.writer);
    progress_release(&terminal->progress);
    summary_free(terminal->summary);
    buf_release(&terminal->dots);
    free(terminal);
}

static const struct event_sink_ops terminal_ops = {
    .name = "the terminal",
    .on_event = on_event,
    .free = terminal_free,
};

struct event_sink *
terminal_new(const struct terminal_params *params)
{
    struct terminal *terminal = ALLOC(struct terminal);

    terminal->sink.ops = &terminal_ops;
    terminal->params = *params;
    terminal->sheet = (struct sheet){
        .width = params->width > 0 ? params->width : 80,
        .colour = params->colour,
        .unicode = params->unicode,
        // Full output into a file or a pipe is for programs: not a byte of
        // it is changed. Anything shown to people is made harmless.
        .raw = params->verbosity >= 3 && !params->live && !params->workflow,
        .workflow = params->workflow,
    };
    writer_init(&terminal->sheet.writer, params->fd);
    progress_init(&terminal->progress);
    buf_init(&terminal->dots, 1 << 16);
    terminal->summary = summary_new(params->slowest, params->verbosity >= 2);
    return &terminal->sink;
}

void
terminal_tick(struct event_sink *sink, uint64_t now_us)
{
    struct terminal *terminal = terminal_of(sink);

    if (terminal->params.live && !terminal->finished) {
        terminal->drawn_us = now_us;
        draw_live(terminal, now_us);
    }
    flush(terminal, now_us);
}

void
terminal_show_running(struct event_sink *sink, uint64_t now_us)
{
    struct terminal *terminal = terminal_of(sink);

    progress_list(&terminal->progress, begin_lines(terminal), now_us);
    terminal_tick(sink, now_us);
}

void
terminal_resize(struct event_sink *sink, int width, int height)
{
    struct terminal *terminal = terminal_of(sink);

    if (width > 0) {
        terminal->sheet.width = width;
    }
    terminal->params.height = height;
}

void
terminal_hide(struct event_sink *sink)
{
    struct terminal *terminal = terminal_of(sink);

    erase_live(terminal);
    writer_flush(&terminal->sheet.writer);
}
