/*
 * Finds what makes a test fail, or pass: asks schedule/bisect which tests are
 * to run before it, and runs them and the test in a process that has run
 * nothing before, on all slots at once. It takes the place of the queue and
 * the book in a run that has collected; the run drains when it is done.
 *
 * Where nobody says what ran before the test, it is what was collected before
 * it; if that says nothing, all other tests.
 */
#ifndef RUN_PROBER_H
#define RUN_PROBER_H

#include "model/settings.h"
#include "run/executor.h"
#include "schedule/bisect.h"

/* Which tests stand before the one that is looked at. */
enum prober_stage {
    PROBER_GIVEN,     // those that were named
    PROBER_COLLECTED, // those that were collected before it
    PROBER_OTHERS,    // all others
    PROBER_STAGES
};

/* Where it is. */
struct prober_state {
    enum prober_stage stage;
    uint32_t before;  // tests of this stage
    uint32_t missing; // that were named, and are not there
    uint32_t probes;  // of all stages
    uint64_t tests;   // that all probes ran
    struct bisect_finding finding;
    const uint32_t *items; // by the numbers of the finding; NULL: not begun
    const char *why;       // what the test said when it failed; "" so far
};

struct prober_params {
    const char *test;           // the id of a test, or the name of a job
    const struct texts *before; // ids, in their order; NULL: none are named
    bool before_only; // after these it fails: if not, nothing else is tried
    /* There is something new to tell. May be NULL. */
    void (*on_state)(void *ctx, const struct prober_state *state);
    void *ctx;
};

struct prober;
/* Borrows all. */
struct prober *prober_new(const struct prober_params *params);
void prober_free(struct prober *prober); // NULL is allowed

/* What is known, also after its end. */
void prober_look(const struct prober *prober, struct prober_state *state);

/* For the run that it is a part of. All borrowed. */
struct prober_run {
    const struct settings *settings;
    struct items *items;
    struct executor *executor;
    int slots;
    void (*on_done)(void *ctx); // nothing runs, and nothing will
    void *ctx;
};

/* False with err: there is no such test. */
bool prober_start(struct prober *prober, const struct prober_run *run,
                  struct err *err);
/* Gives out nothing more; on_done comes when nothing runs any more. */
void prober_stop(struct prober *prober);
uint32_t prober_running(const struct prober *prober);

/* As executor_events has them. */
void prober_on_room(struct prober *prober);
void prober_on_result(struct prober *prober, const struct order_result *result);
void prober_on_appeared(struct prober *prober, uint32_t job,
                        const struct order_appeared *appeared);
void prober_on_end(struct prober *prober, const struct order_report *report);

#endif
