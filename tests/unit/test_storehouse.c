#include "check.h"

#include "folder.h"

#include <string.h>
#include <sys/time.h>

#include "fleet/host_lock.h"
#include "fleet/storehouse.h"
#include "util/now.h"

#define DAY (INT64_C(24) * 3600)
#define NOW (INT64_C(1000) * DAY)

static char *home;

static void
begin(void)
{
    struct err err = {0};

    home = path_absolute("home", &err);
    assert_true(storehouse_make(home, &err));
}

static void
end(void)
{
    free(home);
    home = NULL;
}

// Something in the store that was last used so many days before NOW.
static void
put(const char *name, int days)
{
    char *path = path_join(home, name);
    const struct timeval times[2] = {{.tv_sec = NOW - days * DAY},
                                     {.tv_sec = NOW - days * DAY}};
    struct stat status;

    if (stat(path, &status) != 0) {
        folder_write(path, "x");
    }
    assert_int_equal(utimes(path, times), 0);
    free(path);
}

static void
put_folder(const char *name, int days)
{
    char *file = alloc_printf("%s/file", name);

    put(file, days);
    put(name, days);
    free(file);
}

static bool
has(const char *name)
{
    char *path = path_join(home, name);
    struct stat status;
    bool there = lstat(path, &status) == 0;

    free(path);
    return there;
}

static void
the_last_archives_are_kept_unless_they_are_old(void **state)
{
    (void)state;
    char name[30];

    begin();
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "ships/%d", i);
        put(name, i * 2);
    }
    assert_true(storehouse_prune(home, NOW));
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "ships/%d", i);
        assert_int_equal(has(name), i < STOREHOUSE_SHIPS_KEPT);
    }
    put("ships/2", 8);
    assert_true(storehouse_prune(home, NOW));
    assert_false(has("ships/2"));
    assert_true(has("ships/3"));
    end();
}

static void
what_is_not_whole_goes_with_its_name(void **state)
{
    (void)state;
    struct host_lock lock = {0};

    begin();
    put("ships/a.part", 8);
    char *ship = storehouse_ship(home, "a");
    char *path = storehouse_lock(home, ship, false);
    assert_true(host_lock_try(&lock, path, false)); // somebody pulls it
    storehouse_prune(home, NOW);
    assert_true(has("ships/a.part"));
    host_lock_release(&lock);
    assert_true(storehouse_prune(home, NOW));
    assert_false(has("ships/a.part"));
    free(path);
    free(ship);
    end();
}

static void
mirrors_and_trees_go_when_nobody_used_them_for_long(void **state)
{
    (void)state;

    begin();
    put_folder("mirrors/old.git", 31);
    put_folder("mirrors/new.git", 29);
    put_folder("trees/b1/n1", 2);
    put_folder("trees/b1/n2", 0);
    put_folder("trees/b2/n1", 3);
    put("trees/b1", 3);
    put("trees/b2", 3);
    assert_true(storehouse_prune(home, NOW));
    assert_false(has("mirrors/old.git"));
    assert_true(has("mirrors/new.git"));
    assert_false(has("trees/b1/n1"));
    assert_true(has("trees/b1/n2"));
    assert_false(has("trees/b2/n1"));
    end();
}

static void
what_somebody_uses_is_never_pruned(void **state)
{
    (void)state;

    for (int use = 0; use < 2; use++) {
        struct host_lock lock = {0};
        begin();
        put_folder("mirrors/m.git", 100);
        char *mirror = path_join(home, "mirrors/m.git");
        char *path = storehouse_lock(home, mirror, use == 1);
        assert_true(host_lock_try(&lock, path, true));
        storehouse_prune(home, NOW);
        assert_true(has("mirrors/m.git"));
        host_lock_release(&lock);
        assert_true(storehouse_prune(home, NOW));
        assert_false(has("mirrors/m.git"));
        assert_false(has(path + strlen(home) + 1)); // its lock, too
        free(path);
        free(mirror);
        end();
    }
}

static void
names_of_builds_and_nodes_cannot_leave_the_store(void **state)
{
    (void)state;
    static const char *const names[] = {"..",      ".",   "",
                                        "../../x", "a/b", ".hidden"};
    char long_name[400];

    begin();
    memset(long_name, '/', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
        bool last = i == sizeof(names) / sizeof(names[0]);
        char *path = storehouse_tree(home, last ? long_name : names[i], "n");
        char *parent = path_folder(path);
        char *trees = path_folder(parent);
        char *wanted = path_join(home, "trees");
        assert_string_equal(trees, wanted);
        assert_true(path_base(parent)[0] != '.');
        assert_true(strlen(path_base(parent)) <= 255);
        free(wanted);
        free(trees);
        free(parent);
        free(path);
    }
    char *one = storehouse_tree(home, "a b", "n@h");
    assert_string_equal(one + strlen(home), "/trees/a=20b/n=40h");
    free(one);
    end();
}

static void
a_lock_is_held_by_one_or_shared_by_many(void **state)
{
    (void)state;
    struct host_lock first = {0};
    struct host_lock second = {0};
    struct host_lock third = {0};

    assert_true(host_lock_try(&first, "lock", true));
    assert_true(host_lock_try(&second, "lock", true));
    assert_false(host_lock_try(&third, "lock", false));
    host_lock_release(&first);
    host_lock_release(&second);
    assert_true(host_lock_try(&third, "lock", false));
    assert_false(host_lock_try(&first, "lock", true));
    host_lock_remove(&third);
    assert_int_equal(access("lock", F_OK), -1);
    assert_false(host_lock_try(&first, "no/such/folder", true));
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_last_archives_are_kept_unless_they_are_old),
    IN_FOLDER(what_is_not_whole_goes_with_its_name),
    IN_FOLDER(mirrors_and_trees_go_when_nobody_used_them_for_long),
    IN_FOLDER(what_somebody_uses_is_never_pruned),
    IN_FOLDER(names_of_builds_and_nodes_cannot_leave_the_store),
    IN_FOLDER(a_lock_is_held_by_one_or_shared_by_many),
};
CHECK_MAIN(tests)
