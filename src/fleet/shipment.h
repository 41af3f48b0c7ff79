/*
 * The sources of a build from the side of its coordinator: what workers are to
 * be told of them (the member `tree` of a plan), and with --ship the archive
 * of the working tree, handed out in pieces. Publishes nothing itself. See
 * docs/design/0006-trees.md.
 */
#ifndef FLEET_SHIPMENT_H
#define FLEET_SHIPMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/guardians.h"
#include "model/settings.h"
#include "util/err.h"
#include "util/slice.h"

struct shipment;

struct shipment_events {
    /* Something people should know, one line: "shipping 512 files, ...". */
    void (*on_said)(void *ctx, const char *text);
    /*
     * The plan can be made: shipment_tree and shipment_revision are there.
     */
    void (*on_ready)(void *ctx);
    /* Instead of on_ready: the sources cannot be had. */
    void (*on_failed)(void *ctx, const struct err *err);
    /* To be published to mule-ship-B-`join`; borrowed for the call. */
    void (*on_piece)(void *ctx, const char *join, struct slice body);
};

/* Copied, but for what is behind loop and guardians. */
struct shipment_params {
    struct loop *loop;
    struct guardians *guardians;
    const char *folder;  // where mule was started
    const char *scratch; // a private folder, for the archive
    bool ship;
    uint64_t limit;       // bytes of the archive
    const char *git;      // URL, or NULL: the workers' folders as they are
    const char *revision; // as it was asked for, or NULL
};

/* Borrows `events` and `ctx`. */
struct shipment *shipment_new(const struct shipment_params *params,
                              const struct shipment_events *events, void *ctx);
void shipment_free(struct shipment *shipment); // removes the archive

/* Begins; on_ready or on_failed comes from the loop, once. */
void shipment_start(struct shipment *shipment);

/* Ends what runs: on_failed with ERR_INTERRUPTED, unless it has ended. */
void shipment_cancel(struct shipment *shipment);

/* After on_ready. The object is borrowed: {} or {"git", ...} or {"ship", ...}.
 */
const json_t *shipment_tree(const struct shipment *shipment);
/* The commit that is meant, or "". */
const char *shipment_revision(const struct shipment *shipment);

/*
 * A message `want` of a join (see celery.md, section 6); pieces follow by
 * on_piece, from the loop. False with ERR_PROTOCOL: it makes no sense.
 */
bool shipment_want(struct shipment *shipment, const char *join,
                   const json_t *want, struct err *err);

/* The join needs nothing more: it serves, or has left, or is lost. */
void shipment_forget(struct shipment *shipment, const char *join);

#endif
