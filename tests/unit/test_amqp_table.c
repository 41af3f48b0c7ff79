#include "transport/amqp_table.h"

#include <math.h>
#include <string.h>

#include "transport/amqp_bytes.h"
#include "util/json_text.h"

#include "check.h"

// What py-amqp 5.4.2 makes of the object below.
static const char golden[] =
    "\0\0\0\xbd\x04langS\0\0\0\x02py\x04taskS\0\0\0\x0dpkg.run_thing"
    "\x07retriesI\0\0\0\0\x03"
    "bigL\0\0\x01\0\0\0\0\0\x03negI\xff\xff\xff\xfd"
    "\x09timelimitA\0\0\0\x0aVd@\x1e\0\0\0\0\0\0\x0dignore_resultt\x01"
    "\x06stampsF\0\0\0\0\x0fstamped_headersV\x04"
    "deepF\0\0\0\x1b\x01"
    "aA\0\0\0\x14I\0\0\0\x01S\0\0\0\x01xF\0\0\0\x04\x01"
    "bt\0\x03uniS\0\0\0\x03h\xc3\xa9";
static const char golden_object[] =
    "{\"lang\": \"py\", \"task\": \"pkg.run_thing\", \"retries\": 0,"
    " \"big\": 1099511627776, \"neg\": -3, \"timelimit\": [null, 7.5],"
    " \"ignore_result\": true, \"stamps\": {}, \"stamped_headers\": null,"
    " \"deep\": {\"a\": [1, \"x\", {\"b\": false}]}, \"uni\": \"h\xc3\xa9\"}";

static struct slice
golden_bytes(void)
{
    return slice_make(golden, sizeof(golden) - 1);
}

// A table of what stands in `fields`.
static json_t *
decode(const char *fields, size_t len)
{
    struct buf bytes = BUF_INIT(4096);
    struct err err = {0};

    amqp_put_u32(&bytes, (uint32_t)len);
    buf_add(&bytes, fields, len);
    struct slice rest = buf_slice(&bytes);
    json_t *object = amqp_table_decode(&rest, &err);
    assert_true((object == NULL) == err_is_set(&err));
    buf_release(&bytes);
    return object;
}

#define DECODE(literal) decode("" literal, sizeof(literal) - 1)

static void
a_table_is_read_as_py_amqp_wrote_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct slice rest = golden_bytes();
    json_t *wanted = json_text_parse_object(slice_of(golden_object), &err);
    json_t *object = amqp_table_decode(&rest, &err);

    assert_non_null(wanted);
    assert_non_null(object);
    assert_int_equal(rest.len, 0);
    assert_true(json_equal(object, wanted));
    json_decref(object);
    json_decref(wanted);
}

static void
a_table_is_written_as_py_amqp_writes_it(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf out = BUF_INIT(4096);
    json_t *object = json_text_parse_object(slice_of(golden_object), &err);

    assert_true(amqp_table_encode(&out, object, &err));
    assert_int_equal(out.len, golden_bytes().len);
    assert_memory_equal(out.data, golden, out.len);
    buf_release(&out);
    json_decref(object);
}

static int64_t
integer_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void
every_kind_of_integer_is_read(void **state)
{
    (void)state;
    json_t *object =
        DECODE("\1bb\xff\1BB\xff\1ss\xff\xfe\1UU\xff\xfe\1uu\xff\xfe"
               "\1II\xff\xff\xff\xfe\1ii\xff\xff\xff\xfe"
               "\1LL\xff\xff\xff\xff\xff\xff\xff\xfe"
               "\1ll\xff\xff\xff\xff\xff\xff\xff\xfd"
               "\1TT\0\0\0\0k\x02\x30\x80");

    assert_non_null(object);
    assert_int_equal(integer_of(object, "b"), -1);
    assert_int_equal(integer_of(object, "B"), 255);
    assert_int_equal(integer_of(object, "s"), -2);
    assert_int_equal(integer_of(object, "U"), -2);
    assert_int_equal(integer_of(object, "u"), 65534);
    assert_int_equal(integer_of(object, "I"), -2);
    assert_int_equal(integer_of(object, "i"), 4294967294);
    assert_int_equal(integer_of(object, "L"), -2);
    assert_int_equal(integer_of(object, "l"), -3);
    assert_int_equal(integer_of(object, "T"), 1795305600);
    json_decref(object);
}

static double
real_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_true(json_is_real(value));
    return json_real_value(value);
}

static void
numbers_with_a_fraction_are_read(void **state)
{
    (void)state;
    json_t *object = DECODE("\1f"
                            "f\x3f\x80\0\0\1d"
                            "d\xbf\xe0\0\0\0\0\0\0\1D"
                            "D\2\0\0\0\x7d\1n"
                            "d\x7f\xf8\0\0\0\0\0\0");

    assert_non_null(object);
    assert_true(fabs(real_of(object, "f") - 1.0) < 1e-9);
    assert_true(fabs(real_of(object, "d") + 0.5) < 1e-9);
    assert_true(fabs(real_of(object, "D") - 1.25) < 1e-9);
    assert_true(json_is_null(json_object_get(object, "n")));
    json_decref(object);
}

static void
bytes_that_are_no_text_are_repaired(void **state)
{
    (void)state;
    json_t *object = DECODE("\1xx\0\0\0\3a\xff"
                            "b\2n\0S\0\0\0\3a\0b");

    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "x")),
                        "a\xef\xbf\xbd"
                        "b");
    assert_int_equal(json_string_length(json_object_get(object, "n")), 3);
    json_decref(object);
}

static void
what_is_cut_off_or_unknown_is_an_error(void **state)
{
    (void)state;

    for (size_t len = 0; len + 1 < sizeof(golden); len++) {
        struct slice rest = slice_first(golden_bytes(), len);
        struct err err = {0};
        assert_null(amqp_table_decode(&rest, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
    }
    assert_null(DECODE("\1aZ"));
    assert_null(DECODE("\1a"));
    assert_null(DECODE("\5a"));
    assert_null(DECODE("\1aA\0\0\0\2Vt"));
    assert_null(DECODE("\1aS\0\0\0\2x"));
}

static void
nesting_has_an_end(void **state)
{
    (void)state;
    struct buf bytes = BUF_INIT(1 << 20);
    struct err err = {0};
    json_t *inner = json_object();
    const uint32_t levels = 20000;

    for (uint32_t i = levels; i > 0; i--) {
        amqp_put_u32(&bytes, 6 * (i - 1));
        buf_add(&bytes, i > 1 ? "\1aF" : "", i > 1 ? 3 : 0);
    }
    struct slice rest = buf_slice(&bytes);
    assert_null(amqp_table_decode(&rest, &err));
    err_clear(&err);
    buf_reset(&bytes);
    for (int i = 0; i < 2 * AMQP_TABLE_DEPTH; i++) {
        inner = i % 2 == 0 ? json_pack("[o]", inner)
                           : json_pack("{s:o}", "a", inner);
    }
    assert_false(amqp_table_encode(&bytes, inner, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_release(&bytes);
    json_decref(inner);
}

static void
what_has_no_room_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf out = BUF_INIT(64);
    char name[300];
    json_t *object = json_object();

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    json_object_set_new(object, name, json_null());
    assert_false(amqp_table_encode(&out, object, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    err_clear(&err);
    buf_reset(&out);
    name[255] = '\0';
    json_object_clear(object);
    json_object_set_new(object, name, json_null());
    assert_false(amqp_table_encode(&out, object, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_release(&out);
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_read_as_py_amqp_wrote_it),
        cmocka_unit_test(a_table_is_written_as_py_amqp_writes_it),
        cmocka_unit_test(every_kind_of_integer_is_read),
        cmocka_unit_test(numbers_with_a_fraction_are_read),
        cmocka_unit_test(bytes_that_are_no_text_are_repaired),
        cmocka_unit_test(what_is_cut_off_or_unknown_is_an_error),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(what_has_no_room_is_an_error),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
