// The writer and the reader of recordings, against each other: what was told
// is told again, and what is missing is known.
#include "check.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "everything.h"
#include "folder.h"
#include "golden.h"
#include "report/event_codec.h"
#include "report/recording.h"
#include "report/recording_frame.h"
#include "report/recording_reader.h"

#define EVERYTHING (RECORDING_WANT_OUTPUTS | RECORDING_WANT_SELECTED)

static struct play
record_into(const struct recording_params *params)
{
    struct err err = {0};
    struct play play = {.sink = recording_new(params, &err)};

    assert_string_equal(err.text, "");
    assert_non_null(play.sink);
    return play;
}

static void
close_play(struct play *play)
{
    assert_false(play->failed);
    play->sink->ops->free(play->sink);
    play->sink = NULL;
}

/* All that is read, as events' lines; selected tests as "selected ID". */
static struct buf
read_lines(const char *path, unsigned wants, struct recording_gaps *gaps)
{
    struct buf lines = BUF_INIT((size_t)1 << 28);
    struct recording_entry entry;
    struct err err = {0};
    struct recording_reader *reader = recording_reader_open(path, wants, &err);

    assert_string_equal(err.text, "");
    assert_non_null(reader);
    while (recording_reader_next(reader, &entry)) {
        if (entry.kind == RECORDING_EVENT) {
            event_codec_write(&lines, &entry.event);
        } else {
            buf_addf(&lines, "selected %u %u %s of %s %s in %s\n",
                     entry.selected.item, entry.selected.job, entry.selected.id,
                     job_kind_name(entry.selected.kind),
                     entry.selected.job_name, entry.selected.file);
        }
    }
    *gaps = *recording_reader_gaps(reader);
    recording_reader_free(reader);
    return lines;
}

static void
gaps_are(const struct recording_gaps *gaps, const char *wanted)
{
    struct buf said = BUF_INIT(4096);

    recording_gaps_say(gaps, &said);
    assert_string_equal(buf_text(&said), wanted);
    assert_int_equal(recording_gaps_none(gaps), wanted[0] == '\0');
    buf_release(&said);
}

static size_t
size_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static void
what_was_told_is_told_again(void **state)
{
    struct folder *folder = *state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    struct recording_gaps gaps;

    play_everything(&play);
    close_play(&play);
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "");
    assert_int_equal(chdir(folder->home), 0);
    struct buf golden = golden_read("json/everything.jsonl");
    assert_int_equal(chdir(folder->path), 0);
    assert_string_equal(buf_text(&lines), buf_text(&golden));
    buf_release(&lines);
    buf_release(&golden);
}

// ----------------------------------------------------------------- outputs

static void
print_test(struct play *play, const char *id, const char *text)
{
    struct outcome outcome = {
        .state = STATE_PASSED,
        .out = {.head = slice_of(text), .tail = SLICE("the end"), .cut = 7},
    };

    play_test(play, id, 0, 10, outcome);
}

static void
an_output_that_is_printed_again_stands_there_once(void **state)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct recording_gaps gaps;
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 100000; i++) { // nothing that could be packed
        seed = seed * 1103515245U + 12345U;
        buf_addf(&text, "%c", 'a' + (int)(seed >> 16) % 26);
    }
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_start(&play, 1);
    for (int i = 0; i < 50; i++) {
        char id[32];
        snprintf(id, sizeof(id), "t.A.test_%d", i);
        print_test(&play, id, buf_text(&text));
    }
    play_end(&play, STOP_NONE, 0);
    close_play(&play);
    assert_true(size_of("b.mule") < 2 * text.len);
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "");
    assert_true(lines.len > 50 * text.len);
    buf_release(&lines);
    lines = read_lines("b.mule", 0, &gaps);
    gaps_are(&gaps, "");
    assert_true(lines.len < text.len);
    buf_release(&lines);
    buf_release(&text);
}

// Many outputs in many frames: each comes back to the test it belongs to.
static void
outputs_in_many_frames_find_their_tests(void **state)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct recording_gaps gaps;

    (void)state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_start(&play, 1);
    for (int i = 0; i < 3000; i++) {
        char id[32];
        snprintf(id, sizeof(id), "t.A.test_%d", i);
        buf_reset(&text);
        buf_addf(&text, "says number %d\n", i % 3 == 0 ? 0 : i);
        buf_add_repeat(&text, 'x', 500);
        print_test(&play, id, buf_text(&text));
    }
    play_end(&play, STOP_NONE, 0);
    close_play(&play);
    struct err err = {0};
    struct recording_reader *reader =
        recording_reader_open("b.mule", EVERYTHING, &err);
    struct recording_entry entry;
    int seen = 0;
    while (recording_reader_next(reader, &entry)) {
        if (entry.event.kind == EVENT_TEST_FINISHED) {
            char wanted[64];
            snprintf(wanted, sizeof(wanted), "says number %d\nxxx",
                     seen % 3 == 0 ? 0 : seen);
            assert_true(slice_starts_with(entry.event.test.outcome->out.head,
                                          slice_of(wanted)));
            assert_int_equal(entry.event.test.outcome->out.cut, 7);
            seen++;
        }
    }
    gaps = *recording_reader_gaps(reader);
    gaps_are(&gaps, "");
    assert_int_equal(seen, 3000);
    recording_reader_free(reader);
    buf_release(&text);
}

static void
too_much_output_is_left_out_and_counted_as_cut(void **state)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    struct recording_gaps gaps;

    (void)state;
    struct play play = record_into(
        &(struct recording_params){.path = "b.mule", .max_bytes = 4000});
    play_start(&play, 1);
    for (unsigned i = 0; i < 40; i++) {
        buf_reset(&text);
        for (unsigned j = 0; j < 100; j++) {
            buf_addf(&text, "%u,", (i * 7919 + j * 104729) % 99991);
        }
        play.us += 2000000; // a frame each
        print_test(&play, "t.A.test", buf_text(&text));
    }
    play_end(&play, STOP_NONE, 0);
    close_play(&play);
    assert_true(size_of("b.mule") <= 4000 + 100);
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    assert_true(gaps.end == RECORDING_COMPLETE);
    assert_true(gaps.events > 0);
    assert_int_equal(gaps.events + gaps.given, 42);
    assert_int_equal(gaps.outputs, 0);
    assert_non_null(strstr(buf_text(&lines), "\"head\":\"\",\"cut\":"));
    buf_release(&lines);
    buf_release(&text);
}

// -------------------------------------------------------- what is selected

static void
what_is_selected_stands_before_the_first_test(void **state)
{
    struct items *items = items_new();
    struct recording_gaps gaps;

    (void)state;
    uint32_t first = items_add_job(
        items, &(struct job_params){.name = SLICE("t.A"), .kind = JOB_CLASS});
    items_add(items, first, SLICE(".test_a"), 0);
    items_add(items, first, SLICE(".test_b"), 0);
    items_add(items, first, SLICE("t.A.test_c"), 0);
    items_get(items, 1)->flags &= (uint8_t)~ITEM_SELECTED;
    uint32_t second = items_add_job(
        items, &(struct job_params){.name = SLICE("make it"),
                                    .file = SLICE("make \"it\".sh"),
                                    .kind = JOB_COMMAND});
    items_add(items, second, SLICE("make it"), 0);
    struct play play = record_into(
        &(struct recording_params){.path = "b.mule", .items = items});
    play_start(&play, 1);
    play_collected(&play, 3, 2);
    // Nothing more was said to it: it might be killed now.
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    assert_true(gaps.end == RECORDING_GROWING);
    assert_non_null(strstr(buf_text(&lines),
                           "selected 0 0 t.A.test_a of class t.A in \n"
                           "selected 2 0 t.A.test_c of class t.A in \n"
                           "selected 3 1 make it of command make it in "
                           "make \"it\".sh\n"));
    assert_non_null(strstr(buf_text(&lines), "\"collected\""));
    buf_release(&lines);
    close_play(&play);
    items_free(items);
}

// ------------------------------------------------------------------- files

static void
copy(const char *from, const char *to, size_t len)
{
    FILE *in = fopen(from, "rb");
    size_t size = 0;

    assert_non_null(in);
    char *bytes = play_read(in, &size);
    (void)fclose(in);
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    assert_true(len <= size);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    free(bytes);
}

static void
play_frames(struct play *play, int count)
{
    play_start(play, 1);
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof(id), "t.A.test_%d", i);
        play->us += 2000000;
        play_state(play, id, STATE_PASSED);
    }
    play_end(play, STOP_NONE, 0);
}

static void
wherever_it_is_cut_all_whole_frames_are_given(void **state)
{
    struct recording_gaps gaps;

    (void)state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_frames(&play, 5);
    close_play(&play);
    struct buf whole = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "");
    uint64_t before = 0;
    size_t size = size_of("b.mule");
    for (size_t len = RECORDING_HEADER_SIZE; len < size; len++) {
        copy("b.mule", "cut.mule", len);
        struct buf lines = read_lines("cut.mule", EVERYTHING, &gaps);
        assert_true(gaps.end == RECORDING_CUT);
        assert_true(gaps.given >= before && gaps.given <= 7);
        assert_int_equal(gaps.damaged, 0);
        assert_true(slice_starts_with(buf_slice(&whole), buf_slice(&lines)));
        before = gaps.given;
        buf_release(&lines);
    }
    assert_int_equal(before, 7); // all but the end
    buf_release(&whole);
}

static void
whatever_byte_is_wrong_the_other_frames_are_given(void **state)
{
    struct recording_gaps gaps;

    (void)state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_frames(&play, 5);
    close_play(&play);
    size_t size = size_of("b.mule");
    for (size_t at = 0; at < size; at++) {
        copy("b.mule", "bad.mule", size);
        FILE *file = fopen("bad.mule", "r+b");
        assert_non_null(file);
        (void)fseek(file, (long)at, SEEK_SET);
        int byte = fgetc(file);
        (void)fseek(file, (long)at, SEEK_SET);
        fputc(byte ^ 0x55, file);
        assert_int_equal(fclose(file), 0);
        struct err err = {0};
        struct recording_reader *reader =
            recording_reader_open("bad.mule", EVERYTHING, &err);
        if (reader == NULL) { // the format of the first frame
            assert_int_equal(at, 12);
            continue;
        }
        recording_reader_free(reader);
        struct buf lines = read_lines("bad.mule", EVERYTHING, &gaps);
        // One frame at most is lost, and each has one event.
        assert_true(gaps.given >= 6);
        if (gaps.given < 7) {
            assert_false(recording_gaps_none(&gaps));
        }
        buf_release(&lines);
    }
}

static void
a_recording_of_the_first_format_can_be_read(void **state)
{
    struct recording_gaps gaps;

    (void)state;
    struct buf lines =
        read_lines("tests/fuzz/corpus/recording/whole", EVERYTHING, &gaps);
    gaps_are(&gaps, "");
    assert_int_equal(gaps.given, 27);
    assert_non_null(strstr(buf_text(&lines), "selected 19 1 tests.shop."));
    assert_non_null(strstr(buf_text(&lines), "connecting to port 18"));
    buf_release(&lines);
}

static void
a_file_that_is_no_recording_is_named(void **state)
{
    struct err err = {0};

    (void)state;
    FILE *file = fopen("other", "wb");
    assert_non_null(file);
    for (int i = 0; i < 100000; i++) {
        fputc("MULE]*M\x18"[i % 8], file);
    }
    assert_int_equal(fclose(file), 0);
    assert_null(recording_reader_open("other", 0, &err));
    assert_string_equal(err.text, "other is not a recording");
    err_clear(&err);
    assert_null(recording_reader_open("none", 0, &err));
    assert_string_equal(err.text, "none: No such file or directory");
    err_clear(&err);
    assert_null(recording_reader_open("/", 0, &err));
    assert_string_equal(err.text, "/ is not a file");
    err_clear(&err);
    file = fopen("empty", "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_null(recording_reader_open("empty", 0, &err));
    assert_string_equal(err.text, "empty is empty");
}

static void
put_frame(const char *path, const struct recording_frame *frame)
{
    unsigned char bytes[RECORDING_HEADER_SIZE];
    FILE *file = fopen(path, "wb");

    recording_frame_write(frame, bytes);
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    assert_int_equal(fclose(file), 0);
}

static void
a_recording_of_a_later_format_is_refused(void **state)
{
    struct err err = {0};

    (void)state;
    put_frame("b.mule",
              &(struct recording_frame){.format = 2, .kind = FRAME_EVENTS});
    assert_null(recording_reader_open("b.mule", 0, &err));
    assert_string_equal(err.text,
                        "b.mule has format 2, and this is mule for 1");
}

static void
a_frame_that_promises_too_much_is_not_believed(void **state)
{
    struct err err = {0};

    (void)state;
    put_frame("b.mule", &(struct recording_frame){.format = 1,
                                                  .kind = FRAME_EVENTS,
                                                  .size = UINT32_MAX});
    assert_null(recording_reader_open("b.mule", 0, &err));
}

// ------------------------------------------------------------- while it grows

static void
it_can_be_read_while_it_is_written(void **state)
{
    struct recording_gaps gaps;

    (void)state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_start(&play, 1);
    play_state(&play, "t.A.test_a", STATE_PASSED);
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "its build is still under way");
    assert_int_equal(gaps.given, 1); // the test waits for its second
    buf_release(&lines);
    recording_tick(play.sink, play.us + 2000000);
    lines = read_lines("b.mule", EVERYTHING, &gaps);
    assert_int_equal(gaps.given, 2);
    buf_release(&lines);
    play.sink->ops->free(play.sink); // without its end
    lines = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "its end is missing");
    buf_release(&lines);
}

static void
a_file_that_is_written_by_another_is_left_alone(void **state)
{
    struct recording_params params = {.path = "b.mule"};
    struct err err = {0};

    (void)state;
    struct play play = record_into(&params);
    play_start(&play, 1);
    assert_null(recording_new(&params, &err));
    assert_string_equal(err.text, "recording: b.mule is being written by "
                                  "another mule");
    play_end(&play, STOP_NONE, 0);
    close_play(&play);
    assert_true(size_of("b.mule") > 0);
}

static void
what_comes_after_the_end_has_an_end_of_its_own(void **state)
{
    struct recording_gaps gaps;

    (void)state;
    struct play play =
        record_into(&(struct recording_params){.path = "b.mule"});
    play_start(&play, 1);
    play_end(&play, STOP_NONE, 0);
    play_note(&play, NOTE_ERROR, "a report could not be written", NULL);
    close_play(&play);
    struct buf lines = read_lines("b.mule", EVERYTHING, &gaps);
    gaps_are(&gaps, "");
    assert_int_equal(gaps.given, 3);
    buf_release(&lines);
}

static void
a_full_disk_names_the_file(void **state)
{
    struct err err = {0};
    struct play play = {
        .sink = recording_new(&(struct recording_params){.path = "/dev/full"},
                              &err)};

    (void)state;
    assert_non_null(play.sink);
    play_start(&play, 1);
    assert_true(play.failed);
    assert_string_equal(play.err.text,
                        "writing /dev/full: write: No space left on device");
    play.sink->ops->free(play.sink);
}

#define IN_A_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
    IN_A_FOLDER(what_was_told_is_told_again),
    IN_A_FOLDER(an_output_that_is_printed_again_stands_there_once),
    IN_A_FOLDER(outputs_in_many_frames_find_their_tests),
    IN_A_FOLDER(too_much_output_is_left_out_and_counted_as_cut),
    IN_A_FOLDER(what_is_selected_stands_before_the_first_test),
    IN_A_FOLDER(wherever_it_is_cut_all_whole_frames_are_given),
    IN_A_FOLDER(whatever_byte_is_wrong_the_other_frames_are_given),
    cmocka_unit_test(a_recording_of_the_first_format_can_be_read),
    IN_A_FOLDER(a_file_that_is_no_recording_is_named),
    IN_A_FOLDER(a_recording_of_a_later_format_is_refused),
    IN_A_FOLDER(a_frame_that_promises_too_much_is_not_believed),
    IN_A_FOLDER(it_can_be_read_while_it_is_written),
    IN_A_FOLDER(a_file_that_is_written_by_another_is_left_alone),
    IN_A_FOLDER(what_comes_after_the_end_has_an_end_of_its_own),
    IN_A_FOLDER(a_full_disk_names_the_file),
};

CHECK_MAIN(tests)
