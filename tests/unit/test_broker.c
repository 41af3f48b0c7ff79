#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "config/broker.h"
#include "util/alloc.h"

static struct settings settings;

static int
begin(void **state)
{
    (void)state;
    broker_hide();
    settings_init(&settings);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    settings_release(&settings);
    return 0;
}

static void
expect_broker(const char *url, const char *origin)
{
    struct err err = {0};
    const char *said = NULL;
    char *chosen = broker_choose(&settings, &said, &err);

    assert_non_null(chosen);
    assert_string_equal(chosen, url);
    assert_string_equal(said, origin);
    free(chosen);
}

static void
an_option_wins_then_our_variable_then_that_of_celery(void **state)
{
    (void)state;
    setenv("CELERY_BROKER_URL", "redis://c", 1);
    expect_broker("redis://c", "CELERY_BROKER_URL");
    setenv("MULE_BROKER", "redis://m", 1);
    expect_broker("redis://m", "MULE_BROKER");
    settings.broker = alloc_dup("redis://o");
    expect_broker("redis://o", "--broker or mule.yaml");
}

static void
without_a_broker_the_error_says_how_to_name_one(void **state)
{
    (void)state;
    struct err err = {0};
    const char *origin = NULL;

    setenv("MULE_BROKER", "", 1);
    assert_null(broker_choose(&settings, &origin, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.hint, "--broker"));
}

static void
hidden_variables_are_gone(void **state)
{
    (void)state;
    setenv("MULE_BROKER", "redis://:secret@m", 1);
    setenv("MULE_SECRET", "x", 1);
    setenv("CELERY_RESULT_BACKEND", "redis://:secret@m", 1);
    broker_hide();
    assert_null(getenv("MULE_BROKER"));
    assert_null(getenv("MULE_SECRET"));
    assert_null(getenv("CELERY_RESULT_BACKEND"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
static const struct CMUnitTest tests[] = {
    CASE(an_option_wins_then_our_variable_then_that_of_celery),
    CASE(without_a_broker_the_error_says_how_to_name_one),
    CASE(hidden_variables_are_gone),
};

CHECK_MAIN(tests)
