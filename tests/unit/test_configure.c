#include "check.h"

#include "config/configure.h"
#include "folder.h"
#include "words.h"

static int
enter(void **state)
{
    int failed = folder_enter(state);

    if (failed == 0) {
        folder_write("mule.yaml", "jobs: 3\ntimeout: 10\n"
                                  "workspaces: {ci: {setup: 'true'}}\n");
    }
    return failed;
}

static bool
configure_with(struct settings *settings, struct configured *configured,
               const char *text, struct err *err)
{
    struct words words;

    words_cut(&words, text);
    return configure(settings, configured, COMMAND_TEST, words.count, words.at,
                     err);
}

static void
the_command_line_wins_over_the_file(void **state)
{
    (void)state;
    struct settings settings;
    struct configured configured = {0};
    struct err err = {0};

    assert_true(
        configure_with(&settings, &configured, "-j5 --workspace=ci", &err));
    assert_int_equal(settings.slots, 5);
    assert_int_equal(settings.timeout_ms, 10000);
    assert_string_equal(settings.config_path, "mule.yaml");
    configured_release(&configured);
    settings_release(&settings);
}

static bool
configure_over(struct settings *settings, const char *defaults,
               const char *more, struct err *err)
{
    struct configured configured = {0};
    struct texts words = {0};

    texts_add(&words, "--defaults");
    texts_add(&words, defaults);
    texts_add(&words, "--defaults-name=settings.MULE");
    texts_add(&words, more);
    bool fine = configure(settings, &configured, COMMAND_TEST, words.count,
                          words.at, err);
    texts_release(&words);
    configured_release(&configured);
    return fine;
}

static void
the_file_wins_over_the_defaults_of_whoever_starts_mule(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};

    assert_true(configure_over(
        &settings, "{\"jobs\": 9, \"timeout\": 7, \"grace\": \"2s\"}",
        "--timeout=4", &err));
    assert_int_equal(settings.slots, 3);
    assert_int_equal(settings.timeout_ms, 4000);
    assert_int_equal(settings.grace_ms, 2000);
    settings_release(&settings);
}

static void
a_mistake_in_them_is_named_with_their_place(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};

    assert_false(configure_over(&settings, "{\"jbos\": 9}", "-v", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "settings.MULE:1:2: unknown key \"jbos\"; "
                                  "did you mean \"jobs\"?");
    settings_release(&settings);
    err = (struct err){0};
    assert_false(configure_over(&settings, "{\"jobs\": []}", "-v", &err));
    assert_string_equal(err.text,
                        "settings.MULE:1:10: jobs: must not be a list");
    settings_release(&settings);
}

static void
another_file_can_be_named(void **state)
{
    (void)state;
    struct settings settings;
    struct configured configured = {0};
    struct err err = {0};

    assert_true(
        configure_with(&settings, &configured, "--config /dev/null", &err));
    assert_int_equal(settings.slots, 0);
    assert_string_equal(settings.config_path, "/dev/null");
    settings_release(&settings);
    assert_false(
        configure_with(&settings, &configured, "--config=none.yaml", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    settings_release(&settings);
    configured_release(&configured);
}

static void
a_misspelt_workspace_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    struct settings settings;
    struct configured configured = {0};
    struct err err = {0};

    assert_false(
        configure_with(&settings, &configured, "--workspace=cii", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "mule.yaml has no workspace \"cii\"; did "
                                  "you mean \"ci\"?");
    settings_release(&settings);
    configured_release(&configured);
}

static void
help_is_given_in_a_folder_with_a_broken_file(void **state)
{
    (void)state;
    struct settings settings;
    struct configured configured = {0};
    struct err err = {0};

    folder_write("mule.yaml", "nonsense: 1\n");
    assert_true(configure_with(&settings, &configured, "--help", &err));
    assert_true(configured.wants_help);
    settings_release(&settings);
    assert_false(configure_with(&settings, &configured, "", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    settings_release(&settings);
    configured_release(&configured);
}

static void
a_mistake_leaves_settings_that_can_be_released(void **state)
{
    (void)state;
    struct settings settings;
    struct configured configured = {0};
    struct err err = {0};

    assert_false(configure_with(&settings, &configured, "--nonsense", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_false(configured.wants_help);
    settings_release(&settings);
    configured_release(&configured);
}

#define WITH_FILE(test) \
    cmocka_unit_test_setup_teardown(test, enter, folder_leave)

static const struct CMUnitTest tests[] = {
    WITH_FILE(the_command_line_wins_over_the_file),
    WITH_FILE(the_file_wins_over_the_defaults_of_whoever_starts_mule),
    WITH_FILE(a_mistake_in_them_is_named_with_their_place),
    WITH_FILE(another_file_can_be_named),
    WITH_FILE(a_misspelt_workspace_is_named_with_the_nearest_one),
    WITH_FILE(help_is_given_in_a_folder_with_a_broken_file),
    WITH_FILE(a_mistake_leaves_settings_that_can_be_released),
};

CHECK_MAIN(tests)
