#include "check.h"

#include <stdlib.h>

#include "celery/idset.h"

static void
ids_are_remembered_for_a_while(void **state)
{
    struct idset set;

    (void)state;
    idset_init(&set, 10, 100);
    idset_add(&set, SLICE("a"), 0);
    idset_add(&set, SLICE("b"), 50);
    assert_true(idset_has(&set, SLICE("a"), 100));
    assert_false(idset_has(&set, SLICE("a"), 101));
    assert_true(idset_has(&set, SLICE("b"), 101));
    idset_remove(&set, SLICE("b"));
    idset_remove(&set, SLICE("b"));
    assert_false(idset_has(&set, SLICE("b"), 101));
    idset_release(&set);
}

static void
a_full_set_forgets_the_oldest(void **state)
{
    struct idset set;

    (void)state;
    idset_init(&set, 2, 100);
    idset_add(&set, SLICE("a"), 0);
    idset_add(&set, SLICE("b"), 1);
    idset_add(&set, SLICE("a"), 2); // young again
    idset_add(&set, SLICE("c"), 3);
    json_t *list = idset_json(&set, 4);
    char *text = json_dumps(list, JSON_COMPACT);
    assert_string_equal(text, "[\"a\",\"c\"]");
    free(text);
    json_decref(list);
    idset_release(&set);
}

static void
what_is_no_id_is_not_taken(void **state)
{
    struct idset set;
    static const char much[2000] = {'x'};

    (void)state;
    idset_init(&set, 2, 100);
    idset_add(&set, slice_make(much, sizeof(much)), 0);
    idset_add(&set, SLICE(""), 0);
    assert_int_equal(set.entries.count, 0);
    idset_release(&set);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_are_remembered_for_a_while),
    cmocka_unit_test(a_full_set_forgets_the_oldest),
    cmocka_unit_test(what_is_no_id_is_not_taken),
};

CHECK_MAIN(tests)
