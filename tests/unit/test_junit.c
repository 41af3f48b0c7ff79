#include "check.h"

#include <dirent.h>
#include <expat.h>
#include <sys/stat.h>

#include "golden.h"
#include "play.h"
#include "report/junit.h"
#include "report/junit_case.h"
#include "util/path.h"

static char *
new_folder(void)
{
    char *path = strdup("/tmp/mule-test-XXXXXX");

    assert_non_null(mkdtemp(path));
    return path;
}

static void
drop_folder(char *path)
{
    struct err err = {0};

    assert_true(path_remove_tree(path, &err));
    free(path);
}

// What a reader of XML sees: how often each element occurs.
struct seen {
    int testcases;
    int failures;
    int errors;
    int skipped;
    int suites;
    char totals[256];
};

static const char *
attribute_of(const char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) {
            return attributes[1];
        }
    }
    return "";
}

static void
on_element(void *context, const char *name, const char **attributes)
{
    struct seen *seen = context;

    seen->testcases += strcmp(name, "testcase") == 0;
    seen->failures += strcmp(name, "failure") == 0;
    seen->errors += strcmp(name, "error") == 0;
    seen->skipped += strcmp(name, "skipped") == 0;
    seen->suites += strcmp(name, "testsuite") == 0;
    if (strcmp(name, "testsuites") == 0) {
        snprintf(seen->totals, sizeof(seen->totals), "%s %s %s %s",
                 attribute_of(attributes, "tests"),
                 attribute_of(attributes, "failures"),
                 attribute_of(attributes, "errors"),
                 attribute_of(attributes, "skipped"));
    }
}

static struct seen
parse(const char *text, size_t len)
{
    struct seen seen = {0};
    char totals[256];
    XML_Parser parser = XML_ParserCreate(NULL);

    XML_SetUserData(parser, &seen);
    XML_SetStartElementHandler(parser, on_element);
    if (XML_Parse(parser, text, (int)len, 1) != XML_STATUS_OK) {
        fail_msg("line %lu: %s in:\n%s",
                 (unsigned long)XML_GetCurrentLineNumber(parser),
                 XML_ErrorString(XML_GetErrorCode(parser)), text);
    }
    XML_ParserFree(parser);
    if (seen.suites > 0) {
        snprintf(totals, sizeof(totals), "%d %d %d %d", seen.testcases,
                 seen.failures, seen.errors, seen.skipped);
        assert_string_equal(seen.totals, totals);
    }
    return seen;
}

static char *
read_file(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    if (file == NULL) {
        fail_msg("no %s", path);
    }
    char *text = play_read(file, &size);
    (void)fclose(file);
    free(path);
    return text;
}

static int
count_files(const char *folder)
{
    DIR *entries = opendir(folder);
    int count = 0;

    assert_non_null(entries);
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while (readdir(entries) != NULL) {
        count++;
    }
    closedir(entries);
    return count - 2;
}

static void
expect(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, text != NULL ? text : "");
    }
}

static struct play
play_into(const char *target)
{
    struct err err = {0};
    struct play play = {.sink = junit_new(target, &err)};

    if (play.sink == NULL) {
        fail_msg("%s", err.text);
    }
    play_start(&play, 2);
    return play;
}

// One test of every state, one with two findings, a fixture, a script.
static void
play_everything(struct play *play)
{
    const struct finding two[] = {
        {.kind = FINDING_ERROR, .type = SLICE("KeyError"), .trace = SLICE("1")},
        {.kind = FINDING_FAILURE,
         .sub = SLICE("(i=3)"),
         .type = SLICE("AssertionError"),
         .message = SLICE("1 < 2 & \"3\""),
         .trace = SLICE("Traceback:\n  ]]>\n")},
    };
    struct outcome several = {
        .state = STATE_ERROR,
        .findings = two,
        .finding_count = 2,
        .out = {.head = SLICE("a\x1b[1m\xff"), .tail = SLICE("z"), .cut = 9},
        .err = {.head = SLICE("oops\n")},
    };
    const struct finding died = {.kind = FINDING_ERROR,
                                 .type = SLICE("signal"),
                                 .message = SLICE("killed by SIGSEGV")};
    struct outcome crashed = {
        .state = STATE_CRASHED, .findings = &died, .finding_count = 1};
    struct event script = {
        .kind = EVENT_SCRIPT_FINISHED,
        .script = {.name = "teardown",
                   .workspace = "db",
                   .us = 2000,
                   .out = {.head = SLICE("no server\n")},
                   .problem = "exit status 3"},
    };
    char id[64];

    play_collected(play, 14, 2);
    play->job = "shop.test_cart.Cart";
    for (int i = STATE_PASSED; i < STATE_COUNT; i++) {
        struct outcome outcome = {.state = (enum state)i,
                                  .reason = SLICE("because")};
        snprintf(id, sizeof(id), "shop.test_cart.Cart.test_%d", i);
        play_test(play, id, i % 2, 1500, outcome);
    }
    play_test(play, "shop.test_cart.Cart.test_total", 1, 1204000, several);
    play->job = "shop.test_pay";
    play_test(play, "shop.test_pay.Pay.test_crash", 0, 10, crashed);
    play_test(play, "setUpClass (shop.test_pay.Pay)", 0, 10, several);
    play->us += 5000;
    play_event(play, script);
    play_end(play, STOP_NONE, 1);
}

static void
the_dialect_is_what_the_golden_file_has(void **state)
{
    char *folder = new_folder();
    char *target = path_join(folder, "report.xml");
    struct play play = play_into(target);
    struct buf golden = golden_read("junit/everything.xml");

    (void)state;
    play_everything(&play);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    char *text = read_file(folder, "report.xml");
    assert_string_equal(text, buf_text(&golden));
    struct seen seen = parse(text, strlen(text));
    assert_int_equal(seen.testcases, 14);
    // As unittest counts, and the unexpected success and the script with it.
    assert_int_equal(seen.failures, play.tally.failures + play.tally.xpasses);
    assert_int_equal(seen.errors, play.tally.errors + 1);
    assert_int_equal(count_files(folder), 1);
    free(text);
    free(target);
    buf_release(&golden);
    drop_folder(folder);
}

static void
a_folder_gets_one_file_a_class(void **state)
{
    char *folder = new_folder();
    char *target = path_join(folder, "made/here");
    struct play play = play_into(target);

    (void)state;
    play_everything(&play);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    assert_int_equal(count_files(target), 3);
    char *text = read_file(target, "TEST-shop.test_cart.Cart.xml");
    assert_int_equal(parse(text, strlen(text)).testcases, 11);
    free(text);
    text = read_file(target, "TEST-shop.test_pay.Pay.xml");
    assert_int_equal(parse(text, strlen(text)).testcases, 2);
    expect(text, "name=\"setUpClass\" classname=\"shop.test_pay.Pay\"");
    free(text);
    free(target);
    drop_folder(folder);
}

static void
names_come_from_ids(void **state)
{
    static const struct {
        const char *id, *job, *classname, *name;
    } cases[] = {
        {"a.B.c", "a.B", "a.B", "c"},
        {"a.B.c#2", "a.B", "a.B", "c#2"},
        {"a.b.C.d", "a.b", "a.b.C", "d"},
        {"a.B.c [x.y]", "a.B", "a.B", "c [x.y]"},
        {"a.B.c('x.y')", "a.B", "a.B", "c('x.y')"},
        {"setUpClass (a.B)", "a.B", "a.B", "setUpClass"},
        {"setUpModule (a)", "a", "a", "setUpModule"},
        {"t/x.t", "t/x.t", "t/x.t", "t/x.t"},
        {"t/x.t: 3 - adds", "t/x.t", "t/x.t", "3 - adds"},
        {"a.B.c", "", "a.B", "c"},
        {"c", "", "", "c"},
        {"a.B.", "a.B", "a.B", "a.B."},
        {"", "", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct junit_name name = junit_case_name(cases[i].id, cases[i].job);
        char *classname = slice_dup(name.classname);
        char *own = slice_dup(name.name);
        assert_string_equal(classname, cases[i].classname);
        assert_string_equal(own, cases[i].name);
        free(classname);
        free(own);
    }
}

static void
odd_names_become_safe_names_of_files(void **state)
{
    char *folder = new_folder();
    struct play play = play_into(folder);
    char name[5000];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    play.job = "../../etc/passwd";
    play_state(&play, "one", STATE_PASSED);
    play.job = "a b";
    play_state(&play, "two", STATE_PASSED);
    play.job = "a_b";
    play_state(&play, "three", STATE_PASSED);
    play.job = "\xc3\xa4\xff";
    play_state(&play, "four", STATE_PASSED);
    play.job = name;
    play_state(&play, "five", STATE_PASSED);
    play.job = "";
    play_state(&play, "six", STATE_PASSED);
    play_end(&play, STOP_NONE, 0);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    assert_int_equal(count_files(folder), 6);
    char *text = read_file(folder, "TEST-a_b.xml");
    expect(text, "name=\"three\"");
    free(text);
    drop_folder(folder);
}

static void
any_bytes_give_well_formed_xml(void **state)
{
    struct writer writer;
    unsigned seed = 7;
    char bytes[64];

    (void)state;
    writer_init(&writer, -1);
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1103515245U + 12345U;
            bytes[i] = (char)(seed >> 16);
        }
        struct slice text = {bytes, sizeof(bytes)};
        struct finding finding = {.kind = round % FINDING_KIND_COUNT,
                                  .sub = text,
                                  .type = text,
                                  .message = text,
                                  .trace = text};
        struct outcome outcome = {.state = STATE_PASSED + round % 9,
                                  .reason = text,
                                  .findings = &finding,
                                  .finding_count = 1,
                                  .out = {.head = text, .tail = text}};
        char *id = slice_dup(text);
        struct event_test test = {
            .id = id, .job = id, .file = id, .outcome = &outcome};
        struct junit_name name = junit_case_name(id, id);
        buf_reset(&writer.buf);
        junit_case_write(&writer, &name, &test, &(struct attempts){0},
                         PLAY_WALL_MS);
        struct seen seen = parse(writer.buf.data, writer.buf.len);
        struct junit_counts counts = junit_case_count(&test);
        assert_int_equal(seen.testcases, 1);
        assert_int_equal(seen.failures, counts.failures);
        assert_int_equal(seen.errors, counts.errors);
        assert_int_equal(seen.skipped, counts.skipped);
        free(id);
    }
    writer_release(&writer);
}

static void
an_item_is_written_once(void **state)
{
    char *folder = new_folder();
    char *target = path_join(folder, "x.xml");
    struct play play = play_into(target);

    (void)state;
    play_state(&play, "a.B.c", STATE_PASSED);
    play.number = 0;
    play_state(&play, "a.B.c", STATE_FAILED);
    play_end(&play, STOP_NONE, 0);
    play.sink->ops->free(play.sink);
    char *text = read_file(folder, "x.xml");
    struct seen seen = parse(text, strlen(text));
    assert_int_equal(seen.testcases, 1);
    assert_int_equal(seen.failures, 0);
    free(text);
    free(target);
    drop_folder(folder);
}

static void
suites_that_ran_at_the_same_time_are_not_mixed(void **state)
{
    char *folder = new_folder();
    char *target = path_join(folder, "x.xml");
    struct play play = play_into(target);
    struct outcome noisy = {.state = STATE_PASSED};
    char text_of_a_test[3000];
    char id[64];
    char job[64];

    (void)state;
    memset(text_of_a_test, 'y', sizeof(text_of_a_test));
    noisy.out.head = slice_make(text_of_a_test, sizeof(text_of_a_test));
    for (int i = 0; i < 400; i++) {
        snprintf(job, sizeof(job), "a.B%d", i % 7);
        snprintf(id, sizeof(id), "a.B%d.test_%d", i % 7, i);
        play.job = job;
        play_test(&play, id, i % 7, 10, noisy);
    }
    play_end(&play, STOP_NONE, 0);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    char *text = read_file(folder, "x.xml");
    struct seen seen = parse(text, strlen(text));
    assert_int_equal(seen.testcases, 400);
    assert_int_equal(seen.suites, 7);
    const char *last = strstr(text, "a.B6");
    assert_non_null(last);
    assert_null(strstr(last, "a.B5"));
    free(text);
    free(target);
    drop_folder(folder);
}

static void
a_run_that_breaks_off_leaves_a_report(void **state)
{
    char *folder = new_folder();
    struct play play = play_into(folder);

    (void)state;
    play_state(&play, "a.B.c", STATE_PASSED);
    assert_int_equal(count_files(folder), 0);
    play.sink->ops->free(play.sink);
    assert_int_equal(count_files(folder), 1);
    drop_folder(folder);
}

static void
what_cannot_be_written_is_known_before_the_run(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(junit_new("/proc/nowhere/x.xml", &err));
    assert_non_null(strstr(err.text, "JUnit report: folder /proc/nowhere"));
    assert_non_null(err.hint);
    err_clear(&err);
    assert_null(junit_new("/dev/null", &err));
    assert_non_null(strstr(err.text, "JUnit report: folder /dev/null"));
    err_clear(&err);
    char *folder = new_folder();
    char *target = path_join(folder, "x.xml");
    assert_int_equal(mkdir(target, 0777), 0);
    assert_null(junit_new(target, &err));
    assert_non_null(strstr(err.text, "x.xml is a folder"));
    free(target);
    drop_folder(folder);
}

static void
a_full_disk_names_the_file(void **state)
{
    char *folder = new_folder();
    char *target = path_join(folder, "x.xml");
    struct play play = {0};

    (void)state;
    assert_int_equal(symlink("/dev/full", target), 0);
    play = play_into(target);
    play_state(&play, "a.B.c", STATE_PASSED);
    play_end(&play, STOP_NONE, 0);
    assert_true(play.failed);
    expect(play.err.text, target);
    expect(play.err.text, "No space left on device");
    play.sink->ops->free(play.sink);
    free(target);
    drop_folder(folder);
}

static void
attempts_before_the_last_are_elements_of_their_own(void **state)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .type = SLICE("AssertionError"),
                                    .message = SLICE("12 < 13"),
                                    .trace = SLICE("Traceback <1>")};
    struct outcome bad = {.state = STATE_FAILED,
                          .findings = &finding,
                          .finding_count = 1,
                          .out.head = SLICE("said")};
    struct outcome good = {.state = STATE_PASSED};
    char *folder = new_folder();
    char *target = path_join(folder, "all.xml");
    struct play play = play_into(target);

    (void)state;
    play.job = "tests.test_shop.Cart";
    play_end_of(&play, EVENT_TEST_ATTEMPT, 0, 1, &bad, false);
    play_end_of(&play, EVENT_TEST_FINISHED, 0, 2, &good, true);
    play_end_of(&play, EVENT_TEST_ATTEMPT, 1, 1, &bad, false);
    play_end_of(&play, EVENT_TEST_FINISHED, 1, 2, &bad, false);
    // It was to run again, and the run ended: that is the failure itself.
    play_end_of(&play, EVENT_TEST_ATTEMPT, 2, 1, &bad, false);
    play_end_of(&play, EVENT_TEST_FINISHED, 2, 1, &bad, false);
    play_end(&play, STOP_NONE, 1);
    play.sink->ops->free(play.sink);
    char *text = read_file(folder, "all.xml");
    struct seen seen = parse(text, strlen(text));
    assert_int_equal(seen.testcases, 3);
    assert_int_equal(seen.failures, 2);
    expect(text, "<flakyFailure type=\"AssertionError\" "
                 "message=\"12 &lt; 13\">Traceback &lt;1&gt;<stackTrace>"
                 "Traceback &lt;1&gt;</stackTrace>\n"
                 "<system-out>said</system-out>\n</flakyFailure>");
    const char *rerun = strstr(text, "<rerunFailure");
    assert_non_null(rerun);
    assert_null(strstr(rerun + 1, "<rerunFailure"));
    free(text);
    free(target);
    drop_folder(folder);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_dialect_is_what_the_golden_file_has),
    cmocka_unit_test(a_folder_gets_one_file_a_class),
    cmocka_unit_test(names_come_from_ids),
    cmocka_unit_test(odd_names_become_safe_names_of_files),
    cmocka_unit_test(any_bytes_give_well_formed_xml),
    cmocka_unit_test(an_item_is_written_once),
    cmocka_unit_test(suites_that_ran_at_the_same_time_are_not_mixed),
    cmocka_unit_test(a_run_that_breaks_off_leaves_a_report),
    cmocka_unit_test(what_cannot_be_written_is_known_before_the_run),
    cmocka_unit_test(a_full_disk_names_the_file),
    cmocka_unit_test(attempts_before_the_last_are_elements_of_their_own),
};

CHECK_MAIN(tests)
