#include "util/compose.h"

#include "check.h"

static void
members_are_separated_where_they_must_be(void **state)
{
    struct buf buf = BUF_INIT(1000);

    (void)state;
    buf_add_char(&buf, '{');
    compose_uint(&buf, "a", 0);
    compose_int(&buf, "b", INT64_MIN);
    compose_open(&buf, "c");
    compose_bool(&buf, "d", false);
    buf_add_char(&buf, '}');
    compose_list(&buf, "e");
    compose_number(&buf, UINT64_MAX);
    compose_number(&buf, 7);
    compose_element(&buf, SLICE("a\n"));
    buf_add_char(&buf, ']');
    compose_text(&buf, "f", "x\"\n");
    compose_slice(&buf, "g", slice_make("\0\xff", 2));
    buf_add_char(&buf, '}');
    assert_string_equal(
        buf_text(&buf),
        "{\"a\":0,\"b\":-9223372036854775808,\"c\":{\"d\":false},"
        "\"e\":[18446744073709551615,7,\"a\\n\"],\"f\":\"x\\\"\\n\","
        "\"g\":\"\\u0000\xef\xbf\xbd\"}");
    buf_release(&buf);
}

static void
what_says_nothing_is_left_out(void **state)
{
    struct buf buf = BUF_INIT(1000);

    (void)state;
    buf_add_char(&buf, '{');
    compose_some(&buf, "a", (struct slice){0});
    compose_some_uint(&buf, "b", 0);
    compose_some_bool(&buf, "c", false);
    compose_some(&buf, "d", SLICE("e"));
    compose_some_uint(&buf, "f", 1);
    compose_some_bool(&buf, "g", true);
    buf_add_char(&buf, '}');
    assert_string_equal(buf_text(&buf), "{\"d\":\"e\",\"f\":1,\"g\":true}");
    buf_release(&buf);
}

static void
a_key_is_added_whole_or_not_at_all(void **state)
{
    struct buf buf = BUF_INIT(6);

    (void)state;
    buf_add_char(&buf, '{');
    compose_key(&buf, "abc");
    assert_true(buf.overflowed);
    assert_string_equal(buf_text(&buf), "{");
    compose_key(&buf, "ab");
    assert_string_equal(buf_text(&buf), "{\"ab\":");
    buf_release(&buf);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(members_are_separated_where_they_must_be),
    cmocka_unit_test(what_says_nothing_is_left_out),
    cmocka_unit_test(a_key_is_added_whole_or_not_at_all),
};

CHECK_MAIN(tests)
