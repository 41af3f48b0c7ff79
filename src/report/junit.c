#include "report/junit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/junit_suites.h"
#include "util/alloc.h"
#include "util/map.h"
#include "util/path.h"

#define MOST_NAME 120 // bytes of a class's name in the name of its file

struct junit {
    struct event_sink sink; // first
    char *target;
    bool folder;
    struct junit_suites *suites;
    struct {
        uint64_t us;
        int64_t wall_ms;
    } last; // event
    bool done;
};

static struct junit *
junit_of(struct event_sink *sink)
{
    return (struct junit *)(void *)sink;
}

static bool
write_document(const struct junit *junit, const char *path, size_t first,
               size_t last, struct err *err)
{
    struct path_writer file;
    struct writer out;
    uint64_t us = junit->last.us;

    if (junit->folder) {
        us = junit_suites_us(junit->suites, first);
    }
    if (!path_writer_open(&file, path, err)) {
        return false;
    }
    writer_init(&out, fileno(file.file));
    bool ok = junit_suites_write(junit->suites, first, last, us,
                                 junit->last.wall_ms, &out);
    writer_release(&out);
    if (!ok) {
        *err = out.err;
        path_writer_abort(&file);
        return err_wrap(err, "writing %s", path);
    }
    return path_writer_commit(&file, err);
}

static bool
is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' ||
           byte == '-';
}

// "TEST-pkg.Class.xml"; a name that had to be changed for the file system
// ends in a hash of the true one. To be freed.
static char *
file_name(const char *name)
{
    struct slice text = slice_of(name);
    struct buf safe = BUF_INIT(MOST_NAME + 64);
    bool changed = text.len == 0 || text.len > MOST_NAME;

    buf_add_text(&safe, "TEST-");
    for (size_t i = 0; i < text.len && i < MOST_NAME; i++) {
        char byte = '_';
        if (is_plain(text.data[i])) {
            byte = text.data[i];
        } else {
            changed = true;
        }
        buf_add_char(&safe, byte);
    }
    if (changed) {
        buf_addf(&safe, "-%016" PRIx64, map_hash(text));
    }
    buf_add_text(&safe, ".xml");
    return buf_take(&safe);
}

// Writes as many as can be written; err is about the first one that cannot.
static bool
write_folder(const struct junit *junit, struct err *err)
{
    for (size_t i = 0; i < junit_suites_count(junit->suites); i++) {
        struct err failure = {0};
        char *name = file_name(junit_suites_name(junit->suites, i));
        char *path = path_join(junit->target, name);
        if (!write_document(junit, path, i, i + 1, &failure) &&
            !err_is_set(err)) {
            *err = failure;
        }
        free(path);
        free(name);
    }
    return !err_is_set(err);
}

static bool
write_all(struct junit *junit, struct err *err)
{
    junit->done = true;
    if (!junit_suites_are_kept(junit->suites, err)) {
        return err_wrap(err, "%s", junit->target);
    }
    if (junit->folder) {
        return write_folder(junit, err);
    }
    return write_document(junit, junit->target, 0,
                          junit_suites_count(junit->suites), err);
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct junit *junit = junit_of(sink);

    junit->last.us = event->us;
    junit->last.wall_ms = event->wall_ms;
    bool kept = true;

    if (event->kind == EVENT_RUN_STARTED) {
        junit_suites_set_run(junit->suites, event->run.build_id,
                             event->run.hostname);
    } else if (event->kind == EVENT_COLLECTED) {
        junit_suites_set_collected(junit->suites, &event->collected);
    } else if (event->kind == EVENT_TEST_FINISHED) {
        kept = junit_suites_add(junit->suites, event, err);
    } else if (event->kind == EVENT_TEST_ATTEMPT) {
        junit_suites_add_attempt(junit->suites, &event->test);
    } else if (event->kind == EVENT_SCRIPT_FINISHED && !event->script.ok) {
        kept = junit_suites_add_script(junit->suites, event, err);
    } else if (event->kind == EVENT_RUN_FINISHED) {
        return write_all(junit, err);
    }
    if (!kept) {
        junit->done = true; // what is there is not whole
        return err_wrap(err, "%s", junit->target);
    }
    return true;
}

static void
junit_free(struct event_sink *sink)
{
    struct junit *junit = junit_of(sink);
    struct err err = {0};

    if (!junit->done && junit_suites_count(junit->suites) > 0) {
        // The run broke off; nobody is left to hear of an error.
        write_all(junit, &err);
    }
    junit_suites_free(junit->suites);
    free(junit->target);
    free(junit);
}

static const struct event_sink_ops junit_ops = {
    .name = "the JUnit report",
    .on_event = on_event,
    .free = junit_free,
};

// A file without a name in the folder where the reports will be: where it
// fits, they fit.
static int
open_spool(const char *folder, struct err *err)
{
    char *path = path_join(folder, ".mule-spool-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "folder %s", folder);
    } else {
        unlink(path);
    }
    free(path);
    return fd;
}

static bool
check_target(const char *target, const char *folder, bool is_folder,
             struct err *err)
{
    if (!is_folder && path_is_folder(target)) {
        return err_set(err, ERR_USAGE, "%s is a folder", target);
    }
    return path_check_writable(folder, err);
}

struct event_sink *
junit_new(const char *target, struct err *err)
{
    bool is_folder = !slice_ends_with(slice_of(target), SLICE(".xml"));
    char *folder = is_folder ? alloc_dup(target) : path_folder(target);
    int fd = -1;

    if (check_target(target, folder, is_folder, err)) {
        fd = open_spool(folder, err);
    }
    free(folder);
    if (fd < 0) {
        err_wrap(err, "JUnit report");
        err_hint(err, "pass --xunit-output a folder, or a FILE.xml in one, "
                      "that you may write to");
        return NULL;
    }
    struct junit *junit = ALLOC(struct junit);
    junit->sink.ops = &junit_ops;
    junit->target = alloc_dup(target);
    junit->folder = is_folder;
    junit->suites = junit_suites_new(fd);
    return &junit->sink;
}
