#include "adapter/clip.h"

#include <inttypes.h>

// More memory than this is given back when the text is done.
#define KEEP_MAX 65536

void
clip_init(struct clip *clip, size_t limit)
{
    *clip = (struct clip){.limit = limit};
    buf_init(&clip->head, limit);
    buf_init(&clip->tail, limit);
}

void
clip_release(struct clip *clip)
{
    buf_release(&clip->head);
    buf_release(&clip->tail);
    clip->cut = 0;
}

void
clip_reset(struct clip *clip)
{
    if (clip->head.capacity > KEEP_MAX || clip->tail.capacity > KEEP_MAX) {
        clip_release(clip);
        return;
    }
    buf_reset(&clip->head);
    buf_reset(&clip->tail);
    clip->cut = 0;
}

// The tail has room for twice its half, so that what falls out of it is moved
// in large steps.
static void
add_tail(struct clip *clip, struct slice bytes)
{
    size_t half = clip->limit / 2;

    if (bytes.len >= half) {
        clip->cut += clip->tail.len + bytes.len - half;
        buf_reset(&clip->tail);
        buf_add_slice(&clip->tail, slice_skip(bytes, bytes.len - half));
        return;
    }
    if (clip->tail.len + bytes.len > clip->limit) {
        size_t drop = clip->tail.len - (half - bytes.len);
        clip->cut += drop;
        buf_drop(&clip->tail, drop);
    }
    buf_add_slice(&clip->tail, bytes);
}

void
clip_add(struct clip *clip, struct slice bytes)
{
    if (clip->tail.len == 0 && clip->cut == 0 &&
        clip->head.len + bytes.len <= clip->limit) {
        buf_add_slice(&clip->head, bytes);
        return;
    }
    if (clip->tail.len == 0 && clip->cut == 0) {
        // The first bytes too many: from here on there are two parts.
        size_t room = clip->limit - clip->head.len;
        size_t half = clip->limit - clip->limit / 2;
        buf_add_slice(&clip->head, slice_first(bytes, room));
        bytes = slice_skip(bytes, room);
        add_tail(clip, slice_skip(buf_slice(&clip->head), half));
        buf_cut(&clip->head, half);
    }
    add_tail(clip, bytes);
}

struct output
clip_output(const struct clip *clip)
{
    struct slice tail = buf_slice(&clip->tail);
    size_t half = clip->limit / 2;
    size_t more = tail.len > half ? tail.len - half : 0;

    return (struct output){
        .head = buf_slice(&clip->head),
        .tail = slice_skip(tail, more),
        .cut = clip->cut + more,
    };
}

void
clip_add_to(const struct clip *clip, struct buf *buf)
{
    struct output output = clip_output(clip);

    buf_add_slice(buf, output.head);
    if (output.cut > 0) {
        buf_addf(buf, "\n[... %" PRIu64 " bytes left out ...]\n", output.cut);
    }
    buf_add_slice(buf, output.tail);
}
