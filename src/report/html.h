/*
 * The run as one page for a browser, that needs nothing but itself: totals,
 * failures with what they printed, a timeline, the slowest tests, workers, and
 * what is known of the past. Up to ROWS_MOST tests each is in it; beyond that
 * it names the bad, the flaky and the slowest ones and counts the others by
 * job, so that its size and our memory are bounded. Written when the run ends,
 * whole or not at all.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "model/event.h"

/* A build of the past. */
struct html_build {
    char id[32];
    int64_t wall_ms; // when it began
    uint64_t us;
    uint32_t selected;
    uint32_t bad;
    uint32_t flaky;
    int exit_status;
};

/* How one test ended in a build of the past. */
struct html_point {
    uint64_t us;
    enum state state;
    bool flaky;
};

#define HTML_MOST_POINTS 20

/* One test in the last builds that ran it, oldest first. */
struct html_past {
    struct slice id;
    struct html_point points[HTML_MOST_POINTS];
    size_t count;
};

/*
 * What is known of the past of `now` (whose `id` and `wall_ms` are set), as
 * the page asks for it when it is written. Whoever has a store answers.
 */
struct html_history;
struct html_history_ops {
    /* Fills in up to `most` builds, oldest first; gives their number. */
    size_t (*builds)(struct html_history *history, const struct html_build *now,
                     struct html_build *builds, size_t most);
    /* Fills in what is known of each of these tests. */
    void (*tests)(struct html_history *history, const struct html_build *now,
                  struct html_past *pasts, size_t count);
    void (*free)(struct html_history *history);
};
struct html_history {
    const struct html_history_ops *ops;
};

/*
 * `history` becomes the sink's; NULL: nothing is known. NULL with err and a
 * hint when no file can be written there; `history` is freed then.
 */
struct event_sink *html_new(const char *path, struct html_history *history,
                            struct err *err);

#endif
