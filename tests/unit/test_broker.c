#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/broker.h"
#include "util/alloc.h"
#include "util/path.h"

static struct settings settings;
static char *folder;

static int
begin(void **state)
{
    (void)state;
    struct err err = {0};

    broker_hide();
    settings_init(&settings);
    folder = path_make_private("mule-", 90, &err);
    return folder != NULL ? 0 : -1;
}

static int
end(void **state)
{
    (void)state;
    struct err err = {0};

    settings_release(&settings);
    path_remove_tree(folder, &err);
    free(folder);
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

static void
write_secret(const char *text, mode_t mode)
{
    settings.secret_file = path_join(folder, "secret");
    FILE *file = fopen(settings.secret_file, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(settings.secret_file, mode), 0);
}

static void
a_secret_is_what_the_file_holds_without_its_line_end(void **state)
{
    (void)state;
    struct err err = {0};

    setenv("MULE_SECRET", "other", 1);
    write_secret("  s e\n", 0600);
    char *secret = broker_secret(&settings, &err);
    assert_non_null(secret);
    assert_string_equal(secret, "s e");
    free(secret);
}

static void
a_secret_that_others_can_read_is_refused(void **state)
{
    (void)state;
    struct err err = {0};

    write_secret("x", 0640);
    assert_null(broker_secret(&settings, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.hint, "chmod 600"));
}

static void
an_empty_or_long_or_missing_secret_file_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    char text[4099];

    write_secret("\n\n", 0600);
    assert_null(broker_secret(&settings, &err));
    assert_non_null(strstr(err.text, "is empty"));
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    free(settings.secret_file);
    err_clear(&err);
    write_secret(text, 0600);
    assert_null(broker_secret(&settings, &err));
    assert_non_null(strstr(err.text, "longer than"));
    unlink(settings.secret_file);
    err_clear(&err);
    assert_null(broker_secret(&settings, &err));
    assert_non_null(strstr(err.text, "No such file"));
}

static void
without_file_and_variable_there_is_no_secret(void **state)
{
    (void)state;
    struct err err = {0};
    char *secret = broker_secret(&settings, &err);

    assert_string_equal(secret, "");
    free(secret);
    setenv("MULE_SECRET", "from the environment", 1);
    secret = broker_secret(&settings, &err);
    assert_string_equal(secret, "from the environment");
    free(secret);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
static const struct CMUnitTest tests[] = {
    CASE(an_option_wins_then_our_variable_then_that_of_celery),
    CASE(without_a_broker_the_error_says_how_to_name_one),
    CASE(hidden_variables_are_gone),
    CASE(a_secret_is_what_the_file_holds_without_its_line_end),
    CASE(a_secret_that_others_can_read_is_refused),
    CASE(an_empty_or_long_or_missing_secret_file_is_refused),
    CASE(without_file_and_variable_there_is_no_secret),
};

CHECK_MAIN(tests)
