// What is special about Redis: takers that die, servers that do, and keys that
// are shared with kombu. (Exit 77: there is no redis-server.)
#include "tests/broker/redis_scene.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "transport/kombu_codec.h"
#include "util/alloc.h"

static struct broker_server server;
static char *url;

static int
begin_server(void **state)
{
    (void)state;
    broker_server_init(&server);
    broker_server_start_redis(&server, NULL);
    url = alloc_printf("redis://127.0.0.1:%d/0", server.port);
    return 0;
}

static int
end_server(void **state)
{
    (void)state;
    broker_server_stop(&server);
    free(url);
    return 0;
}

static void
expect_keys(long long count)
{
    redisContext *redis = scene_other(&server);

    assert_int_equal(scene_ask(redis, "DBSIZE"), count);
    redisFree(redis);
}

// A process that takes as many, says so, and waits to be killed.
static pid_t
start_taker(const char *name, const char *queue, uint32_t count)
{
    int fds[2];
    char byte = 0;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct scene scene;
        scene_open_up(&scene, url, name);
        scene_take(&scene, queue, count);
        scene_wait(&scene, &scene.deliveries, count);
        if (write(fds[1], "x", 1) == 1) {
            for (;;) {
                pause();
            }
        }
        _exit(1);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    return pid;
}

static void
kill_taker(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
what_a_killed_taker_held_can_be_reclaimed(void **state)
{
    struct scene scene;

    (void)state;
    scene_open_up(&scene, url, "boss");
    scene_send(&scene, "q", "abc");
    kill_taker(start_taker("w1", "q", 2));
    assert_int_equal(scene_length(&scene, "q"), 1);
    assert_int_equal(scene_reclaim(&scene, "q", "nobody"), 0);
    assert_int_equal(scene_reclaim(&scene, "q", "w1"), 2);
    assert_int_equal(scene_reclaim(&scene, "q", "w1"), 0);
    scene.acknowledges = true;
    struct consumer *consumer = scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 3);
    assert_string_equal(scene.came, "abc"); // where they were before
    assert_true(scene.redelivered[0]);
    assert_true(scene.redelivered[1]);
    assert_false(scene.redelivered[2]);
    consumer_stop(consumer, scene_done, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    scene_close(&scene);
    expect_keys(0);
}

static void
who_comes_back_puts_back_what_he_held(void **state)
{
    struct scene scene;

    (void)state;
    scene_open_up(&scene, url, "boss");
    scene_send(&scene, "q", "ab");
    kill_taker(start_taker("w1", "q", 2));
    scene_close(&scene);
    scene_open_up(&scene, url, "w1");
    scene.acknowledges = true;
    scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 2);
    assert_string_equal(scene.came, "ab");
    assert_true(scene.redelivered[0] && scene.redelivered[1]);
    scene_close(&scene);
    expect_keys(0);
}

static void
a_taker_that_is_silent_too_long_is_taken_for_dead(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, &(struct scene_params){
                           .url = url, .name = "other", .visibility_ms = 1000});
    scene_send(&scene, "q", "a");
    kill_taker(start_taker("w1", "q", 1));
    scene.acknowledges = true;
    scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 1);
    assert_true(scene.redelivered[0]);
    scene_close(&scene);
    expect_keys(0);
}

static void
deleting_a_queue_takes_everything_with_it(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "boss");
    transport_declare_exchange(
        scene.transport,
        &(struct exchange_params){.name = "q", .kind = EXCHANGE_DIRECT}, NULL,
        NULL);
    transport_declare_queue(scene.transport,
                            &(struct queue_params){.name = "q"}, NULL, NULL);
    transport_bind(scene.transport, "q", "q", "q", scene_done, &scene);
    scene_wait(&scene, &scene.answers, 1);
    assert_int_equal(
        scene_ask(redis,
                  "SISMEMBER _kombu.binding.q q" KOMBU_SEPARATOR KOMBU_SEPARATOR
                  "q"),
        1);
    scene_send(&scene, "q", "abcd");
    scene_publish(&scene, "", "q", "e", 9);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    kill_taker(start_taker("w1", "q", 3));
    scene_ask(redis, "HSET unacked t1 %s", "[{}, \"\", \"q\"]");
    scene_ask(redis, "HSET unacked t2 %s", "[{}, \"\", \"another\"]");
    scene_ask(redis, "ZADD unacked_index 1 t1 2 t2");
    assert_int_equal(scene_delete(&scene, "q"), 6);
    scene_close(&scene);
    assert_int_equal(scene_ask(redis, "HLEN unacked"), 1);
    assert_int_equal(scene_ask(redis, "ZCARD unacked_index"), 1);
    scene_ask(redis, "DEL unacked unacked_index");
    redisFree(redis);
    expect_keys(0);
}

static void
what_kombu_left_unacknowledged_is_reclaimed_when_overdue(void **state)
{
    static const char entry[] =
        "[{\"body\": \"x\", \"headers\": {\"a\": [], \"n\": "
        "12345678901234567}, "
        "\"properties\": {\"priority\": 4, \"delivery_info\": {}}}, \"\", "
        "\"q\"]";
    struct scene scene;
    redisContext *redis = scene_other(&server);
    redisReply *time = redisCommand(redis, "TIME");

    (void)state;
    scene_open_up(&scene, url, "boss");
    scene_ask(redis, "HSET unacked old %s new %s other %s", entry, entry,
              "[{}, \"\", \"r\"]");
    scene_ask(redis, "ZADD unacked_index 1 old 1 other %s new",
              time->element[0]->str);
    freeReplyObject(time);
    assert_int_equal(scene_reclaim(&scene, "q", "stock@host"), 1);
    redisReply *reply = redisCommand(redis, "LINDEX q" KOMBU_SEPARATOR "3 0");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    // Empty lists and long numbers are still what they were.
    assert_string_equal(
        reply->str,
        "{\"body\": \"x\", \"headers\": {\"a\": [], \"n\": 12345678901234567, "
        "\"redelivered\": true}, \"properties\": {\"priority\": 4, "
        "\"delivery_info\": {\"redelivered\": true}}}");
    freeReplyObject(reply);
    assert_int_equal(scene_ask(redis, "HLEN unacked"), 2);
    scene_ask(redis, "FLUSHDB");
    redisFree(redis);
    scene_close(&scene);
}

static void
messages_are_withdrawn_from_dead_takers_too(void **state)
{
    static const char entry[] =
        "[{\"body\": \"x\", \"headers\": {\"id\": \"one\"}}, \"\", \"q\"]";
    struct scene scene;
    redisContext *redis = scene_other(&server);
    json_t *headers = json_pack("{s:s}", "id", "one");
    struct message message = {.body = SLICE("a"), .headers = headers};
    struct publish publish = {.exchange = "", .key = "q", .message = &message};

    (void)state;
    scene_open_up(&scene, url, "boss");
    transport_publish(scene.transport, &publish, NULL, NULL);
    transport_publish(scene.transport, &publish, NULL, NULL);
    scene_send(&scene, "q", "z");
    kill_taker(start_taker("w1", "q", 1));
    scene_ask(redis, "HSET unacked t1 %s", entry);
    scene_ask(redis, "ZADD unacked_index 1 t1");
    transport_withdraw(scene.transport, "q", "id", "one", scene_count, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    assert_int_equal(scene.count, 3);
    assert_int_equal(scene_delete(&scene, "q"), 1);
    json_decref(headers);
    redisFree(redis);
    scene_close(&scene);
    expect_keys(0);
}

static void
lower_numbers_are_served_first(void **state)
{
    static const int priorities[] = {9, 3, 0, 6, 255, 1};
    struct scene scene;

    (void)state;
    scene_open_up(&scene, url, "taker");
    for (size_t i = 0; i < 6; i++) {
        scene_publish(&scene, "", "q", &"abcdef"[i], priorities[i]);
    }
    scene_wait(&scene, &scene.answers, 6);
    scene.acknowledges = true;
    scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 6);
    assert_string_equal(scene.came, "cfbdae");
    // It is heard of while it waits, too.
    scene_publish(&scene, "", "q", "g", 9);
    scene_wait(&scene, &scene.deliveries, 7);
    scene_close(&scene);
    expect_keys(0);
}

static void
a_prefix_is_before_every_key_and_channel(void **state)
{
    char *prefixed = alloc_printf("%s?global_keyprefix=pfx:", url);
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, prefixed, "taker");
    scene_send(&scene, "q", "ab");
    struct consumer *consumer = scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 1);
    transport_declare_exchange(
        scene.transport,
        &(struct exchange_params){.name = "x", .kind = EXCHANGE_DIRECT}, NULL,
        NULL);
    transport_bind(scene.transport, "q", "x", "k", scene_done, &scene);
    scene_publish(&scene, "x", "k", "c", 0);
    scene_subscribe(&scene, "celery.pidbox", EXCHANGE_FANOUT, "");
    scene_subscribe(&scene, "celeryev", EXCHANGE_TOPIC, "worker.#");
    assert_int_equal(scene_ask(redis, "KEYS *"),
                     scene_ask(redis, "KEYS pfx:*"));
    assert_int_equal(scene_ask(redis, "EXISTS pfx:q pfx:q.taken.taker "
                                      "pfx:q.takers pfx:_kombu.binding.x"),
                     4);
    assert_int_equal(scene_ask(redis, "PUBLISH pfx:/0.celery.pidbox %s",
                               "{\"body\": \"p\"}"),
                     1);
    assert_int_equal(scene_ask(redis,
                               "PUBLISH pfx:/0.celeryev/worker.online "
                               "%s",
                               "{\"body\": \"e\"}"),
                     1);
    assert_int_equal(scene_ask(redis, "PUBLISH /0.celery.pidbox x"), 0);
    scene_wait(&scene, &scene.deliveries, 3);
    assert_string_equal(scene.came, "ape");
    transport_ack(scene.transport, scene.tags[0]);
    consumer_stop(consumer, scene_done, &scene);
    scene_wait(&scene, &scene.answers, scene.answers + 1);
    scene_delete(&scene, "q");
    scene_close(&scene);
    free(prefixed);
    redisFree(redis);
    expect_keys(0);
}

static void
an_event_is_published_and_pushed_to_no_fanouts_queue(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "node");
    // As kombu binds the queue of one who listens.
    scene_ask(
        redis,
        "SADD _kombu.binding.celeryev worker.#" KOMBU_SEPARATOR KOMBU_SEPARATOR
        "celeryev.1");
    scene_subscribe(&scene, "celeryev", EXCHANGE_TOPIC, "#");
    scene_publish(&scene, "celeryev", "worker.online", "w", 0);
    scene_wait(&scene, &scene.deliveries, 1);
    assert_int_equal(scene_ask(redis, "EXISTS celeryev.1"), 0);
    scene_ask(redis, "FLUSHDB");
    redisFree(redis);
    scene_close(&scene);
}

static void
a_message_that_is_none_is_dropped_with_a_note(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene_ask(redis, "LPUSH q %s", "garbage{");
    scene_send(&scene, "q", "a");
    scene.acknowledges = true;
    scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.deliveries, 1);
    assert_int_equal(scene.notes, 1);
    assert_non_null(strstr(scene.note, "queue q"));
    redisFree(redis);
    scene_close(&scene);
    expect_keys(0);
}

static void
a_message_that_is_too_long_is_dropped(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);
    size_t len = KOMBU_ENVELOPE_MAX + (20UL << 20);
    char *bytes = alloc_zero(1, len);

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene.acknowledges = true;
    // One is there, another comes while it is waited for.
    freeReplyObject(redisCommand(redis, "LPUSH q %b", bytes, len));
    struct consumer *consumer = scene_take(&scene, "q", 4);
    scene_send(&scene, "q", "a");
    scene_wait(&scene, &scene.deliveries, 1);
    freeReplyObject(redisCommand(redis, "LPUSH q %b", bytes, len));
    scene_wait(&scene, &scene.notes, 1);
    assert_non_null(strstr(scene.note, "too long"));
    scene_send(&scene, "q", "b");
    scene_wait(&scene, &scene.deliveries, 2);
    assert_string_equal(scene.came, "ab");
    consumer_stop(consumer, NULL, NULL);
    scene_close(&scene);
    free(bytes);
    redisFree(redis);
    expect_keys(0);
}

static void
a_server_without_blmove_does_as_well(void **state)
{
    static const char *const more[] = {"--rename-command", "BLMOVE", "", NULL};
    struct broker_server old;
    struct scene scene;

    (void)state;
    broker_server_init(&old);
    broker_server_start_redis(&old, more);
    char *there = alloc_printf("redis://127.0.0.1:%d/0", old.port);
    scene_open_up(&scene, there, "taker");
    scene_take(&scene, "q", 2);
    scene_send(&scene, "q", "abc");
    scene_wait(&scene, &scene.deliveries, 2);
    transport_ack(scene.transport, scene.tags[0]);
    scene_wait(&scene, &scene.deliveries, 3);
    assert_string_equal(scene.came, "abc");
    assert_int_equal(scene.downs, 0);
    scene_close(&scene);
    scene_open_up(&scene, there, "other");
    assert_int_equal(scene_length(&scene, "q"), 2);
    scene_close(&scene);
    free(there);
    broker_server_stop(&old);
}

static void
a_key_that_is_no_list_ends_its_taker(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene_ask(redis, "SADD q x");
    struct consumer *consumer = scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.ended, 1);
    assert_non_null(strstr(scene.err.text, "WRONGTYPE"));
    consumer_stop(consumer, scene_done, &scene);
    scene_wait(&scene, &scene.answers, 1);
    scene_ask(redis, "FLUSHDB");
    redisFree(redis);
    scene_close(&scene);
}

static void
a_server_that_lost_its_scripts_gets_them_again(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene_send(&scene, "q", "a");
    scene_ask(redis, "SCRIPT FLUSH");
    assert_int_equal(scene_length(&scene, "q"), 1);
    assert_int_equal(scene.ups, 2);
    scene_delete(&scene, "q");
    redisFree(redis);
    scene_close(&scene);
}

static void
a_full_server_refuses_with_a_hint(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene_ask(redis, "CONFIG SET maxmemory 1");
    scene_send(&scene, "q", "a");
    assert_int_equal(scene.err.kind, ERR_LIMIT);
    assert_non_null(strstr(scene.err.hint, "maxmemory"));
    scene_take(&scene, "q", 1);
    scene_wait(&scene, &scene.notes, 1); // nothing can be taken, either
    scene.err = (struct err){0};
    scene_ask(redis, "CONFIG SET maxmemory 0");
    scene_send(&scene, "q", "a");
    assert_false(err_is_set(&scene.err));
    scene_wait(&scene, &scene.deliveries, 1);
    assert_int_equal(scene.notes, 1);
    transport_ack(scene.transport, scene.tags[0]);
    redisFree(redis);
    scene_close(&scene);
}

static void
on_facts(void *ctx, const struct transport_facts *facts, const struct err *err)
{
    struct scene *scene = ctx;

    if (facts != NULL) {
        scene->facts = *facts;
        assert_string_equal(facts->product, "Redis");
        assert_true(facts->version[0] >= '2' && facts->version[0] <= '9');
        assert_string_equal(facts->policy, "allkeys-lru");
    }
    scene_done(ctx, err);
}

static void
the_server_tells_its_memory_and_clock(void **state)
{
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_ask(redis, "CONFIG SET maxmemory 1gb");
    scene_ask(redis, "CONFIG SET maxmemory-policy allkeys-lru");
    scene_open_up(&scene, url, "asker");
    transport_ask_facts(scene.transport, on_facts, &scene);
    scene_wait(&scene, &scene.answers, 1);
    assert_int_equal(scene.facts.memory_max, 1 << 30);
    assert_in_range(scene.facts.skew_ms + 60000, 0, 120000);
    assert_false(scene.facts.tls);
    scene_ask(redis, "CONFIG SET maxmemory 0");
    scene_ask(redis, "CONFIG SET maxmemory-policy noeviction");
    redisFree(redis);
    scene_close(&scene);
}

static void
a_restarted_server_is_found_again(void **state)
{
    struct scene scene;

    (void)state;
    scene_open_up(&scene, url, "taker");
    scene_take(&scene, "q", 1);
    scene_subscribe(&scene, "x", EXCHANGE_FANOUT, "");
    scene_send(&scene, "q", "a");
    scene_wait(&scene, &scene.deliveries, 1);
    broker_server_end(&server, SIGTERM);
    scene_wait(&scene, &scene.downs, 1);
    assert_false(transport_is_up(scene.transport));
    scene_publish(&scene, "", "q", "b", 0); // waits for it
    broker_server_restart(&server);
    scene_wait(&scene, &scene.ups, 2);
    scene_wait(&scene, &scene.deliveries, 2);
    assert_string_equal(scene.came, "ab");
    transport_ack(scene.transport, scene.tags[0]); // of before: ignored
    transport_ack(scene.transport, scene.tags[1]);
    scene_close(&scene);
    expect_keys(0);
}

static void
a_server_that_stands_still_is_noticed(void **state)
{
    struct scene scene;

    (void)state;
    scene_open(&scene, &(struct scene_params){
                           .url = url, .name = "taker", .heartbeat_ms = 1000});
    scene_wait(&scene, &scene.ups, 1);
    kill(server.pid, SIGSTOP);
    scene_wait(&scene, &scene.downs, 1);
    kill(server.pid, SIGCONT);
    assert_non_null(strstr(scene.err.text, "does not answer"));
    scene_wait(&scene, &scene.ups, 2);
    scene_close(&scene);
}

static void
the_next_url_is_tried_when_one_fails(void **state)
{
    char *both =
        alloc_printf("redis://127.0.0.1:%d;%s", broker_server_port(), url);
    struct scene scene;

    (void)state;
    scene_open_up(&scene, both, "taker");
    assert_int_equal(scene.downs, 1);
    assert_string_equal(transport_address(scene.transport), url);
    scene_close(&scene);
    free(both);
}

static void
a_unix_socket_does_as_well(void **state)
{
    char *path = alloc_printf("redis+socket://%s/redis.sock?virtual_host=3",
                              server.folder);
    struct scene scene;
    redisContext *redis = scene_other(&server);

    (void)state;
    scene_open_up(&scene, path, "taker");
    scene_send(&scene, "q", "a");
    scene_ask(redis, "SELECT 3");
    assert_int_equal(scene_ask(redis, "LLEN q"), 1);
    assert_int_equal(scene_delete(&scene, "q"), 1);
    scene_close(&scene);
    redisFree(redis);
    free(path);
}

static void
expect_failure(const char *broken, const char *why)
{
    struct scene scene;

    scene_open(&scene, &(struct scene_params){.url = broken, .name = "x"});
    transport_length(scene.transport, "q", scene_count, &scene);
    scene_wait(&scene, &scene.failures, 1);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_int_equal(scene.answers, 1); // refused, not forgotten
    assert_non_null(scene.err.hint);
    assert_null(strstr(scene.err.text, "hunter2"));
    if (strstr(scene.err.text, why) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", scene.err.text, why);
    }
    scene_length(&scene, "q"); // an answer in any case
    scene_close(&scene);
}

// ---- many misfortunes ----

#define STORM_MESSAGES 400
#define STORM_TAKERS 3
#define STORM_BLOWS 12

struct storm {
    int pipe[2];
    pid_t takers[STORM_TAKERS];
    bool seen[STORM_MESSAGES];
    size_t different;
};

struct storm_taker {
    struct scene scene;
    int out;
};

static void
on_number(void *ctx, const struct delivery *delivery)
{
    struct storm_taker *taker = ctx;
    uint64_t number = 0;

    if (!slice_to_uint(delivery->message.body, STORM_MESSAGES, &number) ||
        write(taker->out, &number, sizeof(number)) < 0) {
        _exit(1);
    }
    transport_ack(taker->scene.transport, delivery->tag);
}

static void
start_storm_taker(struct storm *storm, size_t index)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct storm_taker taker = {.out = storm->pipe[1]};
        char name[32];
        (void)snprintf(name, sizeof(name), "storm-%zu", index);
        scene_open(&taker.scene,
                   &(struct scene_params){.url = url, .name = name});
        transport_take(taker.scene.transport,
                       &(struct consume_params){.queue = "storm",
                                                .prefetch = 5,
                                                .on_delivery = on_number,
                                                .ctx = &taker});
        for (;;) {
            loop_run(taker.scene.stage.loop);
        }
    }
    storm->takers[index] = pid;
}

// One number from any of them, in time.
static void
read_number(struct storm *storm)
{
    struct pollfd wait = {.fd = storm->pipe[0], .events = POLLIN};
    uint64_t number = 0;

    assert_int_equal(poll(&wait, 1, STAGE_LIMIT_MS), 1);
    assert_int_equal(read(storm->pipe[0], &number, sizeof(number)),
                     sizeof(number));
    storm->different += storm->seen[number] ? 0 : 1;
    storm->seen[number] = true;
}

static void
send_number(struct scene *scene, size_t number)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%zu", number);
    struct message message = {.body = slice_make(text, (size_t)len)};

    transport_publish(
        scene->transport,
        &(struct publish){.exchange = "", .key = "storm", .message = &message},
        scene_done, scene);
}

// Kills one and lets it come back, or cuts all connections.
static void
strike(struct storm *storm, redisContext *redis, unsigned int luck)
{
    size_t index = luck % (2 * STORM_TAKERS);

    if (index < STORM_TAKERS) {
        kill_taker(storm->takers[index]);
        start_storm_taker(storm, index);
    } else {
        freeReplyObject(
            redisCommand(redis, "CLIENT KILL TYPE normal SKIPME yes"));
    }
}

static void
a_storm_of_deaths_and_cuts_loses_nothing(void **state)
{
    struct storm storm = {0};
    struct scene scene;
    redisContext *redis = scene_other(&server);
    unsigned int seed = (unsigned int)getpid();

    (void)state;
    print_message("# seed %u\n", seed);
    assert_int_equal(pipe2(storm.pipe, O_CLOEXEC), 0);
    for (size_t i = 0; i < STORM_TAKERS; i++) {
        start_storm_taker(&storm, i);
    }
    scene_open_up(&scene, url, "sender");
    for (size_t sent = 0; sent < STORM_MESSAGES;) {
        for (int i = 0; i < STORM_MESSAGES / STORM_BLOWS + 1; i++) {
            if (sent < STORM_MESSAGES) {
                send_number(&scene, sent++);
            }
        }
        scene_wait(&scene, &scene.answers, sent);
        read_number(&storm);
        strike(&storm, redis, (unsigned int)rand_r(&seed));
    }
    while (storm.different < STORM_MESSAGES) {
        read_number(&storm);
    }
    for (size_t i = 0; i < STORM_TAKERS; i++) {
        kill_taker(storm.takers[i]);
    }
    scene_delete(&scene, "storm");
    scene_close(&scene);
    redisFree(redis);
    close(storm.pipe[0]);
    close(storm.pipe[1]);
    expect_keys(0);
}

// Listens, and says something to each who comes.
static pid_t
start_impostor(int port, const char *says)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 8), 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            int fd = accept(listener, NULL, NULL);
            if (write(fd, says, strlen(says)) < 0) {
                _exit(1);
            }
        }
    }
    close(listener);
    return pid;
}

static void
whoever_is_no_redis_is_left_alone(void **state)
{
    static const char *const words[][2] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "not the answer"},
        {"+OK\r\n+1\r\n+PANG\r\n", "not the answer"},
        {"*1000000000\r\n", "not the answer"},
        {"-LOADING Redis is loading the dataset in memory\r\n", "loading"},
        {"-ERR max number of clients reached\r\n", "max number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        int port = broker_server_port();
        pid_t pid = start_impostor(port, words[i][0]);
        char *there = alloc_printf("redis://127.0.0.1:%d/0", port);
        struct scene scene;
        scene_open(&scene, &(struct scene_params){.url = there, .name = "x"});
        scene_wait(&scene, &scene.downs, 2); // and is tried again
        if (strstr(scene.err.text, words[i][1]) == NULL) {
            fail_msg("\"%s\" has no \"%s\"", scene.err.text, words[i][1]);
        }
        scene_drop(&scene);
        free(there);
        kill_taker(pid);
    }
}

static void
a_wrong_password_is_final(void **state)
{
    redisContext *redis = scene_other(&server);
    char *base = alloc_printf("127.0.0.1:%d", server.port);
    char *none = alloc_printf("redis://%s", base);
    char *wrong = alloc_printf("redis://:hunter2@%s", base);
    char *right = alloc_printf("redis://:s%%40fe@%s", base);
    char *user = alloc_printf("redis://low:low@%s", base);
    char *database = alloc_printf("redis://:s%%40fe@%s/99", base);
    struct scene scene;

    (void)state;
    expect_failure(wrong, "server has none");
    scene_ask(redis, "ACL SETUSER low on >low ~* &* +@all -evalsha");
    scene_ask(redis, "CONFIG SET requirepass s@fe");
    expect_failure(none, "wants a password");
    expect_failure(wrong, "wrong");
    expect_failure(user, "NOPERM");
    expect_failure(database, "database");
    scene_open_up(&scene, right, "right");
    scene_close(&scene);
    scene_ask(redis, "AUTH s@fe");
    scene_ask(redis, "CONFIG SET requirepass %s", "");
    redisFree(redis);
    free(base);
    free(none);
    free(wrong);
    free(right);
    free(user);
    free(database);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_a_killed_taker_held_can_be_reclaimed),
    cmocka_unit_test(who_comes_back_puts_back_what_he_held),
    cmocka_unit_test(a_taker_that_is_silent_too_long_is_taken_for_dead),
    cmocka_unit_test(deleting_a_queue_takes_everything_with_it),
    cmocka_unit_test(what_kombu_left_unacknowledged_is_reclaimed_when_overdue),
    cmocka_unit_test(messages_are_withdrawn_from_dead_takers_too),
    cmocka_unit_test(lower_numbers_are_served_first),
    cmocka_unit_test(a_prefix_is_before_every_key_and_channel),
    cmocka_unit_test(an_event_is_published_and_pushed_to_no_fanouts_queue),
    cmocka_unit_test(a_message_that_is_none_is_dropped_with_a_note),
    cmocka_unit_test(a_message_that_is_too_long_is_dropped),
    cmocka_unit_test(a_server_without_blmove_does_as_well),
    cmocka_unit_test(a_key_that_is_no_list_ends_its_taker),
    cmocka_unit_test(a_server_that_lost_its_scripts_gets_them_again),
    cmocka_unit_test(a_full_server_refuses_with_a_hint),
    cmocka_unit_test(the_server_tells_its_memory_and_clock),
    cmocka_unit_test(a_restarted_server_is_found_again),
    cmocka_unit_test(a_server_that_stands_still_is_noticed),
    cmocka_unit_test(the_next_url_is_tried_when_one_fails),
    cmocka_unit_test(a_unix_socket_does_as_well),
    cmocka_unit_test(a_storm_of_deaths_and_cuts_loses_nothing),
    cmocka_unit_test(whoever_is_no_redis_is_left_alone),
    cmocka_unit_test(a_wrong_password_is_final),
};

int
main(void)
{
    if (!broker_server_is_there("redis-server")) {
        return 77;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin_server, end_server);
}
