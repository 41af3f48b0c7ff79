/*
 * What stands before each frame of a recording: a skippable frame of
 * Zstandard that says what follows. Values <-> bytes only.
 */
#ifndef REPORT_RECORDING_FRAME_H
#define REPORT_RECORDING_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define RECORDING_FORMAT 1

/* Bytes of a header, with those that make it a skippable frame. */
#define RECORDING_HEADER_SIZE 32

/* No line, and no content of a frame, is longer; larger ones are refused. */
#define RECORDING_LINE_MAX ((uint32_t)64 << 20)
#define RECORDING_CONTENT_MAX ((uint32_t)65 << 20)
#define RECORDING_PACKED_MAX ((uint32_t)66 << 20)

enum recording_frame_kind {
    FRAME_EVENTS = 1,
    FRAME_OUTPUTS = 2,
    FRAME_END = 3,
    FRAME_SELECTED = 4,
};

struct recording_frame {
    unsigned format;
    unsigned kind;   // enum recording_frame_kind, or one of a later version
    uint32_t packed; // bytes of the frame that follows
    uint32_t size;   // bytes of its content
    uint32_t lines;  // in it
    uint32_t first;  // lines of that kind before it; the end: all events
};

void recording_frame_write(const struct recording_frame *frame,
                           unsigned char bytes[RECORDING_HEADER_SIZE]);

/* False: this is no header. */
bool recording_frame_read(const unsigned char bytes[RECORDING_HEADER_SIZE],
                          struct recording_frame *frame);

/* How many bytes before the first place where a header may begin; `len`: none. */
uint64_t recording_frame_find(const unsigned char *bytes, uint64_t len);

#endif
