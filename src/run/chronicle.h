/*
 * Writes the events of a run: puts the texts together that an event carries,
 * stamps the time, and hands it to the sink. Decides nothing.
 */
#ifndef RUN_CHRONICLE_H
#define RUN_CHRONICLE_H

#include "model/settings.h"
#include "run/executor.h"
#include "run/seats.h"
#include "util/buf.h"
#include "util/now.h"

struct forecast;

struct chronicle {
    struct items *items;
    const struct forecast *forecast; // borrowed; NULL: nobody knows
    struct event_sink *sink;
    const char *rerun; // in front of an id: a command that runs it again
    usec began;
    struct usage usage;   // of all jobs that ended
    struct texts workers; // names of those who joined
    uint32_t *slots;      // of each slot its worker's place + 1; 0: none
    size_t slot_count;
    struct seats seats; // who runs at each slot
    struct buf id;
    struct buf command;
    struct buf file;
};

/* Where an item ran. */
struct chronicle_place {
    uint32_t job;
    uint16_t attempt;
    uint32_t item;
    int slot;          // -1: nowhere
    uint64_t began_us; // CLOCK_MONOTONIC; 0: not known
    struct slice file; // empty: its job's
};

/* How an item ended. */
struct chronicle_ending {
    const struct outcome *outcome;
    bool flaky;       // passed, and had failed before
    bool refused;     // flaky, and that is a failure
    bool quarantined; // bad, flaky or not run, and decides nothing
};

/* Borrows all three. */
void chronicle_init(struct chronicle *chronicle, struct items *items,
                    struct event_sink *sink, const char *rerun);
void chronicle_release(struct chronicle *chronicle);

void chronicle_run_started(struct chronicle *chronicle,
                           const struct event_run *about);
void chronicle_collecting(struct chronicle *chronicle, struct slice module);
void chronicle_collected(struct chronicle *chronicle,
                         const struct event_collected *collected);
/* What is being made just now; empty: it begins. */
void chronicle_preparing(struct chronicle *chronicle, struct slice text);
void chronicle_prepared(struct chronicle *chronicle, uint64_t us);
void chronicle_script(struct chronicle *chronicle, enum event_kind kind,
                      const struct event_script *script);
void chronicle_job_started(struct chronicle *chronicle,
                           const struct order_begin *begin);
void chronicle_job_finished(struct chronicle *chronicle,
                            const struct order_report *report);
void chronicle_test_started(struct chronicle *chronicle,
                            const struct chronicle_place *place);
void chronicle_test_slow(struct chronicle *chronicle,
                         const struct chronicle_place *place, uint64_t us);
void chronicle_test_finished(struct chronicle *chronicle,
                             const struct chronicle_place *place,
                             const struct chronicle_ending *ending);
/* It ended, and runs again. */
void chronicle_test_attempt(struct chronicle *chronicle,
                            const struct chronicle_place *place,
                            const struct chronicle_ending *ending);
/* An item that another shard has. */
void chronicle_elsewhere(struct chronicle *chronicle, uint32_t item,
                         uint32_t shard);
void chronicle_leak(struct chronicle *chronicle, const struct event_leak *leak);
/* Whose the slots are is remembered from here on, also after it left. */
void chronicle_worker(struct chronicle *chronicle,
                      const struct event_worker *worker);
void chronicle_note(struct chronicle *chronicle, enum note_level level,
                    const char *text, const char *hint);
void chronicle_stopping(struct chronicle *chronicle, enum stop_reason reason,
                        const char *problem);
void chronicle_run_finished(struct chronicle *chronicle,
                            const struct tally *tally, enum stop_reason stop,
                            int exit_status);

#endif
