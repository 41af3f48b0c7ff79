/*
 * How fast messages go through a broker to worker processes and their answers
 * back, for comparing with a bare loop (bench/limits):
 *
 *     transport_bench URL rate COUNT WORKERS WINDOW   messages per second
 *     transport_bench URL round COUNT                 median of a round trip
 *
 * Every message is confirmed, and acknowledged after its answer was sent.
 * WINDOW messages are out at most, a part of them for each worker.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/transport.h"
#include "util/alloc.h"
#include "util/now.h"

#define TASK_BYTES 300
#define ANSWER_BYTES 120

struct bench {
    struct loop *loop;
    struct transport *transport;
    char *tasks;
    char *answers;
    int count;
    int window;
    int sent;
    int came;
    bool ended;
    usec started;
    usec *times; // of each round trip; or NULL
    usec sent_at;
};

static char payload[TASK_BYTES];

_Noreturn static void
die(const char *what)
{
    fprintf(stderr, "transport_bench: %s\n", what);
    exit(3);
}

static void
on_failed(void *ctx, const struct err *err)
{
    (void)ctx;
    die(err->text);
}

static void
check(void *ctx, const struct err *err)
{
    (void)ctx;
    if (err != NULL) {
        die(err->text);
    }
}

static void
send_bytes(struct bench *bench, const char *queue, size_t len)
{
    struct message message = {
        .body = slice_make(payload, len),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .persistent = true,
    };

    transport_publish(
        bench->transport,
        &(struct publish){.exchange = "", .key = queue, .message = &message},
        check, NULL);
}

static void
declare(struct bench *bench, const char *queue)
{
    transport_declare_queue(
        bench->transport,
        &(struct queue_params){.name = queue, .durable = true}, check, NULL);
}

static void
connect_to(struct bench *bench, const char *url, const char *name,
           const struct transport_events *events)
{
    struct err err = {0};

    bench->loop = loop_new();
    bench->transport =
        transport_open(&(struct transport_params){.loop = bench->loop,
                                                  .urls = url,
                                                  .name = name,
                                                  .events = events,
                                                  .ctx = bench},
                       &err);
    if (bench->transport == NULL) {
        die(err.text);
    }
}

// ---- a worker ----

static void
on_task(void *ctx, const struct delivery *delivery)
{
    struct bench *bench = ctx;

    send_bytes(bench, bench->answers, ANSWER_BYTES);
    transport_ack(bench->transport, delivery->tag);
}

_Noreturn static void
be_worker(struct bench *bench, const char *url, int number, int window)
{
    static const struct transport_events events = {.on_failed = on_failed};
    char name[64];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(name, sizeof(name), "bench-%d", number);
    connect_to(bench, url, name, &events);
    declare(bench, bench->tasks);
    transport_take(bench->transport,
                   &(struct consume_params){.queue = bench->tasks,
                                            .prefetch = (uint32_t)window,
                                            .on_delivery = on_task,
                                            .ctx = bench});
    loop_run(bench->loop);
    exit(0);
}

// ---- the one that measures ----

static void
send_task(struct bench *bench)
{
    bench->sent++;
    bench->sent_at = now_usec();
    send_bytes(bench, bench->tasks, TASK_BYTES);
}

static void
on_deleted(void *ctx, uint64_t count, const struct err *err)
{
    struct bench *bench = ctx;

    (void)count;
    check(NULL, err);
    if (bench->ended) {
        loop_stop(bench->loop);
    }
    bench->ended = true;
}

static int
compare(const void *a, const void *b)
{
    usec left = *(const usec *)a;
    usec right = *(const usec *)b;

    return left < right ? -1 : left > right;
}

static void
say(const struct bench *bench)
{
    double seconds = (double)(now_usec() - bench->started) / 1e6;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    if (bench->times != NULL) {
        qsort(bench->times, (size_t)bench->count, sizeof(usec), compare);
        printf("%lld us, 90 %% within %lld us\n",
               (long long)bench->times[bench->count / 2],
               (long long)bench->times[bench->count * 9 / 10]);
    } else {
        printf("%.0f /s (%.1f us of CPU each here, %ld KiB)\n",
               bench->count / seconds, (double)now_cpu_usec() / bench->count,
               usage.ru_maxrss);
    }
}

static void
on_answer(void *ctx, const struct delivery *delivery)
{
    struct bench *bench = ctx;

    (void)delivery;
    if (bench->times != NULL) {
        bench->times[bench->came] = now_usec() - bench->sent_at;
    }
    bench->came++;
    if (bench->sent < bench->count) {
        send_task(bench);
    } else if (bench->came == bench->count) {
        say(bench);
        transport_delete(bench->transport, bench->tasks, false, on_deleted,
                         bench);
        transport_delete(bench->transport, bench->answers, false, on_deleted,
                         bench);
    }
}

static void
on_up(void *ctx)
{
    struct bench *bench = ctx;

    bench->started = now_usec();
    for (int i = 0; i < bench->window && i < bench->count; i++) {
        send_task(bench);
    }
}

static int
number(const char *text)
{
    int64_t value = 0;

    if (!slice_to_int(slice_of(text), 1, 10000000, &value)) {
        die("not a number");
    }
    return (int)value;
}

int
main(int argc, char **argv)
{
    static const struct transport_events events = {.on_up = on_up,
                                                   .on_failed = on_failed};
    bool round = argc > 3 && strcmp(argv[2], "round") == 0;
    struct bench bench = {.window = 1};

    if (argc < (round ? 4 : 6)) {
        die("URL rate COUNT WORKERS WINDOW | URL round COUNT");
    }
    int workers = round ? 1 : number(argv[4]);
    bench.count = number(argv[3]);
    bench.window = round ? 1 : number(argv[5]);
    bench.times = round ? alloc_zero((size_t)bench.count, sizeof(usec)) : NULL;
    bench.tasks = alloc_printf("bench-tasks-%d", (int)getpid());
    bench.answers = alloc_printf("bench-answers-%d", (int)getpid());
    memset(payload, 'x', sizeof(payload));
    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            be_worker(&bench, argv[1], i,
                      (bench.window + workers - 1) / workers);
        }
    }
    connect_to(&bench, argv[1], "bench", &events);
    declare(&bench, bench.tasks);
    declare(&bench, bench.answers);
    transport_take(bench.transport,
                   &(struct consume_params){.queue = bench.answers,
                                            .no_ack = true,
                                            .on_delivery = on_answer,
                                            .ctx = &bench});
    loop_run(bench.loop);
    transport_free(bench.transport);
    loop_free(bench.loop);
    free(bench.tasks);
    free(bench.answers);
    free(bench.times);
    return 0;
}
