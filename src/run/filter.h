/*
 * Which of the items that the words of the user select are left to run: what
 * failed before, a part of the suite. Whoever wired the run decides, and is
 * asked once, when all items are known and before any of them runs.
 */
#ifndef RUN_FILTER_H
#define RUN_FILTER_H

#include "model/event.h"

/* For what the user should know of it; the texts are borrowed. */
typedef void (*filter_note_fn)(void *ctx, enum note_level level,
                               const char *text, const char *hint);

struct filter;
struct filter_ops {
    /*
     * Takes ITEM_SELECTED from items that do not run, and gives it to none. A
     * run that had something selected and is left with nothing ends well, so
     * that a note should say why.
     */
    void (*choose)(struct filter *filter, struct items *items,
                   filter_note_fn note, void *ctx);
};
struct filter {
    const struct filter_ops *ops;
};

#endif
