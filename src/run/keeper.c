#include "run/keeper.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

void
keeper_init(struct keeper *keeper, uint64_t limit)
{
    *keeper = (struct keeper){.half = (size_t)(limit / 2)};
    buf_init(&keeper->head, keeper->half);
    buf_init(&keeper->ring, keeper->half);
}

void
keeper_release(struct keeper *keeper)
{
    buf_release(&keeper->head);
    buf_release(&keeper->ring);
}

void
keeper_reset(struct keeper *keeper)
{
    buf_reset(&keeper->head);
    buf_reset(&keeper->ring);
    keeper->start = 0;
    keeper->total = 0;
}

/* The ring is full: newer bytes take the place of the oldest ones. */
static void
turn(struct keeper *keeper, struct slice bytes)
{
    if (bytes.len > keeper->half) {
        bytes = slice_skip(bytes, bytes.len - keeper->half);
    }
    while (bytes.len > 0) {
        size_t len = keeper->half - keeper->start;
        if (len > bytes.len) {
            len = bytes.len;
        }
        memcpy(keeper->ring.data + keeper->start, bytes.data, len);
        keeper->start = (keeper->start + len) % keeper->half;
        bytes = slice_skip(bytes, len);
    }
}

void
keeper_add(struct keeper *keeper, struct slice bytes)
{
    keeper->total += bytes.len;
    if (keeper->half == 0) {
        return; // a buffer without any room is none
    }
    struct slice first = slice_first(bytes, keeper->half - keeper->head.len);
    buf_add_slice(&keeper->head, first);
    bytes = slice_skip(bytes, first.len);
    struct slice room = slice_first(bytes, keeper->half - keeper->ring.len);
    buf_add_slice(&keeper->ring, room);
    turn(keeper, slice_skip(bytes, room.len));
}

/* Makes the oldest byte the first one. */
static void
straighten(struct keeper *keeper)
{
    size_t start = keeper->start;
    if (start == 0) {
        return;
    }
    char *copy = alloc_dup_bytes(keeper->ring.data, keeper->ring.len);
    memcpy(keeper->ring.data, copy + start, keeper->ring.len - start);
    memcpy(keeper->ring.data + keeper->ring.len - start, copy, start);
    free(copy);
    keeper->start = 0;
}

struct output
keeper_output(struct keeper *keeper)
{
    straighten(keeper);
    uint64_t kept = keeper->head.len + keeper->ring.len;
    return (struct output){
        .head = buf_slice(&keeper->head),
        .tail = buf_slice(&keeper->ring),
        .cut = keeper->total - kept,
    };
}
