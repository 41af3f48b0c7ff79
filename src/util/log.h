/*
 * What developers and bug reports need; users read reports. A line is written
 * in one piece, control bytes are escaped. Silent but for errors and warnings
 * until told otherwise. util, model, schedule and the codecs do not log.
 *
 *     log_debug("worker %d: %s -> %s pid=%d", ...);
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>

#include "util/err.h"

enum log_level {
    LOG_LEVEL_NONE,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

/*
 * Takes the value of MULE_LOG: LEVEL or LEVEL:FILE, where LEVEL is none,
 * error, warn, info or debug. The file is appended to and closed on exec.
 * NULL or empty changes nothing.
 */
bool log_configure(const char *spec, struct err *err);

void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/* Closes the file, if there is one; logging goes to stderr again. */
void log_close(void);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Their arguments are not evaluated where the level is off. */
#define LOG_AT(level, ...) \
    (log_is_on(level) ? log_write(level, __VA_ARGS__) : (void)0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
