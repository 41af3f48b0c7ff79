/*
 * All items and jobs of a run, in tables made for a million of them: an item
 * is 24 bytes and its text, and its id is stored without what it shares with
 * its job. Numbers are places in the tables and never change. Owns all texts.
 * Holds what was selected and how each item ended; decides nothing.
 */
#ifndef MODEL_ITEMS_H
#define MODEL_ITEMS_H

#include "model/outcome.h"
#include "util/buf.h"

#define ITEM_NONE UINT32_MAX
#define JOB_NONE UINT32_MAX

/* There is room for so many items, as many jobs, and 4 GiB of texts. */
#define ITEMS_MAX (UINT32_MAX / 4)

enum job_kind {
    JOB_CLASS,   // the tests of one TestCase class
    JOB_MODULE,  // a module with fixtures: its classes stay together
    JOB_SUITE,   // a suite with a way of its own to run
    JOB_FILE,    // doctests, functions
    JOB_IMPORT,  // could not be loaded; running it reports why
    JOB_COMMAND, // one program
    JOB_KIND_COUNT
};

/* An item. Written through the functions below only. */
struct item {
    uint32_t text; // its id, or what follows the job's name when it starts "."
    uint32_t job;  // the job it was collected in
    uint32_t line; // 0: not known
    uint32_t ms;   // how long it took
    uint32_t serial; // 0, or k for the k-th item of the same id: "id#k"
    uint16_t tries;  // how often it was begun
    uint8_t state;   // enum state
    uint8_t flags;   // ITEM_*
};
enum {
    ITEM_SELECTED = 1,    // runs and is counted
    ITEM_APPEARED = 2,    // was not collected, but seen while running
    ITEM_NOT_RAN = 4,     // its framework does not count it as run
    ITEM_BEGUN = 8,       // began in the current attempt of its job
    ITEM_PENDING = 16,    // has ended, but runs again: it has no state yet
    ITEM_ANSWERED = 32,   // the same, in the current attempt of its job
    ITEM_ELSEWHERE = 128, // was selected, and is run by another shard
};

/* A job: items `first` to `first + count - 1`, or a list of items. */
struct job {
    uint32_t name;
    uint32_t file;
    uint32_t load;
    uint32_t first;
    uint32_t count;
    uint32_t list;    // place of its list of items + 1; 0: a range
    uint32_t origin;  // the collected job it is a part of, or itself
    uint8_t kind;     // enum job_kind
    uint8_t flags;    // JOB_*
    uint16_t attempt; // of the last time it was given out; 0: never
};
enum {
    JOB_ALONE = 1,  // nothing may run beside it
    JOB_SPAWN = 2,  // must not run in a fork of the zygote
    JOB_SORTED = 4, // its list ascends; set by items_split_job
    // How early it is to start, in the upper half: lower ones go first.
    JOB_RANK_SHIFT = 4,
    JOB_RANK_MAX = 15,
};

struct job_params {
    struct slice name;
    struct slice file; // empty: not known
    struct slice load; // empty: nothing
    enum job_kind kind;
    unsigned flags;
};

struct items;
struct items *items_new(void);
void items_free(struct items *items);

/* Forgets everything: a collection that starts again starts from zero. */
void items_clear(struct items *items);

/*
 * Adds a job without items; copies the texts, in which a NUL becomes `?`.
 * Gives its number, or JOB_NONE: the tables are full.
 */
uint32_t items_add_job(struct items *items, const struct job_params *params);

/*
 * Adds a selected item at the end. While a job is the newest one its items
 * extend its range; an item that appears later in an older job is counted
 * with it but lies outside its range. An `id` that begins with a dot follows
 * the job's name. An id that is there already gets a serial number. Gives
 * the item's number, or ITEM_NONE: the tables are full.
 */
uint32_t items_add(struct items *items, uint32_t job, struct slice id,
                   uint32_t line);

/* A new job out of items of another one: what is left of it, or a retry. */
uint32_t items_split_job(struct items *items, uint32_t job,
                         const uint32_t *list, uint32_t count);

uint32_t items_count(const struct items *items);
uint32_t items_job_count(const struct items *items);

/* Valid until an item or a job is added. */
struct item *items_get(struct items *items, uint32_t item);
const struct item *items_peek(const struct items *items, uint32_t item);
struct job *items_job(struct items *items, uint32_t job);
const struct job *items_peek_job(const struct items *items, uint32_t job);

/*
 * Whether the job it is in has to run it now: it was collected and selected,
 * has no state, and has not ended in this attempt.
 */
bool items_is_due(const struct items *items, uint32_t item);

/* The `place`-th item of a job; `place` is below its count. */
uint32_t items_of_job(const struct items *items, uint32_t job, uint32_t place);
/* True also for what appeared while the job, or a part of it, ran. */
bool items_job_has(const struct items *items, uint32_t job, uint32_t item);

/* Appends the whole id, serial number included. */
void items_id(const struct items *items, uint32_t item, struct buf *buf);
/* Appends the id without its serial number, as its framework knows it. */
void items_plain_id(const struct items *items, uint32_t item, struct buf *buf);
/* Texts of a job; terminated; live until items_clear. */
const char *items_job_name(const struct items *items, uint32_t job);
const char *items_job_file(const struct items *items, uint32_t job);
const char *items_job_load(const struct items *items, uint32_t job);

/* ITEM_NONE when there is none of that whole id. */
uint32_t items_find(const struct items *items, struct slice id);

/* "class", "module", ... Static. */
const char *job_kind_name(enum job_kind kind);
bool job_kind_find(struct slice name, enum job_kind *kind);

#endif
