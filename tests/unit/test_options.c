#include "check.h"

#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "model/settings.h"
#include "util/text.h"

static const enum option_command commands[] = {
    COMMAND_TEST, COMMAND_LIST, COMMAND_DOCTOR, COMMAND_ADAPTER_CHECK};

static void
the_table_is_sound(void **state)
{
    (void)state;
    size_t count = 0;
    const struct option *rows = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        const struct option *row = &rows[i];
        bool takes = row->kind == OPTION_NUMBER ||
                     row->kind == OPTION_FAILURES ||
                     row->kind == OPTION_BUDGET || row->kind == OPTION_CHOICE ||
                     row->kind == OPTION_DURATION || row->kind == OPTION_SIZE ||
                     row->kind == OPTION_TEXT || row->kind == OPTION_TEXTS ||
                     row->kind == OPTION_LIST || row->kind == OPTION_WORDS ||
                     row->kind == OPTION_SHUFFLE || row->kind == OPTION_SHARD ||
                     row->kind == OPTION_SLOWEST;
        assert_int_equal(takes, row->argument != NULL);
        assert_non_null(row->help);
        assert_true(row->commands != 0);
        assert_true(row->field < sizeof(struct settings));
        assert_int_equal(row->kind == OPTION_CHOICE, row->choices != NULL);
    }
}

static void
no_command_has_two_options_of_one_name(void **state)
{
    (void)state;
    size_t count = 0;
    const struct option *rows = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if ((rows[i].commands & rows[k].commands) == 0) {
                continue;
            }
            assert_string_not_equal(rows[i].name, rows[k].name);
            assert_true(rows[i].letter == 0 ||
                        rows[i].letter != rows[k].letter);
        }
    }
}

static void
every_option_is_found_by_its_names(void **state)
{
    (void)state;
    size_t count = 0;
    const struct option *rows = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < 4; k++) {
            if ((rows[i].commands & commands[k]) == 0) {
                continue;
            }
            const char *name = rows[i].name;
            if (strlen(name) > 1) {
                assert_ptr_equal(options_find(commands[k], name, strlen(name)),
                                 &rows[i]);
            }
            if (rows[i].letter != 0) {
                assert_ptr_equal(
                    options_find_letter(commands[k], rows[i].letter), &rows[i]);
            }
        }
    }
}

static void
an_option_is_not_found_by_less_than_its_name(void **state)
{
    (void)state;
    assert_null(options_find(COMMAND_TEST, "verb", 4));
    assert_null(options_find(COMMAND_TEST, "", 0));
    assert_null(options_find(COMMAND_TEST, "k", 1));
    assert_null(options_find(COMMAND_LIST, "timeout", 7));
    assert_null(options_find_letter(COMMAND_TEST, 'z'));
    assert_null(options_find_letter(COMMAND_TEST, '\0'));
}

static void
a_misspelt_option_has_a_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(options_nearest(COMMAND_TEST, "max-fial", 8),
                        "max-fail");
    assert_string_equal(options_nearest(COMMAND_TEST, "qwertzuiop", 10), "");
    // mule.yaml has no --pdb.
    assert_string_not_equal(options_nearest(0, "pdb", 3), "pdb");
    assert_string_equal(options_nearest(0, "timeuot", 7), "timeout");
}

static void
expect_lines_that_fit(struct slice text)
{
    struct slice line;

    while (slice_split(&text, '\n', &line)) {
        if (text_width(line) > 80 || slice_ends_with(line, SLICE(" "))) {
            fail_msg("%.*s", SLICE_ARG(line));
        }
    }
}

static void
the_help_fits_a_terminal(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct buf help = BUF_INIT(65536);
        options_help(commands[k], &help);
        assert_false(help.overflowed);
        expect_lines_that_fit(buf_slice(&help));
        buf_release(&help);
    }
}

// How the help names an option: "  -j, --jobs N", "      --xunit".
static bool
is_named(const char *help, const struct option *option)
{
    char name[64];

    if (strlen(option->name) == 1) {
        snprintf(name, sizeof(name), "\n  -%s", option->name);
    } else {
        snprintf(name, sizeof(name), "%c%c --%s",
                 option->letter != 0 ? option->letter : ' ',
                 option->letter != 0 ? ',' : ' ', option->name);
    }
    const char *found = strstr(help, name);
    return found != NULL && strchr(" [\n", found[strlen(name)]) != NULL;
}

static void
expect_its_options(enum option_command command, const char *help)
{
    size_t count = 0;
    const struct option *rows = options_all(&count);

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(rows[i].name);
        const struct option *found = options_find(command, rows[i].name, len);
        if (found != NULL && found != &rows[i]) {
            continue; // another one of that name, for other commands
        }
        bool knows = found != NULL ||
                     options_find_letter(command, rows[i].letter) != NULL;
        bool hidden = (rows[i].flags & OPTION_HIDDEN) != 0;
        if (is_named(help, &rows[i]) != (knows && !hidden)) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void
the_help_names_the_options_of_its_command(void **state)
{
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct buf help = BUF_INIT(65536);
        options_help(commands[k], &help);
        expect_its_options(commands[k], buf_text(&help));
        buf_release(&help);
    }
}

// --- values

static bool
set(struct settings *settings, const char *name, const char *value,
    struct err *err)
{
    const struct option *option =
        options_find(COMMAND_TEST, name, strlen(name));

    assert_non_null(option);
    return option_set(option, settings, value, err);
}

static void
expect_set(struct settings *settings, const char *name, const char *value)
{
    struct err err = {0};

    if (!set(settings, name, value, &err)) {
        fail_msg("--%s %s: %s", name, value, err.text);
    }
}

static void
values_of_every_kind_reach_their_field(void **state)
{
    (void)state;
    struct settings settings;

    settings_init(&settings);
    expect_set(&settings, "jobs", "7");
    expect_set(&settings, "max-fail", "3");
    assert_false(settings.max_fail_wait);
    expect_set(&settings, "max-fail", "3:wait");
    assert_true(settings.max_fail_wait);
    expect_set(&settings, "isolation", "worker");
    expect_set(&settings, "timeout", "1m");
    expect_set(&settings, "output-limit", "64K");
    expect_set(&settings, "runner", "prove $TEST");
    expect_set(&settings, "runner", "sh $TEST");
    expect_set(&settings, "pdb", NULL);
    expect_set(&settings, "no-capture", NULL);
    expect_set(&settings, "coverage", NULL);
    expect_set(&settings, "color", NULL);
    expect_set(&settings, "include", "A, b.C ,,");
    expect_set(&settings, "include", "D");
    expect_set(&settings, "python-args", "-X dev  '-W error' a\\ b\"c d\"");
    assert_int_equal(settings.slots, 7);
    assert_int_equal(settings.max_fail, 3);
    assert_int_equal(settings.isolation, ISOLATION_WORKER);
    assert_int_equal(settings.timeout_ms, 60000);
    assert_int_equal(settings.output_limit, 65536);
    assert_string_equal(settings.runner, "sh $TEST");
    assert_true(settings.pdb);
    assert_int_equal(settings.capture, CAPTURE_NONE);
    assert_string_equal(settings.coverage, "");
    assert_int_equal(settings.color, COLOR_ALWAYS);
    assert_int_equal(settings.include.count, 3);
    assert_string_equal(settings.include.at[1], "b.C");
    assert_int_equal(settings.python_args.count, 4);
    assert_string_equal(settings.python_args.at[2], "-W error");
    assert_string_equal(settings.python_args.at[3], "a bc d");
    settings_release(&settings);
}

static void
verbosity_grows_up_to_its_end(void **state)
{
    (void)state;
    struct settings settings;

    settings_init(&settings);
    expect_set(&settings, "verbose", NULL);
    assert_int_equal(settings.verbosity, 2);
    expect_set(&settings, "verbose", NULL);
    expect_set(&settings, "verbose", NULL);
    assert_int_equal(settings.verbosity, 3);
    expect_set(&settings, "quiet", NULL);
    assert_int_equal(settings.verbosity, 0);
    settings_release(&settings);
}

static void
a_value_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *message;
    } wrong[] = {
        {"jobs", "four", "\"four\" is not a number between 0 and 4096"},
        {"jobs", "-1", "\"-1\" is not a number between 0 and 4096"},
        {"jobs", "", "\"\" is not a number between 0 and 4096"},
        {"verbosity", "4", "\"4\" is not a number between 0 and 3"},
        {"isolation", "clas", "\"clas\" is not one of class, worker or test"},
        {"timeout", "soon", "\"soon\" is not a duration"},
        {"shard", "1", "\"1\" is not K/N, as in 2/5, with numbers up to 10000"},
        {"output-limit", "much", "\"much\" is not a size"},
        {"runner", "", "its value is empty"},
        {"include", " ,", "its value is empty"},
        {"python-args", "'a", "a quote is never closed"},
    };
    struct settings settings;

    settings_init(&settings);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err = {0};
        assert_false(set(&settings, wrong[i].name, wrong[i].value, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.text, wrong[i].message);
    }
    settings_release(&settings);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_table_is_sound),
    cmocka_unit_test(no_command_has_two_options_of_one_name),
    cmocka_unit_test(every_option_is_found_by_its_names),
    cmocka_unit_test(an_option_is_not_found_by_less_than_its_name),
    cmocka_unit_test(a_misspelt_option_has_a_nearest_one),
    cmocka_unit_test(the_help_fits_a_terminal),
    cmocka_unit_test(the_help_names_the_options_of_its_command),
    cmocka_unit_test(values_of_every_kind_reach_their_field),
    cmocka_unit_test(verbosity_grows_up_to_its_end),
    cmocka_unit_test(a_value_that_does_not_fit_is_refused),
};

CHECK_MAIN(tests)
