#include "fleet/holdings.h"

#include "check.h"
#include "fleet/order_ends.h"

static enum holdings_verdict
offer(struct holdings *holdings, struct held_task *task, uint32_t job,
      uint16_t attempt, bool redelivered)
{
    json_t *order = json_object();
    enum holdings_verdict verdict = holdings_offer(
        holdings, task, (struct order_name){job, attempt}, order, redelivered);

    json_decref(order);
    return verdict;
}

static void
end(struct holdings *holdings, uint32_t job)
{
    struct holding *holding =
        holdings_find(holdings, (struct order_name){job, 1});

    assert_non_null(holding);
    holdings_end(holdings, holding);
}

static void
assert_idle(struct holdings *holdings, uint64_t number)
{
    struct held_task *task = holdings_idle_task(holdings);

    assert_non_null(task);
    assert_int_equal(task->number, number);
    held_task_free(task);
}

static void
a_task_is_idle_once_all_its_orders_ended(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 7);
    assert_int_equal(offer(&holdings, task, 1, 1, false), HOLDINGS_NEW);
    assert_int_equal(offer(&holdings, task, 2, 1, false), HOLDINGS_NEW);
    assert_int_equal(holdings.count, 2);
    assert_null(holdings_idle_task(&holdings));
    end(&holdings, 2);
    assert_null(holdings_idle_task(&holdings));
    end(&holdings, 1);
    assert_idle(&holdings, 7);
    assert_null(holdings_find_task(&holdings, 7));
    holdings_release(&holdings);
}

static void
a_task_without_a_new_order_is_idle_at_once(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 7);
    assert_int_equal(offer(&holdings, task, 1, 1, true), HOLDINGS_FOREIGN);
    assert_int_equal(holdings.count, 0);
    assert_idle(&holdings, 7);
    holdings_release(&holdings);
}

static void
the_last_copy_has_the_order(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *first = holdings_task(&holdings, 1);
    offer(&holdings, first, 5, 1, false);
    struct held_task *second = holdings_task(&holdings, 2);
    // Redelivered or sent again by mistake: it runs once.
    assert_int_equal(offer(&holdings, second, 5, 1, false), HOLDINGS_ADOPTED);
    assert_int_equal(holdings.count, 1);
    assert_idle(&holdings, 1);
    assert_null(holdings_idle_task(&holdings));
    end(&holdings, 5);
    assert_idle(&holdings, 2);
    holdings_release(&holdings);
}

static void
an_order_that_stands_twice_in_a_message_counts_once(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 1);
    assert_int_equal(offer(&holdings, task, 5, 1, false), HOLDINGS_NEW);
    assert_int_equal(offer(&holdings, task, 5, 1, false), HOLDINGS_ADOPTED);
    end(&holdings, 5);
    assert_idle(&holdings, 1);
    holdings_release(&holdings);
}

static void
what_ended_here_does_not_run_again_but_a_later_attempt_does(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 1);
    offer(&holdings, task, 5, 1, false);
    end(&holdings, 5);
    task = holdings_task(&holdings, 2);
    assert_int_equal(offer(&holdings, task, 5, 1, false), HOLDINGS_OVER);
    assert_int_equal(offer(&holdings, task, 5, 1, true), HOLDINGS_OVER);
    assert_int_equal(offer(&holdings, task, 5, 2, false), HOLDINGS_NEW);
    holdings_release(&holdings);
}

static void
what_was_dropped_may_come_again(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 1);
    offer(&holdings, task, 5, 1, false);
    holdings_drop(&holdings,
                  holdings_find(&holdings, (struct order_name){5, 1}));
    assert_idle(&holdings, 1);
    task = holdings_task(&holdings, 2);
    assert_int_equal(offer(&holdings, task, 5, 1, false), HOLDINGS_NEW);
    holdings_release(&holdings);
}

static void
what_began_is_counted(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 1);
    offer(&holdings, task, 5, 1, false);
    offer(&holdings, task, 6, 1, false);
    struct holding *holding =
        holdings_find(&holdings, (struct order_name){5, 1});
    holdings_begin(&holdings, holding, 3, 1, 2);
    holdings_begin(&holdings, holding, 3, 1, 2);
    assert_int_equal(holdings.begun, 1);
    end(&holdings, 5);
    assert_int_equal(holdings.begun, 0);
    assert_int_equal(holdings.count, 1);
    holdings_release(&holdings);
}

static void
the_ends_of_many_jobs_are_remembered(void **state)
{
    (void)state;
    struct order_ends *ends = order_ends_new();

    assert_false(order_ends_has(ends, (struct order_name){0, 1}));
    for (uint32_t job = 0; job < 5000; job++) {
        order_ends_add(ends, (struct order_name){job * 7, 2});
    }
    for (uint32_t job = 0; job < 5000; job++) {
        assert_true(order_ends_has(ends, (struct order_name){job * 7, 1}));
        assert_true(order_ends_has(ends, (struct order_name){job * 7, 2}));
        assert_false(order_ends_has(ends, (struct order_name){job * 7, 3}));
        assert_false(order_ends_has(ends, (struct order_name){job * 7 + 1, 1}));
    }
    order_ends_add(ends, (struct order_name){7, 1}); // the higher one stays
    assert_true(order_ends_has(ends, (struct order_name){7, 2}));
    order_ends_free(ends);
}

static void
orders_that_keep_a_slot_busy_are_counted(void **state)
{
    (void)state;
    struct holdings holdings;

    holdings_init(&holdings);
    struct held_task *task = holdings_task(&holdings, 7);
    for (uint32_t job = 0; job < 3; job++) {
        json_t *order =
            json_pack("{s:i}", "expect_us", job == 1 ? 5000000 : 49999);
        assert_int_equal(holdings_expect_us(order), job == 1 ? 5000000 : 49999);
        holdings_offer(&holdings, task, (struct order_name){job, 1}, order,
                       false);
        json_decref(order);
    }
    assert_int_equal(holdings.busying, 1);
    end(&holdings, 0);
    assert_int_equal(holdings.busying, 1);
    end(&holdings, 1);
    assert_int_equal(holdings.busying, 0);
    end(&holdings, 2);
    assert_idle(&holdings, 7);
    holdings_release(&holdings);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(orders_that_keep_a_slot_busy_are_counted),
    cmocka_unit_test(a_task_is_idle_once_all_its_orders_ended),
    cmocka_unit_test(a_task_without_a_new_order_is_idle_at_once),
    cmocka_unit_test(the_last_copy_has_the_order),
    cmocka_unit_test(an_order_that_stands_twice_in_a_message_counts_once),
    cmocka_unit_test(
        what_ended_here_does_not_run_again_but_a_later_attempt_does),
    cmocka_unit_test(what_was_dropped_may_come_again),
    cmocka_unit_test(what_began_is_counted),
    cmocka_unit_test(the_ends_of_many_jobs_are_remembered),
};

CHECK_MAIN(tests)
