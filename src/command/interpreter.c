#include "command/interpreter.h"

#include "config/os_machine.h"
#include "config/package.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>

static void
add_python(struct interpreter *interpreter, const struct settings *settings)
{
    ARRAY_ADD(&interpreter->argv, interpreter->python.program);
    for (int i = 0; i < settings->python_args.count; i++) {
        ARRAY_ADD(&interpreter->argv, settings->python_args.at[i]);
    }
}

static bool
find_package(struct interpreter *interpreter, const char *executable,
             struct err *err)
{
    char *folder = package_find(executable, package_layout_here(), err);
    if (folder == NULL) {
        return false;
    }
    interpreter->package = path_join(folder, "mule");
    free(folder);
    return true;
}

static bool
find(struct interpreter *interpreter, const struct settings *settings,
     bool needs_package, struct err *err)
{
    struct err none = {0};
    char *executable = os_machine_executable();
    struct python_places places = python_places_here(settings, executable);
    bool fine =
        python_find(&places, &interpreter->python, err) &&
        (find_package(interpreter, executable, &none) || !needs_package);
    free(executable);
    if (!fine && err_is_set(&none)) {
        *err = none;
    }
    return fine;
}

bool
interpreter_find(struct interpreter *interpreter,
                 const struct settings *settings, struct err *err)
{
    if (!find(interpreter, settings, true, err)) {
        return false;
    }
    interpreter->adapter =
        path_join(interpreter->package, "adapters/__main__.py");
    add_python(interpreter, settings);
    ARRAY_ADD(&interpreter->argv, interpreter->adapter);
    ARRAY_ADD(&interpreter->argv, "unittest");
    ARRAY_ADD(&interpreter->argv, NULL);
    return true;
}

static bool
is_placeholder(const char *word)
{
    return strcmp(word, INTERPRETER_WORD) == 0;
}

bool
interpreter_is_wanted(const struct texts *words)
{
    for (int i = 0; i < words->count; i++) {
        if (is_placeholder(words->at[i])) {
            return true;
        }
    }
    return false;
}

bool
interpreter_find_for(struct interpreter *interpreter,
                     const struct settings *settings, const struct texts *words,
                     struct err *err)
{
    // Such a command has a package of its own; a profile is read with ours.
    if (!find(interpreter, settings, settings->profile, err)) {
        return false;
    }
    for (int i = 0; i < words->count; i++) {
        if (is_placeholder(words->at[i])) {
            add_python(interpreter, settings);
        } else {
            ARRAY_ADD(&interpreter->argv, words->at[i]);
        }
    }
    ARRAY_ADD(&interpreter->argv, NULL);
    return true;
}

void
interpreter_release(struct interpreter *interpreter)
{
    python_release(&interpreter->python);
    free(interpreter->package);
    free(interpreter->adapter);
    ARRAY_RELEASE(&interpreter->argv);
    *interpreter = (struct interpreter){0};
}

const char *const *
interpreter_argv(const struct interpreter *interpreter)
{
    return interpreter->argv.items;
}
