/*
 * What `mule bisect` says: where it is, and what it found. Texts only, made
 * of what the prober knows.
 */
#ifndef COMMAND_BISECT_WORDS_H
#define COMMAND_BISECT_WORDS_H

#include "model/items.h"
#include "run/prober.h"
#include "util/buf.h"

struct bisect_words {
    const char *test;
    const char *build;     // whose recording it was; NULL: none
    uint32_t process;      // of that build
    const char *rerun;     // in front of ids: a command that runs them
    const char *hash_seed; // PYTHONHASHSEED; NULL or "": none
    const struct items *items;
};

/* One line without its end: what stands before the test in this stage. */
void bisect_words_stage(const struct bisect_words *words,
                        const struct prober_state *state, struct buf *buf);

/* One line without its end: how far it is. */
void bisect_words_progress(const struct prober_state *state, struct buf *buf);

/* The result, in lines: culprits, how sure that is, how to see it again. */
void bisect_words_result(const struct bisect_words *words,
                         const struct prober_state *state, struct buf *buf);

/* Whether the result names what makes the difference. */
bool bisect_words_is_found(const struct prober_state *state);

#endif
