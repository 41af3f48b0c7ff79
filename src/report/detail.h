/*
 * How one test ended, as a JSON object for a page: findings, output, reason,
 * the command that runs it again. Long texts are cut in their middle; escape
 * sequences of terminals and characters that nobody sees are made harmless.
 */
#ifndef REPORT_DETAIL_H
#define REPORT_DETAIL_H

#include "model/event.h"
#include "util/buf.h"

/* Texts of tests, as long as a page can show them. */
#define DETAIL_MOST_TEXT 32768
#define DETAIL_MOST_FINDINGS 20

/*
 * The object, to be freed; NULL: there is nothing to say. Without `whole`
 * only what fits on a line or two is taken.
 */
char *detail_make(const struct event_test *test, bool whole);

/* Adds a member whose text is made harmless; left out when it is empty. */
void detail_add(struct buf *buf, const char *key, struct slice text);

/* Adds {"head":...,"cut":...,"tail":...}; left out when it is empty. */
void detail_add_output(struct buf *buf, const char *key,
                       const struct output *output);

#endif
