#include "config/python.h"

#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/path.h"
#include "util/slice.h"

static bool
is_program(const char *path)
{
    return path_is_file(path) && access(path, X_OK) == 0;
}

// Searches PATH; NULL when it is not there.
static char *
search_path(const char *path, const char *name)
{
    struct slice rest = slice_of(path);
    struct slice part;

    while (path != NULL && slice_split(&rest, ':', &part)) {
        // An empty part is the current folder.
        char *folder = part.len > 0 ? slice_dup(part) : alloc_dup(".");
        char *program = path_join(folder, name);
        free(folder);
        if (is_program(program)) {
            return program;
        }
        free(program);
    }
    return NULL;
}

static char *
find_named(const char *name, const char *path)
{
    if (strchr(name, '/') == NULL) {
        return search_path(path, name);
    }
    return is_program(name) ? alloc_dup(name) : NULL;
}

// python3 or python in a folder.
static char *
find_in(const char *folder)
{
    static const char *const names[] = {"python3", "python"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *program = path_join(folder, names[i]);
        if (is_program(program)) {
            return program;
        }
        free(program);
    }
    return NULL;
}

static char *
find_in_environment(const char *root)
{
    char *folder = path_join(root, "bin");
    char *program = find_in(folder);

    free(folder);
    return program;
}

// A mule in /usr/bin says nothing about the environment of a project; one in
// the bin folder of an environment does.
static char *
find_beside(const char *executable)
{
    static const char *const system_folders[] = {"/bin", "/usr/bin",
                                                 "/usr/local/bin"};
    char *folder = path_folder(executable);
    char *program = NULL;
    bool is_system = false;

    for (size_t i = 0; i < sizeof(system_folders) / sizeof(*system_folders);
         i++) {
        is_system = is_system || strcmp(folder, system_folders[i]) == 0;
    }
    if (!is_system) {
        program = find_in(folder);
    }
    free(folder);
    return program;
}

struct python_places
python_places_here(const struct settings *settings, const char *executable)
{
    // NOLINTBEGIN(concurrency-mt-unsafe): nobody changes the environment
    const char *path = getenv("PATH");
    struct python_places places = {
        .variable = getenv("MULE_PYTHON"),
        .virtual_env = getenv("VIRTUAL_ENV"),
        // As execvp() has it where somebody, cron perhaps, cleared it.
        .path = path != NULL ? path : _PATH_DEFPATH,
        .executable = executable,
    };
    // NOLINTEND(concurrency-mt-unsafe)

    if (settings->python_asked) {
        places.option = settings->python;
    } else {
        places.file = settings->python;
    }
    return places;
}

const char *
python_source_name(enum python_source source)
{
    switch (source) {
    case PYTHON_OPTION:
        return "--python";
    case PYTHON_FILE:
        return "mule.yaml";
    case PYTHON_VARIABLE:
        return "MULE_PYTHON";
    case PYTHON_VIRTUAL_ENV:
        return "VIRTUAL_ENV";
    case PYTHON_BESIDE:
        return "beside mule";
    case PYTHON_DOT_VENV:
        return ".venv";
    case PYTHON_PATH:
        return "PATH";
    }
    return "";
}

static bool
is_said(const char *text)
{
    return text != NULL && text[0] != '\0';
}

// What somebody has named.
static bool
find_asked(const struct python_places *places, struct python *python,
           struct err *err)
{
    const struct {
        const char *name;
        enum python_source source;
    } asked[] = {
        {places->option, PYTHON_OPTION},
        {places->file, PYTHON_FILE},
        {places->variable, PYTHON_VARIABLE},
    };

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if (!is_said(asked[i].name)) {
            continue;
        }
        python->source = asked[i].source;
        python->program = find_named(asked[i].name, places->path);
        if (python->program == NULL) {
            err_set(err, ERR_CONFIG, "%s: there is no program \"%.150s\"",
                    python_source_name(asked[i].source), asked[i].name);
            return err_hint(err, "name an interpreter that is there, or none: "
                                 "then one is looked for");
        }
        return true;
    }
    return true;
}

bool
python_find(const struct python_places *places, struct python *python,
            struct err *err)
{
    *python = (struct python){.program = NULL};
    if (!find_asked(places, python, err)) {
        return false;
    }
    if (python->program == NULL && is_said(places->virtual_env)) {
        python->source = PYTHON_VIRTUAL_ENV;
        python->program = find_in_environment(places->virtual_env);
    }
    if (python->program == NULL && is_said(places->executable)) {
        python->source = PYTHON_BESIDE;
        python->program = find_beside(places->executable);
    }
    if (python->program == NULL) {
        python->source = PYTHON_DOT_VENV;
        python->program = find_in_environment("./.venv");
    }
    if (python->program == NULL) {
        python->source = PYTHON_PATH;
        python->program = search_path(places->path, "python3");
    }
    if (python->program == NULL) {
        err_set(err, ERR_CONFIG, "there is no python3 on PATH");
        return err_hint(err, "pass --python, or activate the environment the "
                             "tests need");
    }
    return true;
}

void
python_release(struct python *python)
{
    free(python->program);
    python->program = NULL;
}
