/*
 * Keys that mean something while tests run. Works on a terminal only, and only
 * while this process is in its foreground: never stops the program for having
 * touched the terminal from the background. Ctrl-C and Ctrl-Z stay signals.
 */
#ifndef LOOP_KEYBOARD_H
#define LOOP_KEYBOARD_H

#include <stdbool.h>

#include "loop/loop.h"

struct keyboard;

enum keyboard_key {
    KEYBOARD_ENTER,
    KEYBOARD_QUIT
};

typedef void (*keyboard_fn)(void *ctx, enum keyboard_key key);

/*
 * Reads keys from the terminal at `fd`, without echo. Gives NULL where there
 * is nothing to read keys from: that is no error. Borrows `fd`.
 */
struct keyboard *keyboard_new(struct loop *loop, int fd, keyboard_fn fn,
                              void *ctx);

/* Puts the terminal back as it was. NULL is allowed. */
void keyboard_free(struct keyboard *keyboard);

/*
 * Lets go of the terminal, which is then as it was, or takes it again: around
 * Ctrl-Z and while a child has it. After SIGCONT it is also what finds out
 * whether this process is in the foreground. NULL is allowed.
 */
void keyboard_hold(struct keyboard *keyboard, bool held);

#endif
