#include "check.h"

#include <string.h>

#include "config/choices.h"
#include "config/command_line.h"
#include "util/alloc.h"
#include "words.h"

struct settled {
    struct settings settings;
    struct texts notes;
    struct err err;
    bool ok;
};

static void
settle(struct settled *settled, const char *text)
{
    struct command_line line = {0};
    struct words words;

    words_cut(&words, text);
    memset(settled, 0, sizeof(*settled));
    settings_init(&settled->settings);
    assert_true(command_line_read(&line, COMMAND_TEST, words.count, words.at,
                                  &settled->err));
    assert_true(command_line_apply(&line, &settled->settings, &settled->err));
    settled->ok = choices_settle(&settled->settings, COMMAND_TEST,
                                 &settled->notes, &settled->err);
    command_line_release(&line);
}

static void
release(struct settled *settled)
{
    settings_release(&settled->settings);
    texts_release(&settled->notes);
}

static void
expect_refused(struct settled *settled, const char *message)
{
    assert_false(settled->ok);
    assert_string_equal(settled->err.text, message);
    release(settled);
}

static void
only_events_go_to_standard_output(void **state)
{
    struct settled settled;

    (void)state;
    settle(&settled, "--json -");
    assert_true(settled.ok);
    release(&settled);
    settle(&settled, "--html -");
    expect_refused(&settled, "--html cannot write to standard output");
    settle(&settled, "--trace -");
    expect_refused(&settled, "--trace cannot write to standard output");
    settle(&settled, "--xunit-output -");
    expect_refused(&settled, "--xunit-output cannot write to standard output");
}

static void
the_defaults_go_together(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--multiprocess");
    assert_true(settled.ok);
    assert_int_equal(settled.notes.count, 0);
    assert_false(settled.settings.xunit);
    assert_null(settled.settings.xunit_output);
    release(&settled);
}

static void
the_debugger_means_one_slot_without_limits(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--pdb -j4 --timeout=5");
    assert_true(settled.ok);
    assert_int_equal(settled.settings.slots, 1);
    assert_int_equal(settled.settings.timeout_ms, 0);
    assert_int_equal(settled.settings.capture, CAPTURE_NONE);
    assert_int_equal(settled.notes.count, 2);
    assert_string_equal(settled.notes.at[0],
                        "--pdb runs one test at a time: the 4 jobs asked for "
                        "are not used");
    assert_string_equal(settled.notes.at[1], "--pdb switches time limits off");
    release(&settled);
    settle(&settled, "--no-capture");
    assert_int_equal(settled.settings.slots, 1);
    assert_int_equal(settled.notes.count, 0);
    release(&settled);
}

static void
a_place_for_xunit_implies_xunit_and_the_other_way_round(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--xunit-output=out.xml");
    assert_true(settled.settings.xunit);
    release(&settled);
    settle(&settled, "--xunit");
    assert_string_equal(settled.settings.xunit_output, "xunit");
    release(&settled);
}

static void
tap_programs_print_tap(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--tap t/a.t");
    assert_true(settled.ok);
    assert_int_equal(settled.settings.format, FORMAT_TAP);
    release(&settled);
    settle(&settled, "--tap");
    expect_refused(&settled, "--tap needs programs to run");
}

static void
contradictions_are_refused(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--tap --runner=prove a");
    expect_refused(&settled, "--tap and --runner do not go together");
    settle(&settled, "--tap --format=junit a");
    expect_refused(&settled, "--tap and another --format do not go together");
    settle(&settled, "--tap --adapter=node a");
    expect_refused(&settled, "--tap and --adapter do not go together");
    settle(&settled, "--jobs-from=jobs a");
    expect_refused(&settled, "labels and --jobs-from do not go together");
    settle(&settled, "--pdb --runner=prove");
    expect_refused(&settled, "--pdb and a command do not go together");
    settle(&settled, "--coverage --tap a");
    expect_refused(&settled, "--coverage and a command do not go together");
    settle(&settled, "--profile --tap a");
    expect_refused(&settled, "--profile and a command do not go together");
    settle(&settled, "--json=- --no-capture");
    expect_refused(
        &settled,
        "--json - and tests that have the terminal do not go together");
    settle(&settled, "--jobs-from=- --pdb");
    expect_refused(&settled, "--pdb and --jobs-from - do not go together");
    settle(&settled, "--format=tap");
    expect_refused(&settled, "--format says what a --runner prints");
}

static void
the_id_of_a_build_must_be_a_plain_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "a/b",
        "..",
        "-x",
        "a b",
        "a\n",
        "\xc3\xa4",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct settled settled;

    settle(&settled, "--id pr-12_3.4");
    assert_true(settled.ok);
    release(&settled);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        settings_init(&settled.settings);
        settled.settings.build_id = alloc_dup(wrong[i]);
        settled.err = (struct err){0};
        settled.notes = (struct texts){0};
        assert_false(choices_settle(&settled.settings, COMMAND_TEST,
                                    &settled.notes, &settled.err));
        release(&settled);
    }
}

static void
a_workspace_must_be_known(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--workspace=ci");
    expect_refused(&settled,
                   "there is no mule.yaml, so there is no workspace \"ci\"");
}

static void
max_workers_are_slots_where_there_is_no_fleet(void **state)
{
    (void)state;
    struct settled settled;

    settle(&settled, "--max-workers 3");
    assert_int_equal(settled.settings.slots, 3);
    release(&settled);
    settle(&settled, "--max-workers 3 -j 2");
    assert_int_equal(settled.settings.slots, 2);
    release(&settled);
    settle(&settled, "--distributed --max-workers 3");
    assert_int_equal(settled.settings.slots, 0);
    assert_int_equal(settled.settings.max_workers, 3);
    release(&settled);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_events_go_to_standard_output),
    cmocka_unit_test(the_defaults_go_together),
    cmocka_unit_test(the_debugger_means_one_slot_without_limits),
    cmocka_unit_test(a_place_for_xunit_implies_xunit_and_the_other_way_round),
    cmocka_unit_test(tap_programs_print_tap),
    cmocka_unit_test(contradictions_are_refused),
    cmocka_unit_test(the_id_of_a_build_must_be_a_plain_name),
    cmocka_unit_test(a_workspace_must_be_known),
    cmocka_unit_test(max_workers_are_slots_where_there_is_no_fleet),
};

CHECK_MAIN(tests)
