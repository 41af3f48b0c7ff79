/*
 * A folder of its own for a test that needs files: made before, current while
 * it runs, and gone afterwards.
 */
#ifndef TESTS_UNIT_FOLDER_H
#define TESTS_UNIT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/path.h"

struct folder {
    char *home; // where the test began
    char *path;
};

static inline int
folder_enter(void **state)
{
    struct folder *folder = ALLOC(struct folder);
    struct err err = {0};

    folder->home = getcwd(NULL, 0);
    folder->path = path_make_private("mule-test-", 200, &err);
    *state = folder;
    return folder->path != NULL ? chdir(folder->path) : -1;
}

static inline int
folder_leave(void **state)
{
    struct folder *folder = *state;
    struct err err = {0};
    int failed = chdir(folder->home);

    failed |= !path_remove_tree(folder->path, &err);
    free(folder->home);
    free(folder->path);
    free(folder);
    return failed;
}

/* Writes a file, and the folders it lies in. */
static inline void
folder_write(const char *path, const char *text)
{
    struct err err = {0};
    char *parent = path_folder(path);

    assert_true(path_make_folders(parent, 0700, &err));
    free(parent);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

#endif
