/*
 * How one item ended: its state, what was found, what it printed. Values only;
 * the texts are borrowed from whoever read them and live as long as the call
 * that hands the outcome over.
 */
#ifndef MODEL_OUTCOME_H
#define MODEL_OUTCOME_H

#include "util/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The states of docs/glossary.md. NONE only while a run is under way. */
enum state {
    STATE_NONE,
    STATE_PASSED,
    STATE_FAILED,
    STATE_ERROR,
    STATE_SKIPPED,
    STATE_XFAILED, // failed as expected
    STATE_XPASSED, // should have failed and did not
    STATE_TIMEOUT,
    STATE_CRASHED, // its process died while its supervisor lived
    STATE_LOST,    // its supervisor, or the way to it, vanished
    STATE_NOT_RUN,
    STATE_COUNT
};

enum finding_kind {
    FINDING_FAILURE,
    FINDING_ERROR,
    FINDING_SKIP,
    FINDING_XFAIL,
    FINDING_XPASS,
    FINDING_KIND_COUNT
};

/* A failure, error or remark that belongs to an item; it can have several. */
struct finding {
    enum finding_kind kind;
    struct slice where;   // "test", "setUp", "cleanup", "subtest", ...
    struct slice sub;     // which subtest, as its framework writes it
    struct slice type;    // "AssertionError", "signal", "timeout", "exit"
    struct slice message; // one line or a few
    struct slice trace;   // all that the framework prints for it
    struct slice file;    // where it happened; empty: not known
    uint32_t line;        // 0: not known
};

/* Output of one stream, cut in the middle when it was longer than allowed. */
struct output {
    struct slice head;
    struct slice tail; // empty unless something was cut out
    uint64_t cut;      // bytes left out between the two
};

struct usage {
    uint64_t user_us;
    uint64_t system_us;
    uint64_t maxrss_kib; // 0: not known
};

struct outcome {
    enum state state;
    uint64_t us;         // how long it took
    struct slice reason; // of a skip, or why it did not run
    const struct finding *findings;
    size_t finding_count;
    struct output out;
    struct output err; // empty under merged capture
    bool ran;          // false: its framework does not count it as run
    bool counted;      // false: its framework does not count its skip
};

/* "passed", "not run", ...; "none" for STATE_NONE. Static. */
const char *state_name(enum state state);

/* Finds the state of that name; false when there is none. */
bool state_find(struct slice name, enum state *state);

/* True for what makes a build red: failed error xpassed timeout crashed lost. */
bool state_is_bad(enum state state);

/* "failure", "error", "skip", "xfail", "xpass". Static. */
const char *finding_kind_name(enum finding_kind kind);
bool finding_kind_find(struct slice name, enum finding_kind *kind);

#endif
