#include "fleet/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define NONCE "00112233445566778899aabbccddeeff"
#define JOIN "0123456789abcdef"

static const struct envelope_params params = {
    .msg = "lease",
    .build = "b 1",
    .nonce = NONCE,
    .join = JOIN,
    .to = TO_WORKER,
    .n = 7,
};

static enum envelope_verdict
read_text(const char *payload)
{
    struct secret none = {0};
    struct envelope envelope;
    struct err err = {0};
    struct sealed sealed = {.payload = slice_of(payload)};
    enum envelope_verdict verdict =
        envelope_read(&envelope, &sealed, TO_WORKER, &none, &err);

    assert_int_equal(verdict == ENVELOPE_GOOD, !err_is_set(&err));
    envelope_release(&envelope);
    return verdict;
}

static void
what_was_written_is_read(void **state)
{
    (void)state;
    struct secret secret = {0};
    struct envelope_text text = {0};
    struct envelope envelope;
    struct err err = {0};
    json_t *members = json_pack("{s:i}", "ttl_ms", 2000);

    secret_set(&secret, SLICE("hush"));
    envelope_write(&text, &params, members, &secret);
    struct sealed sealed = envelope_sealed(&text);
    assert_int_equal(
        envelope_read(&envelope, &sealed, TO_WORKER, &secret, &err),
        ENVELOPE_GOOD);
    assert_true(slice_equals_text(envelope.msg, "lease"));
    assert_true(slice_equals_text(envelope.version, ENVELOPE_VERSION));
    assert_true(slice_equals_text(envelope.build, "b 1"));
    assert_true(slice_equals_text(envelope.nonce, NONCE));
    assert_true(slice_equals_text(envelope.join, JOIN));
    assert_int_equal(envelope.n, 7);
    assert_int_equal(
        json_integer_value(json_object_get(envelope.object, "ttl_ms")), 2000);
    envelope_release(&envelope);
    envelope_text_release(&text);
    json_decref(members);
    secret_release(&secret);
}

static void
what_bears_no_seal_or_another_is_forged(void **state)
{
    (void)state;
    struct secret secret = {0};
    struct secret none = {0};
    struct envelope_text text = {0};
    struct envelope envelope;
    struct err err = {0};

    secret_set(&secret, SLICE("hush"));
    envelope_write(&text, &params, NULL, &none);
    struct sealed sealed = envelope_sealed(&text);
    assert_int_equal(
        envelope_read(&envelope, &sealed, TO_WORKER, &secret, &err),
        ENVELOPE_FORGED);
    assert_null(envelope.object);
    envelope_release(&envelope);
    envelope_text_release(&text);
    secret_release(&secret);
}

static void
another_major_is_refused_and_another_minor_is_not(void **state)
{
    (void)state;
#define WITH_VERSION(v)                                                 \
    "{\"msg\":\"x\",\"v\":\"" v "\",\"build\":\"b\",\"nonce\":\"" NONCE \
    "\",\"to\":\"worker\",\"n\":1}"
    assert_int_equal(read_text(WITH_VERSION("1.0")), ENVELOPE_GOOD);
    assert_int_equal(read_text(WITH_VERSION("1.17")), ENVELOPE_GOOD);
    assert_int_equal(read_text(WITH_VERSION("2.0")), ENVELOPE_VERSION_DIFFERS);
    assert_int_equal(read_text(WITH_VERSION("10.0")), ENVELOPE_VERSION_DIFFERS);
    assert_int_equal(read_text("{\"v\":\"2.0\"}"), ENVELOPE_VERSION_DIFFERS);
}

static void
what_lacks_a_member_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"msg\":\"\",\"v\":\"1.0\",\"build\":\"b\",\"nonce\":\"" NONCE
        "\",\"to\":\"worker\",\"n\":1}",
        "{\"msg\":\"x\",\"v\":\"1.0\",\"build\":\"b\",\"nonce\":\"" NONCE
        "\",\"to\":\"worker\",\"n\":-1}",
        "{\"msg\":\"x\",\"v\":\"1.0\",\"build\":\"b\",\"nonce\":\"short"
        "\",\"to\":\"worker\",\"n\":1}",
        "{\"msg\":\"x\",\"v\":\"1.0\",\"build\":\"b\",\"nonce\":\"" NONCE
        "\",\"to\":\"worker\",\"n\":1,\"join\":\"XYZ\"}",
        "{\"msg\":\"x\",\"v\":\"1.0\",\"build\":7,\"nonce\":\"" NONCE
        "\",\"to\":\"worker\",\"n\":1}",
        "{\"msg\":\"x\",\"v\":\"1.0\",\"build\":\"b\\u0000\",\"nonce\":\"" NONCE
        "\",\"to\":\"worker\",\"n\":1}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(read_text(texts[i]), ENVELOPE_MALFORMED);
    }
}

static void
what_is_for_the_other_side_is_misled(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"msg\":\"x\",\"v\":\"1.0\",\"build\":\"b\","
                               "\"nonce\":\"" NONCE
                               "\",\"to\":\"coordinator\",\"n\":1}"),
                     ENVELOPE_MISLED);
}

static void
a_number_is_taken_once_and_never_after_a_higher_one(void **state)
{
    (void)state;
    struct envelope_count count = {0};

    assert_false(envelope_count_take(&count, 0));
    assert_true(envelope_count_take(&count, 1));
    assert_false(envelope_count_take(&count, 1));
    assert_true(envelope_count_take(&count, 5));
    assert_false(envelope_count_take(&count, 4));
}

static void
assert_same(const struct sealed *a, const struct sealed *b)
{
    assert_true(slice_equals(a->payload, b->payload));
    assert_true(slice_equals(a->seal, b->seal));
}

static void
each_place_gives_back_the_exact_bytes(void **state)
{
    (void)state;
    struct sealed sealed = {SLICE("{\"a\":\"\\u0000 \xC3\xBC \\\" \"}"),
                            SLICE("00ff")};
    struct sealed got;
    struct err err = {0};
    struct buf body = BUF_INIT(ENVELOPE_BODY_MAX);
    json_t *held = NULL;

    json_t *args = envelope_to_args(&sealed);
    assert_true(envelope_from_args(args, &got, &err));
    assert_same(&got, &sealed);
    json_decref(args);
    json_t *arguments = envelope_to_arguments(&sealed);
    assert_true(envelope_from_arguments(arguments, &got, &err));
    assert_same(&got, &sealed);
    json_decref(arguments);
    assert_true(envelope_to_body(&sealed, &body));
    assert_true(envelope_from_body(buf_slice(&body), &held, &got, &err));
    assert_same(&got, &sealed);
    json_decref(held);
    buf_release(&body);
}

static void
a_body_beyond_its_maximum_is_not_written(void **state)
{
    (void)state;
    struct sealed sealed = {SLICE("0123456789"), SLICE("")};
    struct buf body = BUF_INIT(20);

    assert_false(envelope_to_body(&sealed, &body));
    buf_release(&body);
}

static void
a_place_that_holds_something_else_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]",
                                        "{}",
                                        "[\"a\"]",
                                        "[1,\"\"]",
                                        "{\"payload\":1,\"seal\":\"\"}",
                                        "{\"payload\":\"\"}",
                                        "nothing"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct err err = {0};
        struct sealed sealed;
        json_t *held = NULL;
        assert_false(
            envelope_from_body(slice_of(texts[i]), &held, &sealed, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        json_decref(held);
        err_clear(&err);
        json_t *value = json_loads(texts[i], 0, NULL);
        assert_false(envelope_from_args(value, &sealed, &err));
        json_decref(value);
    }
}

static void
what_is_drawn_is_hexadecimal_and_never_the_same(void **state)
{
    (void)state;
    char first[ENVELOPE_NONCE_SIZE];
    char second[ENVELOPE_NONCE_SIZE];

    envelope_draw(first, sizeof(first));
    envelope_draw(second, sizeof(second));
    assert_true(envelope_is_drawn(slice_of(first), sizeof(first)));
    assert_string_not_equal(first, second);
    assert_false(envelope_is_drawn(slice_of(first), ENVELOPE_JOIN_SIZE));
    first[3] = 'G';
    assert_false(envelope_is_drawn(slice_of(first), sizeof(first)));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_written_is_read),
    cmocka_unit_test(what_bears_no_seal_or_another_is_forged),
    cmocka_unit_test(another_major_is_refused_and_another_minor_is_not),
    cmocka_unit_test(what_lacks_a_member_is_malformed),
    cmocka_unit_test(what_is_for_the_other_side_is_misled),
    cmocka_unit_test(a_number_is_taken_once_and_never_after_a_higher_one),
    cmocka_unit_test(each_place_gives_back_the_exact_bytes),
    cmocka_unit_test(a_body_beyond_its_maximum_is_not_written),
    cmocka_unit_test(a_place_that_holds_something_else_is_an_error),
    cmocka_unit_test(what_is_drawn_is_hexadecimal_and_never_the_same),
};

CHECK_MAIN(tests)
