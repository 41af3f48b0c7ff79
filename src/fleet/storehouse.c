#include "fleet/storehouse.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/fleet_names.h"
#include "fleet/host_lock.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"
#include "util/sha256.h"

enum {
    SHORT = 32,     // digits of a digest that name something
    NAME_LEN = 255, // of a file, at most
};

// Something in the store.
struct thing {
    char *path;
    int64_t used; // seconds of the wall clock
};
struct things {
    struct thing *items;
    size_t count;
    size_t capacity;
};

static char *
below(const char *home, const char *folder, const char *name)
{
    return alloc_printf("%s/%s/%s", home, folder, name);
}

bool
storehouse_make(const char *home, struct err *err)
{
    static const char *const folders[] = {"mirrors", "ships", "trees", "locks",
                                          "trash"};
    bool made = true;

    for (size_t i = 0; made && i < sizeof(folders) / sizeof(folders[0]); i++) {
        char *path = path_join(home, folders[i]);
        made = path_make_folders(path, 0700, err);
        free(path);
    }
    if (!made) {
        err_hint(err, "--state names the folder for trees and mirrors");
    }
    return made;
}

static void
short_digest(const char *text, char digest[static SHA256_SIZE])
{
    sha256_of(slice_of(text), digest);
    digest[SHORT] = '\0';
}

// A name as one part of a path.
static char *
part_of(const char *name)
{
    char digest[SHA256_SIZE];
    char *part = fleet_names_escape(name);

    if (strlen(part) > NAME_LEN || part[0] == '.' || part[0] == '\0') {
        free(part);
        short_digest(name, digest);
        part = alloc_printf("=%s", digest);
    }
    return part;
}

char *
storehouse_tree(const char *home, const char *build, const char *node)
{
    char *first = part_of(build);
    char *second = part_of(node);
    char *path = alloc_printf("%s/trees/%s/%s", home, first, second);

    free(first);
    free(second);
    return path;
}

char *
storehouse_mirror(const char *home, const char *url)
{
    char digest[SHA256_SIZE];

    short_digest(url, digest);
    return alloc_printf("%s/mirrors/%s.git", home, digest);
}

char *
storehouse_ship(const char *home, const char *hash)
{
    return below(home, "ships", hash);
}

char *
storehouse_lock(const char *home, const char *path, bool use)
{
    char digest[SHA256_SIZE];
    struct slice name = slice_of(path + strlen(home)); // all spell it the same

    if (slice_ends_with(name, SLICE(STOREHOUSE_PART))) {
        name.len -= strlen(STOREHOUSE_PART);
    }
    char *text = slice_dup(name);
    short_digest(text, digest);
    free(text);
    return alloc_printf("%s/locks/%s%s", home, digest, use ? ".use" : "");
}

char *
storehouse_trash(const char *home)
{
    return path_join(home, "trash");
}

void
storehouse_touch(const char *path)
{
    // Only a matter of what is pruned first.
    (void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

// ---------------------------------------------------------------- pruning

static void
list(const char *folder, struct things *things)
{
    DIR *dir = opendir(folder);
    struct dirent *entry = NULL;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat status;
        if (entry->d_name[0] == '.') {
            continue;
        }
        char *path = path_join(folder, entry->d_name);
        if (lstat(path, &status) == 0) {
            ARRAY_ADD(things, ((struct thing){path, status.st_mtim.tv_sec}));
        } else {
            free(path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

static void
forget(struct things *things)
{
    for (size_t i = 0; i < things->count; i++) {
        free(things->items[i].path);
    }
    ARRAY_RELEASE(things);
}

static int
compare_newest_first(const void *a, const void *b)
{
    int64_t first = ((const struct thing *)a)->used;
    int64_t second = ((const struct thing *)b)->used;

    return (first < second) - (first > second);
}

static void
move_to_trash(const char *home, const char *path)
{
    char *name = alloc_printf("%s-%ld-%lld", path_base(path), (long)getpid(),
                              (long long)now_usec());
    char *target = below(home, "trash", name);

    if (rename(path, target) != 0) {
        unlink(path); // an archive, on another file system
    }
    free(target);
    free(name);
}

// What nobody holds; both locks go with it.
static bool
prune_one(const char *home, const char *path)
{
    struct host_lock locks[2] = {0};
    bool mine = true;

    for (int i = 0; i < 2 && mine; i++) {
        char *lock = storehouse_lock(home, path, i == 1);
        mine = host_lock_try(&locks[i], lock, false);
        free(lock);
    }
    if (mine) {
        move_to_trash(home, path);
    }
    for (int i = 0; i < 2; i++) {
        if (locks[i].held) {
            host_lock_remove(&locks[i]);
        }
    }
    return mine;
}

static void
prune_folder(const char *home, const char *folder, int64_t oldest, size_t kept)
{
    struct things things = {0};

    list(folder, &things);
    if (things.count > 0) {
        qsort(things.items, things.count, sizeof(*things.items),
              compare_newest_first);
    }
    for (size_t i = 0; i < things.count; i++) {
        if (things.items[i].used < oldest || i >= kept) {
            prune_one(home, things.items[i].path);
        }
    }
    forget(&things);
}

bool
storehouse_prune(const char *home, int64_t now)
{
    char *ships = path_join(home, "ships");
    char *mirrors = path_join(home, "mirrors");
    char *trees = path_join(home, "trees");
    char *trash = storehouse_trash(home);
    struct things builds = {0};
    struct things rubbish = {0};

    prune_folder(home, ships, now - STOREHOUSE_SHIP_AGE, STOREHOUSE_SHIPS_KEPT);
    prune_folder(home, mirrors, now - STOREHOUSE_MIRROR_AGE, SIZE_MAX);
    list(trees, &builds);
    for (size_t i = 0; i < builds.count; i++) {
        prune_folder(home, builds.items[i].path, now - STOREHOUSE_TREE_AGE,
                     SIZE_MAX);
        if (builds.items[i].used < now - STOREHOUSE_TREE_AGE) {
            rmdir(builds.items[i].path); // if there is nothing in it
        }
    }
    list(trash, &rubbish);
    bool some = rubbish.count > 0;
    forget(&rubbish);
    forget(&builds);
    free(ships);
    free(mirrors);
    free(trees);
    free(trash);
    return some;
}
