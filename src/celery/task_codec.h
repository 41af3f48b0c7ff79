/*
 * A task as Celery's protocol 2 puts it into a message, both ways. Pure: a
 * message becomes a struct task or a reason why not, and the other way round.
 * Runs nothing, and knows no task by name.
 */
#ifndef CELERY_TASK_CODEC_H
#define CELERY_TASK_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/now.h"
#include "util/slice.h"

/* No such time. */
#define TASK_NO_TIME INT64_MIN

/*
 * A task that came. Owns all it shows: the message may go. Texts that were
 * missing or null are empty.
 */
struct task {
    struct slice id;
    struct slice name;
    struct slice shadow; // the name for people
    struct slice lang;
    struct slice origin; // who sent it
    struct slice root_id;
    struct slice parent_id;
    struct slice group;
    struct slice argsrepr;
    struct slice kwargsrepr;
    struct slice reply_to;       // a queue; empty: nobody waits
    struct slice correlation_id; // of the results; the id if there was none
    usec eta;                    // wall clock; TASK_NO_TIME
    usec expires;                // wall clock; TASK_NO_TIME
    int64_t soft_limit_ms;       // 0: none
    int64_t hard_limit_ms;       // 0: none
    int retries;
    int priority;
    bool ignore_result;
    const json_t *args;    // a list
    const json_t *kwargs;  // an object
    const json_t *embed;   // an object: callbacks, errbacks, chain, chord
    const json_t *headers; // all of them, an object
    json_t *held_[3];      // body, headers and texts: what is owned
};

/* What was made of a message. */
enum task_verdict {
    TASK_GOOD,
    TASK_VERSION_1, // the protocol before; not served
    TASK_CONTENT,   // a content type, encoding or compression nobody reads
    TASK_MALFORMED,
    TASK_VERDICT_COUNT
};

/*
 * Reads a message. Unless TASK_GOOD, err says why not (ERR_PROTOCOL), and of
 * `task` hold id, name, reply_to, correlation_id and ignore_result, as far as
 * they could be found: enough to send an answer. Always to be released.
 */
enum task_verdict task_decode(struct task *task, const struct message *message,
                              struct err *err);
void task_release(struct task *task);

/* "2026-11-22T20:09:05.023816+00:00", `T` or blank, without a zone: UTC. */
bool task_time_parse(struct slice text, usec *wall);
/* Room for such a text. */
#define TASK_TIME_SIZE 48
void task_time_write(usec wall, char text[static TASK_TIME_SIZE]);

/* A task to send. All borrowed; zeroed members are left out. */
struct task_params {
    const char *id;        // needed
    const char *name;      // needed
    const json_t *args;    // a list; NULL: none
    const json_t *kwargs;  // an object; NULL: none
    const json_t *headers; // an object: more of them, beside Celery's own
    const char *reply_to;  // a queue for results
    const char *origin;    // "gen1234@host"
    const char *root_id;   // NULL: its own
    const char *parent_id;
    const char *group;
    const char *shadow;
    usec eta;               // wall clock; 0: at once
    usec expires;           // wall clock; 0: never
    uint32_t expiration_ms; // the same for the broker, from now; 0: never
    int64_t soft_limit_ms;
    int64_t hard_limit_ms;
    int retries;
    bool ignore_result;
    bool transient; // need not survive a restart of the broker
};

/* A message that was made: `message` points into the rest. Zeroed to begin. */
struct task_message {
    struct message message;
    struct buf body;
    json_t *headers;
    char expiration[16];
};

/*
 * Writes the message of a task; borrows what `params` has until it is
 * released. False with err: ERR_LIMIT, it is longer than TRANSPORT_BODY_MAX.
 */
bool task_encode(struct task_message *out, const struct task_params *params,
                 struct err *err);
void task_message_release(struct task_message *message);

#endif
