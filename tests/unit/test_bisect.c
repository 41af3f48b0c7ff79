#include "schedule/bisect.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

#define CAUSES_MAX 8

/*
 * A test and those before it, as they might be: it changes what it does once
 * all `causes` ran before it, in `chance` of 100 cases.
 */
struct oracle {
    uint32_t count;
    uint32_t causes[CAUSES_MAX];
    uint32_t cause_count;
    bool either;  // one of the causes is enough
    bool sets_up; // it fails by itself, and passes after the causes
    uint32_t chance;
    uint32_t noise; // of 100 that it fails for no reason
    uint32_t crash; // with that one the test is not reached; UINT32_MAX
    uint32_t seed;
};

struct play {
    struct bisect_finding finding;
    uint32_t *members;
    uint32_t probes;
    uint32_t unwanted; // answers that were not wanted any more
    uint32_t most_out;
};

static uint32_t
draw(struct oracle *oracle, uint32_t below)
{
    oracle->seed = oracle->seed * 1664525U + 1013904223U;
    return (uint32_t)(((uint64_t)(oracle->seed >> 8) * below) >> 24);
}

static bool
has(const struct bisect_probe *probe, uint32_t member)
{
    for (uint32_t i = 0; i < probe->count; i++) {
        if (probe->members[i] == member) {
            return true;
        }
    }
    return false;
}

static bool
is_caused(const struct oracle *oracle, const struct bisect_probe *probe)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < oracle->cause_count; i++) {
        there += has(probe, oracle->causes[i]);
    }
    return oracle->either ? there > 0 : there == oracle->cause_count;
}

static enum bisect_answer
ask(struct oracle *oracle, const struct bisect_probe *probe)
{
    if (has(probe, oracle->crash)) {
        return BISECT_UNCLEAR;
    }
    bool caused =
        is_caused(oracle, probe) && draw(oracle, 100) < oracle->chance;
    bool fails = caused != oracle->sets_up || draw(oracle, 100) < oracle->noise;
    return fails ? BISECT_FAILED : BISECT_PASSED;
}

static void
check_probe(const struct bisect_probe *probe, uint32_t count)
{
    for (uint32_t i = 0; i < probe->count; i++) {
        assert_true(probe->members[i] < count);
        assert_true(i == 0 || probe->members[i - 1] < probe->members[i]);
    }
}

/* Plays all of a search, `wide` probes at a time, which end in any order. */
static void
play(struct play *play, struct oracle *oracle, uint32_t wide, uint32_t most)
{
    struct bisect *bisect = bisect_new(&(struct bisect_params){
        .count = oracle->count, .wide = wide, .most = most});
    ARRAY(struct bisect_probe) out = {0};
    struct bisect_probe probe;
    *play = (struct play){0};
    for (;;) {
        while (out.count < wide && bisect_next(bisect, &probe)) {
            check_probe(&probe, oracle->count);
            assert_int_equal(probe.number, play->probes++);
            ARRAY_ADD(&out, probe);
        }
        if (out.count == 0) {
            break;
        }
        play->most_out =
            out.count > play->most_out ? (uint32_t)out.count : play->most_out;
        size_t place = draw(oracle, (uint32_t)out.count);
        probe = out.items[place];
        ARRAY_REMOVE(&out, place);
        if (bisect_wants(bisect, probe.number)) {
            bisect_answer(bisect, probe.number, ask(oracle, &probe));
        } else {
            play->unwanted++;
            bisect_drop(bisect, probe.number);
        }
    }
    bisect_look(bisect, &play->finding);
    play->members = alloc_zero(play->finding.count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < play->finding.count; i++) {
        play->members[i] = play->finding.members[i];
    }
    assert_int_not_equal(play->finding.verdict, BISECT_SEARCHING);
    assert_int_equal(play->finding.probes, play->probes);
    ARRAY_RELEASE(&out);
    bisect_free(bisect);
}

static struct oracle
oracle_of(uint32_t count)
{
    return (struct oracle){
        .count = count,
        .crash = UINT32_MAX,
        .chance = 100,
        .seed = count,
    };
}

static uint32_t
log2_of(uint32_t count)
{
    uint32_t log = 0;
    while ((uint64_t)1 << log < count) {
        log++;
    }
    return log;
}

static void
finds(struct oracle *oracle, uint32_t wide, uint32_t most_probes)
{
    struct play played;
    play(&played, oracle, wide, 0);
    assert_int_equal(played.finding.verdict,
                     oracle->sets_up ? BISECT_SET_UP : BISECT_POLLUTED);
    assert_int_equal(played.finding.count, oracle->cause_count);
    for (uint32_t i = 0; i < oracle->cause_count; i++) {
        assert_int_equal(played.members[i], oracle->causes[i]);
    }
    assert_true(played.finding.minimal);
    assert_true(played.most_out <= wide);
    if (played.probes > most_probes) {
        fail_msg("%u probes among %u, %u at a time", played.probes,
                 oracle->count, wide);
    }
    free(played.members);
}

// ---------------------------------------------------------- what it finds

static void
one_polluter_is_found_wherever_it_stands(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 40; count++) {
        for (uint32_t cause = 0; cause < count; cause++) {
            for (uint32_t wide = 1; wide <= 5; wide++) {
                struct oracle oracle = oracle_of(count);
                oracle.causes[0] = cause;
                oracle.cause_count = 1;
                finds(&oracle, wide, 10 + 4 * wide * (1 + log2_of(count)));
            }
        }
    }
}

static void
halving_takes_two_probes_a_step(void **state)
{
    (void)state;
    struct oracle oracle = oracle_of(100000);
    oracle.cause_count = 1;
    for (uint32_t i = 0; i < 40; i++) {
        oracle.causes[0] = draw(&oracle, oracle.count);
        finds(&oracle, 1, 6 + 2 * log2_of(oracle.count));
    }
}

static void
more_probes_at_once_take_fewer_rounds(void **state)
{
    (void)state;
    struct oracle oracle = oracle_of(10000);
    oracle.cause_count = 1;
    for (uint32_t i = 0; i < 20; i++) {
        oracle.causes[0] = draw(&oracle, oracle.count);
        // log16(10000) is 3.3: four rounds of 16, and what is cut short.
        finds(&oracle, 16, 4 * 32 + 20);
    }
}

static void
a_state_setter_is_found(void **state)
{
    (void)state;
    for (uint32_t cause = 0; cause < 50; cause++) {
        struct oracle oracle = oracle_of(50);
        oracle.sets_up = true;
        oracle.causes[0] = cause;
        oracle.cause_count = 1;
        finds(&oracle, 1 + cause % 4, 60);
    }
}

static void
several_that_only_act_together_are_found(void **state)
{
    struct oracle oracle = oracle_of(200);

    (void)state;
    for (uint32_t together = 2; together <= 5; together++) {
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t next = 0;
            oracle.cause_count = together;
            for (uint32_t k = 0; k < together; k++) {
                next += 1 + draw(&oracle, 200 / together - 1);
                oracle.causes[k] = next - 1;
            }
            oracle.sets_up = i % 2 == 1;
            finds(&oracle, 1 + i % 4, 60 * together * log2_of(200));
        }
    }
}

static void
of_several_polluters_one_is_found(void **state)
{
    struct oracle oracle = oracle_of(100);
    struct play played;

    (void)state;
    oracle.either = true;
    oracle.cause_count = 3;
    oracle.causes[0] = 3;
    oracle.causes[1] = 50;
    oracle.causes[2] = 97;
    for (uint32_t wide = 1; wide < 6; wide++) {
        play(&played, &oracle, wide, 0);
        assert_int_equal(played.finding.verdict, BISECT_POLLUTED);
        assert_int_equal(played.finding.count, 1);
        assert_true(played.members[0] == 3 || played.members[0] == 50 ||
                    played.members[0] == 97);
        free(played.members);
    }
}

// ------------------------------------------------------------ what is not

static void
verdict_is(struct oracle *oracle, enum bisect_verdict verdict, uint32_t probes)
{
    struct play played;
    play(&played, oracle, 2, 0);
    assert_int_equal(played.finding.verdict, verdict);
    assert_true(played.probes <= probes);
    free(played.members);
}

static void
a_test_that_never_fails_is_told_after_a_few_probes(void **state)
{
    struct oracle oracle = oracle_of(1000);

    (void)state;
    oracle.cause_count = 1;
    oracle.causes[0] = UINT32_MAX - 1; // is never there
    verdict_is(&oracle, BISECT_NEVER, 6);
}

static void
a_test_that_fails_alone_is_told_after_a_few_probes(void **state)
{
    struct oracle oracle = oracle_of(1000);

    (void)state;
    oracle.sets_up = true;
    oracle.cause_count = 1;
    oracle.causes[0] = UINT32_MAX - 1;
    verdict_is(&oracle, BISECT_ALONE, 6);
}

static void
with_nothing_before_it_there_is_nothing_to_find(void **state)
{
    struct oracle oracle = oracle_of(0);

    (void)state;
    oracle.cause_count = 1;
    oracle.causes[0] = 0;
    verdict_is(&oracle, BISECT_NEVER, 3);
    oracle.sets_up = true;
    verdict_is(&oracle, BISECT_ALONE, 3);
}

static void
a_test_that_does_both_alone_is_flaky(void **state)
{
    uint32_t flaky = 0;
    uint32_t blamed = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 200; seed++) {
        struct oracle oracle = oracle_of(100);
        struct play played;
        oracle.cause_count = 1;
        oracle.causes[0] = UINT32_MAX - 1;
        oracle.noise = 50;
        oracle.seed = seed * 7919;
        play(&played, &oracle, 2, 0);
        flaky += played.finding.verdict == BISECT_FLAKY;
        blamed += played.finding.verdict == BISECT_POLLUTED ||
                  played.finding.verdict == BISECT_SET_UP;
        free(played.members);
    }
    // It may pass and fail six times each just when that looks like proof.
    assert_true(flaky > 140);
    assert_true(blamed < 5);
}

static void
a_test_that_is_not_reached_is_told(void **state)
{
    struct bisect *bisect =
        bisect_new(&(struct bisect_params){.count = 5, .wide = 4});
    struct bisect_probe probe;
    struct bisect_finding finding;

    (void)state;
    while (bisect_next(bisect, &probe)) {
        bisect_answer(bisect, probe.number, BISECT_UNCLEAR);
    }
    bisect_look(bisect, &finding);
    assert_int_equal(finding.verdict, BISECT_SILENT);
    assert_int_equal(finding.alone.counts[BISECT_UNCLEAR], 3);
    bisect_free(bisect);
}

// ------------------------------------------------------- sets that do odd

/*
 * All of them fail it although a healer is there: one that heals only where
 * its helper ran before it, which did not, as sets go.
 */
static void
a_set_that_heals_among_them_does_not_hide_the_polluter(void **state)
{
    (void)state;
    for (uint32_t wide = 1; wide < 5; wide++) {
        struct bisect *bisect =
            bisect_new(&(struct bisect_params){.count = 64, .wide = wide});
        struct bisect_probe probe;
        struct bisect_finding finding;
        while (bisect_next(bisect, &probe)) {
            // 20 heals unless 50 is there; 7 pollutes.
            bool healed = has(&probe, 20) && !has(&probe, 50);
            bisect_answer(bisect, probe.number,
                          has(&probe, 7) && !healed ? BISECT_FAILED
                                                    : BISECT_PASSED);
        }
        bisect_look(bisect, &finding);
        assert_int_equal(finding.verdict, BISECT_POLLUTED);
        assert_int_equal(finding.count, 1);
        assert_int_equal(finding.members[0], 7);
        bisect_free(bisect);
    }
}

/* Any set of an odd number of members is a hit: nothing is monotone. */
static void
what_is_found_can_lose_no_member_even_if_sets_are_not_monotone(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 60; count += 2) {
        struct bisect *bisect =
            bisect_new(&(struct bisect_params){.count = count, .wide = 3});
        struct bisect_probe probe;
        struct bisect_finding finding;
        while (bisect_next(bisect, &probe)) {
            bisect_answer(bisect, probe.number,
                          probe.count % 2 == 1 ? BISECT_FAILED : BISECT_PASSED);
        }
        bisect_look(bisect, &finding);
        assert_int_equal(finding.verdict, BISECT_POLLUTED);
        assert_int_equal(finding.count, 1);
        bisect_free(bisect);
    }
}

static void
a_set_in_which_the_process_dies_is_no_hit(void **state)
{
    (void)state;
    for (uint32_t crash = 0; crash < 20; crash++) {
        struct oracle oracle = oracle_of(20);
        oracle.cause_count = 1;
        oracle.causes[0] = 11;
        oracle.crash = crash;
        struct play played;
        play(&played, &oracle, 2, 0);
        // After all of them it was not reached: there is nothing to search.
        assert_int_equal(played.finding.verdict, BISECT_NEVER);
        assert_int_equal(played.finding.whole.counts[BISECT_UNCLEAR], 3);
        free(played.members);
    }
}

static void
a_polluter_that_acts_now_and_then_is_mostly_found(void **state)
{
    uint32_t found = 0;
    uint32_t wrong = 0;
    uint32_t repeated = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        struct oracle oracle = oracle_of(64);
        struct play played;
        oracle.cause_count = 1;
        oracle.causes[0] = seed % 64;
        oracle.chance = 60;
        oracle.seed = seed * 104729;
        play(&played, &oracle, 2, 0);
        if (played.finding.verdict == BISECT_POLLUTED) {
            bool right =
                played.finding.count == 1 && played.members[0] == seed % 64;
            found += right;
            wrong += !right;
            repeated += played.finding.repeated;
        }
        free(played.members);
    }
    assert_true(found >= 75);
    assert_true(repeated >= 75);
    assert_true(wrong <= 10);
}

static void
a_search_that_takes_too_long_gives_what_it_has(void **state)
{
    struct oracle oracle = oracle_of(1000);
    struct play played;

    (void)state;
    oracle.cause_count = 1;
    oracle.causes[0] = 700;
    play(&played, &oracle, 2, 8);
    assert_int_equal(played.finding.verdict, BISECT_POLLUTED);
    assert_false(played.finding.minimal);
    assert_true(played.finding.count > 1 && played.finding.count < 1000);
    assert_true(played.probes <= 8 + 6);
    bool there = false;
    for (uint32_t i = 0; i < played.finding.count; i++) {
        there = there || played.members[i] == 700;
    }
    assert_true(there);
    free(played.members);
}

static void
sets_of_which_nothing_can_go_end_with_all_of_them(void **state)
{
    struct bisect *bisect =
        bisect_new(&(struct bisect_params){.count = 12, .wide = 4});
    struct bisect_probe probe;
    struct bisect_finding finding;

    (void)state;
    while (bisect_next(bisect, &probe)) {
        bisect_answer(bisect, probe.number,
                      probe.count == 12 ? BISECT_FAILED : BISECT_PASSED);
    }
    bisect_look(bisect, &finding);
    assert_int_equal(finding.verdict, BISECT_POLLUTED);
    assert_int_equal(finding.count, 12);
    assert_true(finding.minimal);
    bisect_free(bisect);
}

static void
very_many_of_which_nothing_can_go_end_at_the_limit(void **state)
{
    const uint32_t count = 20000;
    struct bisect *bisect = bisect_new(
        &(struct bisect_params){.count = count, .wide = 2, .most = 300});
    struct bisect_probe probe;
    struct bisect_finding finding;

    (void)state;
    while (bisect_next(bisect, &probe)) {
        bisect_answer(bisect, probe.number,
                      probe.count == count ? BISECT_FAILED : BISECT_PASSED);
    }
    bisect_look(bisect, &finding);
    assert_int_equal(finding.verdict, BISECT_POLLUTED);
    assert_int_equal(finding.count, count);
    assert_false(finding.minimal);
    assert_true(finding.probes <= 306);
    bisect_free(bisect);
}

static void
what_is_not_wanted_any_more_can_be_dropped(void **state)
{
    struct bisect *bisect =
        bisect_new(&(struct bisect_params){.count = 64, .wide = 8});
    struct bisect_probe probe;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(bisect_next(bisect, &probe));
        bisect_answer(bisect, probe.number,
                      probe.count > 0 ? BISECT_FAILED : BISECT_PASSED);
    }
    struct bisect_probe first;
    struct bisect_probe second;
    assert_true(bisect_next(bisect, &first));
    assert_true(bisect_next(bisect, &second));
    assert_int_equal(first.count, 8);
    assert_true(bisect_wants(bisect, second.number));
    bisect_answer(bisect, first.number, BISECT_FAILED);
    assert_false(bisect_wants(bisect, second.number));
    assert_int_equal(second.members[0], 8); // lives on
    bisect_drop(bisect, second.number);
    assert_true(bisect_next(bisect, &probe));
    assert_int_equal(probe.count, 1);
    bisect_free(bisect);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_polluter_is_found_wherever_it_stands),
    cmocka_unit_test(halving_takes_two_probes_a_step),
    cmocka_unit_test(more_probes_at_once_take_fewer_rounds),
    cmocka_unit_test(a_state_setter_is_found),
    cmocka_unit_test(several_that_only_act_together_are_found),
    cmocka_unit_test(of_several_polluters_one_is_found),
    cmocka_unit_test(a_test_that_never_fails_is_told_after_a_few_probes),
    cmocka_unit_test(a_test_that_fails_alone_is_told_after_a_few_probes),
    cmocka_unit_test(with_nothing_before_it_there_is_nothing_to_find),
    cmocka_unit_test(a_test_that_does_both_alone_is_flaky),
    cmocka_unit_test(a_test_that_is_not_reached_is_told),
    cmocka_unit_test(a_set_that_heals_among_them_does_not_hide_the_polluter),
    cmocka_unit_test(
        what_is_found_can_lose_no_member_even_if_sets_are_not_monotone),
    cmocka_unit_test(a_set_in_which_the_process_dies_is_no_hit),
    cmocka_unit_test(a_polluter_that_acts_now_and_then_is_mostly_found),
    cmocka_unit_test(a_search_that_takes_too_long_gives_what_it_has),
    cmocka_unit_test(sets_of_which_nothing_can_go_end_with_all_of_them),
    cmocka_unit_test(very_many_of_which_nothing_can_go_end_at_the_limit),
    cmocka_unit_test(what_is_not_wanted_any_more_can_be_dropped),
};

CHECK_MAIN(tests)
