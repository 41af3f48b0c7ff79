#include "run/working_time.h"

static bool
is_paused(const struct working_time *time)
{
    return time->paused_us != 0 && time->resumed_us == 0;
}

void
working_time_pause(struct working_time *time, bool paused, uint64_t now_us)
{
    if (paused == is_paused(time)) {
        return;
    }
    if (!paused) {
        time->resumed_us = now_us;
        return;
    }
    time->before_us += time->resumed_us - time->paused_us;
    time->paused_us = now_us;
    time->resumed_us = 0;
}

uint64_t
working_time_at(const struct working_time *time, uint64_t us)
{
    if (time->paused_us == 0 || us < time->paused_us) {
        return us - time->before_us;
    }
    uint64_t pause = is_paused(time) || us < time->resumed_us
                         ? us - time->paused_us
                         : time->resumed_us - time->paused_us;
    return us - time->before_us - pause;
}
