// The driver for Redis keeps what every transport promises, with a real server
// that is started here. (Exit 77: there is none.)
#include "tests/broker/transport_suite.h"

#include "tests/support/broker_server.h"
#include "tests/unit/check.h"

#include <hiredis/hiredis.h>

#include "util/alloc.h"

// Somebody else who is connected.
static redisContext *
connect_to(const struct broker_server *server)
{
    redisContext *redis = redisConnect("127.0.0.1", server->port);

    assert_non_null(redis);
    assert_int_equal(redis->err, 0);
    return redis;
}

static void
cut_all(void *ctx)
{
    redisContext *redis = connect_to(ctx);

    freeReplyObject(redisCommand(redis, "CLIENT KILL TYPE pubsub"));
    freeReplyObject(redisCommand(redis, "CLIENT KILL TYPE normal SKIPME yes"));
    redisFree(redis);
}

int
main(int argc, char **argv)
{
    struct broker_server server;

    (void)argc;
    (void)argv;
    if (!broker_server_is_there("redis-server")) {
        return 77;
    }
    broker_server_init(&server);
    broker_server_start_redis(&server, NULL);
    char *url = alloc_printf("redis://127.0.0.1:%d/0", server.port);
    struct transport_suite suite = {
        .url = url, .cut = cut_all, .ctx = &server, .withdraws = true};
    int failed = transport_suite_run(&suite);
    free(url);
    broker_server_stop(&server);
    return failed;
}
