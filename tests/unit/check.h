/*
 * What every unit test includes: cmocka with the headers it wants before it,
 * and a main function that speaks TAP. cmocka's skip() is not to be used: what
 * it prints is read as a failure.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Runs `tests`, an array of struct CMUnitTest, as the whole program. */
#define CHECK_MAIN(tests)                                 \
    int main(void)                                        \
    {                                                     \
        cmocka_set_message_output(CM_OUTPUT_TAP);         \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif
