#include "fleet/speech.h"

#include <inttypes.h>
#include <string.h>

// A character of UTF-8 without its last byte.
#define REST_MAX 3

void
speech_init(struct speech *speech, uint64_t limit, speech_fn say, void *ctx)
{
    *speech = (struct speech){.say = say, .ctx = ctx, .limit = limit / 2};
    buf_init(&speech->rest, SIZE_MAX / 2);
}

void
speech_release(struct speech *speech)
{
    buf_release(&speech->rest);
}

static void
say(struct speech *speech, struct slice text)
{
    if (text.len > 0) {
        speech->say(speech->ctx, text);
    }
}

/* How many bytes at the end begin a character that is not complete. */
static size_t
open_end(struct slice text)
{
    for (size_t back = 1; back <= REST_MAX && back <= text.len; back++) {
        unsigned char byte = (unsigned char)text.data[text.len - back];
        if (byte < 0x80) {
            return 0;
        }
        if (byte >= 0xC0) {
            size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
            return whole > back ? back : 0;
        }
    }
    return 0;
}

void
speech_add(struct speech *speech, struct slice bytes)
{
    uint64_t room = speech->limit - speech->said;

    bytes = slice_first(bytes, bytes.len < room ? bytes.len : (size_t)room);
    if (bytes.len == 0) {
        return;
    }
    speech->said += bytes.len;
    buf_add_slice(&speech->rest, bytes);
    struct slice all = buf_slice(&speech->rest);
    size_t open = speech->said < speech->limit ? open_end(all) : 0;
    say(speech, slice_first(all, all.len - open));
    buf_drop(&speech->rest, all.len - open);
}

void
speech_end(struct speech *speech, const struct output *output)
{
    size_t done = speech->said < output->head.len ? (size_t)speech->said
                                                  : output->head.len;
    char gap[64];

    say(speech, buf_slice(&speech->rest));
    buf_reset(&speech->rest);
    say(speech, slice_skip(output->head, done));
    if (output->cut > 0) {
        snprintf(gap, sizeof(gap), "\n[... %" PRIu64 " bytes left out ...]\n",
                 output->cut);
        say(speech, slice_of(gap));
    }
    say(speech, output->tail);
    speech->said = 0;
}
