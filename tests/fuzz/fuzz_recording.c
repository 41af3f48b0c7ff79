// Any file is read to its end, or refused; what is given can be written, and
// what is missing can be said. Headers of frames are mended first: a wrong
// checksum would hide everything behind it.
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "report/event_codec.h"
#include "report/recording_frame.h"
#include "report/recording_reader.h"
#include "report/writer.h"
#include "util/alloc.h"

static void
mend(unsigned char *bytes, size_t size)
{
    uint64_t at = 0;

    while (at < size) {
        at += recording_frame_find(bytes + at, size - at);
        if (at + RECORDING_HEADER_SIZE > size) {
            return;
        }
        unsigned char header[RECORDING_HEADER_SIZE];
        struct recording_frame frame = {
            .format = bytes[at + 12],
            .kind = bytes[at + 13],
        };
        memcpy(&frame.packed, bytes + at + 16, 4);
        memcpy(&frame.size, bytes + at + 20, 4);
        memcpy(&frame.lines, bytes + at + 24, 4);
        memcpy(&frame.first, bytes + at + 28, 4);
        recording_frame_write(&frame, header);
        memcpy(bytes + at, header, sizeof(header));
        at++;
    }
}

static void
check(struct recording_reader *reader)
{
    struct buf text = BUF_INIT((size_t)1 << 28);
    struct recording_entry entry;
    uint64_t events = 0;

    while (recording_reader_next(reader, &entry)) {
        buf_reset(&text);
        if (entry.kind == RECORDING_EVENT) {
            event_codec_write(&text, &entry.event);
            events++;
        } else {
            buf_add_text(&text, entry.selected.id);
            buf_add_text(&text, entry.selected.job_name);
            buf_add_text(&text, entry.selected.file);
        }
        FUZZ_CHECK(!text.overflowed);
    }
    const struct recording_gaps *gaps = recording_reader_gaps(reader);
    FUZZ_CHECK(gaps->given == events);
    FUZZ_CHECK(gaps->end != RECORDING_GROWING);
    buf_reset(&text);
    recording_gaps_say(gaps, &text);
    FUZZ_CHECK(recording_gaps_none(gaps) == (text.len == 0));
    FUZZ_CHECK(!recording_reader_next(reader, &entry));
    buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    unsigned char *bytes = alloc_bytes(size);
    int fd = memfd_create("recording", MFD_CLOEXEC);

    FUZZ_CHECK(fd >= 0);
    if (size > 0) {
        memcpy(bytes, data, size);
        mend(bytes, size);
    }
    FUZZ_CHECK(writer_put(fd, slice_make((char *)bytes, size), &err));
    for (unsigned wants = 0; wants < 4; wants += 3) {
        struct recording_reader *reader =
            recording_reader_take(dup(fd), "it", wants, &err);
        if (reader != NULL) {
            check(reader);
        } else {
            FUZZ_CHECK(err_is_set(&err));
            err_clear(&err);
        }
        recording_reader_free(reader);
    }
    close(fd);
    free(bytes);
    return 0;
}
