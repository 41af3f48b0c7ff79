#include "fleet/carrier_codec.h"

#include "check.h"

static void
takes(const char *text, struct carrier_line *line)
{
    struct err err = {0};

    if (!carrier_line_decode(line, slice_of(text), &err)) {
        fail_msg("%s: %s", text, err.text);
    }
}

static void
refuses(const char *text, const char *why)
{
    struct carrier_line line;
    struct err err = {0};

    assert_false(carrier_line_decode(&line, slice_of(text), &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", err.text, why);
    }
    carrier_line_release(&line);
}

static void
a_greeting_says_who_is_there(void **state)
{
    struct carrier_line line;

    (void)state;
    takes("{\"msg\":\"hello\",\"protocol\":\"1.7\",\"version\":\"0.1.0\","
          "\"pid\":7,\"node\":\"w@h\",\"slots\":4,\"python\":\"3.11.2\","
          "\"celery\":\"5.7.0\",\"socket\":\"/tmp/x/tasks\",\"new\":[]}",
          &line);
    assert_int_equal(line.kind, CARRIER_HELLO);
    assert_true(slice_equals_text(line.node, "w@h"));
    assert_true(slice_equals_text(line.python, "3.11.2"));
    assert_true(slice_equals_text(line.celery, "5.7.0"));
    assert_true(slice_equals_text(line.version, "0.1.0"));
    assert_true(slice_equals_text(line.socket, "/tmp/x/tasks"));
    assert_int_equal(line.pid, 7);
    assert_int_equal(line.slots, 4);
    carrier_line_release(&line);
}

static void
a_task_has_its_payload_and_its_seal(void **state)
{
    struct carrier_line line;

    (void)state;
    takes("{\"msg\":\"task\",\"protocol\":\"1.0\",\"kind\":\"run\","
          "\"id\":\"i\",\"pid\":3,\"redelivered\":true,"
          "\"payload\":\"{\\\"n\\\":1}\",\"seal\":\"s\"}",
          &line);
    assert_int_equal(line.kind, CARRIER_TASK);
    assert_int_equal(line.task_kind, TASK_RUN);
    assert_true(line.redelivered);
    assert_true(slice_equals_text(line.sealed.payload, "{\"n\":1}"));
    assert_true(slice_equals_text(line.sealed.seal, "s"));
    carrier_line_release(&line);
}

static void
what_nobody_knows_is_left_to_be_ignored(void **state)
{
    struct carrier_line line;

    (void)state;
    takes("{\"msg\":\"weather\",\"sun\":true}", &line);
    assert_int_equal(line.kind, CARRIER_OTHER);
    carrier_line_release(&line);
}

static void
each_kind_has_its_members(void **state)
{
    struct carrier_line line;

    (void)state;
    takes("{\"msg\":\"stop\",\"how\":\"soft\"}", &line);
    assert_int_equal(line.stop, STOP_SOFT);
    carrier_line_release(&line);
    takes("{\"msg\":\"done\",\"id\":9}", &line);
    assert_int_equal(line.number, 9);
    assert_int_equal(line.why.len, 0);
    carrier_line_release(&line);
    takes("{\"msg\":\"done\",\"id\":9,\"why\":\"away\"}", &line);
    assert_true(slice_equals_text(line.why, "away"));
    carrier_line_release(&line);
    takes("{\"msg\":\"way\",\"up\":true}", &line);
    assert_true(line.up);
    carrier_line_release(&line);
    takes("{\"msg\":\"terminate\",\"id\":\"i\",\"signal\":9}", &line);
    assert_int_equal(line.signo, 9);
    carrier_line_release(&line);
    takes("{\"msg\":\"lost\"}", &line);
    assert_int_equal(line.kind, CARRIER_LOST);
    carrier_line_release(&line);
}

static void
what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    refuses("[]", "object");
    refuses("{\"msg\":1}", "msg");
    refuses("{\"msg\":\"stop\",\"how\":\"lukewarm\"}", "lukewarm");
    refuses("{\"msg\":\"slots\",\"slots\":100000}", "slots");
    refuses("{\"msg\":\"terminate\",\"id\":\"i\",\"signal\":0}", "signal");
    refuses("{\"msg\":\"done\",\"id\":-1}", "id");
    refuses("{\"msg\":\"control\",\"method\":\"m\",\"reply\":0,"
            "\"payload\":{},\"seal\":\"\"}",
            "payload");
}

static void
another_major_version_is_refused_with_both_named(void **state)
{
    (void)state;
    refuses("{\"msg\":\"hello\",\"protocol\":\"2.0\"}", "2.0");
    refuses("{\"msg\":\"task\",\"protocol\":\"2.0\"}", "1.0");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_greeting_says_who_is_there),
    cmocka_unit_test(a_task_has_its_payload_and_its_seal),
    cmocka_unit_test(what_nobody_knows_is_left_to_be_ignored),
    cmocka_unit_test(each_kind_has_its_members),
    cmocka_unit_test(what_is_missing_or_wrong_is_named),
    cmocka_unit_test(another_major_version_is_refused_with_both_named),
};

CHECK_MAIN(tests)
