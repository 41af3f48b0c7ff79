/*
 * The end of what a process printed, kept for the message that says what
 * became of it.
 */
#ifndef RUN_LAST_WORDS_H
#define RUN_LAST_WORDS_H

#include "util/buf.h"
#include "util/err.h"

#define LAST_WORDS_MAX ((size_t)16 * 1024)

struct last_words {
    struct buf buf; // at most LAST_WORDS_MAX bytes
};

void last_words_init(struct last_words *words);
void last_words_release(struct last_words *words);
void last_words_reset(struct last_words *words);

void last_words_add(struct last_words *words, struct slice bytes);

/* All that was kept, without the blanks around it; borrowed. */
struct slice last_words_get(const struct last_words *words);

/* Adds its last line to a cause that is set; nothing where it is empty. */
void last_words_explain(const struct last_words *words, struct err *err);

#endif
