#include "report/github.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/attempts.h"
#include "report/wording.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/text.h"

enum {
    MOST_MESSAGE = 4000, // bytes of a message
    MOST_REASON = 1000,  // within the table
    MOST_ROWS = 200,     // of the table; a page takes 1 MiB
    MOST_PAGE = 900000,
    MOST_BYTES = 2 * MOST_PAGE, // the last row may be long
};

// Values of properties end at a comma or a colon; messages at a line end.
static void
add_escaped(struct buf *buf, struct slice text, bool property)
{
    while (text.len > 0) {
        uint32_t character = text_take(&text);
        bool special = character == '%' || character == '\r' ||
                       character == '\n' ||
                       (property && (character == ':' || character == ','));
        if (special) {
            buf_addf(buf, "%%%02X", (unsigned)character);
        } else if (character >= 0x20 || character == '\t') {
            text_add(buf, character);
        }
    }
}

static const struct finding *
first_finding_with_file(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->finding_count; i++) {
        if (outcome->findings[i].file.len > 0) {
            return &outcome->findings[i];
        }
    }
    return NULL;
}

// "KeyError: 'x'", or whatever else says what went wrong.
static void
add_message(struct buf *buf, const struct outcome *outcome)
{
    struct finding first = {0};
    struct slice message = slice_trim(outcome->reason);

    if (outcome->finding_count > 0) {
        first = outcome->findings[0];
    }
    if (message.len == 0) {
        message = slice_trim(first.message);
        add_escaped(buf, first.type, false);
        if (first.type.len > 0 && message.len > 0) {
            buf_add_text(buf, ": ");
        }
    }
    if (message.len == 0 && first.type.len == 0) {
        message = slice_trim(first.trace);
    }
    if (message.len == 0 && first.type.len == 0) {
        message = outcome->state == STATE_XPASSED
                      ? SLICE("passed, though it was expected to fail")
                      : slice_of(state_name(outcome->state));
    }
    add_escaped(buf, slice_first(message, MOST_MESSAGE), false);
}

static const char *
heading_of(const struct event_test *test)
{
    if (test->flaky) {
        return "Flaky";
    }
    return test->quarantined ? "Quarantined"
                             : wording_of(test->outcome->state)->heading;
}

void
github_annotate(struct buf *buf, const struct event_test *test)
{
    const struct outcome *outcome = test->outcome;
    const struct finding *finding = first_finding_with_file(outcome);
    struct slice file = finding != NULL ? finding->file : slice_of(test->file);
    uint32_t line = finding != NULL ? finding->line : test->line;

    bool mild = test->flaky || test->quarantined;

    buf_add_text(buf, mild ? "::warning " : "::error ");
    if (file.len > 0) {
        buf_add_text(buf, "file=");
        add_escaped(buf, file, true);
        buf_add_char(buf, ',');
        if (line > 0) {
            buf_addf(buf, "line=%" PRIu32 ",", line);
        }
    }
    buf_add_text(buf, "title=");
    add_escaped(buf, slice_of(heading_of(test)), true);
    buf_add_text(buf, "%3A ");
    add_escaped(buf, slice_of(test->id), true);
    buf_add_text(buf, "::");
    add_message(buf, outcome);
    buf_add_char(buf, '\n');
}

void
github_begin_group(struct buf *buf, const char *heading, struct slice name)
{
    buf_addf(buf, "::group::%s: ", heading);
    add_escaped(buf, name, false);
    buf_add_char(buf, '\n');
}

void
github_end_group(struct buf *buf)
{
    buf_add_text(buf, "::endgroup::\n");
}

struct github {
    struct event_sink sink; // first
    char *path;
    int fd;
    struct buf rows;
    struct attempts_map attempts;
    uint32_t bad;
    uint32_t shown;
};

// Within a cell of a table: nothing that Markdown or HTML would obey.
static void
add_cell(struct buf *buf, struct slice text)
{
    while (text.len > 0) {
        uint32_t character = text_take(&text);
        if (character == '\n' || character == '\r' || character == '\t') {
            character = ' ';
        }
        if (character < 0x20) {
            continue;
        }
        if (character < 0x7F && strchr("<>&|`*_[]\\~#@", (int)character)) {
            buf_addf(buf, "&#%u;", (unsigned)character);
        } else {
            text_add(buf, character);
        }
    }
}

static void
add_row(struct github *github, const struct event_test *test)
{
    struct buf *rows = &github->rows;
    struct buf place = BUF_INIT(4096);

    github->bad++;
    if (github->bad > MOST_ROWS || rows->len > MOST_PAGE) {
        return;
    }
    github->shown++;
    wording_place(&place, test);
    buf_addf(rows, "| %s | ", heading_of(test));
    add_cell(rows, slice_first(slice_of(test->id), MOST_MESSAGE));
    buf_add_text(rows, " | ");
    add_cell(rows, buf_slice(&place));
    buf_add_text(rows, " | ");
    add_cell(rows, slice_first(wording_reason(test->outcome), MOST_REASON));
    buf_add_text(rows, " |\n");
    buf_release(&place);
}

// A flaky test is told of by what went wrong before it passed.
static void
note_decided(struct github *github, const struct event_test *test)
{
    struct attempts attempts = attempts_take(&github->attempts, test);
    struct event_test told = *test;

    if (test->flaky && attempts.count > 0) {
        told.outcome = &ARRAY_LAST(&attempts).kept->outcome;
    }
    if (test->flaky || state_is_bad(test->outcome->state)) {
        add_row(github, &told);
    }
    attempts_free(&attempts);
}

static bool
write_page(struct github *github, const struct event_finished *finished,
           struct err *err)
{
    struct buf page = BUF_INIT(MOST_BYTES);
    char span[SHEET_SPAN_SIZE];

    buf_add_text(&page, "### mule: ");
    tally_unittest_line(finished->tally, &page);
    buf_add_text(&page, "\n\n");
    tally_line(finished->tally, &page);
    buf_addf(&page, ", in %s\n\n", sheet_seconds(span, finished->us));
    if (finished->stop != STOP_NONE) {
        buf_addf(&page, "Stopped early: %s.\n\n", wording_stop(finished->stop));
    }
    if (github->bad > 0) {
        buf_add_text(&page, "| | Test | Place | |\n|---|---|---|---|\n");
        buf_add_slice(&page, buf_slice(&github->rows));
        buf_add_char(&page, '\n');
    }
    if (github->bad > github->shown) {
        buf_addf(&page, "and %" PRIu32 " more\n\n",
                 github->bad - github->shown);
    }
    bool ok = writer_put(github->fd, buf_slice(&page), err) ||
              err_wrap(err, "%s", github->path);
    buf_release(&page);
    return ok;
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct github *github = (struct github *)(void *)sink;

    if (event->kind == EVENT_TEST_FINISHED) {
        note_decided(github, &event->test);
    } else if (event->kind == EVENT_TEST_ATTEMPT) {
        attempts_add(&github->attempts, &event->test);
    } else if (event->kind == EVENT_RUN_FINISHED) {
        return write_page(github, &event->finished, err);
    }
    return true;
}

static void
github_free(struct event_sink *sink)
{
    struct github *github = (struct github *)(void *)sink;

    close(github->fd);
    buf_release(&github->rows);
    attempts_release(&github->attempts);
    free(github->path);
    free(github);
}

static const struct event_sink_ops github_ops = {
    .name = "the summary for GitHub",
    .on_event = on_event,
    .free = github_free,
};

struct event_sink *
github_new(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "open %s", path);
        err_hint(err, "GITHUB_STEP_SUMMARY names this file; unset it");
        return NULL;
    }
    struct github *github = ALLOC(struct github);
    github->sink.ops = &github_ops;
    github->path = alloc_dup(path);
    github->fd = fd;
    buf_init(&github->rows, MOST_BYTES);
    attempts_init(&github->attempts);
    return &github->sink;
}
