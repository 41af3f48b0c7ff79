#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/now.h"
#include "util/slice.h"

char *
path_join(const char *folder, const char *name)
{
    size_t len = strlen(folder);

    if (name[0] == '/' || len == 0) {
        return alloc_dup(name);
    }
    return alloc_printf("%s%s%s", folder, folder[len - 1] == '/' ? "" : "/",
                        name);
}

const char *
path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

char *
path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL) {
        return alloc_dup(".");
    }
    if (slash == path) {
        return alloc_dup("/");
    }
    return alloc_dup_bytes(path, (size_t)(slash - path));
}

static void
add_part(struct buf *clean, struct slice part)
{
    if (part.len == 0 || slice_equals_text(part, ".")) {
        return;
    }
    if (slice_equals_text(part, "..")) {
        const char *slash = strrchr(buf_text(clean), '/');
        buf_cut(clean, slash != NULL ? (size_t)(slash - clean->data) : 0);
        return;
    }
    buf_add_char(clean, '/');
    buf_add_slice(clean, part);
}

char *
path_absolute(const char *path, struct err *err)
{
    char *here = path[0] == '/' ? alloc_dup("/") : getcwd(NULL, 0);

    if (here == NULL) {
        err_set_errno(err, ERR_SYSTEM, errno, "working directory");
        return NULL;
    }
    char *full = path_join(here, path);
    struct buf clean = BUF_INIT(SIZE_MAX / 2);
    struct slice rest = slice_of(full);
    struct slice part;
    while (slice_split(&rest, '/', &part)) {
        add_part(&clean, part);
    }
    if (clean.len == 0) {
        buf_add_char(&clean, '/');
    }
    free(full);
    free(here);
    return buf_take(&clean);
}

bool
path_is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool
path_is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool
make_folder(const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, mode) == 0 || (errno == EEXIST && path_is_folder(path))) {
        return true;
    }
    return err_set_errno(err, ERR_SYSTEM, errno, "folder %s", path);
}

bool
path_make_folders(const char *path, mode_t mode, struct err *err)
{
    char *copy = alloc_dup(path);
    bool made = true;

    for (char *slash = copy; made && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        made = make_folder(copy, mode, err);
        if (slash != NULL) {
            *slash = '/';
        }
    }
    free(copy);
    return made;
}

// Makes a file with the usual rights under a name nobody uses, or gives -1
// with errno set. *path is to be freed either way.
static int
make_file_beside(const char *folder, char **path)
{
    int fd = -1;

    for (unsigned int attempt = 0; attempt < 100; attempt++) {
        char *name = alloc_printf(".mule-%ld-%llx-%u", (long)getpid(),
                                  (unsigned long long)now_usec(), attempt);
        *path = path_join(folder, name);
        free(name);
        fd = open(*path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
        free(*path);
        *path = NULL;
    }
    return fd;
}

bool
path_check_writable(const char *folder, struct err *err)
{
    char *path = NULL;

    if (!path_make_folders(folder, 0777, err)) {
        return false;
    }
    int fd = make_file_beside(folder, &path);
    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "folder %s", folder);
    } else {
        close(fd);
        unlink(path);
    }
    free(path);
    return fd >= 0;
}

char *
path_make_private_in(const char *home, const char *prefix, size_t max,
                     struct err *err)
{
    const char *const folders[] = {home, getenv("TMPDIR"), "/tmp"};
    int number = ENAMETOOLONG;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (folders[i] == NULL || folders[i][0] != '/') {
            continue;
        }
        char *name = alloc_printf("%sXXXXXX", prefix);
        char *path = path_join(folders[i], name);
        free(name);
        if (strlen(path) <= max && mkdtemp(path) != NULL) {
            return path;
        }
        number = strlen(path) <= max ? errno : ENAMETOOLONG;
        free(path);
    }
    err_set_errno(err, ERR_SYSTEM, number, "temporary folder");
    err_hint(err, "set TMPDIR to a folder that exists and may be written");
    return NULL;
}

char *
path_make_private(const char *prefix, size_t max, struct err *err)
{
    return path_make_private_in(NULL, prefix, max, err);
}

// Where a link leads, so that the file is replaced and not the link. To be
// freed.
static char *
follow(const char *path)
{
    char *target = realpath(path, NULL);

    return target != NULL ? target : alloc_dup(path);
}

bool
path_writer_open(struct path_writer *writer, const char *path, struct err *err)
{
    struct stat status;
    int fd = -1;

    *writer = (struct path_writer){.path = follow(path)};
    if (stat(writer->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        // A device or a pipe is written to; it must not be replaced.
        fd = open(writer->path, O_WRONLY | O_CLOEXEC);
    } else {
        char *folder = path_folder(writer->path);
        fd = make_file_beside(folder, &writer->temporary);
        free(folder);
    }
    if (fd < 0) {
        int number = errno;
        free(writer->temporary); // was not made: there is nothing to remove
        writer->temporary = NULL;
        path_writer_abort(writer);
        return err_set_errno(err, ERR_SYSTEM, number, "writing %s", path);
    }
    writer->file = fdopen(fd, "w");
    if (writer->file == NULL) {
        alloc_failed(BUFSIZ);
    }
    return true;
}

bool
path_writer_commit(struct path_writer *writer, struct err *err)
{
    bool whole = ferror(writer->file) == 0;
    int number = EIO;

    if (fflush(writer->file) != 0) {
        whole = false;
        number = errno;
    }
    if (fclose(writer->file) != 0 && whole) {
        whole = false;
        number = errno;
    }
    writer->file = NULL;
    if (whole && writer->temporary != NULL &&
        rename(writer->temporary, writer->path) != 0) {
        whole = false;
        number = errno;
    }
    if (!whole) {
        err_set_errno(err, ERR_SYSTEM, number, "writing %s", writer->path);
    } else {
        free(writer->temporary);
        writer->temporary = NULL;
    }
    path_writer_abort(writer);
    return whole;
}

void
path_writer_abort(struct path_writer *writer)
{
    if (writer->file != NULL) {
        // The file goes away: whether its last bytes were written is no
        // longer of interest.
        (void)fclose(writer->file);
    }
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
    }
    free(writer->temporary);
    free(writer->path);
    *writer = (struct path_writer){0};
}
