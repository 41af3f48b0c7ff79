/*
 * Which tests before a test make it fail, or make it pass: delta debugging
 * (Zeller and Hildebrandt 2002) over the tests that ran before it, with as
 * many probes under way as somebody can run. A probe is a set of them, in
 * their order, and then the test, in a process that has run nothing else; who
 * runs it says whether the test passed. Knows no test, no time, no process.
 *
 * First the test alone, three times, and after all of them. If only the latter
 * differs, sets become smaller for as long as the test still does what it does
 * after all of them. What is left is tried three times more; if it does not
 * hold, the search begins again with several probes of each set, and says how
 * often it held. Sets need not behave: where more tests undo what some did,
 * what is found still makes the difference, and no member of it can go.
 */
#ifndef SCHEDULE_BISECT_H
#define SCHEDULE_BISECT_H

#include "schedule/trials.h"

#define BISECT_PROBES_MAX 4096

enum bisect_verdict {
    BISECT_SEARCHING,
    BISECT_POLLUTED, // it fails after what was found, and passes alone
    BISECT_SET_UP,   // it passes after what was found, and fails alone
    BISECT_NEVER,    // it passes alone and after all of them
    BISECT_ALONE,    // it fails alone and after all of them
    BISECT_FLAKY,    // alone it passes and fails
    BISECT_UNSURE,   // what was found does not hold often enough
    BISECT_SILENT,   // it neither passes nor fails, not even alone
    BISECT_VERDICTS
};

struct bisect_params {
    uint32_t count; // tests before it: 0 to count - 1
    uint32_t wide;  // probes that may be under way at once
    uint32_t most;  // probes in all; 0: BISECT_PROBES_MAX
};

struct bisect_probe {
    uint32_t number;         // from 0
    const uint32_t *members; // ascending; until it is answered
    uint32_t count;
};

/* How often it passed, failed, and did neither. */
struct bisect_score {
    uint32_t counts[BISECT_ANSWERS];
};

struct bisect_finding {
    enum bisect_verdict verdict;
    const uint32_t *members; // until the search is freed
    uint32_t count;
    bool minimal;              // no member of it can go
    bool repeated;             // one probe of each set was not enough
    struct bisect_score found; // after what was found
    struct bisect_score alone;
    struct bisect_score whole; // after all
    uint32_t probes;
};

struct bisect;
struct bisect *bisect_new(const struct bisect_params *params);
void bisect_free(struct bisect *bisect);

/* A probe to run now; false: none before others are answered, or at all. */
bool bisect_next(struct bisect *bisect, struct bisect_probe *probe);

/* Whether the answer of a probe under way may still change something. */
bool bisect_wants(const struct bisect *bisect, uint32_t number);

/* Each probe is answered or dropped (it was not run to its end) once. */
void bisect_answer(struct bisect *bisect, uint32_t number,
                   enum bisect_answer answer);
void bisect_drop(struct bisect *bisect, uint32_t number);

/*
 * What is known; while it is searching, the smallest set so far, or all. Once
 * there is a verdict there is no other.
 */
void bisect_look(const struct bisect *bisect, struct bisect_finding *finding);

#endif
