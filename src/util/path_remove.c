/*
 * path_remove_tree(), which has a file of its own because it is the part with
 * a thought in it. Folders below the second floor are moved up beside their
 * parents before they are emptied: so a tree of any depth takes two
 * descriptors and no recursion, and no name is ever looked up through a
 * folder that somebody could have turned into a link.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/path.h"

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct removal {
    const char *path;
    int root;            // the folder that is being emptied
    unsigned long moved; // the number in the next new name
    bool progress;       // something was removed or moved in this round
    struct err *err;     // the first failure
};

static void
fail(struct removal *removal, const char *name)
{
    if (!err_is_set(removal->err)) {
        err_set_errno(removal->err, ERR_SYSTEM, errno, "removing %s in %s",
                      name, removal->path);
    }
}

// Opens a folder, and makes it ours to read and write if it is not.
static int
open_folder(int parent, const char *name)
{
    struct stat status;
    int fd = openat(parent, name, FOLDER_FLAGS);

    if (fd < 0 && errno == EACCES &&
        fchmodat(parent, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0) {
        fd = openat(parent, name, FOLDER_FLAGS);
    }
    if (fd >= 0 && fstat(fd, &status) == 0 &&
        (status.st_mode & S_IRWXU) != S_IRWXU) {
        // A failure shows when something in it cannot be removed.
        (void)fchmod(fd, S_IRWXU);
    }
    return fd;
}

// Removes a file, a link or an empty folder. Gives false with errno set, which
// for a folder that is not empty is ENOTEMPTY.
static bool
remove_one(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0) {
        return true;
    }
    // EISDIR is what Linux says of a folder, EPERM what POSIX wants.
    if (errno != EISDIR && errno != EPERM) {
        return errno == ENOENT;
    }
    int number = errno;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) {
        return true;
    }
    if (errno == EEXIST) {
        errno = ENOTEMPTY;
    } else if (errno == ENOTDIR) {
        errno = number;
    }
    return errno == ENOENT;
}

// Moves a folder that is not empty up into the root, for the next round.
static bool
move_up(struct removal *removal, int parent, const char *name)
{
    char fresh[64];

    for (;;) {
        snprintf(fresh, sizeof(fresh), ".mule-removed-%lu", removal->moved++);
        if (renameat(parent, name, removal->root, fresh) == 0) {
            return true;
        }
        if (errno == EACCES &&
            fchmodat(parent, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0 &&
            renameat(parent, name, removal->root, fresh) == 0) {
            return true;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) {
            return false;
        }
    }
}

static bool
is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

typedef void (*visit_fn)(struct removal *, int folder, const char *name);

// Calls `visit` for everything in a folder. Takes `fd`.
static void
visit_folder(struct removal *removal, int fd, const char *name, visit_fn visit)
{
    DIR *folder = fdopendir(fd);

    if (folder == NULL) {
        fail(removal, name);
        close(fd);
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL;
         entry = readdir(folder)) {
        if (!is_dots(entry->d_name)) {
            visit(removal, fd, entry->d_name);
        }
    }
    closedir(folder);
}

static void
visit_inner(struct removal *removal, int folder, const char *name)
{
    if (remove_one(folder, name) ||
        (errno == ENOTEMPTY && move_up(removal, folder, name))) {
        removal->progress = true;
    } else {
        fail(removal, name);
    }
}

static void
visit_outer(struct removal *removal, int root, const char *name)
{
    if (remove_one(root, name)) {
        removal->progress = true;
        return;
    }
    if (errno != ENOTEMPTY) {
        fail(removal, name);
        return;
    }
    int fd = open_folder(root, name);
    if (fd < 0) {
        fail(removal, name);
        return;
    }
    visit_folder(removal, fd, name, visit_inner);
    if (unlinkat(root, name, AT_REMOVEDIR) == 0) {
        removal->progress = true;
    }
}

bool
path_remove_tree(const char *path, struct err *err)
{
    struct removal removal = {.path = path, .err = err};

    if (remove_one(AT_FDCWD, path)) {
        return true;
    }
    if (errno != ENOTEMPTY) {
        return err_set_errno(err, ERR_SYSTEM, errno, "removing %s", path);
    }
    removal.root = open_folder(AT_FDCWD, path);
    if (removal.root < 0) {
        return err_set_errno(err, ERR_SYSTEM, errno, "removing %s", path);
    }
    do {
        removal.progress = false;
        int fd = open_folder(removal.root, ".");
        if (fd < 0) {
            fail(&removal, ".");
            break;
        }
        visit_folder(&removal, fd, ".", visit_outer);
    } while (removal.progress);
    close(removal.root);
    if (unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0) {
        // Whatever failed on the way was made good in a later round.
        err_clear(err);
        return true;
    }
    if (!err_is_set(err)) {
        err_set_errno(err, ERR_SYSTEM, errno, "removing %s", path);
    }
    return false;
}
