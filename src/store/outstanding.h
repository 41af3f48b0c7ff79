/*
 * What of a suite is still to pass, from one build to the next: read before a
 * build, and put right after it where storing the build alone cannot (a
 * fixture that did not fail again, a test that is no longer there). With it
 * goes the scope: what the builds it comes from were asked to run.
 */
#ifndef STORE_OUTSTANDING_H
#define STORE_OUTSTANDING_H

#include "model/chain.h"
#include "store/store.h"
#include "util/buf.h"

/*
 * In SQL, the states of tests that had ended well. One that has to run, and is
 * taken out because it is not there, ended like that too long ago: how it
 * ended is not known any more, so that it has to run if it comes back.
 */
#define OUTSTANDING_WELL "(1, 4, 5)"
_Static_assert(STATE_PASSED == 1 && STATE_SKIPPED == 4 && STATE_XFAILED == 5,
               "the states that OUTSTANDING_WELL names");

/* Adds all of the suite to the chain. */
bool outstanding_load(struct store *store, int64_t suite, struct chain *chain,
                      struct err *err);

/* Adds the JSON of the scope; nothing when none was kept. */
bool outstanding_scope(struct store *store, int64_t suite, struct buf *scope,
                       struct err *err);

/* Gets the scope that is kept (none: empty), and adds what it is from now on. */
typedef void (*outstanding_scope_fn)(void *ctx, struct slice kept,
                                     struct buf *scope);

struct outstanding_changes {
    const struct chain *chain;
    outstanding_scope_fn scope;
    void *ctx;
};

/*
 * Takes out what of the chain is gone, and changes the scope, in one
 * transaction. What other builds put in meanwhile stays.
 */
bool outstanding_mend(struct store *store, int64_t suite,
                      const struct outstanding_changes *changes,
                      struct err *err);

/*
 * What the last build of any suite ran: adds "--adapter WORDS", "--runner
 * COMMAND", "--tap" and where it ran, as words for people; nothing when there
 * is no build.
 */
bool outstanding_last_words(struct store *store, struct buf *words,
                            struct err *err);

#endif
