/*
 * Named resources of mule.yaml: how many units there are of each, and what
 * overrides need of them. Checks names and numbers; gives nothing out.
 */
#ifndef CONFIG_RESOURCES_H
#define CONFIG_RESOURCES_H

#include "model/settings.h"
#include "util/err.h"

#define RESOURCE_UNITS_MAX 1000000

/*
 * There is so much of a resource: "2". One of that name is replaced. The error
 * says what is wrong with the value only.
 */
bool resources_set(struct settings *settings, const char *name,
                   const char *units, struct err *err);

/*
 * Turns the words of all overrides, "db" or "db=2", into needs. ERR_CONFIG
 * names a resource that is not there, or more than there is of it.
 */
bool resources_settle(struct settings *settings, struct err *err);

#endif
