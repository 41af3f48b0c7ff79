#include "config/option_words.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "config/configure.h"

static char *
copy(const char *text)
{
    char *result = strdup(text);
    assert_non_null(result);
    return result;
}

/* Settings as these words make them, without any mule.yaml. */
static void
read_words(struct settings *settings, const struct texts *words)
{
    struct configured configured = {0};
    struct err err = {0};
    struct texts all = {0};

    texts_add(&all, "--config");
    texts_add(&all, "/dev/null");
    for (int i = 0; i < words->count; i++) {
        texts_add(&all, words->at[i]);
    }
    if (!configure(settings, &configured, COMMAND_TEST, all.count, all.at,
                   &err)) {
        fail_msg("%s", err.text);
    }
    configured_release(&configured);
    texts_release(&all);
}

static void
what_is_said_again_means_the_same(void **state)
{
    struct settings before;
    struct settings after;
    struct texts words = {0};

    (void)state;
    settings_init(&before);
    before.top = copy("the top");
    before.isolation = ISOLATION_WORKER;
    before.capture = CAPTURE_MERGED;
    before.runner = copy("run 'this' \"$TEST\"");
    before.format = FORMAT_JUNIT;
    before.grace_ms = 1234;
    before.import_timeout_ms = 0;
    before.output_limit = 4097;
    free(before.db_prefix);
    before.db_prefix = copy("an other");
    before.keepdb = true;
    before.auto_bootstrap = true;
    before.prepare_timeout_ms = 77;
    texts_add(&before.tags, "slow");
    texts_add(&before.tags, "a tag, with a comma");
    texts_add(&before.exclude_tags, "--odd");
    texts_add(&before.adapter, "an adapter");
    texts_add(&before.adapter, "--it's");
    texts_add(&before.adapter, "$PYTHON");
    texts_add(&before.python_args, "-W");
    texts_add(&before.labels, "-odd");
    texts_add(&before.labels, "pkg.*.api");
    option_words(&before, &words);
    read_words(&after, &words);
    assert_string_equal(after.basedir, before.basedir);
    assert_string_equal(after.pattern, before.pattern);
    assert_string_equal(after.top, before.top);
    assert_int_equal(after.isolation, ISOLATION_WORKER);
    assert_int_equal(after.start, START_AUTO);
    assert_int_equal(after.capture, CAPTURE_MERGED);
    assert_string_equal(after.runner, before.runner);
    assert_int_equal(after.format, FORMAT_JUNIT);
    assert_int_equal(after.grace_ms, 1234);
    assert_int_equal(after.import_timeout_ms, 0);
    assert_int_equal(after.output_limit, 4097);
    assert_string_equal(after.db_prefix, "an other");
    assert_true(after.keepdb && after.auto_bootstrap);
    assert_int_equal(after.prepare_timeout_ms, 77);
    assert_int_equal(after.tags.count, 2);
    assert_string_equal(after.tags.at[1], "a tag, with a comma");
    assert_int_equal(after.exclude_tags.count, 1);
    assert_string_equal(after.exclude_tags.at[0], "--odd");
    assert_int_equal(after.adapter.count, 3);
    assert_string_equal(after.adapter.at[1], "--it's");
    assert_string_equal(after.adapter.at[2], "$PYTHON");
    assert_int_equal(after.python_args.count, 1);
    assert_int_equal(after.labels.count, 1); // of programs one is enough
    assert_string_equal(after.labels.at[0], "-odd");
    texts_release(&words);
    settings_release(&before);
    settings_release(&after);
}

static void
all_labels_of_tests_are_said_and_no_interpreter(void **state)
{
    struct settings before;
    struct settings after;
    struct texts words = {0};

    (void)state;
    settings_init(&before);
    before.python = copy("/a/python");
    before.python_asked = true;
    texts_add(&before.labels, "pkg.*.api");
    texts_add(&before.labels, "-odd");
    option_words(&before, &words);
    read_words(&after, &words);
    assert_null(after.python);
    assert_int_equal(after.labels.count, 2);
    assert_string_equal(after.labels.at[1], "-odd");
    texts_release(&words);
    settings_release(&before);
    settings_release(&after);
}

static void
what_was_not_said_is_not_said_again(void **state)
{
    struct settings before;
    struct settings after;
    struct texts words = {0};

    (void)state;
    settings_init(&before);
    before.python = copy("from/mule.yaml");
    option_words(&before, &words);
    read_words(&after, &words);
    assert_null(after.python);
    assert_null(after.runner);
    assert_null(after.top);
    assert_false(after.tap);
    assert_int_equal(after.labels.count, 0);
    assert_int_equal(after.adapter.count, 0);
    texts_release(&words);
    settings_release(&before);
    settings_release(&after);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_said_again_means_the_same),
    cmocka_unit_test(all_labels_of_tests_are_said_and_no_interpreter),
    cmocka_unit_test(what_was_not_said_is_not_said_again),
};

CHECK_MAIN(tests)
