#include "fleet/marker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/fleet_names.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/log.h"
#include "util/path.h"
#include "util/slice.h"

#define MARKER_SUFFIX ".join"
// A plan has options and scripts; no join needs more.
#define MARKER_MAX ((size_t)4 << 20)

struct marker {
    char *path;
    int fd; // holds the lock
};

static char *
prefix_of(const char *node)
{
    char *escaped = fleet_names_escape(node);
    char *prefix = alloc_printf("%s~", escaped);

    free(escaped);
    return prefix;
}

static struct marker *
take(char *path, int fd)
{
    struct marker *marker = ALLOC(struct marker);

    marker->path = path;
    marker->fd = fd;
    return marker;
}

static bool
write_text(int fd, const char *text, struct err *err)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t wrote = write(fd, text, len);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return err_set_errno(err, ERR_SYSTEM, errno, "writing");
        }
        text += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

struct marker *
marker_write(const char *folder, const char *node, const char *join,
             const json_t *about, struct err *err)
{
    if (!path_make_folders(folder, 0700, err)) {
        return NULL;
    }
    char *prefix = prefix_of(node);
    char *path = alloc_printf("%s/%s%s" MARKER_SUFFIX, folder, prefix, join);
    char *fresh = alloc_printf("%s.new", path);
    char *text = json_dumps(about, JSON_COMPACT);
    // Locked before it has its name: nobody finds it free.
    int fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (!fine) {
        err_set_errno(err, ERR_SYSTEM, errno, "%.150s", fresh);
    } else {
        fine = write_text(fd, text != NULL ? text : "{}", err) &&
               (fsync(fd) == 0 ||
                err_set_errno(err, ERR_SYSTEM, errno, "writing")) &&
               (rename(fresh, path) == 0 ||
                err_set_errno(err, ERR_SYSTEM, errno, "renaming"));
    }
    free(text);
    if (!fine) {
        unlink(fresh);
        if (fd >= 0) {
            close(fd);
        }
        free(path);
        path = NULL;
    }
    free(prefix);
    free(fresh);
    return fine ? take(path, fd) : NULL;
}

void
marker_free(struct marker *marker)
{
    if (marker != NULL) {
        close(marker->fd);
        free(marker->path);
        free(marker);
    }
}

void
marker_remove(struct marker *marker)
{
    if (marker != NULL && unlink(marker->path) != 0) {
        log_error("marker: %s cannot be removed", marker->path);
    }
    marker_free(marker);
}

static json_t *
read_about(int fd)
{
    struct buf text = BUF_INIT(MARKER_MAX);
    struct err err = {0};
    json_t *about = NULL;
    bool more = true;

    while (more) {
        size_t room = 0;
        char *at = buf_room(&text, 65536, &room);
        ssize_t got = room > 0 ? read(fd, at, room) : -1;
        more = got > 0;
        if (more) {
            buf_grew(&text, (size_t)got);
        } else if (got == 0) {
            about = json_text_parse_object(buf_slice(&text), &err);
        }
    }
    buf_release(&text);
    return about;
}

// Whether the name still leads to this file: its owner may have removed it
// between our opening and our locking it.
static bool
is_there(const char *path, int fd)
{
    struct stat named;
    struct stat opened;

    return stat(path, &named) == 0 && fstat(fd, &opened) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

static struct marker *
try_one(const char *folder, const char *name, json_t **about, bool *held)
{
    char *path = path_join(folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    *held = *held || (fd >= 0 && !locked);
    if (!locked || !is_there(path, fd)) {
        if (fd >= 0) {
            close(fd);
        }
        free(path);
        return NULL;
    }
    struct marker *marker = take(path, fd);
    *about = read_about(fd);
    if (*about == NULL) {
        log_warn("marker: %s makes no sense, and goes", path);
        marker_remove(marker);
        return NULL;
    }
    return marker;
}

struct marker *
marker_find(const char *folder, const char *node, json_t **about, bool *held)
{
    char *prefix = prefix_of(node);
    struct marker *marker = NULL;
    DIR *dir = opendir(folder);
    const struct dirent *entry = NULL;

    *held = false;
    while (dir != NULL && marker == NULL && (entry = readdir(dir)) != NULL) {
        struct slice name = slice_of(entry->d_name);
        if (slice_starts_with(name, slice_of(prefix)) &&
            slice_ends_with(name, SLICE(MARKER_SUFFIX))) {
            marker = try_one(folder, entry->d_name, about, held);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    free(prefix);
    return marker;
}
