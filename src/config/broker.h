/*
 * Which broker a fleet uses. Reads the environment, and takes out of it what
 * no test may see; opens no connection.
 */
#ifndef CONFIG_BROKER_H
#define CONFIG_BROKER_H

#include "model/settings.h"
#include "util/err.h"

/*
 * The URLs: --broker, mule.yaml, MULE_BROKER, CELERY_BROKER_URL, the first
 * that is there; to be freed. NULL with err: none is. `origin` is for people:
 * "--broker or mule.yaml", "MULE_BROKER"; static.
 */
char *broker_choose(const struct settings *settings, const char **origin,
                    struct err *err);

/* Removes URLs, which may hold passwords, and the secret from the
 * environment of this process and so of all that it starts. */
void broker_hide(void);

#endif
