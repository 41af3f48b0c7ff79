/*
 * The members of events, as they stand in JSON: their names, and their values
 * with a type and within bounds. The first one that is not what it must be is
 * the error. For event_reader.c.
 */
#ifndef REPORT_EVENT_MEMBER_H
#define REPORT_EVENT_MEMBER_H

#include "report/scan.h"

// Every member of every event, and of what stands within events.
enum event_member {
    M_EVENT,
    M_AT_US,
    M_WALL_MS,
    M_ATTEMPT,
    M_BASE,
    M_BEGAN_US,
    M_BUILD,
    M_COMMAND,
    M_COUNTED,
    M_CUT,
    M_CWD,
    M_DURATIONS,
    M_ERR,
    M_ERRORS,
    M_EXCLUDED,
    M_EXCUSED,
    M_EXIT_STATUS,
    M_EXPECT_US,
    M_FAILURES,
    M_FILE,
    M_FINDINGS,
    M_FLAKY,
    M_HASH_SEED,
    M_HEAD,
    M_HINT,
    M_HOST,
    M_HOSTNAME,
    M_ID,
    M_ISOLATION,
    M_ITEM,
    M_ITEMS,
    M_JOB,
    M_JOB_NAME,
    M_JOBS,
    M_KIND,
    M_LATE,
    M_LEAKS,
    M_LEVEL,
    M_LINE,
    M_MAXRSS_KIB,
    M_MERGED,
    M_MESSAGE,
    M_MODULE,
    M_NAME,
    M_OK,
    M_ORDER,
    M_OUT,
    M_OUTPUT,
    M_OUTSTANDING,
    M_PARENT,
    M_PID,
    M_PROBLEM,
    M_PROCESS,
    M_PYTHON,
    M_PYTHON_ORIGIN,
    M_QUARANTINED,
    M_RAN,
    M_REASON,
    M_REF,
    M_REFUSED,
    M_RERUN,
    M_RETRIED,
    M_SCRIPT,
    M_SEED,
    M_SELECTED,
    M_SELECTION,
    M_SHARD,
    M_SKIPS,
    M_SLOT,
    M_SLOTS,
    M_STATE,
    M_STATES,
    M_STOP,
    M_SUB,
    M_SYSTEM_US,
    M_TAIL,
    M_TESTS,
    M_TEXT,
    M_TRACE,
    M_TRIES,
    M_TYPE,
    M_US,
    M_USAGE,
    M_USER_US,
    M_VERSION,
    M_WHAT,
    M_WHERE,
    M_WORKER,
    M_WORKSPACE,
    M_XFAILS,
    M_XPASSES,
    M_COUNT
};

/* Times, and dates, are not beyond this. */
#define EVENT_US_MAX UINT64_C(100000000000000000)

extern const char *const event_member_names[M_COUNT];

/* The members of one object, and where an error goes. */
struct event_members {
    struct scan_value values[M_COUNT];
    struct err *err;
};

bool event_member_has(const struct event_members *set,
                      enum event_member member);

/* Sets the error, unless there is one: "NAME" is not WHAT. */
void event_member_refuse(const struct event_members *set, const char *name,
                         const char *what);

/* What is missing is 0, false where nothing else is said, an empty text. */
uint64_t event_member_uint(const struct event_members *set,
                           enum event_member member, uint64_t max);
uint32_t event_member_count(const struct event_members *set,
                            enum event_member member);
uint64_t event_member_us(const struct event_members *set,
                         enum event_member member);
/* From -max to max. */
int64_t event_member_int(const struct event_members *set,
                         enum event_member member, uint64_t max);
bool event_member_bool(const struct event_members *set,
                       enum event_member member, bool otherwise);
struct slice event_member_slice(const struct event_members *set,
                                enum event_member member);
/* Terminated; a NUL within it becomes `?`. */
const char *event_member_text(const struct event_members *set,
                              enum event_member member, const char *otherwise);
/* The place of a word among `count` ones, of which some may be NULL. */
int event_member_choice(const struct event_members *set,
                        enum event_member member, const char *const *names,
                        int count);

/* A number by itself, of which `name` is said if it is none. */
uint64_t event_member_number(const struct event_members *set,
                             const struct scan_value *value, const char *name,
                             uint64_t max);

#endif
