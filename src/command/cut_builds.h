/*
 * Builds that a store has nothing of but a recording: mule was killed, or is
 * at it just now. What their recordings know of them, newest first.
 */
#ifndef COMMAND_CUT_BUILDS_H
#define COMMAND_CUT_BUILDS_H

#include "store/builds.h"

enum cut_state {
    CUT_ENDED,   // it has an end; it could not be stored
    CUT_RUNNING, // somebody still writes
    CUT_OFF,
};

/* Texts are owned by the whole. */
struct cut_build {
    struct build_entry entry; // `us` and states as far as the recording goes
    char *path;
    char *cwd;
    char *texts[4]; // of `entry`: id, command, hostname, parent
    enum cut_state state;
    bool commands; // its jobs were programs
};

struct cut_builds;
/*
 * Reads those in `folder` whose name no build of the store has; `store` NULL:
 * there is no database. NULL with err.
 */
struct cut_builds *cut_builds_find(struct store *store, const char *folder,
                                   struct err *err);
void cut_builds_free(struct cut_builds *cut);

/* The next one that began after `began_ms`; NULL: there is none. */
const struct cut_build *cut_builds_next(struct cut_builds *cut,
                                        int64_t began_ms);

#endif
