/*
 * Tells the service manager how a service is, as sd_notify(3) does: a word or
 * two to the socket that $NOTIFY_SOCKET names. Nobody has to listen.
 */
#ifndef COMMAND_NOTIFY_H
#define COMMAND_NOTIFY_H

#include "loop/loop.h"

struct notify;

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment,
 * so that nothing that is started here speaks for this service. Where a
 * watchdog is wanted it is fed from the loop. Never NULL.
 */
struct notify *notify_new(struct loop *loop);
void notify_free(struct notify *notify); // NULL is allowed

/* "READY=1", "STOPPING=1". */
void notify_say(const struct notify *notify, const char *state);
/* The line that `systemctl status` shows. */
void notify_status(const struct notify *notify, const char *text);

#endif
