#include "run/capture.h"

#include "loop/os.h"
#include "util/alloc.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Giving back less than this costs more than it saves.
#define CAPTURE_HOLE ((uint64_t)1024 * 1024)

static bool
open_file(struct capture *capture, enum stream stream, const char *folder,
          int slot, struct err *err)
{
    const char *suffix = stream == STREAM_OUT ? "out" : "err";
    char *path = alloc_printf("%s/%d.%s", folder, slot, suffix);
    capture->paths[stream] = path;
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    capture->fds[stream] = open(path, flags, 0600);
    if (capture->fds[stream] < 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "open %s", path);
    }
    return true;
}

bool
capture_open(struct capture *capture, const char *folder, int slot, bool merged,
             uint64_t limit, struct err *err)
{
    *capture = (struct capture){.fds = {-1, -1}, .limit = limit};
    for (int i = 0; i < STREAM_COUNT; i++) {
        buf_init(&capture->read[i], limit + 1);
    }
    if (!open_file(capture, STREAM_OUT, folder, slot, err)) {
        return false;
    }
    if (merged) {
        capture->paths[STREAM_ERR] = alloc_dup(capture->paths[STREAM_OUT]);
        return true;
    }
    return open_file(capture, STREAM_ERR, folder, slot, err);
}

void
capture_release(struct capture *capture)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        if (capture->paths[i] != NULL) {
            if (capture->fds[i] >= 0) {
                unlink(capture->paths[i]);
                close(capture->fds[i]);
            }
            free(capture->paths[i]);
            capture->paths[i] = NULL;
        }
        capture->fds[i] = -1;
        buf_release(&capture->read[i]);
    }
}

bool
capture_is_merged(const struct capture *capture)
{
    return capture->fds[STREAM_ERR] < 0;
}

static uint64_t
file_size(int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < 0) {
        return 0;
    }
    return (uint64_t)status.st_size;
}

struct capture_mark
capture_end(const struct capture *capture)
{
    return (struct capture_mark){{
        file_size(capture->fds[STREAM_OUT]),
        file_size(capture->fds[STREAM_ERR]),
    }};
}

/* Adds bytes of the file to `buf`; less when the file is shorter. */
static void
read_range(int fd, struct buf *buf, uint64_t from, uint64_t len)
{
    while (len > 0) {
        size_t room = 0;
        char *data = buf_room(buf, (size_t)len, &room);
        if (room > len) {
            room = (size_t)len;
        }
        if (room == 0) {
            return;
        }
        ssize_t got = pread(fd, data, room, (off_t)from);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return;
        }
        buf_grew(buf, (size_t)got);
        from += (uint64_t)got;
        len -= (uint64_t)got;
    }
}

struct output
capture_read(struct capture *capture, enum stream stream, uint64_t from,
             uint64_t to)
{
    int fd = capture->fds[stream];
    if (fd < 0 || to == 0) {
        return (struct output){0};
    }
    uint64_t size = file_size(fd);
    if (to > size) {
        to = size;
    }
    if (from > to) {
        // It was truncated since: what is there now was written afterwards.
        from = 0;
    }
    if (from < capture->forgotten.at[stream]) {
        from = capture->forgotten.at[stream] < to
                   ? capture->forgotten.at[stream]
                   : to;
    }
    struct buf *buf = &capture->read[stream];
    buf_reset(buf);
    uint64_t len = to - from;
    if (len <= capture->limit) {
        read_range(fd, buf, from, len);
        return (struct output){.head = buf_slice(buf)};
    }
    uint64_t half = capture->limit / 2;
    read_range(fd, buf, from, half);
    size_t head = buf->len;
    read_range(fd, buf, to - half, half);
    return (struct output){
        .head = slice_first(buf_slice(buf), head),
        .tail = slice_skip(buf_slice(buf), head),
        .cut = len - 2 * half,
    };
}

void
capture_forget(struct capture *capture, struct capture_mark mark)
{
    for (int i = 0; i < STREAM_COUNT; i++) {
        uint64_t from = capture->forgotten.at[i];
        if (capture->fds[i] >= 0 && mark.at[i] > from + CAPTURE_HOLE) {
            os_punch_hole(capture->fds[i], from, mark.at[i] - from);
            capture->forgotten.at[i] = mark.at[i];
        }
    }
}

void
capture_bound(struct capture *capture, struct capture_mark mark, uint64_t slack)
{
    uint64_t half = capture->limit / 2;
    uint64_t tail = 2 * half + slack;
    for (int i = 0; i < STREAM_COUNT; i++) {
        if (capture->fds[i] < 0) {
            continue;
        }
        uint64_t end = file_size(capture->fds[i]);
        uint64_t from = mark.at[i] + half;
        if (from < capture->punched[i]) {
            from = capture->punched[i];
        }
        // The tail moves on while the test prints: leave one more half.
        if (end > from + tail + CAPTURE_HOLE) {
            uint64_t to = end - tail;
            os_punch_hole(capture->fds[i], from, to - from);
            capture->punched[i] = to;
        }
    }
}
