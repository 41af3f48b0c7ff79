/*
 * Past builds and tests as lines of JSON, for `mule history --json`. Adds
 * text; reads no store.
 */
#ifndef COMMAND_HISTORY_JSON_H
#define COMMAND_HISTORY_JSON_H

#include "store/builds.h"
#include "store/ranking.h"
#include "util/buf.h"

/* `recording`: the path of a recording that is there, or NULL. */
void history_json_build(struct buf *buf, const struct build_entry *entry,
                        const char *recording, const char *state);
void history_json_seen(struct buf *buf, const char *test,
                       const struct seen *seen);
void history_json_ranked(struct buf *buf, const struct ranked *ranked);

#endif
