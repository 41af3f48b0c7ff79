#include "transport/broker_socket.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "loop/deadline.h"
#include "transport/broker_tls.h"
#include "transport/resolver.h"
#include "util/alloc.h"
#include "util/buf.h"

// For finding the address, each try to connect, and TLS, in all.
#define CONNECT_MS 5000
#define KEEPALIVE_S 30

// What may wait to be written, and what TLS may hold in one piece.
#define QUEUE_MAX (768UL << 20)
#define PLAIN_MAX (1UL << 20)

enum phase {
    PHASE_CONNECTING = 1,
    PHASE_SECURING, // connected, TLS is being agreed on
    PHASE_OPEN,
    PHASE_CLOSING, // on_closed is to come
    PHASE_DROPPED, // nobody wants to hear of it
};

struct broker_socket {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct resolver *resolver; // NULL: the address is known
    uv_connect_t connect;
    uv_write_t write;
    struct loop *loop;
    const struct broker_url *url;
    const struct broker_socket_events *events;
    void *ctx;
    enum phase phase;
    bool has_handle; // libuv knows the handle
    bool posted;     // flush is to be called
    struct addrinfo *addresses;
    const struct addrinfo *next; // the address to be tried next
    struct broker_tls *tls;
    struct buf plain;   // what TLS decoded
    struct buf clear;   // to be sent, before TLS
    struct buf waiting; // to be sent
    struct buf sending; // handed to libuv
    struct deadline deadline;
    struct err err;
};

static void try_address(struct broker_socket *socket);
static void flush(void *ctx);

static bool
is_over(const struct broker_socket *socket)
{
    return socket->phase == PHASE_CLOSING || socket->phase == PHASE_DROPPED;
}

// Once nothing of libuv's refers to it any more.
static void
bury(struct broker_socket *socket)
{
    if (socket->has_handle) {
        return;
    }
    if (socket->phase == PHASE_CLOSING) {
        socket->events->on_closed(socket->ctx, &socket->err);
    }
    if (socket->addresses != NULL) {
        freeaddrinfo(socket->addresses);
    }
    broker_tls_free(socket->tls);
    buf_release(&socket->plain);
    buf_release(&socket->clear);
    buf_release(&socket->waiting);
    buf_release(&socket->sending);
    free(socket);
}

static void
bury_later(void *ctx)
{
    bury(ctx);
}

static void
on_handle_closed(uv_handle_t *handle)
{
    struct broker_socket *socket = handle->data;

    socket->has_handle = false;
    if (is_over(socket)) {
        bury(socket);
    } else {
        try_address(socket);
    }
}

static void
end(struct broker_socket *socket, enum phase phase)
{
    bool over = is_over(socket);

    socket->phase = phase;
    if (over) {
        return;
    }
    deadline_release(&socket->deadline);
    loop_cancel(socket->loop, socket);
    resolver_drop(socket->resolver);
    socket->resolver = NULL;
    if (!socket->has_handle) {
        loop_post(socket->loop, bury_later, socket);
    } else if (!uv_is_closing(&socket->uv.handle)) {
        uv_close(&socket->uv.handle, on_handle_closed);
    }
}

// `socket->err` says why.
static void
fail(struct broker_socket *socket)
{
    if (!is_over(socket)) {
        err_wrap(&socket->err, "%s", socket->url->shown);
        end(socket, PHASE_CLOSING);
    }
}

static void
fail_with(struct broker_socket *socket, const char *what, int result)
{
    if (is_over(socket)) {
        return;
    }
    err_clear(&socket->err);
    err_set(&socket->err, ERR_SYSTEM, "%s: %s", what, uv_strerror(result));
    fail(socket);
}

static void
on_deadline(void *ctx)
{
    struct broker_socket *socket = ctx;

    err_clear(&socket->err);
    if (socket->phase == PHASE_SECURING) {
        err_set(&socket->err, ERR_LIMIT, "no answer in TLS within %d s",
                CONNECT_MS / 1000);
        err_hint(&socket->err, "is it the server's port for TLS?");
    } else {
        err_set(&socket->err, ERR_LIMIT, "no connection after %d s",
                CONNECT_MS / 1000);
        err_hint(&socket->err, "is the server there, and no firewall between?");
    }
    fail(socket);
}

static void
become_open(struct broker_socket *socket)
{
    socket->phase = PHASE_OPEN;
    deadline_disarm(&socket->deadline);
    socket->events->on_open(socket->ctx);
}

static void
ask_flush(struct broker_socket *socket)
{
    if (!socket->posted) {
        socket->posted = true;
        loop_post(socket->loop, flush, socket);
    }
}

static void
take_encrypted(struct broker_socket *socket, struct slice bytes)
{
    buf_reset(&socket->plain);
    bool good = broker_tls_feed(socket->tls, bytes, &socket->plain,
                                &socket->waiting, &socket->err);
    if (socket->waiting.len > 0) {
        flush(socket);
    }
    if (!good) {
        fail(socket);
        return;
    }
    if (socket->phase == PHASE_SECURING && broker_tls_is_ready(socket->tls)) {
        become_open(socket);
    }
    if (socket->plain.len > 0 && socket->phase == PHASE_OPEN) {
        socket->events->on_bytes(socket->ctx, buf_slice(&socket->plain));
    }
}

static void
allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    const struct broker_socket *socket = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(loop_scratch(socket->loop), LOOP_SCRATCH_SIZE);
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct broker_socket *socket = stream->data;

    if (is_over(socket) || count == 0) {
        return;
    }
    if (count < 0) {
        if (count == UV_EOF) {
            err_set(&socket->err, ERR_SYSTEM,
                    "the server closed the connection");
            fail(socket);
        } else {
            fail_with(socket, "reading", (int)count);
        }
        return;
    }
    struct slice bytes = slice_make(buffer->base, (size_t)count);
    if (socket->tls != NULL) {
        take_encrypted(socket, bytes);
    } else {
        socket->events->on_bytes(socket->ctx, bytes);
    }
}

static void
on_written(uv_write_t *write, int status)
{
    struct broker_socket *socket = write->data;

    buf_reset(&socket->sending);
    if (is_over(socket)) {
        return;
    }
    if (status < 0) {
        fail_with(socket, "writing", status);
    } else if (socket->waiting.len > 0) {
        flush(socket);
    }
}

// What the other side takes at once; the rest stays in `waiting`.
static bool
write_some(struct broker_socket *socket)
{
    uv_buf_t buffer =
        uv_buf_init(socket->waiting.data, (unsigned)socket->waiting.len);
    int result = uv_try_write(&socket->uv.stream, &buffer, 1);

    if (result < 0 && result != UV_EAGAIN) {
        fail_with(socket, "writing", result);
        return false;
    }
    if (result > 0 && (size_t)result == socket->waiting.len) {
        buf_reset(&socket->waiting);
    } else if (result > 0) {
        buf_drop(&socket->waiting, (size_t)result);
    }
    return socket->waiting.len > 0;
}

static bool
encrypt(struct broker_socket *socket)
{
    bool good = broker_tls_send(socket->tls, buf_slice(&socket->clear),
                                &socket->waiting, &socket->err);

    buf_reset(&socket->clear);
    if (!good) {
        fail(socket);
    }
    return good;
}

static void
flush(void *ctx)
{
    struct broker_socket *socket = ctx;

    socket->posted = false;
    if (is_over(socket) || socket->phase == PHASE_CONNECTING) {
        return;
    }
    if (socket->clear.len > 0 && !encrypt(socket)) {
        return;
    }
    if (socket->waiting.len == 0 || socket->sending.len > 0 ||
        !write_some(socket)) {
        return;
    }
    struct buf empty = socket->sending;
    socket->sending = socket->waiting;
    socket->waiting = empty;
    uv_buf_t buffer =
        uv_buf_init(socket->sending.data, (unsigned)socket->sending.len);
    socket->write.data = socket;
    int result =
        uv_write(&socket->write, &socket->uv.stream, &buffer, 1, on_written);
    if (result < 0) {
        buf_reset(&socket->sending);
        fail_with(socket, "writing", result);
    }
}

static void
begin_talk(struct broker_socket *socket)
{
    int result = uv_read_start(&socket->uv.stream, allocate, on_read);

    if (result < 0) {
        fail_with(socket, "reading", result);
        return;
    }
    if (!socket->url->tls) {
        become_open(socket);
        return;
    }
    socket->phase = PHASE_SECURING;
    socket->tls = broker_tls_new(socket->url, &socket->waiting, &socket->err);
    if (socket->tls == NULL) {
        fail(socket);
    } else {
        flush(socket);
    }
}

static void
on_connected(uv_connect_t *request, int status)
{
    struct broker_socket *socket = request->data;

    if (is_over(socket)) {
        return;
    }
    if (status == 0) {
        err_clear(&socket->err);
        begin_talk(socket);
    } else if (socket->next != NULL) {
        uv_close(&socket->uv.handle, on_handle_closed); // and the next one
    } else {
        fail_with(socket, "connecting", status);
    }
}

static void
connect_to(struct broker_socket *socket, const struct sockaddr *address)
{
    int result = uv_tcp_init(loop_uv(socket->loop), &socket->uv.tcp);

    socket->has_handle = result == 0;
    socket->uv.handle.data = socket;
    socket->connect.data = socket;
    if (result == 0) {
        uv_tcp_nodelay(&socket->uv.tcp, 1);
        uv_tcp_keepalive(&socket->uv.tcp, 1, KEEPALIVE_S);
        result = uv_tcp_connect(&socket->connect, &socket->uv.tcp, address,
                                on_connected);
    }
    if (result < 0) {
        fail_with(socket, "connecting", result);
    }
}

static void
try_address(struct broker_socket *socket)
{
    const struct addrinfo *address = socket->next;

    socket->next = address->ai_next;
    connect_to(socket, address->ai_addr);
}

static void
on_resolved(void *ctx, struct addrinfo *addresses, const char *reason)
{
    struct broker_socket *socket = ctx;

    socket->resolver = NULL;
    socket->addresses = addresses;
    if (addresses == NULL) {
        err_set(&socket->err, ERR_SYSTEM, "finding its address: %s", reason);
        err_hint(&socket->err, "is the host's name written correctly?");
        fail(socket);
        return;
    }
    socket->next = addresses;
    try_address(socket);
}

static void
connect_pipe(struct broker_socket *socket)
{
    uv_pipe_init(loop_uv(socket->loop), &socket->uv.pipe, 0);
    socket->has_handle = true;
    socket->uv.handle.data = socket;
    socket->connect.data = socket;
    uv_pipe_connect(&socket->connect, &socket->uv.pipe, socket->url->path,
                    on_connected);
}

// An address needs no looking up, and that takes a thread.
static void
connect_tcp(struct broker_socket *socket)
{
    const char *host = socket->url->host;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (uv_ip4_addr(host, socket->url->port, &v4) == 0) {
        connect_to(socket, (const struct sockaddr *)&v4);
    } else if (uv_ip6_addr(host, socket->url->port, &v6) == 0) {
        connect_to(socket, (const struct sockaddr *)&v6);
    } else {
        socket->resolver = resolver_start(socket->loop, host, socket->url->port,
                                          on_resolved, socket);
    }
}

struct broker_socket *
broker_socket_open(struct loop *loop, const struct broker_url *url,
                   const struct broker_socket_events *events, void *ctx)
{
    struct broker_socket *socket = ALLOC(struct broker_socket);

    socket->loop = loop;
    socket->url = url;
    socket->events = events;
    socket->ctx = ctx;
    socket->phase = PHASE_CONNECTING;
    buf_init(&socket->plain, PLAIN_MAX);
    buf_init(&socket->clear, QUEUE_MAX);
    buf_init(&socket->waiting, QUEUE_MAX);
    buf_init(&socket->sending, QUEUE_MAX);
    deadline_init(&socket->deadline, loop, on_deadline, socket);
    deadline_arm(&socket->deadline, CONNECT_MS);
    if (url->path[0] != '\0') {
        connect_pipe(socket);
    } else {
        connect_tcp(socket);
    }
    return socket;
}

void
broker_socket_close(struct broker_socket *socket)
{
    if (socket != NULL) {
        end(socket, PHASE_DROPPED);
    }
}

void
broker_socket_send(struct broker_socket *socket, struct slice bytes)
{
    if (is_over(socket)) {
        return;
    }
    struct buf *buf = socket->tls != NULL ? &socket->clear : &socket->waiting;
    if (!buf_add_slice(buf, bytes)) {
        err_set(&socket->err, ERR_LIMIT,
                "the server does not read what it is "
                "sent");
        fail(socket);
        return;
    }
    ask_flush(socket);
}

size_t
broker_socket_queued(const struct broker_socket *socket)
{
    return socket->clear.len + socket->waiting.len + socket->sending.len;
}
