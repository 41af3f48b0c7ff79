/*
 * Remote control: commands to nodes and their answers as messages, both ways,
 * and whom a command is for. Pure.
 */
#ifndef CELERY_CONTROL_CODEC_H
#define CELERY_CONTROL_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/* A command. When decoded, all is owned by `held`. */
struct control_request {
    struct slice method;
    const json_t *arguments;   // an object; NULL when encoded: {}
    const json_t *destination; // a list of names, or a text; NULL: all
    struct slice pattern;      // with matcher; empty: none
    struct slice matcher;      // "glob", "pcre"
    struct slice ticket;
    bool wants_reply;
    struct slice reply_exchange;
    struct slice reply_key;
    int64_t clock; // -1: none
    json_t *held;
};

/* False with err; release it in any case. */
bool control_request_decode(struct control_request *request,
                            const struct message *message, struct err *err);
void control_request_release(struct control_request *request);

/* Whether a node of that name is to obey. */
bool control_request_is_for(const struct control_request *request,
                            const char *node);

/* Writes the body; `held` is not used. False: it does not fit. */
bool control_request_encode(const struct control_request *request,
                            struct buf *body);

/* Writes {node: value}; a NULL value is null. */
bool control_reply_encode(const char *node, const json_t *value,
                          struct buf *body);

/*
 * Reads an answer: who gives it, and what; both owned by `*held` (json_decref
 * in any case). False with err.
 */
bool control_reply_decode(struct slice body, struct slice *node,
                          const json_t **value, json_t **held, struct err *err);

#endif
