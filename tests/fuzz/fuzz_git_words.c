// What is taken as a URL is no option and runs no program; what is shown has
// no password.
#include <string.h>

#include "fleet/git_words.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct buf masked = BUF_INIT(2 * size + 64);
    struct buf twice = BUF_INIT(2 * size + 64);
    struct err err = {0};

    bool taken = git_words_check_url(text, &err);
    FUZZ_CHECK(taken != err_is_set(&err));
    if (taken) {
        FUZZ_CHECK(size > 0 && text.data[0] != '-');
        FUZZ_CHECK(memchr(text.data, '\n', size) == NULL);
        FUZZ_CHECK(!slice_starts_with(text, SLICE("ext::")));
    }
    err_clear(&err);
    taken = git_words_check_revision(text, &err);
    FUZZ_CHECK(taken != err_is_set(&err));
    FUZZ_CHECK(!taken || text.data[0] != '-');
    FUZZ_CHECK(!git_words_is_commit(text) || taken);
    FUZZ_CHECK(git_words_add_masked(&masked, text));
    FUZZ_CHECK(git_words_add_masked(&twice, buf_slice(&masked)));
    FUZZ_CHECK(slice_equals(buf_slice(&masked), buf_slice(&twice)));
    buf_release(&masked);
    buf_release(&twice);
    return 0;
}
