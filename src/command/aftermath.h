/*
 * What is done when the tests are over and before everything is let go: the
 * coverage of all processes becomes one file, the hottest functions are
 * listed. Both are the interpreter's business and run as a child of it.
 */
#ifndef COMMAND_AFTERMATH_H
#define COMMAND_AFTERMATH_H

#include "command/interpreter.h"
#include "loop/child.h"

/* Where the profiles of the last run are kept. */
#define AFTERMATH_PROFILES "mule-profile"

struct aftermath {
    struct loop *loop;
    struct guardians *guardians;
    const struct interpreter *interpreter;
    int fd; // where people read
};

/* Joins the data files in `dir` into the one that `rcfile` (or "") names. */
bool aftermath_combine_coverage(const struct aftermath *aftermath,
                                const char *dir, const char *rcfile,
                                struct err *err);

/* Makes the folder `dir`, or clears it of the profiles of an earlier run. */
bool aftermath_make_profiles(const char *dir, struct err *err);

/* Lists the hottest functions of the profiles in `dir`. */
bool aftermath_list_hottest(const struct aftermath *aftermath, const char *dir,
                            struct err *err);

#endif
