/*
 * A child as its guardian sees it: starting it, reading what it writes, and
 * when it is really over. Tells nobody; guardian.c does.
 */
#ifndef LOOP_WARD_H
#define LOOP_WARD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "loop/guardian_codec.h"
#include "loop/nursery.h"
#include "util/array.h"
#include "util/now.h"

struct ward {
    uint32_t id;
    pid_t pid; // also of its group
    bool zygote;
    bool foreground; // the terminal is its own
    char *tag;       // owned
    int fds[2];      // what it writes, by stream - 1; -1: at end
    int places[2];   // where they are in this turn's poll; -1: nowhere
    usec began;
    // From here on only when it has exited.
    bool exited;
    bool held;
    usec cut_at; // somebody else may keep its output open until then
    struct frame_gone gone;
};

struct wards {
    struct ward *items;
    size_t count;
    size_t capacity;
};

/*
 * Starts a child. On failure says which step failed, and nothing is left; the
 * name borrows from `spawn`.
 */
bool ward_start(struct ward *ward, struct nursery *nursery,
                const struct frame_spawn *spawn, struct frame_failed *failed);

/*
 * Adds what there is to read from a stream that poll found ready to `out`, as
 * an OUTPUT. At its end, closes it.
 */
void ward_read(struct ward *ward, enum child_stream stream, short revents,
               struct buf *out);

/* Stops reading what it writes. */
void ward_close(struct ward *ward);

/* It was reaped: fills in `gone`. */
void ward_exited(struct ward *ward, int status, const struct rusage *usage);

/* Whether all its output was read. */
bool ward_is_silent(const struct ward *ward);

void ward_release(struct ward *ward);

/* NULL: there is none. By pid: only one that has not exited. */
struct ward *wards_find(const struct wards *wards, uint32_t id);
struct ward *wards_find_pid(const struct wards *wards, pid_t pid);

#endif
