#include "transport/amqp_frame.h"

#include <string.h>

#include "check.h"

#define MAX 4096U

static enum amqp_frame_result
take(const char *bytes, size_t len, struct amqp_frame *frame, size_t *left)
{
    struct slice rest = slice_make(bytes, len);
    enum amqp_frame_result result = amqp_frame_take(&rest, MAX, frame);

    *left = rest.len;
    return result;
}

static void
a_frame_is_taken_once_it_is_whole(void **state)
{
    (void)state;
    const char bytes[] = "\2\0\7\0\0\0\3abc\xceX";
    struct amqp_frame frame = {0};
    size_t left = 0;

    for (size_t len = 0; len < sizeof(bytes) - 2; len++) {
        assert_int_equal(take(bytes, len, &frame, &left), AMQP_FRAME_PARTIAL);
        assert_int_equal(left, len);
    }
    assert_int_equal(take(bytes, sizeof(bytes) - 1, &frame, &left),
                     AMQP_FRAME_WHOLE);
    assert_int_equal(left, 1);
    assert_int_equal(frame.type, AMQP_FRAME_HEADER);
    assert_int_equal(frame.channel, 7);
    assert_true(slice_equals_text(frame.payload, "abc"));
}

static void
what_is_no_frame_is_broken_at_once(void **state)
{
    (void)state;
    struct amqp_frame frame = {0};
    size_t left = 0;

    assert_int_equal(take("HTTP", 4, &frame, &left), AMQP_FRAME_BROKEN);
    assert_int_equal(take("AMQP\0\0\x09\1", 8, &frame, &left),
                     AMQP_FRAME_BROKEN);
    assert_int_equal(take("\3\0\1\0\0\0\1aX", 9, &frame, &left),
                     AMQP_FRAME_BROKEN);
    // Too long: that is known before it has come.
    assert_int_equal(take("\3\0\1\0\0\x0f\xf9", 7, &frame, &left),
                     AMQP_FRAME_BROKEN);
    assert_int_equal(take("\3\0\1\0\0\x0f\xf8", 7, &frame, &left),
                     AMQP_FRAME_PARTIAL);
    assert_int_equal(take("\3\0\1\xff\xff\xff\xff", 7, &frame, &left),
                     AMQP_FRAME_BROKEN);
}

static void
a_body_goes_into_as_many_frames_as_it_needs(void **state)
{
    (void)state;
    char body[2 * (MAX - AMQP_FRAME_EXTRA) + 1];
    struct buf out = BUF_INIT(1 << 20);
    struct amqp_frame frame = {0};
    size_t sum = 0;
    int count = 0;

    memset(body, 'b', sizeof(body));
    amqp_body_put(&out, 3, slice_make(body, sizeof(body)), MAX);
    struct slice rest = buf_slice(&out);
    while (rest.len > 0) {
        assert_int_equal(amqp_frame_take(&rest, MAX, &frame), AMQP_FRAME_WHOLE);
        assert_int_equal(frame.type, AMQP_FRAME_BODY);
        sum += frame.payload.len;
        count++;
    }
    assert_int_equal(count, 3);
    assert_int_equal(sum, sizeof(body));
    buf_reset(&out);
    amqp_body_put(&out, 3, (struct slice){0}, MAX);
    assert_int_equal(out.len, 0);
    buf_release(&out);
}

static void
a_method_comes_back_as_it_was(void **state)
{
    (void)state;
    amqp_basic_deliver_t deliver = {
        .consumer_tag = amqp_cstring_bytes("c2.1.1"),
        .delivery_tag = 1234567890123,
        .redelivered = 1,
        .exchange = amqp_cstring_bytes(""),
        .routing_key = amqp_cstring_bytes("key"),
    };
    struct buf out = BUF_INIT(4096);
    struct amqp_frame frame = {0};
    struct err err = {0};
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    assert_true(
        amqp_method_put(&out, 9, AMQP_BASIC_DELIVER_METHOD, &deliver, &err));
    struct slice rest = buf_slice(&out);
    assert_int_equal(amqp_frame_take(&rest, MAX, &frame), AMQP_FRAME_WHOLE);
    assert_int_equal(frame.channel, 9);
    assert_int_equal(amqp_method_id(&frame), AMQP_BASIC_DELIVER_METHOD);
    const amqp_basic_deliver_t *same = amqp_method_decode(&frame, &pool, &err);
    assert_non_null(same);
    assert_true(slice_equals_text(amqp_slice(same->consumer_tag), "c2.1.1"));
    assert_int_equal(same->delivery_tag, 1234567890123);
    assert_int_equal(same->redelivered, 1);
    assert_true(slice_equals_text(amqp_slice(same->routing_key), "key"));
    frame.payload.len -= 2;
    assert_null(amqp_method_decode(&frame, &pool, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    frame.payload.len = 3;
    assert_int_equal(amqp_method_id(&frame), 0);
    empty_amqp_pool(&pool);
    buf_release(&out);
}

static void
a_name_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    char name[257];
    amqp_queue_purge_t purge = {0};
    struct buf out = BUF_INIT(4096);
    struct err err = {0};

    memset(name, 'n', sizeof(name) - 1);
    name[256] = '\0';
    purge.queue = amqp_cstring_bytes(name);
    assert_false(
        amqp_method_put(&out, 1, AMQP_QUEUE_PURGE_METHOD, &purge, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(out.len, 0);
    err_clear(&err);
    purge.queue.len = 255;
    assert_true(
        amqp_method_put(&out, 1, AMQP_QUEUE_PURGE_METHOD, &purge, &err));
    buf_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_taken_once_it_is_whole),
        cmocka_unit_test(what_is_no_frame_is_broken_at_once),
        cmocka_unit_test(a_body_goes_into_as_many_frames_as_it_needs),
        cmocka_unit_test(a_method_comes_back_as_it_was),
        cmocka_unit_test(a_name_that_is_too_long_is_an_error),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
