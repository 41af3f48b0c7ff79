#include "check.h"

#include <stdio.h>

#include "report/groups.h"

static void
expect_groups(struct groups *groups, const char *json)
{
    struct buf buf = BUF_INIT(1 << 20);

    groups_write(groups, &buf);
    assert_string_equal(buf_text(&buf), json);
    buf_release(&buf);
}

static void
tests_are_counted_by_job(void **state)
{
    struct groups *groups = groups_new(10);
    (void)state;

    groups_add(groups, SLICE("a.B"), 5, STATE_PASSED);
    groups_add(groups, SLICE("a.B"), 7, STATE_SKIPPED);
    groups_add(groups, SLICE("c"), 90, STATE_CRASHED);
    groups_add(groups, SLICE("a.B"), 2, STATE_XFAILED);
    expect_groups(groups, "[\"c\",0,1,90,90,0,1,0,0],"
                          "[\"a.B\",0,3,14,7,1,0,1,1]");
    groups_free(groups);
}

static void
too_many_jobs_become_one_by_the_beginning_of_their_names(void **state)
{
    struct groups *groups = groups_new(8);
    char name[64];
    (void)state;

    groups_add(groups, SLICE("short"), 1000, STATE_PASSED);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "pkg%d.mod.Class%d", i % 2, i);
        groups_add(groups, slice_of(name), 1, STATE_PASSED);
    }
    expect_groups(groups, "[\"short\",0,1,1000,1000,1,0,0,0],"
                          "[\"pkg0.mod\",1,50,50,1,50,0,0,0],"
                          "[\"pkg1.mod\",1,50,50,1,50,0,0,0]");
    groups_free(groups);
}

static void
names_without_parts_become_one_without_a_name(void **state)
{
    struct groups *groups = groups_new(8);
    char name[64];
    (void)state;

    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "job%d", i);
        groups_add(groups, slice_of(name), 1, STATE_FAILED);
    }
    expect_groups(groups, "[\"\",1,1000,1000,1,0,1000,0,0]");
    groups_free(groups);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tests_are_counted_by_job),
    cmocka_unit_test(too_many_jobs_become_one_by_the_beginning_of_their_names),
    cmocka_unit_test(names_without_parts_become_one_without_a_name),
};

CHECK_MAIN(tests)
