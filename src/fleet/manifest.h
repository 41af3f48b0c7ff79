/*
 * What may be unpacked into a tree, and what may be packed: ordinary files,
 * folders, and symbolic links that stay inside, each once, below its own
 * parents. Decides by names alone and touches no file.
 */
#ifndef FLEET_MANIFEST_H
#define FLEET_MANIFEST_H

#include <stdbool.h>

#include "fleet/tar_codec.h"
#include "util/err.h"
#include "util/map.h"

/* Zeroed = empty. */
struct manifest {
    struct map names; // every entry, and every folder an entry lies in
    uint64_t bytes;   // of the texts kept
};

void manifest_release(struct manifest *manifest);

/*
 * Adds an entry, or refuses it with its name in the error (ERR_PROTOCOL):
 * absolute, "..", ".git", a link that leads out, a hard link, a device, a
 * setuid bit, something that was there already or lies below a file or link.
 */
bool manifest_add(struct manifest *manifest, const struct tar_entry *entry,
                  struct err *err);

/* Whether the target of a link called `name` stays inside. */
bool manifest_link_is_inside(struct slice name, struct slice target);

#endif
