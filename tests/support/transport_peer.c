/*
 * A peer for other programs that speak through a broker:
 *
 *     transport_peer URL publish EXCHANGE KIND KEY PRIORITY BODY
 *     transport_peer URL take QUEUE COUNT     acknowledges each
 *     transport_peer URL hold QUEUE COUNT     and waits for its death
 *     transport_peer URL listen EXCHANGE KIND KEY COUNT
 *
 * KIND is direct, fanout or topic; an EXCHANGE "" is the default one. What
 * comes is printed as a JSON line each, behind a line "ready".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/transport.h"
#include "util/alloc.h"

struct peer {
    struct loop *loop;
    struct transport *transport;
    char **argv;
    int left;
    bool holds;
};

_Noreturn static void
die(const char *what)
{
    fprintf(stderr, "transport_peer: %s\n", what);
    exit(3);
}

static void
check(void *ctx, const struct err *err)
{
    (void)ctx;
    if (err != NULL) {
        die(err->text);
    }
}

static int
number(const char *text)
{
    int64_t value = 0;

    if (!slice_to_int(slice_of(text), 0, 1000, &value)) {
        die("not a number");
    }
    return (int)value;
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct peer *peer = ctx;

    check(NULL, err);
    loop_stop(peer->loop);
}

static void
leave(struct peer *peer)
{
    transport_close(peer->transport, 5000, on_closed, peer);
}

static json_t *
text_of(struct slice slice)
{
    return json_stringn(slice.data == NULL ? "" : slice.data, slice.len);
}

static void
print_delivery(const struct delivery *delivery)
{
    const struct message *message = &delivery->message;
    json_t *headers = json_deep_copy(message->headers);
    json_t *line = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:b, s:i, s:b, s:o*}", "body",
        text_of(message->body), "content_type", text_of(message->content_type),
        "exchange", text_of(delivery->exchange), "key",
        text_of(delivery->routing_key), "correlation_id",
        text_of(message->correlation_id), "redelivered", delivery->redelivered,
        "priority", message->priority, "persistent", message->persistent,
        "headers", headers);

    if (line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0) {
        die("what came cannot be printed");
    }
    printf("\n");
    (void)fflush(stdout);
    json_decref(line);
}

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    struct peer *peer = ctx;

    print_delivery(delivery);
    if (!peer->holds) {
        transport_ack(peer->transport, delivery->tag);
    }
    peer->left--;
    if (peer->left == 0 && !peer->holds) {
        leave(peer);
    }
}

static void
say_ready(void *ctx, const struct err *err)
{
    (void)ctx;
    check(NULL, err);
    printf("ready\n");
    (void)fflush(stdout);
}

static void
on_published(void *ctx, const struct err *err)
{
    check(NULL, err);
    leave(ctx);
}

static enum exchange_kind
kind_of(const char *text)
{
    return strcmp(text, "fanout") == 0  ? EXCHANGE_FANOUT
           : strcmp(text, "topic") == 0 ? EXCHANGE_TOPIC
                                        : EXCHANGE_DIRECT;
}

static void
publish(struct peer *peer, char **argv)
{
    struct message message = {
        .body = slice_of(argv[4]),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .correlation_id = SLICE("from-peer"),
        .priority = number(argv[3]),
        .persistent = true,
    };

    if (argv[0][0] != '\0') {
        transport_declare_exchange(
            peer->transport,
            &(struct exchange_params){
                .name = argv[0], .kind = kind_of(argv[1]), .durable = true},
            check, NULL);
    }
    transport_publish(peer->transport,
                      &(struct publish){.exchange = argv[0],
                                        .key = argv[2],
                                        .message = &message},
                      on_published, peer);
}

static void
take(struct peer *peer, const char *queue, int count)
{
    peer->left = count;
    transport_declare_queue(peer->transport,
                            &(struct queue_params){.name = queue,
                                                   .durable = true,
                                                   .passive_first = true},
                            say_ready, NULL);
    transport_take(
        peer->transport,
        &(struct consume_params){.queue = queue,
                                 .prefetch = peer->holds ? (uint32_t)count : 1,
                                 .on_delivery = on_delivery,
                                 .on_ended = check,
                                 .ctx = peer});
}

static void
listen_to(struct peer *peer, char **argv)
{
    peer->left = number(argv[3]);
    transport_subscribe(
        peer->transport,
        &(struct subscribe_params){
            .exchange = {.name = argv[0],
                         .kind = kind_of(argv[1]),
                         .durable = true},
            .key = argv[2],
            .queue = {.name = "transport-peer", .exclusive = true},
            .on_delivery = on_delivery,
            .on_subscribed = say_ready,
            .ctx = peer});
}

static void
on_failed(void *ctx, const struct err *err)
{
    (void)ctx;
    die(err->text);
}

int
main(int argc, char **argv)
{
    static const struct transport_events events = {.on_failed = on_failed};
    struct peer peer = {.loop = loop_new()};
    struct err err = {0};
    const char *what = argc > 3 ? argv[2] : "";

    if (argc < 5) {
        die("URL publish|take|hold|listen ...");
    }
    peer.transport =
        transport_open(&(struct transport_params){.loop = peer.loop,
                                                  .urls = argv[1],
                                                  .name = "peer",
                                                  .events = &events,
                                                  .ctx = &peer},
                       &err);
    if (peer.transport == NULL) {
        die(err.text);
    }
    if (strcmp(what, "publish") == 0 && argc == 8) {
        publish(&peer, argv + 3);
    } else if (strcmp(what, "listen") == 0 && argc == 7) {
        listen_to(&peer, argv + 3);
    } else {
        peer.holds = strcmp(what, "hold") == 0;
        take(&peer, argv[3], number(argv[4]));
    }
    loop_run(peer.loop);
    transport_free(peer.transport);
    loop_free(peer.loop);
    return 0;
}
