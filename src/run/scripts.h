/*
 * The setup and teardown scripts of a workspace, each a shell command line
 * with a limit. Teardown runs on every way out, after a setup that failed too.
 */
#ifndef RUN_SCRIPTS_H
#define RUN_SCRIPTS_H

#include "loop/child.h"
#include "model/event.h"
#include "model/settings.h"

struct scripts_params {
    struct loop *loop;
    struct guardians *guardians;
    const struct workspace *workspace;
    const char *build_id;
    const char *revision; // MULE_REVISION, or NULL
    uint64_t output_limit;
    uint32_t grace_ms;
    /* What a script prints, while it runs; borrowed for the call. Or NULL. */
    void (*on_said)(void *ctx, struct slice bytes);
    void *ctx;
};

struct scripts;
struct scripts *scripts_new(const struct scripts_params *params);
void scripts_free(struct scripts *scripts); // when no script runs

/* How a script ended; texts are borrowed for the call. */
typedef void (*scripts_done_fn)(void *ctx, const struct event_script *script);

/*
 * Starts the script; `done` comes from the loop, at once when there is none.
 * `setup`: which of the two.
 */
void scripts_start(struct scripts *scripts, bool setup, scripts_done_fn done,
                   void *ctx);

/* Whether the workspace has that script. */
bool scripts_has(const struct scripts *scripts, bool setup);
const char *scripts_name(const struct scripts *scripts);

/* Ends the script that runs, if one does. */
void scripts_cancel(struct scripts *scripts, bool now); // `now`: no grace

#endif
