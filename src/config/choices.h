/*
 * What the choices of a user mean together: those that contradict each other
 * are an error, those that follow from others are made, and what is quietly
 * overruled is said.
 */
#ifndef CONFIG_CHOICES_H
#define CONFIG_CHOICES_H

#include "config/options.h"
#include "model/settings.h"
#include "util/err.h"

/* Adds to `notes` a sentence for each choice that has no effect. */
bool choices_settle(struct settings *settings, enum option_command command,
                    struct texts *notes, struct err *err);

#endif
