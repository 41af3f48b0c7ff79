/*
 * Lines that the Python side of a carrier says (docs/protocol/carrier.md) ->
 * structs. Pure; knows neither who is connected nor what payloads mean.
 */
#ifndef FLEET_CARRIER_CODEC_H
#define FLEET_CARRIER_CODEC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fleet/carrier.h"
#include "util/err.h"
#include "util/slice.h"

#define CARRIER_PROTOCOL "1.0"

/* The most slots that a pool may have. */
#define CARRIER_SLOTS_MAX 4096

enum carrier_line_kind {
    CARRIER_HELLO = 1,
    CARRIER_CONTROL,
    CARRIER_TERMINATE,
    CARRIER_LOST,
    CARRIER_WAY,
    CARRIER_SLOTS,
    CARRIER_STOP,
    CARRIER_DONE,
    CARRIER_PIECE,
    CARRIER_TASK,
    CARRIER_OTHER, // unknown: to be ignored
};

/* One line. Members that its kind does not have are zero. */
struct carrier_line {
    enum carrier_line_kind kind;
    json_t *object; // owned; the slices below are of it

    struct slice node;    // hello
    struct slice version; // hello: of mule's Python side
    struct slice python;  // hello
    struct slice celery;  // hello
    struct slice socket;  // hello: where to listen for tasks
    int64_t pid;          // hello, task
    int slots;            // hello, slots

    struct slice method;  // control
    struct sealed sealed; // control, task
    uint64_t number;      // control: of the answer; done: of the call
    struct slice why;     // done: empty where it worked
    struct slice body;    // piece

    struct slice id; // task, terminate: the task's own
    int signo;       // terminate
    bool up;         // way
    bool redelivered;
    enum carrier_task_kind task_kind;
    enum carrier_stop stop;
};

/*
 * False with err (ERR_PROTOCOL): it is no object, or what its kind needs is
 * missing or wrong, or it speaks another major version. Always to be released.
 */
bool carrier_line_decode(struct carrier_line *line, struct slice text,
                         struct err *err);
void carrier_line_release(struct carrier_line *line);

#endif
