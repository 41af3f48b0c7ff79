#include "check.h"

#include <string.h>

#include "transport/redis_error.h"

static void
expect(const char *reply, enum redis_trouble trouble, enum err_kind kind,
       const char *hint)
{
    struct err err = {0};

    assert_int_equal(redis_error_set(&err, slice_of(reply)), trouble);
    assert_int_equal(err.kind, kind);
    if (hint == NULL) {
        assert_null(err.hint);
    } else if (err.hint == NULL || strstr(err.hint, hint) == NULL) {
        fail_msg("%s: the hint has no \"%s\"", reply, hint);
    }
}

static void
a_login_that_fails_will_fail_again(void **state)
{
    (void)state;
    expect("NOAUTH Authentication required.", REDIS_NEVER, ERR_CONFIG,
           "password");
    expect("WRONGPASS invalid username-password pair or user is disabled.",
           REDIS_NEVER, ERR_CONFIG, "password");
    expect("NOPERM this user has no permissions to run the 'blmove' command",
           REDIS_NEVER, ERR_CONFIG, "ACL");
    expect("ERR DB index is out of range", REDIS_NEVER, ERR_CONFIG, "number");
}

static void
a_server_that_is_not_ready_is_tried_again(void **state)
{
    (void)state;
    expect("LOADING Redis is loading the dataset in memory", REDIS_LATER,
           ERR_SYSTEM, "again");
    expect("READONLY You can't write against a read only replica.", REDIS_LATER,
           ERR_SYSTEM, "master");
    expect("NOSCRIPT No matching script. Please use EVAL.", REDIS_LATER,
           ERR_SYSTEM, NULL);
}

static void
a_full_server_refuses_one_command(void **state)
{
    (void)state;
    expect("OOM command not allowed when used memory > 'maxmemory'.",
           REDIS_REFUSED, ERR_LIMIT, "maxmemory");
    expect("WRONGTYPE Operation against a key holding the wrong kind of value",
           REDIS_REFUSED, ERR_PROTOCOL, NULL);
}

static void
nothing_of_a_login_is_repeated(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(
        redis_error_set_login(&err, SLICE("ERR unknown command `AUTH`, with "
                                          "args beginning with: `hunter2`")),
        REDIS_NEVER);
    assert_null(strstr(err.text, "hunter2"));
    err_clear(&err);
    assert_int_equal(redis_error_set_login(&err, SLICE("LOADING ...")),
                     REDIS_LATER);
}

static void
what_is_shown_is_short_and_plain(void **state)
{
    struct err err = {0};
    char text[5000];

    (void)state;
    memset(text, 27, sizeof(text));
    redis_error_set(&err, slice_make(text, sizeof(text)));
    assert_null(strchr(err.text, 27));
    assert_true(err_is_set(&err));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_login_that_fails_will_fail_again),
    cmocka_unit_test(a_server_that_is_not_ready_is_tried_again),
    cmocka_unit_test(a_full_server_refuses_one_command),
    cmocka_unit_test(nothing_of_a_login_is_repeated),
    cmocka_unit_test(what_is_shown_is_short_and_plain),
};

CHECK_MAIN(tests)
