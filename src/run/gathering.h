/*
 * How a run comes to know what it is to do: the source is asked, a label that
 * matches nothing is explained, a module that could not be loaded becomes an
 * item, and what was not asked for is left out. Starts nothing and keeps no
 * state of any item.
 */
#ifndef RUN_GATHERING_H
#define RUN_GATHERING_H

#include "model/settings.h"
#include "run/book.h"
#include "run/filter.h"
#include "run/sharding.h"
#include "run/source.h"
#include "util/array.h"

/* A module that could not be loaded without ending the process. */
struct broken_module {
    char *module;
    char *file;
    char *message;
    char *said;    // what was printed last
    uint32_t item; // ITEM_NONE: it has none
};

/* All borrowed. */
struct gathering_params {
    const struct settings *settings;
    struct items *items;
    struct source *source;
    struct chronicle *chronicle;
    const struct durations *durations; // of jobs, or NULL
    struct filter *filter;             // or NULL
    bool commands; // each job is to become one of settings->runner
    /*
     * From the loop, once: all is there, or, with `err`, will never be. Not
     * after gathering_release.
     */
    void (*on_done)(void *ctx, const struct err *err);
    void *ctx;
};

struct gathering {
    struct sharding sharding;
    struct gathering_params params;
    usec began;
    struct texts unknown;
    char *reason;    // why the first of them is
    bool everything; // only to name what the user may have meant
    bool spared;     // the filter left nothing
    ARRAY(struct broken_module) broken;
};

void gathering_init(struct gathering *gathering,
                    const struct gathering_params *params);
void gathering_release(struct gathering *gathering);

/* Asks the source. on_done follows. */
void gathering_start(struct gathering *gathering);

/*
 * After on_done: selects among what was collected, lets the filter leave out a
 * part of it, and says how much of it there is. False with err when a label
 * fits nothing, or when there is no room.
 */
bool gathering_select(struct gathering *gathering,
                      struct event_collected *collected, struct err *err);

/* Whether there was something to run, and the filter left out all of it. */
bool gathering_is_spared(const struct gathering *gathering);

/* After COLLECTED: says what is left to other shards. */
void gathering_tell_elsewhere(const struct gathering *gathering);

/* Gives the modules that could not be loaded their state. */
void gathering_tell_broken(const struct gathering *gathering,
                           struct book *book);

#endif
