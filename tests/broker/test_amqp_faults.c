// What befalls a client of a real RabbitMQ: it is killed, it hangs, it is full,
// it refuses. (Exit 77: there is none.)
#include "tests/broker/redis_scene.h"
#include "tests/support/proxy.h"
#include "tests/support/rabbit_server.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <amqp.h>
#include <amqp_tcp_socket.h>

#include "util/alloc.h"

static struct rabbit_server rabbit;
static unsigned next_queue;

// For channels that are opened from now on: how long a message may be held,
// and how often that is looked at. The usual values are 30 and 1 minutes.
static void
set_patience(const char *ms, const char *every_ms)
{
    char *expression =
        alloc_printf("application:set_env(rabbit, consumer_timeout, %s), "
                     "application:set_env(rabbit, channel_tick_interval, %s).",
                     ms, every_ms);
    const char *const words[] = {"eval", expression, NULL};

    rabbit_server_control(&rabbit, words);
    free(expression);
}

static char *
declare(struct scene *scene)
{
    char *queue = alloc_printf("faults-%u", ++next_queue);
    size_t wanted = scene->answers + 1;

    transport_declare_queue(
        scene->transport,
        &(struct queue_params){.name = queue, .durable = true}, scene_done,
        scene);
    scene_wait(scene, &scene->answers, wanted);
    assert_false(err_is_set(&scene->err));
    return queue;
}

static void
drop(struct scene *scene, char *queue)
{
    scene_delete(scene, queue);
    free(queue);
}

static char *
url_of(const char *login, int port, const char *path)
{
    return alloc_printf("amqp://%s@127.0.0.1:%d/%s", login, port, path);
}

static bool
says(const struct scene *scene, const char *part)
{
    return strstr(scene->err.text, part) != NULL;
}

// Opens a connection that will never work, and looks at why.
static void
check_failing(const char *url, const char *part, bool hint)
{
    struct scene scene;

    scene_open(&scene, &(struct scene_params){.url = url, .name = "client"});
    scene_publish(&scene, "", "anywhere", "a", 0);
    scene_wait(&scene, &scene.failures, 1);
    assert_int_equal(scene.failures, 1);
    assert_int_equal(scene.ups, 0);
    assert_int_equal(scene.answers, 1); // the message came to its end
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_true(says(&scene, part));
    assert_false(says(&scene, "secret"));
    assert_int_equal(scene.err.hint != NULL, hint);
    // What is asked now is answered, too.
    transport_length(scene.transport, "anywhere", scene_count, &scene);
    while (scene.answers < 2) {
        stage_run(&scene.stage);
    }
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    scene_drop(&scene);
}

static void
a_wrong_password_is_final(void **state)
{
    (void)state;
    char *url = url_of("guest:secret", rabbit.server.port, "/");

    check_failing(url, "refuses the user \"guest\"", true);
    free(url);
}

static void
a_user_without_permission_is_told_so(void **state)
{
    (void)state;
    char *url = url_of("nobody:nobody", rabbit.server.port, "/");

    check_failing(url, "virtual host \"/\"", true);
    free(url);
}

static void
a_virtual_host_that_is_not_there_is_named(void **state)
{
    (void)state;
    char *url = url_of("guest:guest", rabbit.server.port, "elsewhere");

    check_failing(url, "virtual host \"elsewhere\"", true);
    free(url);
}

// Something else that listens: answers the first who comes.
static pid_t
start_stranger(const char *answer, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len),
                     0);
    *port = ntohs(address.sin_port);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            ssize_t sent = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
            (void)sent;
        }
    }
    close(listener);
    return pid;
}

static void
a_server_that_speaks_no_amqp_is_not_asked_twice(void **state)
{
    (void)state;
    int port = 0;
    pid_t pid = start_stranger("HTTP/1.1 400 Bad Request\r\n\r\n", &port);
    char *url = url_of("guest:secret", port, "/");

    check_failing(url, "does not speak AMQP", true);
    free(url);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void
the_next_url_is_tried(void **state)
{
    (void)state;
    struct scene scene;
    int dead = broker_server_port();
    char *urls = alloc_printf(
        "amqp://guest:guest@127.0.0.1:%d//;amqp://guest:secret@127.0.0.1:%d//;"
        "%s",
        dead, rabbit.server.port, rabbit.url);

    scene_open_up(&scene, urls, "client");
    assert_int_equal(scene.downs, 2);
    assert_null(strstr(transport_address(scene.transport), "guest:guest"));
    scene_close(&scene);
    free(urls);
}

// That a queue is there is written to the disk some time after it was answered.
static void
settle_declarations(void)
{
    const char *const words[] = {"eval", "ok = mnesia:sync_log().", NULL};

    rabbit_server_control(&rabbit, words);
}

static void
a_killed_broker_loses_nothing_that_was_confirmed(void **state)
{
    (void)state;
    struct scene scene;

    scene_open_up(&scene, rabbit.url, "client");
    char *queue = declare(&scene);
    settle_declarations();
    scene_send(&scene, queue, "abc");
    scene_take(&scene, queue, 2);
    scene_wait(&scene, &scene.deliveries, 2);
    broker_server_end(&rabbit.server, SIGKILL);
    scene_wait(&scene, &scene.downs, 1);
    scene_publish(&scene, "", queue, "d", 0);
    scene_publish(&scene, "", queue, "e", 0);
    transport_ack(scene.transport, scene.tags[0]); // stale
    scene.acknowledges = true;
    size_t answered = scene.answers;
    broker_server_restart(&rabbit.server);
    scene_wait(&scene, &scene.ups, 2);
    scene_wait(&scene, &scene.deliveries, 7);
    assert_string_equal(scene.came, "ababcde");
    assert_true(scene.redelivered[2]);
    scene_wait(&scene, &scene.answers, answered + 2);
    assert_false(scene.ended);
    assert_int_equal(scene_length(&scene, queue), 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
set_alarm(bool on)
{
    const char *const words[] = {"set_vm_memory_high_watermark",
                                 on ? "0.0000001" : "0.4", NULL};

    rabbit_server_control(&rabbit, words);
}

static void
a_broker_in_memory_alarm_still_hears_acknowledgements(void **state)
{
    (void)state;
    struct scene scene;

    scene_open_up(&scene, rabbit.url, "client");
    char *queue = declare(&scene);
    scene_send(&scene, queue, "ab");
    scene_take(&scene, queue, 1);
    scene_wait(&scene, &scene.deliveries, 1);
    set_alarm(true);
    size_t answered = scene.answers;
    scene_publish(&scene, "", queue, "c", 0);
    scene_wait(&scene, &scene.notes, 1);
    assert_non_null(strstr(scene.note, "takes no messages"));
    assert_int_equal(scene.answers, answered);
    transport_ack(scene.transport, scene.tags[0]);
    scene_wait(&scene, &scene.deliveries, 2); // the acknowledgement was heard
    transport_ack(scene.transport, scene.tags[1]);
    // Answered although a message waits in front of it.
    transport_length(scene.transport, queue, scene_count, &scene);
    scene_wait(&scene, &scene.answers, answered + 1);
    set_alarm(false);
    scene_wait(&scene, &scene.answers, answered + 2);
    scene_wait(&scene, &scene.notes, 2);
    scene_wait(&scene, &scene.deliveries, 3);
    assert_string_equal(scene.came, "abc");
    assert_int_equal(scene.downs, 0);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
a_deleted_queue_ends_its_taker(void **state)
{
    (void)state;
    struct scene scene;
    struct scene other;

    scene_open_up(&scene, rabbit.url, "client");
    scene_open_up(&other, rabbit.url, "other");
    char *queue = declare(&scene);
    scene_send(&scene, queue, "a");
    struct consumer *consumer = scene_take(&scene, queue, 1);
    scene_wait(&scene, &scene.deliveries, 1);
    scene_delete(&other, queue);
    scene_wait(&scene, &scene.ended, 1);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_true(says(&scene, queue));
    transport_ack(scene.transport, scene.tags[0]);
    consumer_stop(consumer, scene_done, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    assert_int_equal(scene.downs, 0); // nothing else was harmed
    free(queue);
    scene_close(&scene);
    scene_close(&other);
}

static void
what_is_held_too_long_comes_again(void **state)
{
    (void)state;
    struct scene scene;

    set_patience("500", "100");
    scene_open_up(&scene, rabbit.url, "client");
    char *queue = declare(&scene);
    char *quiet = declare(&scene);
    scene_send(&scene, queue, "a");
    scene_take(&scene, queue, 1);
    scene_take(&scene, quiet, 1);
    scene_wait(&scene, &scene.deliveries, 2);
    set_patience("1800000", "60000");
    assert_true(scene.redelivered[1]);
    transport_ack(scene.transport, scene.tags[0]); // stale
    // It may come once more before it is acknowledged in time.
    scene.acknowledges = true;
    transport_ack(scene.transport, scene.tags[scene.deliveries - 1]);
    scene_send(&scene, quiet, "b");
    scene_send(&scene, queue, "c");
    while (strchr(scene.came, 'b') == NULL || strchr(scene.came, 'c') == NULL) {
        stage_run(&scene.stage);
    }
    assert_int_equal(scene.ended, 0);
    assert_int_equal(scene.downs, 0);
    drop(&scene, queue);
    drop(&scene, quiet);
    scene_close(&scene);
}

static void
a_server_that_hangs_is_noticed(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, &(struct scene_params){.url = rabbit.url,
                                              .name = "client",
                                              .heartbeat_ms = 1000});
    scene_wait(&scene, &scene.ups, 1);
    char *queue = declare(&scene);
    kill(rabbit.server.pid, SIGSTOP);
    scene_wait(&scene, &scene.downs, 1);
    assert_true(says(&scene, "nothing was heard"));
    scene_publish(&scene, "", queue, "a", 0);
    size_t answered = scene.answers;
    kill(rabbit.server.pid, SIGCONT);
    scene_wait(&scene, &scene.ups, 2);
    scene_wait(&scene, &scene.answers, answered + 1);
    assert_int_equal(scene_length(&scene, queue), 1);
    drop(&scene, queue);
    scene_close(&scene);
}

static void
an_idle_connection_is_kept_by_heartbeats(void **state)
{
    (void)state;
    struct scene scene;
    struct deadline deadline;

    scene_open(&scene, &(struct scene_params){.url = rabbit.url,
                                              .name = "client",
                                              .heartbeat_ms = 1000});
    scene_wait(&scene, &scene.ups, 1);
    // The server gives up after two heartbeats that do not come, and so do we.
    deadline_init(&deadline, scene.stage.loop, stage_stop, &scene.stage);
    deadline_arm(&deadline, 3500);
    stage_run(&scene.stage);
    deadline_release(&deadline);
    assert_int_equal(scene.downs, 0);
    assert_true(transport_is_up(scene.transport));
    scene_close(&scene);
}

static struct consumer *
subscribe(struct scene *scene, const char *exchange, const char *queue)
{
    size_t wanted = scene->answers + 1;
    struct consumer *consumer = transport_subscribe(
        scene->transport,
        &(struct subscribe_params){
            .exchange = {.name = exchange, .kind = EXCHANGE_FANOUT},
            .key = "",
            .queue = {.name = queue, .auto_delete = true},
            .on_delivery = scene_delivery,
            .on_subscribed = scene_done,
            .ctx = scene,
        });

    scene_wait(scene, &scene->answers, wanted);
    return consumer;
}

static void
a_subscriber_whose_queue_was_deleted_hears_again(void **state)
{
    (void)state;
    struct scene scene;
    struct scene other;

    scene_open_up(&scene, rabbit.url, "client");
    scene_open_up(&other, rabbit.url, "other");
    struct consumer *consumer = subscribe(&scene, "faults-fan", "faults-ear");
    scene_delete(&other, "faults-ear");
    // Until it is there again, nobody hears it.
    while (scene.deliveries == 0) {
        scene_publish(&scene, "faults-fan", "", "a", 0);
        scene_wait(&scene, &scene.answers, scene.answers + 1);
        assert_false(err_is_set(&scene.err));
    }
    consumer_stop(consumer, scene_done, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    transport_delete_exchange(scene.transport, "faults-fan", scene_done,
                              &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    scene_close(&scene);
    scene_close(&other);
}

static void
subscribe_alone(struct scene *scene)
{
    transport_subscribe(
        scene->transport,
        &(struct subscribe_params){
            .exchange = {.name = "faults-alone", .kind = EXCHANGE_FANOUT},
            .key = "",
            .queue = {.name = "faults-mine", .exclusive = true},
            .on_delivery = scene_delivery,
            .on_subscribed = scene_done,
            .ctx = scene,
        });
}

// As when a network was cut: the server has not noticed yet that the one
// before is gone.
static void
a_queue_of_ones_own_is_waited_for(void **state)
{
    (void)state;
    struct scene old;
    struct scene scene;

    scene_open_up(&old, rabbit.url, "client");
    scene_open_up(&scene, rabbit.url, "client");
    subscribe_alone(&old);
    scene_wait(&old, &old.answers, 1);
    assert_false(err_is_set(&old.err));
    subscribe_alone(&scene);
    // Refused, and asked again; this answer comes behind that.
    transport_length(scene.transport, "faults-nothing", scene_count, &scene);
    scene_wait(&scene, &scene.answers, 1);
    scene_drop(&old);
    err_clear(&scene.err);
    scene_wait(&scene, &scene.answers, 2);
    assert_false(err_is_set(&scene.err));
    transport_delete_exchange(scene.transport, "faults-alone", scene_done,
                              &scene);
    scene_close(&scene);
}

static void
a_queue_of_somebody_elses_is_an_error_in_the_end(void **state)
{
    (void)state;
    struct scene old;
    struct scene scene;

    scene_open_up(&old, rabbit.url, "client");
    scene_open_up(&scene, rabbit.url, "client");
    subscribe_alone(&old);
    scene_wait(&old, &old.answers, 1);
    subscribe_alone(&scene);
    scene_wait(&scene, &scene.answers, 1);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_true(says(&scene, "faults-mine"));
    scene_close(&scene);
    scene_close(&old);
}

static void
an_exchange_that_is_not_there_harms_nobody_else(void **state)
{
    (void)state;
    struct scene scene;

    scene_open_up(&scene, rabbit.url, "client");
    char *queue = declare(&scene);
    size_t answered = scene.answers;
    scene_publish(&scene, "", queue, "a", 0);
    scene_publish(&scene, "faults-nowhere", "", "x", 0);
    scene_publish(&scene, "", queue, "b", 0);
    scene_wait(&scene, &scene.answers, answered + 3);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_true(says(&scene, "faults-nowhere"));
    assert_int_equal(scene_length(&scene, queue), 2); // none came twice
    assert_int_equal(scene.downs, 0);
    drop(&scene, queue);
    scene_close(&scene);
}

// Another client, which deletes it behind our back.
static void
an_exchange_that_vanished_is_noticed(void **state)
{
    (void)state;
    struct scene scene;
    struct scene other;

    scene_open_up(&scene, rabbit.url, "client");
    scene_open_up(&other, rabbit.url, "other");
    char *queue = declare(&scene);
    transport_declare_exchange(
        scene.transport,
        &(struct exchange_params){.name = "faults-gone",
                                  .kind = EXCHANGE_DIRECT},
        scene_done, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    transport_delete_exchange(other.transport, "faults-gone", scene_done,
                              &other);
    scene_wait(&other, &other.answers, 1);
    size_t answered = scene.answers;
    scene_publish(&scene, "faults-gone", "", "x", 0);
    scene_publish(&scene, "", queue, "b", 0);
    scene_wait(&scene, &scene.answers, answered + 2);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_int_equal(scene_length(&scene, queue), 1);
    assert_int_equal(scene.downs, 0);
    drop(&scene, queue);
    scene_close(&scene);
    scene_close(&other);
}

// A queue of a kind that this program does not make.
static void
declare_quorum(const char *queue)
{
    amqp_connection_state_t link = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(link);
    amqp_table_entry_t entry = {
        .key = amqp_cstring_bytes("x-queue-type"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8,
                  .value.bytes = amqp_cstring_bytes("quorum")}};
    amqp_table_t arguments = {.num_entries = 1, .entries = &entry};

    assert_int_equal(amqp_socket_open(socket, "127.0.0.1", rabbit.server.port),
                     AMQP_STATUS_OK);
    amqp_login(link, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest",
               "guest");
    amqp_channel_open(link, 1);
    assert_non_null(amqp_queue_declare(link, 1, amqp_cstring_bytes(queue), 0, 1,
                                       0, 0, arguments));
    amqp_connection_close(link, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(link);
}

static void
the_prefetch_of_a_quorum_queue_may_be_changed(void **state)
{
    (void)state;
    struct scene scene;
    struct queue_params params = {
        .name = "faults-quorum", .durable = true, .passive_first = true};

    declare_quorum("faults-quorum");
    scene_open_up(&scene, rabbit.url, "client");
    transport_declare_queue(scene.transport, &params, scene_done, &scene);
    scene_wait(&scene, &scene.answers, 1);
    assert_false(err_is_set(&scene.err));
    struct consumer *consumer = scene_take(&scene, "faults-quorum", 1);
    scene.acknowledges = true;
    scene_send(&scene, "faults-quorum", "a");
    scene_wait(&scene, &scene.deliveries, 1);
    scene.acknowledges = false;
    consumer_prefetch(consumer, 3);
    scene_send(&scene, "faults-quorum", "bcde");
    scene_wait(&scene, &scene.deliveries, 4);
    consumer_prefetch(consumer, 1);
    transport_ack(scene.transport, scene.tags[scene.deliveries - 1]);
    transport_ack(scene.transport, scene.tags[scene.deliveries - 2]);
    transport_ack(scene.transport, scene.tags[scene.deliveries - 3]);
    scene_wait(&scene, &scene.deliveries, 5);
    // Such a queue refuses the limit of a channel, with the whole connection:
    // once, not again.
    assert_true(scene.downs <= 1);
    drop(&scene, alloc_dup("faults-quorum"));
    scene_close(&scene);
}

static void
closing_without_a_server_ends_in_time(void **state)
{
    (void)state;
    struct scene scene;
    struct proxy proxy;

    proxy_start(&proxy, rabbit.server.port);
    char *url = url_of("guest:guest", proxy.port, "/");
    scene_open_up(&scene, url, "client");
    char *queue = declare(&scene);
    proxy_stall(&proxy);
    scene_publish(&scene, "", queue, "a", 0);
    size_t answered = scene.answers;
    transport_close(scene.transport, 300, scene_done, &scene);
    scene_wait(&scene, &scene.answers, answered + 2);
    assert_int_equal(scene.err.kind, ERR_LIMIT); // one message was not sent
    scene_drop(&scene);
    proxy_stop(&proxy);
    scene_open_up(&scene, rabbit.url, "client");
    drop(&scene, queue);
    scene_close(&scene);
    free(url);
}

static void
what_may_be_lost_does_not_wait_for_a_server(void **state)
{
    (void)state;
    struct scene scene;
    struct proxy proxy;
    struct message message = {.body = SLICE("x")};

    proxy_start(&proxy, rabbit.server.port);
    char *url = url_of("guest:guest", proxy.port, "/");
    scene_open_up(&scene, url, "client");
    char *queue = declare(&scene);
    proxy_refuse(&proxy);
    scene_wait(&scene, &scene.downs, 1);
    transport_publish(
        scene.transport,
        &(struct publish){.exchange = "", .key = queue, .message = &message},
        NULL, NULL);
    scene_publish(&scene, "", queue, "a", 0);
    proxy_resume(&proxy);
    scene_wait(&scene, &scene.ups, 2);
    scene_wait(&scene, &scene.answers, 2);
    assert_int_equal(scene_length(&scene, queue), 1);
    drop(&scene, queue);
    scene_close(&scene);
    proxy_stop(&proxy);
    free(url);
}

// Of the last answer alone: others of the scene come in between.
struct refusal {
    struct scene *scene;
    struct err err;
    size_t count;
};

static void
on_refused(void *ctx, const struct err *err)
{
    struct refusal *refusal = ctx;

    assert_non_null(err);
    refusal->err = *err;
    refusal->count++;
    loop_stop(refusal->scene->stage.loop);
}

static void
more_than_may_wait_is_an_error(void **state)
{
    (void)state;
    struct scene scene;
    struct refusal refusal = {.scene = &scene};
    struct message message = {.body = SLICE("x")};
    struct publish publish = {
        .exchange = "", .key = "anywhere", .message = &message};
    char *url = url_of("guest:guest", broker_server_port(), "/");

    scene_open(&scene, &(struct scene_params){.url = url, .name = "client"});
    for (size_t i = 0; i < TRANSPORT_PENDING_MAX; i++) {
        transport_publish(scene.transport, &publish, scene_done, &scene);
    }
    transport_publish(scene.transport, &publish, on_refused, &refusal);
    scene_wait(&scene, &refusal.count, 1);
    assert_int_equal(refusal.err.kind, ERR_LIMIT);
    assert_int_equal(scene.answers, 0);
    scene_drop(&scene);
    free(url);
}

static int
begin_server(void **state)
{
    (void)state;
    rabbit_server_start(&rabbit, &(struct rabbit_server_params){0});
    return 0;
}

static int
end_server(void **state)
{
    (void)state;
    rabbit_server_stop(&rabbit);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_password_is_final),
        cmocka_unit_test(a_user_without_permission_is_told_so),
        cmocka_unit_test(a_virtual_host_that_is_not_there_is_named),
        cmocka_unit_test(a_server_that_speaks_no_amqp_is_not_asked_twice),
        cmocka_unit_test(the_next_url_is_tried),
        cmocka_unit_test(a_deleted_queue_ends_its_taker),
        cmocka_unit_test(what_is_held_too_long_comes_again),
        cmocka_unit_test(a_subscriber_whose_queue_was_deleted_hears_again),
        cmocka_unit_test(a_queue_of_ones_own_is_waited_for),
        cmocka_unit_test(a_queue_of_somebody_elses_is_an_error_in_the_end),
        cmocka_unit_test(an_exchange_that_is_not_there_harms_nobody_else),
        cmocka_unit_test(an_exchange_that_vanished_is_noticed),
        cmocka_unit_test(the_prefetch_of_a_quorum_queue_may_be_changed),
        cmocka_unit_test(closing_without_a_server_ends_in_time),
        cmocka_unit_test(what_may_be_lost_does_not_wait_for_a_server),
        cmocka_unit_test(more_than_may_wait_is_an_error),
        cmocka_unit_test(a_broker_in_memory_alarm_still_hears_acknowledgements),
        cmocka_unit_test(an_idle_connection_is_kept_by_heartbeats),
        cmocka_unit_test(a_server_that_hangs_is_noticed),
        cmocka_unit_test(a_killed_broker_loses_nothing_that_was_confirmed),
    };

    if (!rabbit_server_is_there()) {
        return 77;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin_server, end_server);
}
