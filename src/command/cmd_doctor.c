#include "command/command.h"
#include "command/databases.h"
#include "command/engine.h"
#include "command/leftovers.h"
#include "command/libraries.h"
#include "config.h"
#include "config/broker.h"
#include "config/cpus.h"
#include "config/os_machine.h"
#include "config/package.h"
#include "fleet/checkup.h"
#include "loop/signals.h"
#include "util/alloc.h"
#include "util/now.h"
#include "util/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

/* mule doctor: looks at everything a run needs, and says what is wrong. */

// Fewer descriptors than this for each slot, and mule runs out of them.
#define DOCTOR_FDS_PER_SLOT 8
#define DOCTOR_FDS 64
#define DOCTOR_ROOM ((uint64_t)64 << 20)

struct doctor {
    struct settings settings;
    int ills;
};

__attribute__((format(printf, 2, 3))) static void
say(const char *topic, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("   ok  %-12s ", topic);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    (void)fflush(stdout);
}

static void
complain(struct doctor *doctor, const char *topic, const struct err *err)
{
    doctor->ills++;
    printf(" FAIL  %-12s %s\n", topic, err->text);
    if (err_help(err) != NULL) {
        printf("       %-12s   %s\n", "", err_help(err));
    }
    (void)fflush(stdout);
}

static void
warn(const char *topic, const char *text, const char *hint)
{
    printf(" warn  %-12s %s\n", topic, text);
    if (hint != NULL) {
        printf("       %-12s   %s\n", "", hint);
    }
    (void)fflush(stdout);
}

static void
look_at_program(void)
{
    char *executable = os_machine_executable();
    say("mule", "%s, %s", MULE_VERSION,
        executable != NULL ? executable : "its path is not known");
    char *documents = executable != NULL ? package_documents(executable) : NULL;
    say("docs", "%s%s", documents != NULL ? documents : "not installed",
        documents != NULL ? "/docs" : "");
    free(documents);
    free(executable);
    struct libraries libraries;
    libraries_find(&libraries);
    for (size_t i = 0; i < LIBRARIES_COUNT; i++) {
        say(libraries.items[i].name, "%s, %s", libraries.items[i].version,
            libraries.items[i].path[0] != '\0' ? libraries.items[i].path
                                               : "linked in");
    }
}

static void
look_at_limits(const struct doctor *doctor)
{
    int cpus = cpus_usable();
    int slots = doctor->settings.slots > 0 ? doctor->settings.slots : cpus;
    say("slots", "%d by default, as many as this process may use CPUs", cpus);
    struct rlimit files;
    struct rlimit processes;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 ||
        getrlimit(RLIMIT_NPROC, &processes) != 0) {
        return;
    }
    rlim_t needed = (rlim_t)(DOCTOR_FDS + DOCTOR_FDS_PER_SLOT * slots);
    if (files.rlim_cur < needed) {
        char text[128];
        snprintf(text, sizeof(text),
                 "%llu file descriptors; %d slots need %llu",
                 (unsigned long long)files.rlim_cur, slots,
                 (unsigned long long)needed);
        warn("limits", text, "ulimit -n allows more");
    } else {
        say("limits", "%llu file descriptors",
            (unsigned long long)files.rlim_cur);
    }
    if (processes.rlim_cur != RLIM_INFINITY &&
        processes.rlim_cur < 64 + 4 * (rlim_t)slots) {
        warn("limits", "few processes are allowed", "ulimit -u allows more");
    }
}

static void
look_at_tmp(struct doctor *doctor)
{
    struct err err = {0};
    char *folder = path_make_private("mule-", 90, &err);
    if (folder == NULL) {
        err_hint(&err, "set TMPDIR to a folder that you may write");
        complain(doctor, "TMPDIR", &err);
        return;
    }
    struct statvfs status;
    uint64_t room = 0;
    if (statvfs(folder, &status) == 0) {
        room = (uint64_t)status.f_bavail * status.f_frsize;
    }
    char *parent = path_folder(folder);
    if (room < DOCTOR_ROOM) {
        char text[512];
        snprintf(text, sizeof(text), "%.300s has only %llu MiB of room", parent,
                 (unsigned long long)(room >> 20));
        warn("TMPDIR", text, "what tests print is kept there while they run");
    } else {
        say("TMPDIR", "%s, %llu MiB of room", parent,
            (unsigned long long)(room >> 20));
    }
    const char *wanted = getenv("TMPDIR");
    if (wanted != NULL && strcmp(wanted, parent) != 0 && strlen(wanted) > 60) {
        warn("TMPDIR", "its path is too long for a socket; /tmp is used", NULL);
    }
    path_remove_tree(folder, &err);
    free(parent);
    free(folder);
}

static void
look_at_leftovers(void)
{
    struct texts found = {0};
    leftovers_find(&found);
    if (found.count == 0) {
        say("leftovers", "none");
    }
    for (int i = 0; i < found.count; i++) {
        char text[600];
        snprintf(text, sizeof(text), "%.500s belongs to no running mule",
                 found.at[i]);
        warn("leftovers", text, "remove it when nothing of it is needed");
    }
    texts_release(&found);
}

static void
tell_databases(const char *text, const char *hint)
{
    warn("databases", text, hint);
}

static void
look_at_databases(void)
{
    if (databases_find(tell_databases) == 0) {
        say("databases", "none that a test run left behind");
    }
}

// ---------------------------------------------------------------- adapter

/* Listens to the one thing that counts: did the adapter answer? */
struct doctor_sink {
    struct event_sink sink;
    bool answered;
};

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct doctor_sink *doctor = (struct doctor_sink *)(void *)sink;
    (void)err;
    if (event->kind == EVENT_COLLECTED) {
        doctor->answered = true;
    }
    return true;
}

static void
on_free(struct event_sink *sink)
{
    (void)sink; // it lies on a stack
}

/* An adapter of another language has neither. */
static void
say_python(const struct engine *engine)
{
    if (engine_python(engine) != NULL) {
        say("python", "%s, from %s", engine_python(engine),
            engine_python_origin(engine));
    }
    if (engine_package(engine) != NULL) {
        say("package", "%s", engine_package(engine));
    }
}

/* Starts the adapter on an empty folder: greeting, collecting, end. */
static void
look_at_adapter(struct doctor *doctor)
{
    static const struct event_sink_ops ops = {"the doctor", on_event, on_free};
    struct err err = {0};
    struct doctor_sink sink = {{&ops}, false};
    struct settings *settings = &doctor->settings;
    char *empty = path_make_private("mule-", 90, &err);
    if (empty == NULL) {
        complain(doctor, "adapter", &err);
        return;
    }
    free(settings->basedir);
    settings->basedir = alloc_dup(empty);
    usec began = now_usec();
    struct engine *engine = engine_new(
        &(struct engine_params){.settings = settings, .list_only = true}, &err);
    if (engine != NULL) {
        say_python(engine);
        engine_run(engine, &sink.sink, &err);
    }
    if (err_is_set(&err)) {
        complain(doctor, engine != NULL ? "adapter" : "python", &err);
    } else if (sink.answered) {
        say("adapter", "%s answered after %lld ms", engine_adapter(engine),
            (long long)((now_usec() - began) / 1000));
    }
    int signo = engine != NULL ? engine_signal(engine) : 0;
    engine_free(engine);
    struct err ignored = {0};
    path_remove_tree(empty, &ignored);
    free(empty);
    if (signo != 0) {
        signals_die_of(signo);
    }
}

// ----------------------------------------------------------------- broker

struct doctor_broker {
    struct doctor *doctor;
    struct loop *loop;
    bool done;
};

static void
on_finding(void *ctx, enum checkup_level level, const char *topic,
           const char *text, const char *hint)
{
    struct doctor_broker *broker = ctx;
    struct err err = {.hint = hint};
    switch (level) {
    case CHECKUP_OK:
        say(topic, "%s", text);
        break;
    case CHECKUP_WARNING:
        warn(topic, text, hint);
        break;
    case CHECKUP_FAULT:
        err_set(&err, ERR_SYSTEM, "%s", text);
        complain(broker->doctor, topic, &err);
        break;
    }
}

static void
on_checked(void *ctx)
{
    struct doctor_broker *broker = ctx;
    broker->done = true;
    loop_stop(broker->loop);
}

/* Only where one is named: most have no use for it. */
static void
look_at_broker(struct doctor *doctor)
{
    static const struct checkup_events events = {on_finding, on_checked};
    const char *origin = "";
    struct err none = {0};
    struct err err = {0};
    char *urls = broker_choose(&doctor->settings, &origin, &none);
    if (urls == NULL) {
        return;
    }
    struct doctor_broker broker = {.doctor = doctor, .loop = loop_new()};
    struct checkup *checkup =
        checkup_new(&(struct checkup_params){.loop = broker.loop,
                                             .urls = urls,
                                             .queue = doctor->settings.queue,
                                             .events = &events,
                                             .ctx = &broker},
                    &err);
    if (checkup == NULL) {
        complain(doctor, "broker", &err);
    } else {
        say("broker", "named by %s", origin);
    }
    while (checkup != NULL && !broker.done) {
        loop_run(broker.loop);
    }
    checkup_free(checkup);
    loop_free(broker.loop);
    free(urls);
}

int
cmd_doctor(int argc, char **argv)
{
    struct doctor doctor = {0};
    int status = 0;
    if (!command_configure(COMMAND_DOCTOR, argc, argv, &doctor.settings,
                           &status)) {
        return status;
    }
    look_at_program();
    say("mule.yaml", "%s",
        doctor.settings.config_path != NULL ? doctor.settings.config_path
                                            : "none is used");
    look_at_limits(&doctor);
    look_at_tmp(&doctor);
    look_at_leftovers();
    look_at_databases();
    look_at_adapter(&doctor);
    look_at_broker(&doctor);
    settings_release(&doctor.settings);
    if (doctor.ills > 0) {
        printf("\n%d thing%s to mend.\n", doctor.ills,
               doctor.ills == 1 ? "" : "s");
        return EXIT_BROKEN;
    }
    printf("\nAll is well.\n");
    return EXIT_PASSED;
}
