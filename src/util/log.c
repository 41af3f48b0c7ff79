#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/escape.h"
#include "util/now.h"
#include "util/slice.h"

#define LONGEST_LINE ((size_t)8192)

static const char *const level_names[] = {
    [LOG_LEVEL_NONE] = "none",   [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",   [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

// The one state that is global by intent: a log that had to be handed to
// every function would not be written.
static enum log_level log_level = LOG_LEVEL_WARN;
static int log_fd = STDERR_FILENO;

void
log_set_level(enum log_level level)
{
    log_level = level;
}

bool
log_is_on(enum log_level level)
{
    return level <= log_level;
}

void
log_close(void)
{
    if (log_fd != STDERR_FILENO) {
        close(log_fd);
        log_fd = STDERR_FILENO;
    }
}

static bool
find_level(struct slice name, enum log_level *level)
{
    for (size_t i = 0; i <= LOG_LEVEL_DEBUG; i++) {
        if (slice_equals_text(name, level_names[i])) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool
log_configure(const char *spec, struct err *err)
{
    struct slice text = slice_of(spec);
    enum log_level level = LOG_LEVEL_NONE;

    if (text.len == 0) {
        return true;
    }
    size_t colon = slice_find(text, ':');
    if (!find_level(slice_first(text, colon), &level)) {
        err_set(err, ERR_CONFIG, "unknown log level in \"%s\"", spec);
        return err_hint(err, "MULE_LOG is LEVEL or LEVEL:FILE; levels are "
                             "none, error, warn, info and debug");
    }
    if (colon + 1 < text.len) {
        const char *path = spec + colon + 1;
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            return err_set_errno(err, ERR_CONFIG, errno, "log file %s", path);
        }
        log_close();
        log_fd = fd;
    }
    log_level = level;
    return true;
}

void
log_write(enum log_level level, const char *format, ...)
{
    struct buf message = BUF_INIT(LONGEST_LINE);
    struct buf line = BUF_INIT(LONGEST_LINE * 4);
    char time[NOW_ISO8601_SIZE];
    va_list arguments;

    va_start(arguments, format);
    if (!buf_vaddf(&message, format, arguments)) {
        buf_addf(&message, "(a message that is too long: %s)", format);
    }
    va_end(arguments);
    now_iso8601(now_wall_usec(), time);
    buf_addf(&line, "%s mule[%ld] %s: ", time, (long)getpid(),
             level_names[level]);
    escape_terminal(&line, buf_slice(&message), ESCAPE_ONE_LINE);
    buf_add_char(&line, '\n');
    // There is nobody to tell if the log itself cannot be written.
    ssize_t written = write(log_fd, line.data, line.len);
    (void)written;
    buf_release(&line);
    buf_release(&message);
}
