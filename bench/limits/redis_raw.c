/*
 * What Redis allows: tasks go through one list to worker processes and their
 * results through another one back, with nothing in between but hiredis.
 *
 *     redis_raw PORT rate COUNT WORKERS WINDOW   tasks per second
 *     redis_raw PORT round COUNT                 median of a round trip in us
 *
 * Each worker does for a task what a worker of Celery's Redis transport does:
 * it takes it, notes it as not acknowledged, sends the result, removes the
 * note. WINDOW tasks are out at most.
 */
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TASK_BYTES 600
#define RESULT_BYTES 250

static int port;
static char payload[TASK_BYTES];

static double
now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static redisContext *
connected(void)
{
    redisContext *context = redisConnect("127.0.0.1", port);
    if (context == NULL || context->err != 0) {
        fprintf(stderr, "redis_raw: cannot connect\n");
        exit(2);
    }
    return context;
}

static redisReply *
answer(redisContext *context)
{
    void *reply = NULL;
    if (redisGetReply(context, &reply) != REDIS_OK) {
        fprintf(stderr, "redis_raw: %s\n", context->errstr);
        exit(2);
    }
    return reply;
}

static void
skip(redisContext *context, int count)
{
    for (int i = 0; i < count; i++) {
        freeReplyObject(answer(context));
    }
}

/* Serves until a task of one byte comes. */
static void
serve(int number)
{
    redisContext *context = connected();
    for (int id = 0;; id++) {
        redisAppendCommand(context, "BRPOP raw.tasks 0");
        redisReply *task = answer(context);
        size_t len = task->element[1]->len;
        const char *bytes = task->element[1]->str;
        if (len == 1) {
            _exit(0);
        }
        redisAppendCommand(context, "ZADD raw.index %d %d.%d", id, number, id);
        redisAppendCommand(context, "HSET raw.held %d.%d %b", number, id, bytes,
                           len);
        redisAppendCommand(context, "LPUSH raw.results %b", bytes,
                           (size_t)RESULT_BYTES);
        redisAppendCommand(context, "ZREM raw.index %d.%d", number, id);
        redisAppendCommand(context, "HDEL raw.held %d.%d", number, id);
        freeReplyObject(task);
        skip(context, 5);
    }
}

static void
push(redisContext *context, int count)
{
    for (int i = 0; i < count; i++) {
        redisAppendCommand(context, "LPUSH raw.tasks %b", payload,
                           sizeof(payload));
    }
    skip(context, count);
}

static void
rate(redisContext *context, int count, int window)
{
    double began = now_us();
    int sent = window < count ? window : count;
    push(context, sent);
    for (int done = 0; done < count; done++) {
        redisAppendCommand(context, "BRPOP raw.results 0");
        skip(context, 1);
        if (sent < count) {
            push(context, 1);
            sent++;
        }
    }
    printf("%.0f per second\n", count / ((now_us() - began) / 1e6));
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void
round_trips(redisContext *context, int count)
{
    double *times = calloc((size_t)count, sizeof(*times));
    for (int i = 0; i < count; i++) {
        double began = now_us();
        push(context, 1);
        redisAppendCommand(context, "BRPOP raw.results 0");
        skip(context, 1);
        times[i] = now_us() - began;
    }
    qsort(times, (size_t)count, sizeof(*times), compare);
    printf("%.0f us\n", times[count / 2]);
    free(times);
}

int
main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: redis_raw PORT rate|round COUNT ...\n");
        return 2;
    }
    port = atoi(argv[1]);
    int count = atoi(argv[3]);
    int workers = argc > 4 ? atoi(argv[4]) : 1;
    memset(payload, 'x', sizeof(payload));
    redisContext *context = connected();
    freeReplyObject(
        redisCommand(context, "DEL raw.tasks raw.results raw.held raw.index"));
    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(i);
        }
    }
    if (strcmp(argv[2], "rate") == 0) {
        rate(context, count, argc > 5 ? atoi(argv[5]) : 64);
    } else {
        round_trips(context, count);
    }
    for (int i = 0; i < workers; i++) {
        freeReplyObject(redisCommand(context, "LPUSH raw.tasks q"));
    }
    while (wait(NULL) > 0) {
    }
    freeReplyObject(
        redisCommand(context, "DEL raw.tasks raw.results raw.held raw.index"));
    redisFree(context);
    return 0;
}
