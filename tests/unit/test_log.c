#include "util/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/path.h"

#include "check.h"

struct place {
    char *folder;
    char *file;
};

static int
make_place(void **state)
{
    struct place *place = ALLOC(struct place);
    struct err err = {0};

    place->folder = path_make_private("mule-log-", 4096, &err);
    if (place->folder == NULL) {
        return -1;
    }
    place->file = path_join(place->folder, "log");
    *state = place;
    return 0;
}

static int
remove_place(void **state)
{
    struct place *place = *state;
    struct err err = {0};

    log_close();
    log_set_level(LOG_LEVEL_WARN);
    bool removed = path_remove_tree(place->folder, &err);
    free(place->folder);
    free(place->file);
    free(place);
    return removed ? 0 : -1;
}

static void
log_to(const struct place *place, const char *level)
{
    struct err err = {0};
    char *spec = alloc_printf("%s:%s", level, place->file);

    assert_true(log_configure(spec, &err));
    free(spec);
}

static const char *
read_log(const struct place *place, char text[static 4096])
{
    int fd = open(place->file, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    ssize_t len = read(fd, text, 4095);
    assert_true(len >= 0);
    text[len] = '\0';
    close(fd);
    return text;
}

static void
only_what_is_on_is_written(void **state)
{
    char text[4096];

    log_to(*state, "info");
    log_info("worker %d started", 3);
    log_debug("not this");
    read_log(*state, text);
    assert_non_null(strstr(text, " info: worker 3 started\n"));
    assert_null(strstr(text, "not this"));
}

static int
count_calls(int *calls)
{
    return ++*calls;
}

static void
arguments_of_a_level_that_is_off_are_not_evaluated(void **state)
{
    int calls = 0;

    log_to(*state, "error");
    log_debug("%d", count_calls(&calls));
    assert_int_equal(calls, 0);
    log_error("%d", count_calls(&calls));
    assert_int_equal(calls, 1);
}

static void
control_bytes_are_escaped(void **state)
{
    char text[4096];

    log_to(*state, "debug");
    log_debug("a\nb\x07");
    assert_non_null(strstr(read_log(*state, text), "debug: a\\x0ab\\x07\n"));
}

static void
the_file_is_appended_to(void **state)
{
    char text[4096];

    log_to(*state, "debug");
    log_debug("first");
    log_close();
    log_to(*state, "debug");
    log_debug("second");
    read_log(*state, text);
    assert_non_null(strstr(text, "first"));
    assert_non_null(strstr(text, "second"));
}

static void
a_message_that_is_too_long_is_named(void **state)
{
    char text[4096];
    char *enormous = alloc_printf("%0*d", 100000, 1);

    log_to(*state, "debug");
    log_debug("%s", enormous);
    read_log(*state, text);
    assert_non_null(strstr(text, "too long"));
    free(enormous);
}

static void
an_unknown_level_is_an_error_with_a_hint(void **state)
{
    struct err err = {0};
    (void)state;

    assert_false(log_configure("loud", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(err.hint);
    err_clear(&err);
    assert_false(log_configure("debug:/nowhere/at/all", &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void
an_empty_setting_changes_nothing(void **state)
{
    struct err err = {0};
    (void)state;

    assert_true(log_configure("none", &err));
    assert_true(log_configure("", &err));
    assert_true(log_configure(NULL, &err));
    assert_false(log_is_on(LOG_LEVEL_ERROR));
}

#define WITH_PLACE(test) \
    cmocka_unit_test_setup_teardown(test, make_place, remove_place)

static const struct CMUnitTest tests[] = {
    WITH_PLACE(only_what_is_on_is_written),
    WITH_PLACE(arguments_of_a_level_that_is_off_are_not_evaluated),
    WITH_PLACE(control_bytes_are_escaped),
    WITH_PLACE(the_file_is_appended_to),
    WITH_PLACE(a_message_that_is_too_long_is_named),
    WITH_PLACE(an_unknown_level_is_an_error_with_a_hint),
    WITH_PLACE(an_empty_setting_changes_nothing),
};

CHECK_MAIN(tests)
