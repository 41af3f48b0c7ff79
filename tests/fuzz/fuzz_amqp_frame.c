// Any bytes are frames, the beginning of one, or refused. What was taken is
// put as the same bytes again, and what stands in it is read or refused: a
// method, and the header of a message with its table.
#include <string.h>

#include "fuzz.h"
#include "transport/amqp_content.h"
#include "transport/amqp_frame.h"
#include "transport/amqp_greeting.h"

static void
read_method(const struct amqp_frame *frame)
{
    struct err err = {0};
    amqp_pool_t pool;

    if (amqp_method_id(frame) == AMQP_CONNECTION_START_METHOD) {
        json_t *properties = amqp_greeting_read(frame, &err);
        FUZZ_CHECK((properties == NULL) == err_is_set(&err));
        json_decref(properties);
        return;
    }
    init_amqp_pool(&pool, 4096);
    const void *fields = amqp_method_decode(frame, &pool, &err);
    FUZZ_CHECK((fields == NULL) == err_is_set(&err));
    empty_amqp_pool(&pool);
}

static void
read_header(const struct amqp_frame *frame)
{
    struct message message = {0};
    struct message same = {0};
    struct err err = {0};
    json_t *headers = NULL;
    json_t *same_headers = NULL;
    struct buf out = BUF_INIT(1UL << 20);

    if (amqp_content_decode(frame->payload, &message, &headers, &err)) {
        // A name may have grown beyond what can be said, by being repaired.
        bool said = amqp_content_encode(&out, &message, &err);
        FUZZ_CHECK(said || err.kind == ERR_LIMIT);
        err_clear(&err);
        if (said) {
            FUZZ_CHECK(amqp_content_decode(buf_slice(&out), &same,
                                           &same_headers, &err));
            FUZZ_CHECK(slice_equals(message.reply_to, same.reply_to));
            FUZZ_CHECK(message.persistent == same.persistent);
            FUZZ_CHECK(message.priority == same.priority);
            FUZZ_CHECK(headers == NULL || json_equal(headers, same_headers));
        }
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL && headers == NULL);
    }
    json_decref(headers);
    json_decref(same_headers);
    buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make((const char *)data, size);
    struct buf again = BUF_INIT(2UL * AMQP_FRAME_MAX);

    for (;;) {
        struct slice before = rest;
        struct amqp_frame frame = {0};
        if (amqp_frame_take(&rest, AMQP_FRAME_MAX, &frame) !=
            AMQP_FRAME_WHOLE) {
            FUZZ_CHECK(rest.len == before.len);
            break;
        }
        buf_reset(&again);
        amqp_frame_put(&again, &frame);
        FUZZ_CHECK(slice_equals(buf_slice(&again),
                                slice_first(before, before.len - rest.len)));
        if (frame.type == AMQP_FRAME_METHOD) {
            read_method(&frame);
        } else if (frame.type == AMQP_FRAME_HEADER) {
            read_header(&frame);
        }
    }
    buf_release(&again);
    return 0;
}
