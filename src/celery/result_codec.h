/*
 * What became of a task, as the message that Celery's rpc:// results are,
 * both ways. Pure.
 */
#ifndef CELERY_RESULT_CODEC_H
#define CELERY_RESULT_CODEC_H

#include <jansson.h>
#include <stdbool.h>

#include "transport/transport.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/now.h"
#include "util/slice.h"

/*
 * Celery's own states, by name: "STARTED", "SUCCESS", "FAILURE", "RETRY",
 * "REVOKED"; a worker may use any other for what happens on the way.
 */
struct result {
    struct slice task_id;
    struct slice status;
    const json_t *value;    // any; an object with exc_type ... of a FAILURE
    struct slice traceback; // empty: none
    usec done;              // wall clock; 0: not known or not done
    /* To be sent: the queue, and whose result it is. Not part of the body. */
    struct slice reply_to;
    struct slice correlation_id;
};

/* Whether nothing follows: SUCCESS, FAILURE, REVOKED. */
bool result_is_final(struct slice status);

/*
 * The value of a FAILURE: its type, what it says, and where the type is from
 * ("builtins", "celery.exceptions"; NULL: "builtins"). A new reference.
 */
json_t *result_failure(const char *type, const char *text, const char *module);

/* Reads the body of a result; `*held` owns what `result` shows (json_decref).
 */
bool result_decode(struct result *result, struct slice body, json_t **held,
                   struct err *err);

/* Writes the body; false: it does not fit into `body`. */
bool result_encode(const struct result *result, struct buf *body);

/*
 * Sends a result to its `reply_to`. False with err (ERR_LIMIT): it is too
 * long, and `done` (may be NULL) does not come.
 */
bool result_send(struct transport *transport, const struct result *result,
                 transport_done_fn done, void *ctx, struct err *err);

#endif
