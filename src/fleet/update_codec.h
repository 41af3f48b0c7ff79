/*
 * What a worker has to say <-> its JSON: the updates of docs/protocol/
 * celery.md, section 4, and of docs/protocol/engine.md, as structs that fit
 * the events of run/executor.h. Pure: numbers, places, orders and slots are
 * as they are on the wire; whose they are is for the caller to know.
 */
#ifndef FLEET_UPDATE_CODEC_H
#define FLEET_UPDATE_CODEC_H

#include "adapter/outcome_codec.h"
#include "fleet/order_codec.h"
#include "model/event.h"

/*
 * The longest object of one update. An outcome or an output that would be
 * longer is cut in the middle; with room for what is around it a line of the
 * engine's holds it, and, escaped once more, a message to the inbox.
 */
#define UPDATE_MAX (((size_t)8 << 20) - 65536)

enum update_kind {
    UPDATE_OTHER, // of a newer minor protocol: to be ignored
    UPDATE_SAID,
    UPDATE_JOINED,
    UPDATE_TOOK,
    UPDATE_BOUNCED,
    UPDATE_JOB,
    UPDATE_BEGIN,
    UPDATE_SLOW,
    UPDATE_RESULT,
    UPDATE_APPEARED,
    UPDATE_BAIL,
    UPDATE_END,
    UPDATE_DIFFERS,
    UPDATE_LEAK,
    UPDATE_NOTE,
    UPDATE_HOLDS,
    UPDATE_FAILED,
    UPDATE_LEFT,
    UPDATE_KIND_COUNT
};

/* The end of an order, as struct order_report without its numbers. */
struct update_end {
    enum order_end end;
    uint64_t running_us;
    int status;
    struct slice problem;
    bool job_limit;
    bool left;
    struct usage usage;
    struct output out;
    struct output err;
};

struct update_appeared {
    struct slice id;
    struct slice file;
    uint32_t line;
    bool whole;
};

struct update_leak {
    struct slice job;
    struct slice id;
    int pid;
    struct slice command;
};

struct update_note {
    enum note_level level;
    struct slice text;
    struct slice hint; // empty: none
};

/* Which members count says the kind; the others are zero. */
struct update {
    enum update_kind kind;
    struct order_name o; // job begin slow result appeared bail end differs
    uint32_t place;      // begin slow result; end: of what ran, ITEM_NONE
    int slot;            // job begin slow result appeared end
    uint32_t process;    // job: as struct order_begin has it
    uint64_t us;         // joined slow end left; result, appeared: see outcome
    struct slice text;   // said; the reason of bail, differs, failed, left
    bool ok;             // left
    uint64_t ask;        // holds
    const struct order_name *os; // took bounced holds
    size_t os_count;
    const struct outcome *outcome; // result appeared
    union {
        struct update_end end;
        struct update_appeared appeared;
        struct update_leak leak;
        struct update_note note;
    };
};

/*
 * Adds one object, at most UPDATE_MAX long; `buf` should have room for that.
 * Texts may be any bytes: what is not UTF-8 is repaired.
 */
void update_add(struct buf *buf, const struct update *update);

/* Adds the members of an outcome, the first without a comma before it. */
void update_add_outcome(struct buf *buf, const struct outcome *outcome);

/* The memory a decoded update lies in; zeroed = none. */
struct update_memory {
    struct findings findings;
    struct outcome outcome;
    struct order_names names;
};
void update_memory_release(struct update_memory *memory);

/*
 * Reads one object. What `update` gives borrows from the object and from the
 * memory: it is valid until either changes. False with ERR_PROTOCOL that
 * names kind and member.
 */
bool update_decode(const json_t *object, struct update_memory *memory,
                   struct update *update, struct err *err);

/* Any state but `none` is allowed, and outputs are read. */
bool update_decode_outcome(const json_t *object, struct findings *findings,
                           struct outcome *outcome, struct err *err);

/*
 * For whoever passes updates on without reading them: takes the next object
 * off the front of `list`, the inside of a JSON list that update_add wrote,
 * gives its text and in `update` its kind and order (job begin slow result
 * appeared bail end differs), and nothing else. False at the end of the list;
 * then `list` is empty, or what is left of it was not written by update_add.
 */
bool update_skim(struct slice *list, struct slice *text, struct update *update);

/* "said", "joined", ...; "other". Static. */
const char *update_kind_name(enum update_kind kind);

#endif
