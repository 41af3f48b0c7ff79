/*
 * What a program's standard output is, from the beginnings of its lines. A
 * line that can be nothing else (`TAP version 14`, `{"mule":`) decides wherever
 * it stands; one that might stand in any text (`1..4`, `ok 1`, `<?xml`) only
 * where nothing but blank lines and comments stands before it.
 */
#ifndef ADAPTER_SNIFF_H
#define ADAPTER_SNIFF_H

#include "model/settings.h"
#include "util/slice.h"

#include <stdbool.h>

/* As many bytes of a line as have to be known. */
#define SNIFF_MAX 32

/* Zeroed = at the beginning. */
struct sniff {
    bool text; // a line came that is neither blank nor a comment
};

/*
 * Looks at the first SNIFF_MAX bytes of a line (fewer: it is shorter), without
 * its newline. Gives FORMAT_AUTO as long as nothing is decided.
 */
enum output_format sniff_line(struct sniff *sniff, struct slice line);

#endif
