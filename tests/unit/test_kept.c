#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "model/kept.h"
#include "util/alloc.h"

static void
texts_and_findings_outlive_the_outcome(void **state)
{
    char *text = alloc_dup("wrong");
    struct finding *findings = alloc_zero(2, sizeof(*findings));
    struct outcome outcome = {
        .state = STATE_FAILED,
        .us = 7,
        .reason = slice_of(text),
        .findings = findings,
        .finding_count = 2,
        .out.head = slice_of(text),
    };

    (void)state;
    findings[1] = (struct finding){.trace = slice_of(text), .line = 3};
    struct kept *kept = kept_new(&outcome);
    memset(text, 'x', strlen(text));
    memset(findings, 0, 2 * sizeof(*findings));
    free(text);
    free(findings);
    assert_int_equal(kept->outcome.state, STATE_FAILED);
    assert_int_equal(kept->outcome.us, 7);
    assert_true(slice_equals_text(kept->outcome.reason, "wrong"));
    assert_true(slice_equals_text(kept->outcome.findings[1].trace, "wrong"));
    assert_int_equal(kept->outcome.findings[1].line, 3);
    assert_true(slice_equals_text(kept->outcome.out.head, "wrong"));
    kept_free(kept);
}

static void
long_output_loses_its_middle_and_says_how_much(void **state)
{
    size_t len = KEPT_OUTPUT * 3;
    char *text = alloc_bytes(len);

    (void)state;
    memset(text, 'a', len);
    text[len - 1] = 'z';
    struct outcome outcome = {
        .state = STATE_FAILED,
        .out.head = slice_make(text, len),
        .err = {.head = slice_make(text, len),
                .tail = slice_make(text, len),
                .cut = 5},
    };
    struct kept *kept = kept_new(&outcome);
    const struct output *out = &kept->outcome.out;
    const struct output *err = &kept->outcome.err;
    assert_int_equal(out->head.len + out->tail.len, KEPT_OUTPUT);
    assert_int_equal(out->cut, len - KEPT_OUTPUT);
    assert_int_equal(out->tail.data[out->tail.len - 1], 'z');
    assert_int_equal(err->head.len + err->tail.len, KEPT_OUTPUT);
    assert_int_equal(err->cut, 2 * len - KEPT_OUTPUT + 5);
    kept_free(kept);
    free(text);
}

static void
nothing_is_kept_of_nothing(void **state)
{
    struct outcome outcome = {.state = STATE_PASSED};
    struct kept *kept = kept_new(&outcome);

    (void)state;
    assert_int_equal(kept->outcome.reason.len, 0);
    assert_int_equal(kept->outcome.out.cut, 0);
    kept_free(kept);
    kept_free(NULL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts_and_findings_outlive_the_outcome),
    cmocka_unit_test(long_output_loses_its_middle_and_says_how_much),
    cmocka_unit_test(nothing_is_kept_of_nothing),
};

CHECK_MAIN(tests)
