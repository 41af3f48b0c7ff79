/*
 * A text of any length in bounded memory: its beginning and its end are kept,
 * what is between them is counted.
 */
#ifndef ADAPTER_CLIP_H
#define ADAPTER_CLIP_H

#include "model/outcome.h"
#include "util/buf.h"

struct clip {
    struct buf head;
    struct buf tail; // only once something had to go
    size_t limit;
    uint64_t cut;
};

/* Keeps `limit` bytes, half of them from the end. */
void clip_init(struct clip *clip, size_t limit);
void clip_release(struct clip *clip);

/* Empties it and keeps its memory unless that is large. */
void clip_reset(struct clip *clip);

void clip_add(struct clip *clip, struct slice bytes);

/* What there is; valid until the clip changes. */
struct output clip_output(const struct clip *clip);

/*
 * The same as one text, with a line in the middle that says how much is
 * missing; added to `buf`.
 */
void clip_add_to(const struct clip *clip, struct buf *buf);

#endif
