#include "util/list.h"

#include "check.h"

struct letter {
    char name;
    struct list_link link;
};

static struct letter *
letter_of(struct list_link *link)
{
    return LIST_ENTRY(link, struct letter, link);
}

// The letters of a list, in `text`, which has room for them.
static const char *
spell(struct list *list, char *text)
{
    size_t len = 0;

    LIST_FOR_EACH(link, list)
    {
        text[len++] = letter_of(link)->name;
    }
    text[len] = '\0';
    return text;
}

static void
elements_come_in_order_from_both_ends(void **state)
{
    (void)state;
    struct letter a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct list list;
    char text[8];

    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    list_add(&list, &b.link);
    list_add(&list, &c.link);
    list_add_first(&list, &a.link);
    assert_string_equal(spell(&list, text), "abc");
    assert_ptr_equal(letter_of(list_first(&list)), &a);
}

static void
an_element_may_go_while_it_is_visited(void **state)
{
    (void)state;
    struct letter letters[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    struct list list;
    char text[8];

    list_init(&list);
    for (size_t i = 0; i < 3; i++) {
        list_add(&list, &letters[i].link);
    }
    LIST_FOR_EACH(link, &list)
    {
        if (letter_of(link)->name != 'b') {
            list_remove(link);
        }
    }
    assert_string_equal(spell(&list, text), "b");
}

static void
removing_twice_is_removing_once(void **state)
{
    (void)state;
    struct letter a = {.name = 'a'};
    struct list list;

    list_init(&list);
    assert_false(list_has(&a.link));
    list_remove(&a.link);
    list_add(&list, &a.link);
    assert_true(list_has(&a.link));
    list_remove(&a.link);
    list_remove(&a.link);
    assert_false(list_has(&a.link));
    assert_true(list_is_empty(&list));
}

static void
taking_empties_the_list(void **state)
{
    (void)state;
    struct letter a = {.name = 'a'}, b = {.name = 'b'};
    struct list list;

    list_init(&list);
    list_add(&list, &a.link);
    list_add_behind(&a.link, &b.link);
    assert_ptr_equal(list_take_first(&list), &a.link);
    assert_ptr_equal(list_take_first(&list), &b.link);
    assert_null(list_take_first(&list));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements_come_in_order_from_both_ends),
    cmocka_unit_test(an_element_may_go_while_it_is_visited),
    cmocka_unit_test(removing_twice_is_removing_once),
    cmocka_unit_test(taking_empties_the_list),
};

CHECK_MAIN(tests)
