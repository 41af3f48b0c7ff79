#include "transport/amqp_content.h"

#include <string.h>

#include "check.h"

// What py-amqp 5.4.2 makes of the message below, behind class, weight and
// size.
static const char golden[] =
    "\0\x3c\0\0\0\0\0\0\0\0\0\x51\xff\0\x10"
    "application/json\5utf-8\0\0\0\x14\4taskS\0\0\0\1a\2idS\0\0\0\1i\2\5\1i"
    "\5inbox\6"
    "600000";

static struct slice
golden_bytes(void)
{
    return slice_make(golden, sizeof(golden) - 1);
}

static void
a_header_is_written_as_py_amqp_writes_it(void **state)
{
    (void)state;
    char body[81] = "";
    json_t *headers = json_pack("{s:s, s:s}", "task", "a", "id", "i");
    struct message message = {
        .body = slice_make(body, sizeof(body)),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .headers = headers,
        .correlation_id = SLICE("i"),
        .reply_to = SLICE("inbox"),
        .expiration = SLICE("600000"),
        .priority = 5,
        .persistent = true,
    };
    struct buf out = BUF_INIT(4096);
    struct err err = {0};

    assert_true(amqp_content_encode(&out, &message, &err));
    assert_int_equal(out.len, golden_bytes().len);
    assert_memory_equal(out.data, golden, out.len);
    buf_release(&out);
    json_decref(headers);
}

static void
a_header_is_read_as_py_amqp_wrote_it(void **state)
{
    (void)state;
    struct message message = {0};
    struct err err = {0};
    json_t *headers = NULL;
    uint64_t size = 0;

    assert_true(amqp_content_size(golden_bytes(), &size, &err));
    assert_int_equal(size, 81);
    assert_true(amqp_content_decode(golden_bytes(), &message, &headers, &err));
    assert_true(slice_equals_text(message.content_type, "application/json"));
    assert_true(slice_equals_text(message.content_encoding, "utf-8"));
    assert_true(slice_equals_text(message.correlation_id, "i"));
    assert_true(slice_equals_text(message.reply_to, "inbox"));
    assert_true(slice_equals_text(message.expiration, "600000"));
    assert_int_equal(message.priority, 5);
    assert_true(message.persistent);
    assert_int_equal(message.body.len, 0);
    assert_ptr_equal(message.headers, headers);
    assert_int_equal(json_object_size(headers), 2);
    json_decref(headers);
}

static void
what_is_cut_off_is_an_error(void **state)
{
    (void)state;

    for (size_t len = 0; len + 1 < sizeof(golden); len++) {
        struct message message = {0};
        struct err err = {0};
        json_t *headers = NULL;
        assert_false(amqp_content_decode(slice_first(golden_bytes(), len),
                                         &message, &headers, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_null(headers);
    }
}

static void
a_message_needs_no_properties(void **state)
{
    (void)state;
    struct message message = {0};
    struct err err = {0};
    struct buf out = BUF_INIT(64);
    json_t *headers = NULL;

    assert_true(amqp_content_encode(&out, &message, &err));
    assert_int_equal(out.len, 15); // the mode of delivery alone
    assert_true(amqp_content_decode(buf_slice(&out), &message, &headers, &err));
    assert_null(headers);
    assert_null(message.headers);
    assert_false(message.persistent);
    // The flags go on in a second word, of which nobody knows anything.
    const char more[] = "\0\x3c\0\0\0\0\0\0\0\0\0\0\0\1\0\0";
    assert_true(amqp_content_decode(slice_make(more, sizeof(more) - 1),
                                    &message, &headers, &err));
    buf_release(&out);
}

static void
another_class_is_an_error(void **state)
{
    (void)state;
    const char bytes[] = "\0\x3d\0\0\0\0\0\0\0\0\0\0\0\0";
    struct err err = {0};
    uint64_t size = 0;

    assert_false(
        amqp_content_size(slice_make(bytes, sizeof(bytes) - 1), &size, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void
what_is_too_long_for_a_short_text_is_an_error(void **state)
{
    (void)state;
    char text[256];
    struct message message = {0};
    struct buf out = BUF_INIT(4096);
    struct err err = {0};

    memset(text, 'x', sizeof(text));
    message.reply_to = slice_make(text, sizeof(text));
    assert_false(amqp_content_encode(&out, &message, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    err_clear(&err);
    message.reply_to.len = 255;
    assert_true(amqp_content_encode(&out, &message, &err));
    message.content_type = slice_make(text, sizeof(text));
    assert_false(amqp_content_encode(&out, &message, &err));
    buf_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_written_as_py_amqp_writes_it),
        cmocka_unit_test(a_header_is_read_as_py_amqp_wrote_it),
        cmocka_unit_test(what_is_cut_off_is_an_error),
        cmocka_unit_test(a_message_needs_no_properties),
        cmocka_unit_test(another_class_is_an_error),
        cmocka_unit_test(what_is_too_long_for_a_short_text_is_an_error),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
