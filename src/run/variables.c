#include "run/variables.h"

#include "util/alloc.h"
#include "util/array.h"

#include <stdio.h>
#include <stdlib.h>

void
variables_set(struct variables *variables, const char *name, const char *value)
{
    char *text =
        value != NULL ? alloc_printf("%s=%s", name, value) : alloc_dup(name);
    ARRAY_ADD(variables, text);
}

void
variables_set_number(struct variables *variables, const char *name, long value)
{
    char text[24];
    snprintf(text, sizeof(text), "%ld", value);
    variables_set(variables, name, text);
}

void
variables_set_script(struct variables *variables, const char *build_id,
                     const char *workspace, const char *revision)
{
    variables_set(variables, "BUILD_ID", build_id);
    variables_set(variables, "WORKSPACE", workspace != NULL ? workspace : "");
    variables_set(variables, "MULE_REVISION", revision != NULL ? revision : "");
}

const char *const *
variables_list(struct variables *variables)
{
    ARRAY_ADD(variables, NULL);
    variables->count--; // it ends the list and is no part of it
    return (const char *const *)variables->items;
}

void
variables_release(struct variables *variables)
{
    for (size_t i = 0; i < variables->count; i++) {
        free(variables->items[i]);
    }
    ARRAY_RELEASE(variables);
}
