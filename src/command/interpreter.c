#include "command/interpreter.h"

#include "config.h"
#include "util/alloc.h"
#include "util/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *
own_folder(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len <= 0)
        return alloc_dup(".");
    path[len] = '\0';
    return path_folder(path);
}

bool
interpreter_find(struct interpreter *interpreter,
                 const struct settings *settings, struct err *err)
{
    const char *path = settings->python;
    if (path == NULL)
        path = getenv("MULE_PYTHON");
    if (path == NULL)
        path = "python3";
    interpreter->path = alloc_dup(path);
    char *folder = own_folder();
    interpreter->package = path_join(folder, "../python/mule");
    free(folder);
    interpreter->adapter =
        path_join(interpreter->package, "adapters/__main__.py");
    (void)err;
    int n = 0;
    interpreter->argv[n++] = interpreter->path;
    for (int i = 0; i < settings->python_args.count && n < 68; i++)
        interpreter->argv[n++] = settings->python_args.at[i];
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
#include "config/cpus.h"
int
cpus_usable(void)
{
    return 2;
}
int
cmd_doctor(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}
