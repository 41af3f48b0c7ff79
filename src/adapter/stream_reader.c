// Reads mule's own lines on standard output. What a program prints between
// two results is the output of the second one.

#include "adapter/report_core.h"
#include "adapter/stream_codec.h"
#include "util/alloc.h"
#include "util/lines.h"
#include "util/map.h"

struct stream {
    struct report_core *core;
    struct lines lines;
    struct stream_message message;
    bool planned;
    bool ended;
    size_t results;

    // The plan; `open` counts for each id the results that have not come.
    ARRAY(struct slice) plan;
    struct keep keep; // its texts
    struct map open;
};

static void *
stream_start(struct report_core *core)
{
    struct stream *stream = ALLOC(struct stream);

    stream->core = core;
    lines_init(&stream->lines, STREAM_LINE_MAX);
    map_init(&stream->open, MAP_BORROWS_KEYS);
    return stream;
}

static void
stream_free(void *self)
{
    struct stream *stream = self;

    map_release(&stream->open);
    ARRAY_RELEASE(&stream->plan);
    keep_release(&stream->keep);
    stream_message_release(&stream->message);
    lines_release(&stream->lines);
    free(stream);
}

// How many results of an id have not come. The map holds the number in place
// of an address; 0 is no entry.
static size_t
open_count(const struct stream *stream, struct slice id)
{
    return (size_t)(uintptr_t)map_find(&stream->open, id);
}

static void
read_plan(struct stream *stream)
{
    const struct stream_message *message = &stream->message;

    if (stream->planned) {
        report_core_problem(stream->core, "a second plan came");
        return;
    }
    stream->planned = true;
    for (size_t i = 0; i < message->id_count; i++) {
        struct slice id = keep_text(&stream->keep, message->ids[i]);
        size_t count = open_count(stream, id) + 1;

        ARRAY_ADD(&stream->plan, id);
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
        map_set(&stream->open, id, (void *)(uintptr_t)count);
    }
    report_core_plan(stream->core, &(struct report_plan){
                                       .count = message->id_count,
                                       .ids = message->ids,
                                   });
}

static void
read_finished(struct stream *stream)
{
    const struct stream_message *message = &stream->message;
    size_t count = open_count(stream, message->id);

    if (stream->ended) {
        report_core_problem(stream->core, "a result came after the end");
    }
    if (count == 1) {
        map_remove(&stream->open, message->id);
    } else if (count > 1) {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
        map_set(&stream->open, message->id, (void *)(uintptr_t)(count - 1));
    }
    stream->results++;
    report_core_point(stream->core,
                      &(struct report_point){
                          .id = message->id,
                          .file = message->file,
                          .line = message->line,
                          .outcome = &message->outcome,
                      },
                      true);
}

static void
read_end(struct stream *stream)
{
    if (stream->ended) {
        report_core_problem(stream->core, "a second end came");
        return;
    }
    stream->ended = true;
    if (stream->message.tests != stream->results) {
        report_core_problem(
            stream->core, "%zu results came, and the end counts %llu",
            stream->results, (unsigned long long)stream->message.tests);
    }
}

static void
read_message(struct stream *stream, struct slice line)
{
    struct err err = {0};

    if (!stream_message_decode(&stream->message, line, &err)) {
        report_core_problem(stream->core, "a line of the report: %s", err.text);
        return;
    }
    switch (stream->message.kind) {
    case STREAM_PLAN:
        read_plan(stream);
        break;
    case STREAM_FINISHED:
        read_finished(stream);
        break;
    case STREAM_END:
        read_end(stream);
        break;
    case STREAM_OTHER:
        break;
    }
}

static void
read_line(struct stream *stream, struct slice line, bool whole)
{
    if (!slice_starts_with(line, STREAM_START)) {
        report_core_printed(stream->core, line);
        report_core_printed(stream->core, SLICE("\n"));
    } else if (whole) {
        read_message(stream, line);
    } else {
        report_core_problem(stream->core,
                            "a line of the report has more than %zu bytes",
                            STREAM_LINE_MAX);
    }
}

static void
stream_feed(void *self, struct slice bytes)
{
    struct stream *stream = self;
    struct slice line = {0};
    enum lines_result result = LINES_MORE;

    lines_feed(&stream->lines, bytes);
    while ((result = lines_next(&stream->lines, &line)) != LINES_MORE) {
        read_line(stream, line, result == LINES_LINE);
    }
}

// Told in the order of the plan, once for each result that did not come.
static void
tell_missing(struct stream *stream)
{
    for (size_t i = 0; i < stream->plan.count; i++) {
        struct slice id = stream->plan.items[i];
        size_t count = open_count(stream, id);

        map_remove(&stream->open, id);
        for (size_t j = 0; j < count; j++) {
            report_core_missing(stream->core, id);
        }
    }
}

static void
stream_end(void *self, int status)
{
    struct stream *stream = self;
    struct slice line = {0};
    enum lines_result result = lines_end(&stream->lines, &line);

    (void)status;
    if (result != LINES_MORE) {
        read_line(stream, line, result == LINES_LINE);
    }
    tell_missing(stream);
    if (!stream->ended) {
        report_core_problem(stream->core, "the report has no end");
    }
}

const struct report_format report_format_stream = {
    .start = stream_start,
    .feed = stream_feed,
    .end = stream_end,
    .free = stream_free,
};
