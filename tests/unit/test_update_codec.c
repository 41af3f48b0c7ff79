#include "fleet/update_codec.h"

#include "check.h"
#include "golden.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/json_text.h"
#include "util/text.h"

static void
updates_are_written_as_they_were_read(void **state)
{
    struct buf bytes = golden_read("fleet/updates");
    struct slice rest = buf_slice(&bytes);
    struct slice line;
    struct update_memory memory = {0};
    bool seen[UPDATE_KIND_COUNT] = {[UPDATE_OTHER] = true};

    (void)state;
    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        struct err err = {0};
        struct update update;
        struct buf again = BUF_INIT(UPDATE_MAX);
        json_t *root = json_text_parse_object(line, &err);
        if (!update_decode(root, &memory, &update, &err)) {
            fail_msg("%s", err.text);
        }
        update_add(&again, &update);
        char *wanted = slice_dup(line);
        assert_string_equal(buf_text(&again), wanted);
        seen[update.kind] = true;
        free(wanted);
        buf_release(&again);
        json_decref(root);
    }
    for (int i = 0; i < UPDATE_KIND_COUNT; i++) {
        assert_true(seen[i]);
    }
    update_memory_release(&memory);
    buf_release(&bytes);
}

static void
updates_are_skimmed_in_one_list(void **state)
{
    struct buf bytes = golden_read("fleet/updates");
    struct buf list = BUF_INIT(65536);
    struct slice rest = buf_slice(&bytes);
    struct slice line;
    struct slice text;
    struct update update;

    (void)state;
    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        buf_add_text(&list, list.len > 0 ? "," : "");
        buf_add_slice(&list, line);
    }
    rest = buf_slice(&bytes);
    struct slice left = buf_slice(&list);
    while (update_skim(&left, &text, &update)) {
        slice_split(&rest, '\n', &line);
        assert_true(slice_equals(text, line));
        if (update.kind == UPDATE_RESULT) {
            assert_int_equal(update.o.job, 17);
        }
    }
    assert_int_equal(left.len, 0);
    assert_int_equal(rest.len, 0);
    buf_release(&list);
    buf_release(&bytes);
}

static void
a_list_that_has_no_end_is_not_skimmed(void **state)
{
    static const char *const texts[] = {
        "{\"k\":\"said\",\"text\":\"a",
        "{\"k\":\"said\",\"text\":\"a\\",
        "{\"k\":\"job\",\"o\":[1]}",
        "{\"o\":[1,1],\"k\":\"job\"}",
        "}",
        "[]",
        "{\"k\":\"job\",\"o\":[1,99999]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct slice rest = slice_of(texts[i]);
        struct slice text;
        struct update update;
        assert_false(update_skim(&rest, &text, &update));
        assert_int_not_equal(rest.len, 0);
    }
}

static void
assert_refused(const char *text, const char *why)
{
    struct update_memory memory = {0};
    struct update update;
    struct err err = {0};
    json_t *root = json_text_parse_object(slice_of(text), &err);

    assert_non_null(root);
    assert_false(update_decode(root, &memory, &update, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    if (strstr(err.text, why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    }
    update_memory_release(&memory);
    json_decref(root);
}

static void
updates_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    assert_refused("{}", "\"k\" is missing");
    assert_refused("{\"k\":\"job\"}", "update \"job\": an order");
    assert_refused("{\"k\":\"result\",\"o\":[1,1]}", "\"i\" is missing");
    assert_refused("{\"k\":\"result\",\"o\":[1,1],\"i\":0}", "\"state\"");
    assert_refused("{\"k\":\"result\",\"o\":[1,1],\"i\":0,\"state\":\"none\"}",
                   "no state");
    assert_refused("{\"k\":\"result\",\"o\":[1,1],\"i\":-1,"
                   "\"state\":\"passed\"}",
                   "\"i\"");
    assert_refused("{\"k\":\"result\",\"o\":[1,1],\"i\":0,"
                   "\"state\":\"passed\",\"out\":7}",
                   "\"out\"");
    assert_refused("{\"k\":\"result\",\"o\":[1,1],\"i\":0,"
                   "\"state\":\"passed\",\"out\":{\"cut\":-1}}",
                   "\"cut\"");
    assert_refused("{\"k\":\"end\",\"o\":[1,1],\"end\":\"over\"}",
                   "\"end\" is \"over\"");
    assert_refused("{\"k\":\"end\",\"o\":[1,1],\"end\":\"done\",\"slot\":-2}",
                   "\"slot\"");
    assert_refused("{\"k\":\"took\",\"os\":[[1,1],[2]]}", "element 1");
    assert_refused("{\"k\":\"note\",\"level\":\"loud\",\"text\":\"\"}",
                   "\"level\"");
}

static void
an_update_of_tomorrow_is_ignored(void **state)
{
    struct update_memory memory = {0};
    struct update update;
    struct err err = {0};
    json_t *root =
        json_text_parse_object(SLICE("{\"k\":\"wonder\",\"x\":1}"), &err);

    (void)state;
    assert_true(update_decode(root, &memory, &update, &err));
    assert_int_equal(update.kind, UPDATE_OTHER);
    json_decref(root);
    update_memory_release(&memory);
}

static void
text_of_any_bytes_becomes_utf8(void **state)
{
    struct buf buf = BUF_INIT(UPDATE_MAX);
    struct update update = {
        .kind = UPDATE_SAID,
        .text = slice_make("\xff\0\xc3", 3),
    };

    (void)state;
    update_add(&buf, &update);
    assert_string_equal(buf_text(&buf), "{\"k\":\"said\",\"text\":"
                                        "\"\xef\xbf\xbd\\u0000\xef\xbf\xbd\"}");
    buf_release(&buf);
}

// ------------------------------------------------------------ too long

static char *
many(char byte, size_t count)
{
    char *text = alloc_bytes(count);
    memset(text, byte, count);
    return text;
}

/* Writes and reads it; gives what is to be released. */
static json_t *
write_and_read(const struct update *update, struct update_memory *memory,
               struct update *result)
{
    struct buf buf = BUF_INIT((size_t)64 << 20);
    struct err err = {0};

    *result = *update; // fail_msg() does not come back
    update_add(&buf, update);
    assert_false(buf.overflowed);
    assert_true(buf.len <= UPDATE_MAX);
    json_t *root = json_text_parse_object(buf_slice(&buf), &err);
    if (root == NULL || !update_decode(root, memory, result, &err)) {
        fail_msg("%s", err.text);
    }
    buf_release(&buf);
    return root;
}

static void
long_output_loses_its_middle_and_counts_it(void **state)
{
    size_t len = (size_t)20 << 20;
    char *text = many('x', len);
    struct outcome outcome = {
        .state = STATE_FAILED,
        .reason = SLICE("short"),
        .out = {.head = slice_make(text, len), .tail = SLICE("end"), .cut = 5},
        .err = {.head = SLICE("all of it")},
        .ran = true,
        .counted = true,
    };
    struct update update = {.kind = UPDATE_RESULT, .outcome = &outcome};
    struct update_memory memory = {0};
    struct update after;
    json_t *root = write_and_read(&update, &memory, &after);

    (void)state;
    const struct output *out = &after.outcome->out;
    assert_int_equal(out->head.len + out->tail.len + out->cut, len + 3 + 5);
    assert_true(out->head.len > (size_t)3 << 20);
    assert_true(slice_equals_text(out->tail, "end"));
    assert_true(slice_equals_text(after.outcome->err.head, "all of it"));
    assert_true(slice_equals_text(after.outcome->reason, "short"));
    json_decref(root);
    update_memory_release(&memory);
    free(text);
}

static void
long_output_without_an_end_gets_one(void **state)
{
    size_t len = (size_t)20 << 20;
    char *text = many('\x01', len);
    text[len - 1] = '!';
    struct update update = {
        .kind = UPDATE_END,
        .place = ITEM_NONE,
        .end = {.out = {.head = slice_make(text, len)}},
    };
    struct update_memory memory = {0};
    struct update after;
    json_t *root = write_and_read(&update, &memory, &after);

    (void)state;
    const struct output *out = &after.end.out;
    assert_int_equal(out->head.len + out->tail.len + out->cut, len);
    assert_int_equal(out->tail.data[out->tail.len - 1], '!');
    assert_true(out->head.len > 500000);
    json_decref(root);
    update_memory_release(&memory);
    free(text);
}

static void
long_findings_say_what_is_missing(void **state)
{
    size_t len = (size_t)12 << 20;
    char *text = many('"', len);
    struct finding findings[3] = {
        {.kind = FINDING_ERROR, .message = SLICE("short")},
        {.kind = FINDING_ERROR, .trace = slice_make(text, len)},
        {.kind = FINDING_FAILURE, .message = slice_make(text, len)},
    };
    struct outcome outcome = {
        .state = STATE_ERROR,
        .findings = findings,
        .finding_count = 3,
        .ran = true,
        .counted = true,
    };
    struct update update = {
        .kind = UPDATE_APPEARED,
        .outcome = &outcome,
        .appeared = {.id = SLICE("id")},
    };
    struct update_memory memory = {0};
    struct update after;
    json_t *root = write_and_read(&update, &memory, &after);

    (void)state;
    assert_int_equal(after.outcome->finding_count, 3);
    const struct finding *got = after.outcome->findings;
    assert_true(slice_equals_text(got[0].message, "short"));
    assert_true(slice_find_part(got[1].trace, SLICE(" bytes left out ...]")) <
                got[1].trace.len);
    assert_true(got[1].trace.len > (size_t)1 << 20);
    assert_true(got[2].message.len > (size_t)1 << 20);
    assert_int_equal(got[2].kind, FINDING_FAILURE);
    json_decref(root);
    update_memory_release(&memory);
    free(text);
}

static void
more_findings_than_fit_lose_their_end(void **state)
{
    size_t count = 400000;
    struct finding *findings = alloc_zero(count, sizeof(*findings));
    for (size_t i = 0; i < count; i++) {
        findings[i].kind = FINDING_FAILURE;
        findings[i].message = SLICE("it is not what it should be");
    }
    struct outcome outcome = {
        .state = STATE_FAILED,
        .findings = findings,
        .finding_count = count,
        .ran = true,
        .counted = true,
    };
    struct update update = {.kind = UPDATE_RESULT, .outcome = &outcome};
    struct update_memory memory = {0};
    struct update after;
    json_t *root = write_and_read(&update, &memory, &after);

    (void)state;
    assert_true(after.outcome->finding_count > 10000);
    assert_true(slice_equals_text(after.outcome->findings[0].message,
                                  "it is not what it should be"));
    json_decref(root);
    update_memory_release(&memory);
    free(findings);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(updates_are_written_as_they_were_read),
    cmocka_unit_test(updates_are_skimmed_in_one_list),
    cmocka_unit_test(a_list_that_has_no_end_is_not_skimmed),
    cmocka_unit_test(updates_that_make_no_sense_are_refused),
    cmocka_unit_test(an_update_of_tomorrow_is_ignored),
    cmocka_unit_test(text_of_any_bytes_becomes_utf8),
    cmocka_unit_test(long_output_loses_its_middle_and_counts_it),
    cmocka_unit_test(long_output_without_an_end_gets_one),
    cmocka_unit_test(long_findings_say_what_is_missing),
    cmocka_unit_test(more_findings_than_fit_lose_their_end),
};

CHECK_MAIN(tests)
