/*
 * Lines that a carrier's native side says: jansson's values, built without
 * failing but for want of memory, to a connection.
 */
#ifndef FLEET_CARRIER_JSON_H
#define FLEET_CARRIER_JSON_H

#include <jansson.h>

#include "loop/connection.h"

/* Takes `value`, which must be new and not NULL. */
void carrier_json_set(json_t *object, const char *name, json_t *value);

/* Sends it as a line. Takes `line`; NULL is want of memory. */
void carrier_json_send(struct connection *connection, json_t *line);

#endif
