#include "util/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list arguments;

    assert(kind != ERR_NONE);
    assert(!err_is_set(err)); // the first error may not be lost
    err->kind = kind;
    va_start(arguments, format);
    vsnprintf(err->text, sizeof(err->text), format, arguments);
    va_end(arguments);
    return false;
}

bool
err_set_errno(struct err *err, enum err_kind kind, int number,
              const char *format, ...)
{
    char context[sizeof(err->text)];
    char cause[128];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
#ifdef __GLIBC__
    const char *text = strerror_r(number, cause, sizeof(cause));
#else
    const char *text =
        strerror_r(number, cause, sizeof(cause)) == 0 ? cause : "unknown error";
#endif
    err_set(err, kind, "%s", text);
    return err_wrap(err, "%s", context);
}

bool
err_wrap(struct err *err, const char *format, ...)
{
    char cause[sizeof(err->text)];
    char context[sizeof(err->text)];
    va_list arguments;

    assert(err_is_set(err));
    memcpy(cause, err->text, sizeof(cause));
    va_start(arguments, format);
    vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
    size_t taken = strlen(cause) + strlen(": ") + 1;
    if (taken >= sizeof(err->text)) {
        return false;
    }
    int room = (int)(sizeof(err->text) - taken);
    snprintf(err->text, sizeof(err->text), "%.*s: %s", room, context, cause);
    return false;
}

bool
err_hint(struct err *err, const char *hint)
{
    assert(err_is_set(err));
    if (err_help(err) == NULL) {
        err->hint = hint;
    }
    return false;
}

bool
err_advise(struct err *err, const char *format, ...)
{
    va_list arguments;

    assert(err_is_set(err));
    if (err_help(err) == NULL) {
        va_start(arguments, format);
        vsnprintf(err->advice, sizeof(err->advice), format, arguments);
        va_end(arguments);
    }
    return false;
}

const char *
err_help(const struct err *err)
{
    if (err->hint != NULL) {
        return err->hint;
    }
    return err->advice[0] != '\0' ? err->advice : NULL;
}

bool
err_is_set(const struct err *err)
{
    return err->kind != ERR_NONE;
}

void
err_clear(struct err *err)
{
    *err = (struct err){0};
}

const char *
err_kind_name(enum err_kind kind)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",
        [ERR_USAGE] = "usage",
        [ERR_CONFIG] = "config",
        [ERR_NOTHING] = "nothing",
        [ERR_SYSTEM] = "system",
        [ERR_SPAWN] = "spawn",
        [ERR_PROTOCOL] = "protocol",
        [ERR_LIMIT] = "limit",
        [ERR_INTERRUPTED] = "interrupted",
        [ERR_INTERNAL] = "internal",
    };

    assert((size_t)kind < sizeof(names) / sizeof(names[0]));
    return names[kind];
}
