/*
 * A file that says how long jobs take, by which shards are balanced. It is
 * carried to all machines that have a shard, so it is simple: a job a line,
 * the seconds, a blank and the name. Empty lines and lines that begin with #
 * are passed over; of two lines for one name the last one counts.
 *
 *     # mule durations
 *     12.25 tests.test_cart.Cart
 */
#ifndef SCHEDULE_DURATIONS_H
#define SCHEDULE_DURATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/sha256.h"
#include "util/slice.h"

/* Bytes. */
#define DURATIONS_MAX ((size_t)256 << 20)

struct durations;

/*
 * `path` is for messages; nothing is opened. NULL with an ERR_CONFIG that
 * names the line: not a number of seconds between 0 and a year, no name.
 */
struct durations *durations_parse(const char *path, struct slice text,
                                  struct err *err);
void durations_free(struct durations *durations);

/* False when the file does not say it. */
bool durations_find(const struct durations *durations, struct slice name,
                    uint64_t *us);

/* SHA-256 of the file, as `sha256sum` has it. Borrowed. */
const char *durations_hash(const struct durations *durations);
const char *durations_path(const struct durations *durations);

#endif
