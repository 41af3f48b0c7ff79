/*
 * What `mule test` keeps of a build: its rows in the store and a recording
 * beside them, and what it knows of the builds before. One sink for both,
 * which never fails: what goes wrong is one warning and costs the history
 * alone. Decides where both lie; see store/record.h and report/recording.h.
 */
#ifndef COMMAND_KEEPING_H
#define COMMAND_KEEPING_H

#include "model/event.h"
#include "model/history.h"
#include "model/items.h"
#include "model/settings.h"

struct keeping;

/*
 * Borrows the settings. Nothing is opened yet. NULL without an error where
 * nothing is to be kept (--no-store).
 */
struct keeping *keeping_new(const struct settings *settings, struct err *err);
/* After the fan-out that has its sink. */
void keeping_free(struct keeping *keeping);

/* NULL where `keeping` is. */
struct history *keeping_history(struct keeping *keeping);

/* What is known once there is an engine. All is borrowed. */
struct keeping_run {
    const char *build_id;
    const struct items *items;
    struct event_sink *fanout; // also told what goes wrong
};

/* Adds the sink, which the fan-out owns, to the fan-out: before all others. */
void keeping_begin(struct keeping *keeping, const struct keeping_run *run);

/* True once it was said that this build is not kept; NULL never says so. */
bool keeping_gave_up(const struct keeping *keeping);

/* To be called now and then, as recording_tick. */
void keeping_tick(struct keeping *keeping, uint64_t now_us);

#endif
