#include "util/err.h"

#include <errno.h>
#include <string.h>

#include "check.h"

static bool
open_config(struct err *err)
{
    return err_set(err, ERR_CONFIG, "line %d: unknown key", 7);
}

static void
setting_an_error_says_false(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(err_is_set(&err));
    assert_false(open_config(&err));
    assert_true(err_is_set(&err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "line 7: unknown key");
}

static void
wrapping_puts_the_outermost_first(void **state)
{
    (void)state;
    struct err err = {0};

    err_set(&err, ERR_SPAWN, "no such file");
    assert_false(err_wrap(&err, "spawn %s", "python3"));
    assert_false(err_wrap(&err, "worker 3"));
    assert_string_equal(err.text, "worker 3: spawn python3: no such file");
    assert_int_equal(err.kind, ERR_SPAWN);
}

static void
a_full_line_cuts_the_context_and_never_the_cause(void **state)
{
    (void)state;
    struct err err = {0};
    char context[200];

    memset(context, 'c', sizeof(context) - 1);
    context[sizeof(context) - 1] = '\0';
    err_set(&err, ERR_SYSTEM, "the cause");
    err_wrap(&err, "%s", context);
    err_wrap(&err, "%s", context);
    err_wrap(&err, "%s", context);
    size_t len = strlen(err.text);
    assert_true(len < sizeof(err.text));
    assert_string_equal(err.text + len - strlen(": the cause"), ": the cause");
    assert_int_equal(err.text[0], 'c');
}

static void
a_cause_that_fills_the_line_is_left_alone(void **state)
{
    (void)state;
    struct err err = {0};
    char cause[sizeof(err.text)];

    memset(cause, 'x', sizeof(cause) - 1);
    cause[sizeof(cause) - 1] = '\0';
    err_set(&err, ERR_SYSTEM, "%s", cause);
    err_wrap(&err, "context");
    assert_string_equal(err.text, cause);
}

static void
the_system_says_why(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(err_set_errno(&err, ERR_SYSTEM, ENOENT, "open %s", "x.yaml"));
    assert_string_equal(err.text, "open x.yaml: No such file or directory");
}

static void
the_first_hint_stays(void **state)
{
    (void)state;
    struct err err = {0};

    err_set(&err, ERR_USAGE, "unknown option");
    assert_false(err_hint(&err, "try --help"));
    err_hint(&err, "something vaguer");
    assert_string_equal(err.hint, "try --help");
}

static void
an_advice_is_a_hint_that_is_copied(void **state)
{
    (void)state;
    struct err err = {0};
    char text[] = "start it";

    err_set(&err, ERR_SYSTEM, "no server");
    assert_null(err_help(&err));
    assert_false(err_advise(&err, "%s, or not", text));
    text[0] = 'x';
    err_advise(&err, "something vaguer");
    err_hint(&err, "something else");
    const struct err copy = err;
    assert_string_equal(err_help(&copy), "start it, or not");
    assert_true(err_help(&copy) == copy.advice);
}

static void
a_cleared_error_can_be_set_again(void **state)
{
    (void)state;
    struct err err = {0};

    err_set(&err, ERR_LIMIT, "too slow");
    err_hint(&err, "wait");
    err_clear(&err);
    assert_false(err_is_set(&err));
    assert_null(err.hint);
    err_set(&err, ERR_INTERNAL, "again");
    assert_string_equal(err.text, "again");
}

static void
every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = ERR_NONE; kind <= ERR_INTERNAL; kind++) {
        assert_non_null(err_kind_name((enum err_kind)kind));
    }
    assert_string_equal(err_kind_name(ERR_PROTOCOL), "protocol");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(setting_an_error_says_false),
    cmocka_unit_test(wrapping_puts_the_outermost_first),
    cmocka_unit_test(a_full_line_cuts_the_context_and_never_the_cause),
    cmocka_unit_test(a_cause_that_fills_the_line_is_left_alone),
    cmocka_unit_test(the_system_says_why),
    cmocka_unit_test(the_first_hint_stays),
    cmocka_unit_test(an_advice_is_a_hint_that_is_copied),
    cmocka_unit_test(a_cleared_error_can_be_set_again),
    cmocka_unit_test(every_kind_has_a_name),
};

CHECK_MAIN(tests)
