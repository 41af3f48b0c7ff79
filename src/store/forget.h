/*
 * Takes tests and jobs out of a store that nobody has run for a year, and
 * those seen longest ago where there are more than a million.
 */
#ifndef STORE_FORGET_H
#define STORE_FORGET_H

#include "store/store.h"

/* A year before the second newest build: a clock that jumped once does no
 * harm. */
#define FORGET_MS (INT64_C(365) * 24 * 3600 * 1000)
#define FORGET_ROWS 1000000

bool forget_tests(struct store *store, uint32_t *tests, struct err *err);

#endif
