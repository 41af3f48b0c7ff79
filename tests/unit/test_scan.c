#include "check.h"

#include "report/scan.h"
#include "util/alloc.h"

static const char *const names[] = {"a", "b", "text", "number"};
enum {
    A,
    B,
    TEXT,
    NUMBER,
    COUNT
};

struct scanned {
    char *text;
    struct scan_value values[COUNT];
    struct err err;
    bool good;
};

static struct scanned
scan(const char *text)
{
    struct scanned scanned = {.text = alloc_dup(text)};
    struct scan_keys keys;

    scan_keys_init(&keys, names, COUNT);
    scanned.good = scan_object(&keys, scanned.text, strlen(text),
                               scanned.values, &scanned.err);
    return scanned;
}

static void
text_is(const char *json, struct slice wanted)
{
    char *line = alloc_printf("{\"text\":\"%s\"}", json);
    struct scanned scanned = scan(line);

    assert_string_equal(scanned.err.text, "");
    assert_int_equal(scanned.values[TEXT].kind, SCAN_TEXT);
    assert_int_equal(scanned.values[TEXT].len, wanted.len);
    assert_memory_equal(scanned.values[TEXT].start, wanted.data, wanted.len);
    assert_int_equal(scanned.values[TEXT].start[wanted.len], '\0');
    free(scanned.text);
    free(line);
}

static void
refused(const char *text, const char *why)
{
    struct scanned scanned = scan(text);

    assert_false(scanned.good);
    assert_string_equal(scanned.err.text, why);
    free(scanned.text);
}

static void
members_have_their_kinds(void **state)
{
    struct scanned scanned =
        scan(" { \"a\" : true , \"b\":null,\"number\":-17,\"other\":[{}],"
             "\"text\":{\"x\":\"}\"} } ");

    (void)state;
    assert_string_equal(scanned.err.text, "");
    assert_int_equal(scanned.values[A].kind, SCAN_TRUE);
    assert_int_equal(scanned.values[B].kind, SCAN_NULL);
    assert_int_equal(scanned.values[NUMBER].kind, SCAN_NUMBER);
    assert_int_equal(scanned.values[NUMBER].number, 17);
    assert_true(scanned.values[NUMBER].negative);
    assert_int_equal(scanned.values[TEXT].kind, SCAN_OBJECT);
    assert_int_equal(scanned.values[TEXT].len, strlen("{\"x\":\"}\"}"));
    free(scanned.text);
    scanned = scan("{}");
    assert_true(scanned.good);
    assert_int_equal(scanned.values[A].kind, SCAN_NOTHING);
    free(scanned.text);
}

static void
texts_are_decoded_where_they_stand(void **state)
{
    (void)state;
    text_is("", SLICE(""));
    text_is("plain", SLICE("plain"));
    text_is("\\\"\\\\\\/\\b\\f\\n\\r\\t", SLICE("\"\\/\b\f\n\r\t"));
    text_is("a\\u0000b", SLICE("a\0b"));
    text_is("\\u00e4\\u20AC", SLICE("\xc3\xa4\xe2\x82\xac"));
    text_is("\\ud83d\\ude00!", SLICE("\xf0\x9f\x98\x80!"));
    text_is("\\ud83d", SLICE("\xef\xbf\xbd"));
    text_is("\\ude00x", SLICE("\xef\xbf\xbdx"));
    text_is("\\ud83d\\u0041", SLICE("\xef\xbf\xbd\x41"));
    text_is("\xff", SLICE("\xff"));
}

static void
numbers_that_are_not_whole_or_too_large_are_odd(void **state)
{
    static const struct {
        const char *text;
        bool odd;
    } cases[] = {
        {"{\"number\":18446744073709551615}", false},
        {"{\"number\":18446744073709551616}", true},
        {"{\"number\":1.5}", true},
        {"{\"number\":1e3}", true},
        {"{\"number\":0}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scanned scanned = scan(cases[i].text);
        assert_true(scanned.good);
        assert_int_equal(scanned.values[NUMBER].odd, cases[i].odd);
        free(scanned.text);
    }
}

static void
what_is_not_json_is_refused(void **state)
{
    (void)state;
    refused("", "not JSON: no object");
    refused("[]", "not JSON: no object");
    refused("{", "not JSON: a member without its name");
    refused("{\"a\"", "not JSON: a name without `:`");
    refused("{\"a\":", "not JSON: a value that is missing");
    refused("{\"a\":x}", "not JSON: a value that is none");
    refused("{\"a\":nul}", "not JSON: a value that is none");
    refused("{\"a\":-}", "not JSON: a value that is none");
    refused("{\"a\":1", "not JSON: an object that is not closed");
    refused("{\"a\":1,}", "not JSON: a member without its name");
    refused("{\"a\":1}x", "not JSON: text behind the object");
    refused("{\"a\":\"x", "not JSON: a text without its end");
    refused("{\"a\":\"x\\", "not JSON: a text with an unknown escape");
    refused("{\"a\":\"\\x\"}", "not JSON: a text with an unknown escape");
    refused("{\"a\":\"\\u12\"}", "not JSON: a \\u without its digits");
    refused("{\"a\":\"\n\"}", "not JSON: a control character in a text");
    refused("{\"a\":[1,2}", "not JSON: brackets that do not match");
    refused("{\"a\":[\"x]}", "not JSON: a text without its end");
    refused("{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", "not JSON: too deep");
    refused("{\"a\":[", "not JSON: a bracket that is not closed");
}

static void
values_of_an_array_come_one_by_one(void **state)
{
    struct scanned scanned = scan("{\"a\":[ \"x\", {\"y\":[1]} ,3 ]}");
    struct scan_value rest = scanned.values[A];
    struct scan_value value = {0};

    (void)state;
    assert_true(scan_next(&rest, &value, &scanned.err));
    assert_string_equal(value.start, "x");
    assert_true(scan_next(&rest, &value, &scanned.err));
    assert_int_equal(value.kind, SCAN_OBJECT);
    assert_int_equal(value.len, strlen("{\"y\":[1]}"));
    assert_true(scan_next(&rest, &value, &scanned.err));
    assert_int_equal(value.number, 3);
    assert_false(scan_next(&rest, &value, &scanned.err));
    assert_false(err_is_set(&scanned.err));
    free(scanned.text);
}

static void
an_array_that_is_wrong_within_is_an_error_when_it_is_read(void **state)
{
    struct scanned scanned = scan("{\"a\":[1 2],\"b\":[]}");
    struct scan_value rest = scanned.values[A];
    struct scan_value value = {0};

    (void)state;
    assert_true(scanned.good);
    assert_true(scan_next(&rest, &value, &scanned.err));
    assert_false(scan_next(&rest, &value, &scanned.err));
    assert_true(err_is_set(&scanned.err));
    err_clear(&scanned.err);
    rest = scanned.values[B];
    assert_false(scan_next(&rest, &value, &scanned.err));
    assert_false(err_is_set(&scanned.err));
    free(scanned.text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(members_have_their_kinds),
    cmocka_unit_test(texts_are_decoded_where_they_stand),
    cmocka_unit_test(numbers_that_are_not_whole_or_too_large_are_odd),
    cmocka_unit_test(what_is_not_json_is_refused),
    cmocka_unit_test(values_of_an_array_come_one_by_one),
    cmocka_unit_test(an_array_that_is_wrong_within_is_an_error_when_it_is_read),
};

CHECK_MAIN(tests)
