#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/yaml_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

static const char file_name[] = "mule.yaml";

// How far up a search goes that meets no end: a loop of mounts, or nonsense.
enum {
    FOLDERS_MAX = 256
};

static bool
exists_in(const char *folder, const char *name)
{
    struct stat status;
    char *path = path_join(folder, name);
    bool exists = stat(path, &status) == 0;

    free(path);
    return exists;
}

static bool
is_root(const char *folder)
{
    struct stat here;
    struct stat above;
    char *path = path_join(folder, "..");
    bool known = stat(folder, &here) == 0 && stat(path, &above) == 0;

    free(path);
    return !known ||
           (here.st_dev == above.st_dev && here.st_ino == above.st_ino);
}

char *
config_file_find(struct err *err)
{
    char *folder = alloc_dup(".");
    char *found = NULL;

    for (int i = 0; i < FOLDERS_MAX && found == NULL; i++) {
        bool is_last = exists_in(folder, ".git") || exists_in(folder, ".hg") ||
                       is_root(folder);
        if (exists_in(folder, file_name)) {
            found =
                i == 0 ? alloc_dup(file_name) : path_join(folder, file_name);
        }
        char *above = i == 0 ? alloc_dup("..") : path_join(folder, "..");
        free(folder);
        folder = above;
        if (is_last) {
            break;
        }
    }
    free(folder);
    if (found != NULL && !path_is_file(found)) {
        err_set(err, ERR_CONFIG, "%.200s is not a file", found);
        free(found);
        return NULL;
    }
    return found;
}

static bool
read_whole(const char *path, struct buf *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t room = 0;
    ssize_t got = 0;

    if (fd < 0) {
        return err_set_errno(err, ERR_CONFIG, errno, "opening %.180s", path);
    }
    do {
        char *place = buf_room(text, 16384, &room);
        got = room > 0 ? read(fd, place, room) : 0;
        if (got > 0) {
            buf_grew(text, (size_t)got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    int failure = errno;
    close(fd);
    if (got < 0) {
        return err_set_errno(err, ERR_CONFIG, failure, "reading %.180s", path);
    }
    if (text->len >= CONFIG_FILE_MAX) {
        return err_set(err, ERR_CONFIG, "%.180s is larger than 1 MiB", path);
    }
    return true;
}

bool
config_file_parse(struct settings *settings, const char *path,
                  struct slice text, struct err *err)
{
    char *folder = path_folder(path);
    struct yaml_source source = {.path = path, .folder = folder, .text = text};
    bool ok = yaml_settings_read(settings, &source, err);

    free(folder);
    return ok;
}

bool
config_file_read(struct settings *settings, const char *path, struct err *err)
{
    struct buf text = BUF_INIT(CONFIG_FILE_MAX);
    bool ok = read_whole(path, &text, err) &&
              config_file_parse(settings, path, buf_slice(&text), err);

    buf_release(&text);
    if (ok) {
        free(settings->config_path);
        settings->config_path = alloc_dup(path);
    }
    return ok;
}
