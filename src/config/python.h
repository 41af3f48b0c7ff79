/*
 * Which Python runs the tests. Looks at names and files; starts nothing. Where
 * mule's own Python package lies: config/package.h.
 */
#ifndef CONFIG_PYTHON_H
#define CONFIG_PYTHON_H

#include "model/settings.h"
#include "util/err.h"

/* In this order; the first that names an interpreter is taken. */
enum python_source {
    PYTHON_OPTION,      // --python
    PYTHON_FILE,        // python: in mule.yaml
    PYTHON_VARIABLE,    // MULE_PYTHON
    PYTHON_VIRTUAL_ENV, // $VIRTUAL_ENV
    PYTHON_BESIDE,      // in the folder of mule, unless that is the system's
    PYTHON_DOT_VENV,    // ./.venv
    PYTHON_PATH,        // python3 on PATH
};

/* What is looked at. All borrowed; NULL: not there. */
struct python_places {
    const char *option;
    const char *file;
    const char *variable;
    const char *virtual_env;
    const char *executable; // mule's own path
    const char *path;       // PATH
};

struct python {
    char *program; // a path with a slash
    enum python_source source;
};

/* Looks at the settings and the environment of this process. */
struct python_places python_places_here(const struct settings *settings,
                                        const char *executable);

/*
 * What somebody has named (the first three) must be there, or it is an
 * ERR_CONFIG; the others are passed over.
 */
bool python_find(const struct python_places *places, struct python *python,
                 struct err *err);
void python_release(struct python *python);

/* "--python", "MULE_PYTHON", "PATH", ... Static. */
const char *python_source_name(enum python_source source);

#endif
