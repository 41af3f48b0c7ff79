/*
 * The inside of a run, for the files it is made of: run.c (its phases) and
 * run_jobs.c (jobs on their way, and what is told of them). Nobody else
 * includes it.
 */
#ifndef RUN_RUN_INTERNAL_H
#define RUN_RUN_INTERNAL_H

#include "loop/deadline.h"
#include "run/again.h"
#include "run/book.h"
#include "run/forecast.h"
#include "run/gathering.h"
#include "run/run.h"
#include "run/terms.h"
#include "schedule/queue.h"

/*
 * SETUP -> COLLECTING -> RUNNING -> DRAINING -> TEARDOWN -> OVER. Any of them
 * may go straight on to DRAINING; nothing goes back.
 */
enum phase {
    PHASE_SETUP = 1,
    PHASE_COLLECTING,
    PHASE_RUNNING,
    PHASE_DRAINING,
    PHASE_TEARDOWN,
    PHASE_OVER,
};

struct run {
    struct run_params params;
    enum phase phase;
    struct chronicle chronicle;
    struct ledger *ledger;
    struct book book;
    struct gathering gathering;
    struct queue *queue;
    struct terms_index terms;
    struct forecast forecast;
    struct again again; // what is not in the queue yet
    uint32_t running;   // orders that have not ended
    enum stop_reason stop;
    bool giving; // inside give_out: a slot that answers at once must wait
    struct deadline max_time;
    bool told_budget; // that the retries are used up
    bool nothing;     // is selected
    bool began;       // items were selected: each of them needs a state
    struct err err;
    char *bail;
};

/* Why the run could not do its work: the first cause is kept. */
void run_note_error(struct run *run, const struct err *err);

/* Lets the place that runs jobs come to its end; then teardown. */
void run_drain(struct run *run);
void run_on_drained(void *ctx); // of executor_events

/* Gives out jobs as long as there is room; drains when there are none left. */
void run_give_out(struct run *run);

/* A job that waited for its retry does not have to any longer. */
void run_on_retry_due(void *ctx, uint32_t job);

/* Something was entered in the book: it may be too much. */
void run_look_at_book(struct run *run);

/* Instead of giving out jobs: lets the prober find what it looks for. */
void run_probe(struct run *run);

#endif
