/*
 * What is common to all payloads of the fleet: who says something, to whom, in
 * which build, under which number, and the three places where a payload lies
 * with its seal. Pure; does not know what is said.
 */
#ifndef FLEET_ENVELOPE_H
#define FLEET_ENVELOPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet/carrier.h"
#include "fleet/seal.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

#define ENVELOPE_VERSION "1.0"

/* The longest body that goes to the inbox. */
#define ENVELOPE_BODY_MAX (32UL << 20)

/* Digits of the nonce of a build and of a join, and the NUL behind them. */
#define ENVELOPE_NONCE_SIZE 33
#define ENVELOPE_JOIN_SIZE 17

/* Draws such a number: fills `text`, of `size`, with digits and a NUL. */
void envelope_draw(char *text, size_t size);
/* Whether it could have been drawn: `size` - 1 digits. */
bool envelope_is_drawn(struct slice text, size_t size);

enum envelope_to {
    TO_WORKER,
    TO_COORDINATOR,
};

/* A payload to write; texts that are NULL are left out. */
struct envelope_params {
    const char *msg;
    const char *build;
    const char *nonce;
    const char *join;
    enum envelope_to to;
    uint64_t n;
};

/* A payload that was written, and its seal. Zeroed = none. */
struct envelope_text {
    char *payload; // owned
    size_t len;
    char seal[SEAL_SIZE];
};

/*
 * Writes a payload: the envelope, then what `members` (an object, borrowed, or
 * NULL) has, and seals it. Never fails but for want of memory.
 */
void envelope_write(struct envelope_text *text,
                    const struct envelope_params *params, json_t *members,
                    const struct secret *secret);
/*
 * The same with one list instead: `inside` is JSON text without its brackets,
 * of a member `name` that needs no escaping. For those who have it as text.
 */
void envelope_write_list(struct envelope_text *text,
                         const struct envelope_params *params, const char *name,
                         struct slice inside, const struct secret *secret);
void envelope_text_release(struct envelope_text *text);
/* Borrowed. */
struct sealed envelope_sealed(const struct envelope_text *text);

/* Why a payload is not taken. */
enum envelope_verdict {
    ENVELOPE_GOOD,
    ENVELOPE_FORGED,    // its seal is missing or wrong
    ENVELOPE_MALFORMED, // no object, or members are missing or wrong
    ENVELOPE_VERSION_DIFFERS,
    ENVELOPE_MISLED, // it is not for us
};

/* A payload that came. Owns `object`, and what else is shown is of it. */
struct envelope {
    json_t *object;
    struct slice msg;
    struct slice version;
    struct slice build;
    struct slice nonce;
    struct slice join; // empty: it concerns no join
    uint64_t n;
};

/*
 * Reads a payload that was sent `to` us. Unless ENVELOPE_GOOD, err says why
 * not (ERR_PROTOCOL). Always to be released. Whether build, nonce, join and
 * number fit is the caller's to judge.
 */
enum envelope_verdict envelope_read(struct envelope *envelope,
                                    const struct sealed *sealed,
                                    enum envelope_to to,
                                    const struct secret *secret,
                                    struct err *err);
void envelope_release(struct envelope *envelope);

/*
 * Numbers that came from one sender: true for one that is above all before
 * it. Zeroed = none came.
 */
struct envelope_count {
    uint64_t last;
};
bool envelope_count_take(struct envelope_count *count, uint64_t n);

/*
 * The places. Writing gives new references, or adds to `body` (false: beyond
 * its maximum); reading borrows from what is read, false with err: it is not
 * there.
 */
json_t *envelope_to_args(const struct sealed *sealed); // [PAYLOAD, SEAL]
bool envelope_from_args(const json_t *args, struct sealed *sealed,
                        struct err *err);
json_t *envelope_to_arguments(const struct sealed *sealed); // {"payload": ...
bool envelope_from_arguments(const json_t *arguments, struct sealed *sealed,
                             struct err *err);
bool envelope_to_body(const struct sealed *sealed, struct buf *body);
/* `*held` owns what `sealed` shows (json_decref), also on failure. */
bool envelope_from_body(struct slice body, json_t **held, struct sealed *sealed,
                        struct err *err);

#endif
