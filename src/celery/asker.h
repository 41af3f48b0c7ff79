/*
 * The asking side of Celery's remote control: sends a command to all nodes or
 * to some of them, and gathers their answers. Answers come to one queue, the
 * inbox, with the ticket of the question. A question is lost by whoever is not
 * connected at that moment: ask again, with commands that may be repeated.
 */
#ifndef CELERY_ASKER_H
#define CELERY_ASKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "celery/lamport.h"
#include "loop/loop.h"
#include "transport/transport.h"
#include "util/err.h"
#include "util/slice.h"

struct asker_params {
    struct loop *loop;
    struct transport *transport; // borrowed
    struct lamport *clock;       // borrowed; NULL: one of its own
    /*
     * A queue that the owner declared and takes from: the owner gives what
     * comes to asker_feed. NULL: a queue of its own, made and deleted here.
     */
    const char *inbox; // copied
};

struct asker;
struct asker *asker_new(const struct asker_params *params);

/* Open questions end silently: no callback comes. NULL is allowed. */
void asker_free(struct asker *asker);
/* The same when the transport has been freed already. */
void asker_forget(struct asker *asker);

/*
 * A message from the inbox. True: it was an answer (to an open question or to
 * one that ended), and nothing is left to do but to acknowledge it; false: it
 * is something else, a result.
 */
bool asker_feed(struct asker *asker, const struct delivery *delivery);

struct ask {
    const char *method;
    const json_t *arguments;         // borrowed; an object; NULL: {}
    const char *const *destinations; // borrowed; NULL: every node
    size_t destination_count;
    size_t limit;        // done after so many answers; 0: see below
    uint32_t timeout_ms; // done after so long at the latest; needed
    /* One answer; all borrowed. `node` is who says it, value any JSON. */
    void (*on_reply)(void *ctx, struct slice node, const json_t *value);
    /*
     * The last call: `limit` answers came, or the time is up (no error
     * either); with an error (ERR_LIMIT) when the question was too long to be
     * sent. May be NULL.
     */
    void (*on_done)(void *ctx, size_t replies, const struct err *err);
    void *ctx;
};

/*
 * Asks. Nothing is called from inside. Without a limit it is the number of
 * destinations, and all nodes are waited for to the end of the time. Gives a
 * number for asker_cancel, never 0.
 */
uint64_t asker_ask(struct asker *asker, const struct ask *ask);

/* No callback of this question comes any more. One that ended: nothing. */
void asker_cancel(struct asker *asker, uint64_t number);

/* Tells without wanting answers. Fields for answers are not used. */
void asker_tell(struct asker *asker, const struct ask *ask);

/* The queue where answers come. Borrowed. */
const char *asker_inbox(const struct asker *asker);

#endif
