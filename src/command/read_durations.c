#include "command/read_durations.h"

#include "util/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool
read_all(int fd, struct buf *text)
{
    size_t room = 0;
    ssize_t got = 0;
    do {
        char *place = buf_room(text, (size_t)1 << 16, &room);
        got = room > 0 ? read(fd, place, room) : 0;
        if (got > 0) {
            buf_grew(text, (size_t)got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0;
}

struct durations *
read_durations(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_set_errno(err, ERR_CONFIG, errno, "--durations: opening %.180s",
                      path);
        return NULL;
    }
    struct buf text = BUF_INIT(DURATIONS_MAX);
    struct durations *durations = NULL;
    if (!read_all(fd, &text)) {
        err_set_errno(err, ERR_CONFIG, errno, "--durations: reading %.180s",
                      path);
    } else if (text.len >= DURATIONS_MAX) {
        err_set(err, ERR_CONFIG, "--durations: %.180s is larger than 256 MiB",
                path);
    } else {
        durations = durations_parse(path, buf_slice(&text), err);
    }
    close(fd);
    buf_release(&text);
    return durations;
}
