#include "command/interpreter.h"

#include "config/os_machine.h"
#include "util/path.h"

#include <stdlib.h>

static void
make_argv(struct interpreter *interpreter, const struct settings *settings)
{
    ARRAY_ADD(&interpreter->argv, interpreter->python.program);
    for (int i = 0; i < settings->python_args.count; i++) {
        ARRAY_ADD(&interpreter->argv, settings->python_args.at[i]);
    }
    ARRAY_ADD(&interpreter->argv, interpreter->adapter);
    ARRAY_ADD(&interpreter->argv, "unittest");
    ARRAY_ADD(&interpreter->argv, NULL);
}

bool
interpreter_find(struct interpreter *interpreter,
                 const struct settings *settings, struct err *err)
{
    char *executable = os_machine_executable();
    struct python_places places = python_places_here(settings, executable);
    bool fine = python_find(&places, &interpreter->python, err);
    if (fine) {
        interpreter->package = python_package(executable, err);
        fine = interpreter->package != NULL;
    }
    free(executable);
    if (!fine) {
        return false;
    }
    char *folder = path_absolute(interpreter->package, err);
    if (folder == NULL) {
        return false;
    }
    free(interpreter->package);
    interpreter->package = path_join(folder, "mule");
    free(folder);
    interpreter->adapter =
        path_join(interpreter->package, "adapters/__main__.py");
    make_argv(interpreter, settings);
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
