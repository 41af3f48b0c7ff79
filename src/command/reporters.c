#include "command/reporters.h"

#include "command/pictured.h"
#include "report/fanout.h"
#include "report/github.h"
#include "report/html.h"
#include "report/junit.h"
#include "report/report_json.h"
#include "report/screen.h"
#include "report/trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a report goes, or NULL: it is not asked for. */
static const char *
wants_junit(const struct settings *settings)
{
    return settings->xunit ? settings->xunit_output : NULL;
}

static const char *
wants_json(const struct settings *settings)
{
    return settings->json;
}

static const char *
wants_html(const struct settings *settings)
{
    return settings->html;
}

static const char *
wants_trace(const struct settings *settings)
{
    return settings->trace;
}

static const char *
wants_github(const struct settings *settings)
{
    (void)settings;
    // Nothing changes the environment while other threads run.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    return path != NULL && path[0] != '\0' ? path : NULL;
}

static const struct {
    const char *(*wants)(const struct settings *settings);
    // NULL: the page, see make().
    struct event_sink *(*make)(const char *path, struct err *err);
    bool unasked; // for a run only
} reports[] = {
    {wants_github, github_new, true},     {wants_junit, junit_new, false},
    {wants_json, report_json_new, false}, {wants_html, NULL, false},
    {wants_trace, trace_new, false},
};

// The page also wants to know of the past.
static struct event_sink *
make(size_t place, const char *path, const struct settings *settings,
     struct err *err)
{
    return reports[place].make != NULL
               ? reports[place].make(path, err)
               : html_new(path, pictured_new(settings), err);
}

bool
reporters_add(struct event_sink *fanout, const struct settings *settings,
              enum reporters_of what, struct err *err)
{
    for (size_t i = 0; i < sizeof(reports) / sizeof(*reports); i++) {
        if (reports[i].unasked && what != REPORTERS_OF_RUN) {
            continue;
        }
        const char *path = reports[i].wants(settings);
        struct event_sink *sink =
            path != NULL ? make(i, path, settings, err) : NULL;
        if (path != NULL && sink == NULL) {
            return false;
        }
        fanout_add(fanout, sink);
    }
    return true;
}

void
reporters_describe_terminal(const struct settings *settings,
                            struct terminal_params *params)
{
    bool json = settings->json != NULL && strcmp(settings->json, "-") == 0;
    // Nothing changes the environment while other threads run.
    // NOLINTBEGIN(concurrency-mt-unsafe)
    const struct screen_environment environment = {
        .term = getenv("TERM"),
        .columns = getenv("COLUMNS"),
        .no_color = getenv("NO_COLOR"),
        .clicolor = getenv("CLICOLOR"),
        .clicolor_force = getenv("CLICOLOR_FORCE"),
        .ci = getenv("CI"),
        .github_actions = getenv("GITHUB_ACTIONS"),
        .lc_all = getenv("LC_ALL"),
        .lc_ctype = getenv("LC_CTYPE"),
        .lang = getenv("LANG"),
    };
    // NOLINTEND(concurrency-mt-unsafe)
    *params = (struct terminal_params){
        .merged = settings->capture == CAPTURE_MERGED,
        .verbosity = settings->verbosity,
        .slowest = settings->durations,
    };
    screen_describe(params, json ? STDERR_FILENO : STDOUT_FILENO,
                    settings->color, &environment);
}
