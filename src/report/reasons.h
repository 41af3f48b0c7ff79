/*
 * Tests that were skipped, or did not run, gathered by the reason given for
 * it. Keeps a bounded number of reasons and names and counts the rest.
 */
#ifndef REPORT_REASONS_H
#define REPORT_REASONS_H

#include "report/sheet.h"

struct reasons;

struct reasons *reasons_new(void);
void reasons_free(struct reasons *reasons);

/*
 * Counts one more of `name`, for that reason. Several in a row with the same
 * `group` are listed as that, with their number; an empty one groups nothing.
 */
void reasons_add(struct reasons *reasons, struct slice reason,
                 struct slice name, struct slice group);

/* Prints them under `heading`, unless there are none. Of each reason a few
 * names are shown, or under `all` every one that was kept. */
void reasons_print(const struct reasons *reasons, const char *heading, bool all,
                   struct sheet *sheet);

#endif
