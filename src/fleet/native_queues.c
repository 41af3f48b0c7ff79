#include <stdlib.h>
#include <string.h>

#include "fleet/envelope.h"
#include "fleet/fleet_names.h"
#include "fleet/native_internal.h"
#include "util/alloc.h"
#include "util/log.h"

/* What is taken from queues, sent to them, and deleted. */

enum {
    PIECES_AT_ONCE = 16,
    LOOK_MS = 1000, // nobody leaves a message in an inbox for so long
};

// ----------------------------------------------------------------- offers

static struct queue_params
build_queue(const char *name, uint32_t expires_ms)
{
    return (struct queue_params){
        .name = name,
        .durable = true,
        .passive_first = true,
        .expires_ms = expires_ms,
    };
}

static void
on_offers_there(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err != NULL) {
        carrier->events->on_note(carrier->ctx, err->text, err->hint);
    }
}

void
native_apply_offers(struct native_carrier *carrier)
{
    struct slice rest = slice_of(carrier->params.queues);
    struct slice part;

    if (!carrier->ready || carrier->stopping) {
        return;
    }
    while (slice_split(&rest, ',', &part)) {
        char *name = slice_dup(slice_trim(part));
        struct queue_params queue = {
            .name = name, .durable = true, .passive_first = true};
        if (*name == '\0') {
            // "a,,b"
        } else if (carrier->wants_offers) {
            node_consume(carrier->node, &queue, 1, on_offers_there, carrier);
        } else if (node_consumes(carrier->node, name)) {
            // What was delivered is ended by whoever was given it: the offer
            // because of which the queue is left, above all.
            node_cancel(carrier->node, name, false, NULL, NULL);
        }
        free(name);
    }
}

void
native_offers(struct carrier *base, bool wanted)
{
    struct native_carrier *carrier = native_of(base);

    if (carrier->wants_offers != wanted) {
        carrier->wants_offers = wanted;
        native_apply_offers(carrier);
    }
}

// ------------------------------------------------------------------- build

void
native_join(struct carrier *base, const char *name, uint32_t prefetch)
{
    struct native_carrier *carrier = native_of(base);
    struct queue_params queue = build_queue(name, FLEET_QUEUE_EXPIRES_MS);

    free(carrier->joined);
    carrier->joined = alloc_dup(name);
    node_consume(carrier->node, &queue, prefetch, on_offers_there, carrier);
}

void
native_prefetch(struct carrier *base, uint32_t prefetch)
{
    struct native_carrier *carrier = native_of(base);

    if (carrier->joined != NULL) {
        node_prefetch(carrier->node, carrier->joined, prefetch);
    }
}

void
native_leave(struct carrier *base, carrier_done_fn done, void *ctx)
{
    struct native_carrier *carrier = native_of(base);

    node_cancel(carrier->node, carrier->joined != NULL ? carrier->joined : "",
                true, done, ctx);
    free(carrier->joined);
    carrier->joined = NULL;
}

// Where a list expires as its declarer says, whoever writes must be one.
static void
declare_inbox(struct native_carrier *carrier, const char *name)
{
    struct queue_params queue = build_queue(name, FLEET_INBOX_EXPIRES_MS);

    if (!carrier->redis ||
        (carrier->declared != NULL && strcmp(carrier->declared, name) == 0)) {
        return;
    }
    free(carrier->declared);
    carrier->declared = alloc_dup(name);
    transport_declare_queue(carrier->transport, &queue, NULL, NULL);
}

void
native_send(struct carrier *base, const char *queue,
            const struct sealed *sealed, carrier_done_fn done, void *ctx)
{
    struct native_carrier *carrier = native_of(base);
    struct buf body = BUF_INIT(ENVELOPE_BODY_MAX);
    struct err err = {0};

    declare_inbox(carrier, queue);
    if (!envelope_to_body(sealed, &body)) {
        err_set(&err, ERR_LIMIT, "a message to %.60s is too long", queue);
        log_error("carrier: %s", err.text);
        buf_release(&body);
        if (done != NULL) {
            done(ctx, &err);
        }
        return;
    }
    struct message message = {
        .body = buf_slice(&body),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .persistent = true,
    };
    transport_publish(carrier->transport,
                      &(struct publish){.exchange = "",
                                        .key = queue,
                                        .message = &message,
                                        .mandatory = true},
                      done, ctx);
    buf_release(&body);
}

static void
end_suspicion(struct native_carrier *carrier)
{
    free(carrier->suspect);
    carrier->suspect = NULL;
}

static void
on_second_look(void *ctx, uint64_t count, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err == NULL && count >= carrier->suspect_count) {
        transport_delete(carrier->transport, carrier->suspect, true, NULL,
                         NULL);
    }
    end_suspicion(carrier);
}

void
native_look_again(void *ctx)
{
    struct native_carrier *carrier = ctx;

    transport_length(carrier->transport, carrier->suspect, on_second_look,
                     carrier);
}

static void
on_first_look(void *ctx, uint64_t count, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    if (err != NULL || count == 0) {
        end_suspicion(carrier);
        return;
    }
    carrier->suspect_count = count;
    deadline_arm(&carrier->look, LOOK_MS);
}

void
native_erase(struct carrier *base, const char *queue, bool sure)
{
    struct native_carrier *carrier = native_of(base);

    if (!sure && carrier->redis) {
        // It does not know who takes from a list; but what lies there for a
        // while nobody takes. Others than the inbox may wait for takers.
        if (carrier->declared != NULL && carrier->suspect == NULL &&
            strcmp(carrier->declared, queue) == 0) {
            carrier->suspect = alloc_dup(queue);
            transport_length(carrier->transport, queue, on_first_look, carrier);
        }
        return;
    }

    transport_delete(carrier->transport, queue, true, NULL, NULL);
    transport_delete_exchange(carrier->transport, queue, NULL, NULL);
}

// ------------------------------------------------------------------ pieces

static void
on_piece(void *ctx, const struct delivery *delivery)
{
    struct native_carrier *carrier = ctx;

    carrier->carried->on_piece(carrier->their, delivery->message.body);
    transport_ack(carrier->transport, delivery->tag);
}

static void
on_pieces_ended(void *ctx, const struct err *err)
{
    struct native_carrier *carrier = ctx;

    (void)err; // who asks for a piece that does not come asks again
    if (carrier->pieces != NULL) {
        consumer_stop(carrier->pieces, NULL, NULL);
        carrier->pieces = NULL;
    }
}

void
native_listen(struct carrier *base, const char *name)
{
    struct native_carrier *carrier = native_of(base);

    if (carrier->pieces != NULL) {
        consumer_stop(carrier->pieces, NULL, NULL);
        carrier->pieces = NULL;
        transport_forget_queue(carrier->transport, carrier->pieces_name);
    }
    free(carrier->pieces_name);
    carrier->pieces_name = alloc_dup_or_null(name);
    if (name == NULL) {
        return;
    }
    struct queue_params queue = build_queue(name, FLEET_INBOX_EXPIRES_MS);
    transport_declare_queue(carrier->transport, &queue, NULL, NULL);
    carrier->pieces =
        transport_take(carrier->transport,
                       &(struct consume_params){.queue = name,
                                                .prefetch = PIECES_AT_ONCE,
                                                .on_delivery = on_piece,
                                                .on_ended = on_pieces_ended,
                                                .ctx = carrier});
}
