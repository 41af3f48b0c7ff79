#include "util/alloc.h"

#include "check.h"

static void
nothing_at_all_is_still_a_pointer(void **state)
{
    (void)state;
    void *bytes = alloc_bytes(0);
    void *zero = alloc_zero(0, 8);
    void *resized = alloc_resize(NULL, 0, 8);

    assert_non_null(bytes);
    assert_non_null(zero);
    assert_non_null(resized);
    free(bytes);
    free(zero);
    free(resized);
}

static void
zeroed_memory_is_zero(void **state)
{
    (void)state;
    static const unsigned char zeros[96];
    unsigned char *memory = alloc_zero(12, 8);

    assert_memory_equal(memory, zeros, sizeof(zeros));
    free(memory);
}

static void
resizing_keeps_what_is_there(void **state)
{
    (void)state;
    char *memory = alloc_dup("abc");

    memory = alloc_resize(memory, 1000, 4);
    assert_string_equal(memory, "abc");
    free(memory);
}

static void
a_copy_of_bytes_is_terminated(void **state)
{
    (void)state;
    char *copy = alloc_dup_bytes("a\0bcd", 3);

    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
    copy = alloc_dup_bytes(NULL, 0);
    assert_string_equal(copy, "");
    free(copy);
}

static void
a_copy_of_nothing_is_nothing(void **state)
{
    (void)state;
    assert_null(alloc_dup_or_null(NULL));
    char *copy = alloc_dup_or_null("x");
    assert_string_equal(copy, "x");
    free(copy);
}

static void
printing_makes_room_for_itself(void **state)
{
    (void)state;
    char *text = alloc_printf("%s-%0*d", "n", 600, 7);

    assert_int_equal(strlen(text), 602);
    assert_int_equal(text[601], '7');
    free(text);
}

static void
growing_is_never_too_little(void **state)
{
    (void)state;
    assert_int_equal(alloc_grow(0, 1), 8);
    assert_int_equal(alloc_grow(10, 10), 10);
    assert_int_equal(alloc_grow(10, 11), 15);
    assert_int_equal(alloc_grow(10, 100), 100);
    assert_true(alloc_grow(SIZE_MAX - 1, SIZE_MAX) == SIZE_MAX);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_at_all_is_still_a_pointer),
    cmocka_unit_test(zeroed_memory_is_zero),
    cmocka_unit_test(resizing_keeps_what_is_there),
    cmocka_unit_test(a_copy_of_bytes_is_terminated),
    cmocka_unit_test(a_copy_of_nothing_is_nothing),
    cmocka_unit_test(printing_makes_room_for_itself),
    cmocka_unit_test(growing_is_never_too_little),
};

CHECK_MAIN(tests)
