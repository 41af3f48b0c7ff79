/*
 * What Celery's exchanges and queues are called, and what a node may be.
 */
#ifndef CELERY_NAMES_H
#define CELERY_NAMES_H

#include <stdbool.h>

#include "transport/transport.h"
#include "util/err.h"

#define NAMES_CONTROL_EXCHANGE "celery.pidbox"
#define NAMES_REPLY_EXCHANGE "reply.celery.pidbox"
#define NAMES_EVENT_EXCHANGE "celeryev"

/* As every peer declares them: other flags would be refused. */
extern const struct exchange_params names_control_exchange;
extern const struct exchange_params names_event_exchange;
extern const struct exchange_params names_reply_exchange;

/* "<node>.celery.pidbox"; to be freed. */
char *names_control_queue(const char *node);

/* "<name>@<host>"; a name that has an `@` stays as it is. To be freed. */
char *names_node(const char *name);

/* Printable ASCII with one `@`, without blanks, 200 bytes at most. */
bool names_node_check(const char *node, struct err *err);

/* A random UUID. */
#define NAMES_UUID_SIZE 37
void names_uuid(char text[static NAMES_UUID_SIZE]);

#endif
