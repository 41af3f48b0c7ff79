#include "fleet/order_codec.h"

#include "check.h"
#include "golden.h"

#include <string.h>

#include "util/json_text.h"

/* Two jobs of three items each. */
static struct items *
two_jobs(void)
{
    struct items *items = items_new();
    for (int i = 0; i < 2; i++) {
        uint32_t job = items_add_job(
            items, &(struct job_params){
                       .name = i == 0 ? SLICE("m.A") : SLICE("m.B"),
                       .load = SLICE("m"),
                       .file = SLICE("m.py"),
                   });
        items_add(items, job, SLICE(".a"), 1);
        items_add(items, job, SLICE(".b"), 2);
        items_add(items, job, SLICE("odd"), 3);
    }
    return items;
}

static bool
read_order(const char *text, struct order_text *order, json_t **root,
           struct err *err)
{
    static struct order_places places;

    *root = json_text_parse_object(slice_of(text), err);
    assert_non_null(*root);
    bool fine = order_decode(*root, order, &places, err);
    if (!fine) {
        ARRAY_RELEASE(&places);
    }
    return fine;
}

static void
orders_are_written_as_they_were_read(void **state)
{
    struct buf bytes = golden_read("fleet/orders");
    struct slice rest = buf_slice(&bytes);
    struct slice line;
    struct order_places places = {0};
    int count = 0;

    (void)state;
    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        struct err err = {0};
        struct order_text order;
        struct buf again = BUF_INIT(4096);
        json_t *root = json_text_parse_object(line, &err);
        if (!order_decode(root, &order, &places, &err)) {
            fail_msg("%s", err.text);
        }
        order_add(&again, &order);
        assert_int_equal(again.len, line.len);
        assert_memory_equal(again.data, line.data, line.len);
        buf_release(&again);
        json_decref(root);
        count++;
    }
    assert_int_equal(count, 4);
    ARRAY_RELEASE(&places);
    buf_release(&bytes);
}

static void
assert_refused(const char *text, const char *why)
{
    struct order_text order;
    struct err err = {0};
    json_t *root = NULL;

    assert_false(read_order(text, &order, &root, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    }
    json_decref(root);
}

static void
orders_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    assert_refused("{}", "an order is not");
    assert_refused("{\"o\":[1]}", "an order is not");
    assert_refused("{\"o\":[1,65536]}", "an order is not");
    assert_refused("{\"o\":[-1,1]}", "an order is not");
    assert_refused("{\"o\":[1,1]}", "\"name\" is missing");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"b\"}",
                   "no kind of job");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\"}",
                   "\"total\" is missing");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":2,\"digest\":\"abc\"}",
                   "3 letters");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":2,\"items\":[]}",
                   "empty");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":2,\"items\":[2]}",
                   "ascending places");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":3,\"items\":[1,1]}",
                   "ascending places");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":2,\"timeout_ms\":-1}",
                   "timeout_ms");
    assert_refused("{\"o\":[1,1],\"name\":\"a\",\"kind\":\"class\","
                   "\"total\":2,\"expect_us\":40000000000000}",
                   "expect_us");
}

static void
a_digest_is_over_the_ids_alone(void **state)
{
    struct items *items = two_jobs();
    char a[ORDER_DIGEST_SIZE];
    char b[ORDER_DIGEST_SIZE];

    (void)state;
    order_digest(items, 0, a);
    // printf 'm.A.a\nm.A.b\nodd\n' | sha256sum
    assert_string_equal(a, "5dd604d570e53691");
    order_digest(items, 1, b);
    // The second item called "odd" has a serial number, which does not count.
    assert_string_not_equal(a, b);
    uint32_t list[] = {4};
    uint32_t part = items_split_job(items, 1, list, 1);
    order_digest(items, part, a);
    assert_string_equal(a, b);
    items_free(items);
}

static void
what_appeared_has_no_place(void **state)
{
    struct items *items = two_jobs();
    char before[ORDER_DIGEST_SIZE];
    char after[ORDER_DIGEST_SIZE];

    (void)state;
    order_digest(items, 1, before);
    uint32_t item = items_add(items, 1, SLICE("fixture"), 0);
    items_get(items, item)->flags |= ITEM_APPEARED;
    order_digest(items, 1, after);
    assert_string_equal(before, after);
    assert_int_equal(order_place_of(items, 1, item), ITEM_NONE);
    assert_int_equal(order_item_at(items, 1, 3), ITEM_NONE);
    items_free(items);
}

static void
places_are_those_of_the_whole_job(void **state)
{
    struct items *items = two_jobs();
    uint32_t list[] = {3, 5};
    uint32_t part = items_split_job(items, 1, list, 2);

    (void)state;
    assert_int_equal(order_place_of(items, part, 5), 2);
    assert_int_equal(order_item_at(items, part, 2), 5);
    assert_int_equal(order_item_at(items, part, 3), ITEM_NONE);
    assert_int_equal(order_place_of(items, part, 0), ITEM_NONE);
    assert_int_equal(order_place_of(items, 0, 5), ITEM_NONE);
    items_free(items);
}

static void
a_job_is_described_with_what_is_open(void **state)
{
    struct items *items = two_jobs();
    struct order_places places = {0};
    struct order order = {.job = 1,
                          .attempt = 2,
                          .timeout_ms = 5,
                          .expect_us = UINT64_C(9000000000)};
    struct order_text text;

    (void)state;
    order_describe(&text, items, &order, &places);
    assert_null(text.places);
    assert_int_equal(text.total, 3);
    assert_int_equal(text.order.attempt, 2);
    assert_int_equal(text.order.timeout_ms, 5);
    assert_int_equal(text.order.expect_us, UINT64_C(9000000000));
    assert_true(slice_equals_text(text.name, "m.B"));
    items_get(items, 4)->state = STATE_PASSED;
    order_describe(&text, items, &order, &places);
    assert_int_equal(text.count, 2);
    assert_int_equal(text.places[0], 0);
    assert_int_equal(text.places[1], 2);
    ARRAY_RELEASE(&places);
    items_free(items);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(orders_are_written_as_they_were_read),
    cmocka_unit_test(orders_that_make_no_sense_are_refused),
    cmocka_unit_test(a_digest_is_over_the_ids_alone),
    cmocka_unit_test(what_appeared_has_no_place),
    cmocka_unit_test(places_are_those_of_the_whole_job),
    cmocka_unit_test(a_job_is_described_with_what_is_open),
};

CHECK_MAIN(tests)
