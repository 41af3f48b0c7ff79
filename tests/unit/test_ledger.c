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

// ------------------------------------------------------- what runs again

static enum ledger_answer
set_aside(struct book *book, uint32_t job, uint16_t attempt, uint32_t item,
          enum state state)
{
    struct outcome outcome = {
        .state = state, .us = 2500, .ran = true, .counted = true};

    return ledger_take(book->ledger,
                       &(struct ledger_said){.job = job,
                                             .attempt = attempt,
                                             .item = item,
                                             .outcome = &outcome,
                                             .again = true},
                       &(struct ledger_word){0});
}

static void
what_is_set_aside_has_no_state_and_keeps_its_outcome(void **state)
{
    struct book *book = *state;
    uint16_t attempt = ledger_give(book->ledger, book->job);

    assert_int_equal(set_aside(book, book->job, attempt, 1, STATE_FAILED),
                     LEDGER_ASIDE);
    assert_int_equal(state_of(book, 1), STATE_NONE);
    assert_int_equal(ledger_last(book->ledger, 1)->state, STATE_FAILED);
    assert_int_equal(ledger_retries(book->ledger, 1), 1);
    assert_null(ledger_last(book->ledger, 0));
    assert_int_equal(take(book, book->job, attempt, 1, STATE_PASSED),
                     LEDGER_LATE);
    assert_false(items_is_due(book->items, 1));
}

static void
a_retry_holds_what_was_set_aside_by_number_of_tries(void **state)
{
    struct book *book = *state;
    uint16_t attempt = ledger_give(book->ledger, book->job);
    bool progress = false;

    items_get(book->items, 2)->tries = 1; // it ran in an attempt that was lost
    set_aside(book, book->job, attempt, 0, STATE_FAILED);
    take(book, book->job, attempt, 1, STATE_PASSED);
    set_aside(book, book->job, attempt, 2, STATE_FAILED);
    uint32_t rest = ledger_end(book->ledger, book->job, attempt, &progress);
    assert_int_equal(items_peek_job(book->items, rest)->count, 1);
    assert_int_equal(items_of_job(book->items, rest, 0), 3);
    uint32_t first = ledger_next_retry(book->ledger, book->job);
    uint32_t second = ledger_next_retry(book->ledger, book->job);
    assert_int_equal(items_of_job(book->items, first, 0), 0);
    assert_int_equal(items_of_job(book->items, second, 0), 2);
    assert_int_equal(ledger_next_retry(book->ledger, book->job), JOB_NONE);
    assert_true(items_is_due(book->items, 0));
}

static void
only_a_pass_makes_up_for_a_failure(void **state)
{
    static const struct {
        enum state now;
        enum state counts;
        bool flaky;
    } cases[] = {
        {STATE_PASSED, STATE_PASSED, true},
        {STATE_XFAILED, STATE_XFAILED, true},
        {STATE_SKIPPED, STATE_FAILED, false},
        {STATE_NOT_RUN, STATE_FAILED, false},
        {STATE_CRASHED, STATE_CRASHED, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct book *book = *state;
        uint32_t job = add_job(book, "B", 1);
        uint32_t item = items_of_job(book->items, job, 0);
        struct outcome outcome = {.state = cases[i].now, .counted = true};
        struct ledger_word word;
        bool progress = false;
        set_aside(book, job, ledger_give(book->ledger, job), item,
                  STATE_FAILED);
        ledger_end(book->ledger, job, 1, &progress);
        uint32_t retry = ledger_next_retry(book->ledger, job);
        uint16_t attempt = ledger_give(book->ledger, retry);
        assert_int_equal(ledger_take(book->ledger,
                                     &(struct ledger_said){.job = retry,
                                                           .attempt = attempt,
                                                           .item = item,
                                                           .outcome = &outcome},
                                     &word),
                         LEDGER_TAKEN);
        assert_int_equal(word.outcome->state, cases[i].counts);
        assert_int_equal(word.flaky, cases[i].flaky);
        assert_int_equal(state_of(book, item), cases[i].counts);
    }
    assert_int_equal(tally(*state)->flaky, 2);
}

static void
what_waits_when_the_run_is_closed_is_what_it_was(void **state)
{
    struct book *book = *state;
    uint16_t attempt = ledger_give(book->ledger, book->job);
    struct outcome closed = {.state = STATE_NOT_RUN};

    set_aside(book, book->job, attempt, 0, STATE_TIMEOUT);
    set_aside(book, book->job, attempt, 1, STATE_PASSED);
    for (uint32_t item = 0; item < 4; item++) {
        assert_true(decide(book, item, &closed));
    }
    assert_int_equal(state_of(book, 0), STATE_TIMEOUT);
    assert_int_equal(state_of(book, 1), STATE_PASSED);
    assert_int_equal(state_of(book, 2), STATE_NOT_RUN);
    assert_true(ledger_is_settled(book->ledger));
}

static void
a_round_gives_the_same_job_out_again(void **state)
{
    struct book *book = *state;
    bool progress = false;

    for (uint16_t round = 1; round <= 3; round++) {
        uint16_t attempt = ledger_give(book->ledger, book->job);
        assert_int_equal(attempt, round);
        for (uint32_t item = 0; item < 4; item++) {
            assert_int_equal(
                set_aside(book, book->job, attempt, item, STATE_PASSED),
                LEDGER_ASIDE);
        }
        assert_int_equal(
            ledger_end(book->ledger, book->job, attempt, &progress), JOB_NONE);
        assert_int_equal(ledger_repeat(book->ledger, book->job), book->job);
        assert_int_equal(ledger_rounds(book->ledger, book->job), round);
        // Between two rounds the last one may say nothing any more.
        assert_int_equal(take(book, book->job, attempt, 0, STATE_FAILED),
                         LEDGER_LATE);
    }
    assert_int_equal(tally(book)->retried, 0);
    assert_int_equal(items_job_count(book->items), 1);
}

static void
a_quarantined_failure_does_not_make_it_red(void **state)
{
    struct book *book = *state;
    uint16_t attempt = ledger_give(book->ledger, book->job);
    struct outcome outcome = {
        .state = STATE_FAILED, .ran = true, .counted = true};

    ledger_take(book->ledger,
                &(struct ledger_said){.job = book->job,
                                      .attempt = attempt,
                                      .item = 0,
                                      .outcome = &outcome,
                                      .quarantined = true},
                &(struct ledger_word){0});
    assert_int_equal(tally(book)->states[STATE_FAILED], 1);
    assert_int_equal(tally(book)->quarantined, 1);
    assert_int_equal(tally(book)->failures, 0);
    assert_true(tally_is_green(tally(book)));
    take(book, book->job, attempt, 1, STATE_FAILED);
    assert_false(tally_is_green(tally(book)));
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
    WITH_BOOK(what_is_set_aside_has_no_state_and_keeps_its_outcome),
    WITH_BOOK(a_retry_holds_what_was_set_aside_by_number_of_tries),
    WITH_BOOK(only_a_pass_makes_up_for_a_failure),
    WITH_BOOK(what_waits_when_the_run_is_closed_is_what_it_was),
    WITH_BOOK(a_round_gives_the_same_job_out_again),
    WITH_BOOK(a_quarantined_failure_does_not_make_it_red),
};

CHECK_MAIN(tests)
