/*
 * Who is there: the answers to `mule_status`, read, sorted and written for
 * people or as JSON. Asks nobody itself; see docs/protocol/celery.md, section
 * 7. Nodes of others, which do not know the command, are counted by name.
 */
#ifndef FLEET_CENSUS_H
#define FLEET_CENSUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/slice.h"

struct census;
struct census *census_new(void);
void census_free(struct census *census);

/*
 * What a node answered. A second answer of the same node replaces the first.
 * True: it knows mule; an answer that makes no sense counts as a stranger's.
 */
bool census_add(struct census *census, struct slice node, const json_t *value);

size_t census_workers(const struct census *census);
size_t census_coordinators(const struct census *census);
size_t census_strangers(const struct census *census);

/* A table for people: builds, then workers with what runs there. */
void census_write_text(const struct census *census, struct buf *buf);

/* {"builds":[...],"workers":[...],"others":[...]} and a newline. */
void census_write_json(const struct census *census, struct buf *buf);

#endif
