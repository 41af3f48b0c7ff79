/*
 * The logical clock that Celery's nodes keep in step: a number that grows with
 * each message. A value; zeroed is a clock that has not ticked.
 */
#ifndef CELERY_LAMPORT_H
#define CELERY_LAMPORT_H

#include <stdint.h>

struct lamport {
    int64_t value;
};

/* Before sending: one more; gives the value to send. */
int64_t lamport_tick(struct lamport *clock);

/* After receiving `seen`: later than both. What cannot be is ignored. */
void lamport_adjust(struct lamport *clock, int64_t seen);

#endif
