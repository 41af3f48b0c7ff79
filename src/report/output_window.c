#include "report/output_window.h"

#include <stdlib.h>
#include <string.h>

#include "report/recording_frame.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/compose.h"
#include "util/map.h"

enum {
    PLACES = 1 << 12
};

// Raw bytes of one output; escaped they may be six times as many.
#define LARGEST ((size_t)8 << 20)
#define LARGE_BUFFER ((size_t)4 << 20)

// A line of which it is known where it stands.
struct known {
    uint64_t hash;
    uint32_t number;
    uint32_t turn; // which frame it is in, from 1
    uint32_t at;   // of what follows its number, in the frame
    uint32_t len;
};

struct output_window {
    struct buf lines;
    struct buf last; // the frame before
    uint32_t turn;
    uint32_t first;
    uint32_t count;
    struct known *known; // PLACES of them, made when needed
};

struct output_window *
output_window_new(void)
{
    struct output_window *window = ALLOC(struct output_window);

    buf_init(&window->lines, RECORDING_CONTENT_MAX);
    buf_init(&window->last, RECORDING_CONTENT_MAX);
    window->turn = 1;
    return window;
}

void
output_window_free(struct output_window *window)
{
    if (window != NULL) {
        buf_release(&window->lines);
        buf_release(&window->last);
        free(window->known);
        free(window);
    }
}

static bool
is_same(const struct output_window *window, const struct known *known,
        uint64_t hash, struct slice body)
{
    const struct buf *frame = NULL;

    if (known->turn == window->turn) {
        frame = &window->lines;
    } else if (known->turn + 1 == window->turn) {
        frame = &window->last;
    }
    return frame != NULL && known->hash == hash && known->len == body.len &&
           memcmp(frame->data + known->at, body.data, body.len) == 0;
}

uint64_t
output_window_add(struct output_window *window, const struct output *output)
{
    struct buf *buf = &window->lines;
    size_t start = buf->len;
    uint32_t number = window->first + window->count;

    if (output->head.len + output->tail.len > LARGEST) {
        return NO_OUTPUT;
    }
    buf_add_char(buf, '{');
    compose_uint(buf, "output", number);
    size_t body = buf->len;
    compose_slice(buf, "head", output->head);
    if (output->cut > 0) {
        compose_uint(buf, "cut", output->cut);
        compose_slice(buf, "tail", output->tail);
    }
    buf_add_text(buf, "}\n");
    if (buf->overflowed) {
        buf_cut(buf, start);
        buf->overflowed = false;
        return NO_OUTPUT;
    }
    if (window->known == NULL) {
        window->known = alloc_zero(PLACES, sizeof(*window->known));
    }
    struct slice text = slice_skip(buf_slice(buf), body);
    uint64_t hash = map_hash(text);
    struct known *known = &window->known[hash % PLACES];
    if (is_same(window, known, hash, text)) {
        buf_cut(buf, start);
        return known->number;
    }
    *known = (struct known){
        .hash = hash,
        .number = number,
        .turn = window->turn,
        .at = (uint32_t)body,
        .len = (uint32_t)text.len,
    };
    window->count++;
    return number;
}

struct output_lines
output_window_lines(const struct output_window *window)
{
    return (struct output_lines){
        .text = buf_slice(&window->lines),
        .count = window->count,
        .first = window->first,
    };
}

void
output_window_turn(struct output_window *window)
{
    struct buf lines = window->lines;

    window->lines = window->last;
    window->last = lines;
    if (window->lines.capacity > LARGE_BUFFER) {
        buf_release(&window->lines);
    }
    buf_reset(&window->lines);
    window->first += window->count;
    window->count = 0;
    window->turn++;
}
