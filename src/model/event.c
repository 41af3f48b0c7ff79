#include "model/event.h"

#include <string.h>

static const char *const event_kind_names[EVENT_KIND_COUNT] = {
    [EVENT_RUN_STARTED] = "run_started",
    [EVENT_COLLECTING] = "collecting",
    [EVENT_COLLECTED] = "collected",
    [EVENT_PREPARING] = "preparing",
    [EVENT_PREPARED] = "prepared",
    [EVENT_SCRIPT_STARTED] = "script_started",
    [EVENT_SCRIPT_FINISHED] = "script_finished",
    [EVENT_JOB_STARTED] = "job_started",
    [EVENT_TEST_STARTED] = "test_started",
    [EVENT_TEST_SLOW] = "test_slow",
    [EVENT_TEST_FINISHED] = "test_finished",
    [EVENT_TEST_ATTEMPT] = "test_attempt",
    [EVENT_JOB_FINISHED] = "job_finished",
    [EVENT_LEAKED] = "leaked",
    [EVENT_WORKER] = "worker",
    [EVENT_ELSEWHERE] = "elsewhere",
    [EVENT_NOTE] = "note",
    [EVENT_STOPPING] = "stopping",
    [EVENT_RUN_FINISHED] = "run_finished",
};

const char *
event_kind_name(enum event_kind kind)
{
    return event_kind_names[kind];
}

const char *
worker_what_name(enum worker_what what)
{
    static const char *const names[WORKER_WHAT_COUNT] = {
        [WORKER_JOINED] = "joined", [WORKER_LEFT] = "left",
        [WORKER_LOST] = "lost",     [WORKER_FAILED] = "failed",
        [WORKER_SAID] = "said",     [WORKER_PRINTED] = "printed",
    };
    return names[what];
}

const char *
stop_reason_name(enum stop_reason reason)
{
    switch (reason) {
    case STOP_NONE:
        return "";
    case STOP_FAILURES:
        return "failures";
    case STOP_ASKED:
        return "asked";
    case STOP_TIME:
        return "time";
    case STOP_INTERRUPTED:
        return "interrupted";
    case STOP_BROKEN:
        return "broken";
    case STOP_BAILED:
        return "bailed";
    }
    return "";
}

enum stop_reason
stop_reason_find(const char *name)
{
    for (int reason = STOP_FAILURES; name != NULL && reason <= STOP_BAILED;
         reason++) {
        if (strcmp(stop_reason_name((enum stop_reason)reason), name) == 0) {
            return (enum stop_reason)reason;
        }
    }
    return STOP_NONE;
}
