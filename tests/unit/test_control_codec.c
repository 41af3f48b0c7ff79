#include "celery_golden.h"

#include "celery/control_codec.h"

static void
decode_golden(struct control_request *request, const char *name)
{
    json_t *golden = celery_golden(name);
    struct message message =
        celery_golden_message(json_object_get(golden, "request"));
    struct err err = {0};

    if (!control_request_decode(request, &message, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    json_decref(golden);
}

static void
assert_slice(struct slice slice, const char *text)
{
    char *copy = slice_dup(slice);

    assert_string_equal(copy, text);
    free(copy);
}

static void
a_command_of_the_command_line_is_read(void **state)
{
    struct control_request request;

    (void)state;
    decode_golden(&request, "pidbox-stats");
    assert_slice(request.method, "stats");
    assert_int_equal(json_object_size(request.arguments), 0);
    assert_true(request.wants_reply);
    assert_slice(request.reply_exchange, "reply.celery.pidbox");
    assert_slice(request.reply_key, "d4a2f718-0dcb-380a-9739-9a50e911f3c5");
    assert_slice(request.ticket, "c17be1c4-1a24-41bc-9f3c-0f2be9600206");
    assert_int_equal(request.clock, 34);
    assert_true(control_request_is_for(&request, "anybody@anywhere"));
    control_request_release(&request);
}

static void
commands_to_some_are_for_them_only(void **state)
{
    struct control_request request;

    (void)state;
    decode_golden(&request, "pidbox-destination");
    assert_true(control_request_is_for(&request, "w1@vm"));
    assert_false(control_request_is_for(&request, "w2@vm"));
    control_request_release(&request);
    decode_golden(&request, "pidbox-pattern");
    assert_true(control_request_is_for(&request, "w1@vm"));
    assert_true(control_request_is_for(&request, "w2@vm"));
    assert_false(control_request_is_for(&request, "w2@host"));
    control_request_release(&request);
}

static bool
is_for(const char *body, const char *node)
{
    struct control_request request;
    struct message message = {.body = slice_of(body)};
    struct err err = {0};

    assert_true(control_request_decode(&request, &message, &err));
    bool mine = control_request_is_for(&request, node);
    control_request_release(&request);
    return mine;
}

static void
whom_a_command_is_for_follows_kombu(void **state)
{
    static const struct {
        const char *more;
        bool mine;
    } cases[] = {
        {"\"destination\": null", true},
        {"\"destination\": []", true},
        {"\"destination\": \"\"", true},
        {"\"destination\": [\"a@h\"]", true},
        {"\"destination\": [\"b@h\", \"a@h\"]", true},
        {"\"destination\": [\"b@h\", 4, null]", false},
        {"\"destination\": \"b@h,a@h\"", true},
        {"\"destination\": \"b@h\"", false},
        {"\"destination\": {\"a@h\": 1}", true},
        {"\"destination\": 7", false},
        {"\"pattern\": \"b*\"", true},
        {"\"pattern\": \"b*\", \"matcher\": \"glob\"", false},
        {"\"pattern\": \"a@?\", \"matcher\": \"glob\"", true},
        {"\"pattern\": \"a\", \"matcher\": \"pcre\"", true},
        {"\"pattern\": \"@\", \"matcher\": \"pcre\"", false},
        {"\"pattern\": \"a|b\", \"matcher\": \"pcre\"", true},
        {"\"pattern\": \"[ab]@.$\", \"matcher\": \"pcre\"", true},
        {"\"pattern\": \"(\", \"matcher\": \"pcre\"", false},
        {"\"pattern\": \"a{1,100}\", \"matcher\": \"pcre\"", false},
        {"\"pattern\": \"(a)\\\\1\", \"matcher\": \"pcre\"", false},
        {"\"pattern\": \"a\", \"matcher\": \"other\"", false},
        {"\"destination\": [\"a@h\"], \"pattern\": \"b\", "
         "\"matcher\": \"glob\"",
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[256];
        (void)snprintf(body, sizeof(body), "{\"method\": \"ping\", %s}",
                       cases[i].more);
        if (is_for(body, "a@h") != cases[i].mine) {
            fail_msg("%s", body);
        }
    }
}

static void
a_command_may_be_short(void **state)
{
    struct control_request request;
    struct message message = {.body = SLICE("{\"method\": \"ping\"}")};
    struct err err = {0};

    (void)state;
    assert_true(control_request_decode(&request, &message, &err));
    assert_false(request.wants_reply);
    assert_int_equal(request.clock, -1);
    assert_true(json_is_object(request.arguments));
    control_request_release(&request);
}

static void
what_is_no_command_is_an_error(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"method\": 1}",
        "{\"method\": \"ping\", \"arguments\": []}",
        "{\"method\": \"ping\", \"reply_to\": \"x\"}",
        "{\"method\": \"ping\", \"reply_to\": {}}",
        "{\"method\": \"ping\", \"reply_to\": {\"routing_key\": 1}}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct control_request request;
        struct message message = {.body = slice_of(bodies[i])};
        struct err err = {0};
        assert_false(control_request_decode(&request, &message, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        control_request_release(&request);
    }
}

static void
what_we_ask_is_what_celery_asks(void **state)
{
    json_t *golden = celery_golden("pidbox-destination");
    struct message message =
        celery_golden_message(json_object_get(golden, "request"));
    struct control_request request;
    struct err err = {0};
    struct buf body = BUF_INIT(4096);

    (void)state;
    assert_true(control_request_decode(&request, &message, &err));
    assert_true(control_request_encode(&request, &body));
    json_t *ours = json_loads(buf_text(&body), 0, NULL);
    json_t *theirs = json_loadb(message.body.data, message.body.len, 0, NULL);
    assert_true(json_equal(ours, theirs));
    json_decref(ours);
    json_decref(theirs);
    control_request_release(&request);
    json_decref(golden);
    buf_release(&body);
}

static void
an_answer_names_who_gives_it(void **state)
{
    json_t *golden = celery_golden("pidbox-ping");
    struct message message =
        celery_golden_message(json_object_get(golden, "reply"));
    struct slice node;
    const json_t *value = NULL;
    json_t *held = NULL;
    struct err err = {0};
    struct buf body = BUF_INIT(4096);

    (void)state;
    assert_true(control_reply_decode(message.body, &node, &value, &held, &err));
    assert_slice(node, "w1@vm");
    assert_string_equal(json_string_value(json_object_get(value, "ok")),
                        "pong");
    assert_true(control_reply_encode("w1@vm", value, &body));
    assert_string_equal(buf_text(&body), "{\"w1@vm\":{\"ok\":\"pong\"}}");
    json_decref(held);
    json_decref(golden);
    buf_reset(&body);
    assert_true(control_reply_encode("w1@vm", NULL, &body));
    assert_string_equal(buf_text(&body), "{\"w1@vm\":null}");
    buf_release(&body);
}

static void
what_is_no_answer_is_an_error(void **state)
{
    static const char *const bodies[] = {"", "[]", "{}",
                                         "{\"a\": 1, \"b\": 2}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct slice node;
        const json_t *value = NULL;
        json_t *held = NULL;
        struct err err = {0};
        assert_false(control_reply_decode(slice_of(bodies[i]), &node, &value,
                                          &held, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        json_decref(held);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_command_of_the_command_line_is_read),
    cmocka_unit_test(commands_to_some_are_for_them_only),
    cmocka_unit_test(whom_a_command_is_for_follows_kombu),
    cmocka_unit_test(a_command_may_be_short),
    cmocka_unit_test(what_is_no_command_is_an_error),
    cmocka_unit_test(what_we_ask_is_what_celery_asks),
    cmocka_unit_test(an_answer_names_who_gives_it),
    cmocka_unit_test(what_is_no_answer_is_an_error),
};

CHECK_MAIN(tests)
