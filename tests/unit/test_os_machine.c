#include "check.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "config/os_machine.h"

static void
a_process_that_is_bound_to_one_cpu_may_use_one(void **state)
{
    (void)state;
    cpu_set_t before;
    cpu_set_t one;
    int first = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    while (!CPU_ISSET(first, &before)) {
        first++;
    }
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(os_machine_cpus(), CPU_COUNT(&before));
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(os_machine_cpus(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void
the_program_knows_its_own_path(void **state)
{
    (void)state;
    char *path = os_machine_executable();

    assert_non_null(path);
    assert_int_equal(path[0], '/');
    assert_non_null(strstr(path, "test_os_machine"));
    free(path);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_process_that_is_bound_to_one_cpu_may_use_one),
    cmocka_unit_test(the_program_knows_its_own_path),
};

CHECK_MAIN(tests)
