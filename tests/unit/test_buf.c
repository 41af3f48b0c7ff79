#include "util/buf.h"

#include "check.h"

static void
an_empty_buffer_has_an_empty_text(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(10);

    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_slice(&buf).len, 0);
    buf_release(&buf);
    char *text = buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
}

static void
everything_is_added_at_the_end(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1000);

    assert_true(buf_add_text(&buf, "ab"));
    assert_true(buf_add_char(&buf, 'c'));
    assert_true(buf_addf(&buf, "-%d-", 42));
    assert_true(buf_add_slice(&buf, SLICE("de")));
    assert_true(buf_add_repeat(&buf, '.', 3));
    assert_string_equal(buf_text(&buf), "abc-42-de...");
    buf_release(&buf);
}

static void
the_maximum_can_be_reached_and_not_passed(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(4);

    assert_true(buf_add_text(&buf, "abcd"));
    assert_false(buf.overflowed);
    assert_false(buf_add_char(&buf, 'e'));
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "abcd");
    buf_reset(&buf);
    assert_false(buf.overflowed);
    assert_false(buf_addf(&buf, "%05d", 1));
    assert_string_equal(buf_text(&buf), "");
    assert_true(buf_addf(&buf, "%04d", 1));
    assert_string_equal(buf_text(&buf), "0001");
    buf_release(&buf);
}

static void
an_enormous_length_does_not_wrap_around(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(SIZE_MAX / 2);

    assert_true(buf_add_text(&buf, "abc"));
    assert_false(buf_add_repeat(&buf, 'x', SIZE_MAX));
    assert_string_equal(buf_text(&buf), "abc");
    buf_release(&buf);
}

static void
room_is_less_near_the_maximum(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(6);
    size_t room = 0;

    char *place = buf_room(&buf, 4, &room);
    assert_int_equal(room, 4);
    memcpy(place, "abcd", 4);
    buf_grew(&buf, 4);
    place = buf_room(&buf, 4, &room);
    assert_int_equal(room, 2);
    memcpy(place, "ef", 2);
    buf_grew(&buf, 2);
    buf_room(&buf, 4, &room);
    assert_int_equal(room, 0);
    assert_string_equal(buf_text(&buf), "abcdef");
    buf_release(&buf);
}

static void
what_is_claimed_is_filled_by_the_caller(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(4);

    buf_add_char(&buf, 'a');
    char *at = buf_claim(&buf, 3);
    assert_non_null(at);
    memcpy(at, "bcd", 3);
    assert_string_equal(buf_text(&buf), "abcd");
    assert_false(buf.overflowed);
    assert_null(buf_claim(&buf, 1));
    assert_true(buf.overflowed);
    assert_int_equal(buf.len, 4);
    buf_release(&buf);
}

static void
bytes_go_from_either_end(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);

    buf_add_text(&buf, "abcdef");
    buf_drop(&buf, 2);
    assert_string_equal(buf_text(&buf), "cdef");
    buf_cut(&buf, 2);
    assert_string_equal(buf_text(&buf), "cd");
    buf_drop(&buf, 2);
    assert_string_equal(buf_text(&buf), "");
    buf_release(&buf);
}

static void
what_was_taken_is_no_longer_there(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);

    buf_add(&buf, "a\0b", 3);
    char *taken = buf_take(&buf);
    assert_memory_equal(taken, "a\0b", 4);
    free(taken);
    assert_int_equal(buf.len, 0);
    assert_true(buf_add_text(&buf, "next"));
    assert_string_equal(buf_text(&buf), "next");
    buf_release(&buf);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_buffer_has_an_empty_text),
    cmocka_unit_test(everything_is_added_at_the_end),
    cmocka_unit_test(the_maximum_can_be_reached_and_not_passed),
    cmocka_unit_test(an_enormous_length_does_not_wrap_around),
    cmocka_unit_test(room_is_less_near_the_maximum),
    cmocka_unit_test(what_is_claimed_is_filled_by_the_caller),
    cmocka_unit_test(bytes_go_from_either_end),
    cmocka_unit_test(what_was_taken_is_no_longer_there),
};

CHECK_MAIN(tests)
