#include "adapter/clip.h"

#include "tests/unit/check.h"

// Adds `total` bytes in pieces and checks what is kept against all of them.
static void
check_clip(size_t limit, size_t total, size_t piece)
{
    struct clip clip;
    struct buf all = BUF_INIT(100000);

    clip_init(&clip, limit);
    while (all.len < total) {
        size_t start = all.len;

        for (size_t i = 0; i < piece && all.len < total; i++) {
            buf_addf(&all, "%c", (char)('a' + (int)(all.len * 7 % 26)));
        }
        clip_add(&clip, slice_skip(buf_slice(&all), start));
    }
    struct output output = clip_output(&clip);
    assert_int_equal(output.head.len + output.tail.len + output.cut, all.len);
    assert_true(output.head.len + output.tail.len <= limit);
    assert_true(output.tail.len == 0 || output.cut > 0);
    assert_true(slice_starts_with(buf_slice(&all), output.head));
    assert_true(slice_ends_with(buf_slice(&all), output.tail));
    if (total <= limit) {
        assert_int_equal(output.cut, 0);
    } else {
        assert_int_equal(output.head.len + output.tail.len, limit);
    }
    clip_release(&clip);
    buf_release(&all);
}

static void
beginning_and_end_are_kept(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 2, 7, 10, 64};
    static const size_t pieces[] = {1, 3, 5, 10, 64, 1000};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            for (size_t total = 0; total < 4 * limits[i] + 3; total++) {
                check_clip(limits[i], total, pieces[j]);
            }
        }
    }
}

static void
as_one_text_it_says_what_is_missing(void **state)
{
    (void)state;
    struct clip clip;
    struct buf buf = BUF_INIT(100);

    clip_init(&clip, 4);
    clip_add(&clip, SLICE("abcdefgh"));
    clip_add_to(&clip, &buf);
    assert_string_equal(buf_text(&buf), "ab\n[... 4 bytes left out ...]\ngh");
    clip_reset(&clip);
    buf_reset(&buf);
    clip_add(&clip, SLICE("abcd"));
    clip_add_to(&clip, &buf);
    assert_string_equal(buf_text(&buf), "abcd");
    clip_release(&clip);
    buf_release(&buf);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(beginning_and_end_are_kept),
    cmocka_unit_test(as_one_text_it_says_what_is_missing),
};

CHECK_MAIN(tests)
