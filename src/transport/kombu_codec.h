/*
 * The JSON envelope in which kombu keeps a message in Redis <-> struct
 * message. Writes what kombu itself writes, byte for byte, with the body in
 * base64; reads what all its versions write. Does no I/O.
 */
#ifndef TRANSPORT_KOMBU_CODEC_H
#define TRANSPORT_KOMBU_CODEC_H

#include <jansson.h>
#include <stdbool.h>

#include "transport/transport.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/* The longest envelope: a body of TRANSPORT_BODY_MAX in base64, and 10 MiB of
 * headers and the rest. */
#define KOMBU_ENVELOPE_MAX ((size_t)TRANSPORT_BODY_MAX / 3 * 4 + (10U << 20))

/* Adds the envelope. ERR_LIMIT: it would be too long. */
struct kombu_envelope {
    const struct message *message;
    const char *exchange;
    const char *key;
    const char *tag; // unique for each message
};
bool kombu_encode(const struct kombu_envelope *envelope, struct buf *buf,
                  struct err *err);

/*
 * An envelope that was read. `delivery` borrows from the rest of it; its tag
 * and queue are left zero.
 */
struct kombu_message {
    struct delivery delivery;
    struct buf body;
    json_t *root;
};

/* ERR_PROTOCOL: this is no envelope; ERR_LIMIT: too long a body. To be
 * released in either case. */
bool kombu_decode(struct slice text, struct kombu_message *message,
                  struct err *err);
void kombu_release(struct kombu_message *message);

/* Adds the envelope with the marks of a message that is delivered again;
 * one that cannot be read is added as it is. Gives its priority. */
int kombu_mark_redelivered(struct slice text, struct buf *buf);

/*
 * What kombu keeps in `unacked` of one message: [envelope, exchange, key].
 * Adds the envelope alone, marked as delivered again; gives its priority.
 */
bool kombu_take_unacked(struct slice entry, struct buf *envelope, int *priority,
                        struct err *err);

/*
 * The list of a queue for messages of some priority: 0, 3, 6 or 9, whichever
 * is next below; the lowest is served first. Step 0 to 3 names them.
 */
#define KOMBU_STEPS 4
#define KOMBU_SEPARATOR "\x06\x16"
int kombu_step_of(int priority);
void kombu_add_list(struct buf *buf, struct slice queue, int step);

/* The member of a binding set for a key, and for a topic its pattern, too. */
void kombu_add_binding(struct buf *buf, const char *key, bool topic,
                       const char *queue);

#endif
