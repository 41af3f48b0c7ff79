#include "check.h"

#include "command/scope.h"

#include <string.h>

static void
add(struct texts *texts, const char *words)
{
    struct slice rest = slice_of(words);
    struct slice word;

    while (slice_word(&rest, &word)) {
        char text[64];
        snprintf(text, sizeof(text), "%.*s", SLICE_ARG(word));
        texts_add(texts, text);
    }
}

static struct scope
labels(const char *words)
{
    struct scope scope = {0};

    add(&scope.labels, words);
    return scope;
}

static void
expect(const struct scope *scope, const char *json)
{
    struct buf buf = BUF_INIT(4096);

    scope_write(scope, &buf);
    assert_string_equal(buf_text(&buf), json);
    buf_release(&buf);
}

static void
expect_joined(const char *a, const char *b, const char *json)
{
    struct scope first = labels(a);
    struct scope second = labels(b);

    scope_join(&first, &second);
    expect(&first, json);
    scope_release(&first);
    scope_release(&second);
}

static void
what_is_written_can_be_read(void **state)
{
    static const char json[] =
        "{\"labels\":[\"a\",\"b c\"],\"k\":[\"x\\\"y\"],\"exclude\":[\"E\"],"
        "\"tag\":[\"slow\"],\"programs\":true}";
    struct scope scope;

    (void)state;
    scope_read(&scope, json);
    expect(&scope, json);
    assert_false(scope_is_all(&scope));
    scope_release(&scope);
}

static void
what_is_no_scope_reads_as_all(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "null", "17", "{\"labels\":7}", "{\"labels\":[1,null]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct scope scope;
        scope_read(&scope, texts[i]);
        assert_true(scope_is_all(&scope));
        scope_release(&scope);
    }
}

static void
joined_scopes_are_alternatives(void **state)
{
    (void)state;
    expect_joined("a", "b", "{\"labels\":[\"a\",\"b\"]}");
    expect_joined("a b", "b", "{\"labels\":[\"a\",\"b\"]}");
}

static void
all_there_is_stays_all_there_is(void **state)
{
    (void)state;
    expect_joined("", "a", "{}");
    expect_joined("a", "", "{}");
}

static void
a_package_stands_for_what_is_in_it(void **state)
{
    (void)state;
    expect_joined("shop", "shop.carts.T", "{\"labels\":[\"shop\"]}");
    expect_joined("shop.carts", "shop", "{\"labels\":[\"shop\"]}");
    expect_joined("tests", "tests/a.py", "{\"labels\":[\"tests\"]}");
    expect_joined("shop", "shopping", "{\"labels\":[\"shop\",\"shopping\"]}");
}

static void
only_what_both_leave_out_is_left_out(void **state)
{
    struct scope first = {0};
    struct scope second = {0};

    (void)state;
    add(&first.exclude, "A B");
    add(&second.exclude, "B C");
    scope_join(&first, &second);
    expect(&first, "{\"exclude\":[\"B\"]}");
    scope_release(&first);
    scope_release(&second);
}

static void
the_command_line_alone_makes_a_scope(void **state)
{
    char *words[] = {(char[]){"-k"}, (char[]){"login"},
                     (char[]){"--exclude=Slow"}, (char[]){"shop"}};
    struct settings settings;
    struct scope scope;

    (void)state;
    settings_init(&settings);
    add(&settings.labels, "shop");
    add(&settings.patterns, "login");
    add(&settings.exclude, "Slow");
    add(&settings.include, "Fast"); // of mule.yaml
    scope_of(&scope, &settings, 4, words);
    expect(&scope, "{\"labels\":[\"shop\"],\"k\":[\"login\"],"
                   "\"exclude\":[\"Slow\"]}");
    scope_release(&scope);
    settings_release(&settings);
}

static void
programs_are_no_part_of_it(void **state)
{
    char *words[] = {(char[]){"--tap"}, (char[]){"./a.t"}};
    struct settings settings;
    struct scope scope;

    (void)state;
    settings_init(&settings);
    settings.tap = true;
    add(&settings.labels, "./a.t");
    scope_of(&scope, &settings, 2, words);
    expect(&scope, "{\"programs\":true}");
    scope_release(&scope);
    settings_release(&settings);
}

static void
it_is_put_in_the_place_of_what_mule_yaml_says(void **state)
{
    struct settings settings;
    struct scope scope = labels("a");

    (void)state;
    settings_init(&settings);
    add(&settings.include, "Fast");
    add(&settings.exclude, "Old");
    add(&scope.exclude, "New");
    scope_apply(&scope, &settings);
    assert_int_equal(settings.labels.count, 1);
    assert_string_equal(settings.include.at[0], "Fast");
    assert_int_equal(settings.exclude.count, 1);
    assert_string_equal(settings.exclude.at[0], "New");
    scope_release(&scope);
    settings_release(&settings);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_can_be_read),
    cmocka_unit_test(what_is_no_scope_reads_as_all),
    cmocka_unit_test(joined_scopes_are_alternatives),
    cmocka_unit_test(all_there_is_stays_all_there_is),
    cmocka_unit_test(a_package_stands_for_what_is_in_it),
    cmocka_unit_test(only_what_both_leave_out_is_left_out),
    cmocka_unit_test(the_command_line_alone_makes_a_scope),
    cmocka_unit_test(programs_are_no_part_of_it),
    cmocka_unit_test(it_is_put_in_the_place_of_what_mule_yaml_says),
};

CHECK_MAIN(tests)
