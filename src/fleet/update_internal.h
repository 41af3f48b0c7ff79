/*
 * What the two halves of update_codec.h share: update_codec.c, which reads,
 * and update_add.c, which writes. Nobody else includes it.
 */
#ifndef FLEET_UPDATE_INTERNAL_H
#define FLEET_UPDATE_INTERNAL_H

#include "fleet/update_codec.h"

#define UPDATE_END_COUNT (ORDER_LOST + 1)
#define UPDATE_LEVEL_COUNT (NOTE_ERROR + 1)

/* By enum order_end and enum note_level. */
extern const char *const update_end_names[UPDATE_END_COUNT];
extern const char *const update_level_names[UPDATE_LEVEL_COUNT];

/* Whether the update is about an order, `o`. */
bool update_has_order(enum update_kind kind);

#endif
