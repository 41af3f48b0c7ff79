/*
 * From --runner and a job's name to the words of a program: directly where a
 * shell would come to the same words, else through bash. Pure.
 */
#ifndef RUN_PROGRAM_WORDS_H
#define RUN_PROGRAM_WORDS_H

#include "util/err.h"

#include <stdbool.h>

#define PROGRAM_WORDS_MAX 64

struct program_words {
    const char *argv[PROGRAM_WORDS_MAX + 1]; // NULL at its end
    char *memory;
    bool shell; // bash -c, with TEST in its environment
};

/*
 * The words of `runner` for `test`. TEST must be in the environment of what
 * is started. Borrows both until program_words_release.
 */
void program_words_init(struct program_words *words, const char *runner,
                        const char *test);

/*
 * The words that run a TAP program: itself, or the interpreter that its first
 * line names, or perl for a .t file that names none. False with err when it
 * cannot be read.
 */
bool program_words_of_file(struct program_words *words, const char *path,
                           struct err *err);

void program_words_release(struct program_words *words);

#endif
