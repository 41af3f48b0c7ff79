// A file of durations with any bytes: read or refused, and what is read is
// within bounds.
#include "schedule/durations.h"

#include "fuzz.h"
#include "schedule/estimate.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct slice text = slice_make((const char *)data, size);
    struct durations *durations = durations_parse("x", text, &err);

    FUZZ_CHECK((durations == NULL) == err_is_set(&err));
    if (durations == NULL) {
        return 0;
    }
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        struct slice word;
        uint64_t us = 0;
        if (slice_word(&line, &word) && word.data[0] != '#') {
            FUZZ_CHECK(durations_find(durations, slice_trim(line), &us));
            FUZZ_CHECK(us <= ESTIMATE_MOST_US);
        }
    }
    durations_free(durations);
    return 0;
}
