#include "loop/connection.h"

#include <assert.h>
#include <stdlib.h>

#include <uv.h>

#include "loop/deadline.h"
#include "loop/os.h"
#include "util/alloc.h"
#include "util/lines.h"

// How long bytes may take to go out after connection_close.
#define LAST_WORDS_MS 1000

enum phase {
    PHASE_NEW = 1, // not started
    PHASE_OPEN,
    PHASE_FINISHING, // reads no more, but still writes
    PHASE_CLOSING,   // libuv is letting go of the descriptor
    PHASE_DROPPED,   // likewise, and nobody wants to hear of it
};

struct connection {
    uv_pipe_t pipe;
    uv_write_t write;
    struct loop *loop;
    const struct connection_events *events;
    void *ctx;
    enum phase phase;
    bool held;
    bool mute; // the peer takes nothing any more, but may still have said more
    struct lines lines;
    struct buf sending; // handed to libuv
    struct buf waiting; // behind it
    struct deadline deadline;
    struct err err;
    pid_t peer;
};

static void send_waiting(struct connection *connection);

static void
on_close(uv_handle_t *handle)
{
    struct connection *connection = handle->data;

    if (connection->phase == PHASE_CLOSING) {
        connection->events->on_closed(
            connection->ctx,
            err_is_set(&connection->err) ? &connection->err : NULL);
    }
    lines_release(&connection->lines);
    buf_release(&connection->sending);
    buf_release(&connection->waiting);
    free(connection);
}

static bool
is_closing(const struct connection *connection)
{
    return connection->phase == PHASE_CLOSING ||
           connection->phase == PHASE_DROPPED;
}

static void
close_as(struct connection *connection, enum phase phase)
{
    if (is_closing(connection)) {
        connection->phase = phase;
        return;
    }
    connection->phase = phase;
    deadline_release(&connection->deadline);
    uv_close((uv_handle_t *)&connection->pipe, on_close);
}

static void
allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    const struct connection *connection = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(loop_scratch(connection->loop), LOOP_SCRATCH_SIZE);
}

static void
tell_lines(struct connection *connection, struct slice bytes)
{
    struct slice line;
    enum lines_result result;

    lines_feed(&connection->lines, bytes);
    while (connection->phase == PHASE_OPEN &&
           (result = lines_next(&connection->lines, &line)) != LINES_MORE) {
        if (result == LINES_TOO_LONG) {
            err_set(&connection->err, ERR_PROTOCOL,
                    "a line of more than %lu MiB",
                    CONNECTION_MAX_LINE / 1024 / 1024);
            close_as(connection, PHASE_CLOSING);
            return;
        }
        connection->events->on_line(connection->ctx, line);
    }
}

static void
on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;

    if (count > 0) {
        tell_lines(connection, slice_make(buffer->base, (size_t)count));
        return;
    }
    if (count == 0) {
        return; // nothing there after all
    }
    // A peer that closes with something unread resets the connection; that is
    // no less an end.
    if (count != UV_EOF && count != UV_ECONNRESET) {
        err_set(&connection->err, ERR_SYSTEM, "reading: %s",
                uv_strerror((int)count));
    }
    close_as(connection, PHASE_CLOSING);
}

static void
start_reading(struct connection *connection)
{
    int result =
        uv_read_start((uv_stream_t *)&connection->pipe, allocate, on_read);

    if (result < 0) {
        err_set(&connection->err, ERR_SYSTEM, "reading: %s",
                uv_strerror(result));
        close_as(connection, PHASE_CLOSING);
    }
}

struct connection *
connection_new(struct loop *loop, int fd)
{
    struct connection *connection = ALLOC(struct connection);

    connection->loop = loop;
    connection->phase = PHASE_NEW;
    connection->peer = os_peer_pid(fd);
    lines_init(&connection->lines, CONNECTION_MAX_LINE);
    buf_init(&connection->sending, CONNECTION_MAX_QUEUE);
    buf_init(&connection->waiting, CONNECTION_MAX_QUEUE);
    int result = uv_pipe_init(loop_uv(loop), &connection->pipe, 0);
    if (result == 0) {
        result = uv_pipe_open(&connection->pipe, fd);
    }
    assert(result == 0); // the caller vouches for the descriptor
    connection->pipe.data = connection;
    connection->write.data = connection;
    return connection;
}

void
connection_start(struct connection *connection,
                 const struct connection_events *events, void *ctx)
{
    assert(connection->phase == PHASE_NEW);
    connection->events = events;
    connection->ctx = ctx;
    connection->phase = PHASE_OPEN;
    start_reading(connection);
}

// The peer has closed, or half-closed, its end. Whatever it said before is
// still to be read, so the end of the input decides.
static void
on_deaf_peer(struct connection *connection)
{
    connection->mute = true;
    buf_reset(&connection->waiting);
    if (connection->phase == PHASE_FINISHING) {
        close_as(connection, PHASE_CLOSING);
    }
}

static void
on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    buf_reset(&connection->sending);
    if (is_closing(connection)) {
        return;
    }
    if (status < 0) {
        on_deaf_peer(connection);
    } else if (connection->waiting.len > 0) {
        send_waiting(connection);
    } else if (connection->phase == PHASE_FINISHING) {
        close_as(connection, PHASE_CLOSING);
    }
}

static void
send_waiting(struct connection *connection)
{
    struct buf empty = connection->sending;

    connection->sending = connection->waiting;
    connection->waiting = empty;
    uv_buf_t buffer = uv_buf_init(connection->sending.data,
                                  (unsigned)connection->sending.len);
    int result = uv_write(&connection->write, (uv_stream_t *)&connection->pipe,
                          &buffer, 1, on_written);
    if (result < 0) {
        buf_reset(&connection->sending);
        on_deaf_peer(connection);
    }
}

// What the peer takes at once, in bytes.
static size_t
try_to_send(struct connection *connection, const char *data, size_t len)
{
    uv_buf_t buffer = {.len = len};

    // libuv does not change what it writes, but has no way to say so.
    memcpy(&buffer.base, &data, sizeof(data));
    int result = uv_try_write((uv_stream_t *)&connection->pipe, &buffer, 1);
    if (result >= 0) {
        return (size_t)result;
    }
    if (result != UV_EAGAIN) {
        on_deaf_peer(connection);
        return len;
    }
    return 0;
}

void
connection_send(struct connection *connection, const char *data, size_t len)
{
    assert(connection->phase != PHASE_NEW);
    if (connection->phase != PHASE_OPEN || connection->mute) {
        return;
    }
    bool sending = connection->sending.len > 0;
    size_t sent = sending ? 0 : try_to_send(connection, data, len);
    if (sent == len) {
        return;
    }
    if (!buf_add(&connection->waiting, data + sent, len - sent)) {
        err_set(&connection->err, ERR_LIMIT,
                "the peer does not read what it is sent");
        close_as(connection, PHASE_CLOSING);
    } else if (!sending) {
        send_waiting(connection);
    }
}

static void
on_last_words(void *ctx)
{
    close_as(ctx, PHASE_CLOSING);
}

void
connection_close(struct connection *connection)
{
    assert(connection->phase != PHASE_NEW);
    if (connection->phase != PHASE_OPEN) {
        return;
    }
    if (connection->sending.len == 0) {
        close_as(connection, PHASE_CLOSING);
        return;
    }
    connection->phase = PHASE_FINISHING;
    uv_read_stop((uv_stream_t *)&connection->pipe);
    deadline_init(&connection->deadline, connection->loop, on_last_words,
                  connection);
    deadline_arm(&connection->deadline, LAST_WORDS_MS);
}

void
connection_drop(struct connection *connection)
{
    if (connection != NULL) {
        close_as(connection, PHASE_DROPPED);
    }
}

void
connection_hold(struct connection *connection, bool held)
{
    if (connection->phase != PHASE_OPEN || connection->held == held) {
        return;
    }
    connection->held = held;
    if (held) {
        uv_read_stop((uv_stream_t *)&connection->pipe);
    } else {
        start_reading(connection);
    }
}

pid_t
connection_peer_pid(const struct connection *connection)
{
    return connection->peer;
}

size_t
connection_queued(const struct connection *connection)
{
    return connection->sending.len + connection->waiting.len;
}
