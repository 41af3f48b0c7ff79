/*
 * What is still to pass, around a run: it is read before, decides what
 * `--failed` runs, is kept up to date by what happens, and put right after
 * the build is stored. A store that cannot be read costs no more than that:
 * then all is new.
 */
#ifndef COMMAND_RERUN_H
#define COMMAND_RERUN_H

#include "model/event.h"
#include "model/history.h"
#include "model/settings.h"
#include "run/filter.h"

struct rerun;

/*
 * Borrows everything. For --failed without words that say what to run,
 * `settings` come to ask for what the builds before were asked for. `argc`
 * words follow `mule test`. NULL with err: --failed cannot be done like that.
 */
struct rerun *rerun_new(struct settings *settings, int argc, char **argv,
                        struct err *err);
void rerun_free(struct rerun *rerun);

/* For the run. */
struct filter *rerun_filter(struct rerun *rerun);
/* Stands before `inner`, which it borrows; is a part of the rerun. */
struct event_sink *rerun_sink(struct rerun *rerun, struct event_sink *inner);

/* Who knows which tests are new; NULL: all are. */
void rerun_know(struct rerun *rerun, struct history *history);

/* JSON of what was asked for, for the store. */
const char *rerun_asked(const struct rerun *rerun);

/* After the build was stored. */
void rerun_finish(struct rerun *rerun);

#endif
