#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/configure.h"
#include "util/alloc.h"
#include "util/path.h"
#include "words.h"

// A folder of its own, with a mule.yaml, in which the test runs.
struct place {
    char *home;
    char *folder;
};

static int
enter(void **state)
{
    struct place *place = ALLOC(struct place);
    struct err err = {0};
    FILE *file = NULL;

    place->home = getcwd(NULL, 0);
    place->folder = path_make_private("mule-test-", 200, &err);
    *state = place;
    if (place->folder == NULL || chdir(place->folder) != 0) {
        return -1;
    }
    file = fopen("mule.yaml", "w");
    fputs("jobs: 3\ntimeout: 10\nworkspaces: {ci: {setup: 'true'}}\n", file);
    return fclose(file);
}

static int
leave(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    int failed = chdir(place->home);

    failed |= !path_remove_tree(place->folder, &err);
    free(place->home);
    free(place->folder);
    free(place);
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
    FILE *file = fopen("mule.yaml", "w");

    fputs("nonsense: 1\n", file);
    assert_int_equal(fclose(file), 0);
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

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_command_line_wins_over_the_file),
    IN_FOLDER(another_file_can_be_named),
    IN_FOLDER(a_misspelt_workspace_is_named_with_the_nearest_one),
    IN_FOLDER(help_is_given_in_a_folder_with_a_broken_file),
    IN_FOLDER(a_mistake_leaves_settings_that_can_be_released),
};

CHECK_MAIN(tests)
