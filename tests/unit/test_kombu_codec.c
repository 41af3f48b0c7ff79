#include "golden.h"

#include <string.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

// One line of a file, cut in two.
struct line {
    struct slice name;
    struct slice text;
};

static bool
next_line(struct slice *rest, char separator, struct line *line)
{
    struct slice all = {0};

    if (rest->len == 0 || !slice_split(rest, '\n', &all) || all.len == 0) {
        return false;
    }
    size_t at = slice_find(all, separator);
    line->name = slice_first(all, at);
    line->text = slice_skip(all, at + 1);
    return true;
}

static struct kombu_message
decode(struct slice text)
{
    struct kombu_message message;
    struct err err = {0};

    if (!kombu_decode(text, &message, &err)) {
        fail_msg("%.*s: %s", SLICE_ARG(text), err.text);
    }
    return message;
}

static void
expect_refused(const char *text, enum err_kind kind, const char *why)
{
    struct kombu_message message;
    struct err err = {0};

    if (kombu_decode(slice_of(text), &message, &err)) {
        fail_msg("%s is taken", text);
    }
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", err.text, why);
    }
    kombu_release(&message);
}

// What is read and written again is the same, byte for byte.
static void
expect_same(struct slice text)
{
    struct kombu_message message = decode(text);
    struct buf again = BUF_INIT(1 << 20);
    struct err err = {0};
    char *exchange = slice_dup(message.delivery.exchange);
    char *key = slice_dup(message.delivery.routing_key);
    const json_t *properties = json_object_get(message.root, "properties");
    struct kombu_envelope envelope = {
        .message = &message.delivery.message,
        .exchange = exchange,
        .key = key,
        .tag = json_string_value(json_object_get(properties, "delivery_tag")),
    };

    assert_true(kombu_encode(&envelope, &again, &err));
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.data, text.data, text.len);
    buf_release(&again);
    kombu_release(&message);
    free(exchange);
    free(key);
}

static void
expect_all_same(const char *name, size_t count)
{
    struct buf bytes = golden_read(name);
    struct slice rest = buf_slice(&bytes);
    struct line line;
    size_t seen = 0;

    for (; next_line(&rest, ' ', &line); seen++) {
        expect_same(line.text);
    }
    assert_int_equal(seen, count);
    buf_release(&bytes);
}

static void
what_kombu_wrote_is_written_again_byte_for_byte(void **state)
{
    (void)state;
    expect_all_same("kombu/lists.txt", 16);
    expect_all_same("kombu/newest.txt", 14);
}

static void
every_part_of_a_task_is_read(void **state)
{
    struct buf bytes = golden_read("kombu/lists.txt");
    struct slice rest = buf_slice(&bytes);
    struct line line = {0};

    (void)state;
    assert_true(next_line(&rest, ' ', &line));
    struct kombu_message message = decode(line.text);
    const struct delivery *delivery = &message.delivery;
    assert_true(slice_equals_text(delivery->exchange, ""));
    assert_true(slice_equals_text(delivery->routing_key, "mule-b1"));
    assert_true(
        slice_starts_with(delivery->message.body, SLICE("[[2, 3], {}")));
    assert_true(
        slice_equals_text(delivery->message.content_type, "application/json"));
    assert_true(slice_equals_text(delivery->message.content_encoding, "utf-8"));
    assert_int_equal(delivery->message.correlation_id.len, 36);
    assert_int_equal(delivery->message.reply_to.len, 36);
    assert_true(delivery->message.persistent);
    assert_int_equal(delivery->message.priority, 0);
    assert_false(delivery->redelivered);
    assert_string_equal(
        json_string_value(json_object_get(delivery->message.headers, "task")),
        "mule.add");
    kombu_release(&message);
    buf_release(&bytes);
}

static void
a_priority_chooses_the_list_that_kombu_chose(void **state)
{
    struct buf bytes = golden_read("kombu/lists.txt");
    struct slice rest = buf_slice(&bytes);
    struct line line;
    size_t raised = 0;

    (void)state;
    while (next_line(&rest, ' ', &line)) {
        struct kombu_message message = decode(line.text);
        struct buf list = BUF_INIT(256);
        int step = kombu_step_of(message.delivery.message.priority);
        kombu_add_list(&list, message.delivery.routing_key, step);
        char *name = slice_dup(line.name);
        size_t bar = slice_find(line.name, '|');
        if (bar < line.name.len) { // kombu's separator has two bytes
            free(name);
            name =
                alloc_printf("%.*s" KOMBU_SEPARATOR "%s", (int)bar,
                             line.name.data, strchr(buf_text(&list), 0x16) + 1);
            assert_true(
                slice_ends_with(line.name, slice_of(strchr(name, 0x16) + 1)));
            raised++;
        }
        assert_string_equal(buf_text(&list), name);
        free(name);
        buf_release(&list);
        kombu_release(&message);
    }
    assert_int_equal(raised, 5);
    assert_int_equal(kombu_step_of(2), 0);
    assert_int_equal(kombu_step_of(3), 1);
    assert_int_equal(kombu_step_of(8), 2);
    assert_int_equal(kombu_step_of(255), 3);
    assert_int_equal(kombu_step_of(-1), 0);
    buf_release(&bytes);
}

static void
what_is_restored_bears_kombus_marks(void **state)
{
    struct buf bytes = golden_read("kombu/unacked.txt");
    struct slice rest = buf_slice(&bytes);
    struct slice before;
    struct slice after;
    struct buf marked = BUF_INIT(1 << 20);
    struct buf twice = BUF_INIT(1 << 20);
    struct buf theirs = BUF_INIT(1 << 20);
    struct err err = {0};
    int priority = -1;

    (void)state;
    assert_true(slice_split(&rest, '\n', &before));
    assert_true(slice_split(&rest, '\n', &after));
    assert_true(kombu_take_unacked(before, &marked, &priority, &err));
    assert_int_equal(priority, 0);
    // The second entry is [envelope, "", "mule-k"].
    buf_add(&theirs, after.data + 1, marked.len);
    assert_string_equal(buf_text(&marked), buf_text(&theirs));
    struct kombu_message message = decode(buf_slice(&marked));
    assert_true(message.delivery.redelivered);
    kombu_mark_redelivered(buf_slice(&marked), &twice);
    assert_string_equal(buf_text(&marked), buf_text(&twice));
    kombu_release(&message);
    buf_release(&marked);
    buf_release(&twice);
    buf_release(&theirs);
    buf_release(&bytes);
}

static void
either_mark_is_a_redelivery(void **state)
{
    static const char *const marked[] = {
        "{\"body\": \"\", \"headers\": {\"redelivered\": true}}",
        "{\"body\": \"\", \"properties\": {\"delivery_info\": "
        "{\"redelivered\": true}}}"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct kombu_message message = decode(slice_of(marked[i]));
        assert_true(message.delivery.redelivered);
        kombu_release(&message);
    }
}

static void
odd_envelopes_are_read_or_refused(void **state)
{
    struct buf bytes = golden_read("kombu/minimal.txt");
    struct slice rest = buf_slice(&bytes);
    struct line line;
    size_t refused = 0;
    size_t taken = 0;

    (void)state;
    while (next_line(&rest, '\t', &line)) {
        struct kombu_message message;
        struct err err = {0};
        if (kombu_decode(line.text, &message, &err)) {
            taken++;
            assert_true(message.delivery.message.body.len > 0);
        } else {
            refused++;
            assert_true(slice_equals_text(line.name, "not json at all"));
        }
        kombu_release(&message);
    }
    assert_int_equal(refused, 1);
    assert_int_equal(taken, 16);
    buf_release(&bytes);
}

static void
what_is_no_envelope_is_an_error(void **state)
{
    (void)state;
    expect_refused("", ERR_PROTOCOL, "");
    expect_refused("[]", ERR_PROTOCOL, "");
    expect_refused("{}", ERR_PROTOCOL, "body");
    expect_refused("{\"body\": 1}", ERR_PROTOCOL, "body");
    expect_refused("{\"body\": \"\", \"headers\": []}", ERR_PROTOCOL,
                   "headers");
    expect_refused("{\"body\": \"x\", \"properties\": {\"body_encoding\": "
                   "\"base64\"}}",
                   ERR_PROTOCOL, "base64");
    expect_refused("{\"body\": \"x\", \"properties\": {\"body_encoding\": "
                   "\"rot13\"}}",
                   ERR_PROTOCOL, "rot13");
}

static void
a_body_is_text_or_base64(void **state)
{
    static const struct {
        const char *text;
        const char *body;
    } cases[] = {
        {"{\"body\": \"a\\u00e9\"}", "a\xc3\xa9"},
        {"{\"body\": \"YcOp\", \"properties\": {\"body_encoding\": "
         "\"base64\"}}",
         "a\xc3\xa9"},
        {"{\"body\": \"YWI=\", \"properties\": {\"body_encoding\": "
         "\"utf-8\"}}",
         "YWI="},
        {"{\"body\": \"YWI=\", \"properties\": {\"body_encoding\": null}}",
         "YWI="},
        {"{\"body\": \"YQ==\", \"properties\": {\"body_encoding\": "
         "\"base64\"}}",
         "a"},
        {"{\"body\": \"\", \"properties\": {\"body_encoding\": \"base64\"}}",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kombu_message message = decode(slice_of(cases[i].text));
        char *body = slice_dup(message.delivery.message.body);
        assert_string_equal(body, cases[i].body);
        free(body);
        kombu_release(&message);
    }
}

static void
names_of_any_kind_survive(void **state)
{
    struct message message = {.body = SLICE("x"),
                              .correlation_id = SLICE("a\"b\\c\n\xc3\xa9")};
    struct kombu_envelope envelope = {
        .message = &message,
        .exchange = "e \xe2\x82\xac",
        .key = "k\"",
        .tag = "t",
    };
    struct buf text = BUF_INIT(4096);
    struct err err = {0};

    (void)state;
    assert_true(kombu_encode(&envelope, &text, &err));
    for (size_t i = 0; i < text.len; i++) {
        assert_in_range((unsigned char)text.data[i], ' ', '~');
    }
    struct kombu_message read = decode(buf_slice(&text));
    assert_true(slice_equals_text(read.delivery.exchange, "e \xe2\x82\xac"));
    assert_true(slice_equals_text(read.delivery.routing_key, "k\""));
    assert_true(slice_equals(read.delivery.message.correlation_id,
                             message.correlation_id));
    kombu_release(&read);
    buf_release(&text);
}

static void
a_body_that_is_too_long_is_neither_written_nor_read(void **state)
{
    size_t len = (size_t)TRANSPORT_BODY_MAX + 1;
    char *bytes = alloc_zero(1, len);
    struct message message = {.body = slice_make(bytes, len)};
    struct kombu_envelope envelope = {
        .message = &message, .exchange = "", .key = "q", .tag = "t"};
    struct buf text = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct err err = {0};

    (void)state;
    assert_false(kombu_encode(&envelope, &text, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    buf_release(&text);
    memset(bytes, 'A', len - 1);
    struct buf wrapped = BUF_INIT(2 * len);
    buf_addf(&wrapped, "{\"body\": \"");
    buf_add(&wrapped, bytes, len - 1);
    buf_addf(&wrapped, "A\"}");
    struct kombu_message read;
    err_clear(&err);
    assert_false(kombu_decode(buf_slice(&wrapped), &read, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    kombu_release(&read);
    buf_release(&wrapped);
    free(bytes);
}

static void
bindings_are_those_of_kombu(void **state)
{
    static const struct {
        const char *key;
        bool topic;
        const char *member;
    } cases[] = {
        {"q", false, "q\x06\x16\x06\x16q"},
        {"", false, "\x06\x16\x06\x16q"},
        {"worker.#", true, "worker.#\x06\x16^worker\\..*?$\x06\x16q"},
        {"a.*.b", true, "a.*.b\x06\x16^a\\..*?[^\\.]\\.b$\x06\x16q"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf member = BUF_INIT(256);
        kombu_add_binding(&member, cases[i].key, cases[i].topic, "q");
        assert_string_equal(buf_text(&member), cases[i].member);
        buf_release(&member);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_kombu_wrote_is_written_again_byte_for_byte),
    cmocka_unit_test(every_part_of_a_task_is_read),
    cmocka_unit_test(a_priority_chooses_the_list_that_kombu_chose),
    cmocka_unit_test(what_is_restored_bears_kombus_marks),
    cmocka_unit_test(either_mark_is_a_redelivery),
    cmocka_unit_test(odd_envelopes_are_read_or_refused),
    cmocka_unit_test(what_is_no_envelope_is_an_error),
    cmocka_unit_test(a_body_is_text_or_base64),
    cmocka_unit_test(names_of_any_kind_survive),
    cmocka_unit_test(a_body_that_is_too_long_is_neither_written_nor_read),
    cmocka_unit_test(bindings_are_those_of_kombu),
};

CHECK_MAIN(tests)
