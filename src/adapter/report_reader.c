#include "adapter/report_reader.h"

#include <assert.h>
#include <stdlib.h>

#include "adapter/report_core.h"
#include "adapter/sniff.h"
#include "util/alloc.h"

struct report_reader {
    struct report_core core;
    enum output_format format;       // FORMAT_AUTO: not decided
    const struct report_format *ops; // NULL: text only
    void *self;
    struct sniff sniff;
    char start[SNIFF_MAX]; // the beginning of a line that is not judged yet
    size_t start_len;
    bool in_line; // its beginning was judged, its newline has not come
};

static void
decide(struct report_reader *reader, enum output_format format)
{
    reader->format = format;
    switch (format) {
    case FORMAT_TAP:
        reader->ops = &report_format_tap;
        break;
    case FORMAT_JUNIT:
        reader->ops = &report_format_junit;
        break;
    case FORMAT_JSON:
        reader->ops = &report_format_stream;
        break;
    case FORMAT_AUTO:
    case FORMAT_EXIT:
        return;
    }
    reader->self = reader->ops->start(&reader->core);
}

struct report_reader *
report_reader_new(const struct report_params *params)
{
    struct report_reader *reader = ALLOC(struct report_reader);

    report_core_init(&reader->core, params);
    decide(reader, params->format);
    return reader;
}

void
report_reader_free(struct report_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->ops != NULL) {
        reader->ops->free(reader->self);
    }
    report_core_release(&reader->core);
    free(reader);
}

static void
pass_on(struct report_reader *reader, struct slice bytes)
{
    if (reader->ops != NULL) {
        reader->ops->feed(reader->self, bytes);
    } else {
        report_core_printed(&reader->core, bytes);
    }
}

// The beginning of a line is complete, or as long as it needs to be.
static void
judge_start(struct report_reader *reader)
{
    struct slice line = slice_make(reader->start, reader->start_len);
    size_t len = slice_find(line, '\n');

    reader->in_line = len == line.len;
    reader->start_len = 0;
    decide(reader, sniff_line(&reader->sniff, slice_first(line, len)));
    pass_on(reader, line);
}

// Takes bytes up to where the beginning of a line can be judged.
static void
take_start(struct report_reader *reader, struct slice *bytes)
{
    while (bytes->len > 0) {
        char byte = bytes->data[0];

        *bytes = slice_skip(*bytes, 1);
        reader->start[reader->start_len++] = byte;
        if (byte == '\n' || reader->start_len == SNIFF_MAX) {
            judge_start(reader);
            return;
        }
    }
}

void
report_reader_feed(struct report_reader *reader, struct slice bytes)
{
    while (reader->format == FORMAT_AUTO && bytes.len > 0) {
        if (!reader->in_line) {
            take_start(reader, &bytes);
            continue;
        }
        size_t len = slice_find(bytes, '\n');
        reader->in_line = len == bytes.len;
        len += reader->in_line ? 0 : 1;
        pass_on(reader, slice_first(bytes, len));
        bytes = slice_skip(bytes, len);
    }
    if (bytes.len > 0) {
        pass_on(reader, bytes);
    }
}

struct report_verdict
report_reader_end(struct report_reader *reader, int status, uint64_t us)
{
    if (reader->format == FORMAT_AUTO) {
        if (reader->start_len > 0) {
            judge_start(reader);
        }
        reader->format =
            reader->format == FORMAT_AUTO ? FORMAT_EXIT : reader->format;
    }
    if (reader->ops != NULL) {
        reader->ops->end(reader->self, status);
    }
    return report_core_end(&reader->core, status, us);
}

enum output_format
report_reader_format(const struct report_reader *reader)
{
    return reader->format;
}
