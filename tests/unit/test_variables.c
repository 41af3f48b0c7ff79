#include "run/variables.h"

#include "check.h"

static void
an_empty_list_has_an_end(void **state)
{
    struct variables variables = {0};

    (void)state;
    assert_null(variables_list(&variables)[0]);
    variables_release(&variables);
}

static void
variables_are_listed_in_the_order_they_were_set(void **state)
{
    struct variables variables = {0};

    (void)state;
    variables_set(&variables, "A", "one two");
    variables_set_number(&variables, "B", -3);
    variables_set(&variables, "C", "");
    const char *const *list = variables_list(&variables);
    assert_string_equal(list[0], "A=one two");
    assert_string_equal(list[1], "B=-3");
    assert_string_equal(list[2], "C=");
    assert_null(list[3]);
    variables_release(&variables);
}

static void
no_value_removes_a_variable(void **state)
{
    struct variables variables = {0};

    (void)state;
    variables_set(&variables, "SECRET", NULL);
    assert_string_equal(variables_list(&variables)[0], "SECRET");
    variables_release(&variables);
}

static void
it_goes_on_after_it_was_listed(void **state)
{
    struct variables variables = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        variables_set_number(&variables, "N", i);
        assert_null(variables_list(&variables)[i + 1]);
    }
    assert_string_equal(variables_list(&variables)[99], "N=99");
    variables_release(&variables);
    assert_null(variables_list(&variables)[0]);
    variables_release(&variables);
}

static void
scripts_learn_of_the_run_even_where_there_is_little(void **state)
{
    struct variables variables = {0};

    (void)state;
    variables_set_script(&variables, "k3v9x2", NULL, NULL);
    variables_set_script(&variables, "k3v9x2", "big", "r7");
    const char *const *list = variables_list(&variables);
    assert_string_equal(list[0], "BUILD_ID=k3v9x2");
    assert_string_equal(list[1], "WORKSPACE=");
    assert_string_equal(list[2], "MULE_REVISION=");
    assert_string_equal(list[4], "WORKSPACE=big");
    assert_string_equal(list[5], "MULE_REVISION=r7");
    assert_null(list[6]);
    variables_release(&variables);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_list_has_an_end),
    cmocka_unit_test(variables_are_listed_in_the_order_they_were_set),
    cmocka_unit_test(no_value_removes_a_variable),
    cmocka_unit_test(it_goes_on_after_it_was_listed),
    cmocka_unit_test(scripts_learn_of_the_run_even_where_there_is_little),
};

CHECK_MAIN(tests)
