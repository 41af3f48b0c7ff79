/*
 * The sink that stores a build: it remembers while tests run, and writes once
 * at the end. It has the history for the run, too, as both need the same
 * names. It never fails: what goes wrong is one remark, and then it is silent.
 * Add it first, so that a remark stands before the end of the run.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "model/event.h"
#include "model/history.h"
#include "store/prune.h"
#include "store/site.h"

struct record_params {
    const struct site *site;       // borrowed
    const struct suite_key *suite; // borrowed
    struct bounds bounds;
    const char *asked; // JSON of what was to run, borrowed, or NULL
    bool whole;        // nothing narrows the selection
    bool once;         // the store may have this build already: draft.h
    /* Something the user should know: a note with the time of an event. */
    void (*on_remark)(void *ctx, const struct event *note);
    void *ctx;
};

struct event_sink *record_new(const struct record_params *params);

/* What the recording of the build is called in recordings/; copied. */
void record_name_recording(struct event_sink *self, const char *name);

/* Keeps nothing of this build; what past ones know is told all the same. */
void record_forgo(struct event_sink *self);

/* Whether the build could not be stored, and that was remarked. */
bool record_gave_up(const struct event_sink *self);

/*
 * What past builds know, read when it is first asked or the adapter begins to
 * load the suite, whichever comes first. Lives as long as the sink.
 */
struct history *record_history(struct event_sink *self);

#endif
