/*
 * What is worth saying again at the end of a run: skips with their reasons,
 * what did not run, what ended badly, the slowest items, how busy each slot
 * was. Keeps a bounded part of what it is told and counts the rest.
 */
#ifndef REPORT_SUMMARY_H
#define REPORT_SUMMARY_H

#include "model/event.h"
#include "report/sheet.h"

struct summary;

/* `slowest` items are named at the end; under `all` no list is shortened. */
struct summary *summary_new(int slowest, bool all);
void summary_free(struct summary *summary);

/* Takes notice of any event; what does not matter here is ignored. */
void summary_note(struct summary *summary, const struct event *event);

/*
 * Prints what went wrong in tests that passed later, each once; with
 * `workflow` also as annotations.
 */
void summary_print_attempts(const struct summary *summary, struct sheet *sheet,
                            bool merged, bool workflow);

/* Prints all but the verdict. `us` is how long the run took. */
void summary_print(struct summary *summary, struct sheet *sheet, uint64_t us);

/* Prints the verdict: "Ran 3 tests in 0.120s", ..., the ledger's line. */
void summary_print_verdict(struct sheet *sheet,
                           const struct event_finished *finished);

#endif
