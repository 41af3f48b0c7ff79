/*
 * Where the items of a run come from: a test suite that is asked, or a list of
 * commands. It fills the tables and says when that is done.
 */
#ifndef RUN_SOURCE_H
#define RUN_SOURCE_H

#include "model/event.h"

struct source_events {
    void (*on_module)(void *ctx, struct slice module); // about to be loaded
    void (*on_note)(void *ctx, enum note_level level, const char *text,
                    const char *hint);
    /*
     * The items are complete, or, unless `err` is NULL, will never be. Called
     * once.
     */
    void (*on_collected)(void *ctx, const struct err *err);
    /* A module whose loading ended or hung the process; before on_collected. */
    void (*on_broken_module)(void *ctx, struct slice module, struct slice file,
                             const struct outcome *outcome);
    /* A label that matches nothing; before on_collected. */
    void (*on_unknown)(void *ctx, struct slice label, struct slice reason);
};

struct source;
struct source_ops {
    /*
     * Begins to fill `items`, which the source borrows from here on: what the
     * labels name, or `everything`. Again only after on_collected.
     */
    void (*collect)(struct source *source, struct items *items, bool everything,
                    const struct source_events *events, void *ctx);
    /* The items are all that was wanted of it; what it started may end. */
    void (*finish)(struct source *source);
};
struct source {
    const struct source_ops *ops;
};

#endif
