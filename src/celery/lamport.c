#include "celery/lamport.h"

// Beyond it somebody jests: a clock that is dragged to the end stands still.
#define LAMPORT_MAX (INT64_C(1) << 52)

int64_t
lamport_tick(struct lamport *clock)
{
    if (clock->value < LAMPORT_MAX) {
        clock->value++;
    }
    return clock->value;
}

void
lamport_adjust(struct lamport *clock, int64_t seen)
{
    if (seen < 0 || seen >= LAMPORT_MAX) {
        return;
    }
    clock->value = (seen > clock->value ? seen : clock->value) + 1;
}
