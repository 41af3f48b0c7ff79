/*
 * One slot of a list of programs: the program that runs there, what it says,
 * its limits. Turns that into the events of the executor.
 */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "run/commands.h"
#include "run/working_time.h"

/* What all slots share; owned by the commands. */
struct program_shared {
    struct commands_params params;
    void *ctx; // of params.events
    /* The slot is free again. */
    void (*on_free)(void *owner);
    void *owner;
    struct working_time time; // of limits
};

struct program;
/* Borrows `shared`. `slot` is its number here, from 0. */
struct program *program_new(struct program_shared *shared, int slot);
void program_free(struct program *program); // when it is free

bool program_is_free(const struct program *program);

/* Starts the program of an order; ends with on_end, from the loop. */
void program_start(struct program *program, const struct order *order);
void program_tick(struct program *program, uint64_t now_us);
void program_cancel(struct program *program, bool now);
/* As executor_ops have it, if that job runs here. */
bool program_view(const struct program *program, uint32_t job,
                  struct order_view *view);
void program_read(struct program *program, int stream, uint64_t from,
                  uint64_t to, struct buf *text);
/* Whether that order runs here. */
bool program_has(const struct program *program, uint32_t job, uint16_t attempt);

#endif
