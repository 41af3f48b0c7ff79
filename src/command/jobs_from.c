#include "command/jobs_from.h"

#include "util/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_FROM_LINE_MAX ((size_t)64 * 1024)
#define JOBS_FROM_MAX 10000000

static bool
take_line(struct settings *settings, struct slice line, struct err *err)
{
    line = slice_trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return true;
    }
    if (settings->labels.count >= JOBS_FROM_MAX) {
        return err_set(err, ERR_USAGE, "more than %d jobs", JOBS_FROM_MAX);
    }
    if (memchr(line.data, '\0', line.len) != NULL) {
        return err_set(err, ERR_USAGE, "a line has a NUL byte");
    }
    char *text = slice_dup(line);
    texts_add(&settings->labels, text);
    free(text);
    return true;
}

static bool
take_lines(struct settings *settings, struct lines *lines, struct err *err)
{
    struct slice line;
    enum lines_result result;
    while ((result = lines_next(lines, &line)) != LINES_MORE) {
        if (result == LINES_TOO_LONG) {
            return err_set(err, ERR_USAGE, "a line is longer than %zu bytes",
                           JOBS_FROM_LINE_MAX);
        }
        if (!take_line(settings, line, err)) {
            return false;
        }
    }
    return true;
}

static bool
read_all(struct settings *settings, int fd, struct err *err)
{
    struct lines lines;
    char piece[65536];
    bool fine = true;
    ssize_t got = 0;
    lines_init(&lines, JOBS_FROM_LINE_MAX);
    while (fine && (got = read(fd, piece, sizeof(piece))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fine = err_set_errno(err, ERR_USAGE, errno, "read");
            break;
        }
        lines_feed(&lines, slice_make(piece, (size_t)got));
        fine = take_lines(settings, &lines, err);
    }
    struct slice line;
    if (fine && lines_end(&lines, &line) == LINES_LINE) {
        fine = take_line(settings, line, err);
    }
    lines_release(&lines);
    return fine;
}

bool
jobs_from_read(struct settings *settings, struct err *err)
{
    const char *path = settings->jobs_from;
    if (path == NULL) {
        return true;
    }
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set_errno(err, ERR_USAGE, errno, "open");
        return err_wrap(err, "--jobs-from %s", path);
    }
    bool fine = read_all(settings, fd, err);
    if (!standard) {
        close(fd);
    }
    if (fine && settings->labels.count == 0) {
        // Without a label everything would run.
        fine = err_set(err, ERR_NOTHING, "it names nothing to run");
    }
    return fine || err_wrap(err, "--jobs-from %s", path);
}
