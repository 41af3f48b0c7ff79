#include "report/writer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "util/slice.h"

// What an item printed is bounded by --output-limit; escaping it may make it
// several times longer.
#define MOST_BYTES ((size_t)1 << 30)
#define MANY_BYTES ((size_t)1 << 16)

void
writer_init(struct writer *writer, int fd)
{
    *writer = (struct writer){.fd = fd};
    buf_init(&writer->buf, MOST_BYTES);
}

void
writer_release(struct writer *writer)
{
    buf_release(&writer->buf);
}

bool
writer_flush(struct writer *writer)
{
    if (!err_is_set(&writer->err)) {
        writer_put(writer->fd, buf_slice(&writer->buf), &writer->err);
    }
    writer->written += writer->buf.len;
    if (writer->buf.capacity > 16 * MANY_BYTES) {
        // One test that printed much costs memory once.
        buf_release(&writer->buf);
    }
    buf_reset(&writer->buf);
    return !err_is_set(&writer->err);
}

bool
writer_relieve(struct writer *writer)
{
    if (writer->buf.len >= MANY_BYTES) {
        return writer_flush(writer);
    }
    return !err_is_set(&writer->err);
}

bool
writer_put(int fd, struct slice bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t len = write(fd, bytes.data, bytes.len);
        if (len >= 0) {
            bytes = slice_skip(bytes, (size_t)len);
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return err_set_errno(err, ERR_SYSTEM, errno, "write");
        }
    }
    return true;
}
