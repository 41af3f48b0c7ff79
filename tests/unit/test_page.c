#include "adapter/page.h"

#include <string.h>

#include "tests/unit/check.h"

#define NOW 5000000000U // beyond 32 bits

static uint32_t words[PAGE_WORDS];
static struct page_state page;

static int
setup(void **state)
{
    (void)state;
    memset(words, 0, sizeof(words));
    page = (struct page_state){0};
    return 0;
}

static void
begin(uint32_t item, uint64_t us)
{
    uint32_t *entry = &words[16 + 2 * words[2]];

    entry[0] = item + 1;
    entry[1] = (uint32_t)us;
    words[2]++;
}

static void
an_empty_page_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.pid, 0);
    assert_int_equal(page.job, JOB_NONE);
    assert_int_equal(page.passed_count, 0);
    assert_false(page.running);
}

static void
items_that_passed_and_the_one_that_runs_are_told(void **state)
{
    (void)state;
    words[0] = 4713;
    words[1] = 7 + 1;
    begin(120, NOW - 500);
    begin(121, NOW - 300);
    begin(122, NOW - 100);
    words[3] = 2;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.pid, 4713);
    assert_int_equal(page.job, 7);
    assert_int_equal(page.passed_count, 2);
    assert_int_equal(page.passed[0].item, 120);
    assert_int_equal(page.passed[0].us, 200);
    assert_int_equal(page.passed[1].item, 121);
    assert_int_equal(page.passed[1].us, 200);
    assert_true(page.running);
    assert_int_equal(page.item, 122);
    assert_int_equal(page.since_us, NOW - 100);
}

static void
the_last_pass_lasted_until_now_at_most(void **state)
{
    (void)state;
    begin(0, NOW - 70);
    words[3] = 1;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_false(page.running);
    assert_int_equal(page.passed_count, 1);
    assert_int_equal(page.passed[0].item, 0);
    assert_int_equal(page.passed[0].us, 70);
}

static void
times_are_right_across_the_wrap_of_32_bits(void **state)
{
    (void)state;
    const uint64_t wrap = (uint64_t)3 << 32;

    begin(1, wrap - 50);
    begin(2, wrap + 50);
    words[3] = 1;
    assert_int_equal(page_read(words, wrap + 80, &page), PAGE_READ);
    assert_int_equal(page.passed[0].us, 100);
    assert_int_equal(page.since_us, wrap + 50);
}

static void
an_item_that_runs_for_hours_keeps_its_beginning(void **state)
{
    (void)state;
    const uint64_t hour = 3600000000U;

    begin(5, NOW);
    for (uint64_t hours = 0; hours < 5; hours++) {
        assert_int_equal(page_read(words, NOW + hours * hour, &page),
                         PAGE_READ);
        assert_true(page.running);
        assert_int_equal(page.since_us, NOW);
    }
}

static void
a_beginning_after_now_was_written_meanwhile(void **state)
{
    (void)state;
    begin(5, NOW + 30);
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.since_us, NOW);
}

static void
a_page_that_is_being_cleared_is_empty(void **state)
{
    (void)state;
    begin(5, NOW);
    begin(6, NOW);
    words[3] = 1;
    words[2] = 0;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.passed_count, 0);
    assert_false(page.running);

    words[2] = 2;
    words[3] = 0;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.passed_count, 0);
    assert_false(page.running);
}

static void
a_full_page_is_read(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PAGE_ENTRIES; i++) {
        begin(i, NOW - 1000 + i);
    }
    words[3] = PAGE_ENTRIES;
    assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
    assert_int_equal(page.passed_count, PAGE_ENTRIES);
    assert_int_equal(page.passed[PAGE_ENTRIES - 1].item, PAGE_ENTRIES - 1);
}

static void
garbage_is_recognised_and_leaves_the_state_alone(void **state)
{
    (void)state;
    // Which word is spoilt, and with what, in a page that was good.
    static const uint32_t spoilt[][2] = {
        {0, 0x80000000U}, {1, 0}, {2, 65}, {2, 0xFFFFFFFFU}, {3, 3},
        {3, 0xFFFFFFFFU}, {4, 1}, {15, 1}, {16, 0},          {18, 0},
    };

    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        setup(NULL);
        words[0] = 4713;
        words[1] = 8;
        begin(5, NOW - 10);
        begin(6, NOW - 5);
        words[3] = 1;
        assert_int_equal(page_read(words, NOW, &page), PAGE_READ);
        struct page_state before = page;
        words[spoilt[i][0]] = spoilt[i][1];
        if (page_read(words, NOW + 1, &page) != PAGE_GARBAGE) {
            fail_msg("word %u = %u was believed", spoilt[i][0], spoilt[i][1]);
        }
        assert_memory_equal(&before, &page, sizeof(page));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(an_empty_page_says_nothing, setup),
    cmocka_unit_test_setup(items_that_passed_and_the_one_that_runs_are_told,
                           setup),
    cmocka_unit_test_setup(the_last_pass_lasted_until_now_at_most, setup),
    cmocka_unit_test_setup(times_are_right_across_the_wrap_of_32_bits, setup),
    cmocka_unit_test_setup(an_item_that_runs_for_hours_keeps_its_beginning,
                           setup),
    cmocka_unit_test_setup(a_beginning_after_now_was_written_meanwhile, setup),
    cmocka_unit_test_setup(a_page_that_is_being_cleared_is_empty, setup),
    cmocka_unit_test_setup(a_full_page_is_read, setup),
    cmocka_unit_test_setup(garbage_is_recognised_and_leaves_the_state_alone,
                           setup),
};

CHECK_MAIN(tests)
