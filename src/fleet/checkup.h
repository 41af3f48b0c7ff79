/*
 * Looks at a broker as a build would use it: can one log in, declare, send,
 * take and delete; how old is it and will it keep what it is given; is the
 * queue of offers there, who takes from it, and do they know mule. Changes
 * nothing but a queue of its own, which it deletes.
 */
#ifndef FLEET_CHECKUP_H
#define FLEET_CHECKUP_H

#include "loop/loop.h"
#include "util/err.h"

enum checkup_level {
    CHECKUP_OK,
    CHECKUP_WARNING,
    CHECKUP_FAULT
};

struct checkup_events {
    /* One thing that was looked at; texts are borrowed for the call. */
    void (*on_finding)(void *ctx, enum checkup_level level, const char *topic,
                       const char *text, const char *hint);
    void (*on_done)(void *ctx); // the last call
};

struct checkup_params {
    struct loop *loop;
    const char *urls;  // borrowed
    const char *queue; // of offers; borrowed
    const struct checkup_events *events;
    void *ctx;
};

struct checkup;
/* NULL with err: the URLs cannot be used. */
struct checkup *checkup_new(const struct checkup_params *params,
                            struct err *err);
void checkup_free(struct checkup *checkup); // after on_done

#endif
