/*
 * The steps of a conversation with an adapter under test: start it, greet,
 * collect, get a worker, run a job. Each waits for its answer and fails with
 * what was wrong with it, by docs/protocol/adapter.md.
 */
#ifndef COMMAND_PROBE_TALK_H
#define COMMAND_PROBE_TALK_H

#include "adapter/keep.h"
#include "adapter/request_codec.h"
#include "command/probe.h"
#include "model/items.h"
#include "util/array.h"

/* The longest request. */
#define TALK_LINES_MAX ((size_t)8 << 20)

struct talk {
    struct probe *probe; // borrowed
    const struct settings *settings;
    const char *const *argv;
    int64_t wait_ms; // for each answer

    // What is known of it.
    int zygote; // peers; PROBE_NOBODY: none
    int worker;
    unsigned zygote_can;
    unsigned worker_can;
    int worker_pid;
    bool prepared;    // there is nothing to prepare, or not any more
    bool made;        // it may have to remove something
    bool forked;      // the worker is a fork of the zygote
    int spawned;      // workers that were started by themselves so far
    bool said_exited; // the worker's end is known, from the zygote if forked
    int worker_status;
    int status;
    struct slice about; // adapter, version and language
    struct keep keep;

    // The last collection.
    struct items *items;
    ARRAY(struct slice) modules; // that it said it loads
    ARRAY(struct slice) unknown; // labels
    bool collected;
};

void talk_init(struct talk *talk, struct probe *probe,
               const struct settings *settings);
void talk_release(struct talk *talk);

/* Starts the adapter as a zygote and takes its greeting. */
bool talk_start(struct talk *talk, struct err *err);

/* Answers the greeting. `extra`: with members and messages nobody knows. */
bool talk_welcome(struct talk *talk, enum isolation isolation, bool extra,
                  struct err *err);

/* Collects; `label` and `skip` may be NULL. */
bool talk_collect(struct talk *talk, const char *label, const char *skip,
                  struct err *err);

/* talk_start, talk_welcome and talk_collect of everything. */
bool talk_open(struct talk *talk, enum isolation isolation, struct err *err);

/* Asks it to prepare, and waits until it has. */
bool talk_prepare(struct talk *talk, struct err *err);

/* Asks it to prepare, and waits until it says something about that. */
bool talk_begin_preparing(struct talk *talk, struct err *err);

/* Fails because it says that the tests cannot be run. */
bool talk_unfit(const struct probe_event *event, struct err *err);

/* Starts the command to tidy up, and waits until it has ended, with 0. */
bool talk_tidy(struct talk *talk, struct err *err);

/*
 * Gets a worker for slot 0, of a zygote that is prepared: by a fork of the zygote or, where it cannot, by
 * starting the command again.
 */
bool talk_hire(struct talk *talk, enum isolation isolation, struct err *err);

/* What is to be run: a part of a job, under a number of its own. */
struct talk_run {
    uint32_t number;
    uint32_t job;   // of the collection
    uint32_t first; // places in the job
    uint32_t count;
    bool list; // asked for as a list
};

/* Asks for `count` runs at once and judges all that is said: probe_run.c. */
bool talk_run(struct talk *talk, const struct talk_run *runs, size_t count,
              struct err *err);

/* Waits until the worker has ended and, if it was forked, the zygote said so. */
bool talk_await_worker_end(struct talk *talk, struct err *err);

/* Waits until the process that was started first has ended. */
bool talk_await_end(struct talk *talk, struct err *err);

void talk_send(struct talk *talk, int peer, bool (*add)(struct buf *buf));

/* Ends everything; the talk can be started anew. */
void talk_end(struct talk *talk);

/*
 * The next message; `waiting_for` says for what, in words. Fails at the end of
 * the adapter or of a connection, at a line that is none, and after a while.
 */
bool talk_hear(struct talk *talk, const char *waiting_for,
               struct probe_event *event, struct err *err);

/* Fails because of a message that may not be said at this time. */
bool talk_not_now(const struct probe_event *event, const char *when,
                  struct err *err);

#endif
