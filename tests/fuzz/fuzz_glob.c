// Patterns without brackets must match what fnmatch() matches; any pattern
// between two stars must match whatever it matches without them. The input is
// a pattern and a text with a newline between.
#include <fnmatch.h>
#include <string.h>

#include "fuzz.h"
#include "util/alloc.h"
#include "util/glob.h"

static bool
is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '[') {
            return false;
        }
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct slice pattern;

    if (size > 300) {
        return 0;
    }
    slice_split(&text, '\n', &pattern);
    if (text.len > size) {
        return 0; // there was no newline
    }
    bool matches = glob_match(pattern, text);
    FUZZ_CHECK(glob_match(SLICE("*"), text));
    if (!glob_is_pattern(pattern) && is_plain(pattern)) {
        FUZZ_CHECK(matches == slice_equals(pattern, text));
    }
    char *whole = slice_dup(text);
    if (is_plain(pattern) && is_plain(text)) {
        char *copy = slice_dup(pattern);
        FUZZ_CHECK(matches == (fnmatch(copy, whole, FNM_NOESCAPE) == 0));
        free(copy);
    }
    if (matches) {
        char *wide = alloc_printf("*%.*s*", SLICE_ARG(pattern));
        bool cut = strlen(wide) != pattern.len + 2; // by a NUL
        FUZZ_CHECK(cut || glob_match(slice_of(wide), text));
        free(wide);
    }
    free(whole);
    return 0;
}
