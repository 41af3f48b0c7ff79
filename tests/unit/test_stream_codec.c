#include "adapter/stream_codec.h"

#include <string.h>

#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static void
assert_slice(struct slice slice, const char *text)
{
    char *copy = slice_dup(slice);

    assert_string_equal(copy, text);
    free(copy);
}

static void
the_lines_of_a_program_are_read(void **state)
{
    (void)state;
    struct stream_message message = {0};
    struct err err = {0};
    struct buf bytes = golden_read("adapter/stream/run.txt");
    struct slice rest = buf_slice(&bytes);
    struct slice line = {0};

    assert_true(slice_split(&rest, '\n', &line));
    assert_true(stream_message_decode(&message, line, &err));
    assert_int_equal(message.kind, STREAM_PLAN);
    assert_int_equal(message.id_count, 2);
    assert_slice(message.ids[0], "tests.Login.test_ok");
    assert_slice(message.ids[1], "tests.Login.test_bad");

    assert_true(slice_split(&rest, '\n', &line));
    assert_true(stream_message_decode(&message, line, &err));
    assert_int_equal(message.kind, STREAM_FINISHED);
    assert_slice(message.id, "tests.Login.test_ok");
    assert_int_equal(message.outcome.state, STATE_PASSED);
    assert_int_equal(message.outcome.us, 183);

    assert_true(slice_split(&rest, '\n', &line));
    assert_false(slice_starts_with(line, STREAM_START));
    assert_true(slice_split(&rest, '\n', &line));
    assert_true(stream_message_decode(&message, line, &err));
    assert_int_equal(message.outcome.state, STATE_FAILED);
    assert_slice(message.file, "tests.py");
    assert_int_equal(message.line, 12);
    assert_int_equal(message.outcome.finding_count, 1);
    assert_slice(message.outcome.findings[0].message, "1 != 2");

    assert_true(slice_split(&rest, '\n', &line));
    assert_true(stream_message_decode(&message, line, &err));
    assert_int_equal(message.kind, STREAM_END);
    assert_int_equal(message.tests, 2);
    buf_release(&bytes);
    stream_message_release(&message);
}

static const struct breach {
    const char *line;
    const char *error;
} breaches[] = {
    {"{\"mule\":", "JSON"},
    {"{\"mule\":1,\"msg\":\"end\"}", "field \"mule\" is a number"},
    {"{\"mule\":\"2.0\",\"msg\":\"end\"}", "protocol \"2.0\""},
    {"{\"mule\":\"1.0\"}", "field \"msg\" is missing"},
    {"{\"mule\":\"1.0\",\"msg\":\"plan\"}",
     "message \"plan\": field \"items\" is missing"},
    {"{\"mule\":\"1.0\",\"msg\":\"plan\",\"items\":[1]}",
     "message \"plan\": field \"items\""},
    {"{\"mule\":\"1.0\",\"msg\":\"plan\",\"items\":[\"\"]}", "is empty"},
    {"{\"mule\":\"1.0\",\"msg\":\"finished\",\"id\":\"\",\"state\":\"passed\"}",
     "message \"finished\": field \"id\" is empty"},
    {"{\"mule\":\"1.0\",\"msg\":\"finished\",\"id\":\"a\",\"state\":\"lost\"}",
     "field \"state\""},
    {"{\"mule\":\"1.0\",\"msg\":\"end\",\"tests\":-1}", "field \"tests\""},
};

static void
what_is_wrong_is_named(void **state)
{
    (void)state;
    struct stream_message message = {0};

    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
        struct err err = {0};

        assert_false(
            stream_message_decode(&message, slice_of(breaches[i].line), &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        if (strstr(err.text, breaches[i].error) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", breaches[i].line,
                     err.text, breaches[i].error);
        }
    }
    stream_message_release(&message);
}

static void
what_a_later_version_adds_is_ignored(void **state)
{
    (void)state;
    struct stream_message message = {0};
    struct err err = {0};

    assert_true(stream_message_decode(
        &message, SLICE("{\"mule\":\"1.7\",\"msg\":\"weather\"}"), &err));
    assert_int_equal(message.kind, STREAM_OTHER);
    stream_message_release(&message);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_lines_of_a_program_are_read),
    cmocka_unit_test(what_is_wrong_is_named),
    cmocka_unit_test(what_a_later_version_adds_is_ignored),
};

CHECK_MAIN(tests)
