/*
 * What the fleet's tasks, control commands and queues are called. Texts only:
 * declares nothing.
 */
#ifndef FLEET_FLEET_NAMES_H
#define FLEET_FLEET_NAMES_H

#include <stdbool.h>

#include "util/err.h"

#define FLEET_TASK_OFFER "mule.provision"
#define FLEET_TASK_RUN "mule.run_test"

#define FLEET_WELCOME "mule_welcome"
#define FLEET_LEASE "mule_lease"
#define FLEET_CANCEL "mule_cancel"
#define FLEET_RESEND "mule_resend"
#define FLEET_STATE "mule_state"
#define FLEET_LIVE "mule_live"
#define FLEET_TEARDOWN "mule_teardown"
#define FLEET_STATUS "mule_status"

/* Header of a task that says whose it is. */
#define FLEET_HEADER_BUILD "mule_build"

/* How long the queues of a build live unused. */
#define FLEET_QUEUE_EXPIRES_MS (60U * 60 * 1000)
#define FLEET_INBOX_EXPIRES_MS (10U * 60 * 1000)

/* The longest build id, escaped: a broker takes names of 255 bytes. */
#define FLEET_BUILD_MAX 200

/* The names of one build; zeroed = none. */
struct fleet_names {
    char *build; // the id, escaped
    char *queue; // of orders: mule-B
    char *inbox; // of the coordinator: mule-in-B
};

/* False with err (ERR_CONFIG): the id is empty, too long or not UTF-8. */
bool fleet_names_init(struct fleet_names *names, const char *build_id,
                      struct err *err);
void fleet_names_release(struct fleet_names *names);

/* Every byte outside of A-Z a-z 0-9 . _ - as =XX; to be freed. */
char *fleet_names_escape(const char *text);

/* mule-ship-B-J, to be freed. */
char *fleet_names_ship(const struct fleet_names *names, const char *join);

#endif
