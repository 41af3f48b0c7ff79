#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schedule/select.h"

static void
add(struct items *items, const char *job, const char *file,
    const char *const ids[])
{
    struct job_params params = {
        .name = slice_of(job),
        .file = slice_of(file),
        .kind = strchr(job, '/') != NULL ? JOB_COMMAND : JOB_CLASS,
    };
    uint32_t number = items_add_job(items, &params);

    for (int i = 0; ids[i] != NULL; i++) {
        items_add(items, number, slice_of(ids[i]), 0);
    }
}

static int
set_up(void **state)
{
    struct items *items = items_new();
    static const char *const users[] = {".test_get", ".test_put", NULL};
    static const char *const login[] = {".test_ok", ".test_bad", NULL};
    static const char *const module[] = {"shop.carts.test_carts.A.test_a",
                                         "shop.carts.test_carts.B.test_b",
                                         NULL};
    static const char *const program[] = {"", NULL};

    add(items, "shop.users.api.UsersTest", "shop/users/api.py", users);
    add(items, "shop.users.test_login.LoginTest", "shop/users/test_login.py",
        login);
    add(items, "shop.carts.test_carts", "shop/carts/test_carts.py", module);
    items_job(items, 2)->kind = JOB_MODULE;
    add(items, "t/basic.t", "t/basic.t", program);
    *state = items;
    return 0;
}

static int
tear_down(void **state)
{
    items_free(*state);
    return 0;
}

// Choices, as "l:label k:part i:include x:exclude" in any number.
struct choice {
    struct texts labels, patterns, include, exclude;
};

static void
read_choice(struct choice *choice, const char *text)
{
    struct slice rest = slice_of(text);
    struct slice word;

    memset(choice, 0, sizeof(*choice));
    while (slice_word(&rest, &word)) {
        char *value = slice_dup(slice_skip(word, 2));
        struct texts *texts = word.data[0] == 'l'   ? &choice->labels
                              : word.data[0] == 'k' ? &choice->patterns
                              : word.data[0] == 'i' ? &choice->include
                                                    : &choice->exclude;
        texts_add(texts, value);
        free(value);
    }
}

static void
release_choice(struct choice *choice)
{
    texts_release(&choice->labels);
    texts_release(&choice->patterns);
    texts_release(&choice->include);
    texts_release(&choice->exclude);
}

static bool
choose(struct items *items, const char *text, struct selected *selected,
       struct err *err)
{
    struct choice choice;
    struct selection selection = {.labels = &choice.labels,
                                  .patterns = &choice.patterns,
                                  .include = &choice.include,
                                  .exclude = &choice.exclude};

    read_choice(&choice, text);
    bool ok = select_items(items, &selection, selected, err);
    if (selected->in_vain != NULL) {
        selected->in_vain = "something";
    }
    release_choice(&choice);
    return ok;
}

// `expected` has a letter for each of the seven items: x selected, . not.
static void
expect(struct items *items, const char *text, const char *expected)
{
    struct selected selected;
    struct err err = {0};
    char result[16] = "";
    uint32_t count = items_count(items);

    if (!choose(items, text, &selected, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    for (uint32_t i = 0; i < count; i++) {
        bool is = (items_peek(items, i)->flags & ITEM_SELECTED) != 0;
        result[i] = is ? 'x' : '.';
    }
    if (strcmp(result, expected) != 0) {
        fail_msg("%s: %s, not %s", text, result, expected);
    }
}

static void
expect_error(struct items *items, const char *text, const char *message)
{
    struct selected selected;
    struct err err = {0};

    assert_false(choose(items, text, &selected, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(err.text, message);
}

static void
without_a_choice_everything_runs(void **state)
{
    struct items *items = *state;
    const struct selection nothing = {0};
    struct selected selected;
    struct err err = {0};

    assert_true(select_items(items, &nothing, &selected, &err));
    assert_int_equal(selected.items, 7);
    assert_int_equal(selected.jobs, 4);
    assert_int_equal(selected.excluded, 0);
    assert_null(selected.in_vain);
}

static void
label_patterns_match_an_id_or_what_is_above_it(void **state)
{
    struct items *items = *state;

    expect(items, "l:shop.*.api", "xx.....");
    expect(items, "l:*Login*", "..xx...");
    expect(items, "l:shop.*", "xxxxxx.");
    expect(items, "l:*.test_[gp]?t", "xx.....");
    expect(items, "l:shop.carts.*.A", "....x..");
    expect(items, "l:t/*.t", "......x");
    expect(items, "l:shop/*/test_*.py", "..xxxx.");
    // A pattern begins where the name begins.
    expect_error(items, "l:Login*", "nothing matches \"Login*\"");
}

static void
labels_beside_a_pattern_select_too(void **state)
{
    struct items *items = *state;

    expect(items, "l:*.api l:shop.carts.test_carts.A", "xx..x..");
    expect(items, "l:*.api l:shop/carts/", "xx..xx.");
    expect(items, "l:*.api l:./t/basic.t", "xx....x");
    expect(items, "l:*.api l:.", "xxxxxxx");
    expect(items, "l:shop.users.test_login.LoginTest.test_ok", "..x....");
    // No name ends in the middle of a word.
    expect_error(items, "l:*.api l:shop.cart",
                 "nothing matches \"shop.cart\"; did you mean "
                 "\"shop.carts\"?");
}

static void
a_label_that_fits_nothing_changes_nothing(void **state)
{
    struct items *items = *state;

    expect(items, "k:test_ok", "..x....");
    expect_error(items, "l:*.apo", "nothing matches \"*.apo\"");
    expect_error(items, "l:*UserTest",
                 "nothing matches \"*UserTest\"; did "
                 "you mean \"UsersTest\"?");
    expect_error(items, "l:shop.* l:shop.users.test_lgoin",
                 "nothing matches \"shop.users.test_lgoin\"; did you mean "
                 "\"shop.users.test_login\"?");
    assert_int_equal(items_peek(items, 0)->flags & ITEM_SELECTED, 0);
    assert_int_equal(items_peek(items, 2)->flags & ITEM_SELECTED,
                     ITEM_SELECTED);
}

static void
an_id_with_a_bracket_is_its_own_label(void **state)
{
    struct items *items = *state;
    static const char *const ids[] = {"case[1]", "case1", NULL};

    add(items, "table", "", ids);
    expect(items, "l:case[1]", ".......xx");
}

static void
k_is_part_of_an_id_or_a_pattern_for_all_of_it(void **state)
{
    struct items *items = *state;

    expect(items, "k:login", "..xx...");
    expect(items, "k:Login", "..xx...");
    expect(items, "k:LOGIN", ".......");
    expect(items, "k:_ok k:_a", "..x.x..");
    expect(items, "k:*_ok", "..x....");
    expect(items, "k:Login*", ".......");
    expect(items, "k:test_[gp]", "xx.....");
    expect(items, "k:B.test_?", ".....x.");
    expect(items, "k:", "xxxxxxx");
}

static void
classes_are_included_by_any_of_their_names(void **state)
{
    struct items *items = *state;

    expect(items, "i:LoginTest", "..xx...");
    expect(items, "i:test_login.LoginTest", "..xx...");
    expect(items, "i:shop.users.test_login.LoginTest", "..xx...");
    expect(items, "i:ginTest", ".......");
    expect(items, "i:*inTest", "..xx...");
    expect(items, "i:[AB]", "....xx.");
    expect(items, "i:B", ".....x.");
    expect(items, "i:A i:UsersTest", "xx..x..");
    expect(items, "i:shop.carts", "....xx.");
    expect(items, "i:shop.carts.test_carts.A.test_a", "....x..");
    expect(items, "i:basic.*", "......x");
}

static void
excluding_wins(void **state)
{
    struct items *items = *state;

    expect(items, "x:LoginTest", "xx..xxx");
    expect(items, "i:LoginTest x:LoginTest", ".......");
    expect(items, "l:shop.* x:*.test_ok x:A", "xx.x.x.");
    expect(items, "x:Nothing", "xxxxxxx");
}

static void
all_choices_have_to_agree(void **state)
{
    struct items *items = *state;

    expect(items, "l:shop.users.* k:test_o i:LoginTest", "..x....");
    expect(items, "l:shop.users.* i:A", ".......");
}

static void
a_module_that_was_not_loaded_is_taken_if_it_may_be_meant(void **state)
{
    struct items *items = *state;
    static const char *const ids[] = {
        "unittest.loader._FailedTest.shop.users.test_new", NULL};

    add(items, "shop.users.test_new", "shop/users/test_new.py", ids);
    items_job(items, 4)->kind = JOB_IMPORT;
    expect(items, "k:login", "..xx...x");
    expect(items, "i:LoginTest", "..xx...x");
    expect(items, "l:*.LoginTest", "..xx...x");
    expect(items, "l:shop.*.LoginTest", "..xx...x");
    expect(items, "l:shop.users.test_new.* l:*.A", "....x..x");
    expect(items, "l:shop.users.test_new.B l:shop.?sers.api", "xx.....x");
    expect(items, "l:shop.carts.*", "....xx..");
    expect(items, "l:shop.users.test_l*", "..xx....");
    expect(items, "l:shop/users/*", "xxxx...x");
    expect(items, "k:test_ok x:shop.users.test_new", "..x.....");
    expect(items, "k:test_ok x:*.test_new", "..x.....");
    expect(items, "x:shop.users.test_new.A", "xxxxxxxx");
}

static void
what_was_chosen_in_vain_is_told(void **state)
{
    struct items *items = *state;
    struct selected selected;
    struct err err = {0};

    assert_true(choose(items, "k:Login k:nothing", &selected, &err));
    assert_string_equal(selected.in_vain, "something");
    assert_int_equal(selected.items, 2);
    assert_int_equal(selected.excluded, 5);
    assert_int_equal(selected.jobs, 1);
    assert_true(choose(items, "i:Nothing", &selected, &err));
    assert_string_equal(selected.in_vain, "something");
    assert_true(choose(items, "x:Nothing", &selected, &err));
    assert_null(selected.in_vain);
}

static void
a_second_choice_forgets_the_first(void **state)
{
    struct items *items = *state;

    expect(items, "k:login", "..xx...");
    expect(items, "k:users.api", "xx.....");
}

static void
labels_without_a_pattern_are_for_the_adapter(void **state)
{
    (void)state;
    struct texts labels = {0};

    assert_false(select_has_pattern(&labels));
    texts_add(&labels, "shop.users");
    texts_add(&labels, "t/basic.t");
    assert_false(select_has_pattern(&labels));
    texts_add(&labels, "shop.?");
    assert_true(select_has_pattern(&labels));
    texts_release(&labels);
}

static void
the_nearest_name_is_of_any_height(void **state)
{
    struct items *items = *state;
    static const char *const words[][2] = {
        {"shop.user", "shop.users"},
        {"LoginTset", "LoginTest"},
        {"shop.users.test_login.LoginTest.test_okay",
         "shop.users.test_login.LoginTest.test_ok"},
        {"shop/users/tst_login.py", "shop/users/test_login.py"},
        {"qwertzuiop", ""},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct buf nearest = BUF_INIT(1000);
        select_nearest(items, words[i][0], &nearest);
        assert_string_equal(buf_text(&nearest), words[i][1]);
        buf_release(&nearest);
    }
}

#define WITH_ITEMS(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    WITH_ITEMS(without_a_choice_everything_runs),
    WITH_ITEMS(label_patterns_match_an_id_or_what_is_above_it),
    WITH_ITEMS(labels_beside_a_pattern_select_too),
    WITH_ITEMS(a_label_that_fits_nothing_changes_nothing),
    WITH_ITEMS(an_id_with_a_bracket_is_its_own_label),
    WITH_ITEMS(k_is_part_of_an_id_or_a_pattern_for_all_of_it),
    WITH_ITEMS(classes_are_included_by_any_of_their_names),
    WITH_ITEMS(excluding_wins),
    WITH_ITEMS(all_choices_have_to_agree),
    WITH_ITEMS(a_module_that_was_not_loaded_is_taken_if_it_may_be_meant),
    WITH_ITEMS(what_was_chosen_in_vain_is_told),
    WITH_ITEMS(a_second_choice_forgets_the_first),
    WITH_ITEMS(labels_without_a_pattern_are_for_the_adapter),
    WITH_ITEMS(the_nearest_name_is_of_any_height),
};

CHECK_MAIN(tests)
