/*
 * The limits of one running job: when to say that it is slow, when to end it
 * and how hard. First its process is asked to print where it is, then it is
 * asked to end, then it is killed. Decides only: it is told the time and the
 * item that runs, and answers with what to do. Time stands still for it while
 * the run is paused, since its caller's clock does.
 */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch_limits {
    uint32_t job_ms;   // 0: none
    uint32_t item_ms;  // 0: none
    uint32_t slow_ms;  // 0: no notice
    uint32_t grace_ms; // between asking to end and killing
};

enum watch_stage {
    WATCH_RUNNING,
    WATCH_DUMPED,     // was told to print where it is
    WATCH_TERMINATED, // was asked to end
    WATCH_KILLED,
    WATCH_GIVEN_UP, // even that did not help
};

/* Why a job is being ended. */
enum watch_cause {
    WATCH_NO_CAUSE,
    WATCH_JOB_LIMIT,
    WATCH_ITEM_LIMIT,
    WATCH_CANCEL
};

enum watch_action {
    WATCH_NOTHING,
    WATCH_SAY_SLOW,
    WATCH_DUMP,
    WATCH_TERMINATE,
    WATCH_KILL,
    WATCH_GIVE_UP,
};

struct watch {
    struct watch_limits limits;
    enum watch_stage stage;
    enum watch_cause cause;
    uint64_t job_began_us;
    uint64_t item_began_us; // 0: no item runs
    uint64_t stage_us;      // when the stage was entered
    bool said_slow;
    bool cancelled; // also where a limit was the first cause
};

/* A job begins at `now_us`. */
void watch_begin(struct watch *watch, const struct watch_limits *limits,
                 uint64_t now_us);

/* An item began at `began_us`; 0: no item runs now. */
void watch_item(struct watch *watch, uint64_t began_us);

/* The job shall end: politely, or at once. */
void watch_cancel(struct watch *watch, bool now);

/* What to do at `now_us`; to be called again until it says WATCH_NOTHING. */
enum watch_action watch_step(struct watch *watch, uint64_t now_us);

#endif
