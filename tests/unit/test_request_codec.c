#include "adapter/request_codec.h"

#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static void
assert_golden(struct buf *line, const char *name)
{
    struct buf path = BUF_INIT(4096);

    buf_addf(&path, "adapter/asked/%s.json", name);
    struct buf bytes = golden_read(buf_text(&path));
    assert_string_equal(buf_text(line), buf_text(&bytes));
    buf_release(&path);
    buf_release(&bytes);
    buf_release(line);
}

static void
the_answer_to_a_greeting_names_the_build_and_its_options(void **state)
{
    (void)state;
    struct request_welcome welcome = {
        .version = "0.1.0",
        .build = "k3v9x2",
        .isolation = ISOLATION_CLASS,
        .verbosity = 1,
        .max_output = 1048576,
    };
    struct buf line = BUF_INIT(4096);

    assert_true(request_add_welcome(&line, &welcome));
    assert_golden(&line, "welcome");

    welcome.isolation = ISOLATION_WORKER;
    welcome.verbosity = 3;
    welcome.coverage_dir = "/tmp/mule-x/coverage";
    welcome.profile_dir = "/tmp/mule-x/profile";
    welcome.debug = "pdb";
    welcome.db_prefix = "it";
    welcome.keepdb = true;
    char slow[] = "slow";
    char other[] = "über";
    char *tags[] = {slow, other};
    welcome.tags = &(struct texts){tags, 2};
    welcome.exclude_tags = &(struct texts){tags, 1};
    assert_true(request_add_welcome(&line, &welcome));
    assert_golden(&line, "welcome-full");

    assert_true(request_add_refused(
        &line, "protocol 2.3 is spoken here by nobody: mule 0.1.0 speaks 1.0"));
    assert_golden(&line, "refused");
}

static void
collecting_is_asked_with_labels_and_what_to_skip(void **state)
{
    (void)state;
    const char *const labels[] = {"tests.test_login", "tests/über.py"};
    const struct request_skip skip[] = {{"tests.test_bad", "crashed"}};
    struct request_collect collect = {
        .labels = labels,
        .label_count = 2,
        .basedir = ".",
        .pattern = "test*.py",
        .skip = skip,
        .skip_count = 1,
    };
    struct buf line = BUF_INIT(4096);

    assert_true(request_add_collect(&line, &collect));
    assert_golden(&line, "collect");

    collect = (struct request_collect){
        .basedir = "tests", .pattern = "test*.py", .top = "."};
    assert_true(request_add_collect(&line, &collect));
    assert_golden(&line, "collect-all");
}

static void
forking_is_asked_with_everything_the_new_process_needs(void **state)
{
    (void)state;
    const struct request_env env[] = {
        {"MULE_SLOT", "0"},
        {"TMPDIR", "/tmp/mule-x/t0"},
        {"MULE_ROLE", NULL},
    };
    const struct request_fork fork = {
        .slot = 0,
        .env = env,
        .env_count = 3,
        .out = "/tmp/mule-x/0.out",
        .err = "/tmp/mule-x/0.err",
        .page = "/tmp/mule-x/0.page",
    };
    struct buf line = BUF_INIT(4096);

    assert_true(request_add_fork(&line, &fork));
    assert_golden(&line, "fork");
}

static void
running_is_asked_for_a_range_or_a_list(void **state)
{
    (void)state;
    const struct request_env env[] = {
        {"MULE_JOB", "k3v9x2.7.1"},
        {"MULE_ATTEMPT", "1"},
    };
    struct request_run run = {
        .job = 7,
        .attempt = 1,
        .name = "tests.test_login.Login",
        .first = 120,
        .count = 2,
        .env = env,
        .env_count = 2,
        .load = "tests.test_login",
    };
    struct buf line = BUF_INIT(4096);

    assert_true(request_add_run(&line, &run));
    assert_golden(&line, "run");

    const uint32_t items[] = {120, 122};
    const struct slice ids[] = {
        slice_of("tests.test_login.Login.test_a"),
        slice_of("tests.test_login.Login.test_c"),
    };
    run = (struct request_run){
        .job = 8,
        .attempt = 2,
        .name = "tests.test_login.Login",
        .count = 2,
        .items = items,
        .ids = ids,
        .load = "tests.test_login",
    };
    assert_true(request_add_run(&line, &run));
    assert_golden(&line, "run-items");

    assert_true(request_add_prepare(&line));
    assert_golden(&line, "prepare");
    assert_true(request_add_stop(&line));
    assert_golden(&line, "stop");
}

static void
a_line_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct buf line = BUF_INIT(20);

    assert_false(request_add_refused(&line, "a reason"));
    buf_reset(&line);
    assert_true(request_add_stop(&line));
    assert_false(request_add_stop(&line));
    buf_release(&line);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_answer_to_a_greeting_names_the_build_and_its_options),
    cmocka_unit_test(collecting_is_asked_with_labels_and_what_to_skip),
    cmocka_unit_test(forking_is_asked_with_everything_the_new_process_needs),
    cmocka_unit_test(running_is_asked_for_a_range_or_a_list),
    cmocka_unit_test(a_line_that_does_not_fit_is_refused),
};

CHECK_MAIN(tests)
