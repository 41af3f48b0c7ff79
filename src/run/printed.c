#include "run/printed.h"

// More than items can print before they are told of.
#define PRINTED_SLACK ((uint64_t)32 << 20)

bool
printed_open(struct printed *printed, const char *folder, int slot, bool merged,
             uint64_t limit, struct err *err)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_init(&printed->loose[i], PRINTED_LOOSE_MAX);
    }
    return capture_open(&printed->capture, folder, slot, merged, limit, err);
}

void
printed_release(struct printed *printed)
{
    capture_release(&printed->capture);
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_release(&printed->loose[i]);
    }
}

void
printed_skip(struct printed *printed)
{
    printed->cursor = capture_end(&printed->capture);
}

/* What was printed between the last owner and here belongs to the job. */
static void
keep_loose(struct printed *printed, enum stream stream, uint64_t upto)
{
    uint64_t from = printed->cursor.at[stream];
    if (upto <= from) {
        return;
    }
    struct output output = capture_read(&printed->capture, stream, from, upto);
    struct buf *loose = &printed->loose[stream];
    buf_add_slice(loose,
                  slice_first(output.head, PRINTED_LOOSE_MAX - loose->len));
    printed->cursor.at[stream] = upto;
}

struct output
printed_claim(struct printed *printed, enum stream stream,
              const struct output_range *range)
{
    if (range->end <= range->first) {
        return (struct output){0};
    }
    keep_loose(printed, stream, range->first);
    printed->cursor.at[stream] = range->end;
    return capture_read(&printed->capture, stream, range->first, range->end);
}

static struct output_range
find_rest(const struct printed *printed, enum stream stream)
{
    struct capture_mark end = capture_end(&printed->capture);
    return (struct output_range){printed->cursor.at[stream], end.at[stream]};
}

struct output
printed_claim_rest(struct printed *printed, enum stream stream)
{
    struct output_range range = find_rest(printed, stream);
    return printed_claim(printed, stream, &range);
}

struct output
printed_loose(struct printed *printed, enum stream stream)
{
    keep_loose(printed, stream, find_rest(printed, stream).end);
    return (struct output){.head = buf_slice(&printed->loose[stream])};
}

void
printed_end_job(struct printed *printed)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_reset(&printed->loose[i]);
    }
    capture_forget(&printed->capture, printed->cursor);
}

void
printed_bound(struct printed *printed, bool item)
{
    capture_bound(&printed->capture, printed->cursor, item ? 0 : PRINTED_SLACK);
}

uint64_t
printed_unclaimed(const struct printed *printed, enum stream stream)
{
    uint64_t end = capture_end(&printed->capture).at[stream];
    uint64_t claimed = printed->cursor.at[stream];
    bool same = stream == STREAM_ERR && capture_is_merged(&printed->capture);
    return same || end < claimed ? 0 : end - claimed;
}

void
printed_peek(struct printed *printed, enum stream stream, uint64_t from,
             uint64_t to, struct buf *text)
{
    uint64_t claimed = printed->cursor.at[stream];
    struct output output =
        capture_read(&printed->capture, stream, claimed + from, claimed + to);
    buf_add_slice(text, output.head);
    buf_add_slice(text, output.tail);
}
