/*
 * What RabbitMQ allows: tasks go through a durable queue to worker processes,
 * and their results through another one back, with nothing in
 * between but librabbitmq.
 *
 *     amqp_raw PORT rate COUNT WORKERS WINDOW   tasks per second
 *     amqp_raw PORT round COUNT                 median of a round trip in us
 *
 * WINDOW tasks are out at most; a worker takes as many ahead.
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
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
#define TASKS "raw.tasks"
#define RESULTS "raw.results"

static int port;
static char payload[TASK_BYTES];

static double
now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void
check(amqp_connection_state_t link, const char *what)
{
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(link);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        fprintf(stderr, "amqp_raw: %s failed\n", what);
        exit(2);
    }
}

static amqp_connection_state_t
connected(void)
{
    amqp_connection_state_t link = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(link);
    if (amqp_socket_open(socket, "127.0.0.1", port) != 0) {
        fprintf(stderr, "amqp_raw: cannot connect\n");
        exit(2);
    }
    amqp_login(link, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest",
               "guest");
    amqp_channel_open(link, 1);
    check(link, "channel");
    return link;
}

static void
declare(amqp_connection_state_t link, const char *name)
{
    amqp_queue_declare(link, 1, amqp_cstring_bytes(name), 0, 1, 0, 0,
                       amqp_empty_table);
    check(link, "declare");
    amqp_queue_purge(link, 1, amqp_cstring_bytes(name));
}

static void
publish(amqp_connection_state_t link, const char *queue, size_t len)
{
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = 2};
    amqp_bytes_t body = {.len = len, .bytes = payload};
    if (amqp_basic_publish(link, 1, amqp_empty_bytes, amqp_cstring_bytes(queue),
                           0, 0, &properties, body) != 0) {
        fprintf(stderr, "amqp_raw: publish failed\n");
        exit(2);
    }
}

static void
consume(amqp_connection_state_t link, const char *queue, int window, int no_ack)
{
    amqp_basic_qos(link, 1, 0, (uint16_t)window, 0);
    amqp_basic_consume(link, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0,
                       no_ack, 0, amqp_empty_table);
    check(link, "consume");
}

/* Gives the length of a message and its tag. Confirms are read on the way. */
static size_t
take(amqp_connection_state_t link, uint64_t *tag)
{
    for (;;) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(link);
        amqp_rpc_reply_t reply = amqp_consume_message(link, &envelope, NULL, 0);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            size_t len = envelope.message.body.len;
            *tag = envelope.delivery_tag;
            amqp_destroy_envelope(&envelope);
            return len;
        }
        amqp_frame_t frame;
        if (reply.library_error != AMQP_STATUS_UNEXPECTED_STATE ||
            amqp_simple_wait_frame(link, &frame) != AMQP_STATUS_OK) {
            fprintf(stderr, "amqp_raw: consume failed\n");
            exit(2);
        }
    }
}

/* Serves until a task of one byte comes. */
static void
serve(int window)
{
    amqp_connection_state_t link = connected();
    consume(link, TASKS, window, 0);
    for (;;) {
        uint64_t tag;
        size_t len = take(link, &tag);
        if (len != 1) {
            publish(link, RESULTS, RESULT_BYTES);
        }
        amqp_basic_ack(link, 1, tag, 0);
        if (len == 1) {
            amqp_connection_close(link, AMQP_REPLY_SUCCESS);
            _exit(0);
        }
    }
}

static int
compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void
measure(amqp_connection_state_t out, amqp_connection_state_t in, int count,
        int window)
{
    double *times = calloc((size_t)count, sizeof(*times));
    double began = now_us();
    int sent = 0;
    for (int done = 0; done < count; done++) {
        double start = now_us();
        while (sent < count && sent < done + window) {
            publish(out, TASKS, sizeof(payload));
            sent++;
        }
        uint64_t tag;
        take(in, &tag);
        times[done] = now_us() - start;
    }
    if (window > 1) {
        printf("%.0f per second\n", count / ((now_us() - began) / 1e6));
    } else {
        qsort(times, (size_t)count, sizeof(*times), compare);
        printf("%.0f us\n", times[count / 2]);
    }
    free(times);
}

int
main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: amqp_raw PORT rate|round COUNT ...\n");
        return 2;
    }
    port = atoi(argv[1]);
    int count = atoi(argv[3]);
    int workers = argc > 4 ? atoi(argv[4]) : 1;
    int window = argc > 5 ? atoi(argv[5]) : 1;
    memset(payload, 'x', sizeof(payload));
    amqp_connection_state_t out = connected();
    declare(out, TASKS);
    declare(out, RESULTS);
    for (int i = 0; i < workers; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(window);
        }
    }
    amqp_connection_state_t in = connected();
    consume(in, RESULTS, 0, 1);
    measure(out, in, count, window);
    for (int i = 0; i < workers; i++) {
        publish(out, TASKS, 1);
    }
    while (wait(NULL) > 0) {
    }
    amqp_queue_delete(out, 1, amqp_cstring_bytes(TASKS), 0, 0);
    amqp_queue_delete(out, 1, amqp_cstring_bytes(RESULTS), 0, 0);
    amqp_connection_close(out, AMQP_REPLY_SUCCESS);
    return 0;
}
