#include "check.h"

#include "config/command_line.h"
#include "words.h"

static void
read_as(enum option_command command, const char *text,
        struct settings *settings)
{
    struct words words;
    struct command_line line = {0};
    struct err err = {0};

    words_cut(&words, text);
    settings_init(settings);
    if (!command_line_read(&line, command, words.count, words.at, &err) ||
        !command_line_apply(&line, settings, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    command_line_release(&line);
}

static void
expect_error(enum option_command command, const char *text, const char *message)
{
    struct words words;
    struct command_line line = {0};
    struct settings settings;
    struct err err = {0};

    words_cut(&words, text);
    settings_init(&settings);
    assert_false(
        command_line_read(&line, command, words.count, words.at, &err) &&
        command_line_apply(&line, &settings, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(err.text, message);
    command_line_release(&line);
    settings_release(&settings);
}

static void
options_and_labels_come_in_any_order(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_TEST, "tests.a -j4 tests.b --verbosity 2 c.py", &settings);
    assert_int_equal(settings.labels.count, 3);
    assert_string_equal(settings.labels.at[0], "tests.a");
    assert_string_equal(settings.labels.at[2], "c.py");
    assert_int_equal(settings.slots, 4);
    assert_int_equal(settings.verbosity, 2);
    settings_release(&settings);
}

static void
values_follow_or_are_attached(void **state)
{
    (void)state;
    static const char *const forms[] = {"-j 4", "-j4", "--jobs 4", "--jobs=4",
                                        "-fqj4"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct settings settings;
        read_as(COMMAND_TEST, forms[i], &settings);
        assert_int_equal(settings.slots, 4);
        assert_int_equal(settings.labels.count, 0);
        settings_release(&settings);
    }
}

static void
an_optional_value_is_only_attached(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_TEST, "--coverage tests", &settings);
    assert_string_equal(settings.coverage, "");
    assert_string_equal(settings.labels.at[0], "tests");
    settings_release(&settings);
    read_as(COMMAND_TEST, "--coverage=.rc tests", &settings);
    assert_string_equal(settings.coverage, ".rc");
    settings_release(&settings);
}

static void
two_dashes_end_the_options(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_TEST, "-q -- -f --pdb -", &settings);
    assert_int_equal(settings.labels.count, 3);
    assert_string_equal(settings.labels.at[0], "-f");
    assert_int_equal(settings.max_fail, 0);
    settings_release(&settings);
    read_as(COMMAND_TEST, "-", &settings);
    assert_string_equal(settings.labels.at[0], "-");
    settings_release(&settings);
}

static void
a_value_may_look_like_an_option(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_TEST, "--python-args -Xdev -k -x --json -", &settings);
    assert_string_equal(settings.python_args.at[0], "-Xdev");
    assert_string_equal(settings.patterns.at[0], "-x");
    assert_string_equal(settings.json, "-");
    settings_release(&settings);
}

static void
the_last_of_several_values_wins_and_lists_grow(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_TEST, "-j2 -j3 -k a -k b --include A,B --include C",
            &settings);
    assert_int_equal(settings.slots, 3);
    assert_int_equal(settings.patterns.count, 2);
    assert_int_equal(settings.include.count, 3);
    settings_release(&settings);
}

static void
a_list_of_the_command_line_replaces_that_of_the_file(void **state)
{
    (void)state;
    struct settings settings;
    struct command_line line = {0};
    struct words words;
    struct err err = {0};

    words_cut(&words, "--include New -q");
    settings_init(&settings);
    texts_add(&settings.include, "Old");
    texts_add(&settings.exclude, "Kept");
    assert_true(
        command_line_read(&line, COMMAND_TEST, words.count, words.at, &err));
    assert_true(command_line_apply(&line, &settings, &err));
    assert_int_equal(settings.include.count, 1);
    assert_string_equal(settings.include.at[0], "New");
    assert_string_equal(settings.exclude.at[0], "Kept");
    command_line_release(&line);
    settings_release(&settings);
}

static void
the_words_of_an_adapter_are_its_own(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_ADAPTER_CHECK, "-v node adapter.js -q --x", &settings);
    assert_int_equal(settings.verbosity, 2);
    assert_int_equal(settings.labels.count, 4);
    assert_string_equal(settings.labels.at[2], "-q");
    settings_release(&settings);
}

static void
one_name_may_mean_two_things_to_two_commands(void **state)
{
    (void)state;
    struct settings settings;

    read_as(COMMAND_LIST, "--json a", &settings);
    assert_true(settings.list_json);
    assert_null(settings.json);
    assert_string_equal(settings.labels.at[0], "a");
    settings_release(&settings);
}

static void
help_is_seen_among_other_words(void **state)
{
    (void)state;
    struct command_line line = {0};
    struct words words;
    struct err err = {0};

    words_cut(&words, "-j4 --help a");
    assert_true(
        command_line_read(&line, COMMAND_TEST, words.count, words.at, &err));
    assert_true(line.wants_help);
    assert_string_equal(command_line_value(&line, "jobs"), "4");
    assert_null(command_line_value(&line, "config"));
    command_line_release(&line);
}

static void
mistakes_are_named(void **state)
{
    (void)state;
    expect_error(COMMAND_TEST, "--verbosty 2",
                 "unknown option --verbosty; did you mean --verbosity?");
    expect_error(COMMAND_TEST, "--verb", "unknown option --verb");
    expect_error(COMMAND_TEST, "--qwertzuiop=1", "unknown option --qwertzuiop");
    expect_error(COMMAND_TEST, "-qz", "unknown option -z in -qz");
    expect_error(COMMAND_TEST, "-j", "-j needs a value: N");
    expect_error(COMMAND_TEST, "--timeout", "--timeout needs a value: TIME");
    expect_error(COMMAND_TEST, "--pdb=1", "--pdb takes no value");
    expect_error(COMMAND_TEST, "--timeout=x",
                 "--timeout: \"x\" is not a duration");
    expect_error(COMMAND_LIST, "--timeout=1",
                 "mule list has no option "
                 "--timeout");
    expect_error(COMMAND_DOCTOR, "label", "mule doctor takes no \"label\"");
    expect_error(COMMAND_TEST, "--=1", "unknown option --");
}

static void
what_is_still_to_come_is_not_pretended(void **state)
{
    (void)state;
    static const char *const later[] = {"--worker"};

    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        struct words words;
        struct command_line line = {0};
        struct err err = {0};

        words_cut(&words, later[i]);
        assert_false(command_line_read(&line, COMMAND_TEST, words.count,
                                       words.at, &err));
        command_line_release(&line);
    }
}

static void
a_retry_budget_is_a_number_or_a_share(void **state)
{
    static const struct {
        const char *words;
        uint32_t budget;
        uint32_t share;
    } cases[] = {
        {"", RETRY_BUDGET_NONE, 0},
        {"--retry-budget 20", 20, 0},
        {"--retry-budget 0", 0, 0},
        {"--retry-budget 5%", RETRY_BUDGET_NONE, 500},
        {"--retry-budget 0.5%", RETRY_BUDGET_NONE, 50},
        {"--retry-budget 0.05%", RETRY_BUDGET_NONE, 5},
        {"--retry-budget 100%", RETRY_BUDGET_NONE, 10000},
        {"--retry-budget 5% --retry-budget 3", 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings settings;
        read_as(COMMAND_TEST, cases[i].words, &settings);
        assert_int_equal(settings.retry_budget, cases[i].budget);
        assert_int_equal(settings.retry_share, cases[i].share);
        settings_release(&settings);
    }
    static const char *const wrong[] = {"0%",  "101%", "5.%",
                                        ".5%", "%",    "1.234%"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char words[40];
        char message[120];
        snprintf(words, sizeof(words), "--retry-budget=%s", wrong[i]);
        snprintf(message, sizeof(message),
                 "--retry-budget: \"%s\" is not a share between 0.01%% and "
                 "100%%",
                 wrong[i]);
        expect_error(COMMAND_TEST, words, message);
    }
    expect_error(COMMAND_TEST, "--retry-budget=x",
                 "--retry-budget: \"x\" is not a number between 0 and "
                 "1000000");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(options_and_labels_come_in_any_order),
    cmocka_unit_test(values_follow_or_are_attached),
    cmocka_unit_test(an_optional_value_is_only_attached),
    cmocka_unit_test(two_dashes_end_the_options),
    cmocka_unit_test(a_value_may_look_like_an_option),
    cmocka_unit_test(the_last_of_several_values_wins_and_lists_grow),
    cmocka_unit_test(a_list_of_the_command_line_replaces_that_of_the_file),
    cmocka_unit_test(the_words_of_an_adapter_are_its_own),
    cmocka_unit_test(one_name_may_mean_two_things_to_two_commands),
    cmocka_unit_test(help_is_seen_among_other_words),
    cmocka_unit_test(mistakes_are_named),
    cmocka_unit_test(what_is_still_to_come_is_not_pretended),
    cmocka_unit_test(a_retry_budget_is_a_number_or_a_share),
};

CHECK_MAIN(tests)
