/*
 * A list of changes to an environment, as those who start programs want it:
 * "NAME=value" sets, "NAME" removes.
 */
#ifndef RUN_VARIABLES_H
#define RUN_VARIABLES_H

#include <stddef.h>

/* Zeroed = empty. */
struct variables {
    char **items;
    size_t count;
    size_t capacity;
};

/* Copies both; NULL for the value removes the variable. */
void variables_set(struct variables *variables, const char *name,
                   const char *value);
void variables_set_number(struct variables *variables, const char *name,
                          long value);

/*
 * What setup and teardown scripts and commands learn of the run. NULL where
 * there is no workspace or no revision.
 */
void variables_set_script(struct variables *variables, const char *build_id,
                          const char *workspace, const char *revision);

/* NULL at its end; valid until the next change. */
const char *const *variables_list(struct variables *variables);

void variables_release(struct variables *variables);

#endif
