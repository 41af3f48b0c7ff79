#include "check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/schema.h"
#include "store_scene.h"

#define DATABASE SCENE_FOLDER "/" STORE_DATABASE

// ------------------------------------------------------------- a sound one

static void
a_new_store_keeps_itself_out_of_commits(void **state)
{
    (void)state;
    store_close(scene_open(STORE_WRITES));
    FILE *file = fopen(SCENE_FOLDER "/.gitignore", "r");
    char text[8] = "";
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    assert_string_equal(text, "*\n");
}

static void
what_is_only_read_is_not_made(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(store_open(SCENE_FOLDER, STORE_READS, &err));
    assert_int_equal(err.kind, ERR_NOTHING);
    assert_non_null(err_help(&err));
    assert_false(path_is_folder(SCENE_FOLDER));
}

static void
a_name_may_hold_what_means_something_in_an_address(void **state)
{
    (void)state;
    struct err err = {0};
    struct store *store = store_open("a?b=%41#c", STORE_WRITES, &err);
    assert_non_null(store);
    store_close(store);
    assert_true(path_is_file("a?b=%41#c/" STORE_DATABASE));
    store = store_open("a?b=%41#c", STORE_READS, &err);
    assert_non_null(store);
    store_close(store);
}

static void
two_may_have_it_open_and_one_reads_while_the_other_writes(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("one", 10);
    struct store *reads = scene_open(STORE_READS);
    struct store *writes = scene_open(STORE_WRITES);
    int64_t number = 0;
    assert_true(database_begin(store_database(writes), &err));
    assert_true(
        database_run(store_database(writes), "DELETE FROM tests", &err));
    assert_true(database_number(store_database(reads),
                                "SELECT count(*) FROM tests", -1, &number,
                                &err));
    assert_int_equal(number, 1);
    database_rollback(store_database(writes));
    store_close(reads);
    store_close(writes);
}

static void
who_reads_cannot_write(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("one", 10);
    struct store *store = scene_open(STORE_READS);
    assert_false(
        database_run(store_database(store), "DELETE FROM tests", &err));
    store_close(store);
}

static void
suites_are_told_apart(void **state)
{
    (void)state;
    char words[] = "tap";
    const struct suite_key other = {scene_here, words};
    struct store *store = scene_open(STORE_WRITES);
    struct err err = {0};
    int64_t first = 0;
    int64_t again = 0;
    int64_t second = 0;
    int64_t none = 7;
    assert_true(store_make_suite(store, &scene_suite, &first, &err));
    assert_true(store_make_suite(store, &scene_suite, &again, &err));
    assert_true(store_find_suite(store, &other, &none, &err));
    assert_true(store_make_suite(store, &other, &second, &err));
    assert_int_equal(first, again);
    assert_int_equal(none, 0);
    assert_int_not_equal(first, second);
    store_close(store);
}

// -------------------------------------------------------------- bad input

static void
refused(enum err_kind kind, const char *part)
{
    for (int use = STORE_READS; use <= STORE_WRITES; use++) {
        struct err err = {0};
        assert_null(store_open(SCENE_FOLDER, (enum store_use)use, &err));
        if (err.kind != kind || strstr(err.text, part) == NULL) {
            fail_msg("%s: %s", err_kind_name(err.kind), err.text);
        }
        assert_non_null(err_help(&err));
    }
}

static void
a_newer_one_is_left_alone(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("one", 10);
    scene_run("PRAGMA user_version = 99");
    refused(ERR_CONFIG, "newer mule");
    assert_null(store_heal(SCENE_FOLDER, &err));
    assert_false(err_is_set(&err));
    assert_true(path_is_file(DATABASE));
}

static void
a_database_of_another_program_is_left_alone(void **state)
{
    (void)state;
    assert_true(store_make_folder(SCENE_FOLDER, &(struct err){0}));
    scene_run("CREATE TABLE things (a); PRAGMA user_version = 1");
    refused(ERR_CONFIG, "another program");
}

static void
healed(void)
{
    struct err err = {0};
    char *moved = store_heal(SCENE_FOLDER, &err);
    assert_false(err_is_set(&err));
    assert_non_null(moved);
    assert_true(path_is_file(moved));
    free(moved);
    assert_false(path_is_file(DATABASE));
    scene_pass("new", 10);
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 1);
}

static void
garbage_is_moved_aside(void **state)
{
    (void)state;
    assert_true(store_make_folder(SCENE_FOLDER, &(struct err){0}));
    for (int i = 0; i < 2; i++) {
        (void)remove(DATABASE "-wal"); // SQLite would read that alone
        folder_write(DATABASE, "This is not a database but long enough to be "
                               "taken for one, were it not for its beginning");
        refused(ERR_PROTOCOL, "not a database");
        healed();
    }
    assert_true(path_is_file(DATABASE ".broken-1"));
    assert_true(path_is_file(DATABASE ".broken-2"));
}

// Many rows, so that they have pages of their own.
static void
fill(void)
{
    struct memory *memory = memory_new();
    struct draft *draft = draft_new(memory);
    struct result result = {.flags = RESULT_DECIDED, .state = STATE_PASSED};
    struct build_row row = {.id = "many", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    struct store *store = scene_open(STORE_WRITES);
    struct err err = {0};
    int64_t number = 0;

    for (int i = 0; i < 2000; i++) {
        char id[64];
        snprintf(id, sizeof(id), "tests.test_shop.Cart.test_%06d", i);
        draft_add_test(draft, slice_of(id), SLICE("tests.test_shop.Cart"),
                       &result);
    }
    assert_true(draft_store(draft, store, &params, &number, &err));
    draft_free(draft);
    memory_free(memory);
    store_close(store);
    scene_run("PRAGMA wal_checkpoint(TRUNCATE)");
}

static void
one_that_was_cut_short_is_found_while_it_is_read(void **state)
{
    (void)state;
    fill();
    assert_int_equal(truncate(DATABASE, 20480), 0);
    struct err err = {0};
    struct store *store = store_open(SCENE_FOLDER, STORE_READS, &err);
    if (store != NULL) {
        struct memory *memory = memory_new();
        int64_t suite = 1;
        assert_false(memory_load(memory, store, suite, &err));
        memory_free(memory);
    }
    store_close(store);
    assert_int_equal(err.kind, ERR_PROTOCOL);
    healed();
}

static void
a_sound_one_is_not_moved(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("one", 10);
    assert_null(store_heal(SCENE_FOLDER, &err));
    assert_false(err_is_set(&err));
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 1);
}

static void
a_broken_one_that_another_has_open_is_not_moved(void **state)
{
    (void)state;
    struct err err = {0};
    assert_true(store_make_folder(SCENE_FOLDER, &err));
    folder_write(DATABASE, "no database at all, and quite long enough for it");
    int lock = open(SCENE_FOLDER "/lock", O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(lock, LOCK_SH), 0);
    assert_null(store_heal(SCENE_FOLDER, &err));
    assert_true(err_is_set(&err));
    assert_non_null(strstr(err.text, "another program"));
    assert_true(path_is_file(DATABASE));
    close(lock);
}

static void
a_folder_that_cannot_be_made_is_an_error_with_a_hint(void **state)
{
    (void)state;
    struct err err = {0};
    folder_write("file", "");
    assert_null(store_open("file/store", STORE_WRITES, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err_help(&err), "--no-store"));
}

// A database that may not grow stands for a disk that is full.
static void
a_full_disk_leaves_what_was_there(void **state)
{
    (void)state;
    struct err err = {0};
    scene_pass("one", 10);
    struct store *store = scene_open(STORE_WRITES);
    assert_true(
        database_run(store_database(store), "PRAGMA max_page_count = 1", &err));
    struct memory *memory = memory_new();
    struct draft *draft = draft_new(memory);
    struct result result = {.flags = RESULT_DECIDED, .state = STATE_PASSED};
    struct build_row row = {.id = "two", .began_ms = SCENE_DATE};
    struct draft_params params = {
        .suite = &scene_suite, .row = &row, .learn = true};
    int64_t number = 0;
    for (int i = 0; i < 2000; i++) {
        char id[64];
        snprintf(id, sizeof(id), "tests.test_shop.Cart.test_%06d", i);
        draft_add_test(draft, slice_of(id), SLICE("job"), &result);
    }
    assert_false(draft_store(draft, store, &params, &number, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
    assert_non_null(strstr(err.text, "full"));
    assert_non_null(strstr(err_help(&err), "make room"));
    draft_free(draft);
    memory_free(memory);
    store_close(store);
    assert_int_equal(scene_ask("SELECT count(*) FROM builds"), 1);
    assert_int_equal(scene_ask("SELECT count(*) FROM tests"), 1);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(a_new_store_keeps_itself_out_of_commits),
    IN_FOLDER(what_is_only_read_is_not_made),
    IN_FOLDER(a_name_may_hold_what_means_something_in_an_address),
    IN_FOLDER(two_may_have_it_open_and_one_reads_while_the_other_writes),
    IN_FOLDER(who_reads_cannot_write),
    IN_FOLDER(suites_are_told_apart),
    IN_FOLDER(a_newer_one_is_left_alone),
    IN_FOLDER(a_database_of_another_program_is_left_alone),
    IN_FOLDER(garbage_is_moved_aside),
    IN_FOLDER(one_that_was_cut_short_is_found_while_it_is_read),
    IN_FOLDER(a_sound_one_is_not_moved),
    IN_FOLDER(a_broken_one_that_another_has_open_is_not_moved),
    IN_FOLDER(a_folder_that_cannot_be_made_is_an_error_with_a_hint),
    IN_FOLDER(a_full_disk_leaves_what_was_there),
};

CHECK_MAIN(tests)
