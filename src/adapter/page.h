/*
 * Reads the page that a worker shares with mule (docs/protocol/adapter.md,
 * section 6): which process runs which job, which items passed since the last
 * message, and what runs now. Tests can scribble on the page and a worker may
 * be in the middle of writing it: nothing in it is believed before it was
 * seen twice and makes sense.
 */
#ifndef ADAPTER_PAGE_H
#define ADAPTER_PAGE_H

#include "model/items.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / 4)
#define PAGE_ENTRIES 64

enum page_answer {
    PAGE_READ,    // the state is what the page says
    PAGE_BUSY,    // it changed all the time; the state is the one before
    PAGE_GARBAGE, // it makes no sense; the state is the one before
};

struct page_pass {
    uint32_t item;
    uint64_t us; // up to the beginning of the next item; of the last entry,
                 // where nothing was begun since, up to now
};

/*
 * Zeroed = nothing is known yet. To be kept from one reading to the next: a
 * page has only the low 32 bits of a time, and this is how an item that runs
 * for more than 71 minutes keeps its beginning.
 */
struct page_state {
    uint32_t pid; // of the process that runs the job; 0: none
    uint32_t job; // JOB_NONE while pid is 0
    struct page_pass passed[PAGE_ENTRIES];
    size_t passed_count;
    bool running;
    uint32_t item;     // what runs, if running
    uint64_t since_us; // when it began, on the clock of `now_us`
};

/*
 * Reads PAGE_WORDS words; `now_us` is CLOCK_MONOTONIC, taken before. Entries
 * may stay in the page for a moment after the worker told about them by a
 * message: the caller drops what it has a result for, and what runs is not
 * running if it has one. Item and job numbers are not checked.
 */
enum page_answer page_read(const volatile uint32_t *words, uint64_t now_us,
                           struct page_state *state);

#endif
