#include "check.h"

#include <jansson.h>

#include "everything.h"
#include "golden.h"
#include "report/event_codec.h"
#include "report/report_json.h"

static char *
new_path(void)
{
    char *path = strdup("/tmp/mule-test-XXXXXX");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    return path;
}

static char *
read_path(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;

    assert_non_null(file);
    char *text = play_read(file, &size);
    assert_int_equal(strlen(text), size);
    (void)fclose(file);
    return text;
}

static void
every_event_is_a_line_as_the_golden_file_has_it(void **state)
{
    char *path = new_path();
    struct err err = {0};
    struct play play = {.sink = report_json_new(path, &err)};
    struct buf golden = golden_read("json/everything.jsonl");

    (void)state;
    assert_non_null(play.sink);
    play_everything(&play);
    assert_false(play.failed);
    play.sink->ops->free(play.sink);
    char *text = read_path(path);
    assert_string_equal(text, buf_text(&golden));
    unlink(path);
    free(text);
    free(path);
    buf_release(&golden);
}

static void
lines_can_be_read_while_the_run_goes_on(void **state)
{
    char *path = new_path();
    struct err err = {0};
    struct play play = {.sink = report_json_new(path, &err)};

    (void)state;
    play_start(&play, 1);
    char *text = read_path(path);
    assert_non_null(strstr(text, "\"run_started\""));
    free(text);
    play_state(&play, "t.A.test_a", STATE_PASSED);
    text = read_path(path);
    assert_non_null(strstr(text, "\"t.A.test_a\""));
    assert_int_equal(text[strlen(text) - 1], '\n');
    free(text);
    play.sink->ops->free(play.sink);
    unlink(path);
    free(path);
}

static void
any_bytes_give_valid_json(void **state)
{
    struct buf line = BUF_INIT(1 << 20);
    unsigned seed = 1;
    char bytes[64];

    (void)state;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1103515245U + 12345U;
            bytes[i] = (char)(seed >> 16);
        }
        struct slice text = {bytes, sizeof(bytes)};
        struct finding finding = {.message = text, .trace = text};
        struct outcome outcome = {.state = STATE_FAILED,
                                  .reason = text,
                                  .findings = &finding,
                                  .finding_count = 1,
                                  .out = {.head = text, .tail = text}};
        char *id = slice_dup(text);
        struct event event = {
            .kind = EVENT_TEST_FINISHED,
            .test = {.id = id, .job = id, .file = id, .outcome = &outcome},
        };
        buf_reset(&line);
        event_codec_write(&line, &event);
        json_error_t error;
        json_t *json =
            json_loadb(line.data, line.len,
                       JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
        if (json == NULL) {
            fail_msg("%s in %s", error.text, line.data);
        }
        json_decref(json);
        free(id);
    }
    buf_release(&line);
}

static void
a_file_that_cannot_be_opened_is_known_before_the_run(void **state)
{
    struct err err = {0};

    (void)state;
    assert_null(report_json_new("/nonexistent/x.json", &err));
    assert_string_equal(err.text, "JSON report: /nonexistent/x.json: "
                                  "No such file or directory");
    assert_non_null(err.hint);
}

static void
a_full_disk_names_the_file(void **state)
{
    struct err err = {0};
    struct play play = {.sink = report_json_new("/dev/full", &err)};

    (void)state;
    assert_non_null(play.sink);
    play_start(&play, 1);
    assert_true(play.failed);
    assert_string_equal(play.err.text,
                        "writing /dev/full: write: No space left on device");
    play.sink->ops->free(play.sink);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_event_is_a_line_as_the_golden_file_has_it),
    cmocka_unit_test(lines_can_be_read_while_the_run_goes_on),
    cmocka_unit_test(any_bytes_give_valid_json),
    cmocka_unit_test(a_file_that_cannot_be_opened_is_known_before_the_run),
    cmocka_unit_test(a_full_disk_names_the_file),
};

CHECK_MAIN(tests)
