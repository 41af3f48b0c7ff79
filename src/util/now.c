#include "util/now.h"

#include <stdio.h>
#include <time.h>

static usec
ask(clockid_t clock)
{
    struct timespec time = {0};

    clock_gettime(clock, &time);
    return (usec)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

usec
now_usec(void)
{
    return ask(CLOCK_MONOTONIC);
}

msec
now_msec(void)
{
    return now_usec() / 1000;
}

msec
now_boot_msec(void)
{
#ifdef CLOCK_BOOTTIME
    return ask(CLOCK_BOOTTIME) / 1000;
#else
    // macOS: its monotonic clock goes on while the machine sleeps.
    return now_msec();
#endif
}

usec
now_wall_usec(void)
{
    return ask(CLOCK_REALTIME);
}

usec
now_cpu_usec(void)
{
    return ask(CLOCK_PROCESS_CPUTIME_ID);
}

void
now_iso8601(usec wall, char text[static NOW_ISO8601_SIZE])
{
    // Rounds towards the past before 1970 too.
    usec seconds = wall / 1000000 - (wall % 1000000 < 0 ? 1 : 0);
    int thousandths = (int)((wall - seconds * 1000000) / 1000);
    time_t when = (time_t)seconds;
    struct tm parts = {0};
    char date[NOW_ISO8601_SIZE - 8];

    gmtime_r(&when, &parts);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, NOW_ISO8601_SIZE, "%s.%03dZ", date, thousandths);
}
