/*
 * An engine process as a member sees it (docs/protocol/engine.md): lines in,
 * events out, and the certainty that it and what it started is gone in the
 * end. The real one is started with engine_link_start; another one may play
 * it. Does not know what orders are.
 */
#ifndef FLEET_ENGINE_LINK_H
#define FLEET_ENGINE_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/guardians.h"
#include "loop/loop.h"
#include "util/err.h"
#include "util/slice.h"

#define ENGINE_PROTOCOL "1.0"

struct engine_link;

/* All borrowed for the call. */
struct engine_link_events {
    /* It connected, and speaks our protocol: it waits for its plan. */
    void (*on_hello)(void *ctx);
    /* `list`: the inside of a JSON list of updates. */
    void (*on_updates)(void *ctx, struct slice list);
    void (*on_ready)(void *ctx, uint64_t us);
    void (*on_failed)(void *ctx, struct slice why);
    void (*on_left)(void *ctx, bool ok, struct slice why, uint64_t us);
    /* Anything else, by its name: output, want, pool. */
    void (*on_other)(void *ctx, struct slice msg, json_t *object);
    /*
     * The last call: it is gone with all it started. `why` says how, for
     * people: "it was killed by signal 9".
     */
    void (*on_gone)(void *ctx, const char *why);
};

struct engine_link_ops {
    /* A line, without its newline. */
    void (*send)(struct engine_link *, struct slice line);
    /* Reads no more for now, or again. */
    void (*hold)(struct engine_link *, bool held);
    /* Ends it with SIGKILL; on_gone comes. */
    void (*kill)(struct engine_link *);
    /* At once and silently; frees it. Not from inside of its events. */
    void (*drop)(struct engine_link *);
};
struct engine_link {
    const struct engine_link_ops *ops;
};

/* How an engine is started; borrowed until the program ends. */
struct engine_link_params {
    struct loop *loop;
    struct guardians *guardians;
    const char *const *words; // of its command line, NULL at the end
    /* Changes to its environment, as child_params has them; or NULL. */
    const char *const *env;
    /* A private folder, in which one is made for each; NULL: in $TMPDIR. */
    const char *folder;
    uint32_t hello_ms; // how long it may take to greet; 0: 30 s
};

/*
 * Starts one. It frees itself after on_gone. NULL with err: no socket, no
 * process. `ctx` of the starter: struct engine_link_params.
 */
struct engine_link *engine_link_start(void *params,
                                      const struct engine_link_events *events,
                                      void *ctx, struct err *err);

/* What starts an engine: engine_link_start, or what plays it. */
typedef struct engine_link *(*engine_start_fn)(
    void *params, const struct engine_link_events *events, void *ctx,
    struct err *err);

/*
 * Reads one line and tells it. False with err (ERR_PROTOCOL): it makes no
 * sense. For engine_link.c, and for those who play with it.
 */
bool engine_link_tell(struct slice line,
                      const struct engine_link_events *events, void *ctx,
                      struct err *err);

#endif
