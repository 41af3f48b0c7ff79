#include "check.h"

#include <limits.h>
#include <string.h>

#include "store/results_codec.h"

static void
what_is_packed_comes_out_again(void **state)
{
    (void)state;
    const struct result results[] = {
        {.test = INT64_C(1) << 40,
         .job = INT64_C(1) << 40,
         .slot = -1,
         .state = STATE_NOT_RUN,
         .message = SLICE("not reached")},
        {.test = 1,
         .job = 5,
         .began_us = 1234567,
         .us = 89,
         .process = 7,
         .slot = 3,
         .tries = 2,
         .state = STATE_PASSED,
         .flags = RESULT_DECIDED | RESULT_FLAKY},
        {.test = INT64_MAX,
         .job = INT64_MAX,
         .began_us = INT64_MAX,
         .us = INT64_MAX,
         .process = UINT32_MAX,
         .slot = INT_MAX - 1,
         .tries = INT_MAX,
         .state = STATE_LOST,
         .flags = RESULT_QUARANTINED},
        {.slot = 0, .state = STATE_SKIPPED},
    };
    struct buf part = BUF_INIT(PART_MAX);
    struct results_place place = {0};
    for (size_t i = 0; i < 4; i++) {
        results_pack(&part, &place, &results[i]);
    }
    struct slice rest = buf_slice(&part);
    place = (struct results_place){0};
    for (size_t i = 0; i < 4; i++) {
        struct result result;
        assert_true(rest.len > 0);
        assert_true(results_unpack(&rest, &place, &result));
        assert_int_equal(result.test, results[i].test);
        assert_int_equal(result.job, results[i].job);
        assert_int_equal(result.began_us, results[i].began_us);
        assert_int_equal(result.us, results[i].us);
        assert_int_equal(result.process, results[i].process);
        assert_int_equal(result.slot, results[i].slot);
        assert_int_equal(result.tries, results[i].tries);
        assert_int_equal(result.flags, results[i].flags);
        assert_int_equal(result.state, results[i].state);
        assert_true(slice_equals(result.message, results[i].message));
    }
    assert_int_equal(rest.len, 0);
    buf_release(&part);
}

static void
so_do_jobs(void **state)
{
    (void)state;
    const struct result_job first = {.job = 9,
                                     .began_us = 4,
                                     .us = 5,
                                     .expect_us = 6,
                                     .usage = {7, 8, 9},
                                     .process = 10,
                                     .items = 11,
                                     .slot = 12,
                                     .attempt = 13,
                                     .kind = JOB_COMMAND,
                                     .worker = SLICE("mule@box")};
    const struct result_job second = {.job = 3, .slot = -1};
    struct buf part = BUF_INIT(PART_MAX);
    struct results_place place = {0};
    results_pack_job(&part, &place, &first);
    results_pack_job(&part, &place, &second);
    struct slice rest = buf_slice(&part);
    struct result_job job;
    place = (struct results_place){0};
    assert_true(results_unpack_job(&rest, &place, &job));
    assert_int_equal(job.job, 9);
    assert_int_equal(job.began_us, 4);
    assert_int_equal(job.us, 5);
    assert_int_equal(job.expect_us, 6);
    assert_int_equal(job.usage.user_us, 7);
    assert_int_equal(job.usage.system_us, 8);
    assert_int_equal(job.usage.maxrss_kib, 9);
    assert_int_equal(job.process, 10);
    assert_int_equal(job.items, 11);
    assert_int_equal(job.slot, 12);
    assert_int_equal(job.attempt, 13);
    assert_int_equal(job.kind, JOB_COMMAND);
    assert_true(slice_equals_text(job.worker, "mule@box"));
    assert_true(results_unpack_job(&rest, &place, &job));
    assert_int_equal(job.job, 3);
    assert_int_equal(job.slot, -1);
    assert_int_equal(rest.len, 0);
    buf_release(&part);
}

static void
a_part_that_is_cut_anywhere_is_no_part(void **state)
{
    (void)state;
    const struct result result = {.test = 300,
                                  .job = 300,
                                  .began_us = 300,
                                  .us = 300,
                                  .process = 300,
                                  .slot = 300,
                                  .tries = 300,
                                  .state = STATE_FAILED,
                                  .message = SLICE("AssertionError: no")};
    struct buf part = BUF_INIT(PART_MAX);
    struct results_place place = {0};
    results_pack(&part, &place, &result);
    for (size_t len = 1; len < part.len; len++) {
        // In memory of its own, so that reading too far is noticed.
        char *copy = malloc(len);
        struct result out;
        memcpy(copy, part.data, len);
        struct slice rest = slice_make(copy, len);
        place = (struct results_place){0};
        assert_false(results_unpack(&rest, &place, &out));
        free(copy);
    }
    buf_release(&part);
}

// Every byte string is refused or taken; none is read beyond its end.
static void
any_bytes_at_all_do_no_harm(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + seed % 64;
        char *bytes = malloc(len);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 24);
        }
        struct slice rest = slice_make(bytes, len);
        struct results_place place = {0};
        struct result result;
        struct result_job job;
        while (rest.len > 0 && results_unpack(&rest, &place, &result)) {
            assert_true(result.state < STATE_COUNT);
            assert_true(result.slot >= -1);
        }
        rest = slice_make(bytes, len);
        place = (struct results_place){0};
        while (rest.len > 0 && results_unpack_job(&rest, &place, &job)) {
            assert_true(job.kind < JOB_KIND_COUNT);
        }
        free(bytes);
    }
}

static void
a_message_is_cut_to_its_limit(void **state)
{
    (void)state;
    char text[2 * RESULT_MESSAGE_MAX];
    struct buf part = BUF_INIT(PART_MAX);
    struct results_place place = {0};
    memset(text, 'x', sizeof(text));
    results_pack(&part, &place,
                 &(struct result){.state = STATE_FAILED,
                                  .message = slice_make(text, sizeof(text))});
    struct slice rest = buf_slice(&part);
    struct result result;
    place = (struct results_place){0};
    assert_true(results_unpack(&rest, &place, &result));
    assert_int_equal(result.message.len, RESULT_MESSAGE_MAX);
    buf_release(&part);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_packed_comes_out_again),
    cmocka_unit_test(so_do_jobs),
    cmocka_unit_test(a_part_that_is_cut_anywhere_is_no_part),
    cmocka_unit_test(any_bytes_at_all_do_no_harm),
    cmocka_unit_test(a_message_is_cut_to_its_limit),
};

CHECK_MAIN(tests)
