#include "fleet/stream.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "util/alloc.h"

static void
add(struct stream_out *out, const char *text)
{
    assert_true(stream_out_add(out, alloc_dup(text), strlen(text), "s"));
}

static void
assert_takes(struct stream_out *out, const char *text)
{
    struct slice message;
    struct slice mark;

    assert_true(stream_out_take(out, &message, &mark));
    assert_true(slice_equals_text(message, text));
    assert_true(slice_equals_text(mark, "s"));
}

static void
assert_takes_nothing(struct stream_out *out)
{
    struct slice message;
    struct slice mark;

    assert_false(stream_out_take(out, &message, &mark));
}

static void
each_message_is_sent_once_in_order(void **state)
{
    (void)state;
    struct stream_out out;

    stream_out_init(&out, 100);
    assert_int_equal(stream_out_next(&out), 1);
    assert_takes_nothing(&out);
    add(&out, "one");
    add(&out, "two");
    assert_takes(&out, "one");
    assert_takes(&out, "two");
    assert_takes_nothing(&out);
    assert_false(stream_out_is_empty(&out));
    stream_out_release(&out);
}

static void
what_is_not_acknowledged_is_sent_again_when_asked(void **state)
{
    (void)state;
    struct stream_out out;

    stream_out_init(&out, 100);
    add(&out, "one");
    add(&out, "two");
    add(&out, "three");
    assert_takes(&out, "one");
    assert_takes(&out, "two");
    stream_out_acknowledge(&out, 1);
    stream_out_rewind(&out, 0);
    assert_takes(&out, "two");
    assert_takes(&out, "three");
    stream_out_rewind(&out, 3);
    assert_takes(&out, "three");
    stream_out_rewind(&out, 99);
    assert_takes_nothing(&out);
    stream_out_release(&out);
}

static void
an_acknowledgement_of_what_was_never_added_is_ignored(void **state)
{
    (void)state;
    struct stream_out out;

    stream_out_init(&out, 100);
    add(&out, "one");
    stream_out_acknowledge(&out, 2);
    assert_takes(&out, "one");
    stream_out_acknowledge(&out, 1);
    stream_out_acknowledge(&out, 1);
    assert_true(stream_out_is_empty(&out));
    stream_out_release(&out);
}

static void
it_is_full_by_bytes_until_they_are_acknowledged(void **state)
{
    (void)state;
    struct stream_out out;

    stream_out_init(&out, 5);
    add(&out, "1234");
    assert_false(stream_out_is_full(&out));
    add(&out, "5");
    assert_true(stream_out_is_full(&out));
    add(&out, "still taken");
    stream_out_acknowledge(&out, 3);
    assert_false(stream_out_is_full(&out));
    stream_out_release(&out);
}

static void
more_than_the_most_is_refused(void **state)
{
    (void)state;
    struct stream_out out;

    stream_out_init(&out, 1000000);
    for (int i = 0; i < STREAM_OPEN_MAX; i++) {
        add(&out, "x");
    }
    assert_false(stream_out_add(&out, alloc_dup("y"), 1, ""));
    stream_out_acknowledge(&out, STREAM_OPEN_MAX - 1);
    add(&out, "z");
    stream_out_rewind(&out, 1);
    assert_takes(&out, "x");
    assert_takes(&out, "z");
    stream_out_release(&out);
}

static int freed;

static void
count_free(void *message)
{
    freed++;
    free(message);
}

static enum stream_verdict
offer(struct stream_in *in, uint64_t number)
{
    uint64_t *message = ALLOC(uint64_t);

    *message = number;
    return stream_in_offer(in, number, message, sizeof(*message));
}

static void
assert_gives(struct stream_in *in, uint64_t number)
{
    uint64_t *message = stream_in_take(in);

    assert_non_null(message);
    assert_int_equal(*message, number);
    free(message);
}

static void
messages_come_out_in_order_whatever_order_they_come_in(void **state)
{
    (void)state;
    struct stream_in in;
    uint64_t from = 0;

    stream_in_init(&in, 1000, count_free);
    assert_int_equal(offer(&in, 3), STREAM_KEPT);
    assert_int_equal(offer(&in, 2), STREAM_KEPT);
    assert_null(stream_in_take(&in));
    assert_true(stream_in_hole(&in, &from));
    assert_int_equal(from, 1);
    assert_int_equal(offer(&in, 5), STREAM_KEPT);
    assert_int_equal(offer(&in, 1), STREAM_NEXT);
    assert_gives(&in, 1);
    assert_gives(&in, 2);
    assert_gives(&in, 3);
    assert_null(stream_in_take(&in));
    assert_true(stream_in_hole(&in, &from));
    assert_int_equal(from, 4);
    assert_int_equal(stream_in_done(&in), 3);
    assert_int_equal(offer(&in, 4), STREAM_NEXT);
    assert_gives(&in, 4);
    assert_gives(&in, 5);
    assert_false(stream_in_hole(&in, &from));
    stream_in_release(&in);
}

static void
a_message_that_comes_twice_is_given_once(void **state)
{
    (void)state;
    struct stream_in in;

    freed = 0;
    stream_in_init(&in, 1000, count_free);
    assert_int_equal(offer(&in, 1), STREAM_NEXT);
    assert_int_equal(offer(&in, 1), STREAM_DUPLICATE);
    assert_gives(&in, 1);
    assert_int_equal(offer(&in, 1), STREAM_DUPLICATE);
    assert_int_equal(offer(&in, 0), STREAM_DUPLICATE);
    assert_int_equal(offer(&in, 3), STREAM_KEPT);
    assert_int_equal(offer(&in, 3), STREAM_DUPLICATE);
    assert_int_equal(freed, 4);
    stream_in_release(&in);
    assert_int_equal(freed, 5);
}

static void
what_waits_behind_a_hole_is_bounded(void **state)
{
    (void)state;
    struct stream_in in;

    freed = 0;
    stream_in_init(&in, 2 * sizeof(uint64_t), count_free);
    assert_int_equal(offer(&in, 3), STREAM_KEPT);
    assert_int_equal(offer(&in, 4), STREAM_KEPT);
    assert_int_equal(offer(&in, 5), STREAM_TOO_FAR);
    assert_int_equal(offer(&in, 1 + STREAM_OPEN_MAX), STREAM_TOO_FAR);
    assert_int_equal(offer(&in, 1), STREAM_NEXT);
    assert_gives(&in, 1);
    assert_int_equal(freed, 2);
    stream_in_release(&in);
}

static void
a_long_stream_in_pairs_that_change_places_is_put_right(void **state)
{
    (void)state;
    struct stream_in in;

    stream_in_init(&in, 100000, count_free);
    for (uint64_t i = 1; i < 5000; i += 2) {
        offer(&in, i + 1);
        offer(&in, i);
        assert_gives(&in, i);
        assert_gives(&in, i + 1);
    }
    assert_int_equal(in.bytes, 0);
    stream_in_release(&in);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_message_is_sent_once_in_order),
    cmocka_unit_test(what_is_not_acknowledged_is_sent_again_when_asked),
    cmocka_unit_test(an_acknowledgement_of_what_was_never_added_is_ignored),
    cmocka_unit_test(it_is_full_by_bytes_until_they_are_acknowledged),
    cmocka_unit_test(more_than_the_most_is_refused),
    cmocka_unit_test(messages_come_out_in_order_whatever_order_they_come_in),
    cmocka_unit_test(a_message_that_comes_twice_is_given_once),
    cmocka_unit_test(what_waits_behind_a_hole_is_bounded),
    cmocka_unit_test(a_long_stream_in_pairs_that_change_places_is_put_right),
};

CHECK_MAIN(tests)
