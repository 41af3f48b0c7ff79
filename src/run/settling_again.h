/*
 * What becomes of the items of a job that ended that were set aside: which
 * jobs they run in again, and what that means for what appeared.
 */
#ifndef RUN_SETTLING_AGAIN_H
#define RUN_SETTLING_AGAIN_H

#include "run/book.h"
#include "run/executor.h"

/*
 * Adds to the retries of the book what is to run again of `job`: the one of
 * the report, or what was left of it and given up. `rest` is the job that
 * runs at once with what did not end; JOB_NONE: there is none. What appeared
 * and has nobody to wait for is decided.
 */
void settling_again(struct book *book, const struct order_report *report,
                    uint32_t job, uint32_t rest);

#endif
