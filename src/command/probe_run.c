#include "command/probe_talk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

// Running a job: what is asked, and what may be said about it.

/* What has been said about the run that is under way. */
struct progress {
    const struct talk_run *run;
    uint8_t *begun; // by place in the job
    uint8_t *ended;
    int process; // of the job's own; 0: none
    bool done;
};

static bool
find_place(const struct talk *talk, const struct progress *progress,
           uint32_t item, uint32_t *place, struct err *err)
{
    const struct talk_run *run = progress->run;
    for (uint32_t i = run->first; i < run->first + run->count; i++) {
        if (items_of_job(talk->items, run->job, i) == item) {
            *place = i;
            return true;
        }
    }
    return err_set(err, ERR_PROTOCOL,
                   "item %u is none of those that job %u was asked for", item,
                   run->number);
}

static bool
take_end(const struct talk *talk, struct progress *progress, uint32_t item,
         bool ran, struct err *err)
{
    uint32_t place = 0;
    if (!find_place(talk, progress, item, &place, err)) {
        return false;
    }
    if (progress->ended[place] != 0) {
        return err_set(err, ERR_PROTOCOL, "item %u has two results", item);
    }
    if (ran && progress->begun[place] == 0 &&
        (talk->worker_can & ADAPTER_CAN_PAGE) == 0) {
        return err_set(err, ERR_PROTOCOL,
                       "item %u has a result and was never \"started\"", item);
    }
    progress->ended[place] = 1;
    return true;
}

static bool
check_range(const struct talk *talk, const char *name,
            const struct output_range *range, struct err *err)
{
    struct stat about = {0};
    char *path = probe_path(talk->probe, name);
    bool found = stat(path, &about) == 0;
    free(path);
    if (range->end > 0 && (!found || (uint64_t)about.st_size < range->end)) {
        return err_set(err, ERR_PROTOCOL,
                       "\"%s\" goes up to byte %" PRIu64
                       ", and the file has %" PRId64,
                       name, range->end, (int64_t)about.st_size);
    }
    return true;
}

static bool
take_finished(const struct talk *talk, struct progress *progress,
              const struct adapter_finished *finished, struct err *err)
{
    const struct outcome *outcome = &finished->outcome;
    bool ran = outcome->state != STATE_NOT_RUN &&
               outcome->state != STATE_SKIPPED && outcome->ran;
    return (finished->item == ITEM_NONE ||
            take_end(talk, progress, finished->item, ran, err)) &&
           check_range(talk, "out", &finished->out, err) &&
           check_range(talk, "err", &finished->err, err);
}

static bool
take_done(const struct talk *talk, struct progress *progress,
          const struct adapter_progress *done, struct err *err)
{
    const struct talk_run *run = progress->run;
    if (done->job != run->number) {
        return err_set(err, ERR_PROTOCOL,
                       "\"done\" is about job %u instead of %u", done->job,
                       run->number);
    }
    for (uint32_t i = run->first; i < run->first + run->count; i++) {
        if (progress->ended[i] == 0 && !done->left) {
            struct buf id = BUF_INIT(200);
            items_id(talk->items, items_of_job(talk->items, run->job, i), &id);
            err_set(err, ERR_PROTOCOL, "\"done\", and %s has no result",
                    id.len > 0 ? buf_text(&id) : "an item");
            buf_release(&id);
            return false;
        }
    }
    if (progress->process != 0) {
        return err_set(err, ERR_PROTOCOL,
                       "\"process\" was said, and no \"exit\" before \"done\"");
    }
    progress->done = true;
    return check_range(talk, "out", &done->out, err) &&
           check_range(talk, "err", &done->err, err);
}

static bool
take_passed(const struct talk *talk, struct progress *progress,
            const struct adapter_passed *passed, struct err *err)
{
    for (size_t i = 0; i < passed->count; i++) {
        if (!take_end(talk, progress, passed->items[i].item, true, err)) {
            return false;
        }
    }
    return true;
}

static bool
take_progress(const struct talk *talk, struct progress *progress,
              const struct probe_event *event, struct err *err)
{
    const struct adapter_message *message = event->message;
    uint32_t place = 0;
    switch (message->kind) {
    case ADAPTER_PROCESS:
        progress->process = message->progress.pid;
        return true;
    case ADAPTER_STARTED:
        if (!find_place(talk, progress, message->started, &place, err)) {
            return false;
        }
        progress->begun[place] = 1;
        return true;
    case ADAPTER_PASSED:
        return take_passed(talk, progress, &message->passed, err);
    case ADAPTER_FINISHED:
    case ADAPTER_FIXTURE:
        return take_finished(talk, progress, &message->finished, err);
    case ADAPTER_EXIT:
        progress->process = 0;
        return true;
    case ADAPTER_DONE:
        return take_done(talk, progress, &message->progress, err);
    case ADAPTER_NOTE:
        return true;
    case ADAPTER_UNFIT:
        return talk_unfit(event, err);
    case ADAPTER_PREPARING:
    case ADAPTER_PREPARED:
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
    case ADAPTER_KIND_COUNT:
        break;
    }
    return talk_not_now(event, "while it runs a job", err);
}

static bool
await_run(struct talk *talk, const struct talk_run *run, struct err *err)
{
    uint32_t size = items_peek_job(talk->items, run->job)->count;
    struct progress progress = {
        .run = run,
        .begun = calloc(size, 1),
        .ended = calloc(size, 1),
    };
    struct probe_event event;
    bool fine = progress.begun != NULL && progress.ended != NULL;
    while (fine && !progress.done) {
        fine = talk_hear(talk, "\"done\"", &event, err);
        if (fine && event.message->kind == ADAPTER_EXITED) {
            fine = err_set(err, ERR_PROTOCOL,
                           "its worker ended with wait status %d",
                           event.message->slot.status);
        } else if (fine && event.peer != talk->worker) {
            fine = talk_not_now(&event, "while its worker ran a job", err);
        } else if (fine) {
            fine = take_progress(talk, &progress, &event, err);
        }
    }
    free(progress.begun);
    free(progress.ended);
    return fine;
}

static void
add_run(const struct talk *talk, const struct talk_run *run, struct buf *lines)
{
    struct request_env env[] = {{"MULE_JOB", "check.1.1"},
                                {"MULE_ATTEMPT", "1"}};
    ARRAY(uint32_t) items = {0};
    ARRAY(struct slice) ids = {0};
    struct keep keep = {0};
    for (uint32_t i = run->first; i < run->first + run->count; i++) {
        struct buf id = BUF_INIT(TALK_LINES_MAX);
        uint32_t item = items_of_job(talk->items, run->job, i);
        ARRAY_ADD(&items, item);
        items_plain_id(talk->items, item, &id);
        struct slice kept = keep_text(&keep, buf_slice(&id));
        ARRAY_ADD(&ids, kept);
        buf_release(&id);
    }
    assert(items.count > 0);
    request_add_run(lines, &(struct request_run){
                               .job = run->number,
                               .attempt = 1,
                               .name = items_job_name(talk->items, run->job),
                               .first = items.items[0],
                               .count = run->count,
                               .items = run->list ? items.items : NULL,
                               .env = env,
                               .env_count = 2,
                               .load = items_job_load(talk->items, run->job),
                               .ids = talk->forked ? NULL : ids.items,
                           });
    ARRAY_RELEASE(&items);
    ARRAY_RELEASE(&ids);
    keep_release(&keep);
}

bool
talk_run(struct talk *talk, const struct talk_run *runs, size_t count,
         struct err *err)
{
    struct buf lines = BUF_INIT(TALK_LINES_MAX);
    bool fine = true;
    for (size_t i = 0; i < count; i++) {
        add_run(talk, &runs[i], &lines);
    }
    probe_send(talk->probe, talk->worker, &lines);
    buf_release(&lines);
    for (size_t i = 0; fine && i < count; i++) {
        fine = await_run(talk, &runs[i], err);
    }
    return fine;
}
