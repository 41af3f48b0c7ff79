#include "run/verdict.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void
verdict_describe_status(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status)) {
        int signo = WTERMSIG(status);
        const char *name = sigdescr_np(signo);
        snprintf(text, size, "killed by signal %d (%s)%s", signo,
                 name != NULL ? name : "unknown",
                 WCOREDUMP(status) ? ", core dumped" : "");
    } else {
        snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
    }
}

static void
describe_limit(const struct watch *watch, bool whole, char *text, size_t size)
{
    if (watch->cause == WATCH_ITEM_LIMIT) {
        snprintf(text, size, "took longer than %g s (--test-timeout)",
                 watch->limits.item_ms / 1000.0);
    } else if (whole) {
        snprintf(text, size, "took longer than %g s (--timeout)",
                 watch->limits.job_ms / 1000.0);
    } else {
        snprintf(text, size,
                 "was running when its job had taken %g s (--timeout)",
                 watch->limits.job_ms / 1000.0);
    }
}

bool
verdict_of_watch(const struct watch *watch, bool whole, enum order_end *end,
                 char *text, size_t size)
{
    switch (watch->cause) {
    case WATCH_JOB_LIMIT:
    case WATCH_ITEM_LIMIT:
        *end = ORDER_TIMEOUT;
        describe_limit(watch, whole, text, size);
        return true;
    case WATCH_CANCEL:
        *end = ORDER_CANCELLED;
        snprintf(text, size, "%s", VERDICT_STOPPED);
        return true;
    case WATCH_NO_CAUSE:
        break;
    }
    return false;
}

void
verdict_error(struct verdict *verdict, enum state state, const char *type,
              const char *message)
{
    memset(verdict, 0, sizeof(*verdict));
    verdict->finding = (struct finding){
        .kind = FINDING_ERROR,
        .type = slice_of(type),
        .message = slice_of(message),
    };
    verdict->outcome = (struct outcome){
        .state = state,
        .findings = &verdict->finding,
        .finding_count = 1,
        .ran = true,
        .counted = true,
    };
}

void
verdict_not_run(struct verdict *verdict, const char *reason)
{
    memset(verdict, 0, sizeof(*verdict));
    verdict->outcome = (struct outcome){
        .state = STATE_NOT_RUN,
        .reason = slice_of(reason),
    };
}

static void
set_text(struct verdict *verdict, const char *type,
         const struct order_report *report)
{
    verdict->finding.type = slice_of(type);
    if (report->problem[0] != '\0') {
        snprintf(verdict->text, sizeof(verdict->text), "%s", report->problem);
    } else {
        verdict_describe_status(report->status, verdict->text,
                                sizeof(verdict->text));
        size_t len = strlen(verdict->text);
        snprintf(verdict->text + len, sizeof(verdict->text) - len,
                 " in the middle of the test");
    }
    verdict->finding.message = slice_of(verdict->text);
}

void
verdict_of_report(struct verdict *verdict, const struct order_report *report)
{
    verdict_error(verdict, STATE_ERROR, "error", "");
    switch (report->end) {
    case ORDER_TIMEOUT:
        verdict->outcome.state = STATE_TIMEOUT;
        set_text(verdict, "timeout", report);
        break;
    case ORDER_CRASHED:
        verdict->outcome.state = STATE_CRASHED;
        set_text(verdict, WIFSIGNALED(report->status) ? "signal" : "exit",
                 report);
        break;
    case ORDER_BREACH:
        set_text(verdict, "protocol", report);
        break;
    case ORDER_LOST:
        verdict->outcome.state = STATE_LOST;
        set_text(verdict, "lost", report);
        break;
    case ORDER_CANCELLED:
        verdict_not_run(verdict, report->problem);
        break;
    case ORDER_DONE:
        set_text(verdict, "missing", report);
        break;
    }
    verdict->outcome.us = report->running_us;
    verdict->outcome.out = report->out;
    verdict->outcome.err = report->err;
}
