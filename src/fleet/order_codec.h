/*
 * An order on its way to a worker <-> its JSON (docs/protocol/celery.md,
 * section 5), and the digest by which a worker knows that it has collected
 * the same job. Pure: knows the tables of items, no queue and no socket.
 */
#ifndef FLEET_ORDER_CODEC_H
#define FLEET_ORDER_CODEC_H

#include <jansson.h>

#include "model/items.h"
#include "run/executor.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/err.h"

/* A job and which try at it this is: `o` on the wire, [17,1]. */
struct order_name {
    uint32_t job; // the coordinator's number
    uint16_t attempt;
};

#define ORDER_DIGEST_SIZE 17
#define ORDER_EXPECT_MAX_US (INT64_C(366) * 24 * 3600 * 1000000)

/*
 * What a worker is told of an order. Places are those of the items in the job
 * that was collected, from 0, also where the order is for a part of it.
 */
struct order_text {
    struct order order; // numbers and limits
    struct slice name;
    struct slice load;
    struct slice file;
    enum job_kind kind;
    char digest[ORDER_DIGEST_SIZE]; // "": not to be compared
    uint32_t total;                 // items that were collected in the job
    const uint32_t *places;         // what is to run; NULL: all
    size_t count;                   // of `places`
};

/* An array of places whose memory is used again and again. */
struct order_places {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

bool order_name_equals(struct order_name a, struct order_name b);

/* Adds `[17,1]`; adds a list of them. */
void order_name_add(struct buf *buf, struct order_name name);
void order_names_add(struct buf *buf, const struct order_name *names,
                     size_t count);

/* Reads the element of an array, or the member `o` of an object. */
bool order_name_read(const json_t *value, struct order_name *name,
                     struct err *err);
bool order_name_decode(const json_t *object, struct order_name *name,
                       struct err *err);

/* An array of names whose memory is used again and again. */
struct order_names {
    struct order_name *items;
    size_t count;
    size_t capacity;
};

/* Reads the list `member` of an object; replaces what was in `names`. */
bool order_names_decode(const json_t *object, const char *member,
                        struct order_names *names, struct err *err);

/*
 * Over the ids of all items that were collected in the job, or in the one
 * that it is a part of; what appeared while it ran does not count.
 */
void order_digest(const struct items *items, uint32_t job,
                  char digest[static ORDER_DIGEST_SIZE]);

/*
 * The place of an item in the job that was collected, ITEM_NONE if it was not
 * collected there; and back.
 */
uint32_t order_place_of(const struct items *items, uint32_t job, uint32_t item);
uint32_t order_item_at(const struct items *items, uint32_t job, uint32_t place);

/*
 * Says what the tables hold of `order->job`: all but the limits, which are
 * copied. `places` holds those that have no state yet, unless these are all.
 * Borrows the texts of `items` and the memory of `places`.
 */
void order_describe(struct order_text *text, const struct items *items,
                    const struct order *order, struct order_places *places);

/* Adds one object. */
void order_add(struct buf *buf, const struct order_text *text);

/*
 * Reads one object. The texts belong to it, the places to `places`, which are
 * replaced. False with ERR_PROTOCOL.
 */
bool order_decode(const json_t *object, struct order_text *text,
                  struct order_places *places, struct err *err);

#endif
