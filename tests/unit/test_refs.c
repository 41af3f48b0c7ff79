#include "util/refs.h"

#include "util/map.h"

#include "check.h"

#define COUNT 3000

struct names {
    char text[COUNT][16];
};

static bool
name_is(const void *records, uint32_t ref, const void *key)
{
    const struct names *names = records;
    const struct slice *wanted = key;

    return slice_equals_text(*wanted, names->text[ref]);
}

static const struct refs_kind name_kind = {.is = name_is};

static uint32_t
find(const struct refs *refs, const char *text)
{
    struct slice key = slice_of(text);

    return refs_find(refs, map_hash(key), &key);
}

static void
add(struct refs *refs, const struct names *names, uint32_t ref)
{
    refs_add(refs, ref, map_hash(slice_of(names->text[ref])));
}

static struct names *
make_names(void)
{
    struct names *names = calloc(1, sizeof(*names));

    assert_non_null(names);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names->text[i], sizeof(names->text[i]), "name %d", i);
    }
    return names;
}

static void
records_are_found_by_their_content(void **state)
{
    (void)state;
    struct names *names = make_names();
    struct refs refs;

    refs_init(&refs, &name_kind, names);
    assert_int_equal(find(&refs, "name 1"), REFS_NONE);
    for (uint32_t i = 0; i < COUNT; i++) {
        add(&refs, names, i);
    }
    assert_int_equal(refs.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(find(&refs, names->text[i]), i);
    }
    assert_int_equal(find(&refs, "name 3000"), REFS_NONE);
    refs_release(&refs);
    assert_int_equal(find(&refs, "name 1"), REFS_NONE);
    free(names);
}

static void
records_may_move(void **state)
{
    (void)state;
    struct names *names = make_names();
    struct refs refs;

    refs_init(&refs, &name_kind, names);
    add(&refs, names, 0);
    add(&refs, names, 1);
    struct names *moved = make_names();
    free(names);
    refs_moved(&refs, moved);
    assert_int_equal(find(&refs, "name 1"), 1);
    refs_release(&refs);
    free(moved);
}

static void
the_table_costs_little(void **state)
{
    (void)state;
    struct names *names = make_names();
    struct refs refs;

    refs_init(&refs, &name_kind, names);
    for (uint32_t i = 0; i < COUNT; i++) {
        add(&refs, names, i);
    }
    assert_true(refs.capacity * sizeof(*refs.slots) <= (size_t)COUNT * 24);
    refs_release(&refs);
    free(names);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(records_are_found_by_their_content),
    cmocka_unit_test(records_may_move),
    cmocka_unit_test(the_table_costs_little),
};

CHECK_MAIN(tests)
