#include "util/field.h"

#include <math.h>

#include "util/json_text.h"

#include "check.h"

static json_t *
parse(const char *text)
{
    struct err err = {0};
    json_t *object = json_text_parse_object(slice_of(text), &err);

    assert_non_null(object);
    return object;
}

static const struct field_range any = {INT64_MIN, INT64_MAX};

static void
fields_are_read_by_their_type(void **state)
{
    (void)state;
    json_t *object = parse("{\"t\": \"a\\u0000b\", \"i\": -7, \"d\": 1.5,"
                           " \"b\": true, \"o\": {\"x\": 1}, \"a\": [1, 2]}");
    struct err err = {0};
    struct slice text;
    int64_t integer = 0;
    double number = 0;
    bool truth = false;
    const json_t *inner = NULL;

    assert_true(field_text(object, "t", &text, &err));
    assert_true(slice_equals(text, SLICE("a\0b")));
    assert_true(field_int(object, "i", any, &integer, &err));
    assert_int_equal(integer, -7);
    assert_true(field_double(object, "d", &number, &err));
    assert_true(fabs(number - 1.5) < 1e-9);
    assert_true(field_double(object, "i", &number, &err));
    assert_true(fabs(number + 7.0) < 1e-9);
    assert_true(field_bool(object, "b", &truth, &err));
    assert_true(truth);
    assert_true(field_object(object, "o", &inner, &err));
    assert_int_equal(json_object_size(inner), 1);
    assert_true(field_array(object, "a", &inner, &err));
    assert_int_equal(json_array_size(inner), 2);
    json_decref(object);
}

static void
a_missing_field_is_named(void **state)
{
    (void)state;
    json_t *object = parse("{}");
    struct slice text;
    struct err err = {0};

    assert_false(field_text(object, "id", &text, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_string_equal(err.text, "field \"id\" is missing");
    json_decref(object);
}

static void
a_field_of_another_type_is_named(void **state)
{
    (void)state;
    json_t *object =
        parse("{\"id\": 7, \"n\": \"7\", \"f\": 1.5, \"z\": null}");
    struct slice text;
    int64_t integer = 0;
    bool truth = false;
    const json_t *inner = NULL;
    struct err err = {0};

    assert_false(field_text(object, "id", &text, &err));
    assert_string_equal(err.text, "field \"id\" is a number instead of a text");
    err_clear(&err);
    assert_false(field_int(object, "n", any, &integer, &err));
    assert_string_equal(err.text,
                        "field \"n\" is a text instead of an integer");
    err_clear(&err);
    assert_false(field_int(object, "f", any, &integer, &err));
    err_clear(&err);
    assert_false(field_bool(object, "z", &truth, &err));
    assert_string_equal(err.text,
                        "field \"z\" is null instead of true or false");
    err_clear(&err);
    assert_false(field_object(object, "n", &inner, &err));
    err_clear(&err);
    assert_false(field_array(object, "n", &inner, &err));
    json_decref(object);
}

static void
a_number_outside_its_bounds_is_an_error(void **state)
{
    (void)state;
    json_t *object = parse("{\"slot\": 65}");
    int64_t slot = 3;
    struct err err = {0};

    assert_false(
        field_int(object, "slot", (struct field_range){0, 64}, &slot, &err));
    assert_string_equal(err.text,
                        "field \"slot\" is 65, which is not between 0 and 64");
    assert_int_equal(slot, 3);
    json_decref(object);
}

static void
what_is_optional_may_be_missing_or_null(void **state)
{
    (void)state;
    json_t *object = parse("{\"null\": null, \"n\": 4}");
    struct slice text = SLICE("before");
    int64_t integer = 3;
    double number = 2.5;
    bool truth = true;
    const json_t *inner = object;
    struct err err = {0};

    assert_true(field_text_optional(object, "no", &text, &err));
    assert_true(field_text_optional(object, "null", &text, &err));
    assert_true(slice_equals_text(text, "before"));
    assert_true(field_int_optional(object, "null", any, &integer, &err));
    assert_int_equal(integer, 3);
    assert_true(field_int_optional(object, "n", any, &integer, &err));
    assert_int_equal(integer, 4);
    assert_true(field_double_optional(object, "no", &number, &err));
    assert_true(field_bool_optional(object, "no", &truth, &err));
    assert_true(truth);
    assert_true(field_object_optional(object, "null", &inner, &err));
    assert_true(field_array_optional(object, "no", &inner, &err));
    assert_ptr_equal(inner, object);
    json_decref(object);
}

static void
what_is_optional_may_not_be_wrong(void **state)
{
    (void)state;
    json_t *object = parse("{\"n\": 4, \"t\": \"x\"}");
    struct slice text;
    const json_t *inner = NULL;
    int64_t integer = 0;
    struct err err = {0};

    assert_false(field_text_optional(object, "n", &text, &err));
    err_clear(&err);
    assert_false(field_int_optional(object, "t", any, &integer, &err));
    err_clear(&err);
    assert_false(field_object_optional(object, "n", &inner, &err));
    err_clear(&err);
    assert_false(field_array_optional(object, "n", &inner, &err));
    json_decref(object);
}

static void
elements_of_an_array_are_typed_too(void **state)
{
    (void)state;
    json_t *object = parse("{\"a\": [\"x\", {\"y\": 1}]}");
    const json_t *array = json_object_get(object, "a");
    const json_t *inner = NULL;
    struct slice text;
    struct err err = {0};

    assert_true(field_element_text(array, 0, &text, &err));
    assert_true(slice_equals_text(text, "x"));
    assert_true(field_element_object(array, 1, &inner, &err));
    assert_false(field_element_text(array, 1, &text, &err));
    assert_string_equal(err.text, "element 1 is not a text");
    err_clear(&err);
    assert_false(field_element_object(array, 2, &inner, &err));
    json_decref(object);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fields_are_read_by_their_type),
    cmocka_unit_test(a_missing_field_is_named),
    cmocka_unit_test(a_field_of_another_type_is_named),
    cmocka_unit_test(a_number_outside_its_bounds_is_an_error),
    cmocka_unit_test(what_is_optional_may_be_missing_or_null),
    cmocka_unit_test(what_is_optional_may_not_be_wrong),
    cmocka_unit_test(elements_of_an_array_are_typed_too),
};

CHECK_MAIN(tests)
