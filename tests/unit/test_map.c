#include "util/map.h"

#include <stdio.h>

#include "check.h"

#define COUNT 2000

static int values[COUNT];

static struct slice
key_of(int number, char text[static 16])
{
    return slice_make(text, (size_t)snprintf(text, 16, "key %d", number));
}

static void
what_was_set_is_found(void **state)
{
    (void)state;
    struct map map = {0};
    char text[16];

    for (int i = 0; i < COUNT; i++) {
        assert_null(map_set(&map, key_of(i, text), &values[i]));
    }
    assert_int_equal(map.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(map_find(&map, key_of(i, text)), &values[i]);
    }
    assert_null(map_find(&map, SLICE("key")));
    assert_null(map_find(&map, SLICE("")));
    map_release(&map);
    assert_null(map_find(&map, SLICE("key 1")));
}

static void
setting_again_gives_what_was_there(void **state)
{
    (void)state;
    struct map map = {0};

    map_set(&map, SLICE("a"), &values[0]);
    assert_ptr_equal(map_set(&map, SLICE("a"), &values[1]), &values[0]);
    assert_ptr_equal(map_find(&map, SLICE("a")), &values[1]);
    assert_int_equal(map.count, 1);
    map_release(&map);
}

static void
keys_may_be_empty_or_hold_any_byte(void **state)
{
    (void)state;
    struct map map = {0};

    map_set(&map, slice_of(NULL), &values[0]);
    map_set(&map, SLICE("a\0b"), &values[1]);
    map_set(&map, SLICE("a\0c"), &values[2]);
    assert_ptr_equal(map_find(&map, SLICE("")), &values[0]);
    assert_ptr_equal(map_find(&map, SLICE("a\0b")), &values[1]);
    assert_ptr_equal(map_remove(&map, SLICE("")), &values[0]);
    assert_null(map_find(&map, SLICE("")));
    map_release(&map);
}

static void
removing_leaves_all_others_findable(void **state)
{
    (void)state;
    struct map map = {0};
    char text[16];

    for (int i = 0; i < COUNT; i++) {
        map_set(&map, key_of(i, text), &values[i]);
    }
    for (int i = 0; i < COUNT; i += 2) {
        assert_ptr_equal(map_remove(&map, key_of(i, text)), &values[i]);
        assert_null(map_remove(&map, key_of(i, text)));
    }
    for (int i = 0; i < COUNT; i++) {
        void *expected = i % 2 == 0 ? NULL : &values[i];
        assert_ptr_equal(map_find(&map, key_of(i, text)), expected);
    }
    assert_int_equal(map.count, COUNT / 2);
    map_release(&map);
}

static void
every_entry_is_visited_once(void **state)
{
    (void)state;
    struct map map = {0};
    int seen[COUNT] = {0};
    char text[16];
    size_t at = 0;

    for (int i = 0; i < COUNT; i++) {
        map_set(&map, key_of(i, text), &values[i]);
    }
    const struct map_entry *entry = NULL;
    while ((entry = map_next(&map, &at)) != NULL) {
        seen[(int *)entry->value - values]++;
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
    map_release(&map);
}

static void
borrowed_keys_are_not_copied(void **state)
{
    (void)state;
    static const char key[] = "mine";
    struct map map;
    size_t at = 0;

    map_init(&map, MAP_BORROWS_KEYS);
    map_set(&map, slice_of(key), &values[0]);
    assert_ptr_equal(map_next(&map, &at)->key, key);
    map_release(&map);
}

static void
the_hash_is_the_same_everywhere(void **state)
{
    (void)state;
    // What is cut by hash, as shards are, must be cut alike on every machine.
    assert_true(map_hash(SLICE("")) == UINT64_C(0xd47852abb57fbfb1));
    assert_true(map_hash(SLICE("pkg.module.Class")) ==
                UINT64_C(0x350068183075b33b));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_set_is_found),
    cmocka_unit_test(setting_again_gives_what_was_there),
    cmocka_unit_test(keys_may_be_empty_or_hold_any_byte),
    cmocka_unit_test(removing_leaves_all_others_findable),
    cmocka_unit_test(every_entry_is_visited_once),
    cmocka_unit_test(borrowed_keys_are_not_copied),
    cmocka_unit_test(the_hash_is_the_same_everywhere),
};

CHECK_MAIN(tests)
