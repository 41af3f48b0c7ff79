// Numbers must be read as the C library reads them wherever both take them,
// and parts, words and trims must lie within the slice they are of.
#include <inttypes.h>
#include <math.h>

#include "fuzz.h"
#include "util/slice.h"

static void
check_numbers(struct slice text)
{
    char *copy = slice_dup(text);
    char *end = NULL;
    int64_t integer = 0;
    uint64_t natural = 0;
    double number = 0;

    if (slice_to_int(text, INT64_MIN, INT64_MAX, &integer)) {
        FUZZ_CHECK(integer == strtoimax(copy, &end, 10));
        FUZZ_CHECK(*end == '\0' && (size_t)(end - copy) == text.len);
        FUZZ_CHECK(slice_to_double(text, -1e19, 1e19, &number) ||
                   text.len > 300);
    }
    if (slice_to_uint(text, UINT64_MAX, &natural)) {
        FUZZ_CHECK(natural == strtoumax(copy, &end, 10));
        FUZZ_CHECK(*end == '\0');
    }
    if (slice_to_double(text, -1e308, 1e308, &number)) {
        FUZZ_CHECK(isfinite(number) && fabs(number) <= 1e308);
        double expected = strtod(copy, &end);
        FUZZ_CHECK(!(number < expected) && !(number > expected));
        FUZZ_CHECK(*end == '\0');
    }
    free(copy);
}

static void
check_parts(struct slice text)
{
    struct slice rest = text;
    struct slice part;
    size_t parts = 0;
    size_t len = 0;

    while (slice_split(&rest, ',', &part)) {
        FUZZ_CHECK(!slice_has(part, ','));
        parts++;
        len += part.len;
    }
    FUZZ_CHECK(parts > 0 && len + parts - 1 == text.len);
    rest = text;
    while (slice_word(&rest, &part)) {
        FUZZ_CHECK(slice_equals(slice_trim(part), part));
        FUZZ_CHECK(!slice_has(part, ' ') && !slice_has(part, '\n'));
    }
    part = slice_trim(text);
    FUZZ_CHECK(slice_find_part(text, part) + part.len <= text.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);

    check_numbers(text);
    check_parts(text);
    return 0;
}
