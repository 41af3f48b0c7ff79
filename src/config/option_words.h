/*
 * Settings -> the words of a `mule test` command line that means the same, for
 * an engine elsewhere: how tests are found and run, and the labels. Not what
 * is selected among them, reported, or said with each order.
 */
#ifndef CONFIG_OPTION_WORDS_H
#define CONFIG_OPTION_WORDS_H

#include "model/settings.h"

/* Adds to `words`. */
void option_words(const struct settings *settings, struct texts *words);

#endif
