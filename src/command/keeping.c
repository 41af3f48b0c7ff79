#include "command/keeping.h"

#include "report/fanout.h"
#include "report/recording.h"
#include "store/record.h"
#include "store/site.h"
#include "store/store.h"
#include "util/alloc.h"
#include "util/path.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct keeping {
    struct event_sink sink; // first
    struct site site;
    struct suite_key suite;
    struct keeping_run run;
    struct event_sink *record;
    struct event_sink *recording; // NULL: there is none, or no more
    char *recording_path;         // or NULL
    struct err err;               // why nothing is kept; said once
    bool forgone;                 // there is no place for it
    bool made_folder;
    bool empty; // nothing was selected
};

enum {
    NAMES_MAX = 1000, // tried for one build id
};

static struct keeping *
keeping_of(struct event_sink *sink)
{
    return (struct keeping *)(void *)sink;
}

static void
tell(struct keeping *keeping, const struct event *event)
{
    struct err ignored = {0}; // a fan-out looks after those that fail
    keeping->run.fanout->ops->on_event(keeping->run.fanout, event, &ignored);
}

static void
on_remark(void *ctx, const struct event *note)
{
    tell(ctx, note);
}

static void
warn(struct keeping *keeping, const struct event *when, const char *what,
     const struct err *err)
{
    char text[sizeof(err->text) + 64];
    snprintf(text, sizeof(text), "%s: %s", what, err->text);
    tell(keeping, &(struct event){
                      .kind = EVENT_NOTE,
                      .wall_ms = when->wall_ms,
                      .us = when->us,
                      .note = {NOTE_WARNING, text, err_help(err)},
                  });
}

// -------------------------------------------------------------- the recording

/* A build id may be anything; a file name may not. */
static char *
plain_name(const char *build_id)
{
    char *base = alloc_dup(build_id[0] != '\0' ? build_id : "build");
    for (char *at = base; *at != '\0'; at++) {
        bool plain = isalnum((unsigned char)*at) || *at == '-' || *at == '_' ||
                     (*at == '.' && at > base);
        if (!plain) {
            *at = '_';
        }
    }
    return base;
}

/*
 * Makes an empty file that nobody else has, and gives its name: another build of
 * that id may begin at the same moment. False: none can be made, and why.
 */
static bool
make_file(const char *folder, const char *build_id, char **name,
          struct err *err)
{
    char *base = plain_name(build_id);
    int fd = -1;
    int reason = EEXIST;
    for (int i = 1; i <= NAMES_MAX && fd < 0 && reason == EEXIST; i++) {
        *name = i == 1 ? alloc_printf("%s%s", base, STORE_RECORDING_END)
                       : alloc_printf("%s-%d%s", base, i, STORE_RECORDING_END);
        char *path = path_join(folder, *name);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0) {
            reason = errno;
            free(*name);
            *name = NULL;
        }
        free(path);
    }
    free(base);
    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, reason, "recording: %s", folder);
        return err_hint(err,
                        "a recording needs a folder that you may write to");
    }
    close(fd);
    return true;
}

static bool
start_recording(struct keeping *keeping, struct err *err)
{
    char *folder = store_recordings(keeping->site.folder);
    keeping->made_folder = !path_is_folder(keeping->site.folder);
    bool fine = store_make_folder(keeping->site.folder, err) &&
                path_make_folders(folder, 0777, err);
    char *name = NULL;
    if (fine && make_file(folder, keeping->run.build_id, &name, err)) {
        keeping->recording_path = path_join(folder, name);
        record_name_recording(keeping->record, name);
        free(name);
        keeping->recording = recording_new(
            &(struct recording_params){
                .path = keeping->recording_path,
                .items = keeping->run.items,
            },
            err);
    }
    free(folder);
    return keeping->recording != NULL;
}

static void
end_recording(struct keeping *keeping)
{
    if (keeping->recording != NULL) {
        keeping->recording->ops->free(keeping->recording);
        keeping->recording = NULL;
    }
}

/* A build of nothing, or one that cannot be kept, leaves nothing. */
static void
clean_up(struct keeping *keeping)
{
    char *folder = store_recordings(keeping->site.folder);
    if (keeping->recording_path != NULL) {
        unlink(keeping->recording_path);
        rmdir(folder); // unless others lie there
    }
    if (keeping->made_folder) {
        char *ignore = path_join(keeping->site.folder, ".gitignore");
        unlink(ignore);
        rmdir(keeping->site.folder);
        free(ignore);
    }
    free(folder);
}

// ------------------------------------------------------------------- the sink

static void
record_event(struct keeping *keeping, const struct event *event)
{
    struct err err = {0};
    if (keeping->recording == NULL ||
        keeping->recording->ops->on_event(keeping->recording, event, &err)) {
        return;
    }
    end_recording(keeping);
    warn(keeping, event, "this build is not recorded any more", &err);
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct keeping *keeping = keeping_of(sink);
    (void)err;
    // The first event that is told is the start of the run.
    if (err_is_set(&keeping->err) && event->kind != EVENT_RUN_STARTED) {
        struct err problem = keeping->err;
        err_clear(&keeping->err);
        warn(keeping, event, "this build is not kept", &problem);
    }
    if (event->kind == EVENT_RUN_FINISHED) {
        keeping->empty = event->finished.tally->selected == 0;
    }
    if (keeping->record != NULL) {
        keeping->record->ops->on_event(keeping->record, event, err);
    }
    record_event(keeping, event);
    return true;
}

static void
on_free(struct event_sink *sink)
{
    struct keeping *keeping = keeping_of(sink);
    end_recording(keeping);
    // What is not in the store would not be found when there is too much.
    bool lost = keeping->record != NULL && record_gave_up(keeping->record);
    if (keeping->empty || lost) {
        clean_up(keeping);
    }
}

static const struct event_sink_ops keeping_ops = {
    .name = "the store",
    .on_event = on_event,
    .free = on_free,
};

// --------------------------------------------------------------- from outside

struct keeping *
keeping_new(const struct settings *settings, struct err *err)
{
    if (settings->no_store) {
        return NULL;
    }
    struct keeping *keeping = ALLOC(struct keeping);
    keeping->sink.ops = &keeping_ops;
    if (!site_find(&keeping->site, settings, err) ||
        !suite_key_make(&keeping->suite, &keeping->site, settings, err)) {
        keeping_free(keeping);
        return NULL;
    }
    keeping->record = record_new(&(struct record_params){
        .site = &keeping->site,
        .suite = &keeping->suite,
        .bounds = {.builds = settings->keep_builds,
                   .bytes = settings->keep_size},
        .whole = !settings->narrowed,
        .on_remark = on_remark,
        .ctx = keeping,
    });
    return keeping;
}

void
keeping_free(struct keeping *keeping)
{
    if (keeping == NULL) {
        return;
    }
    if (keeping->record != NULL) {
        keeping->record->ops->free(keeping->record);
    }
    suite_key_release(&keeping->suite);
    site_release(&keeping->site);
    free(keeping->recording_path);
    free(keeping);
}

struct history *
keeping_history(struct keeping *keeping)
{
    return keeping != NULL ? record_history(keeping->record) : NULL;
}

void
keeping_begin(struct keeping *keeping, const struct keeping_run *run)
{
    if (keeping == NULL) {
        return;
    }
    keeping->run = *run;
    if (!start_recording(keeping, &keeping->err)) {
        keeping->forgone = true;
        record_forgo(keeping->record); // what it would say is said
    }
    fanout_add(run->fanout, &keeping->sink);
}

bool
keeping_gave_up(const struct keeping *keeping)
{
    return keeping != NULL &&
           (keeping->forgone || record_gave_up(keeping->record));
}

void
keeping_tick(struct keeping *keeping, uint64_t now_us)
{
    if (keeping != NULL && keeping->recording != NULL) {
        recording_tick(keeping->recording, now_us);
    }
}
