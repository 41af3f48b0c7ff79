/*
 * What a worker has to say of one join: gathers updates into messages, numbers
 * and seals them, sends them to the inbox, and keeps each until it is
 * acknowledged. Does not read what the updates say.
 */
#ifndef FLEET_OUTBOX_H
#define FLEET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/carrier.h"
#include "fleet/seal.h"
#include "loop/loop.h"
#include "util/now.h"
#include "util/slice.h"

/* A message waits for more to say this long after the one before it. */
#define OUTBOX_PAUSE_MS 5
#define OUTBOX_UPDATES_MAX 64
#define OUTBOX_BYTES_MAX (256UL << 10)
/* Kept and not acknowledged; more is held back where it comes from. */
#define OUTBOX_KEPT_MAX (64UL << 20)

/* Texts are copied; the rest is borrowed. */
struct outbox_params {
    struct loop *loop;
    struct carrier *carrier;
    const struct secret *secret;
    const char *inbox;
    const char *build;
    const char *nonce;
    const char *join;
};

struct outbox;
struct outbox *outbox_new(const struct outbox_params *params);
void outbox_free(struct outbox *outbox); // NULL is allowed

/* One update: the text of a JSON object. NULL: nobody listens. */
void outbox_add(struct outbox *outbox, struct slice update);
/* One made as printf makes it, of what needs no escaping. */
void outbox_addf(struct outbox *outbox, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sends what waits, now. `always`: also when nothing does. */
void outbox_flush(struct outbox *outbox, bool always);

/* When a message was sent last (loop_now_us), also again. */
usec outbox_sent(const struct outbox *outbox);

void outbox_acknowledge(struct outbox *outbox, uint64_t number);
/* Sends again what was not acknowledged, from `number` on. */
void outbox_resend(struct outbox *outbox, uint64_t number);

bool outbox_is_full(const struct outbox *outbox);
/* Everything that was said has been acknowledged. */
bool outbox_is_empty(const struct outbox *outbox);

/*
 * A message that is not numbered, and may be lost: `members` is an object,
 * borrowed. `done` may be NULL.
 */
void outbox_tell(struct outbox *outbox, const char *msg, json_t *members,
                 carrier_done_fn done, void *ctx);

const char *outbox_join(const struct outbox *outbox);

#endif
