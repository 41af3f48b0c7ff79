/*
 * What a fuzz target includes. A target is one file fuzz_<noun>.c with the
 * function below; it must hold for any bytes, keep nothing between two calls,
 * and say so with FUZZ_CHECK when something that must be true is not.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Gives 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
fuzz_check(bool holds, const char *file, int line, const char *condition)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
        abort();
    }
}

#define FUZZ_CHECK(condition) \
    fuzz_check((condition), __FILE__, __LINE__, #condition)

#endif
