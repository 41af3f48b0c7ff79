#include "fleet/speech.h"

#include "check.h"

#include "util/text.h"

/* What was said, piece by piece, with a bar behind each. */
static void
on_said(void *ctx, struct slice text)
{
    struct buf *said = ctx;

    assert_true(text_is_valid(text));
    buf_add_slice(said, text);
    buf_add_char(said, '|');
}

static void
pieces_are_said_as_they_come(void **state)
{
    struct buf said = BUF_INIT(4096);
    struct speech speech;

    (void)state;
    speech_init(&speech, 1000, on_said, &said);
    speech_add(&speech, SLICE("one\n"));
    speech_add(&speech, SLICE("two"));
    speech_end(&speech, &(struct output){.head = SLICE("one\ntwo")});
    assert_string_equal(buf_text(&said), "one\n|two|");
    speech_release(&speech);
    buf_release(&said);
}

static void
a_character_is_never_cut(void **state)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb4z";
    struct buf said = BUF_INIT(4096);
    struct speech speech;

    (void)state;
    speech_init(&speech, 1000, on_said, &said);
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        speech_add(&speech, slice_make(text + i, 1));
    }
    speech_end(&speech, &(struct output){.head = slice_of(text)});
    assert_string_equal(buf_text(&said),
                        "a|\xc3\xa9|\xe2\x82\xac|\xf0\x9f\x90\xb4|z|");
    speech_release(&speech);
    buf_release(&said);
}

static void
more_than_the_limit_keeps_its_end(void **state)
{
    struct buf said = BUF_INIT(4096);
    struct speech speech;

    (void)state;
    speech_init(&speech, 8, on_said, &said);
    speech_add(&speech, SLICE("abc"));
    speech_add(&speech, SLICE("defgh"));
    speech_add(&speech, SLICE("ijklmnop"));
    struct output output = {
        .head = SLICE("abcd"), .tail = SLICE("mnop"), .cut = 8};
    speech_end(&speech, &output);
    assert_string_equal(buf_text(&said),
                        "abc|d|\n[... 8 bytes left out ...]\n|mnop|");
    buf_reset(&said);
    speech_add(&speech, SLICE("again"));
    speech_end(&speech,
               &(struct output){.head = SLICE("agai"), .tail = SLICE("n")});
    assert_string_equal(buf_text(&said), "agai|n|");
    speech_release(&speech);
    buf_release(&said);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_are_said_as_they_come),
    cmocka_unit_test(a_character_is_never_cut),
    cmocka_unit_test(more_than_the_limit_keeps_its_end),
};

CHECK_MAIN(tests)
