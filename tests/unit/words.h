/*
 * A command line for tests: one text, cut into words at its blanks.
 */
#ifndef TESTS_UNIT_WORDS_H
#define TESTS_UNIT_WORDS_H

#include <stdio.h>
#include <string.h>

struct words {
    char text[400];
    char *at[40];
    int count;
};

/* `words` must stay where it is. */
static inline void
words_cut(struct words *words, const char *text)
{
    words->count = 0;
    snprintf(words->text, sizeof(words->text), "%s", text);
    for (char *at = words->text; *at != '\0';) {
        size_t len = strcspn(at, " ");
        words->at[words->count++] = at;
        at += len;
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
}

#endif
