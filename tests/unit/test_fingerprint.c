#include "schedule/fingerprint.h"

#include "check.h"

#include <string.h>

/* "a.B: .x .y" are a job and its items. */
static void
add(struct items *items, const char *text)
{
    struct slice rest = slice_of(text);
    struct slice name;
    struct slice id;

    slice_split(&rest, ':', &name);
    uint32_t job = items_add_job(items, &(struct job_params){.name = name});
    while (slice_word(&rest, &id)) {
        items_add(items, job, id, 0);
    }
}

static void
expect_hash(const struct items *items, const char *bytes, size_t len)
{
    char hash[SHA256_SIZE];
    char expected[SHA256_SIZE];

    fingerprint_selected(items, hash);
    sha256_of(slice_make(bytes, len), expected);
    assert_string_equal(hash, expected);
}

static void
it_is_made_of_sorted_names_and_ids(void **state)
{
    static const char bytes[] = "a\0a.x\0a.y\0\0b\0b.z\0\0";
    struct items *items = items_new();

    (void)state;
    expect_hash(items, "", 0);
    add(items, "b: .z");
    add(items, "a: .y .x");
    expect_hash(items, bytes, sizeof(bytes) - 1);
    items_free(items);
}

static void
what_is_not_selected_does_not_count(void **state)
{
    static const char bytes[] = "a\0a.x\0\0";
    struct items *items = items_new();

    (void)state;
    add(items, "a: .y .x");
    add(items, "b: .z");
    items_get(items, 0)->flags = 0;
    items_get(items, 2)->flags = 0;
    expect_hash(items, bytes, sizeof(bytes) - 1);
    items_free(items);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_is_made_of_sorted_names_and_ids),
    cmocka_unit_test(what_is_not_selected_does_not_count),
};

CHECK_MAIN(tests)
