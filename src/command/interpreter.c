#include "command/interpreter.h"

#include "config/os_machine.h"
#include "config/python.h"
#include "util/path.h"

#include <stdlib.h>

// What interpreter->argv has room for beside the adapter's own words.
enum { ARGS_MAX = 64 };

bool
interpreter_find(struct interpreter *interpreter,
                 const struct settings *settings, struct err *err)
{
    char *executable = os_machine_executable();
    struct python_places places = python_places_here(settings, executable);
    struct python python;
    int n = 0;

    if (settings->python_args.count > ARGS_MAX) {
        free(executable);
        return err_set(err, ERR_USAGE, "--python-args: more than %d words",
                       ARGS_MAX);
    }
    if (!python_find(&places, &python, err)) {
        free(executable);
        return false;
    }
    interpreter->path = python.program;
    interpreter->origin = python_source_name(python.source);
    char *folder = python_package(executable, err);
    free(executable);
    if (folder == NULL) {
        return false;
    }
    interpreter->package = path_join(folder, "mule");
    free(folder);
    interpreter->adapter =
        path_join(interpreter->package, "adapters/__main__.py");
    interpreter->argv[n++] = interpreter->path;
    for (int i = 0; i < settings->python_args.count; i++) {
        interpreter->argv[n++] = settings->python_args.at[i];
    }
    interpreter->argv[n++] = interpreter->adapter;
    interpreter->argv[n++] = "unittest";
    return true;
}

void
interpreter_release(struct interpreter *interpreter)
{
    free(interpreter->path);
    free(interpreter->package);
    free(interpreter->adapter);
}

const char *const *
interpreter_argv(const struct interpreter *interpreter)
{
    return interpreter->argv;
}
#include "command/command.h"
int
cmd_doctor(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}
