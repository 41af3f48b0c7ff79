/*
 * Copies of texts that are needed together and dropped together, such as all
 * that belongs to one test while its report is being read.
 */
#ifndef ADAPTER_KEEP_H
#define ADAPTER_KEEP_H

#include "util/array.h"
#include "util/slice.h"

/* Zeroed = nothing is kept. */
struct keep {
    ARRAY(char *) texts;
};

/* Copies the text; the copy stays where it is until keep_drop. */
struct slice keep_text(struct keep *keep, struct slice text);

/* The same, made as printf makes it. */
struct slice keep_printf(struct keep *keep, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Frees all copies; more can be kept afterwards. */
void keep_drop(struct keep *keep);

/* Frees everything. */
void keep_release(struct keep *keep);

#endif
