// Any bytes are frames, the beginning of one, or refused with a reason. What
// was taken points into the bytes, and putting it gives the same bytes again.
#include <string.h>

#include "fuzz.h"
#include "loop/guardian_codec.h"

static void
check_texts(const struct frame_texts *texts)
{
    const char *at = texts->bytes.data;

    for (uint32_t i = 0; i < texts->count; i++) {
        at += strlen(at) + 1;
    }
    FUZZ_CHECK(at == texts->bytes.data + texts->bytes.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make((const char *)data, size);
    struct buf again = BUF_INIT(2 * FRAME_MAX);

    for (;;) {
        struct slice before = bytes;
        struct frame frame;
        struct err err = {0};
        enum frame_result result = guardian_codec_take(&bytes, &frame, &err);
        FUZZ_CHECK((result == FRAME_BROKEN) == err_is_set(&err));
        if (result != FRAME_WHOLE) {
            FUZZ_CHECK(bytes.len == before.len);
            break;
        }
        if (frame.kind == FRAME_SPAWN) {
            FUZZ_CHECK(frame.spawn.argv.count > 0);
            check_texts(&frame.spawn.argv);
            check_texts(&frame.spawn.env);
        } else if (frame.kind == FRAME_ENVIRONMENT) {
            check_texts(&frame.environment);
        }
        buf_reset(&again);
        FUZZ_CHECK(guardian_codec_put(&again, &frame));
        FUZZ_CHECK(slice_equals(buf_slice(&again),
                                slice_first(before, before.len - bytes.len)));
    }
    buf_release(&again);
    return 0;
}
