/*
 * The builds a store has, newest first, as `mule history` and whoever looks
 * for one of them wants them. Reads only.
 */
#ifndef STORE_BUILDS_H
#define STORE_BUILDS_H

#include "model/event.h"
#include "store/store.h"

/* Texts are borrowed, terminated, and "" where nothing is known. */
struct build_entry {
    int64_t number; // builds.number
    int64_t suite;
    const char *id;
    const char *parent;
    const char *command;
    const char *hostname;
    const char *recording; // name of its file; it need not be there
    int64_t began_ms;
    uint64_t us;
    int exit_status;
    enum stop_reason stop;
    uint32_t states[STATE_COUNT];
    uint32_t flaky;
    uint32_t slots;
};

/* Texts live for the call. False: no more of them. */
typedef bool (*build_entry_fn)(void *ctx, const struct build_entry *entry);

/* At most `limit` (0: all) of a suite (0: of all). False with err. */
bool builds_read(struct store *store, int64_t suite, uint32_t limit,
                 build_entry_fn each, void *ctx, struct err *err);

/* The name of each build's recording, borrowed for the call. */
bool builds_read_recordings(struct store *store,
                            void (*each)(void *ctx, struct slice name),
                            void *ctx, struct err *err);

/* Whether there is one of that id that began then. */
bool builds_has(struct store *store, const char *id, int64_t began_ms,
                bool *has, struct err *err);

#endif
