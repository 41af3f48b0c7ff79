#include "fleet/speech.h"

#include <inttypes.h>
#include <string.h>

#include "util/text.h"

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
    size_t open = speech->said < speech->limit ? text_open_end(all) : 0;
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
