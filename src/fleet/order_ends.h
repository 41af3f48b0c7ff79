/*
 * Which attempt of each job ended here last: a table of numbers, small enough
 * to be kept for a whole build.
 */
#ifndef FLEET_ORDER_ENDS_H
#define FLEET_ORDER_ENDS_H

#include <stdbool.h>

#include "fleet/order_codec.h"

struct order_ends;
struct order_ends *order_ends_new(void);
void order_ends_free(struct order_ends *ends); // NULL is allowed

void order_ends_add(struct order_ends *ends, struct order_name name);

/* Whether this attempt of the job, or a later one, ended. */
bool order_ends_has(const struct order_ends *ends, struct order_name name);

#endif
