/*
 * What mule says to an adapter: structs -> lines of docs/protocol/adapter.md.
 * Each adds one line with its newline to `buf` and gives false when the line
 * does not fit into it; what is in the buffer then is not to be sent.
 */
#ifndef ADAPTER_REQUEST_CODEC_H
#define ADAPTER_REQUEST_CODEC_H

#include "model/settings.h"
#include "util/buf.h"

#include <stddef.h>
#include <stdint.h>

struct request_welcome {
    const char *version;
    const char *build;
    enum isolation isolation;
    int verbosity;
    const char *coverage_dir;    // NULL: no coverage
    const char *coverage_rcfile; // NULL: none
    const char *profile_dir;     // NULL: no profile
    const char *debug;           // "pdb", "terminal" or NULL
    uint64_t max_output;
    const char *db_prefix; // NULL: says nothing of databases
    bool keepdb;
    bool bootstrap;
    const struct texts *tags; // NULL or none: not said
    const struct texts *exclude_tags;
};
bool request_add_welcome(struct buf *buf,
                         const struct request_welcome *welcome);

bool request_add_refused(struct buf *buf, const char *reason);

/* A module that is not to be loaded, and why. */
struct request_skip {
    const char *module;
    const char *reason;
};
struct request_collect {
    const char *const *labels; // paths and names as the user gave them
    size_t label_count;
    const char *basedir;
    const char *pattern;
    const char *top; // or NULL
    const struct request_skip *skip;
    size_t skip_count;
};
bool request_add_collect(struct buf *buf,
                         const struct request_collect *collect);

/* A variable of the environment; a value of NULL takes it out. */
struct request_env {
    const char *name;
    const char *value;
};

struct request_fork {
    int slot;
    const struct request_env *env;
    size_t env_count;
    const char *out; // paths; `err` may be the same as `out`
    const char *err;
    const char *page; // NULL: none
};
bool request_add_fork(struct buf *buf, const struct request_fork *fork);

struct request_run {
    uint32_t job;
    uint16_t attempt;
    const char *name;
    uint32_t first; // items first to first + count - 1,
    uint32_t count;
    const uint32_t *items; // or, unless NULL, these `count` items
    const struct request_env *env;
    size_t env_count;
    const char *load;        // NULL or "": nothing
    const struct slice *ids; // `count` ids for a worker that was not forked
                             // from the process that collected, or NULL
};
bool request_add_run(struct buf *buf, const struct request_run *run);

bool request_add_prepare(struct buf *buf);

bool request_add_stop(struct buf *buf);

#endif
