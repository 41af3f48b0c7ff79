#include "transport/amqp_greeting.h"

#include <string.h>

#include "check.h"

static char host[] = "somewhere";
static char user[] = "someone";
static char secret[] = "secret";
static char vhost[] = "place";
static struct broker_url url = {
    .host = host, .user = user, .password = secret, .vhost = vhost};

// connection.start with these mechanisms.
static struct amqp_frame
make_start(struct buf *out, const char *mechanisms)
{
    const char head[] = "\0\x0a\0\x0a\0\x09\0\0\0\x14\7productS\0\0\0\7Thing 1";

    buf_reset(out);
    buf_add(out, head, sizeof(head) - 1);
    buf_add(out, "\0\0\0", 3);
    buf_add_char(out, (char)strlen(mechanisms));
    buf_add_text(out, mechanisms);
    buf_add(out, "\0\0\0\5en_US", 9);
    return (struct amqp_frame){.type = AMQP_FRAME_METHOD,
                               .payload = buf_slice(out)};
}

static void
a_server_says_what_it_is(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1024);
    struct err err = {0};
    struct amqp_frame frame = make_start(&out, "AMQPLAIN PLAIN");
    json_t *properties = amqp_greeting_read(&frame, &err);

    assert_non_null(properties);
    assert_string_equal(
        json_string_value(json_object_get(properties, "product")), "Thing 1");
    json_decref(properties);
    for (size_t len = 0; len < 36; len++) {
        struct amqp_frame part = frame;
        part.payload = slice_first(part.payload, len);
        err_clear(&err);
        assert_null(amqp_greeting_read(&part, &err));
        assert_true(err_is_set(&err));
    }
    buf_release(&out);
}

static void
a_server_that_takes_no_password_is_refused(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1024);
    struct err err = {0};
    struct amqp_frame frame = make_start(&out, "AMQPLAIN EXTERNAL");

    assert_null(amqp_greeting_read(&frame, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    buf_release(&out);
}

static bool
has(const struct buf *buf, const char *data, size_t len)
{
    return slice_find_part(buf_slice(buf), slice_make(data, len)) < buf->len;
}

static void
we_say_who_we_are_and_what_we_can(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(AMQP_FRAME_MAX);
    struct err err = {0};
    char longer[9000];

    assert_true(amqp_greeting_answer(&out, &url, "a name", &err));
    assert_true(has(&out, "\0someone\0secret", 15));
    assert_true(has(&out, "connection_nameS\0\0\0\6a name", 26));
    assert_true(has(&out, "consumer_cancel_notifyt\1", 24));
    assert_true(has(&out, "connection.blockedt\1", 20));
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    url.password = longer;
    assert_false(amqp_greeting_answer(&out, &url, "a name", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_null(strstr(err.text, "xx"));
    url.password = secret;
    buf_release(&out);
}

static struct err
explain(bool greeting, uint16_t code, const char *text)
{
    amqp_connection_close_t close = {.reply_code = code,
                                     .reply_text = amqp_cstring_bytes(text)};
    struct err err = {0};

    amqp_greeting_explain(&url, greeting, &close, &err);
    assert_null(strstr(err.text, "secret"));
    return err;
}

static void
a_refusal_says_what_to_do_about_it(void **state)
{
    (void)state;
    struct err err = explain(true, 403, "ACCESS_REFUSED - Login was refused");

    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "someone"));
    assert_non_null(err.hint);
    err = explain(true, 530, "NOT_ALLOWED - vhost place not found");
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "\"place\""));
    assert_non_null(err.hint);
    // These pass.
    err = explain(true, 530, "NOT_ALLOWED - connection limit is reached");
    assert_int_equal(err.kind, ERR_SYSTEM);
    err = explain(true, 530, "NOT_ALLOWED - vhost 'place' is down");
    assert_int_equal(err.kind, ERR_SYSTEM);
    err = explain(false, 320, "CONNECTION_FORCED - shutdown");
    assert_int_equal(err.kind, ERR_SYSTEM);
    err = explain(false, 541, "INTERNAL_ERROR");
    assert_int_equal(err.kind, ERR_SYSTEM);
    // That is because of what it was sent.
    err = explain(false, 503, "COMMAND_INVALID - unimplemented method");
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_says_what_it_is),
        cmocka_unit_test(a_server_that_takes_no_password_is_refused),
        cmocka_unit_test(we_say_who_we_are_and_what_we_can),
        cmocka_unit_test(a_refusal_says_what_to_do_about_it),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
