#include "check.h"

#include <string.h>

#include "folder.h"
#include "store/site.h"
#include "util/slice.h"

// Ends with `end`, seen from the folder of the test.
static void
lies_at(const struct settings *settings, const char *end)
{
    struct site site;
    struct err err = {0};

    assert_true(site_find(&site, settings, &err));
    if (!slice_ends_with(slice_of(site.folder), slice_of(end))) {
        fail_msg("%s does not end with %s", site.folder, end);
    }
    assert_int_equal(site.folder[0], '/');
    site_release(&site);
}

static void
key_is(const struct settings *settings, const char *folder, const char *words)
{
    struct site site;
    struct suite_key key;
    struct err err = {0};

    assert_true(site_find(&site, settings, &err));
    assert_true(suite_key_make(&key, &site, settings, &err));
    assert_string_equal(key.folder, folder);
    assert_string_equal(key.words, words);
    suite_key_release(&key);
    site_release(&site);
}

static void
enter(const char *path)
{
    struct err err = {0};

    assert_true(path_make_folders(path, 0700, &err));
    assert_int_equal(chdir(path), 0);
}

static void
it_lies_beside_the_configuration(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    enter("shop/deep");
    settings.config_path = alloc_dup("../mule.yaml");
    lies_at(&settings, "/shop/.mule");
    settings_release(&settings);
}

static void
else_at_the_root_of_the_checkout(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    folder_write("repo/.git", "gitdir: elsewhere"); // a worktree has a file
    enter("repo/deep/down");
    lies_at(&settings, "/repo/.mule");
    key_is(&settings, "deep/down", "unittest");
    settings_release(&settings);
}

static void
else_where_it_runs(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    enter("alone");
    lies_at(&settings, "/alone/.mule");
    key_is(&settings, ".", "unittest");
    settings_release(&settings);
}

static void
it_lies_where_it_is_told_to(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    settings.store = alloc_dup("../cache");
    enter("here");
    lies_at(&settings, "/cache");
    settings_release(&settings);
}

static void
ids_are_relative_to_the_top(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    folder_write("mule.yaml", "");
    enter("tests");
    assert_int_equal(chdir(".."), 0);
    settings.config_path = alloc_dup("mule.yaml");
    key_is(&settings, ".", "unittest");
    free(settings.basedir);
    settings.basedir = alloc_dup("tests");
    key_is(&settings, "tests", "unittest");
    settings.top = alloc_dup(".");
    key_is(&settings, ".", "unittest --basedir tests");
    free(settings.pattern);
    settings.pattern = alloc_dup("check_*.py");
    key_is(&settings, ".", "unittest --basedir tests --pattern 'check_*.py'");
    settings_release(&settings);
}

static void
who_runs_them_tells_suites_apart(void **state)
{
    (void)state;
    struct settings settings;
    settings_init(&settings);
    texts_add(&settings.adapter, "$PYTHON");
    texts_add(&settings.adapter, "my adapter.py");
    key_is(&settings, ".", "adapter '$PYTHON' 'my adapter.py'");
    settings.runner = alloc_dup("./run $TEST");
    key_is(&settings, ".", "runner ./run $TEST");
    settings.tap = true;
    key_is(&settings, ".", "tap");
    settings_release(&settings);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(it_lies_beside_the_configuration),
    IN_FOLDER(else_at_the_root_of_the_checkout),
    IN_FOLDER(else_where_it_runs),
    IN_FOLDER(it_lies_where_it_is_told_to),
    IN_FOLDER(ids_are_relative_to_the_top),
    IN_FOLDER(who_runs_them_tells_suites_apart),
};

CHECK_MAIN(tests)
