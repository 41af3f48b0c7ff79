#include "command/probe_talk.h"

#include "config.h"
#include "util/now.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// How long after its connection the end of a process is looked for.
#define DEATH_MS 2000

void
talk_init(struct talk *talk, struct probe *probe,
          const struct settings *settings)
{
    *talk = (struct talk){
        .probe = probe,
        .settings = settings,
        .argv = (const char *const *)settings->labels.at,
        .wait_ms = settings->timeout_ms > 0 ? settings->timeout_ms : 20000,
        .zygote = PROBE_NOBODY,
        .worker = PROBE_NOBODY,
        .items = items_new(),
    };
}

void
talk_release(struct talk *talk)
{
    items_free(talk->items);
    ARRAY_RELEASE(&talk->modules);
    ARRAY_RELEASE(&talk->unknown);
    keep_release(&talk->keep);
}

/* What it made is removed by itself or, if it does not, by another. */
static void
leave_nothing(struct talk *talk)
{
    struct err ignored = {0};
    if (!talk->made || (talk->zygote_can & ADAPTER_CAN_TIDY) == 0) {
        return;
    }
    talk->made = false;
    talk_send(talk, talk->zygote, request_add_stop);
    if (!talk_await_end(talk, &ignored) || talk->status != 0) {
        probe_end(talk->probe);
        err_clear(&ignored);
        talk_tidy(talk, &ignored);
    }
}

void
talk_end(struct talk *talk)
{
    leave_nothing(talk);
    probe_end(talk->probe);
    talk->prepared = talk->made = false;
    talk->zygote = talk->worker = PROBE_NOBODY;
    talk->said_exited = talk->forked = false;
    talk->spawned = 0;
    talk->worker_pid = 0;
    ARRAY_CLEAR(&talk->modules);
    ARRAY_CLEAR(&talk->unknown);
    items_clear(talk->items);
    keep_drop(&talk->keep);
}

// -------------------------------------------------------------- listening

static bool
fail_at_end(int status, struct err *err)
{
    if (WIFSIGNALED(status)) {
        return err_set(err, ERR_PROTOCOL, "its process was ended by signal %d",
                       WTERMSIG(status));
    }
    return err_set(err, ERR_PROTOCOL, "its process exited with status %d",
                   WEXITSTATUS(status));
}

/* A connection ended: most likely because its process did. */
static void
fail_when_closed(struct talk *talk, int peer, struct err *err)
{
    struct probe_event event;
    probe_next(talk->probe, DEATH_MS, &event);
    if (event.kind == PROBE_EXITED) {
        fail_at_end(event.status, err);
    } else if (event.kind == PROBE_MESSAGE &&
               event.message->kind == ADAPTER_EXITED) {
        err_set(err, ERR_PROTOCOL, "its worker ended with wait status %d",
                event.message->slot.status);
    } else {
        err_set(err, ERR_PROTOCOL, "%s closed its connection",
                peer == talk->worker ? "its worker" : "it");
    }
}

bool
talk_hear(struct talk *talk, const char *waiting_for, struct probe_event *event,
          struct err *err)
{
    probe_next(talk->probe, talk->wait_ms, event);
    switch (event->kind) {
    case PROBE_MESSAGE:
        return true;
    case PROBE_BREACH:
        *err = event->err;
        return false;
    case PROBE_CLOSED:
        fail_when_closed(talk, event->peer, err);
        break;
    case PROBE_EXITED:
        fail_at_end(event->status, err);
        break;
    case PROBE_TIMEOUT:
        err_set(err, ERR_PROTOCOL, "nothing came in %" PRId64 " ms",
                talk->wait_ms);
        break;
    }
    return err_wrap(err, "waiting for %s", waiting_for);
}

bool
talk_not_now(const struct probe_event *event, const char *when, struct err *err)
{
    if (event->message->kind == ADAPTER_OTHER) {
        return true; // of a newer minor protocol
    }
    return err_set(err, ERR_PROTOCOL, "it said \"%s\" %s",
                   adapter_kind_name(event->message->kind), when);
}

// --------------------------------------------------------------- greeting

static bool
check_hello(const struct talk *talk, const struct probe_event *event,
            enum adapter_role role, struct err *err)
{
    const struct adapter_hello *hello = &event->message->hello;
    int pid = probe_pid(talk->probe, event->peer);
    if (event->message->kind != ADAPTER_HELLO) {
        return err_set(err, ERR_PROTOCOL, "it said \"%s\" before \"hello\"",
                       adapter_kind_name(event->message->kind));
    }
    if (hello->major != ADAPTER_PROTOCOL_MAJOR) {
        return err_set(err, ERR_PROTOCOL,
                       "it speaks protocol %.*s, this mule speaks %s",
                       SLICE_ARG(hello->protocol), ADAPTER_PROTOCOL);
    }
    if (hello->role != role) {
        return err_set(err, ERR_PROTOCOL, "it greets as a %s",
                       role == ADAPTER_ZYGOTE ? "worker" : "zygote");
    }
    if (pid != 0 && pid != hello->pid) {
        return err_set(err, ERR_PROTOCOL,
                       "it says it is process %d, but it is %d", hello->pid,
                       pid);
    }
    return true;
}

bool
talk_start(struct talk *talk, struct err *err)
{
    struct probe_event event;
    if (!probe_start(talk->probe, talk->argv, -1, err) ||
        !talk_hear(talk, "\"hello\"", &event, err) ||
        !check_hello(talk, &event, ADAPTER_ZYGOTE, err)) {
        return false;
    }
    const struct adapter_hello *hello = &event.message->hello;
    talk->zygote = event.peer;
    talk->zygote_can = hello->can;
    talk->prepared = (hello->can & ADAPTER_CAN_PREPARE) == 0;
    talk->about =
        keep_printf(&talk->keep, "adapter %.*s %.*s, %.*s, protocol %.*s",
                    SLICE_ARG(hello->adapter), SLICE_ARG(hello->version),
                    SLICE_ARG(hello->language), SLICE_ARG(hello->protocol));
    if ((hello->can & ADAPTER_CAN_COLLECT) == 0) {
        return err_set(err, ERR_PROTOCOL,
                       "the \"can\" of a zygote lacks \"collect\"");
    }
    return true;
}

static void
send_welcome(struct talk *talk, int peer, enum isolation isolation, bool extra)
{
    struct buf lines = BUF_INIT(TALK_LINES_MAX);
    request_add_welcome(&lines, &(struct request_welcome){
                                    .version = MULE_VERSION,
                                    .build = probe_build(talk->probe),
                                    .isolation = isolation,
                                    .verbosity = 1,
                                    .max_output = (uint64_t)1 << 20,
                                });
    if (extra) {
        // Another member, and another message, as a later minor may have.
        buf_cut(&lines, lines.len - strlen("}\n"));
        buf_add_text(&lines, ",\"later\":[1]}\n{\"msg\":\"weather\","
                             "\"degrees\":12}\n");
    }
    probe_send(talk->probe, peer, &lines);
    buf_release(&lines);
}

bool
talk_welcome(struct talk *talk, enum isolation isolation, bool extra,
             struct err *err)
{
    (void)err;
    send_welcome(talk, talk->zygote, isolation, extra);
    return true;
}

// ------------------------------------------------------------- collecting

static void
send_collect(struct talk *talk, const char *label, const char *skip)
{
    struct buf lines = BUF_INIT(TALK_LINES_MAX);
    const struct request_skip skipped = {skip, "mule adapter-check skips it"};
    request_add_collect(&lines, &(struct request_collect){
                                    .labels = &label,
                                    .label_count = label == NULL ? 0 : 1,
                                    .basedir = talk->settings->basedir,
                                    .pattern = talk->settings->pattern,
                                    .top = talk->settings->top,
                                    .skip = &skipped,
                                    .skip_count = skip == NULL ? 0 : 1,
                                });
    probe_send(talk->probe, talk->zygote, &lines);
    buf_release(&lines);
}

static void
add_job(struct talk *talk, const struct adapter_job *job)
{
    uint32_t number = items_add_job(talk->items, &job->params);
    for (size_t i = 0; i < job->count; i++) {
        items_add(talk->items, number, job->items[i].id, job->items[i].line);
    }
}

static bool
check_counts(struct talk *talk, const struct adapter_collected *collected,
             struct err *err)
{
    uint32_t jobs = items_job_count(talk->items);
    uint32_t items = items_count(talk->items);
    if (collected->jobs != jobs || collected->items != items) {
        return err_set(err, ERR_PROTOCOL,
                       "\"collected\" counts %u jobs and %u items, but %u and "
                       "%u came",
                       collected->jobs, collected->items, jobs, items);
    }
    talk->collected = true;
    return true;
}

static bool
take_collected(struct talk *talk, const struct probe_event *event,
               struct err *err)
{
    const struct adapter_message *message = event->message;
    struct slice text = {0};
    switch (message->kind) {
    case ADAPTER_IMPORTING:
        text = keep_text(&talk->keep, message->importing.module);
        ARRAY_ADD(&talk->modules, text);
        return true;
    case ADAPTER_UNKNOWN:
        text = keep_text(&talk->keep, message->unknown.label);
        ARRAY_ADD(&talk->unknown, text);
        return true;
    case ADAPTER_JOB:
        if (message->job.count == 0) {
            return err_set(err, ERR_PROTOCOL, "job \"%.*s\" has no items",
                           SLICE_ARG(message->job.params.name));
        }
        add_job(talk, &message->job);
        return true;
    case ADAPTER_COLLECTED:
        return check_counts(talk, &message->collected, err);
    case ADAPTER_FOREIGN:
    case ADAPTER_THREADS:
    case ADAPTER_WARNING:
    case ADAPTER_NOTE:
        return true;
    case ADAPTER_PREPARING:
    case ADAPTER_PREPARED:
    case ADAPTER_UNFIT:
    case ADAPTER_OTHER:
    case ADAPTER_HELLO:
    case ADAPTER_FORKED:
    case ADAPTER_EXITED:
    case ADAPTER_FAILED:
    case ADAPTER_PROCESS:
    case ADAPTER_STARTED:
    case ADAPTER_PASSED:
    case ADAPTER_FINISHED:
    case ADAPTER_FIXTURE:
    case ADAPTER_EXIT:
    case ADAPTER_DONE:
    case ADAPTER_KIND_COUNT:
        break;
    }
    return talk_not_now(event, "while it collects", err);
}

bool
talk_collect(struct talk *talk, const char *label, const char *skip,
             struct err *err)
{
    struct probe_event event;
    items_clear(talk->items);
    ARRAY_CLEAR(&talk->modules);
    ARRAY_CLEAR(&talk->unknown);
    talk->collected = false;
    send_collect(talk, label, skip);
    while (!talk->collected) {
        if (!talk_hear(talk, "\"collected\"", &event, err) ||
            !take_collected(talk, &event, err)) {
            return false;
        }
    }
    return true;
}

bool
talk_open(struct talk *talk, enum isolation isolation, struct err *err)
{
    return talk_start(talk, err) && talk_welcome(talk, isolation, false, err) &&
           talk_collect(talk, NULL, NULL, err);
}

// -------------------------------------------------------------- preparing

bool
talk_unfit(const struct probe_event *event, struct err *err)
{
    const struct adapter_unfit *unfit = &event->message->unfit;
    struct slice line =
        slice_first(unfit->reason, slice_find(unfit->reason, '\n'));
    err_set(err, ERR_PROTOCOL, "it is unfit: %.*s",
            SLICE_ARG(slice_first(line, 200)));
    if (unfit->hint.len > 0) {
        err_advise(err, "%.*s", SLICE_ARG(slice_first(unfit->hint, 200)));
    }
    return false;
}

static bool
take_preparing(struct talk *talk, const struct probe_event *event,
               struct err *err)
{
    switch (event->message->kind) {
    case ADAPTER_PREPARED:
        talk->prepared = true;
        return true;
    case ADAPTER_PREPARING:
    case ADAPTER_NOTE:
        return true;
    case ADAPTER_UNFIT:
        return talk_unfit(event, err);
    case ADAPTER_OTHER:
    case ADAPTER_HELLO:
    case ADAPTER_IMPORTING:
    case ADAPTER_JOB:
    case ADAPTER_UNKNOWN:
    case ADAPTER_FOREIGN:
    case ADAPTER_THREADS:
    case ADAPTER_WARNING:
    case ADAPTER_COLLECTED:
    case ADAPTER_FORKED:
    case ADAPTER_EXITED:
    case ADAPTER_FAILED:
    case ADAPTER_PROCESS:
    case ADAPTER_STARTED:
    case ADAPTER_PASSED:
    case ADAPTER_FINISHED:
    case ADAPTER_FIXTURE:
    case ADAPTER_EXIT:
    case ADAPTER_DONE:
    case ADAPTER_KIND_COUNT:
        break;
    }
    return talk_not_now(event, "while it prepares", err);
}

bool
talk_begin_preparing(struct talk *talk, struct err *err)
{
    struct probe_event event;
    talk->made = true;
    talk_send(talk, talk->zygote, request_add_prepare);
    return talk_hear(talk, "\"prepared\"", &event, err) &&
           take_preparing(talk, &event, err);
}

bool
talk_prepare(struct talk *talk, struct err *err)
{
    struct probe_event event;
    if (talk->prepared) {
        return true;
    }
    if (!talk_begin_preparing(talk, err)) {
        return false;
    }
    while (!talk->prepared) {
        if (!talk_hear(talk, "\"prepared\"", &event, err) ||
            !take_preparing(talk, &event, err)) {
            return false;
        }
    }
    return true;
}

bool
talk_tidy(struct talk *talk, struct err *err)
{
    struct probe_event event;
    if (!probe_start(talk->probe, talk->argv, PROBE_TIDY, err)) {
        return false;
    }
    do {
        probe_next(talk->probe, talk->wait_ms, &event);
        if (event.kind == PROBE_TIMEOUT) {
            return err_set(err, ERR_PROTOCOL,
                           "its process is still there after %" PRId64 " ms",
                           talk->wait_ms);
        }
    } while (event.kind != PROBE_EXITED);
    return event.status == 0 || fail_at_end(event.status, err);
}

// ---------------------------------------------------------------- a worker

static bool
make_page(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool made = fd >= 0 && ftruncate(fd, 4096) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return made || err_set(err, ERR_SYSTEM, "cannot make %s", path);
}

static bool
send_fork(struct talk *talk, struct err *err)
{
    struct buf lines = BUF_INIT(TALK_LINES_MAX);
    const struct request_env env[] = {
        {"MULE_SLOT", "0"},
        {"MULE_LOCAL_SLOT", "0"},
        {"MULE_ROLE", "worker"},
    };
    char *out = probe_path(talk->probe, "out");
    char *error = probe_path(talk->probe, "err");
    char *page = probe_path(talk->probe, "page");
    bool made = make_page(page, err);
    request_add_fork(&lines, &(struct request_fork){
                                 .slot = 0,
                                 .env = env,
                                 .env_count = sizeof(env) / sizeof(env[0]),
                                 .out = out,
                                 .err = error,
                                 .page = page,
                             });
    probe_send(talk->probe, talk->zygote, &lines);
    buf_release(&lines);
    free(out);
    free(error);
    free(page);
    return made;
}

static bool
take_hello(struct talk *talk, const struct probe_event *event, struct err *err)
{
    const struct adapter_hello *hello = &event->message->hello;
    if (!check_hello(talk, event, ADAPTER_WORKER, err)) {
        return false;
    }
    if (hello->slot != 0) {
        return err_set(err, ERR_PROTOCOL, "it greets for slot %d, not 0",
                       hello->slot);
    }
    if ((hello->can & (ADAPTER_CAN_RUN | ADAPTER_CAN_PROCESS)) == 0) {
        return err_set(err, ERR_PROTOCOL,
                       "the \"can\" of a worker has neither \"run\" nor "
                       "\"process\"");
    }
    if (talk->worker_pid != 0 && talk->worker_pid != hello->pid) {
        return err_set(err, ERR_PROTOCOL,
                       "process %d was forked, and %d greets", talk->worker_pid,
                       hello->pid);
    }
    if (getpgid(hello->pid) != hello->pid) {
        return err_set(err, ERR_PROTOCOL,
                       "process %d does not lead a process group of its own",
                       hello->pid);
    }
    talk->worker = event->peer;
    talk->worker_can = hello->can;
    talk->worker_pid = hello->pid;
    return true;
}

static bool
take_forked(struct talk *talk, const struct probe_event *event, struct err *err)
{
    const struct adapter_slot *slot = &event->message->slot;
    if (event->message->kind == ADAPTER_FAILED) {
        return err_set(err, ERR_PROTOCOL, "it could not fork: %.*s",
                       SLICE_ARG(slot->reason));
    }
    if (event->message->kind != ADAPTER_FORKED) {
        return talk_not_now(event, "when it was asked to fork", err);
    }
    if (slot->slot != 0) {
        return err_set(err, ERR_PROTOCOL, "it forked for slot %d, not 0",
                       slot->slot);
    }
    if (talk->worker_pid != 0 && talk->worker_pid != slot->pid) {
        return err_set(err, ERR_PROTOCOL,
                       "process %d greeted, and %d was forked",
                       talk->worker_pid, slot->pid);
    }
    talk->worker_pid = slot->pid;
    talk->forked = true;
    return true;
}

bool
talk_hire(struct talk *talk, enum isolation isolation, struct err *err)
{
    bool fork = (talk->zygote_can & ADAPTER_CAN_FORK) != 0;
    struct probe_event event;
    if (!talk_prepare(talk, err)) {
        return false;
    }
    talk->worker = PROBE_NOBODY;
    talk->worker_pid = 0;
    talk->forked = talk->said_exited = false;
    talk->spawned += fork ? 0 : 1;
    if (fork ? !send_fork(talk, err)
             : !probe_start(talk->probe, talk->argv, 0, err)) {
        return false;
    }
    // The fork and its parent speak in any order.
    while (talk->worker == PROBE_NOBODY || talk->forked != fork) {
        if (!talk_hear(talk, "a worker's \"hello\" and \"forked\"", &event,
                       err)) {
            return false;
        }
        if (event.peer == talk->zygote ? !take_forked(talk, &event, err)
                                       : !take_hello(talk, &event, err)) {
            return false;
        }
    }
    send_welcome(talk, talk->worker, isolation, true);
    return true;
}

// ------------------------------------------------------------------ the end

void
talk_send(struct talk *talk, int peer, bool (*add)(struct buf *buf))
{
    struct buf line = BUF_INIT(1024);
    add(&line);
    probe_send(talk->probe, peer, &line);
    buf_release(&line);
}

static bool
take_exited(struct talk *talk, const struct probe_event *event, struct err *err)
{
    const struct adapter_slot *slot = &event->message->slot;
    if (event->message->kind != ADAPTER_EXITED) {
        return talk_not_now(event, "when its worker ended", err);
    }
    if (slot->slot != 0 || slot->pid != talk->worker_pid) {
        return err_set(err, ERR_PROTOCOL,
                       "\"exited\" is about slot %d, process %d instead of "
                       "slot 0, process %d",
                       slot->slot, slot->pid, talk->worker_pid);
    }
    talk->worker_status = slot->status;
    talk->said_exited = true;
    return true;
}

/* Takes an event while a worker is expected to end. */
static bool
take_worker_end(struct talk *talk, const struct probe_event *event,
                bool *closed, struct err *err)
{
    switch (event->kind) {
    case PROBE_CLOSED:
    case PROBE_BREACH: // a killed one may break off within a line
        *closed = *closed || event->peer == talk->worker;
        return true;
    case PROBE_MESSAGE:
        return event->peer != talk->zygote || take_exited(talk, event, err);
    case PROBE_EXITED:
        if (talk->forked || event->peer != talk->spawned) {
            return fail_at_end(event->status, err);
        }
        talk->worker_status = event->status;
        talk->said_exited = true;
        return true;
    case PROBE_TIMEOUT:
        break;
    }
    return err_set(err, ERR_PROTOCOL, "the worker %s after %" PRId64 " ms",
                   *closed ? "was not said to have exited" : "is still there",
                   talk->wait_ms);
}

bool
talk_await_worker_end(struct talk *talk, struct err *err)
{
    struct probe_event event;
    bool closed = false;
    while (!closed || !talk->said_exited) {
        probe_next(talk->probe, talk->wait_ms, &event);
        if (!take_worker_end(talk, &event, &closed, err)) {
            return false;
        }
    }
    talk->worker = PROBE_NOBODY;
    return true;
}

bool
talk_await_end(struct talk *talk, struct err *err)
{
    struct probe_event event;
    for (;;) {
        probe_next(talk->probe, talk->wait_ms, &event);
        if (event.kind == PROBE_EXITED && event.peer == 0) {
            talk->status = event.status;
            return true;
        }
        if (event.kind == PROBE_TIMEOUT) {
            return err_set(err, ERR_PROTOCOL,
                           "its process is still there after %" PRId64 " ms",
                           talk->wait_ms);
        }
    }
}
