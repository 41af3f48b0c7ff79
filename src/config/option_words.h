/*
 * Settings -> the words of a `mule test` command line that means the same, for
 * an engine elsewhere: how tests are found and run, and the labels, as far as
 * they are needed for that. Not what is selected, reported or said with each
 * order; nor the interpreter, which each machine knows for itself.
 */
#ifndef CONFIG_OPTION_WORDS_H
#define CONFIG_OPTION_WORDS_H

#include "model/settings.h"

/* Adds to `words`. */
void option_words(const struct settings *settings, struct texts *words);

#endif
