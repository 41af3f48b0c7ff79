#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_file.h"
#include "folder.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

static void
parse(struct settings *settings, const char *path, const char *text)
{
    struct err err = {0};

    settings_init(settings);
    if (!config_file_parse(settings, path, slice_of(text), &err)) {
        fail_msg("%s", err.text);
    }
}

static void
expect_error(const char *text, const char *message)
{
    struct settings settings;
    struct err err = {0};

    settings_init(&settings);
    if (config_file_parse(&settings, "mule.yaml", slice_of(text), &err)) {
        fail_msg("no error in: %s", text);
    }
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, message);
    settings_release(&settings);
}

static void
options_go_by_their_long_names(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml",
          "jobs: 3\nisolation: test\ntimeout: 1m30s\n"
          "test-timeout: 20\npython: python3.11\nxunit: yes\n"
          "failfast: true\nprofile: false\noutput-limit: 64K\n"
          "verbosity: '2'\ncoverage: true\n");
    assert_int_equal(settings.slots, 3);
    assert_int_equal(settings.isolation, ISOLATION_TEST);
    assert_int_equal(settings.timeout_ms, 90000);
    assert_int_equal(settings.test_timeout_ms, 20000);
    assert_string_equal(settings.python, "python3.11");
    assert_true(settings.xunit);
    assert_int_equal(settings.max_fail, 1);
    assert_false(settings.profile);
    assert_int_equal(settings.output_limit, 65536);
    assert_int_equal(settings.verbosity, 2);
    assert_string_equal(settings.coverage, "");
    settings_release(&settings);
}

static void
lists_are_sequences_or_commas(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml",
          "include: [A, 'b,c']\nexclude: D, E\n"
          "python-args:\n  - -X\n  - dev mode\n");
    assert_int_equal(settings.include.count, 2);
    assert_string_equal(settings.include.at[1], "b,c");
    assert_int_equal(settings.exclude.count, 2);
    assert_string_equal(settings.exclude.at[1], "E");
    assert_string_equal(settings.python_args.at[1], "dev mode");
    settings_release(&settings);
}

static void
workspaces_and_overrides_are_read(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml",
          "workspaces:\n"
          "  ci: {setup: ./up.sh, teardown: ./down.sh, root: w,\n"
          "       setup-timeout: 5m}\n"
          "  local: {git: 'https://host/it', revision: v1}\n"
          "overrides:\n"
          "  - match: 'slow.*'\n"
          "    timeout: 10m\n"
          "    alone: true\n"
          "  - {match: b, slow: 3, test-timeout: 4}\n");
    assert_int_equal(settings.workspace_count, 2);
    assert_string_equal(settings.workspaces[0].name, "ci");
    assert_string_equal(settings.workspaces[0].setup, "./up.sh");
    assert_string_equal(settings.workspaces[0].root, "w");
    assert_int_equal(settings.workspaces[0].setup_timeout_ms, 300000);
    assert_int_equal(settings.workspaces[0].teardown_timeout_ms, 120000);
    assert_null(settings.workspaces[1].setup);
    assert_null(settings.workspaces[1].root);
    assert_null(settings.workspaces[0].git);
    assert_string_equal(settings.workspaces[1].git, "https://host/it");
    assert_string_equal(settings.workspaces[1].revision, "v1");
    assert_int_equal(settings.override_count, 2);
    assert_string_equal(settings.overrides[0].match, "slow.*");
    assert_int_equal(settings.overrides[0].timeout_ms, 600000);
    assert_int_equal(settings.overrides[0].alone, 1);
    assert_int_equal(settings.overrides[1].slow_ms, 3000);
    assert_int_equal(settings.overrides[1].test_timeout_ms, 4000);
    assert_int_equal(settings.overrides[1].alone, OVERRIDE_UNSAID);
    settings_release(&settings);
}

static void
resources_and_who_needs_them_are_read(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml",
          "order: given\n"
          "overrides:\n"
          "  - {match: a, needs: [db, port=2], expect: 15s, alone: false}\n"
          "  - {match: b, needs: 'db=3'}\n"
          "resources: {db: 3, port: 2}\n");
    assert_int_equal(settings.order, ORDER_GIVEN);
    assert_int_equal(settings.resource_count, 2);
    assert_string_equal(settings.resources[1].name, "port");
    assert_int_equal(settings.resources[1].units, 2);
    assert_int_equal(settings.overrides[0].alone, 0);
    assert_int_equal(settings.overrides[0].expect_ms, 15000);
    assert_int_equal(settings.overrides[1].expect_ms, OVERRIDE_UNSAID);
    assert_int_equal(settings.overrides[0].need_words.count, 2);
    assert_string_equal(settings.overrides[0].need_words.at[1], "port=2");
    assert_string_equal(settings.overrides[1].need_words.at[0], "db=3");
    settings_release(&settings);
}

static void
a_resource_is_a_name_with_a_number(void **state)
{
    (void)state;
    expect_error("resources: 3\n", "mule.yaml:1:12: resources: must be names "
                                   "with numbers");
    expect_error("resources: {db: 0}\n",
                 "mule.yaml:1:17: db: \"0\" is not a number from 1 to 1000000");
    expect_error("resources: {db: [1]}\n",
                 "mule.yaml:1:17: db: must be a number");
    expect_error("resources: {a=b: 1}\n", "mule.yaml:1:18: a=b: a resource "
                                          "needs a name without = and commas");
}

static void
a_limit_of_an_override_is_unsaid_or_none_or_a_time(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml",
          "overrides:\n"
          "  - {match: a, timeout: 0, slow: 1}\n");
    assert_int_equal(settings.overrides[0].timeout_ms, 0);
    assert_int_equal(settings.overrides[0].test_timeout_ms, OVERRIDE_UNSAID);
    assert_int_equal(settings.overrides[0].slow_ms, 1000);
    settings_release(&settings);
}

static void
paths_are_relative_to_the_file(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "../mule.yaml",
          "basedir: tests\ntop: /abs\nxunit-output: out\njson: '-'\n"
          "python: venv/bin/python\ncoverage: .rc\n"
          "workspaces: {a: {root: w}, b: {}}\n");
    assert_string_equal(settings.basedir, "../tests");
    assert_string_equal(settings.top, "/abs");
    assert_string_equal(settings.xunit_output, "../out");
    assert_string_equal(settings.json, "-");
    assert_string_equal(settings.python, "../venv/bin/python");
    assert_string_equal(settings.coverage, "../.rc");
    assert_string_equal(settings.workspaces[0].root, "../w");
    assert_string_equal(settings.workspaces[1].root, "..");
    settings_release(&settings);
    parse(&settings, "../mule.yaml", "python: python3\n");
    assert_string_equal(settings.python, "python3");
    settings_release(&settings);
    parse(&settings, "mule.yaml", "basedir: tests\n");
    assert_string_equal(settings.basedir, "tests");
    settings_release(&settings);
}

static void
a_file_may_say_nothing(void **state)
{
    (void)state;
    static const char *const nothing[] = {
        "",
        "\n\n",
        "# a comment\n",
        "---\n",
        "---\n# a comment\n...\n",
        "{}",
        "\xef\xbb\xbf# with a byte order mark\n"};

    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        struct settings settings;
        parse(&settings, "mule.yaml", nothing[i]);
        assert_int_equal(settings.slots, 0);
        settings_release(&settings);
    }
}

static void
unknown_keys_are_named_with_the_nearest_known_one(void **state)
{
    (void)state;
    expect_error("jobs: 2\ntimeuot: 3\n",
                 "mule.yaml:2:1: unknown key \"timeuot\"; did you mean "
                 "\"timeout\"?");
    expect_error("workspace-s: {}\n",
                 "mule.yaml:1:1: unknown key \"workspace-s\"; did you mean "
                 "\"workspaces\"?");
    expect_error("qwertzuiop: 3\n",
                 "mule.yaml:1:1: unknown key \"qwertzuiop\"");
    expect_error("pdb: true\n",
                 "mule.yaml:1:1: pdb: stands on the command line only");
    expect_error("workspaces: {ci: {stup: x}}\n",
                 "mule.yaml:1:19: unknown key \"stup\"; did you mean "
                 "\"setup\"?");
    expect_error("overrides: [{match: x, timout: 1}]\n",
                 "mule.yaml:1:24: unknown key \"timout\"; did you mean "
                 "\"timeout\"?");
    expect_error("<<: {jobs: 1}\n", "mule.yaml:1:1: unknown key \"<<\"");
}

static void
wrong_types_are_named(void **state)
{
    (void)state;
    expect_error("jobs: four\n", "mule.yaml:1:7: jobs: \"four\" is not a "
                                 "number between 0 and 4096");
    expect_error("jobs: [1]\n", "mule.yaml:1:7: jobs: must not be a list");
    expect_error("jobs: {a: 1}\n",
                 "mule.yaml:1:7: jobs: must not be a mapping");
    expect_error("jobs:\n", "mule.yaml:1:6: jobs: has no value");
    expect_error("runner: ''\n", "mule.yaml:1:9: runner: its value is empty");
    expect_error("xunit: 1\n", "mule.yaml:1:8: xunit: must be true or false");
    expect_error("xunit: 'true'\n",
                 "mule.yaml:1:8: xunit: must be true or false");
    expect_error("include: [[A]]\n",
                 "mule.yaml:1:11: include: its elements must be texts");
    expect_error("[jobs]\n", "mule.yaml:1:1: here must be keys with values");
    expect_error("jobs\n", "mule.yaml:1:1: here must be keys with values");
    expect_error("[1]: 2\n", "mule.yaml:1:1: a key must be a word");
    expect_error("{[1]: 2}\n", "mule.yaml:1:2: a key must be a word");
    expect_error("workspaces: ci\n", "mule.yaml:1:13: workspaces: must be "
                                     "names with their scripts");
    expect_error("workspaces: {ci: up}\n",
                 "mule.yaml:1:18: here must be keys with values");
    expect_error("workspaces: {'': {}}\n",
                 "mule.yaml:1:14: workspaces: a workspace needs a name");
    expect_error("overrides: {}\n",
                 "mule.yaml:1:12: overrides: must be a list");
    expect_error("overrides: [x]\n",
                 "mule.yaml:1:13: here must be keys with values");
    expect_error("overrides:\n- timeout: 1\n",
                 "mule.yaml:2:3: an override needs the key \"match\"");
}

static void
what_stands_twice_is_refused(void **state)
{
    (void)state;
    expect_error("jobs: 1\njobs: 2\n", "mule.yaml:2:1: jobs: stands here "
                                       "twice");
    expect_error("overrides: []\noverrides: []\n",
                 "mule.yaml:2:1: overrides: stands here twice");
    expect_error("workspaces: {a: {}, a: {}}\n",
                 "mule.yaml:1:21: a: stands here twice");
    expect_error("workspaces: {a: {setup: x, setup: y}}\n",
                 "mule.yaml:1:28: setup: stands here twice");
    expect_error("resources: {db: 1, port: 1, db: 2}\n",
                 "mule.yaml:1:29: db: stands here twice");
}

static void
what_makes_yaml_dangerous_is_refused(void **state)
{
    (void)state;
    expect_error("jobs: &a 1\n",
                 "mule.yaml:1:7: anchors (&) are not understood here");
    expect_error("jobs: *a\n",
                 "mule.yaml:1:7: aliases (*) are not understood here");
    expect_error("include: &a [x]\n",
                 "mule.yaml:1:10: anchors (&) are not understood here");
    expect_error("jobs: !!int 1\n",
                 "mule.yaml:1:7: tags (!) are not understood here");
    expect_error("jobs: 1\n---\njobs: 2\n",
                 "mule.yaml:2:1: a second document is not understood here");
    expect_error("runner: \"a\\0b\"\n",
                 "mule.yaml:1:9: a NUL is not understood here");
}

static void
deep_nesting_is_refused_before_it_costs_anything(void **state)
{
    (void)state;
    enum {
        DEEP = 100000
    };
    char *text = alloc_bytes(DEEP + 1);

    memset(text, '[', DEEP);
    text[DEEP] = '\0';
    expect_error(text, "mule.yaml:1:1: here must be keys with values");
    memcpy(text, "include: ", 9);
    expect_error(text, "mule.yaml:1:11: include: its elements must be texts");
    free(text);
}

// A second document over the first.
static void
parse_over(struct settings *settings, const char *text)
{
    struct err err = {0};

    if (!config_file_parse(settings, "mule.yaml", slice_of(text), &err)) {
        fail_msg("%s", err.text);
    }
}

static void
a_document_wins_over_one_that_was_read_before(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "settings.MULE",
          "{\"jobs\": 4, \"isolation\": \"class\", \"keepdb\": true, "
          "\"tag\": [\"a\", \"b\"], \"failfast\": true, "
          "\"exclude-tag\": \"c\", \"coverage\": true, \"xunit\": true}");
    parse_over(&settings, "jobs: 2\nkeepdb: false\ntag: [d]\n"
                          "failfast: false\ncoverage: false\n");
    assert_int_equal(settings.slots, 2);
    assert_int_equal(settings.isolation, ISOLATION_CLASS);
    assert_false(settings.keepdb);
    assert_int_equal(settings.tags.count, 1);
    assert_string_equal(settings.tags.at[0], "d");
    assert_int_equal(settings.exclude_tags.count, 1);
    assert_int_equal(settings.max_fail, 0);
    assert_null(settings.coverage);
    assert_true(settings.xunit);
    settings_release(&settings);
}

static void
what_is_false_leaves_what_another_key_said(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "mule.yaml", "max-fail: 3\nfailfast: false\n");
    assert_int_equal(settings.max_fail, 3);
    settings_release(&settings);
}

static void
its_overrides_come_first_and_its_workspaces_replace(void **state)
{
    (void)state;
    struct settings settings;

    parse(&settings, "settings.MULE",
          "{overrides: [{match: a, timeout: 1}, {match: b}],"
          " workspaces: {ci: {setup: old, teardown: old}, two: {setup: x}}}");
    parse_over(&settings, "overrides: [{match: c}]\n"
                          "workspaces: {ci: {setup: new}, three: {}}\n");
    assert_int_equal(settings.override_count, 3);
    assert_string_equal(settings.overrides[0].match, "c");
    assert_string_equal(settings.overrides[1].match, "a");
    assert_int_equal(settings.overrides[1].timeout_ms, 1000);
    assert_string_equal(settings.overrides[2].match, "b");
    assert_int_equal(settings.workspace_count, 3);
    assert_string_equal(settings.workspaces[0].setup, "new");
    assert_null(settings.workspaces[0].teardown);
    assert_string_equal(settings.workspaces[1].setup, "x");
    assert_string_equal(settings.workspaces[2].name, "three");
    settings_release(&settings);
}

static void
what_is_no_yaml_is_refused_with_its_place(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};
    static const char *const wrong[] = {
        "jobs: 1\n  x: 2\n", "a: [1\n",   "\t- x\n",      "jobs: 'x\n",
        "a: b: c\n",         "a: \xff\n", "jobs: \x01\n", "@\n",
    };

    settings_init(&settings);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err = (struct err){0};
        assert_false(config_file_parse(&settings, "mule.yaml",
                                       slice_of(wrong[i]), &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_int_equal(strncmp(err.text, "mule.yaml:", 10), 0);
    }
    settings_release(&settings);
}

// --- files

static void
expect_found(const char *expected)
{
    struct err err = {0};
    char *found = config_file_find(&err);

    assert_false(err_is_set(&err));
    if (expected == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, expected);
    }
    free(found);
}

static void
the_nearest_file_up_to_the_checkout_is_found(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(path_make_folders("checkout/a/b", 0700, &err));
    assert_int_equal(mkdir("checkout/.git", 0700), 0);
    folder_write("mule.yaml", "jobs: 1\n");
    assert_int_equal(chdir("checkout/a/b"), 0);
    // What lies above the checkout is not ours.
    expect_found(NULL);
    folder_write("../../mule.yaml", "jobs: 2\n");
    expect_found("../../mule.yaml");
    folder_write("mule.yaml", "jobs: 3\n");
    expect_found("mule.yaml");
}

static void
a_folder_of_that_name_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};

    assert_int_equal(mkdir("mule.yaml", 0700), 0);
    assert_null(config_file_find(&err));
    assert_string_equal(err.text, "mule.yaml is not a file");
}

static void
a_file_is_read_and_remembered(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};

    settings_init(&settings);
    folder_write("other.yaml", "jobs: 5\n");
    assert_true(config_file_read(&settings, "other.yaml", &err));
    assert_int_equal(settings.slots, 5);
    assert_string_equal(settings.config_path, "other.yaml");
    settings_release(&settings);
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};

    settings_init(&settings);
    assert_false(config_file_read(&settings, "no.yaml", &err));
    assert_string_equal(err.text, "opening no.yaml: No such file or directory");
    err_clear(&err);
    assert_false(config_file_read(&settings, ".", &err));
    assert_string_equal(err.text, "reading .: Is a directory");
    settings_release(&settings);
}

static void
a_file_that_is_too_large_is_not_read(void **state)
{
    (void)state;
    struct settings settings;
    struct err err = {0};
    FILE *file = fopen("big.yaml", "w");

    settings_init(&settings);
    assert_non_null(file);
    for (size_t i = 0; i < CONFIG_FILE_MAX / 16 + 1; i++) {
        fputs("# fifteen bytes\n", file);
    }
    assert_int_equal(fclose(file), 0);
    assert_false(config_file_read(&settings, "big.yaml", &err));
    assert_string_equal(err.text, "big.yaml is larger than 1 MiB");
    settings_release(&settings);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(options_go_by_their_long_names),
    cmocka_unit_test(lists_are_sequences_or_commas),
    cmocka_unit_test(workspaces_and_overrides_are_read),
    cmocka_unit_test(resources_and_who_needs_them_are_read),
    cmocka_unit_test(a_resource_is_a_name_with_a_number),
    cmocka_unit_test(a_limit_of_an_override_is_unsaid_or_none_or_a_time),
    cmocka_unit_test(paths_are_relative_to_the_file),
    cmocka_unit_test(a_file_may_say_nothing),
    cmocka_unit_test(unknown_keys_are_named_with_the_nearest_known_one),
    cmocka_unit_test(wrong_types_are_named),
    cmocka_unit_test(what_stands_twice_is_refused),
    cmocka_unit_test(what_makes_yaml_dangerous_is_refused),
    cmocka_unit_test(deep_nesting_is_refused_before_it_costs_anything),
    cmocka_unit_test(a_document_wins_over_one_that_was_read_before),
    cmocka_unit_test(what_is_false_leaves_what_another_key_said),
    cmocka_unit_test(its_overrides_come_first_and_its_workspaces_replace),
    cmocka_unit_test(what_is_no_yaml_is_refused_with_its_place),
    IN_FOLDER(the_nearest_file_up_to_the_checkout_is_found),
    IN_FOLDER(a_folder_of_that_name_is_an_error),
    IN_FOLDER(a_file_is_read_and_remembered),
    IN_FOLDER(a_file_that_cannot_be_read_is_named),
    IN_FOLDER(a_file_that_is_too_large_is_not_read),
};

CHECK_MAIN(tests)
