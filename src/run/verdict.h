/*
 * From how a job's process ended to how the item ended that ran in it: the
 * words for a crash, a limit, a loss. Makes outcomes; decides nothing else.
 */
#ifndef RUN_VERDICT_H
#define RUN_VERDICT_H

#include "run/executor.h"
#include "run/watch.h"
#include "util/buf.h"

/* An outcome and what its texts are made of. */
struct verdict {
    struct outcome outcome;
    struct finding finding;
    char text[256];
};

/* What happened, in words: "killed by signal 11 (Segmentation fault)". */
void verdict_describe_status(int status, char *text, size_t size);

/*
 * The outcome of the item that ran when its order ended badly. Borrows the
 * output of the report.
 */
void verdict_of_report(struct verdict *verdict,
                       const struct order_report *report);

/*
 * Whether the watch ended the job: then how, and the words for it. `whole`:
 * its item is all there is to the job.
 */
bool verdict_of_watch(const struct watch *watch, bool whole,
                      enum order_end *end, char *text, size_t size);

/* The words for a job that the end of the run ended. */
#define VERDICT_STOPPED "the run was stopped while it ran"

/* An item that did not run, and why. Borrows `reason`. */
void verdict_not_run(struct verdict *verdict, const char *reason);

/* An item that mule gave up on. Borrows `message`. */
void verdict_error(struct verdict *verdict, enum state state, const char *type,
                   const char *message);

#endif
