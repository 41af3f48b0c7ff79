#include "adapter/batch_scan.h"

#include "adapter/adapter_codec.h"
#include "tests/unit/check.h"

// Lines that the short cut reads, and lines that it leaves to jansson.
// NOLINTBEGIN(bugprone-suspicious-missing-comma): lines of several pieces
static const char *const usual[] = {
    "{\"msg\":\"passed\",\"items\":[[120,183],[121,90]]}",
    "{\"msg\": \"passed\", \"items\": [[120, 183], [0, 0]]}",
    "{\"msg\":\"job\",\"name\":\"a.B\",\"kind\":\"class\",\"file\":\"a.py\","
    "\"load\":\"a\",\"items\":[[\".c\",1],[\".d\",20]]}",
    "{\"msg\":\"job\",\"kind\":\"suite\",\"items\":[[\"x\",0]],\"name\":\"a\"}",
    "{\"msg\":\"job\",\"name\":\"ä\",\"kind\":\"file\",\"items\":[[\".日\",4]],"
    "\"alone\":true,\"spawn\":false}",
    "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"rank\":15,"
    "\"items\":[[\".c\",1]],\"spawn\":true}",
};
static const char *const unusual[] = {
    "",
    "{",
    "{\"msg\":\"passed\"}",
    "{\"msg\":\"passed\",\"items\":[]}",
    "{\"msg\":\"passed\",\"items\":[[1,2]],\"items\":[[3,4]]}",
    "{\"msg\":\"passed\",\"items\":[[01,2]]}",
    "{\"msg\":\"passed\",\"items\":[[1,4294967296]]}",
    "{\"msg\":\"passed\",\"items\":[[1,2]]} x",
    "{\"msg\":\"passed\",\"hurry\":1,\"items\":[[1,2]]}",
    "{\"items\":[[1,2]],\"msg\":\"passed\"}",
    "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[["
    "\"\\u0041\","
    "1]]}",
    "{\"msg\":\"job\",\"name\":\"a\",\"name\":\"b\",\"kind\":\"class\","
    "\"items\":[[\".c\",1]]}",
    "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\".\xff\","
    "1]]}",
    "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\"}",
    "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"rank\":16,"
    "\"items\":[[\".c\",1]]}",
    "{\"msg\":\"started\",\"item\":1}",
};
// NOLINTEND(bugprone-suspicious-missing-comma)

static void
assert_same_slice(struct slice a, struct slice b)
{
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.len == 0 ? "" : a.data, b.len == 0 ? "" : b.data,
                        a.len);
}

static void
assert_same(const struct adapter_message *a, const struct adapter_message *b)
{
    assert_int_equal(a->kind, b->kind);
    if (a->kind == ADAPTER_PASSED) {
        assert_int_equal(a->passed.count, b->passed.count);
        for (size_t i = 0; i < a->passed.count; i++) {
            assert_int_equal(a->passed.items[i].item, b->passed.items[i].item);
            assert_int_equal(a->passed.items[i].us, b->passed.items[i].us);
        }
        return;
    }
    assert_int_equal(a->kind, ADAPTER_JOB);
    assert_same_slice(a->job.params.name, b->job.params.name);
    assert_same_slice(a->job.params.file, b->job.params.file);
    assert_same_slice(a->job.params.load, b->job.params.load);
    assert_int_equal(a->job.params.kind, b->job.params.kind);
    assert_int_equal(a->job.params.flags, b->job.params.flags);
    assert_int_equal(a->job.count, b->job.count);
    for (size_t i = 0; i < a->job.count; i++) {
        assert_same_slice(a->job.items[i].id, b->job.items[i].id);
        assert_int_equal(a->job.items[i].line, b->job.items[i].line);
    }
}

static void
the_short_cut_gives_what_jansson_gives(void **state)
{
    (void)state;
    struct adapter_message quick = {0};
    struct adapter_message plain = {0};

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        struct err err = {0};

        if (!batch_scan(&quick, slice_of(usual[i]))) {
            fail_msg("%s was not taken", usual[i]);
        }
        assert_true(
            adapter_message_decode_plainly(&plain, slice_of(usual[i]), &err));
        assert_same(&quick, &plain);
    }
    adapter_message_release(&quick);
    adapter_message_release(&plain);
}

static void
what_is_unusual_is_left_to_jansson(void **state)
{
    (void)state;
    struct adapter_message message = {0};

    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        if (batch_scan(&message, slice_of(unusual[i]))) {
            fail_msg("%s was taken", unusual[i]);
        }
    }
    adapter_message_release(&message);
}

static void
a_rank_is_kept_beside_the_flags(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    const char *line = "{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\","
                       "\"rank\":9,\"items\":[[\".c\",1]],\"alone\":true}";

    assert_true(batch_scan(&message, slice_of(line)));
    assert_int_equal(message.job.params.flags,
                     JOB_ALONE | 9U << JOB_RANK_SHIFT);
    adapter_message_release(&message);
}

static void
check_broken(struct slice broken)
{
    struct adapter_message quick = {0};
    struct adapter_message plain = {0};
    struct err err = {0};

    if (batch_scan(&quick, broken)) {
        assert_true(adapter_message_decode_plainly(&plain, broken, &err));
        assert_same(&quick, &plain);
    }
    adapter_message_release(&quick);
    adapter_message_release(&plain);
}

// Every beginning of a line, and the line with one byte changed, is either
// left alone or means the same to both.
static void
broken_lines_are_never_read_differently(void **state)
{
    (void)state;
    static const char bytes[] = "\"[]{},:\\ 0\x01\xFF"
                                "e";

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        struct slice line = slice_of(usual[i]);

        for (size_t at = 0; at < line.len; at++) {
            char *copy = slice_dup(line);

            check_broken(slice_make(copy, at));
            for (size_t j = 0; j < sizeof(bytes) - 1; j++) {
                copy[at] = bytes[j];
                check_broken(slice_make(copy, line.len));
            }
            free(copy);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_short_cut_gives_what_jansson_gives),
    cmocka_unit_test(what_is_unusual_is_left_to_jansson),
    cmocka_unit_test(a_rank_is_kept_beside_the_flags),
    cmocka_unit_test(broken_lines_are_never_read_differently),
};

CHECK_MAIN(tests)
