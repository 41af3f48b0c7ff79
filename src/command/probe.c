#include "command/probe.h"

#include "loop/child.h"
#include "loop/deadline.h"
#include "loop/listener.h"
#include "run/adapter_command.h"
#include "run/workplace.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/path.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STDERR_MAX 2000

struct peer {
    struct probe *probe;
    int number;
    struct connection *connection; // NULL: gone
    bool spoke;
};

struct started {
    struct probe *probe;
    int number;
    struct child *child; // NULL: gone
};

// An event that has not been asked for yet.
struct waiting {
    enum probe_kind kind;
    int peer;
    int status;
    char *line; // of PROBE_MESSAGE
    size_t len;
    struct err err;
};

struct probe {
    struct loop *loop;
    struct guardians *guardians;
    struct workplace *workplace;
    struct listener *listener;
    struct deadline deadline;
    struct adapter_command command;
    struct started started[PROBE_STARTED];
    int started_count;
    struct peer peers[PROBE_PEERS];
    int peer_count;
    ARRAY(struct waiting) queue;
    size_t next; // of the queue
    bool quiet;  // the guardians have ended what was to be ended
    struct adapter_message message;
    char *line; // that `message` borrows from
    char build[32];
};

static void
add_event(struct probe *probe, const struct waiting *waiting)
{
    ARRAY_ADD(&probe->queue, *waiting);
    loop_stop(probe->loop);
}

// --------------------------------------------------------------- events

static void
on_line(void *ctx, struct slice line)
{
    struct peer *peer = ctx;
    peer->spoke = true;
    add_event(peer->probe, &(struct waiting){
                               .kind = PROBE_MESSAGE,
                               .peer = peer->number,
                               .line = alloc_dup_bytes(line.data, line.len),
                               .len = line.len,
                           });
}

static void
on_closed(void *ctx, const struct err *err)
{
    struct peer *peer = ctx;
    struct waiting waiting = {.kind = PROBE_CLOSED, .peer = peer->number};
    if (err != NULL) {
        waiting.kind = PROBE_BREACH;
        waiting.err = *err;
    }
    peer->connection = NULL;
    // Another mule may have looked whether somebody lives here.
    if (peer->spoke || err != NULL) {
        peer->spoke = true;
        add_event(peer->probe, &waiting);
    }
}

// Where a connection belongs: a new place, or that of one that said nothing.
static struct peer *
find_place(struct probe *probe)
{
    for (int i = 0; i < probe->peer_count; i++) {
        if (probe->peers[i].connection == NULL && !probe->peers[i].spoke) {
            return &probe->peers[i];
        }
    }
    return probe->peer_count == PROBE_PEERS
               ? NULL
               : &probe->peers[probe->peer_count++];
}

static void
on_connection(void *ctx, struct connection *connection)
{
    static const struct connection_events events = {
        .on_line = on_line,
        .on_closed = on_closed,
    };
    struct probe *probe = ctx;
    struct peer *peer = find_place(probe);
    if (peer == NULL) {
        connection_drop(connection);
        return;
    }
    *peer = (struct peer){
        .probe = probe,
        .number = (int)(peer - probe->peers),
        .connection = connection,
    };
    connection_start(connection, &events, peer);
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct started *started = ctx;
    started->child = NULL;
    if (!exit->failed) {
        add_event(started->probe, &(struct waiting){
                                      .kind = PROBE_EXITED,
                                      .peer = started->number,
                                      .status = exit->status,
                                  });
    }
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct started *started = ctx;
    struct waiting waiting = {
        .kind = PROBE_BREACH, .peer = PROBE_NOBODY, .err = *err};
    add_event(started->probe, &waiting);
}

static void
on_deadline(void *ctx)
{
    struct probe *probe = ctx;
    add_event(probe,
              &(struct waiting){.kind = PROBE_TIMEOUT, .peer = PROBE_NOBODY});
}

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    (void)ctx;
    (void)leak; // what a worker leaves behind is for a run to tell
}

static void
on_died(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)err; // its children come back as gone
}

static void
on_quiet(void *ctx)
{
    struct probe *probe = ctx;
    probe->quiet = true;
    loop_stop(probe->loop);
}

// Other events may stop the loop before.
static void
wait_until_quiet(struct probe *probe)
{
    while (!probe->quiet) {
        loop_run(probe->loop);
    }
    probe->quiet = false;
}

// ------------------------------------------------------------ life cycle

struct probe *
probe_new(struct err *err)
{
    static const struct guardians_events events = {
        .on_leak = on_leak,
        .on_died = on_died,
    };
    struct probe *probe = ALLOC(struct probe);
    // What it leaves outside must not be another's.
    snprintf(probe->build, sizeof(probe->build), "check%d", (int)getpid());
    probe->loop = loop_new();
    deadline_init(&probe->deadline, probe->loop, on_deadline, probe);
    probe->guardians = guardians_new(
        probe->loop, &(struct guardians_params){.count = 1, .grace_ms = 100},
        &events, probe, err);
    if (probe->guardians != NULL) {
        probe->workplace = workplace_new(
            &(struct workplace_params){
                .slots = 1, .cpus = 1, .build_id = probe->build},
            err);
    }
    if (probe->workplace != NULL) {
        guardians_remove_at_end(probe->guardians,
                                workplace_folder(probe->workplace));
        guardians_environment(probe->guardians,
                              workplace_environment(probe->workplace));
        probe->listener =
            listener_new(probe->loop, workplace_socket(probe->workplace),
                         on_connection, probe, err);
    }
    if (probe->listener == NULL) {
        probe_free(probe);
        return NULL;
    }
    return probe;
}

static void
forget_events(struct probe *probe)
{
    for (size_t i = probe->next; i < probe->queue.count; i++) {
        free(probe->queue.items[i].line);
    }
    ARRAY_CLEAR(&probe->queue);
    probe->next = 0;
}

static void
drop_peers(struct probe *probe)
{
    for (int i = 0; i < probe->peer_count; i++) {
        connection_drop(probe->peers[i].connection);
        probe->peers[i] = (struct peer){0};
    }
    probe->peer_count = 0;
}

static void
drop_started(struct probe *probe)
{
    for (int i = 0; i < probe->started_count; i++) {
        if (probe->started[i].child != NULL) {
            child_drop(probe->started[i].child);
        }
    }
    probe->started_count = 0;
}

void
probe_free(struct probe *probe)
{
    if (probe == NULL) {
        return;
    }
    drop_peers(probe);
    listener_free(probe->listener);
    deadline_release(&probe->deadline);
    drop_started(probe);
    if (probe->guardians != NULL) {
        guardians_stop(probe->guardians, on_quiet, probe);
        wait_until_quiet(probe);
        guardians_free(probe->guardians);
    }
    loop_free(probe->loop);
    workplace_free(probe->workplace);
    forget_events(probe);
    ARRAY_RELEASE(&probe->queue);
    adapter_message_release(&probe->message);
    free(probe->line);
    free(probe);
}

bool
probe_start(struct probe *probe, const char *const *argv, int slot,
            struct err *err)
{
    static const struct child_events events = {
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    assert(probe->started_count < PROBE_STARTED);
    struct started *started = &probe->started[probe->started_count];
    char *out = probe_path(probe, slot < 0 ? "adapter.out" : "out");
    char *error = probe_path(probe, slot < 0 ? "adapter.err" : "err");
    (void)remove(error);
    probe->command = (struct adapter_command){
        .argv = argv,
        .name = path_base(argv[0]),
    };
    struct adapter_start start = {
        .command = &probe->command,
        .socket = workplace_socket(probe->workplace),
        .slot = slot >= 0 ? slot : -1,
        .tidy = slot == PROBE_TIDY,
        .out = out,
        .err = error,
    };
    *started = (struct started){probe, probe->started_count, NULL};
    started->child =
        adapter_command_start(probe->guardians, &start, &events, started, err);
    free(out);
    free(error);
    if (started->child == NULL) {
        return false;
    }
    probe->started_count++;
    return true;
}

void
probe_end(struct probe *probe)
{
    drop_peers(probe);
    drop_started(probe);
    guardians_settle(probe->guardians, on_quiet, probe);
    wait_until_quiet(probe);
    drop_peers(probe);
    forget_events(probe);
}

// --------------------------------------------------------------- talking

static void
decode(struct probe *probe, struct waiting *waiting, struct probe_event *event)
{
    free(probe->line);
    probe->line = waiting->line;
    waiting->line = NULL;
    if (adapter_message_decode(&probe->message,
                               slice_make(probe->line, waiting->len),
                               &event->err)) {
        event->message = &probe->message;
    } else {
        event->kind = PROBE_BREACH;
    }
}

void
probe_next(struct probe *probe, int64_t ms, struct probe_event *event)
{
    if (probe->next == probe->queue.count) {
        forget_events(probe);
        deadline_arm(&probe->deadline, ms);
        while (probe->queue.count == 0) {
            loop_run(probe->loop);
        }
        deadline_disarm(&probe->deadline);
    }
    struct waiting *waiting = &probe->queue.items[probe->next++];
    *event = (struct probe_event){
        .kind = waiting->kind,
        .peer = waiting->peer,
        .status = waiting->status,
        .err = waiting->err,
    };
    if (waiting->kind == PROBE_MESSAGE) {
        decode(probe, waiting, event);
    }
}

void
probe_send(struct probe *probe, int peer, const struct buf *lines)
{
    if (peer >= 0 && probe->peers[peer].connection != NULL) {
        connection_send(probe->peers[peer].connection, buf_text(lines),
                        lines->len);
    }
}

void
probe_hang_up(struct probe *probe, int peer)
{
    if (peer >= 0 && probe->peers[peer].connection != NULL) {
        connection_close(probe->peers[peer].connection);
    }
}

int
probe_pid(const struct probe *probe, int peer)
{
    const struct connection *connection = probe->peers[peer].connection;
    return connection == NULL ? 0 : (int)connection_peer_pid(connection);
}

void
probe_signal(const struct probe *probe, int peer, int signo)
{
    int pid = probe_pid(probe, peer);
    if (pid > 0) { // 0 would be our own process group
        kill(pid, signo);
    }
}

const char *
probe_build(const struct probe *probe)
{
    return probe->build;
}

char *
probe_path(const struct probe *probe, const char *name)
{
    return path_join(workplace_folder(probe->workplace), name);
}

void
probe_add_stderr(const struct probe *probe, struct buf *buf)
{
    char text[STDERR_MAX + 1];
    char *path = probe_path(probe, "adapter.err");
    FILE *file = fopen(path, "rbe");
    free(path);
    if (file == NULL) {
        return;
    }
    if (fseek(file, -STDERR_MAX, SEEK_END) != 0) {
        rewind(file);
    }
    buf_add(buf, text, fread(text, 1, STDERR_MAX, file));
    (void)fclose(file);
}
