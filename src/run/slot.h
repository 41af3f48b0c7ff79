/*
 * One slot of a suite: the worker that runs there, the orders that lie ready
 * for it, what it prints, its limits. Turns what the worker says, and what
 * becomes of it, into the events of the executor. Knows no other slot.
 *
 *     EMPTY -> STARTING -> IDLE <-> BUSY -> ENDING -> EMPTY
 */
#ifndef RUN_SLOT_H
#define RUN_SLOT_H

#include "adapter/session.h"
#include "run/adapter_command.h"
#include "run/executor.h"
#include "run/working_time.h"
#include "run/workplace.h"
#include "run/zygote.h"
#include "schedule/batch.h"

/* What all slots of a suite share; owned by the suite. */
struct slot_shared {
    struct loop *loop;
    struct guardians *guardians;
    const struct settings *settings;
    struct items *items;
    struct workplace *workplace;
    struct zygote *zygote;
    const struct adapter_command *command;
    const struct request_welcome *welcome;
    const char *build_id;
    int base; // the number of the first slot
    const struct executor_events *events;
    void *ctx;
    /* A job of this length ended; the slot may have room. */
    void (*on_job_us)(void *suite, uint64_t us);
    /* The slot is empty and will not start again by itself. */
    void (*on_empty)(void *suite);
    void *suite;
    bool spawn;               // workers are started one by one, not forked
    bool inside;              // the zygote itself runs the jobs: slot 0 only
    struct buf line;          // a request being built
    struct working_time time; // of limits
};

struct slot;
/* Borrows `shared`. `number` is unique in the build. NULL with err. */
struct slot *slot_new(struct slot_shared *shared, int number, struct err *err);
void slot_free(struct slot *slot); // when it is empty

/*
 * The orders that lie here, the running one included. `usual_us` is what one
 * takes of which nobody knows how long it takes; 0: not known either.
 */
void slot_load(const struct slot *slot, uint64_t now_us, uint64_t usual_us,
               struct batch_load *load);
bool slot_is_empty(const struct slot *slot);

/* Takes an order; starts a worker if there is none. */
void slot_give(struct slot *slot, const struct order *order);

/* Starts a worker before there is an order for it. */
void slot_warm(struct slot *slot);

/* Looks at the page and at the limits. */
void slot_tick(struct slot *slot, uint64_t now_us);

/* Ends what runs and gives back what does not; `now`: without grace. */
void slot_cancel(struct slot *slot, bool now);

/* Ends one order; nothing if it does not lie here. */
void slot_cancel_order(struct slot *slot, uint32_t job, uint16_t attempt,
                       bool now);

/* As executor_ops have it, if that job runs here. */
bool slot_view(struct slot *slot, uint32_t job, struct order_view *view);
void slot_read(struct slot *slot, int stream, uint64_t from, uint64_t to,
               struct buf *text);

/* Lets the worker end; on_empty when it has. */
void slot_stop(struct slot *slot);

/* Somebody greeted as the worker of this slot: takes the session. */
void slot_greeted(struct slot *slot, struct session *session,
                  const struct adapter_hello *hello);

/* What the zygote says about this slot. */
void slot_forked(struct slot *slot, int pid);
void slot_fork_failed(struct slot *slot, struct slice reason);
/* Whether that may be its worker, and not one it has given up. */
bool slot_has(const struct slot *slot, int pid);
void slot_exited(struct slot *slot, int status, const struct usage *usage);
/* A message about a job, from a worker or from the zygote itself. */
void slot_message(struct slot *slot, const struct adapter_message *message);
/* The zygote died: nobody will say how the worker ends. */
void slot_orphaned(struct slot *slot);

#endif
