/*
 * The failures in the subtests of one point of TAP, at any depth: what is
 * needed to show them as findings of that point. A point of a subtest that
 * fails stands for the failures of subtests of its own, and takes them over.
 */
#ifndef ADAPTER_TAP_SUBS_H
#define ADAPTER_TAP_SUBS_H

#include "adapter/clip.h"
#include "adapter/tap_facts.h"
#include "adapter/tap_line.h"

/* More failures than this are counted only. */
#define TAP_SUBS_MAX 100

struct tap_sub {
    unsigned depth;
    struct slice name; // "3 - outer > 1 - inner"
    struct clip notes; // comments and YAML blocks
    struct tap_facts facts;
    struct keep keep; // its texts
};

/* Zeroed = none. */
struct tap_subs {
    struct tap_sub *items;
    size_t count;
    size_t capacity;
    size_t dropped; // failures beyond TAP_SUBS_MAX
};

/* Forgets all; keeps the memory. */
void tap_subs_clear(struct tap_subs *subs);
void tap_subs_release(struct tap_subs *subs);

/*
 * Takes a point of a subtest. True: it failed by itself and is the last of
 * the items now, to which notes may be added.
 */
bool tap_subs_read(struct tap_subs *subs, unsigned depth,
                   const struct tap_line *line);

/* "3 - does a thing", with the escapes of the description undone; kept. */
struct slice tap_name(struct keep *keep, uint32_t number,
                      struct slice description);

#endif
