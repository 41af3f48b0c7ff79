#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "model/ledger.h"

// Items and a ledger over them; the first job has items 0 to 3.
struct book {
    struct items *items;
    struct ledger *ledger;
    uint32_t job;
};

static uint32_t
add_job(struct book *book, const char *name, int items)
{
    struct job_params params = {.name = slice_of(name)};
    uint32_t job = items_add_job(book->items, &params);

    for (int i = 0; i < items; i++) {
        items_add(book->items, job, SLICE(".test"), 0);
    }
    ledger_count_selected(book->ledger);
    return job;
}

static int
set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    book->items = items_new();
    book->ledger = ledger_new(book->items);
    book->job = add_job(book, "A", 4);
    *state = book;
    return 0;
}

static int
tear_down(void **state)
{
    struct book *book = *state;

    ledger_free(book->ledger);
    items_free(book->items);
    free(book);
    return 0;
}

static enum ledger_answer
take(struct book *book, uint32_t job, uint16_t attempt, uint32_t item,
     enum state state)
{
    struct outcome outcome = {
        .state = state, .us = 2500, .ran = true, .counted = true};

    return ledger_take(
        book->ledger,
        &(struct ledger_said){
            .job = job, .attempt = attempt, .item = item, .outcome = &outcome},
        &(struct ledger_word){0});
}

static bool
decide(struct book *book, uint32_t item, const struct outcome *outcome)
{
    return ledger_decide(
        book->ledger, &(struct ledger_said){.item = item, .outcome = outcome},
        &(struct ledger_word){0});
}

static enum state
state_of(const struct book *book, uint32_t item)
{
    return (enum state)items_peek(book->items, item)->state;
}

static const struct tally *
tally(const struct book *book)
{
    return ledger_tally(book->ledger);
}

static void
a_result_is_entered_and_counted(void **state)
{
    struct book *book = *state;
    uint16_t attempt = ledger_give(book->ledger, book->job);

    assert_int_equal(attempt, 1);
    assert_int_equal(take(book, book->job, 1, 2, STATE_FAILED), LEDGER_TAKEN);
    assert_int_equal(state_of(book, 2), STATE_FAILED);
    assert_int_equal(items_peek(book->items, 2)->ms, 3);
    assert_int_equal(items_peek(book->items, 2)->tries, 1);
    assert_int_equal(tally(book)->states[STATE_FAILED], 1);
    assert_int_equal(tally(book)->selected, 4);
    assert_false(ledger_is_settled(book->ledger));
}

static void
a_result_counts_once(void **state)
{
    struct book *book = *state;

    ledger_give(book->ledger, book->job);
    take(book, book->job, 1, 0, STATE_CRASHED);
    assert_int_equal(take(book, book->job, 1, 0, STATE_PASSED), LEDGER_LATE);
    assert_int_equal(state_of(book, 0), STATE_CRASHED);
    assert_int_equal(tally(book)->late, 1);
    assert_int_equal(tally(book)->states[STATE_PASSED], 0);
}

static void
an_item_of_another_job_is_foreign(void **state)
{
    struct book *book = *state;
    uint32_t other = add_job(book, "B", 1);

    ledger_give(book->ledger, book->job);
    assert_int_equal(take(book, book->job, 1, 4, STATE_PASSED), LEDGER_FOREIGN);
    assert_int_equal(take(book, book->job, 1, 99, STATE_PASSED),
                     LEDGER_FOREIGN);
    ledger_give(book->ledger, other);
    assert_int_equal(take(book, other, 1, 0, STATE_PASSED), LEDGER_FOREIGN);
    assert_int_equal(tally(book)->late, 0);
}

static void
an_item_that_is_not_selected_is_foreign(void **state)
{
    struct book *book = *state;

    items_get(book->items, 1)->flags = 0;
    ledger_count_selected(book->ledger);
    ledger_give(book->ledger, book->job);
    assert_int_equal(tally(book)->selected, 3);
    assert_int_equal(take(book, book->job, 1, 1, STATE_PASSED), LEDGER_FOREIGN);
    assert_int_equal(state_of(book, 1), STATE_NONE);
}

static void
the_items_behind_a_crash_go_into_a_new_job(void **state)
{
    struct book *book = *state;
    bool progress = false;

    ledger_give(book->ledger, book->job);
    take(book, book->job, 1, 0, STATE_PASSED);
    take(book, book->job, 1, 1, STATE_CRASHED);
    uint32_t rest = ledger_end(book->ledger, book->job, 1, &progress);
    assert_true(progress);
    assert_int_equal(items_peek_job(book->items, rest)->count, 2);
    assert_int_equal(items_of_job(book->items, rest, 0), 2);

    assert_int_equal(ledger_give(book->ledger, rest), 1);
    take(book, rest, 1, 2, STATE_PASSED);
    take(book, rest, 1, 3, STATE_PASSED);
    assert_int_equal(ledger_end(book->ledger, rest, 1, &progress), JOB_NONE);
    assert_true(ledger_is_settled(book->ledger));
    assert_int_equal(tally(book)->states[STATE_CRASHED], 1);
    assert_int_equal(tally(book)->states[STATE_PASSED], 3);
    assert_int_equal(tally(book)->retried, 0);
}

static void
a_result_of_a_job_that_ended_is_late(void **state)
{
    struct book *book = *state;
    bool progress = false;

    ledger_give(book->ledger, book->job);
    uint32_t rest = ledger_end(book->ledger, book->job, 1, &progress);
    assert_int_equal(take(book, book->job, 1, 0, STATE_PASSED), LEDGER_LATE);
    assert_int_equal(state_of(book, 0), STATE_NONE);
    ledger_give(book->ledger, rest);
    assert_int_equal(take(book, rest, 1, 0, STATE_PASSED), LEDGER_TAKEN);
}

static void
an_attempt_without_a_result_made_no_progress(void **state)
{
    struct book *book = *state;
    bool progress = true;

    ledger_give(book->ledger, book->job);
    uint32_t rest = ledger_end(book->ledger, book->job, 1, &progress);
    assert_false(progress);
    assert_int_equal(items_peek_job(book->items, rest)->count, 4);
    // The caller decides what became of a job that is not given out again.
    assert_int_equal(take(book, rest, 0, 3, STATE_ERROR), LEDGER_TAKEN);
    assert_int_equal(state_of(book, 3), STATE_ERROR);
}

static void
what_appeared_is_no_progress_and_does_not_come_back(void **state)
{
    struct book *book = *state;
    bool progress = true;
    uint32_t fixture =
        items_add(book->items, book->job, SLICE("setUpClass (A)"), 0);

    ledger_add(book->ledger, fixture);
    ledger_give(book->ledger, book->job);
    assert_int_equal(tally(book)->selected, 5);
    take(book, book->job, 1, fixture, STATE_ERROR);
    uint32_t open = items_add(book->items, book->job, SLICE("point"), 0);
    ledger_add(book->ledger, open);
    uint32_t rest = ledger_end(book->ledger, book->job, 1, &progress);
    assert_false(progress);
    assert_int_equal(items_peek_job(book->items, rest)->count, 4);
    assert_int_equal(state_of(book, open), STATE_NONE);
    assert_false(ledger_is_settled(book->ledger));
}

static void
a_job_ends_once(void **state)
{
    struct book *book = *state;
    bool progress = false;

    ledger_give(book->ledger, book->job);
    assert_int_not_equal(ledger_end(book->ledger, book->job, 1, &progress),
                         JOB_NONE);
    assert_int_equal(ledger_end(book->ledger, book->job, 1, &progress),
                     JOB_NONE);
    assert_int_equal(items_job_count(book->items), 2);
}

static void
a_lost_job_is_given_out_again_as_the_next_attempt(void **state)
{
    struct book *book = *state;

    ledger_give(book->ledger, book->job);
    ledger_begin(book->ledger, book->job, 1, 1);
    take(book, book->job, 1, 0, STATE_PASSED);
    assert_int_equal(ledger_lose(book->ledger, book->job, 1), LEDGER_AGAIN);
    // What the lost attempt still says is late, before and after that.
    assert_int_equal(take(book, book->job, 1, 1, STATE_FAILED), LEDGER_LATE);
    assert_int_equal(ledger_give(book->ledger, book->job), 2);
    assert_int_equal(take(book, book->job, 1, 2, STATE_FAILED), LEDGER_LATE);
    assert_int_equal(take(book, book->job, 2, 1, STATE_PASSED), LEDGER_TAKEN);
    assert_int_equal(items_peek(book->items, 1)->tries, 2);
    assert_int_equal(tally(book)->late, 2);
    assert_int_equal(tally(book)->retried, 1);
}

static void
a_second_loss_gives_the_rest_up(void **state)
{
    struct book *book = *state;

    ledger_give(book->ledger, book->job);
    ledger_lose(book->ledger, book->job, 1);
    ledger_give(book->ledger, book->job);
    take(book, book->job, 2, 0, STATE_PASSED);
    assert_int_equal(ledger_lose(book->ledger, book->job, 2), LEDGER_GIVEN_UP);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(take(book, book->job, 2, i, STATE_LOST), LEDGER_TAKEN);
    }
    assert_true(ledger_is_settled(book->ledger));
    assert_int_equal(tally(book)->states[STATE_LOST], 3);
}

static void
the_rest_of_a_lost_job_is_lost_at_its_first_loss(void **state)
{
    struct book *book = *state;
    bool progress = false;

    ledger_give(book->ledger, book->job);
    ledger_lose(book->ledger, book->job, 1);
    ledger_give(book->ledger, book->job);
    take(book, book->job, 2, 0, STATE_CRASHED);
    uint32_t rest = ledger_end(book->ledger, book->job, 2, &progress);
    ledger_give(book->ledger, rest);
    assert_int_equal(ledger_lose(book->ledger, rest, 1), LEDGER_GIVEN_UP);
}

static void
a_loss_of_what_does_not_run_changes_nothing(void **state)
{
    struct book *book = *state;

    assert_int_equal(ledger_lose(book->ledger, book->job, 0), LEDGER_NOTHING);
    ledger_give(book->ledger, book->job);
    assert_int_equal(ledger_lose(book->ledger, book->job, 1), LEDGER_AGAIN);
    assert_int_equal(ledger_lose(book->ledger, book->job, 1), LEDGER_NOTHING);
    ledger_give(book->ledger, book->job);
    assert_int_equal(ledger_lose(book->ledger, book->job, 1), LEDGER_NOTHING);
    assert_int_equal(take(book, book->job, 2, 0, STATE_PASSED), LEDGER_TAKEN);
}

static void
a_loss_behind_the_last_result_costs_nothing(void **state)
{
    struct book *book = *state;

    ledger_give(book->ledger, book->job);
    for (uint32_t i = 0; i < 4; i++) {
        take(book, book->job, 1, i, STATE_PASSED);
    }
    assert_int_equal(ledger_lose(book->ledger, book->job, 1), LEDGER_NOTHING);
    assert_true(ledger_is_settled(book->ledger));
}

static void
a_try_is_counted_once_in_an_attempt(void **state)
{
    struct book *book = *state;

    ledger_give(book->ledger, book->job);
    ledger_begin(book->ledger, book->job, 1, 0);
    ledger_begin(book->ledger, book->job, 1, 0);
    ledger_begin(book->ledger, book->job, 2, 0);
    ledger_begin(book->ledger, book->job, 1, 99);
    take(book, book->job, 1, 0, STATE_PASSED);
    assert_int_equal(items_peek(book->items, 0)->tries, 1);
    assert_int_equal(tally(book)->retried, 0);
}

static void
the_caller_may_decide_about_an_item_wherever_its_job_is(void **state)
{
    struct book *book = *state;
    const struct outcome outcome = {.state = STATE_NOT_RUN};
    bool progress = false;

    ledger_give(book->ledger, book->job);
    take(book, book->job, 1, 0, STATE_PASSED);
    ledger_end(book->ledger, book->job, 1, &progress);
    assert_false(decide(book, 0, &outcome));
    for (uint32_t i = 1; i < 4; i++) {
        assert_true(decide(book, i, &outcome));
    }
    assert_true(ledger_is_settled(book->ledger));
    assert_int_equal(tally(book)->states[STATE_NOT_RUN], 3);
    assert_int_equal(items_peek(book->items, 1)->tries, 0);
    assert_int_equal(items_peek(book->items, 1)->flags & ITEM_NOT_RAN,
                     ITEM_NOT_RAN);
}

static void
a_program_gives_way_to_its_points(void **state)
{
    struct book *book = *state;
    uint32_t program = add_job(book, "t/a.t", 1);
    bool progress = false;

    ledger_give(book->ledger, program);
    assert_true(ledger_drop(book->ledger, 4));
    assert_false(ledger_drop(book->ledger, 4));
    for (int i = 0; i < 2; i++) {
        uint32_t point = items_add(book->items, program, SLICE(".1"), 0);
        ledger_add(book->ledger, point);
        assert_int_equal(take(book, program, 1, point, STATE_PASSED),
                         LEDGER_TAKEN);
    }
    assert_int_equal(ledger_end(book->ledger, program, 1, &progress), JOB_NONE);
    assert_int_equal(tally(book)->selected, 6);
}

static void
leaks_and_late_results_of_others_are_counted(void **state)
{
    struct book *book = *state;

    ledger_count_leak(book->ledger);
    ledger_count_late(book->ledger);
    assert_int_equal(tally(book)->leaks, 1);
    assert_int_equal(tally(book)->late, 1);
}

#define WITH_BOOK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    WITH_BOOK(a_result_is_entered_and_counted),
    WITH_BOOK(a_result_counts_once),
    WITH_BOOK(an_item_of_another_job_is_foreign),
    WITH_BOOK(an_item_that_is_not_selected_is_foreign),
    WITH_BOOK(the_items_behind_a_crash_go_into_a_new_job),
    WITH_BOOK(a_result_of_a_job_that_ended_is_late),
    WITH_BOOK(an_attempt_without_a_result_made_no_progress),
    WITH_BOOK(what_appeared_is_no_progress_and_does_not_come_back),
    WITH_BOOK(a_job_ends_once),
    WITH_BOOK(a_lost_job_is_given_out_again_as_the_next_attempt),
    WITH_BOOK(a_second_loss_gives_the_rest_up),
    WITH_BOOK(the_rest_of_a_lost_job_is_lost_at_its_first_loss),
    WITH_BOOK(a_loss_of_what_does_not_run_changes_nothing),
    WITH_BOOK(a_loss_behind_the_last_result_costs_nothing),
    WITH_BOOK(a_try_is_counted_once_in_an_attempt),
    WITH_BOOK(the_caller_may_decide_about_an_item_wherever_its_job_is),
    WITH_BOOK(a_program_gives_way_to_its_points),
    WITH_BOOK(leaks_and_late_results_of_others_are_counted),
};

CHECK_MAIN(tests)
