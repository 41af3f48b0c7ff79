#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "loop/guardian_codec.h"
#include "util/alloc.h"

// Puts a frame and takes it again, which must use up all of it.
static void
again(struct frame *frame, struct buf *buf)
{
    struct err err = {0};
    struct slice bytes;

    buf_reset(buf);
    assert_true(guardian_codec_put(buf, frame));
    bytes = buf_slice(buf);
    memset(frame, 0xA5, sizeof(*frame));
    assert_int_equal(guardian_codec_take(&bytes, frame, &err), FRAME_WHOLE);
    assert_int_equal(bytes.len, 0);
}

static void
add_texts(struct buf *bytes, struct frame_texts *texts, const char *first,
          const char *second)
{
    texts->count = 0;
    assert_true(guardian_codec_add_text(bytes, &texts->count, first));
    assert_true(guardian_codec_add_text(bytes, &texts->count, second));
    texts->bytes = buf_slice(bytes);
}

static void
a_request_to_start_keeps_all_its_members(void **state)
{
    struct buf buf = BUF_INIT(FRAME_MAX);
    struct buf argv = BUF_INIT(100);
    struct buf env = BUF_INIT(100);
    struct frame frame = {.kind = FRAME_SPAWN,
                          .spawn = {.id = 7,
                                    .input = CHILD_INPUT_TEXT,
                                    .out = CHILD_OUTPUT_FILE,
                                    .err = CHILD_OUTPUT_SAME,
                                    .leads = CHILD_LEADS_GROUP,
                                    .zygote = true,
                                    .cwd = "/tmp",
                                    .out_path = "/tmp/out",
                                    .input_text = SLICE("a\0b")}};

    (void)state;
    add_texts(&argv, &frame.spawn.argv, "/bin/echo", "");
    add_texts(&env, &frame.spawn.env, "A=1", "B");
    again(&frame, &buf);
    assert_int_equal(frame.kind, FRAME_SPAWN);
    assert_int_equal(frame.spawn.id, 7);
    assert_int_equal(frame.spawn.input, CHILD_INPUT_TEXT);
    assert_int_equal(frame.spawn.out, CHILD_OUTPUT_FILE);
    assert_int_equal(frame.spawn.err, CHILD_OUTPUT_SAME);
    assert_int_equal(frame.spawn.leads, CHILD_LEADS_GROUP);
    assert_true(frame.spawn.zygote);
    assert_string_equal(frame.spawn.cwd, "/tmp");
    assert_string_equal(frame.spawn.tag, ""); // there was none
    assert_string_equal(frame.spawn.out_path, "/tmp/out");
    assert_int_equal(frame.spawn.input_text.len, 3);
    assert_int_equal(frame.spawn.argv.count, 2);
    assert_string_equal(frame.spawn.argv.bytes.data, "/bin/echo");
    assert_int_equal(frame.spawn.argv.bytes.len, sizeof("/bin/echo") + 1);
    assert_int_equal(frame.spawn.env.count, 2);
    assert_memory_equal(frame.spawn.env.bytes.data, "A=1\0B\0", 6);
    buf_release(&argv);
    buf_release(&env);
    buf_release(&buf);
}

static void
an_end_keeps_all_its_members(void **state)
{
    struct buf buf = BUF_INIT(FRAME_MAX);
    struct frame frame = {.kind = FRAME_GONE,
                          .gone = {.id = 3,
                                   .status = 139,
                                   .usage = {.user_us = 1,
                                             .system_us = UINT64_MAX,
                                             .maxrss_kib = 9000},
                                   .wall_us = 77,
                                   .held = true}};

    (void)state;
    again(&frame, &buf);
    assert_int_equal(frame.gone.id, 3);
    assert_int_equal(frame.gone.status, 139);
    assert_int_equal(frame.gone.usage.user_us, 1);
    assert_true(frame.gone.usage.system_us == UINT64_MAX);
    assert_int_equal(frame.gone.usage.maxrss_kib, 9000);
    assert_int_equal(frame.gone.wall_us, 77);
    assert_true(frame.gone.held);
    buf_release(&buf);
}

static void
small_frames_keep_their_members(void **state)
{
    struct buf buf = BUF_INIT(FRAME_MAX);
    struct frame frame = {.kind = FRAME_SIGNAL_PID,
                          .signal_pid = {.pid = 4, .signo = 9, .group = true}};

    (void)state;
    again(&frame, &buf);
    assert_int_equal(frame.signal_pid.pid, 4);
    assert_int_equal(frame.signal_pid.signo, 9);
    assert_true(frame.signal_pid.group);
    frame = (struct frame){
        .kind = FRAME_LEAK,
        .leak = {.pid = 5, .group = 6, .job = "b.1.1", .command = "sleep 9"}};
    again(&frame, &buf);
    assert_int_equal(frame.leak.pid, 5);
    assert_int_equal(frame.leak.group, 6);
    assert_string_equal(frame.leak.job, "b.1.1");
    assert_string_equal(frame.leak.command, "sleep 9");
    frame = (struct frame){
        .kind = FRAME_FAILED,
        .failed = {.id = 1, .step = STEP_EXEC, .number = 2, .name = "nope"}};
    again(&frame, &buf);
    assert_int_equal(frame.failed.step, STEP_EXEC);
    assert_int_equal(frame.failed.number, 2);
    assert_string_equal(frame.failed.name, "nope");
    buf_release(&buf);
}

static void
output_is_read_into_its_place(void **state)
{
    struct buf buf = BUF_INIT(FRAME_MAX);
    struct frame frame;
    struct err err = {0};
    size_t room = 0;

    (void)state;
    buf_add_text(&buf, "....");
    char *place = guardian_codec_begin_output(&buf, 9, CHILD_ERR, 100, &room);
    assert_non_null(place);
    assert_int_equal(room, 100);
    memcpy(place, "hello", 5);
    guardian_codec_end_output(&buf, 5);
    struct slice bytes = slice_skip(buf_slice(&buf), 4);
    assert_int_equal(guardian_codec_take(&bytes, &frame, &err), FRAME_WHOLE);
    assert_int_equal(frame.kind, FRAME_OUTPUT);
    assert_int_equal(frame.output.id, 9);
    assert_int_equal(frame.output.stream, CHILD_ERR);
    assert_true(slice_equals_text(frame.output.bytes, "hello"));
    buf_release(&buf);
}

static void
no_output_leaves_no_frame(void **state)
{
    struct buf buf = BUF_INIT(64);
    size_t room = 0;

    (void)state;
    assert_non_null(
        guardian_codec_begin_output(&buf, 9, CHILD_OUT, 100, &room));
    assert_true(room < 64);
    guardian_codec_end_output(&buf, 0);
    assert_int_equal(buf.len, 0);
    buf_add_repeat(&buf, '.', 60);
    assert_null(guardian_codec_begin_output(&buf, 9, CHILD_OUT, 100, &room));
    assert_int_equal(buf.len, 60);
    buf_release(&buf);
}

static void
a_frame_may_come_in_pieces(void **state)
{
    struct buf buf = BUF_INIT(FRAME_MAX);
    struct frame frame = {.kind = FRAME_REMOVE_AT_END, .path = "/tmp/x"};
    struct err err = {0};

    (void)state;
    assert_true(guardian_codec_put(&buf, &frame));
    for (size_t len = 0; len < buf.len; len++) {
        struct slice bytes = slice_make(buf.data, len);
        assert_int_equal(guardian_codec_take(&bytes, &frame, &err), FRAME_MORE);
        assert_int_equal(bytes.len, len);
    }
    buf_release(&buf);
}

static void
a_frame_that_is_too_big_is_not_put(void **state)
{
    struct buf buf = BUF_INIT(2 * FRAME_MAX);
    char *path = alloc_bytes(FRAME_MAX);
    struct frame frame = {.kind = FRAME_REMOVE_AT_END, .path = path};

    (void)state;
    memset(path, 'x', FRAME_MAX - 1);
    path[FRAME_MAX - 1] = '\0';
    assert_false(guardian_codec_put(&buf, &frame));
    assert_int_equal(buf.len, 0);
    buf_release(&buf);
    free(path);
}

static void
assert_broken(const char *data, size_t len)
{
    struct slice bytes = slice_make(data, len);
    struct frame frame;
    struct err err = {0};

    assert_int_equal(guardian_codec_take(&bytes, &frame, &err), FRAME_BROKEN);
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void
malformed_frames_are_refused(void **state)
{
    const uint32_t huge = UINT32_MAX;
    char bytes[64] = {0};

    (void)state;
    memcpy(bytes, &huge, sizeof(huge));
    assert_broken(bytes, 5);                          // too long
    assert_broken("\1\0\0\0\0", 5);                   // no kind
    assert_broken("\1\0\0\0\x63", 5);                 // an unknown kind
    assert_broken("\3\0\0\0\2ab", 7);                 // ends in a member
    assert_broken("\3\0\0\0\6\1x", 7);                // goes on behind its end
    assert_broken("\2\0\0\0\6\2", 6);                 // a bool of 2
    assert_broken("\x09\0\0\0\10\4\0\0\0abcd", 13);   // a text without end
    assert_broken("\x09\0\0\0\10\4\0\0\0ab\0\0", 13); // a text with two
    // One text is promised and two are there.
    assert_broken("\x0D\0\0\0\7\1\0\0\0\4\0\0\0a\0b\0", 17);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_request_to_start_keeps_all_its_members),
    cmocka_unit_test(an_end_keeps_all_its_members),
    cmocka_unit_test(small_frames_keep_their_members),
    cmocka_unit_test(output_is_read_into_its_place),
    cmocka_unit_test(no_output_leaves_no_frame),
    cmocka_unit_test(a_frame_may_come_in_pieces),
    cmocka_unit_test(a_frame_that_is_too_big_is_not_put),
    cmocka_unit_test(malformed_frames_are_refused),
};

CHECK_MAIN(tests)
