#include "fleet/marker.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "folder.h"

#define JOIN "0123456789abcdef"

static struct marker *
write_one(const char *node, const char *join)
{
    struct err err = {0};
    json_t *about = json_pack("{s:s}", "join", join);
    struct marker *marker = marker_write("deep/joins", node, join, about, &err);

    json_decref(about);
    assert_non_null(marker);
    return marker;
}

static void
what_a_worker_left_is_found_by_the_next_one_of_its_name(void **state)
{
    (void)state;
    json_t *about = NULL;
    bool held = false;

    marker_free(write_one("one@host", JOIN)); // as if it was killed
    assert_null(marker_find("deep/joins", "two@host", &about, &held));
    struct marker *marker =
        marker_find("deep/joins", "one@host", &about, &held);
    assert_non_null(marker);
    assert_string_equal(json_string_value(json_object_get(about, "join")),
                        JOIN);
    json_decref(about);
    marker_remove(marker);
    assert_null(marker_find("deep/joins", "one@host", &about, &held));
}

static void
the_marker_of_a_worker_that_lives_is_not_found(void **state)
{
    (void)state;
    struct marker *marker = write_one("one@host", JOIN);
    int status = 0;

    // A lock is between processes' openings of a file, so here too.
    json_t *about = NULL;
    bool held = false;
    assert_null(marker_find("deep/joins", "one@host", &about, &held));
    assert_true(held);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(marker_find("deep/joins", "one@host", &about, &held) == NULL ? 0
                                                                           : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    marker_remove(marker);
}

static void
only_its_owner_may_read_it(void **state)
{
    (void)state;
    struct marker *marker = write_one("one@host", JOIN);
    struct stat about;

    assert_int_equal(stat("deep/joins/one=40host~" JOIN ".join", &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    marker_remove(marker);
    assert_int_not_equal(stat("deep/joins/one=40host~" JOIN ".join", &about),
                         0);
}

static void
what_cannot_be_read_goes(void **state)
{
    (void)state;
    json_t *about = NULL;
    bool held = false;
    struct err err = {0};

    assert_true(path_make_folders("deep/joins", 0700, &err));
    FILE *file = fopen("deep/joins/one=40host~" JOIN ".join", "w");
    assert_non_null(file);
    fputs("{\"half", file);
    assert_int_equal(fclose(file), 0);
    assert_null(marker_find("deep/joins", "one@host", &about, &held));
    assert_false(path_is_file("deep/joins/one=40host~" JOIN ".join"));
}

static void
a_folder_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *about = json_object();
    FILE *file = fopen("deep", "w");

    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_null(marker_write("deep/joins", "one@host", JOIN, about, &err));
    assert_true(err_is_set(&err));
    json_decref(about);
    json_t *found = NULL;
    bool held = false;
    assert_null(marker_find("deep/joins", "one@host", &found, &held));
}

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
    IN_FOLDER(what_a_worker_left_is_found_by_the_next_one_of_its_name),
    IN_FOLDER(the_marker_of_a_worker_that_lives_is_not_found),
    IN_FOLDER(only_its_owner_may_read_it),
    IN_FOLDER(what_cannot_be_read_goes),
    IN_FOLDER(a_folder_that_cannot_be_made_is_an_error),
};

CHECK_MAIN(tests)
