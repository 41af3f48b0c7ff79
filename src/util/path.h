/*
 * Names of files, and the few things done with files in more than one place:
 * folders with their parents, files that appear complete or not at all,
 * private folders, trees that go away. Paths are bytes; nothing here follows
 * a working directory that changes.
 */
#ifndef UTIL_PATH_H
#define UTIL_PATH_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/err.h"

/* "a" and "b" -> "a/b"; an absolute `name` alone. To be freed. */
char *path_join(const char *folder, const char *name);

/* What follows the last slash, borrowed: all of it if there is none. */
const char *path_base(const char *path);

/* What stands before the last slash ("." if there is none). To be freed. */
char *path_folder(const char *path);

/* Absolute, without "." and "..", by names alone: links are not resolved. */
char *path_absolute(const char *path, struct err *err);

bool path_is_folder(const char *path);
bool path_is_file(const char *path);

/* Makes a folder and its parents; one that is there is no error. */
bool path_make_folders(const char *path, mode_t mode, struct err *err);

/*
 * Whether files can be made in the folder, which is made if it is missing: by
 * making one and removing it. For saying so before the work instead of after.
 */
bool path_check_writable(const char *folder, struct err *err);

/*
 * Makes a folder that only this user may enter, named PREFIX and random
 * letters, in $TMPDIR or, where that is missing, unusable or would make the
 * path longer than `max` bytes, in /tmp. Gives its path, to be freed, or NULL.
 */
char *path_make_private(const char *prefix, size_t max, struct err *err);
/* The same in `home` first, if that is not NULL. */
char *path_make_private_in(const char *home, const char *prefix, size_t max,
                           struct err *err);

/*
 * Removes a tree, with folders nobody may read or write in it, of any depth.
 * Never follows a link. What is not there is no error. Goes on after a
 * failure and tells the first one.
 */
bool path_remove_tree(const char *path, struct err *err);

/*
 * A file that is written under another name beside its place and renamed at
 * the end, so that nobody ever sees half of it. Zeroed = not open.
 */
struct path_writer {
    FILE *file; // write here; errors are noticed by commit at the latest
    char *path;
    char *temporary;
};

bool path_writer_open(struct path_writer *writer, const char *path,
                      struct err *err);

/* Flushes, closes and renames. On failure the temporary file is removed. */
bool path_writer_commit(struct path_writer *writer, struct err *err);

/* Removes the temporary file. Nothing to do after a commit. */
void path_writer_abort(struct path_writer *writer);

#endif
