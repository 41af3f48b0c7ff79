#include "run/keeper.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static void
add_text(struct keeper *keeper, const char *text)
{
    keeper_add(keeper, slice_of(text));
}

static void
kept_is(struct keeper *keeper, const char *head, const char *tail, uint64_t cut)
{
    struct output output = keeper_output(keeper);

    assert_true(slice_equals_text(output.head, head));
    assert_true(slice_equals_text(output.tail, tail));
    assert_int_equal(output.cut, cut);
}

static void
little_is_kept_whole(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, 8);
    kept_is(&keeper, "", "", 0);
    add_text(&keeper, "abc");
    kept_is(&keeper, "abc", "", 0);
    add_text(&keeper, "defgh");
    kept_is(&keeper, "abcd", "efgh", 0);
    keeper_release(&keeper);
}

static void
of_more_the_two_ends_are_kept(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, 8);
    add_text(&keeper, "abcdefghi");
    kept_is(&keeper, "abcd", "fghi", 1);
    add_text(&keeper, "jk");
    kept_is(&keeper, "abcd", "hijk", 3);
    add_text(&keeper, "a piece longer than all that is kept");
    kept_is(&keeper, "abcd", "kept", 39);
    keeper_release(&keeper);
}

static void
it_may_be_looked_at_between_pieces(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, 6);
    struct slice letters = SLICE("abcdefghijklmnopqrstuvwxyz");
    for (size_t i = 0; i < letters.len; i++) {
        keeper_add(&keeper, slice_make(letters.data + i, 1));
        keeper_output(&keeper);
    }
    kept_is(&keeper, "abc", "xyz", 20);
    keeper_release(&keeper);
}

static void
after_a_reset_it_is_as_new(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, 4);
    add_text(&keeper, "abcdefgh");
    keeper_reset(&keeper);
    kept_is(&keeper, "", "", 0);
    add_text(&keeper, "xyz");
    kept_is(&keeper, "xy", "z", 0);
    keeper_release(&keeper);
}

static void
a_limit_of_nothing_keeps_nothing_and_counts(void **state)
{
    struct keeper keeper;

    (void)state;
    keeper_init(&keeper, 0);
    add_text(&keeper, "abc");
    kept_is(&keeper, "", "", 3);
    keeper_release(&keeper);
}

/* What is kept depends on the bytes, not on the pieces they came in. */
static void
pieces_make_no_difference(void **state)
{
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + i % 23);
    }
    for (size_t limit = 2; limit < 40; limit += 2) {
        for (size_t piece = 1; piece < 50; piece += 3) {
            struct keeper keeper;
            keeper_init(&keeper, limit);
            for (size_t at = 0; at < sizeof(text); at += piece) {
                size_t left = sizeof(text) - at;
                keeper_add(&keeper,
                           slice_make(text + at, left < piece ? left : piece));
            }
            struct output output = keeper_output(&keeper);
            size_t half = limit / 2;
            assert_true(slice_equals(output.head, slice_make(text, half)));
            assert_true(slice_equals(
                output.tail, slice_make(text + sizeof(text) - half, half)));
            assert_int_equal(output.cut, sizeof(text) - limit);
            keeper_release(&keeper);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(little_is_kept_whole),
    cmocka_unit_test(of_more_the_two_ends_are_kept),
    cmocka_unit_test(it_may_be_looked_at_between_pieces),
    cmocka_unit_test(after_a_reset_it_is_as_new),
    cmocka_unit_test(a_limit_of_nothing_keeps_nothing_and_counts),
    cmocka_unit_test(pieces_make_no_difference),
};

CHECK_MAIN(tests)
