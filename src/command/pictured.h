/*
 * What the store knows of the past of a build, as the page of --html asks for
 * it. Opens the store when it is asked; what is wrong with it costs the page
 * its history alone.
 */
#ifndef COMMAND_PICTURED_H
#define COMMAND_PICTURED_H

#include "model/settings.h"
#include "report/html.h"

/* Borrows the settings. NULL where no store is to be used. */
struct html_history *pictured_new(const struct settings *settings);

#endif
