#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "celery/lamport.h"
#include "celery/names.h"

static void
a_name_without_a_host_gets_this_one(void **state)
{
    char *whole = names_node("a@h");
    char *half = names_node("a");
    char *queue = names_control_queue("a@h");

    (void)state;
    assert_string_equal(whole, "a@h");
    assert_int_equal(strncmp(half, "a@", 2), 0);
    assert_true(strlen(half) > 2);
    assert_string_equal(queue, "a@h.celery.pidbox");
    free(whole);
    free(half);
    free(queue);
}

static void
names_that_cannot_be_are_refused(void **state)
{
    static const char *const bad[] = {
        "",      "a",    "@h",   "a@",    "a@h@i",
        "a b@h", "a*@h", "a#@h", "a\n@h", "caf\xc3\xa9@h"};
    char much[300];
    struct err err = {0};

    (void)state;
    assert_true(names_node_check("worker-1.x_y@host.example", &err));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err_clear(&err);
        assert_false(names_node_check(bad[i], &err));
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    memset(much, 'x', sizeof(much));
    much[1] = '@';
    much[sizeof(much) - 1] = '\0';
    err_clear(&err);
    assert_false(names_node_check(much, &err));
}

static void
no_two_uuids_are_the_same(void **state)
{
    char one[NAMES_UUID_SIZE];
    char two[NAMES_UUID_SIZE];

    (void)state;
    names_uuid(one);
    names_uuid(two);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '4');
    assert_string_not_equal(one, two);
}

static void
a_clock_is_later_than_all_it_saw(void **state)
{
    struct lamport clock = {0};

    (void)state;
    assert_int_equal(lamport_tick(&clock), 1);
    lamport_adjust(&clock, 10);
    assert_int_equal(clock.value, 11);
    lamport_adjust(&clock, 5);
    assert_int_equal(clock.value, 12);
    lamport_adjust(&clock, -1);
    lamport_adjust(&clock, INT64_MAX);
    assert_int_equal(clock.value, 12);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_name_without_a_host_gets_this_one),
    cmocka_unit_test(names_that_cannot_be_are_refused),
    cmocka_unit_test(no_two_uuids_are_the_same),
    cmocka_unit_test(a_clock_is_later_than_all_it_saw),
};

CHECK_MAIN(tests)
