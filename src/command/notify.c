#include "command/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/slice.h"

struct notify {
    int fd; // -1: nobody listens
    struct sockaddr_un address;
    socklen_t len;
    struct deadline watchdog;
    msec interval;
};

static void
open_socket(struct notify *notify, const char *path)
{
    size_t len = strlen(path);

    // A path, or a name in the abstract space that begins with @.
    if ((path[0] != '/' && path[0] != '@') ||
        len >= sizeof(notify->address.sun_path)) {
        return;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, path, len);
    if (path[0] == '@') {
        notify->address.sun_path[0] = '\0';
    }
    notify->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void
notify_say(const struct notify *notify, const char *state)
{
    if (notify->fd >= 0) {
        // Whoever does not listen misses it.
        (void)!sendto(notify->fd, state, strlen(state), MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->len);
    }
}

void
notify_status(const struct notify *notify, const char *text)
{
    char line[256];

    snprintf(line, sizeof(line), "STATUS=%s", text);
    line[strcspn(line, "\n")] = '\0';
    notify_say(notify, line);
}

static void
on_watchdog(void *ctx)
{
    struct notify *notify = ctx;

    notify_say(notify, "WATCHDOG=1");
    deadline_arm(&notify->watchdog, notify->interval);
}

static void
start_watchdog(struct notify *notify, const char *usec_text,
               const char *pid_text)
{
    uint64_t us = 0;
    uint64_t pid = 0;

    if (usec_text == NULL ||
        !slice_to_uint(slice_of(usec_text), UINT64_MAX / 2, &us) || us == 0) {
        return;
    }
    if (pid_text != NULL &&
        slice_to_uint(slice_of(pid_text), INT32_MAX, &pid) &&
        pid != (uint64_t)getpid()) {
        return; // meant for another process
    }
    notify->interval = (msec)(us / 2000);
    notify->interval = notify->interval > 0 ? notify->interval : 1;
    deadline_arm(&notify->watchdog, notify->interval);
}

struct notify *
notify_new(struct loop *loop)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
                                        "WATCHDOG_PID"};
    struct notify *notify = ALLOC(struct notify);
    const char *path = getenv("NOTIFY_SOCKET");

    notify->fd = -1;
    deadline_init(&notify->watchdog, loop, on_watchdog, notify);
    if (path != NULL) {
        open_socket(notify, path);
    }
    if (notify->fd >= 0) {
        start_watchdog(notify, getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsetenv(names[i]);
    }
    return notify;
}

void
notify_free(struct notify *notify)
{
    if (notify == NULL) {
        return;
    }
    deadline_release(&notify->watchdog);
    if (notify->fd >= 0) {
        close(notify->fd);
    }
    free(notify);
}
