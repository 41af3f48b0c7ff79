#include "command/cut_builds.h"

#include "report/recording_reader.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/map.h"
#include "util/path.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

// A folder with more is not ours.
#define CUT_BUILDS_MAX 10000

struct cut_builds {
    ARRAY(struct cut_build) builds;
    struct map known; // names of recordings that builds of the store have
    size_t given;
};

static void
on_known(void *ctx, struct slice name)
{
    struct cut_builds *cut = ctx;
    map_set(&cut->known, name, cut);
}

static void
begin_build(struct cut_build *build, const struct event *event)
{
    const struct event_run *run = &event->run;
    free(build->cwd);
    build->cwd = alloc_dup(run->cwd);
    build->commands = strcmp(run->isolation, "command") == 0;
    const char *const texts[] = {run->build_id, run->command, run->hostname,
                                 run->parent};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        build->texts[i] = alloc_dup(texts[i] != NULL ? texts[i] : "");
    }
    build->entry.id = build->texts[0];
    build->entry.command = build->texts[1];
    build->entry.hostname = build->texts[2];
    build->entry.parent = build->texts[3];
    build->entry.began_ms = event->wall_ms;
    build->entry.slots = (uint32_t)(run->slots > 0 ? run->slots : 0);
}

static void
note(struct cut_build *build, const struct event *event)
{
    if (event->kind == EVENT_RUN_STARTED && build->entry.id == NULL) {
        begin_build(build, event);
    } else if (event->kind == EVENT_TEST_FINISHED) {
        build->entry.states[event->test.outcome->state]++;
        build->entry.flaky += event->test.flaky;
    } else if (event->kind == EVENT_RUN_FINISHED) {
        build->entry.exit_status = event->finished.exit_status;
        build->entry.stop = event->finished.stop;
    }
    build->entry.us = event->us;
}

static enum cut_state
find_state(const struct recording_gaps *gaps)
{
    switch (gaps->end) {
    case RECORDING_COMPLETE:
        return CUT_ENDED;
    case RECORDING_GROWING:
        return CUT_RUNNING;
    case RECORDING_CUT:
        break;
    }
    return CUT_OFF;
}

static void
release_build(struct cut_build *build)
{
    for (size_t i = 0; i < sizeof(build->texts) / sizeof(build->texts[0]);
         i++) {
        free(build->texts[i]);
    }
    free(build->cwd);
    free(build->path);
}

/* One that cannot be read is nobody's build. */
static void
read_build(struct cut_builds *cut, const char *folder, const char *name)
{
    struct err err = {0};
    struct cut_build build = {
        .path = path_join(folder, name),
        .entry = {.recording = "", .exit_status = -1},
    };
    struct recording_reader *reader =
        recording_reader_open(build.path, 0, &err);
    struct recording_entry entry;
    while (reader != NULL && recording_reader_next(reader, &entry)) {
        note(&build, &entry.event);
    }
    if (reader != NULL) {
        build.state = find_state(recording_reader_gaps(reader));
    }
    recording_reader_free(reader);
    if (build.entry.id != NULL) {
        ARRAY_ADD(&cut->builds, build);
    } else {
        release_build(&build);
    }
}

static int
compare_builds(const void *a, const void *b)
{
    int64_t first = ((const struct cut_build *)a)->entry.began_ms;
    int64_t second = ((const struct cut_build *)b)->entry.began_ms;
    return (first < second) - (first > second);
}

struct cut_builds *
cut_builds_find(struct store *store, const char *folder, struct err *err)
{
    struct cut_builds *cut = ALLOC(struct cut_builds);
    if (store != NULL && !builds_read_recordings(store, on_known, cut, err)) {
        cut_builds_free(cut);
        return NULL;
    }
    DIR *listing = opendir(folder);
    const struct dirent *file = NULL;
    while (listing != NULL && cut->builds.count < CUT_BUILDS_MAX &&
           (file = readdir(listing)) != NULL) {
        struct slice name = slice_of(file->d_name);
        if (slice_ends_with(name, SLICE(STORE_RECORDING_END)) &&
            map_find(&cut->known, name) == NULL) {
            read_build(cut, folder, file->d_name);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
    if (cut->builds.count > 1) {
        qsort(cut->builds.items, cut->builds.count, sizeof(*cut->builds.items),
              compare_builds);
    }
    return cut;
}

void
cut_builds_free(struct cut_builds *cut)
{
    if (cut == NULL) {
        return;
    }
    for (size_t i = 0; i < cut->builds.count; i++) {
        release_build(&cut->builds.items[i]);
    }
    ARRAY_RELEASE(&cut->builds);
    map_release(&cut->known);
    free(cut);
}

const struct cut_build *
cut_builds_next(struct cut_builds *cut, int64_t began_ms)
{
    if (cut->given < cut->builds.count &&
        cut->builds.items[cut->given].entry.began_ms > began_ms) {
        return &cut->builds.items[cut->given++];
    }
    return NULL;
}
