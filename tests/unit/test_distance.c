#include "util/distance.h"

#include "check.h"

static size_t
between(const char *a, const char *b)
{
    size_t there = distance_between(slice_of(a), slice_of(b));

    assert_int_equal(distance_between(slice_of(b), slice_of(a)), there);
    return there;
}

static void
each_kind_of_slip_counts_one(void **state)
{
    (void)state;
    assert_int_equal(between("timeout", "timeout"), 0);
    assert_int_equal(between("timeout", "timout"), 1);
    assert_int_equal(between("timeout", "timeoutt"), 1);
    assert_int_equal(between("timeout", "timeaut"), 1);
    assert_int_equal(between("timeout", "timeuot"), 1);
    assert_int_equal(between("kitten", "sitting"), 3);
    assert_int_equal(between("", "abc"), 3);
}

static void
very_long_words_are_compared_by_their_ends(void **state)
{
    (void)state;
    char a[5000];
    char b[5000];

    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[sizeof(b) - 1] = 'y';
    assert_int_equal(
        distance_between(slice_make(a, sizeof(a)), slice_make(b, sizeof(b))),
        1);
}

static void
the_nearest_of_many_is_offered(void **state)
{
    (void)state;
    struct distance_nearest nearest = {.wanted = SLICE("--verbosty")};

    distance_offer(&nearest, SLICE("--version"));
    distance_offer(&nearest, SLICE("--verbosity"));
    distance_offer(&nearest, SLICE("--xunit"));
    assert_true(slice_equals_text(distance_best(&nearest), "--verbosity"));
}

static void
what_is_too_far_is_not_meant(void **state)
{
    (void)state;
    struct distance_nearest nearest = {.wanted = SLICE("colour")};

    assert_int_equal(distance_best(&nearest).len, 0);
    distance_offer(&nearest, SLICE("workspace"));
    assert_int_equal(distance_best(&nearest).len, 0);
    struct distance_nearest one = {.wanted = SLICE("k")};
    distance_offer(&one, SLICE("j"));
    assert_int_equal(distance_best(&one).len, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_kind_of_slip_counts_one),
    cmocka_unit_test(very_long_words_are_compared_by_their_ends),
    cmocka_unit_test(the_nearest_of_many_is_offered),
    cmocka_unit_test(what_is_too_far_is_not_meant),
};

CHECK_MAIN(tests)
