#include "report/recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"

enum {
    LOOK_AHEAD = 1 << 16
};

void
recording_file_init(struct recording_file *file, int fd, const char *name,
                    struct recording_gaps *gaps)
{
    *file = (struct recording_file){
        .fd = fd,
        .name = alloc_dup(name),
        .gaps = gaps,
        .unpacker = ZSTD_createDCtx(),
    };
    if (file->unpacker == NULL) {
        alloc_failed(0);
    }
}

void
recording_file_release(struct recording_file *file)
{
    close(file->fd);
    ZSTD_freeDCtx(file->unpacker);
    free(file->packed);
    free(file->name);
}

static void
note_damage(struct recording_file *file, const struct err *err)
{
    file->gaps->damaged++;
    if (!err_is_set(&file->gaps->first)) {
        file->gaps->first = *err;
    }
}

void
recording_file_note(struct recording_file *file, uint64_t at, const char *what)
{
    struct err err = {0};

    err_set(&err, ERR_PROTOCOL, "at byte %" PRIu64 ": %s", at, what);
    note_damage(file, &err);
}

// Reads up to `len` bytes; fewer only at the end of the file.
size_t
recording_file_read(struct recording_file *file, uint64_t at, void *bytes,
                    size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(file->fd, (char *)bytes + done, len - done,
                            (off_t)(at + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            if (got < 0) {
                struct err err = {0};
                err_set_errno(&err, ERR_SYSTEM, errno, "reading %s",
                              file->name);
                note_damage(file, &err);
            }
            break;
        }
        done += (size_t)got;
    }
    return done;
}

uint64_t
recording_file_size(const struct recording_file *file)
{
    struct stat status;

    return fstat(file->fd, &status) == 0 && status.st_size > 0
               ? (uint64_t)status.st_size
               : 0;
}

// Goes on to the next place at or after `from` that looks like a header.
// False: there is none.
bool
recording_file_find(struct recording_file *file, uint64_t from)
{
    unsigned char *bytes = alloc_bytes(LOOK_AHEAD);
    struct recording_frame frame;
    bool found = false;

    for (;;) {
        size_t len = recording_file_read(file, from, bytes, LOOK_AHEAD);
        uint64_t before = recording_frame_find(bytes, len);
        if (before + RECORDING_HEADER_SIZE <= len) {
            found = recording_frame_read(bytes + before, &frame);
            from += before + (found ? 0 : 1);
            if (found) {
                break;
            }
        } else if (len < LOOK_AHEAD) {
            break;
        } else {
            // What begins at the very end is looked at again.
            from += before < len ? before : len - RECORDING_HEADER_SIZE;
        }
    }
    free(bytes);
    file->at = found ? from : recording_file_size(file);
    return found;
}

// ---------------------------------------------------------------- a frame

static void *
make_room(void *bytes, size_t *room, size_t needed)
{
    if (needed <= *room) {
        return bytes;
    }
    free(bytes);
    *room = needed;
    return alloc_bytes(needed);
}

bool
recording_file_unpack(struct recording_file *file,
                      const struct recording_frame *frame,
                      struct recording_content *content)
{
    uint64_t at = file->at + RECORDING_HEADER_SIZE;

    file->packed = make_room(file->packed, &file->packed_room, frame->packed);
    content->data =
        make_room(content->data, &content->room, (size_t)frame->size + 1);
    content->len = 0;
    content->at = 0;
    content->lines = 0;
    if (recording_file_read(file, at, file->packed, frame->packed) !=
        frame->packed) {
        return false;
    }
    size_t len = ZSTD_decompressDCtx(file->unpacker, content->data, frame->size,
                                     file->packed, frame->packed);
    if (ZSTD_isError(len) != 0 || len != frame->size) {
        return false;
    }
    content->len = len;
    content->lines = frame->lines;
    return true;
}

// The next line, which may be overwritten. False: there is none.
bool
recording_content_line(struct recording_content *content, char **line,
                       size_t *len)
{
    if (content->at >= content->len) {
        return false;
    }
    *line = content->data + content->at;
    size_t rest = content->len - content->at;
    char *end = memchr(*line, '\n', rest);
    *len = end != NULL ? (size_t)(end - *line) : rest;
    content->at += *len + 1;
    content->lines -= content->lines > 0 ? 1 : 0;
    return true;
}

// ------------------------------------------------------------- what it is

// Whoever writes holds a lock. One that cannot be asked for is nobody's.
bool
recording_file_is_locked(const struct recording_file *file)
{
    if (flock(file->fd, LOCK_SH | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK;
    }
    flock(file->fd, LOCK_UN);
    return false;
}

// Something that is no recording at all is an error; one that is damaged is
// not.
bool
recording_file_check(struct recording_file *file, struct err *err)
{
    unsigned char bytes[RECORDING_HEADER_SIZE];
    struct recording_frame frame = {0};
    size_t len = recording_file_read(file, 0, bytes, sizeof(bytes));

    if (len == 0) {
        return recording_file_is_locked(file) ||
               err_set(err, ERR_USAGE, "%s is empty", file->name);
    }
    bool found = len == sizeof(bytes) && recording_frame_read(bytes, &frame);
    if (!found && (!recording_file_find(file, 0) ||
                   recording_file_read(file, file->at, bytes, sizeof(bytes)) !=
                       sizeof(bytes) ||
                   !recording_frame_read(bytes, &frame))) {
        err_set(err, ERR_USAGE, "%s is not a recording", file->name);
        return err_hint(err, "recordings are what `mule test --record FILE` "
                             "writes");
    }
    if (frame.format > RECORDING_FORMAT) {
        err_set(err, ERR_USAGE, "%s has format %u, and this is mule for %u",
                file->name, frame.format, RECORDING_FORMAT);
        return err_hint(err, "a newer mule wrote it: use that one");
    }
    if (!found) {
        recording_file_note(file, 0, "no frame");
    }
    return true;
}
