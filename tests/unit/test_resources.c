#include "config/resources.h"

#include "check.h"

#include "util/alloc.h"

/* Two resources, and an override that needs the words. */
static struct settings
make(const char *first, const char *second)
{
    struct settings settings;
    struct err err = {0};

    settings_init(&settings);
    assert_true(resources_set(&settings, "db", "9", &err));
    assert_true(resources_set(&settings, "port", "1", &err));
    assert_true(resources_set(&settings, "db", "2", &err));
    settings.overrides = alloc_zero(1, sizeof(*settings.overrides));
    settings.override_count = 1;
    override_init(&settings.overrides[0]);
    settings.overrides[0].match = alloc_dup("shop.*");
    texts_add(&settings.overrides[0].need_words, first);
    if (second != NULL) {
        texts_add(&settings.overrides[0].need_words, second);
    }
    return settings;
}

static void
expect_error(const char *first, const char *second, const char *message)
{
    struct settings settings = make(first, second);
    struct err err = {0};

    assert_false(resources_settle(&settings, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, message);
    settings_release(&settings);
}

static void
words_become_needs(void **state)
{
    struct settings settings = make("port", "db=2");
    struct err err = {0};

    (void)state;
    assert_int_equal(settings.resource_count, 2);
    assert_int_equal(settings.resources[0].units, 2);
    assert_true(resources_settle(&settings, &err));
    assert_int_equal(settings.overrides[0].need_count, 2);
    assert_int_equal(settings.overrides[0].needs[0].resource, 1);
    assert_int_equal(settings.overrides[0].needs[0].units, 1);
    assert_int_equal(settings.overrides[0].needs[1].resource, 0);
    assert_int_equal(settings.overrides[0].needs[1].units, 2);
    settings_release(&settings);
}

static void
without_words_nothing_is_said(void **state)
{
    struct settings settings = make("db", NULL);
    struct err err = {0};

    (void)state;
    texts_release(&settings.overrides[0].need_words);
    assert_true(resources_settle(&settings, &err));
    assert_int_equal(settings.overrides[0].need_count, -1);
    settings_release(&settings);
}

static void
what_is_not_there_or_too_much_is_refused(void **state)
{
    (void)state;
    expect_error("dbx", NULL,
                 "mule.yaml: what \"shop.*\" needs: there is no resource "
                 "\"dbx\"; did you mean \"db\"?");
    expect_error("qwertz", NULL,
                 "mule.yaml: what \"shop.*\" needs: there is no resource "
                 "\"qwertz\"");
    expect_error("db=3", NULL,
                 "mule.yaml: what \"shop.*\" needs: \"db=3\": its number must "
                 "be from 1 to 2, for there is no more");
    expect_error("db=", NULL,
                 "mule.yaml: what \"shop.*\" needs: \"db=\": its number must "
                 "be from 1 to 2, for there is no more");
    expect_error("db", "db=2",
                 "mule.yaml: what \"shop.*\" needs: \"db\" stands there "
                 "twice");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(words_become_needs),
    cmocka_unit_test(without_words_nothing_is_said),
    cmocka_unit_test(what_is_not_there_or_too_much_is_refused),
};

CHECK_MAIN(tests)
