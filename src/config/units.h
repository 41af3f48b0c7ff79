/*
 * Amounts as people write them: durations and sizes. Values only; what they
 * are for, and which of them make sense, is somebody else's business.
 */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/slice.h"

/*
 * "90", "1.5s", "5m", "1h30m", "250ms", "2d": numbers with units that get
 * smaller, each at most once; a number alone is seconds. Gives milliseconds,
 * at most about 49 days. More than zero never becomes zero.
 */
bool units_duration(struct slice text, uint32_t *ms, struct err *err);

/*
 * "65536", "64K", "1.5M", "1GiB": a unit is 1024 of the one below. Gives
 * bytes, at most 2^53.
 */
bool units_size(struct slice text, uint64_t *bytes, struct err *err);

#endif
