#include "adapter/page.h"

#include <stdatomic.h>
#include <string.h>

enum {
    WORD_PID = 0,
    WORD_JOB = 1,
    WORD_BEGUN = 2,
    WORD_ENDED = 3,
    WORD_ZERO = 4, // from here up to the entries
    WORD_ENTRIES = 16,
    WORDS_USED = WORD_ENTRIES + 2 * PAGE_ENTRIES,
    READINGS = 4,
};

// How far a beginning may lie in the future: `now` was taken before the page
// was read, and this process may have waited in between.
#define AHEAD_US 1000000U

static void
copy(uint32_t *words, const volatile uint32_t *page)
{
    for (size_t i = 0; i < WORDS_USED; i++) {
        words[i] = page[i];
    }
    atomic_thread_fence(memory_order_acquire);
}

// A worker that clears both counters is between the two: nothing is left in
// the page, whichever goes first.
static void
finish_clearing(uint32_t *words)
{
    if (words[WORD_BEGUN] == 0 && words[WORD_ENDED] <= PAGE_ENTRIES) {
        words[WORD_ENDED] = 0;
    }
    if (words[WORD_ENDED] == 0 && words[WORD_BEGUN] > 1 &&
        words[WORD_BEGUN] <= PAGE_ENTRIES) {
        words[WORD_BEGUN] = 0;
    }
}

// Two readings that are the same: nobody wrote in between.
static bool
take(uint32_t *words, const volatile uint32_t *page)
{
    uint32_t again[WORDS_USED];

    copy(words, page);
    for (int i = 0; i < READINGS; i++) {
        copy(again, page);
        if (memcmp(words, again, sizeof(again)) == 0) {
            return true;
        }
        memcpy(words, again, sizeof(again));
    }
    return false;
}

static bool
makes_sense(const uint32_t *words)
{
    if (words[WORD_BEGUN] > PAGE_ENTRIES ||
        words[WORD_ENDED] > words[WORD_BEGUN] ||
        words[WORD_BEGUN] - words[WORD_ENDED] > 1 ||
        words[WORD_PID] > INT32_MAX) {
        return false;
    }
    if (words[WORD_PID] != 0 && words[WORD_JOB] == 0) {
        return false;
    }
    for (size_t i = WORD_ZERO; i < WORD_ENTRIES; i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < words[WORD_BEGUN]; i++) {
        if (words[WORD_ENTRIES + 2 * i] == 0) {
            return false;
        }
    }
    return true;
}

// The time of the k-th beginning, the latest before `now` that ends in its 32
// bits; one that seems to lie a little ahead is now.
static uint64_t
began(const uint32_t *words, size_t k, uint64_t now_us)
{
    uint32_t low = words[WORD_ENTRIES + 1 + 2 * k];
    uint32_t ago = (uint32_t)now_us - low;

    if (0 - ago <= AHEAD_US || ago > now_us) {
        return now_us;
    }
    return now_us - ago;
}

static void
read_passed(const uint32_t *words, uint64_t now_us, struct page_state *state)
{
    size_t begun = words[WORD_BEGUN];

    state->passed_count = words[WORD_ENDED];
    for (size_t i = 0; i < state->passed_count; i++) {
        const uint32_t *entry = words + WORD_ENTRIES + 2 * i;

        state->passed[i].item = entry[0] - 1;
        // The difference of the low words is right across their wrap.
        state->passed[i].us = i + 1 < begun ? (uint32_t)(entry[3] - entry[1])
                                            : now_us - began(words, i, now_us);
    }
}

static void
read_running(const uint32_t *words, uint64_t now_us, struct page_state *state)
{
    size_t last = words[WORD_ENDED];

    if (last == words[WORD_BEGUN]) {
        state->running = false;
        return;
    }
    uint32_t item = words[WORD_ENTRIES + 2 * last] - 1;
    uint32_t low = words[WORD_ENTRIES + 1 + 2 * last];
    if (state->running && state->item == item &&
        (uint32_t)state->since_us == low) {
        return; // it is still the one of the last reading
    }
    state->running = true;
    state->item = item;
    state->since_us = began(words, last, now_us);
}

enum page_answer
page_read(const volatile uint32_t *words, uint64_t now_us,
          struct page_state *state)
{
    uint32_t taken[WORDS_USED];

    if (!take(taken, words)) {
        return PAGE_BUSY;
    }
    finish_clearing(taken);
    if (!makes_sense(taken)) {
        return PAGE_GARBAGE;
    }
    state->pid = taken[WORD_PID];
    state->job = state->pid == 0 ? JOB_NONE : taken[WORD_JOB] - 1;
    read_passed(taken, now_us, state);
    read_running(taken, now_us, state);
    return PAGE_READ;
}
