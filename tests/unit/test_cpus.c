#include "check.h"

#include "config/cpus.h"
#include "folder.h"

static int
thousandths(double cpus)
{
    return (int)(cpus * 1000 + 0.5);
}

static void
expect_max(const char *text, double expected)
{
    double cpus = 0;

    assert_int_equal(cpus_read_max(slice_of(text), &cpus), expected > 0);
    assert_int_equal(thousandths(cpus),
                     thousandths(expected > 0 ? expected : 0));
}

static void
the_quota_of_version_2_is_a_share_of_a_period(void **state)
{
    (void)state;
    expect_max("200000 100000\n", 2);
    expect_max("150000 100000", 1.5);
    expect_max("1000 100000\n", 0.01);
    expect_max("max 100000\n", 0);
    expect_max("max", 0);
    expect_max("100000", 0);
    expect_max("0 100000", 0);
    expect_max("100000 0", 0);
    expect_max("-1 100000", 0);
    expect_max("", 0);
    expect_max("nonsense here", 0);
}

static void
the_quota_of_version_1_stands_in_two_files(void **state)
{
    (void)state;
    double cpus = 0;

    assert_true(cpus_read_cfs(SLICE("300000\n"), SLICE("100000\n"), &cpus));
    assert_int_equal(thousandths(cpus), 3000);
    assert_false(cpus_read_cfs(SLICE("-1\n"), SLICE("100000\n"), &cpus));
    assert_false(cpus_read_cfs(SLICE("300000"), SLICE("0"), &cpus));
    assert_false(cpus_read_cfs(SLICE(""), SLICE(""), &cpus));
}

static void
the_tightest_group_counts(void **state)
{
    (void)state;
    double cpus = 0;

    folder_write("cg/a/b/c/cpu.max", "max 100000\n");
    folder_write("cg/a/b/cpu.max", "400000 100000\n");
    folder_write("cg/a/cpu.max", "250000 100000\n");
    assert_true(cpus_find_quota(SLICE("0::/a/b/c\n"), "cg", &cpus));
    assert_int_equal(thousandths(cpus), 2500);
    assert_true(cpus_find_quota(SLICE("0::/a\n"), "cg", &cpus));
    assert_false(cpus_find_quota(SLICE("0::/\n"), "cg", &cpus));
    assert_false(cpus_find_quota(SLICE("0::/other\n"), "cg", &cpus));
}

static void
inside_a_container_the_root_is_all_there_is(void **state)
{
    (void)state;
    double cpus = 0;

    folder_write("cg/cpu.max", "200000 100000\n");
    assert_true(cpus_find_quota(SLICE("0::/docker/0123/x\n"), "cg", &cpus));
    assert_int_equal(thousandths(cpus), 2000);
}

static void
the_controller_of_version_1_is_found_among_others(void **state)
{
    (void)state;
    double cpus = 0;

    folder_write("cg/cpu/x/cpu.cfs_quota_us", "50000\n");
    folder_write("cg/cpu/x/cpu.cfs_period_us", "100000\n");
    assert_true(cpus_find_quota(SLICE("11:cpuset:/y\n"
                                      "4:cpuacct,cpu:/x\n"
                                      "1:name=systemd:/z\n"
                                      "0::/z\n"),
                                "cg", &cpus));
    assert_int_equal(thousandths(cpus), 500);
    assert_false(
        cpus_find_quota(SLICE("11:cpuset:/x\nnonsense\n4:cpu\n"), "cg", &cpus));
}

static void
there_is_at_least_one(void **state)
{
    (void)state;
    assert_in_range(cpus_usable(), 1, 65536);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_quota_of_version_2_is_a_share_of_a_period),
    cmocka_unit_test(the_quota_of_version_1_stands_in_two_files),
    IN_FOLDER(the_tightest_group_counts),
    IN_FOLDER(inside_a_container_the_root_is_all_there_is),
    IN_FOLDER(the_controller_of_version_1_is_found_among_others),
    cmocka_unit_test(there_is_at_least_one),
};

CHECK_MAIN(tests)
