/*
 * What children leave behind: finds processes that outlived their job, names
 * them, and ends them. Looks only when there is something to look for, and
 * then so seldom that looking costs next to nothing; when the guardian has no
 * child at all it need not look.
 */
#ifndef LOOP_SWEEP_H
#define LOOP_SWEEP_H

#include "loop/os.h"
#include "loop/ward.h"

/*
 * A process in whose environment this variable is was started to serve all
 * jobs: it is no leak, and lives as long as the guardian.
 */
#define SWEEP_SERVICE "MULE_SERVICE"

/* How long what is left may take to end by itself. */
#define SWEEP_PATIENCE_US 200000

/* A job that is over. */
struct suspect {
    char *tag;    // owned, or NULL
    pid_t group;  // or session; 0: none
    usec due;     // when to look
    bool orphans; // what it left can only be a child of the guardian by now
    bool alive;   // something of it was found just now
};

/* A process that is being ended. */
struct condemned {
    pid_t pid;
    uint64_t started;
    usec kill_at;
    bool alive;
};

struct sweep {
    const struct wards *wards; // borrowed
    struct buf *out;           // reports go here; borrowed
    usec grace;
    ARRAY(struct suspect) suspects;
    ARRAY(struct condemned) condemned;
    struct os_processes found;
    struct os_pids children;
    struct buf text;
    struct buf command;
    usec not_before;  // looking again sooner would cost too much
    bool zygote_gone; // orphans may be in use
    bool settling;
    uint32_t settle_number;
    usec settle_from; // until then what is left may end by itself
    usec settle_until;
};

void sweep_init(struct sweep *sweep, const struct wards *wards, struct buf *out,
                usec grace);

/* A job is over, in a zygote or elsewhere below. */
void sweep_add(struct sweep *sweep, const char *tag, pid_t group, usec now);

/* A ward has exited and others are still there. */
void sweep_add_ward(struct sweep *sweep, const struct ward *ward, usec now);

/* Everything that is not below a ward is to go; then SETTLED is reported. */
void sweep_settle(struct sweep *sweep, uint32_t number, usec now);

/* The guardian has no children at all. */
void sweep_nothing_left(struct sweep *sweep);

/* When sweep_run has something to do; 0: never. */
usec sweep_next(const struct sweep *sweep);

/* Looks, if it is time. Says whether something was reported. */
bool sweep_run(struct sweep *sweep, usec now);

/* Time stood still for so long. */
void sweep_shift(struct sweep *sweep, usec by);

#endif
