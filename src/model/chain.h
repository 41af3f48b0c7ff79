/*
 * What is still to pass: the tests that failed or never ran in any build since
 * all was well. A build takes out what ended well and puts in what did not, be
 * it a full one, a narrow one, or the rest of another; so that a narrow build
 * in between forgets nothing. Pure: who keeps it from one build to the next is
 * not decided here.
 *
 * Some items are there only while they fail: a fixture, the process of a job,
 * a point of a program, a module that cannot be loaded. They stand for their
 * job, and are well again once it ran and they did not appear.
 */
#ifndef MODEL_CHAIN_H
#define MODEL_CHAIN_H

#include "model/event.h"
#include "model/history.h"

struct chain_entry {
    const char *id;
    const char *job;   // its job's name
    const char *build; // since which it stands here
    enum state state;  // how it ended last; STATE_NONE: selected and never ran
};

struct chain;
struct chain *chain_new(void);
void chain_free(struct chain *chain);

/* Copies the texts. What is there already only takes over the state. */
void chain_add(struct chain *chain, const struct chain_entry *entry);

/* How many are still to pass, and each of them; `place` is below the count. */
uint32_t chain_count(const struct chain *chain);
/* Valid until something is added; goes through them in the order they came. */
const struct chain_entry *chain_next(const struct chain *chain, uint32_t *at);
/* Likewise those that are not because they did not appear, or are not there. */
const struct chain_entry *chain_next_gone(const struct chain *chain,
                                          uint32_t *at);

/* Whether an entry stands here that this build did not put in or keep. */
bool chain_has_older(const struct chain *chain);
/* Whether it is not as it was when the last entry was added to it. */
bool chain_has_changed(const struct chain *chain);

struct chain_terms {
    bool rerun;              // only what is still to pass, and what is new
    bool covers;             // all that it stands for was to be collected
    struct history *history; // knows which tests are new; NULL: all are
    /*
     * Whether an item need not pass. Asked of those alone that are no entry
     * here and ended badly, or never, all the same: they were not there for a
     * while, or in quarantine. NULL: all have to pass.
     */
    bool (*is_spared)(void *ctx, const struct items *items, uint32_t item);
    /*
     * An entry that no item stands for any more; it is taken out. Or NULL. Of
     * a test that may yet appear while its job runs that is known only at the
     * end of the run.
     */
    void (*on_gone)(void *ctx, const struct chain_entry *entry);
    void *ctx;
};

/* Items that were selected, by why they run. Each is counted once. */
struct chain_take {
    uint32_t failed;
    uint32_t unrun; // never ran, or not to an end
    uint32_t fresh; // not known of any build
    uint32_t whole; // of the job of something that is there only while it fails
    uint32_t gone;  // entries, not items
};

/*
 * Looks which entries the selected items are; for a rerun it takes
 * ITEM_SELECTED from the others. Once, before the events of the build's jobs.
 */
void chain_choose(struct chain *chain, struct items *items,
                  const struct chain_terms *terms, struct chain_take *take);

/* Takes notice of what happens in a build; events that do not matter pass. */
void chain_note(struct chain *chain, const struct event *event);

/* The item was selected by the build that is noted, and may never end. */
void chain_note_selected(struct chain *chain, const char *id, const char *job);

/* Adds "2 failed, 1 never ran, 3 are new". */
void chain_describe(const struct chain_take *take, struct buf *buf);

#endif
