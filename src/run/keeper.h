/*
 * Keeps the beginning and the end of a stream of bytes of any length, and
 * counts what it leaves out between them.
 */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include "model/outcome.h"
#include "util/buf.h"

struct keeper {
    struct buf head;
    struct buf ring; // the end, `start` is its oldest byte once it is full
    size_t start;
    size_t half; // bytes kept of either end
    uint64_t total;
};

/* `limit`: bytes kept in all. */
void keeper_init(struct keeper *keeper, uint64_t limit);
void keeper_release(struct keeper *keeper);
void keeper_reset(struct keeper *keeper);

void keeper_add(struct keeper *keeper, struct slice bytes);

/* What was kept; valid until the keeper changes. */
struct output keeper_output(struct keeper *keeper);

#endif
