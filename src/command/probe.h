/*
 * One adapter under test: its process, and the connections it makes, one event
 * after another. For a program that asks and waits; whoever runs tests uses
 * run/ instead. Decides nothing about what is right.
 */
#ifndef COMMAND_PROBE_H
#define COMMAND_PROBE_H

#include "adapter/adapter_codec.h"
#include "model/settings.h"
#include "util/buf.h"

#define PROBE_PEERS 16
#define PROBE_STARTED 4
#define PROBE_NOBODY (-1)
// In place of a slot; any other negative number is a zygote.
#define PROBE_TIDY (-2)

enum probe_kind {
    PROBE_MESSAGE,
    PROBE_BREACH, // a line that is no message: the error says why
    PROBE_CLOSED, // a connection ended over which something was said
    PROBE_EXITED, // a process that was started ended
    PROBE_TIMEOUT,
};

/* Valid until the next one. */
struct probe_event {
    enum probe_kind kind;
    int peer;   // who said it, a number for each connection; of
                // PROBE_EXITED: which, in the order of starting
    int status; // of PROBE_EXITED: wait(2)'s word
    const struct adapter_message *message;
    struct err err;
};

struct probe;

/* Makes a private folder and a socket. NULL with err. */
struct probe *probe_new(struct err *err);

/* Ends everything that is left, and removes the folder. NULL is allowed. */
void probe_free(struct probe *probe);

/*
 * Starts the command in a role: as a zygote, to tidy up, or (`slot` not
 * negative) as the worker of a slot. At most PROBE_STARTED times until probe_end.
 */
bool probe_start(struct probe *probe, const char *const *argv, int slot,
                 struct err *err);

/* Ends what was started, and its workers, at once; counts from 0 again. */
void probe_end(struct probe *probe);

/* Waits for the next event, `ms` at most. */
void probe_next(struct probe *probe, int64_t ms, struct probe_event *event);

/* Sends lines; nothing happens if that peer is gone. */
void probe_send(struct probe *probe, int peer, const struct buf *lines);

/* Ends a connection from our side. */
void probe_hang_up(struct probe *probe, int peer);

/* The process at the other end, as the kernel tells it; 0: unknown. */
int probe_pid(const struct probe *probe, int peer);

/* Sends a signal there; to nobody once its connection has ended. */
void probe_signal(const struct probe *probe, int peer, int signo);

/* Paths for a worker: "out", "err", "page". To be freed. */
char *probe_path(const struct probe *probe, const char *name);

/* The id of the build that it plays. */
const char *probe_build(const struct probe *probe);

/* The end of what the adapter said on standard error; added to `buf`. */
void probe_add_stderr(const struct probe *probe, struct buf *buf);

#endif
