/*
 * What becomes of a job that ended: of the item that ran when its process
 * died, of those that it did not come to, and whether they run again.
 */
#ifndef RUN_SETTLING_H
#define RUN_SETTLING_H

#include "run/book.h"
#include "run/executor.h"

/*
 * Settles the report of an order: every item of it has a state afterwards, or
 * is in the job that is given, which is to be run again at once, or in one of
 * the book's retries. JOB_NONE: nothing is to be run at once. With `stopped` nothing is begun any more; what has no state
 * then keeps none.
 */
uint32_t settling_end(struct book *book, const struct order_report *report,
                      bool stopped);

#endif
