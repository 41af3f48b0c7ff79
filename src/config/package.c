#include "config/package.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util/alloc.h"
#include "util/path.h"

enum package_layout
package_layout_here(void)
{
    return MULE_IN_WHEEL ? PACKAGE_WHEEL : PACKAGE_SHARED;
}

static bool
holds(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool is_there = path_is_file(path);

    free(path);
    return is_there;
}

static bool
holds_package(const char *folder)
{
    return holds(folder, "mule/__init__.py");
}

// Takes the folder: *best becomes the better of both. One user may have mules
// for several Pythons; the one that was installed together with this program is
// of its version.
static void
offer(char **best, char *folder)
{
    static const char own[] = "mule-" MULE_VERSION ".dist-info/METADATA";

    if (!holds_package(folder)) {
        free(folder);
        return;
    }
    if (*best != NULL) {
        bool is_own = holds(folder, own);
        bool best_is_own = holds(*best, own);
        // The order of a folder is none, so that names decide.
        if (is_own != best_is_own ? best_is_own : strcmp(folder, *best) < 0) {
            free(folder);
            return;
        }
    }
    free(*best);
    *best = folder;
}

// lib/python3.11/site-packages, and what Debian calls dist-packages.
static char *
find_in_lib(const char *lib)
{
    char *best = NULL;
    DIR *dir = opendir(lib);
    const struct dirent *entry = NULL;

    if (dir == NULL) {
        return NULL;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a DIR of its own
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "python", 6) != 0 &&
            strncmp(entry->d_name, "pypy", 4) != 0) {
            continue;
        }
        char *folder = path_join(lib, entry->d_name);
        offer(&best, path_join(folder, "site-packages"));
        offer(&best, path_join(folder, "dist-packages"));
        free(folder);
    }
    closedir(dir);
    return best;
}

// These are seen from the folder of the program.
static char *
find_in_wheel(const char *bin)
{
    char *lib = path_join(bin, "../lib");
    char *found = find_in_lib(lib);

    free(lib);
    if (found == NULL) {
        // pip install --target FOLDER: FOLDER/bin/mule and FOLDER/mule.
        offer(&found, path_join(bin, ".."));
    }
    if (found == NULL) {
        // pip install --editable: build/cp311/mule.
        offer(&found, path_join(bin, "../../python"));
    }
    return found;
}

static char *
find_shared(const char *bin)
{
    char *found = NULL;

    // build/mule
    offer(&found, path_join(bin, "../python"));
    if (found == NULL) {
        offer(&found, path_join(bin, MULE_PYTHON_FROM_BIN));
    }
    if (found == NULL) {
        offer(&found, alloc_dup(MULE_PYTHON_DIR));
    }
    return found;
}

char *
package_find(const char *executable, enum package_layout layout,
             struct err *err)
{
    char *bin =
        executable != NULL ? path_folder(executable) : alloc_dup("/nowhere");
    char *found =
        layout == PACKAGE_WHEEL ? find_in_wheel(bin) : find_shared(bin);

    if (found != NULL) {
        char *absolute = path_absolute(found, err);
        free(found);
        free(bin);
        return absolute;
    }
    err_set(err, ERR_CONFIG,
            "mule's Python package is not where it was installed, seen from "
            "%.200s",
            bin);
    err_hint(err, layout == PACKAGE_WHEEL
                      ? "pip install --force-reinstall mule"
                      : "install mule again; it is more than one file");
    free(bin);
    return NULL;
}

char *
package_documents(const char *executable)
{
    static const char *const folders[] = {"../share/doc/mule", ".."};
    char *bin = path_folder(executable);
    char *found = NULL;

    for (size_t i = 0; found == NULL && i < 2; i++) {
        struct err ignored = {0};
        char *folder = path_join(bin, folders[i]);
        if (holds(folder, "docs/protocol/adapter.md")) {
            found = path_absolute(folder, &ignored);
        }
        free(folder);
    }
    free(bin);
    return found;
}
