// Any page gives an answer; what is read from it is within its bounds, and a
// page that is not believed changes nothing. The input is the time, and then
// pages, each read after the one before it.
#include <string.h>

#include "adapter/page.h"
#include "fuzz.h"

static void
check_state(const struct page_state *state, uint64_t now_us)
{
    FUZZ_CHECK(state->passed_count <= PAGE_ENTRIES);
    FUZZ_CHECK(state->pid != 0 || state->job == JOB_NONE);
    FUZZ_CHECK(state->pid <= INT32_MAX);
    for (size_t i = 0; i < state->passed_count; i++) {
        FUZZ_CHECK(state->passed[i].item != ITEM_NONE);
    }
    FUZZ_CHECK(!state->running || state->item != ITEM_NONE);
    FUZZ_CHECK(!state->running || state->since_us <= now_us);
}

static void
check_same(const struct page_state *a, const struct page_state *b)
{
    FUZZ_CHECK(a->pid == b->pid && a->job == b->job);
    FUZZ_CHECK(a->passed_count == b->passed_count);
    FUZZ_CHECK(a->running == b->running && a->item == b->item);
    FUZZ_CHECK(a->since_us == b->since_us);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t words[PAGE_WORDS];
    struct page_state state = {0};
    uint64_t now_us = 0;

    if (size < sizeof(now_us)) {
        return 0;
    }
    memcpy(&now_us, data, sizeof(now_us));
    data += sizeof(now_us);
    size -= sizeof(now_us);
    do {
        size_t len = size < 600 ? size : 600; // all that is looked at
        struct page_state before = state;

        memset(words, 0, sizeof(words));
        memcpy(words, data, len);
        data += len;
        size -= len;
        enum page_answer answer = page_read(words, now_us, &state);
        FUZZ_CHECK(answer != PAGE_BUSY);
        if (answer == PAGE_GARBAGE) {
            check_same(&before, &state);
        } else {
            check_state(&state, now_us);
        }
    } while (size > 0);
    return 0;
}
