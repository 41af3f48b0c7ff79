/*
 * The only place that asks what time it is. Everybody else is given a number.
 */
#ifndef UTIL_NOW_H
#define UTIL_NOW_H

#include <stdint.h>

typedef int64_t msec;
typedef int64_t usec;

/* Time that never jumps; it stands still while the machine sleeps. */
msec now_msec(void);
usec now_usec(void);

/* Time that never jumps and goes on while the machine sleeps. */
msec now_boot_msec(void);

/* The wall clock: microseconds since 1970 in UTC. May jump. */
usec now_wall_usec(void);

/* Processor time of this process and its threads. */
usec now_cpu_usec(void);

/* Room for "2011-11-23T04:05:06.789Z" and years beyond 9999. */
#define NOW_ISO8601_SIZE 40

/* Writes a time of the wall clock in ISO 8601, in UTC, with milliseconds. */
void now_iso8601(usec wall, char text[static NOW_ISO8601_SIZE]);

#endif
