/*
 * What a script prints while it runs -> pieces that can be sent: characters
 * stay whole, and of what is more than anybody reads only the end still comes,
 * when it is over. Pure.
 */
#ifndef FLEET_SPEECH_H
#define FLEET_SPEECH_H

#include "model/outcome.h"
#include "util/buf.h"

typedef void (*speech_fn)(void *ctx, struct slice text);

struct speech {
    speech_fn say;
    void *ctx;
    uint64_t limit; // bytes said as they come
    uint64_t said;
    struct buf rest; // the beginning of a character
};

/* `limit`: of what is kept of the whole, half is said as it comes. */
void speech_init(struct speech *speech, uint64_t limit, speech_fn say,
                 void *ctx);
void speech_release(struct speech *speech);

void speech_add(struct speech *speech, struct slice bytes);

/*
 * The script is over; `output` is what was kept of all that it printed, with
 * the same limit. Says what was not said, and begins anew.
 */
void speech_end(struct speech *speech, const struct output *output);

#endif
