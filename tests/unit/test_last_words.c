#include "run/last_words.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static void
what_was_said_is_kept_without_blanks_around_it(void **state)
{
    struct last_words words;

    (void)state;
    last_words_init(&words);
    last_words_add(&words, SLICE("\n hello"));
    last_words_add(&words, SLICE(" world \n\n"));
    assert_true(slice_equals_text(last_words_get(&words), "hello world"));
    last_words_reset(&words);
    assert_int_equal(last_words_get(&words).len, 0);
    last_words_release(&words);
}

static void
only_the_end_of_much_is_kept(void **state)
{
    struct last_words words;
    size_t size = 3 * LAST_WORDS_MAX;
    char *much = alloc_zero(1, size);

    (void)state;
    memset(much, 'x', size);
    much[size - 1] = '!';
    last_words_init(&words);
    last_words_add(&words, SLICE("first"));
    last_words_add(&words, slice_make(much, size));
    assert_int_equal(words.buf.len, LAST_WORDS_MAX);
    last_words_add(&words, SLICE("end"));
    struct slice said = last_words_get(&words);
    assert_int_equal(said.len, LAST_WORDS_MAX);
    assert_true(slice_equals_text(slice_skip(said, said.len - 4), "!end"));
    free(much);
    last_words_release(&words);
}

static void
they_explain_an_error(void **state)
{
    struct last_words words;
    struct err err = {0};

    (void)state;
    last_words_init(&words);
    err_set(&err, ERR_SPAWN, "it died");
    err_hint(&err, "try again");
    last_words_explain(&words, &err);
    assert_string_equal(err.text, "it died");
    last_words_add(&words, SLICE("Traceback\n  no \x1b[31mmodule\n"));
    last_words_explain(&words, &err);
    assert_non_null(strstr(err.text, "it died; it printed: no "));
    assert_null(strchr(err.text, '\x1b'));
    assert_null(strchr(err.text, '\n'));
    assert_string_equal(err.hint, "try again");
    assert_int_equal(err.kind, ERR_SPAWN);
    last_words_release(&words);
}

static void
a_cause_is_not_lost_to_many_words(void **state)
{
    struct last_words words;
    struct err err = {0};

    (void)state;
    last_words_init(&words);
    for (int i = 0; i < 1000; i++) {
        last_words_add(&words, SLICE("\x01 noise "));
    }
    last_words_add(&words, SLICE("the reason"));
    err_set(&err, ERR_SPAWN, "it died");
    last_words_explain(&words, &err);
    assert_ptr_equal(strstr(err.text, "it died; it printed: "), err.text);
    last_words_release(&words);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_said_is_kept_without_blanks_around_it),
    cmocka_unit_test(only_the_end_of_much_is_kept),
    cmocka_unit_test(they_explain_an_error),
    cmocka_unit_test(a_cause_is_not_lost_to_many_words),
};

CHECK_MAIN(tests)
