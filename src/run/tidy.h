/*
 * Removes what an adapter left outside of its processes when its zygote could
 * not: its command once more, without a socket, as docs/protocol/adapter.md
 * has it in section 9. Decides nothing about when.
 */
#ifndef RUN_TIDY_H
#define RUN_TIDY_H

#include "loop/deadline.h"
#include "run/adapter_command.h"
#include "run/last_words.h"

struct tidy_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct adapter_command *command;
    /*
     * It is over. `problem`: what the user should know of it, or NULL: all is
     * well. Borrowed for the call.
     */
    void (*on_done)(void *ctx, const char *problem);
    void *ctx;
};

/* Zeroed = not there. */
struct tidy {
    struct tidy_params params;
    struct child *child; // NULL: it does not run
    struct deadline deadline;
    struct last_words said; // on standard error
    uint32_t limit_ms;
    bool late;
    bool hurried;
    struct err err; // why it was not started
};

void tidy_init(struct tidy *tidy, const struct tidy_params *params);
void tidy_release(struct tidy *tidy); // when it does not run

/* on_done follows from the loop. */
void tidy_start(struct tidy *tidy);

/* Leaves it a few seconds only; the second time, none. */
void tidy_hurry(struct tidy *tidy);

#endif
