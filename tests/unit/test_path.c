#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/slice.h"

#include "check.h"

// Each test has a folder of its own; its path is the state.
static int
make_folder(void **state)
{
    struct err err = {0};

    *state = path_make_private("mule-path-", 4096, &err);
    return *state != NULL ? 0 : -1;
}

static int
remove_folder(void **state)
{
    struct err err = {0};
    bool removed = path_remove_tree(*state, &err);

    free(*state);
    return removed ? 0 : -1;
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const char *
read_file(const char *path, char text[static 64])
{
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    size_t len = fread(text, 1, 63, file);
    text[len] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static void
check_taken(char *path, const char *expected)
{
    assert_string_equal(path, expected);
    free(path);
}

static void
names_are_joined_with_one_slash(void **state)
{
    (void)state;
    check_taken(path_join("a", "b"), "a/b");
    check_taken(path_join("a/", "b"), "a/b");
    check_taken(path_join("a", "/b"), "/b");
    check_taken(path_join("", "b"), "b");
    check_taken(path_join("/", "b"), "/b");
}

static void
a_path_has_a_folder_and_a_base(void **state)
{
    (void)state;
    assert_string_equal(path_base("/a/b.py"), "b.py");
    assert_string_equal(path_base("b.py"), "b.py");
    check_taken(path_folder("/a/b.py"), "/a");
    check_taken(path_folder("/a"), "/");
    check_taken(path_folder("a"), ".");
}

static void
absolute_paths_have_no_dots(void **state)
{
    (void)state;
    struct err err = {0};
    char here[4096];

    check_taken(path_absolute("/a/./b//../c/", &err), "/a/c");
    check_taken(path_absolute("/../..", &err), "/");
    check_taken(path_absolute("/", &err), "/");
    assert_non_null(getcwd(here, sizeof(here)));
    check_taken(path_absolute(".", &err), here);
}

static void
folders_are_made_with_their_parents(void **state)
{
    struct err err = {0};
    char *deep = path_join(*state, "a/b/c");

    assert_true(path_make_folders(deep, 0777, &err));
    assert_true(path_is_folder(deep));
    assert_true(path_make_folders(deep, 0777, &err));
    free(deep);
}

static void
a_file_in_the_way_of_a_folder_is_named(void **state)
{
    struct err err = {0};
    char *file = path_join(*state, "file");
    char *below = path_join(file, "x");

    write_file(file, "");
    assert_false(path_make_folders(below, 0777, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err.text, file));
    assert_true(path_is_file(file));
    assert_false(path_is_folder(file));
    free(below);
    free(file);
}

static void
a_private_folder_is_private_and_short_enough(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat status;
    char *path = path_make_private("mule-", 30, &err);

    assert_non_null(path);
    assert_true(strlen(path) <= 30);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_true(path_remove_tree(path, &err));
    free(path);
    assert_null(path_make_private("mule-", 5, &err));
    assert_non_null(err.hint);
}

static void
a_tmpdir_that_is_too_long_is_passed_over(void **state)
{
    struct err err = {0};
    char *old = alloc_dup_or_null(getenv("TMPDIR"));
    char *name = alloc_printf("%0*d", 200, 7);
    char *long_folder = path_join(*state, name);

    assert_true(path_make_folders(long_folder, 0700, &err));
    setenv("TMPDIR", long_folder, 1);
    char *path = path_make_private("mule-", 60, &err);
    assert_non_null(path);
    assert_true(slice_starts_with(slice_of(path), SLICE("/tmp/mule-")));
    assert_true(path_remove_tree(path, &err));
    free(path);
    path = path_make_private("mule-", 4000, &err);
    assert_true(slice_starts_with(slice_of(path), slice_of(long_folder)));
    free(path);
    if (old != NULL) {
        setenv("TMPDIR", old, 1);
    } else {
        unsetenv("TMPDIR");
    }
    free(old);
    free(name);
    free(long_folder);
}

static void
a_file_appears_whole_or_not_at_all(void **state)
{
    struct err err = {0};
    struct path_writer writer;
    char *path = path_join(*state, "report.xml");
    char text[64];

    assert_true(path_writer_open(&writer, path, &err));
    fputs("<half", writer.file);
    assert_false(path_is_file(path));
    path_writer_abort(&writer);
    assert_false(path_is_file(path));
    assert_true(path_writer_open(&writer, path, &err));
    fputs("<whole/>", writer.file);
    assert_true(path_writer_commit(&writer, &err));
    assert_string_equal(read_file(path, text), "<whole/>");
    path_writer_abort(&writer);
    assert_true(path_is_file(path));
    // Nothing may be left beside it.
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(*state), 0);
    assert_int_equal(mkdir(*state, 0700), 0);
    free(path);
}

static void
a_written_file_has_the_usual_rights(void **state)
{
    struct err err = {0};
    struct path_writer writer;
    struct stat status;
    char *path = path_join(*state, "report.xml");
    mode_t mask = umask(022);

    assert_true(path_writer_open(&writer, path, &err));
    assert_true(path_writer_commit(&writer, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    umask(mask);
    free(path);
}

static void
a_link_is_written_through(void **state)
{
    struct err err = {0};
    struct path_writer writer;
    char *target = path_join(*state, "target");
    char *link = path_join(*state, "link");
    struct stat status;
    char text[64];

    write_file(target, "old");
    assert_int_equal(symlink("target", link), 0);
    assert_true(path_writer_open(&writer, link, &err));
    fputs("new", writer.file);
    assert_true(path_writer_commit(&writer, &err));
    assert_string_equal(read_file(target, text), "new");
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    free(target);
    free(link);
}

static void
a_device_is_written_to_and_not_replaced(void **state)
{
    (void)state;
    struct err err = {0};
    struct path_writer writer;
    struct stat status;

    assert_true(path_writer_open(&writer, "/dev/null", &err));
    fputs("gone", writer.file);
    assert_true(path_writer_commit(&writer, &err));
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
}

static void
a_full_disk_is_told_when_the_file_is_done(void **state)
{
    (void)state;
    struct err err = {0};
    struct path_writer writer;

    if (access("/dev/full", W_OK) != 0) {
        return; // not every system has one
    }
    assert_true(path_writer_open(&writer, "/dev/full", &err));
    fputs("too much", writer.file);
    assert_false(path_writer_commit(&writer, &err));
    assert_string_equal(err.text, "writing /dev/full: No space left on device");
}

static void
a_folder_that_is_not_there_cannot_be_written_into(void **state)
{
    struct err err = {0};
    struct path_writer writer;
    char *path = path_join(*state, "no/report.xml");

    assert_false(path_writer_open(&writer, path, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    free(path);
}

static void
whether_a_folder_is_writable_is_found_by_writing(void **state)
{
    struct err err = {0};
    char *fresh = path_join(*state, "reports");
    char *below_file = path_join("/dev/null", "reports");

    assert_true(path_check_writable(fresh, &err));
    assert_int_equal(rmdir(fresh), 0);
    assert_false(path_check_writable(below_file, &err));
    free(fresh);
    free(below_file);
}

static void
a_tree_goes_with_all_that_is_in_it(void **state)
{
    struct err err = {0};
    char *deep = path_join(*state, "tree/a/b/c");
    char *file = path_join(deep, "file");
    char *tree = path_join(*state, "tree");

    assert_true(path_make_folders(deep, 0777, &err));
    write_file(file, "x");
    assert_true(path_remove_tree(tree, &err));
    assert_false(path_is_folder(tree));
    assert_true(path_remove_tree(tree, &err)); // gone already
    free(deep);
    free(file);
    free(tree);
}

static void
a_link_in_a_tree_is_removed_and_not_followed(void **state)
{
    struct err err = {0};
    char *keep = path_join(*state, "keep");
    char *kept = path_join(keep, "file");
    char *tree = path_join(*state, "tree");
    char *link = path_join(tree, "link");

    assert_true(path_make_folders(keep, 0777, &err));
    assert_true(path_make_folders(tree, 0777, &err));
    write_file(kept, "kept");
    assert_int_equal(symlink(keep, link), 0);
    assert_true(path_remove_tree(tree, &err));
    assert_true(path_is_file(kept));
    assert_int_equal(symlink(keep, tree), 0);
    assert_true(path_remove_tree(tree, &err));
    assert_true(path_is_file(kept));
    free(keep);
    free(kept);
    free(tree);
    free(link);
}

static void
folders_that_nobody_may_enter_are_removed_too(void **state)
{
    struct err err = {0};
    char *inner = path_join(*state, "tree/locked/inner");
    char *file = path_join(inner, "file");
    char *locked = path_join(*state, "tree/locked");
    char *tree = path_join(*state, "tree");

    assert_true(path_make_folders(inner, 0777, &err));
    write_file(file, "x");
    assert_int_equal(chmod(inner, 0), 0);
    assert_int_equal(chmod(locked, 0500), 0);
    assert_true(path_remove_tree(tree, &err));
    assert_false(path_is_folder(tree));
    free(inner);
    free(file);
    free(locked);
    free(tree);
}

static void
a_tree_deeper_than_any_path_is_removed(void **state)
{
    struct err err = {0};
    char *tree = path_join(*state, "tree");

    assert_true(path_make_folders(tree, 0777, &err));
    int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "down", 0777), 0);
        int next = openat(fd, "down", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_true(path_remove_tree(tree, &err));
    assert_false(path_is_folder(tree));
    free(tree);
}

static void
what_cannot_be_removed_is_named(void **state)
{
    (void)state;
    struct err err = {0};

    assert_false(path_remove_tree("/dev/null/x", &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err.text, "/dev/null/x"));
}

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_are_joined_with_one_slash),
    cmocka_unit_test(a_path_has_a_folder_and_a_base),
    cmocka_unit_test(absolute_paths_have_no_dots),
    IN_FOLDER(folders_are_made_with_their_parents),
    IN_FOLDER(a_file_in_the_way_of_a_folder_is_named),
    cmocka_unit_test(a_private_folder_is_private_and_short_enough),
    IN_FOLDER(a_tmpdir_that_is_too_long_is_passed_over),
    IN_FOLDER(a_file_appears_whole_or_not_at_all),
    IN_FOLDER(a_written_file_has_the_usual_rights),
    IN_FOLDER(a_link_is_written_through),
    cmocka_unit_test(a_device_is_written_to_and_not_replaced),
    cmocka_unit_test(a_full_disk_is_told_when_the_file_is_done),
    IN_FOLDER(a_folder_that_is_not_there_cannot_be_written_into),
    IN_FOLDER(whether_a_folder_is_writable_is_found_by_writing),
    IN_FOLDER(a_tree_goes_with_all_that_is_in_it),
    IN_FOLDER(a_link_in_a_tree_is_removed_and_not_followed),
    IN_FOLDER(folders_that_nobody_may_enter_are_removed_too),
    IN_FOLDER(a_tree_deeper_than_any_path_is_removed),
    cmocka_unit_test(what_cannot_be_removed_is_named),
};

CHECK_MAIN(tests)
