// Any line is an event, one that is not known, or wrong. What is read can be
// written, and what was written is read as the same again. The first byte
// says what kind of line it is.
#include <string.h>

#include "fuzz.h"
#include "report/event_codec.h"
#include "report/event_reader.h"
#include "util/alloc.h"

static void
check_event(struct event_reader *reader, char *line, size_t len)
{
    struct buf first = BUF_INIT((size_t)1 << 26);
    struct buf second = BUF_INIT((size_t)1 << 26);
    struct event_refs refs = {0};
    struct event event;
    struct err err = {0};

    if (event_reader_read(reader, line, len, &event, &refs, &err) ==
        EVENT_READ) {
        FUZZ_CHECK(!err_is_set(&err));
        event_codec_write(&first, &event);
        FUZZ_CHECK(!first.overflowed);
        char *copy = alloc_dup_bytes(first.data, first.len);
        FUZZ_CHECK(event_reader_read(reader, copy, first.len - 1, &event, &refs,
                                     &err) == EVENT_READ);
        FUZZ_CHECK(!refs.has_out && !refs.has_err);
        event_codec_write(&second, &event);
        FUZZ_CHECK(slice_equals(buf_slice(&first), buf_slice(&second)));
        free(copy);
    }
    buf_release(&first);
    buf_release(&second);
}

static void
check_selected(struct event_reader *reader, char *line, size_t len)
{
    struct event_selected selected = {0};
    struct err err = {0};
    size_t sum = 0;

    if (event_reader_read_selected(reader, line, len, &selected, &err)) {
        FUZZ_CHECK(selected.job != NULL && selected.file != NULL);
        for (size_t i = 0; i < selected.count; i++) {
            sum += selected.ids[i].len;
        }
        FUZZ_CHECK(sum <= len);
    } else {
        FUZZ_CHECK(err_is_set(&err));
    }
}

static void
check_output(struct event_reader *reader, char *line, size_t len)
{
    struct output output = {0};
    struct err err = {0};
    uint64_t number = 0;

    if (event_reader_read_output(reader, line, len, &number, &output, &err)) {
        FUZZ_CHECK(output.head.len + output.tail.len <= len);
    } else {
        FUZZ_CHECK(err_is_set(&err));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct event_reader *reader = event_reader_new();
    size_t len = size - 1;
    char *line = alloc_bytes(len);

    memcpy(line, data + 1, len);
    switch (data[0]) {
    case 's':
        check_selected(reader, line, len);
        break;
    case 'o':
        check_output(reader, line, len);
        break;
    default:
        check_event(reader, line, len);
        break;
    }
    free(line);
    event_reader_free(reader);
    return 0;
}
