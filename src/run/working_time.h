/*
 * Time as limits see it: that of the loop without the pauses of the run. Knows
 * no clock; it is given times and gives times.
 */
#ifndef RUN_WORKING_TIME_H
#define RUN_WORKING_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed = it was never paused. */
struct working_time {
    uint64_t before_us;  // paused in all before the last pause
    uint64_t paused_us;  // when the last pause began; 0: there was none
    uint64_t resumed_us; // when it ended; 0: it has not
};

/* Pauses and goes on; pausing twice is pausing once. */
void working_time_pause(struct working_time *time, bool paused,
                        uint64_t now_us);

/*
 * The working time of a moment, also of one before or within the last pause:
 * what began before it may be heard of only afterwards.
 */
uint64_t working_time_at(const struct working_time *time, uint64_t us);

#endif
