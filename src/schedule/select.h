/*
 * Which of the collected items run. Decides by names alone: it loads nothing,
 * and labels that the adapter has resolved already are none of its business.
 *
 *   label    a path: the file, or all files below the folder
 *            a dotted name: the item of that id, or all below that package,
 *            module or class
 *            a pattern (* ? [a-z]; a star runs over dots): an id, or anything
 *            above it as before; with a slash in it, a file. An id that is
 *            the very same text fits too: it may have a bracket in it
 *   -k       as unittest has it: a part of the id, or, with a star, a pattern
 *            for all of it
 *   --include, --exclude
 *            a class, with or without its package and module before it; or
 *            what a label may be
 *
 * An item runs if one of the labels, one of -k and one of --include fit, as far
 * as there are any, and no --exclude does. Ids are without serial numbers.
 *
 * A module that could not be loaded stands under its name for all that it may
 * hold: -k and --include never leave it out, a label only if nothing in it
 * can be meant, --exclude if it fits the module.
 */
#ifndef SCHEDULE_SELECT_H
#define SCHEDULE_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/items.h"
#include "model/settings.h"
#include "util/buf.h"
#include "util/err.h"

/* All borrowed; any may be NULL. */
struct selection {
    const struct texts *labels; // NULL unless one of them is a pattern
    const struct texts *patterns;
    const struct texts *include;
    const struct texts *exclude;
};

struct selected {
    uint32_t items;
    uint32_t jobs;       // with at least one selected item
    uint32_t excluded;   // items that were collected and do not run
    const char *in_vain; // the first -k or --include that fits nothing; NULL
};

/*
 * Whether a label is a pattern. Then the adapter has to be asked for all there
 * is, and the labels, all of them, are for select_items.
 */
bool select_has_pattern(const struct texts *labels);

/*
 * Sets and clears ITEM_SELECTED of all items. A label that fits nothing is an
 * ERR_USAGE that names the nearest match; then the items are as they were.
 */
bool select_items(struct items *items, const struct selection *selection,
                  struct selected *selected, struct err *err);

/*
 * Adds the collected name that is nearest to a label, be it an item, a class,
 * a module or a package; nothing if none is near.
 */
void select_nearest(const struct items *items, const char *label,
                    struct buf *nearest);

#endif
