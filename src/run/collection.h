/*
 * One collection: what is asked of an adapter, and what it names. Jobs and
 * items go into the tables; all else is told to whoever wanted it. Knows the
 * modules that are left out because loading them ends or hangs the process.
 * Starts no process and waits for nothing.
 */
#ifndef RUN_COLLECTION_H
#define RUN_COLLECTION_H

#include "adapter/adapter_codec.h"
#include "model/settings.h"
#include "run/source.h"
#include "util/array.h"
#include "util/buf.h"

struct collection_skip {
    char *module;
    char *reason;
};

/* Zeroed = nothing is being collected. */
struct collection {
    struct items *items;
    bool everything;
    const struct source_events *events;
    void *ctx;
    uint32_t jobs;
    uint32_t count;
    uint32_t foreign; // tests of another style
    char *foreign_style;
    uint32_t foreign_files;   // how many have such tests
    struct buf foreign_words; // the first of them, as words of a shell
    char *module;             // being loaded; NULL: none is
    char *file;
    ARRAY(struct collection_skip) skips; // for all collections to come
};

void collection_release(struct collection *collection);

/* Borrows all until collection_end. */
void collection_begin(struct collection *collection, struct items *items,
                      bool everything, const struct source_events *events,
                      void *ctx);

/*
 * Starts from nothing, and adds the request that asks for it. False when that
 * is longer than a line may be.
 */
bool collection_ask(struct collection *collection,
                    const struct settings *settings, struct buf *line);

/*
 * What the adapter says of it, but for ADAPTER_COLLECTED. False with err: it
 * named more than there is room for, or loads what it was told to skip.
 */
bool collection_take(struct collection *collection,
                     const struct adapter_message *message, struct err *err);

/* Its last word. False with err: the numbers are not those of what it named. */
bool collection_check(struct collection *collection,
                      const struct adapter_collected *numbers, struct err *err);

/*
 * Loading the module ended the process: it is an error, and will be left out.
 * `said` is what the process printed last.
 */
void collection_blame_module(struct collection *collection, const char *what,
                             struct slice said);

/* Tells a note, unless this is only to find out what there is. */
void collection_note(const struct collection *collection, enum note_level level,
                     const char *text, const char *hint);

/* Tells that all is there, or, with `err`, never will be. */
void collection_end(struct collection *collection, const struct err *err);

/* Nobody wants it any more. */
void collection_drop(struct collection *collection);

#endif
