/*
 * The inside of a slot, for the files it is made of: slot.c (what is asked of
 * it), slot_orders.c (what lies there), slot_start.c (how a worker comes),
 * slot_worker.c (how it speaks and goes) and slot_job.c (what it says of its
 * job). Nobody else includes it.
 */
#ifndef RUN_SLOT_INTERNAL_H
#define RUN_SLOT_INTERNAL_H

#include "adapter/page.h"
#include "adapter/request_codec.h"
#include "loop/deadline.h"
#include "run/printed.h"
#include "run/slot.h"
#include "run/watch.h"
#include "schedule/batch.h"

// What a dead worker wrote last is there already; this is for holders of its
// socket, which never let the end of file come.
#define SLOT_EOF_MS 500
#define SLOT_STOP_MS 5000

enum slot_state {
    SLOT_EMPTY = 1,
    SLOT_STARTING, // asked for; has not greeted
    SLOT_IDLE,
    SLOT_BUSY,
    SLOT_ENDING, // asked to end, or dead and not yet buried
};

/* The job that runs, and what is known of its process. */
struct running {
    uint64_t began_us;
    int pid;          // of the job's process; 0: the worker itself
    uint32_t item;    // what runs; ITEM_NONE
    uint64_t item_us; // when it began
    bool said;        // on_job_begin was told
    bool exited;      // `exit` came for its own process
    bool left;        // it did not go on after a test, and says so
    int status;
    struct usage usage;
    struct watch watch;
};

struct slot {
    struct slot_shared *shared;
    int number;
    enum slot_state state;

    // What the worker says beside its messages.
    struct printed printed;
    uint32_t *page;
    char *page_path;
    struct page_state page_state;
    uint32_t early[PAGE_ENTRIES]; // passes taken from the page, not yet said
    size_t early_count;
    // Those of the order that had a result last: the page may still have them.
    uint32_t told[PAGE_ENTRIES];
    size_t told_count; // of the order

    // The worker.
    struct session *session;
    struct session *side; // a job whose connection a test closed
    struct child *child;  // a worker that was started, not forked
    int pid;
    unsigned can;
    int dump_signal;
    bool spawned;
    bool dead; // its end is known; what it said last may still come
    int dead_status;
    bool killed; // it was told to die: nothing more is sent to it
    struct deadline deadline;
    char problem[256]; // why the worker was ended by mule
    bool breach;
    bool orphan;        // what had started it is gone
    bool used;          // an order was sent to it
    uint32_t processes; // that ran orders here, so far
    uint32_t process;   // the worker, if it runs orders itself; 0: not yet

    // The orders that lie here.
    struct order orders[BATCH_MOST]; // [0] runs
    int lanes[BATCH_MOST];           // the TMPDIR of each
    uint64_t lanes_used;             // a bit a lane
    uint64_t doomed;                 // lanes whose order is not to go on
    bool cut;                        // one was ended, its worker maybe, too
    uint32_t order_count;
    uint32_t unknown;   // orders here of which nobody knows how long they take
    uint64_t expect_us; // what the others should take
    bool sent;          // orders[0] was sent to the worker that is there
    uint32_t sent_count;
    struct running run;
    bool stopping;
    bool cancelled;
};

// --------------------------------------------------------- slot_orders.c

/* The slot's number on this machine, from 0. */
int slot_local(const struct slot *slot);
/* A folder for the order at this place. */
const char *slot_tmp(struct slot *slot, int lane);
/* Takes in an order, behind all others. */
void slot_add(struct slot *slot, const struct order *order);
/* The order that runs, or NULL. */
struct order *slot_front(struct slot *slot);
/* The first order begins to run; or nothing does. */
void slot_begin_front(struct slot *slot);
void slot_drop_front(struct slot *slot);
/* Takes out an order that was not sent. */
void slot_drop_unsent(struct slot *slot, uint32_t place);
/* Whether the order wants a worker that was started, not forked. */
bool slot_needs_spawn(const struct slot *slot, const struct order *order);
/* Sends orders that were not sent, as far as they fit this worker. */
void slot_send(struct slot *slot);
/* Gives every order that lies here back, all with the same fate. */
void slot_give_back(struct slot *slot, enum order_end end, const char *problem);

// ------------------------------------------------------------ slot_job.c

uint64_t slot_now(const struct slot *slot);
/* The clock of limits: it stands still while the run is paused. */
uint64_t slot_watch_time(const struct slot *slot, uint64_t us);
void slot_read_page(struct slot *slot);
/* The first order is over; `status` is of the process that died, if any. */
void slot_end_front(struct slot *slot, bool died, int status, uint64_t us);
/* Looks for what the process of the running job left behind. */
void slot_sweep(struct slot *slot, int pid);

// ---------------------------------------------------------- slot_start.c

void slot_start_worker(struct slot *slot);

// --------------------------------------------------------- slot_worker.c

/* Whether its worker runs each job in a process that it forks for it. */
bool slot_forks_jobs(const struct slot *slot);
/* Whether its worker may run one job only: it has no other way to isolate. */
bool slot_is_single_use(const struct slot *slot);
/* Signals a process that the worker or the zygote started, or the worker. */
void slot_signal(struct slot *slot, int pid, int signo, bool group);
void slot_signal_worker(struct slot *slot, int signo);
void slot_signal_job(struct slot *slot, int signo);
/* The worker cannot be trusted or does not answer: it is ended. */
void slot_condemn(struct slot *slot, bool breach, const char *problem);
/* From here on the session speaks for this slot. */
void slot_listen(struct slot *slot, struct session *session);
/* Sends the line that was built in slot->shared->line. */
void slot_send_line(struct slot *slot);
/* The run was cancelled: the worker must not go on with what it holds. */
void slot_abandon(struct slot *slot);
void slot_on_deadline(void *ctx);

#endif
