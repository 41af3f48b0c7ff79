#include "check.h"

#include <string.h>

#include "config/python.h"
#include "folder.h"

static void
make_program(const char *path)
{
    folder_write(path, "#!/bin/sh\n");
    assert_int_equal(chmod(path, 0700), 0);
}

static void
expect(const struct python_places *places, enum python_source source,
       const char *program)
{
    struct python python;
    struct err err = {0};

    if (!python_find(places, &python, &err)) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(python.program, program);
    assert_string_equal(python_source_name(python.source),
                        python_source_name(source));
    python_release(&python);
}

static void
places_are_tried_in_their_order(void **state)
{
    (void)state;
    static const char *const programs[] = {
        "a/python", "b/python",         "c/python",  "d/bin/python3",
        "e/python", ".venv/bin/python", "p/python3", "p/python3.9"};
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        make_program(programs[i]);
    }
    struct python_places places = {"python3.9", "b/python", "c/python",
                                   "d",         "e/mule",   "x:p"};

    expect(&places, PYTHON_OPTION, "p/python3.9");
    places.option = NULL;
    expect(&places, PYTHON_FILE, "b/python");
    places.file = NULL;
    expect(&places, PYTHON_VARIABLE, "c/python");
    places.variable = "";
    expect(&places, PYTHON_VIRTUAL_ENV, "d/bin/python3");
    places.virtual_env = "gone";
    expect(&places, PYTHON_BESIDE, "e/python");
    places.executable = "nowhere/mule";
    expect(&places, PYTHON_DOT_VENV, "./.venv/bin/python");
    assert_int_equal(unlink(".venv/bin/python"), 0);
    expect(&places, PYTHON_PATH, "p/python3");
}

static void
the_systems_own_python_is_not_beside_mule(void **state)
{
    (void)state;
    struct python_places places = {.executable = "/usr/bin/mule", .path = "p"};

    make_program(".venv/bin/python3");
    expect(&places, PYTHON_DOT_VENV, "./.venv/bin/python3");
}

static void
what_is_named_must_be_there(void **state)
{
    (void)state;
    struct python_places places = {.option = "python9", .path = "p"};
    struct python python;
    struct err err = {0};

    make_program("p/python3");
    assert_false(python_find(&places, &python, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.text, "--python: there is no program \"python9\"");
    err_clear(&err);
    places.option = NULL;
    places.variable = "./gone";
    assert_false(python_find(&places, &python, &err));
    assert_string_equal(err.text,
                        "MULE_PYTHON: there is no program \"./gone\"");
    // A file that may not be executed is none, and neither is a folder.
    err_clear(&err);
    folder_write("plain", "");
    places.variable = "./plain";
    assert_false(python_find(&places, &python, &err));
    err_clear(&err);
    places.variable = "./p";
    assert_false(python_find(&places, &python, &err));
}

static void
without_any_python_there_is_an_error_that_helps(void **state)
{
    (void)state;
    struct python_places places = {.path = "a:b"};
    struct python python;
    struct err err = {0};

    assert_false(python_find(&places, &python, &err));
    assert_string_equal(err.text, "there is no python3 on PATH");
    assert_non_null(err.hint);
    err_clear(&err);
    places.path = NULL;
    assert_false(python_find(&places, &python, &err));
}

static void
settings_say_whether_somebody_asked(void **state)
{
    (void)state;
    char program[] = "python3.9";
    struct settings settings = {.python = program};
    struct python_places places = python_places_here(&settings, "x");

    assert_string_equal(places.file, program);
    assert_null(places.option);
    settings.python_asked = true;
    places = python_places_here(&settings, "x");
    assert_string_equal(places.option, program);
    assert_null(places.file);
}

static const struct CMUnitTest tests[] = {
    IN_FOLDER(places_are_tried_in_their_order),
    IN_FOLDER(the_systems_own_python_is_not_beside_mule),
    IN_FOLDER(what_is_named_must_be_there),
    IN_FOLDER(without_any_python_there_is_an_error_that_helps),
    IN_FOLDER(settings_say_whether_somebody_asked),
};

CHECK_MAIN(tests)
