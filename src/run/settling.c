#include "run/settling.h"

#include "run/settling_again.h"

#include "run/verdict.h"
#include "util/alloc.h"
#include "util/now.h"

#include <stdlib.h>

/* A process died and no item was running: somebody has to carry the blame. */
static void
blame_process(struct book *book, const struct order_report *report,
              const struct outcome *outcome)
{
    uint32_t origin = items_peek_job(book->items, report->job)->origin;
    char *id =
        alloc_printf("process (%s)", items_job_name(book->items, origin));
    struct chronicle_place place = {
        .job = report->job,
        .attempt = report->attempt,
        .slot = report->slot,
    };
    struct outcome blame = *outcome;
    blame.ran = false; // it is no test
    book_appear(book, &place, slice_of(id), 0, &blame);
    free(id);
}

static void
settle_bad_end(struct book *book, const struct order_report *report)
{
    struct verdict verdict;
    verdict_of_report(&verdict, report);
    if (report->running != ITEM_NONE &&
        items_is_due(book->items, report->running)) {
        uint64_t now = (uint64_t)now_usec();
        struct chronicle_place place = {
            .job = report->job,
            .attempt = report->attempt,
            .item = report->running,
            .slot = report->slot,
            .began_us = now - report->running_us,
        };
        book_take(book, &place, &verdict.outcome);
    } else if (report->end != ORDER_CANCELLED) {
        blame_process(book, report, &verdict.outcome);
    }
}

/*
 * What is left of the job runs again in a fresh process, unless nothing can
 * come of it: then its items get a state here.
 */
static uint32_t
settle_rest(struct book *book, const struct order_report *report, bool stopped)
{
    struct verdict verdict;
    if (report->end == ORDER_DONE && !report->left) {
        verdict_error(&verdict, STATE_ERROR, "missing",
                      "no result came for this test");
        book_take_rest(book, report->job, report->slot, &verdict.outcome,
                       false);
    } else if (report->end == ORDER_TIMEOUT && report->job_limit) {
        verdict_not_run(&verdict, "the time of its job was over");
        // Where the one that took it runs again, so do those behind it.
        bool kept = report->running != ITEM_NONE &&
                    (items_peek(book->items, report->running)->flags &
                     ITEM_ANSWERED) != 0;
        book_take_rest(book, report->job, report->slot, &verdict.outcome, kept);
    }
    bool progress = true;
    uint32_t rest =
        ledger_end(book->ledger, report->job, report->attempt, &progress);
    if (rest == JOB_NONE || stopped) {
        return JOB_NONE;
    }
    if (!progress && report->end != ORDER_CANCELLED) {
        if (report->end == ORDER_DONE) {
            // Nobody has been blamed for it.
            verdict_error(&verdict, STATE_ERROR, "missing",
                          "the worker gave its job back unfinished");
            verdict.outcome.err = report->err;
        } else {
            verdict_not_run(&verdict, "its process ended before it began");
        }
        book_move_extras(book, report->job, rest);
        book_take_rest(book, rest, report->slot, &verdict.outcome, false);
        settling_again(book, report, rest, JOB_NONE);
        return JOB_NONE;
    }
    return rest;
}

static uint32_t
settle_lost(struct book *book, const struct order_report *report, bool stopped)
{
    struct verdict verdict;
    switch (ledger_lose(book->ledger, report->job, report->attempt)) {
    case LEDGER_AGAIN:
        return stopped ? JOB_NONE : report->job;
    case LEDGER_GIVEN_UP:
        verdict_of_report(&verdict, report);
        book_take_rest(book, report->job, report->slot, &verdict.outcome,
                       false);
        return JOB_NONE;
    case LEDGER_NOTHING:
        return JOB_NONE;
    }
    return JOB_NONE;
}

uint32_t
settling_end(struct book *book, const struct order_report *report, bool stopped)
{
    uint32_t rest = JOB_NONE;
    if (report->end == ORDER_LOST) {
        rest = settle_lost(book, report, stopped);
    } else {
        if (report->end != ORDER_DONE) {
            settle_bad_end(book, report);
        }
        rest = settle_rest(book, report, stopped);
    }
    // A job that was lost keeps what was set aside until it ends.
    if (!stopped && rest != report->job) {
        settling_again(book, report, report->job, rest);
    }
    return rest;
}
