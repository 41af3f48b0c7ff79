#include "util/array.h"

#include "check.h"

static void
items_stay_in_the_order_they_were_added(void **state)
{
    (void)state;
    ARRAY(int) numbers = {0};

    for (int i = 0; i < 1000; i++) {
        ARRAY_ADD(&numbers, i * i);
    }
    assert_int_equal(numbers.count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(numbers.items[i], i * i);
    }
    ARRAY_RELEASE(&numbers);
}

static void
the_last_one_in_is_the_first_one_out(void **state)
{
    (void)state;
    ARRAY(const char *) words = {0};

    ARRAY_ADD(&words, "one");
    ARRAY_ADD(&words, "two");
    assert_string_equal(ARRAY_LAST(&words), "two");
    assert_string_equal(ARRAY_POP(&words), "two");
    assert_string_equal(ARRAY_POP(&words), "one");
    assert_int_equal(words.count, 0);
    ARRAY_RELEASE(&words);
}

static void
removing_closes_the_gap(void **state)
{
    (void)state;
    ARRAY(int) numbers = {0};

    for (int i = 0; i < 4; i++) {
        ARRAY_ADD(&numbers, i);
    }
    ARRAY_REMOVE(&numbers, 1);
    ARRAY_REMOVE(&numbers, 2);
    assert_int_equal(numbers.count, 2);
    assert_int_equal(numbers.items[0], 0);
    assert_int_equal(numbers.items[1], 2);
    ARRAY_RELEASE(&numbers);
}

static void
a_zeroed_item_is_zero_after_others_were_there(void **state)
{
    (void)state;
    struct pair {
        int first, second;
    };
    ARRAY(struct pair) pairs = {0};

    ARRAY_ADD(&pairs, ((struct pair){1, 2}));
    ARRAY_CLEAR(&pairs);
    ARRAY_ADD_ZERO(&pairs);
    assert_int_equal(ARRAY_LAST(&pairs).first, 0);
    assert_int_equal(ARRAY_LAST(&pairs).second, 0);
    ARRAY_RELEASE(&pairs);
}

static void
a_released_array_is_empty_and_usable(void **state)
{
    (void)state;
    ARRAY(int) numbers = {0};

    ARRAY_ADD(&numbers, 1);
    ARRAY_RELEASE(&numbers);
    ARRAY_RELEASE(&numbers);
    assert_int_equal(numbers.count, 0);
    ARRAY_ADD(&numbers, 2);
    assert_int_equal(numbers.items[0], 2);
    ARRAY_RELEASE(&numbers);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(items_stay_in_the_order_they_were_added),
    cmocka_unit_test(the_last_one_in_is_the_first_one_out),
    cmocka_unit_test(removing_closes_the_gap),
    cmocka_unit_test(a_zeroed_item_is_zero_after_others_were_there),
    cmocka_unit_test(a_released_array_is_empty_and_usable),
};

CHECK_MAIN(tests)
