/*
 * What all children of a guardian have in common before they are started:
 * the environment they begin with, and memory to start them with.
 */
#ifndef LOOP_NURSERY_H
#define LOOP_NURSERY_H

#include <stdbool.h>
#include <sys/types.h>

#include "loop/guardian_codec.h"

/* Texts; who owns them is said where they are. */
struct words {
    char **items;
    size_t count;
    size_t capacity;
};

/* What all starts of a guardian have in common. */
struct nursery {
    void *stack;
    pid_t guardian;
    int terminal[3]; // what were this program's descriptors 0 to 2; -1: none
    int controlling; // its controlling terminal; -1: none
    struct words environment; // owned texts "NAME=value"
    struct words argv;        // for one start: borrowed
    struct words envp;        // likewise
};

/* Takes over the environment of this process. False with errno. */
bool nursery_init(struct nursery *nursery, const int terminal[static 3],
                  int controlling);

/* Applies changes ("NAME=value", "NAME") to the base environment. */
void nursery_change(struct nursery *nursery, const struct frame_texts *changes);

/* Makes `argv` and `envp` for one start. */
void nursery_prepare(struct nursery *nursery, const struct frame_spawn *spawn);

/*
 * The same text as exec and its like want it: they do not write to it, but
 * have no way to say so.
 */
char *nursery_unconst(const char *text);

#endif
