/*
 * Numbered messages over a way that may lose, double and reorder them. One end
 * keeps what it sent until it is acknowledged; the other gives each once, in
 * order, and knows what is missing. Pure: neither sends, waits nor reads.
 */
#ifndef FLEET_STREAM_H
#define FLEET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slice.h"

/* The longest run of numbers that may be open at either end. */
#define STREAM_OPEN_MAX 65536

/* A message that is kept. Private. */
struct stream_message {
    char *bytes;
    size_t len;
    char *mark; // what else belongs to it
};

/* The sending end. Numbers begin with 1. */
struct stream_out {
    struct stream_message *kept; // a ring; [first & mask] is number `first`
    size_t capacity;             // a power of two, or 0
    uint64_t first;              // the lowest number that is kept
    uint64_t next;               // the number of the next message
    uint64_t unsent;             // the next one that stream_out_take gives
    size_t bytes;                // kept
    size_t bytes_max;
};

/* `bytes_max`: from here on it is full, see below. */
void stream_out_init(struct stream_out *out, size_t bytes_max);
void stream_out_release(struct stream_out *out);

/* The number that the next message will have. */
uint64_t stream_out_next(const struct stream_out *out);

/*
 * Adds a message, under that number. Takes `bytes` (from malloc); copies the
 * text `mark`, which comes back with it: its seal. Allowed when it is full,
 * so that what must be said can be: false only where far too much is open
 * (nobody acknowledges); `bytes` is freed then.
 */
bool stream_out_add(struct stream_out *out, char *bytes, size_t len,
                    const char *mark);

/* Nothing that can wait should be added now. */
bool stream_out_is_full(const struct stream_out *out);
bool stream_out_is_empty(const struct stream_out *out);

/* The other end has all up to `number`; what was not added is ignored. */
void stream_out_acknowledge(struct stream_out *out, uint64_t number);

/* All from `number` on that is kept is to be sent again. */
void stream_out_rewind(struct stream_out *out, uint64_t number);

/* The next message to send; false: there is none. Borrowed until it is
 * acknowledged. */
bool stream_out_take(struct stream_out *out, struct slice *message,
                     struct slice *mark);

/* The receiving end. */
enum stream_verdict {
    STREAM_NEXT,      // it is the next: stream_in_take gives it
    STREAM_KEPT,      // others are missing before it
    STREAM_DUPLICATE, // it came before
    STREAM_TOO_FAR,   // too much is open before it: forget it, ask again
};

struct stream_waiting {
    uint64_t number;
    size_t size;
    void *message;
};

typedef void (*stream_free_fn)(void *message);

struct stream_in {
    struct stream_waiting *waiting; // by number, ascending, from `head` on
    size_t head;
    size_t count;
    size_t capacity;
    uint64_t next; // the lowest number that was not given
    size_t bytes;  // of what waits
    size_t bytes_max;
    stream_free_fn free_message;
};

/* At most `bytes_max` bytes, as their owner counts them, wait behind a hole. */
void stream_in_init(struct stream_in *in, size_t bytes_max,
                    stream_free_fn free_message);
void stream_in_release(struct stream_in *in);

/*
 * A message came. It is taken (not NULL), but for STREAM_DUPLICATE and
 * STREAM_TOO_FAR, where it is freed with free_message.
 */
enum stream_verdict stream_in_offer(struct stream_in *in, uint64_t number,
                                    void *message, size_t size);

/* The next message in order, now the caller's, or NULL. */
void *stream_in_take(struct stream_in *in);

/* Whether some are missing before one that came; from which number on. */
bool stream_in_hole(const struct stream_in *in, uint64_t *from);

/* All up to this number were given: what to acknowledge. */
uint64_t stream_in_done(const struct stream_in *in);

#endif
