/*
 * Bytes on their way to a descriptor: gathered, then written whole, however
 * slowly the other side reads. The first failure is kept and everything
 * after it is dropped, so that one look at the end is enough. Does not own
 * the descriptor.
 */
#ifndef REPORT_WRITER_H
#define REPORT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct writer {
    int fd;
    struct buf buf;
    uint64_t written; // bytes, without those in `buf`
    struct err err;   // the first failure
};

void writer_init(struct writer *writer, int fd);
void writer_release(struct writer *writer); // what was not flushed is dropped

/* Writes what was gathered. False when this or an earlier flush failed. */
bool writer_flush(struct writer *writer);

/* Flushes when much was gathered. */
bool writer_relieve(struct writer *writer);

/* Writes all of it; waits where a descriptor that must not block is full. */
bool writer_put(int fd, struct slice bytes, struct err *err);

#endif
