#include "loop/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "util/alloc.h"
#include "util/log.h"

struct listener {
    uv_poll_t poll;
    struct loop *loop;
    listener_fn fn;
    void *ctx;
    int fd;
    int spare; // given up to turn somebody away when descriptors run out
    char *path;
};

static void
on_close(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    close(listener->fd);
    close(listener->spare);
    free(listener->path);
    free(listener);
}

// Without a free descriptor the next one could not even be turned away, and
// the loop would be woken for it for ever.
static void
turn_away(struct listener *listener)
{
    log_error("listener: no descriptors left, a connection is refused");
    close(listener->spare);
    int fd = accept(listener->fd, NULL, NULL);
    if (fd >= 0) {
        close(fd);
    }
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status;
    (void)events;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        listener->fn(listener->ctx, connection_new(listener->loop, fd));
    } else if (errno == EMFILE || errno == ENFILE) {
        turn_away(listener);
    } else {
        log_debug("listener: accept: errno=%d", errno);
    }
}

static bool
open_socket(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len > LISTENER_MAX_PATH) {
        err_set(err, ERR_SYSTEM, "the path of a socket is too long: %s", path);
        return err_hint(err, "set TMPDIR to a shorter path");
    }
    memcpy(address.sun_path, path, len + 1);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "making a socket");
    }
    if (bind(*fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(*fd, SOMAXCONN) < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "listening at %s", path);
        close(*fd);
        return false;
    }
    return true;
}

struct listener *
listener_new(struct loop *loop, const char *path, listener_fn fn, void *ctx,
             struct err *err)
{
    int fd = -1;

    if (!open_socket(path, &fd, err)) {
        return NULL;
    }
    struct listener *listener = ALLOC(struct listener);
    listener->loop = loop;
    listener->fn = fn;
    listener->ctx = ctx;
    listener->fd = fd;
    listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listener->path = alloc_dup(path);
    listener->poll.data = listener;
    int result = uv_poll_init(loop_uv(loop), &listener->poll, fd);
    if (result == 0) {
        result = uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    }
    if (result < 0) {
        // Only a descriptor that cannot be polled makes these fail.
        log_error("listener: %s", uv_strerror(result));
        abort();
    }
    return listener;
}

void
listener_free(struct listener *listener)
{
    if (listener != NULL) {
        unlink(listener->path);
        uv_close((uv_handle_t *)&listener->poll, on_close);
    }
}

const char *
listener_path(const struct listener *listener)
{
    return listener->path;
}
