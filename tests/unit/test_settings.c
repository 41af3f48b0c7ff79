#include "check.h"

#include "model/settings.h"

static void
what_nobody_chose_has_a_default(void **state)
{
    (void)state;
    struct settings settings;

    settings_init(&settings);
    assert_string_equal(settings.basedir, ".");
    assert_string_equal(settings.pattern, "test*.py");
    assert_null(settings.top);
    assert_int_equal(settings.slots, 0);
    assert_int_equal(settings.isolation, ISOLATION_CLASS);
    assert_int_equal(settings.start, START_AUTO);
    assert_int_equal(settings.capture, CAPTURE_SPLIT);
    assert_int_equal(settings.verbosity, 1);
    assert_int_equal(settings.timeout_ms, 0);
    assert_int_equal(settings.test_timeout_ms, 0);
    assert_int_equal(settings.import_timeout_ms, 60000);
    assert_int_equal(settings.output_limit, 1048576);
    settings_release(&settings);
}

static void
released_settings_can_be_released_again(void **state)
{
    (void)state;
    struct settings settings;

    settings_init(&settings);
    texts_add(&settings.labels, "a");
    settings_release(&settings);
    assert_null(settings.basedir);
    assert_int_equal(settings.labels.count, 0);
    settings_release(&settings);
}

static void
a_list_of_texts_owns_copies_and_ends_with_null(void **state)
{
    (void)state;
    struct texts texts = {0};
    char word[] = "first";

    texts_add(&texts, word);
    word[0] = 'F';
    texts_add(&texts, "second");
    assert_int_equal(texts.count, 2);
    assert_string_equal(texts.at[0], "first");
    assert_string_equal(texts.at[1], "second");
    assert_null(texts.at[2]);
    texts_release(&texts);
    assert_null(texts.at);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_nobody_chose_has_a_default),
    cmocka_unit_test(released_settings_can_be_released_again),
    cmocka_unit_test(a_list_of_texts_owns_copies_and_ends_with_null),
};

CHECK_MAIN(tests)
