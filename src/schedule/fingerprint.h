/*
 * A hash of all that is selected: machines that divide a suite among
 * themselves compare it, to know that they divide the same one. The order in
 * which tests were found does not change it.
 */
#ifndef SCHEDULE_FINGERPRINT_H
#define SCHEDULE_FINGERPRINT_H

#include "model/items.h"
#include "util/sha256.h"

/*
 * SHA-256 of the names of all jobs with selected items, sorted, each with the
 * sorted ids of these behind it; each name and id is followed by a NUL, and
 * the last id of a job by another one.
 */
void fingerprint_selected(const struct items *items,
                          char text[static SHA256_SIZE]);

#endif
