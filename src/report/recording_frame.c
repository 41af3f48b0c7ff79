#include "report/recording_frame.h"

#include <string.h>

// Magic of a skippable frame, the length of what it has, and our own magic.
static const unsigned char mark[12] = {0x5D, 0x2A, 0x4D, 0x18, 24,  0,
                                       0,    0,    'M',  'U',  'L', 'E'};

static void
put(unsigned char *bytes, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
}

static uint32_t
take(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
           (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

// Over all but itself: a header that is damaged is none.
static uint32_t
sum(const unsigned char *bytes)
{
    uint32_t hash = 2166136261U; // FNV-1a

    for (int i = 12; i < RECORDING_HEADER_SIZE; i++) {
        if (i != 14 && i != 15) {
            hash = (hash ^ bytes[i]) * 16777619U;
        }
    }
    return (hash ^ hash >> 16) & 0xFFFF;
}

void
recording_frame_write(const struct recording_frame *frame,
                      unsigned char bytes[RECORDING_HEADER_SIZE])
{
    memcpy(bytes, mark, sizeof(mark));
    bytes[12] = (unsigned char)frame->format;
    bytes[13] = (unsigned char)frame->kind;
    put(bytes + 16, frame->packed);
    put(bytes + 20, frame->size);
    put(bytes + 24, frame->lines);
    put(bytes + 28, frame->first);
    bytes[14] = (unsigned char)sum(bytes);
    bytes[15] = (unsigned char)(sum(bytes) >> 8);
}

bool
recording_frame_read(const unsigned char bytes[RECORDING_HEADER_SIZE],
                     struct recording_frame *frame)
{
    if (memcmp(bytes, mark, sizeof(mark)) != 0 ||
        sum(bytes) != (bytes[14] | (uint32_t)bytes[15] << 8)) {
        return false;
    }
    *frame = (struct recording_frame){
        .format = bytes[12],
        .kind = bytes[13],
        .packed = take(bytes + 16),
        .size = take(bytes + 20),
        .lines = take(bytes + 24),
        .first = take(bytes + 28),
    };
    return frame->format > 0 && frame->packed <= RECORDING_PACKED_MAX &&
           frame->size <= RECORDING_CONTENT_MAX;
}

uint64_t
recording_frame_find(const unsigned char *bytes, uint64_t len)
{
    const unsigned char *found = memmem(bytes, len, mark, sizeof(mark));

    return found != NULL ? (uint64_t)(found - bytes) : len;
}
