/*
 * How fast this program starts, captures and reaps processes, for comparing
 * with a bare loop: spawn_bench [-n COUNT] [-g GUARDIANS] [-j RUNNING] COMMAND...
 * RUNNING is how many run at once at each guardian.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loop/child.h"
#include "util/slice.h"

struct bench {
    struct loop *loop;
    struct guardians *guardians;
    const char *const *command;
    int left; // to be started
    int running;
    int bad;
    int leaks;
};

static void start(struct bench *bench);

static void
on_gone(void *ctx, const struct child_exit *exit)
{
    struct bench *bench = ctx;

    bench->running--;
    bench->bad += exit->status != 0 || exit->failed || exit->lost ? 1 : 0;
    if (bench->left > 0) {
        start(bench);
    } else if (bench->running == 0) {
        loop_stop(bench->loop);
    }
}

static void
start(struct bench *bench)
{
    static const struct child_events events = {.on_gone = on_gone};
    struct child_params params = {.argv = bench->command, .tag = "bench"};
    struct err err = {0};

    bench->left--;
    bench->running++;
    if (child_start(bench->guardians, &params, &events, bench, &err) == NULL) {
        fprintf(stderr, "spawn_bench: %s\n", err.text);
        exit(3);
    }
}

static void
on_leak(void *ctx, const struct guardian_leak *leak)
{
    struct bench *bench = ctx;

    (void)leak;
    bench->leaks++;
}

static void
on_stopped(void *ctx)
{
    loop_stop(ctx);
}

static int
number(const char *text)
{
    int64_t value = 0;

    if (!slice_to_int(slice_of(text), 1, 10000000, &value)) {
        fprintf(stderr, "spawn_bench: not a number: %s\n", text);
        exit(4);
    }
    return (int)value;
}

int
main(int argc, char **argv)
{
    static const char *const nothing[] = {"/bin/true", NULL};
    static const struct guardians_events events = {.on_leak = on_leak};
    struct guardians_params params = {.count = 2};
    struct bench bench = {.left = 5000, .command = nothing};
    struct err err = {0};
    struct rusage usage;
    int count = 5000;
    int jobs = 1;
    int option;

    while ((option = getopt(argc, argv, "+n:g:j:")) != -1) {
        if (option == 'n') {
            count = number(optarg);
        } else if (option == 'g') {
            params.count = number(optarg);
        } else if (option == 'j') {
            jobs = number(optarg);
        } else {
            return 4;
        }
    }
    if (optind < argc) {
        bench.command = (const char *const *)argv + optind;
    }
    bench.left = count;
    bench.loop = loop_new();
    bench.guardians = guardians_new(bench.loop, &params, &events, &bench, &err);
    if (bench.guardians == NULL) {
        fprintf(stderr, "spawn_bench: %s\n", err.text);
        return 3;
    }
    usec began = now_usec();
    for (int i = 0; i < jobs * params.count && bench.left > 0; i++) {
        start(&bench);
    }
    loop_run(bench.loop);
    usec took = now_usec() - began;
    getrusage(RUSAGE_SELF, &usage);
    printf("n=%d guardians=%d running=%d  %.3f s  %.1f us/test  "
           "coordinator: %ld us cpu, %ld KiB  bad=%d leaks=%d\n",
           count, params.count, jobs, (double)took / 1e6, (double)took / count,
           (long)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec +
                  (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000),
           usage.ru_maxrss, bench.bad, bench.leaks);
    guardians_stop(bench.guardians, on_stopped, bench.loop);
    loop_run(bench.loop);
    guardians_free(bench.guardians);
    loop_free(bench.loop);
    return bench.bad != 0;
}
