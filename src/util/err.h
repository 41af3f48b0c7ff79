/*
 * An error as a value: no memory, safe to copy. The leaf sets the cause, each
 * floor above wraps it with what it was doing, the command prints it once and
 * lets the kind choose the exit status.
 *
 *     mule: error: starting adapter "unittest": spawn python3: No such file
 *     mule: hint: pass --python, or activate the environment the tests need
 *
 * A function that can fail returns bool and has `struct err *err` last, never
 * NULL, and clean when it is called: the first error may not be lost.
 */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <stdbool.h>

enum err_kind {
    ERR_NONE,
    ERR_USAGE,       // the command line is wrong
    ERR_CONFIG,      // mule.yaml or the environment is wrong
    ERR_NOTHING,     // nothing was selected
    ERR_SYSTEM,      // a system call failed
    ERR_SPAWN,       // a process could not be started
    ERR_PROTOCOL,    // a peer said what it must not say
    ERR_LIMIT,       // something took too long or grew too big
    ERR_INTERRUPTED, // a signal or the user asked to stop
    ERR_INTERNAL,    // our own fault
};

struct err {
    enum err_kind kind; // ERR_NONE when zeroed
    const char *hint;   // a literal that says what to do about it, or NULL
    char text[256];     // "outermost: ...: cause"
    char advice[256];   // a hint that is no literal: see err_help
};

/*
 * Sets the cause, a fragment in lower case without a full stop. `err` must be
 * clean. Returns false always: return err_set(err, ERR_USAGE, "...");
 */
bool err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": " and the text of `number`, an errno, at its end. */
bool err_set_errno(struct err *err, enum err_kind kind, int number,
                   const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Puts "context: " in front of an error that is set. Returns false. Where
 * there is no room the context is cut, never the cause.
 */
bool err_wrap(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what to do about it, unless a hint is there. Returns false. */
bool err_hint(struct err *err, const char *hint);

/* The same with a text that is copied. */
bool err_advise(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What to do about it, or NULL; in `err`. */
const char *err_help(const struct err *err);

bool err_is_set(const struct err *err);

/* Makes it clean again: the error was handled. */
void err_clear(struct err *err);

/* The name of a kind, for logs: "usage". */
const char *err_kind_name(enum err_kind kind);

#endif
