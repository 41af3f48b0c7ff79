#include "check.h"

#ifdef __GLIBC__
#    include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/items.h"
#include "util/alloc.h"

static uint32_t
add_job(struct items *items, const char *name)
{
    struct job_params params = {
        .name = slice_of(name),
        .file = SLICE("tests/test_a.py"),
        .load = SLICE("tests.test_a"),
        .kind = JOB_CLASS,
    };
    return items_add_job(items, &params);
}

static uint32_t
add(struct items *items, uint32_t job, const char *id)
{
    return items_add(items, job, slice_of(id), 7);
}

static void
expect_id(const struct items *items, uint32_t item, const char *expected)
{
    struct buf buf = BUF_INIT(1000);

    items_id(items, item, &buf);
    assert_string_equal(buf_text(&buf), expected);
    assert_int_equal(items_find(items, slice_of(expected)), item);
    buf_release(&buf);
}

static void
an_id_that_begins_with_a_dot_follows_its_jobs_name(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t job = add_job(items, "tests.test_a.A");

    expect_id(items, add(items, job, ".test_one"), "tests.test_a.A.test_one");
    expect_id(items, add(items, job, "other.test_two"), "other.test_two");
    assert_int_equal(items_find(items, SLICE("tests.test_a.A")), ITEM_NONE);
    assert_int_equal(items_find(items, SLICE("")), ITEM_NONE);
    items_free(items);
}

static void
what_was_added_can_be_read(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t first = add_job(items, "A");
    uint32_t a = add(items, first, ".a");
    uint32_t second = add_job(items, "B");
    uint32_t b = add(items, second, ".b");
    uint32_t c = add(items, second, ".c");

    assert_int_equal(items_count(items), 3);
    assert_int_equal(items_job_count(items), 2);
    assert_int_equal(items_peek(items, a)->job, first);
    assert_int_equal(items_peek(items, b)->line, 7);
    assert_int_equal(items_peek(items, b)->flags, ITEM_SELECTED);
    assert_int_equal(items_peek(items, b)->state, STATE_NONE);
    assert_int_equal(items_peek_job(items, second)->count, 2);
    assert_int_equal(items_of_job(items, second, 1), c);
    assert_string_equal(items_job_name(items, second), "B");
    assert_string_equal(items_job_file(items, second), "tests/test_a.py");
    assert_string_equal(items_job_load(items, first), "tests.test_a");
    // The same file as the job before has is the same text.
    assert_ptr_equal(items_job_file(items, first),
                     items_job_file(items, second));
    assert_true(items_job_has(items, second, c));
    assert_false(items_job_has(items, second, a));
    assert_false(items_job_has(items, second, ITEM_NONE));
    items_free(items);
}

static void
the_same_id_twice_gets_a_serial_number(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");
    uint32_t other = add_job(items, "B");

    expect_id(items, add(items, job, ".a"), "A.a");
    expect_id(items, add(items, job, ".a"), "A.a#2");
    expect_id(items, add(items, other, "A.a"), "A.a#3");
    expect_id(items, 0, "A.a");

    struct buf plain = BUF_INIT(100);
    items_plain_id(items, 2, &plain);
    assert_string_equal(buf_text(&plain), "A.a");
    buf_release(&plain);
    items_free(items);
}

static void
an_id_that_looks_like_a_serial_number_is_no_other_item(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");

    expect_id(items, add(items, job, ".a#2"), "A.a#2");
    expect_id(items, add(items, job, ".a"), "A.a");
    expect_id(items, add(items, job, ".a"), "A.a#3");
    expect_id(items, add(items, job, ".a#2"), "A.a#2#2");
    items_free(items);
}

static void
many_items_of_one_id_are_all_different(void **state)
{
    (void)state;
    enum {
        COUNT = 3000
    };
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");
    char expected[32];

    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(add(items, job, ".a"), i);
    }
    for (uint32_t i = 1; i < COUNT; i++) {
        snprintf(expected, sizeof(expected), "A.a#%u", i + 1);
        expect_id(items, i, expected);
    }
    items_free(items);
}

static void
ids_may_hold_any_byte(void **state)
{
    (void)state;
    static const char bytes[] = ".a\0b \"'\xff\n";
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");
    struct slice id = slice_make(bytes, sizeof(bytes) - 1);
    struct buf buf = BUF_INIT(100);

    uint32_t first = items_add(items, job, id, 0);
    uint32_t shorter = items_add(items, job, SLICE(".a"), 0);
    uint32_t empty = items_add(items, job, SLICE(""), 0);
    items_id(items, first, &buf);
    assert_int_equal(buf.len, id.len + 1);
    assert_memory_equal(buf.data + 1, bytes, id.len);
    assert_int_equal(items_peek(items, shorter)->serial, 0);
    assert_int_equal(items_find(items, SLICE("")), empty);
    buf_release(&buf);
    items_free(items);
}

static void
texts_of_any_length_stay_where_they_are(void **state)
{
    (void)state;
    enum {
        LONG = 3000000
    };
    struct items *items = items_new();
    char *name = alloc_bytes(LONG);
    memset(name, 'x', LONG);
    struct job_params params = {.name = slice_make(name, LONG)};
    uint32_t first = add_job(items, "A");
    const char *text = items_job_name(items, first);
    uint32_t second = items_add_job(items, &params);
    uint32_t item = add(items, second, ".a");

    for (int i = 0; i < 100000; i++) {
        add(items, first, ".many");
    }
    assert_ptr_equal(items_job_name(items, first), text);
    assert_int_equal(strlen(items_job_name(items, second)), LONG);
    struct buf buf = BUF_INIT(LONG + 10);
    items_id(items, item, &buf);
    assert_int_equal(buf.len, LONG + 2);
    buf_release(&buf);
    free(name);
    items_free(items);
}

static void
an_item_that_appears_later_belongs_to_its_job_but_not_to_its_range(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");
    add(items, job, ".a");
    uint32_t other = add_job(items, "B");
    uint32_t late = add(items, job, "setUpClass (A)");

    assert_int_equal(items_peek_job(items, job)->count, 1);
    assert_true(items_job_has(items, job, late));
    assert_false(items_job_has(items, other, late));
    items_free(items);
}

static void
a_part_of_a_job_has_some_of_its_items(void **state)
{
    (void)state;
    struct items *items = items_new();
    uint32_t job = add_job(items, "A");
    for (int i = 0; i < 5; i++) {
        add(items, job, ".a");
    }
    const uint32_t behind[] = {2, 3, 4};
    const uint32_t scattered[] = {0, 3, 4};
    const uint32_t backwards[] = {4, 0};
    uint32_t range = items_split_job(items, job, behind, 3);
    uint32_t list = items_split_job(items, job, scattered, 3);
    uint32_t back = items_split_job(items, list, backwards, 2);

    assert_int_equal(items_peek_job(items, range)->list, 0);
    assert_int_equal(items_of_job(items, range, 0), 2);
    assert_int_equal(items_of_job(items, list, 1), 3);
    assert_int_equal(items_of_job(items, back, 0), 4);
    assert_true(items_job_has(items, list, 4));
    assert_false(items_job_has(items, list, 1));
    assert_true(items_job_has(items, back, 0));
    assert_false(items_job_has(items, back, 3));
    assert_false(items_job_has(items, range, 1));
    assert_string_equal(items_job_name(items, back), "A");
    assert_int_equal(items_peek_job(items, back)->origin, job);
    assert_int_equal(items_peek_job(items, back)->attempt, 0);
    // What appears while a part runs belongs to the job and all its parts.
    uint32_t late = add(items, back, "tearDownClass (A)");
    assert_int_equal(items_peek(items, late)->job, job);
    assert_true(items_job_has(items, back, late));
    assert_true(items_job_has(items, job, late));
    items_free(items);
}

static void
a_collection_that_starts_again_starts_from_zero(void **state)
{
    (void)state;
    struct items *items = items_new();

    add(items, add_job(items, "A"), ".a");
    items_clear(items);
    assert_int_equal(items_count(items), 0);
    assert_int_equal(items_job_count(items), 0);
    assert_int_equal(items_find(items, SLICE("A.a")), ITEM_NONE);
    expect_id(items, add(items, add_job(items, "B"), ".a"), "B.a");
    items_free(items);
}

static void
kinds_of_jobs_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < JOB_KIND_COUNT; i++) {
        enum job_kind kind = JOB_KIND_COUNT;
        const char *name = job_kind_name((enum job_kind)i);
        assert_true(job_kind_find(slice_of(name), &kind));
        assert_int_equal(kind, i);
    }
    enum job_kind kind = JOB_KIND_COUNT;
    assert_false(job_kind_find(SLICE("clas"), &kind));
}

// 0 where the allocator does not tell, as those of sanitizers do not.
static size_t
allocated(void)
{
#ifdef __GLIBC__
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

// 100,000 items in classes of ten. The tables grow by half, so that what is
// allocated is more than what is used; the promise is about the former.
static void
an_item_costs_little_memory(void **state)
{
    (void)state;
    enum {
        JOBS = 10000,
        EACH = 10
    };
    size_t before = allocated();
    struct items *items = items_new();
    char name[64];

    for (int i = 0; i < JOBS; i++) {
        snprintf(name, sizeof(name), "package.tests.test_m%03d.Class%06d",
                 i / 10, i);
        uint32_t job = add_job(items, name);
        for (int k = 0; k < EACH; k++) {
            snprintf(name, sizeof(name), ".test_something_%02d", k);
            add(items, job, name);
        }
    }
    // The allocators of sanitizers tell 0, which is within the promise too.
    size_t each = (allocated() - before) / ((size_t)JOBS * EACH);
    print_message("# %zu bytes an item\n", each);
    assert_true(each <= 110);
    items_free(items);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_id_that_begins_with_a_dot_follows_its_jobs_name),
    cmocka_unit_test(what_was_added_can_be_read),
    cmocka_unit_test(the_same_id_twice_gets_a_serial_number),
    cmocka_unit_test(an_id_that_looks_like_a_serial_number_is_no_other_item),
    cmocka_unit_test(many_items_of_one_id_are_all_different),
    cmocka_unit_test(ids_may_hold_any_byte),
    cmocka_unit_test(texts_of_any_length_stay_where_they_are),
    cmocka_unit_test(
        an_item_that_appears_later_belongs_to_its_job_but_not_to_its_range),
    cmocka_unit_test(a_part_of_a_job_has_some_of_its_items),
    cmocka_unit_test(a_collection_that_starts_again_starts_from_zero),
    cmocka_unit_test(kinds_of_jobs_have_names),
    cmocka_unit_test(an_item_costs_little_memory),
};

CHECK_MAIN(tests)
