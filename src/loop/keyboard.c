#include "loop/keyboard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <uv.h>

#include "util/alloc.h"

struct keyboard {
    uv_poll_t poll;
    keyboard_fn fn;
    void *ctx;
    int fd; // a description of our own: O_NONBLOCK on it is our business
    struct termios before;
    bool taken; // the terminal is as we want it, and we read from it
};

static bool
is_in_foreground(const struct keyboard *keyboard)
{
    return tcgetpgrp(keyboard->fd) == getpgrp();
}

// Changing a terminal from the background would stop this process; whoever is
// in the foreground has set it the way he wants it anyway.
static void
let_go(struct keyboard *keyboard)
{
    if (!keyboard->taken) {
        return;
    }
    keyboard->taken = false;
    uv_poll_stop(&keyboard->poll);
    if (is_in_foreground(keyboard)) {
        tcsetattr(keyboard->fd, TCSANOW, &keyboard->before);
    }
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct keyboard *keyboard = poll->data;
    char key = '\0';

    (void)events;
    if (status < 0 || !is_in_foreground(keyboard)) {
        let_go(keyboard); // until somebody says that we have it again
        return;
    }
    ssize_t count = read(keyboard->fd, &key, 1);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        let_go(keyboard);
    } else if (count > 0 && (key == '\n' || key == '\r')) {
        keyboard->fn(keyboard->ctx, KEYBOARD_ENTER);
    } else if (count > 0 && key == 'q') {
        keyboard->fn(keyboard->ctx, KEYBOARD_QUIT);
    }
}

static void
take(struct keyboard *keyboard)
{
    struct termios ours;

    if (keyboard->taken || !is_in_foreground(keyboard) ||
        tcgetattr(keyboard->fd, &keyboard->before) < 0) {
        return;
    }
    ours = keyboard->before;
    ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    ours.c_cc[VMIN] = 1;
    ours.c_cc[VTIME] = 0;
    if (tcsetattr(keyboard->fd, TCSANOW, &ours) == 0) {
        keyboard->taken = true;
        uv_poll_start(&keyboard->poll, UV_READABLE, on_readable);
        // A key may come or not: no reason to go on.
        uv_unref((uv_handle_t *)&keyboard->poll);
    }
}

struct keyboard *
keyboard_new(struct loop *loop, int fd, keyboard_fn fn, void *ctx)
{
    char name[PATH_MAX];

    if (isatty(fd) == 0 || ttyname_r(fd, name, sizeof(name)) != 0) {
        return NULL;
    }
    int own = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (own < 0) {
        return NULL;
    }
    struct keyboard *keyboard = ALLOC(struct keyboard);
    keyboard->fn = fn;
    keyboard->ctx = ctx;
    keyboard->fd = own;
    if (uv_poll_init(loop_uv(loop), &keyboard->poll, own) < 0) {
        close(own);
        free(keyboard);
        return NULL;
    }
    keyboard->poll.data = keyboard;
    take(keyboard);
    return keyboard;
}

static void
on_close(uv_handle_t *handle)
{
    struct keyboard *keyboard = handle->data;

    close(keyboard->fd);
    free(keyboard);
}

void
keyboard_free(struct keyboard *keyboard)
{
    if (keyboard != NULL) {
        let_go(keyboard);
        uv_close((uv_handle_t *)&keyboard->poll, on_close);
    }
}

void
keyboard_hold(struct keyboard *keyboard, bool held)
{
    if (keyboard == NULL) {
        return;
    }
    if (held) {
        let_go(keyboard);
    } else {
        take(keyboard);
    }
}
