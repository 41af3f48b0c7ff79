#include "check.h"

#include "report/lanes.h"

static void
expect_lane(const struct lanes *lanes, uint32_t lane, bool cells,
            const char *json)
{
    struct buf buf = BUF_INIT(1 << 20);

    lanes_write(lanes, lane, cells, &buf);
    assert_string_equal(buf_text(&buf), json);
    buf_release(&buf);
}

static void
a_slot_of_each_worker_has_a_lane(void **state)
{
    struct lanes *lanes = lanes_new();
    (void)state;

    assert_int_equal(lanes_find(lanes, "", 0), 0);
    assert_int_equal(lanes_find(lanes, NULL, 0), 0);
    assert_int_equal(lanes_find(lanes, "w", 0), 1);
    assert_int_equal(lanes_find(lanes, "", 7), 2);
    assert_int_equal(lanes_find(lanes, "w", 0), 1);
    assert_int_equal(lanes_find(lanes, "", -1), LANE_NONE);
    assert_int_equal(lanes_count(lanes), 3);
    lanes_add_test(lanes, LANE_NONE, 0, 9, STATE_PASSED);
    expect_lane(lanes, 1, false,
                "{\"slot\":0,\"worker\":\"w\",\"tests\":0,\"busy_us\":0}");
    lanes_free(lanes);
}

static void
a_stretch_has_its_share_and_the_worst_state(void **state)
{
    struct lanes *lanes = lanes_new();
    uint64_t cell = lanes_cell_us(lanes);
    (void)state;

    lanes_find(lanes, "", 0);
    lanes_add_test(lanes, 0, 0, cell, STATE_PASSED);
    lanes_add_test(lanes, 0, cell, cell / 2, STATE_SKIPPED);
    lanes_add_test(lanes, 0, 3 * cell, cell / 4, STATE_FAILED);
    lanes_add_test(lanes, 0, 3 * cell + cell / 4, cell / 4, STATE_PASSED);
    lanes_end_job(lanes, 0, 5 * cell);
    expect_lane(lanes, 0, true,
                "{\"slot\":0,\"tests\":4,\"busy_us\":1280,"
                "\"busy\":\"-W0W\",\"bad\":\"000G\",\"worst\":\"ps-f\"}");
    lanes_free(lanes);
}

static void
stretches_grow_with_the_run(void **state)
{
    const uint64_t year = UINT64_C(31536000000000);
    struct lanes *lanes = lanes_new();
    struct buf buf = BUF_INIT(1 << 20);
    (void)state;

    lanes_find(lanes, "", 0);
    lanes_add_test(lanes, 0, 100, 200, STATE_CRASHED);
    lanes_add_test(lanes, 0, 300, year, STATE_PASSED);
    assert_true(lanes_cell_us(lanes) * 4096 > year);
    lanes_write(lanes, 0, true, &buf);
    assert_non_null(strstr(buf_text(&buf), "\"worst\":\"cppp"));
    assert_true(buf.len < 15000);
    // A clock that jumped to the end of time is not drawn.
    lanes_add_test(lanes, 0, UINT64_MAX - 1, 5, STATE_PASSED);
    lanes_add_test(lanes, 0, 5, UINT64_MAX, STATE_PASSED);
    buf_release(&buf);
    lanes_free(lanes);
}

static void
many_lanes_have_fewer_stretches_each(void **state)
{
    enum {
        SLOTS = 10000
    };
    struct lanes *lanes = lanes_new();
    struct buf buf = BUF_INIT((size_t)64 << 20);
    (void)state;

    for (int i = 0; i < SLOTS; i++) {
        uint32_t lane = lanes_find(lanes, "", i);
        lanes_add_test(lanes, lane, 1000 * (uint64_t)i, 1000000, STATE_PASSED);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        lanes_write(lanes, i, true, &buf);
    }
    assert_true(buf.len < 3 << 20);
    buf_release(&buf);
    lanes_free(lanes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_slot_of_each_worker_has_a_lane),
    cmocka_unit_test(a_stretch_has_its_share_and_the_worst_state),
    cmocka_unit_test(stretches_grow_with_the_run),
    cmocka_unit_test(many_lanes_have_fewer_stretches_each),
};

CHECK_MAIN(tests)
