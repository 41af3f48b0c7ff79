#include "command/aftermath.h"

#include "loop/deadline.h"
#include "report/writer.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/path.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

// A million data files take a while.
#define AFTERMATH_MS 600000
#define AFTERMATH_SAID_MAX ((size_t)1 << 20)

struct helper {
    const struct aftermath *aftermath;
    struct child *child;
    struct deadline deadline;
    struct buf said;
    int status;
    bool over;
    struct err err;
};

static void
on_output(void *ctx, enum child_stream stream, struct slice bytes)
{
    struct helper *helper = ctx;
    (void)stream;
    buf_add_slice(&helper->said, bytes);
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct helper *helper = ctx;
    helper->err = *err;
}

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct helper *helper = ctx;
    helper->child = NULL;
    helper->status = exit->failed || exit->lost ? -1 : exit->status;
    helper->over = true;
    loop_stop(helper->aftermath->loop);
}

static void
on_deadline(void *ctx)
{
    struct helper *helper = ctx;
    if (helper->child != NULL) {
        child_signal(helper->child, SIGKILL);
    }
}

/* Runs a program to its end; what it prints goes to `said`. */
static bool
run_helper(struct helper *helper, const char *const *argv, struct err *err)
{
    static const struct child_events events = {
        .on_output = on_output,
        .on_failed = on_failed,
        .on_gone = on_gone,
    };
    const struct aftermath *aftermath = helper->aftermath;
    buf_init(&helper->said, AFTERMATH_SAID_MAX);
    deadline_init(&helper->deadline, aftermath->loop, on_deadline, helper);
    helper->child =
        child_start(aftermath->guardians, &(struct child_params){.argv = argv},
                    &events, helper, err);
    if (helper->child == NULL) {
        return false;
    }
    deadline_arm(&helper->deadline, AFTERMATH_MS);
    while (!helper->over) {
        loop_run(aftermath->loop);
    }
    deadline_release(&helper->deadline);
    if (err_is_set(&helper->err)) {
        *err = helper->err;
        return false;
    }
    return true;
}

static void
helper_release(struct helper *helper)
{
    buf_release(&helper->said);
}

bool
aftermath_combine_coverage(const struct aftermath *aftermath, const char *dir,
                           const char *rcfile, struct err *err)
{
    struct helper helper = {.aftermath = aftermath};
    char *option = alloc_printf("--rcfile=%s", rcfile);
    const char *argv[8] = {aftermath->interpreter->python.program, "-m",
                           "coverage", "combine"};
    int count = 4;
    if (rcfile[0] != '\0') {
        argv[count++] = option;
    }
    argv[count++] = "--quiet";
    argv[count] = dir;
    bool fine = run_helper(&helper, argv, err);
    if (fine && helper.status != 0) {
        struct slice said = slice_trim(buf_slice(&helper.said));
        fine = err_set(err, ERR_SYSTEM, "%.*s",
                       (int)(said.len < 180 ? said.len : 180), said.data);
        err_hint(err, "python3 -m pip install coverage, or leave --coverage"
                      " out");
    }
    if (!fine) {
        err_wrap(err, "combining the coverage of all processes");
    }
    helper_release(&helper);
    free(option);
    return fine;
}

bool
aftermath_make_profiles(const char *dir, struct err *err)
{
    if (!path_make_folders(dir, 0777, err) || !path_check_writable(dir, err)) {
        err_wrap(err, "--profile");
        return err_hint(err, "run mule where it may make a folder");
    }
    DIR *folder = opendir(dir);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (slice_ends_with(slice_of(entry->d_name), SLICE(".prof"))) {
            char *path = path_join(dir, entry->d_name);
            unlink(path);
            free(path);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return true;
}

bool
aftermath_list_hottest(const struct aftermath *aftermath, const char *dir,
                       struct err *err)
{
    struct helper helper = {.aftermath = aftermath};
    char *script = path_join(aftermath->interpreter->package, "hottest.py");
    const char *argv[] = {aftermath->interpreter->python.program, script, dir,
                          NULL};
    bool fine = run_helper(&helper, argv, err);
    if (fine && helper.status != 0) {
        fine = err_set(err, ERR_SYSTEM, "%s did not succeed", script);
    }
    if (fine) {
        fine = writer_put(aftermath->fd,
                          SLICE("\nHottest functions (profiles of all "
                                "jobs: " AFTERMATH_PROFILES "/*.prof):\n"),
                          err) &&
               writer_put(aftermath->fd, buf_slice(&helper.said), err);
    }
    if (!fine) {
        err_wrap(err, "listing the hottest functions");
    }
    helper_release(&helper);
    free(script);
    return fine;
}
