/*
 * What the page's sink (html.c) gathers and its writers (html_data.c,
 * html_past.c) write.
 */
#ifndef REPORT_HTML_INTERNAL_H
#define REPORT_HTML_INTERNAL_H

#include "report/groups.h"
#include "report/html.h"
#include "report/lanes.h"
#include "report/rows.h"
#include "report/stints.h"
#include "report/writer.h"

struct picture {
    struct buf run;     // members of run_started and collected
    struct buf end;     // members of run_finished; empty: it broke off
    struct buf notes;   // elements
    struct buf scripts; // likewise, and so on
    struct buf leaks;
    struct buf workers;
    uint64_t left_out;  // elements there was no room for
    uint64_t elsewhere; // tests that other shards have
    struct tally tally;
    bool tallied; // by the run itself
    uint64_t last_us;
    struct rows *rows;
    struct lanes *lanes;
    struct groups *groups;
    struct stints *stints;
    struct html_build now; // its id and wall_ms
    struct html_history *history;
};

/* Adds the member "history": what is known of the past. */
void html_past_write(const struct picture *picture, struct buf *buf);

/* Writes the whole page. False with an err in `out`. */
bool html_data_write(struct picture *picture, struct writer *out);

#endif
