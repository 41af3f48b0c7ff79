#include "fleet/outbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fleet/envelope.h"
#include "fleet/stream.h"
#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

struct outbox {
    struct outbox_params params;
    char *texts[4]; // what params' texts point to
    struct buf waiting;
    size_t waiting_count;
    struct stream_out stream;
    struct deadline deadline;
    usec sent;
    uint64_t told; // numbers of what is not in the stream
};

static void
on_pause_over(void *ctx)
{
    outbox_flush(ctx, false);
}

struct outbox *
outbox_new(const struct outbox_params *params)
{
    struct outbox *outbox = ALLOC(struct outbox);

    outbox->params = *params;
    outbox->params.inbox = outbox->texts[0] = alloc_dup(params->inbox);
    outbox->params.build = outbox->texts[1] = alloc_dup(params->build);
    outbox->params.nonce = outbox->texts[2] = alloc_dup(params->nonce);
    outbox->params.join = outbox->texts[3] = alloc_dup(params->join);
    buf_init(&outbox->waiting, ENVELOPE_BODY_MAX);
    stream_out_init(&outbox->stream, OUTBOX_KEPT_MAX);
    deadline_init(&outbox->deadline, params->loop, on_pause_over, outbox);
    return outbox;
}

void
outbox_free(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    deadline_release(&outbox->deadline);
    stream_out_release(&outbox->stream);
    buf_release(&outbox->waiting);
    for (size_t i = 0; i < sizeof(outbox->texts) / sizeof(char *); i++) {
        free(outbox->texts[i]);
    }
    free(outbox);
}

static void
send_unsent(struct outbox *outbox)
{
    struct carrier *carrier = outbox->params.carrier;
    struct sealed sealed;

    while (stream_out_take(&outbox->stream, &sealed.payload, &sealed.seal)) {
        carrier->ops->send(carrier, outbox->params.inbox, &sealed, NULL, NULL);
    }
    outbox->sent = loop_now_us(outbox->params.loop);
}

void
outbox_flush(struct outbox *outbox, bool always)
{
    struct envelope_text text;
    struct envelope_params params = {
        .msg = "updates",
        .build = outbox->params.build,
        .nonce = outbox->params.nonce,
        .join = outbox->params.join,
        .to = TO_COORDINATOR,
        .n = stream_out_next(&outbox->stream),
    };

    deadline_disarm(&outbox->deadline);
    if (outbox->waiting_count == 0 && !always) {
        return;
    }
    envelope_write_list(&text, &params, "u", buf_slice(&outbox->waiting),
                        outbox->params.secret);
    buf_reset(&outbox->waiting);
    outbox->waiting_count = 0;
    if (!stream_out_add(&outbox->stream, text.payload, text.len, text.seal)) {
        // Nobody has acknowledged anything for tens of thousands of messages:
        // the lease ends this soon.
        log_error("outbox: too much is not acknowledged, an update is lost");
    }
    send_unsent(outbox);
}

void
outbox_add(struct outbox *outbox, struct slice update)
{
    if (outbox == NULL) {
        return;
    }
    struct buf *waiting = &outbox->waiting;
    if (waiting->len > 0 && waiting->len + update.len > OUTBOX_BYTES_MAX) {
        outbox_flush(outbox, false);
    }
    if (outbox->waiting_count > 0) {
        buf_add_char(waiting, ',');
    }
    buf_add_slice(waiting, update);
    outbox->waiting_count++;
    usec now = loop_now_us(outbox->params.loop);
    if (outbox->waiting_count >= OUTBOX_UPDATES_MAX ||
        waiting->len >= OUTBOX_BYTES_MAX ||
        now - outbox->sent >= (usec)OUTBOX_PAUSE_MS * 1000) {
        outbox_flush(outbox, false);
    } else if (!deadline_is_armed(&outbox->deadline)) {
        deadline_arm(&outbox->deadline, OUTBOX_PAUSE_MS);
    }
}

void
outbox_addf(struct outbox *outbox, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = alloc_vprintf(format, arguments);
    va_end(arguments);

    outbox_add(outbox, slice_of(text));
    free(text);
}

usec
outbox_sent(const struct outbox *outbox)
{
    return outbox->sent;
}

void
outbox_acknowledge(struct outbox *outbox, uint64_t number)
{
    stream_out_acknowledge(&outbox->stream, number);
}

void
outbox_resend(struct outbox *outbox, uint64_t number)
{
    stream_out_rewind(&outbox->stream, number);
    send_unsent(outbox);
}

bool
outbox_is_full(const struct outbox *outbox)
{
    return outbox != NULL && stream_out_is_full(&outbox->stream);
}

bool
outbox_is_empty(const struct outbox *outbox)
{
    return outbox->waiting_count == 0 && stream_out_is_empty(&outbox->stream);
}

void
outbox_tell(struct outbox *outbox, const char *msg, json_t *members,
            carrier_done_fn done, void *ctx)
{
    struct carrier *carrier = outbox->params.carrier;
    struct envelope_text text;
    struct envelope_params params = {
        .msg = msg,
        .build = outbox->params.build,
        .nonce = outbox->params.nonce,
        .join = outbox->params.join,
        .to = TO_COORDINATOR,
        .n = ++outbox->told,
    };

    envelope_write(&text, &params, members, outbox->params.secret);
    struct sealed sealed = envelope_sealed(&text);
    carrier->ops->send(carrier, outbox->params.inbox, &sealed, done, ctx);
    envelope_text_release(&text);
}

const char *
outbox_join(const struct outbox *outbox)
{
    return outbox->params.join;
}
