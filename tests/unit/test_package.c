#include "check.h"

#include <string.h>

#include "config.h"
#include "config/package.h"
#include "folder.h"

static void
expect(const struct folder *folder, const char *program,
       enum package_layout layout, const char *package)
{
    struct err err = {0};
    char *executable = path_join(folder->path, program);
    char *expected = path_join(folder->path, package);
    folder_write(program, "");
    char *found = package_find(executable, layout, &err);

    if (found == NULL) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(found, expected);
    free(found);
    free(expected);
    free(executable);
}

static void
make_package(const char *folder, const char *version)
{
    char *package = path_join(folder, "mule/__init__.py");

    folder_write(package, "");
    free(package);
    if (version != NULL) {
        char path[256];
        snprintf(path, sizeof(path), "%s/mule-%s.dist-info/METADATA", folder,
                 version);
        folder_write(path, "");
    }
}

static void
the_package_lies_beside_the_build_folder(void **state)
{
    make_package("python", NULL);
    expect(*state, "build/mule", PACKAGE_SHARED, "python");
    // Where pip builds what is installed as editable.
    expect(*state, "build/cp311/mule", PACKAGE_WHEEL, "python");
}

static void
an_installation_has_it_in_share(void **state)
{
    make_package("usr/share/mule/python", NULL);
    expect(*state, "usr/bin/mule", PACKAGE_SHARED, "usr/share/mule/python");
}

static void
a_wheel_has_it_in_the_packages_of_some_python(void **state)
{
    make_package("a/lib/python3.9/site-packages", MULE_VERSION);
    make_package("b/lib/pypy3.10/site-packages", MULE_VERSION);
    make_package("c/lib/python3.11/dist-packages", MULE_VERSION);
    make_package("d", MULE_VERSION);
    expect(*state, "a/bin/mule", PACKAGE_WHEEL,
           "a/lib/python3.9/site-packages");
    expect(*state, "b/bin/mule", PACKAGE_WHEEL, "b/lib/pypy3.10/site-packages");
    expect(*state, "c/bin/mule", PACKAGE_WHEEL,
           "c/lib/python3.11/dist-packages");
    // pip install --target d
    expect(*state, "d/bin/mule", PACKAGE_WHEEL, "d");
}

static void
among_several_the_one_of_this_version_is_taken(void **state)
{
    make_package("lib/python3.9/site-packages", "0.0.1");
    make_package("lib/python3.10/site-packages", MULE_VERSION);
    make_package("lib/python3.11/site-packages", "0.0.1");
    expect(*state, "bin/mule", PACKAGE_WHEEL, "lib/python3.10/site-packages");
}

static void
each_layout_looks_for_its_own(void **state)
{
    const struct folder *folder = *state;
    struct err err = {0};
    char *executable = path_join(folder->path, "usr/bin/mule");

    make_package("usr/share/mule/python", NULL);
    assert_null(package_find(executable, PACKAGE_WHEEL, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "usr/bin"));
    assert_non_null(strstr(err.hint, "pip install"));
    make_package("usr/lib/python3.11/site-packages", MULE_VERSION);
    expect(folder, "usr/bin/mule", PACKAGE_SHARED, "usr/share/mule/python");
    expect(folder, "usr/bin/mule", PACKAGE_WHEEL,
           "usr/lib/python3.11/site-packages");
    free(executable);
}

static void
documents_are_of_the_same_installation(void **state)
{
    const struct folder *folder = *state;
    char *installed = path_join(folder->path, "usr/bin/mule");
    char *built = path_join(folder->path, "tree/build/mule");
    char *documents = path_join(folder->path, "usr/share/doc/mule");
    char *tree = path_join(folder->path, "tree");

    folder_write("usr/bin/mule", "");
    folder_write("tree/build/mule", "");
    assert_null(package_documents(installed));
    folder_write("usr/share/doc/mule/docs/protocol/adapter.md", "");
    folder_write("tree/docs/protocol/adapter.md", "");
    char *found = package_documents(installed);
    assert_string_equal(found, documents);
    free(found);
    found = package_documents(built);
    assert_string_equal(found, tree);
    free(found);
    free(tree);
    free(documents);
    free(built);
    free(installed);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(the_package_lies_beside_the_build_folder),
    IN_FOLDER(an_installation_has_it_in_share),
    IN_FOLDER(a_wheel_has_it_in_the_packages_of_some_python),
    IN_FOLDER(among_several_the_one_of_this_version_is_taken),
    IN_FOLDER(each_layout_looks_for_its_own),
    IN_FOLDER(documents_are_of_the_same_installation),
};

CHECK_MAIN(tests)
