#include "transport/amqp_inbox.h"

#include <string.h>

#include "transport/transport.h"

#include "check.h"

static const amqp_basic_deliver_t deliver = {.delivery_tag = 7,
                                             .redelivered = 1};

static enum amqp_inbox_result
take_header(struct amqp_inbox *inbox, uint64_t size)
{
    char bytes[14] = {0, 60};
    struct amqp_frame frame = {.type = AMQP_FRAME_HEADER,
                               .payload = slice_make(bytes, sizeof(bytes))};

    for (int i = 0; i < 8; i++) {
        bytes[4 + i] = (char)(size >> (56 - 8 * i));
    }
    return amqp_inbox_take(inbox, &frame);
}

static enum amqp_inbox_result
take_body(struct amqp_inbox *inbox, const char *text)
{
    struct amqp_frame frame = {.type = AMQP_FRAME_BODY,
                               .payload = slice_of(text)};

    return amqp_inbox_take(inbox, &frame);
}

static void
a_message_is_whole_once_its_body_is(void **state)
{
    (void)state;
    struct amqp_inbox inbox;
    struct amqp_inbox kept;

    amqp_inbox_init(&inbox);
    amqp_inbox_begin(&inbox, &deliver);
    assert_int_equal(take_header(&inbox, 5), AMQP_INBOX_PARTIAL);
    assert_int_equal(take_body(&inbox, "abc"), AMQP_INBOX_PARTIAL);
    assert_int_equal(take_body(&inbox, "de"), AMQP_INBOX_WHOLE);
    assert_true(slice_equals_text(amqp_inbox_body(&inbox), "abcde"));
    assert_int_equal(inbox.number, 7);
    assert_true(inbox.redelivered);
    amqp_inbox_begin(&inbox, &deliver);
    assert_int_equal(take_header(&inbox, 3), AMQP_INBOX_PARTIAL);
    char bytes[] = "xyz";
    assert_int_equal(take_body(&inbox, bytes), AMQP_INBOX_WHOLE);
    amqp_inbox_move(&kept, &inbox);
    memset(bytes, '-', 3); // what came in one piece was only borrowed
    assert_true(slice_equals_text(amqp_inbox_body(&kept), "xyz"));
    assert_int_equal(inbox.state, AMQP_INBOX_EMPTY);
    amqp_inbox_begin(&inbox, &deliver);
    assert_int_equal(take_header(&inbox, 0), AMQP_INBOX_WHOLE);
    assert_int_equal(amqp_inbox_body(&inbox).len, 0);
    amqp_inbox_release(&kept);
    amqp_inbox_release(&inbox);
}

static void
a_frame_that_was_not_expected_is_an_error(void **state)
{
    (void)state;
    struct amqp_inbox inbox;

    amqp_inbox_init(&inbox);
    assert_int_equal(take_header(&inbox, 1), AMQP_INBOX_BROKEN);
    assert_int_equal(take_body(&inbox, "a"), AMQP_INBOX_BROKEN);
    amqp_inbox_begin(&inbox, &deliver);
    assert_int_equal(take_body(&inbox, "a"), AMQP_INBOX_BROKEN);
    assert_int_equal(take_header(&inbox, 2), AMQP_INBOX_PARTIAL);
    assert_int_equal(take_header(&inbox, 2), AMQP_INBOX_BROKEN);
    assert_int_equal(take_body(&inbox, "abc"), AMQP_INBOX_BROKEN);
    amqp_inbox_release(&inbox);
}

static void
of_a_body_that_is_too_long_nothing_is_kept(void **state)
{
    (void)state;
    struct amqp_inbox inbox;

    amqp_inbox_init(&inbox);
    amqp_inbox_begin(&inbox, &deliver);
    assert_int_equal(take_header(&inbox, TRANSPORT_BODY_MAX + UINT64_C(1)),
                     AMQP_INBOX_PARTIAL);
    assert_true(inbox.too_long);
    assert_int_equal(take_body(&inbox, "abc"), AMQP_INBOX_PARTIAL);
    assert_int_equal(inbox.body.len, 0);
    assert_int_equal(inbox.came, 3);
    amqp_inbox_reset(&inbox);
    assert_false(inbox.too_long);
    amqp_inbox_release(&inbox);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_whole_once_its_body_is),
        cmocka_unit_test(a_frame_that_was_not_expected_is_an_error),
        cmocka_unit_test(of_a_body_that_is_too_long_nothing_is_kept),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
