// The driver for AMQP keeps what every transport promises, with a real server
// that is started here. (Exit 77: there is none.)
#include "tests/broker/transport_suite.h"

#include "tests/support/proxy.h"
#include "tests/support/rabbit_server.h"

#include <stdlib.h>

#include "util/alloc.h"

static void
cut_all(void *ctx)
{
    proxy_cut(ctx);
}

int
main(void)
{
    struct rabbit_server rabbit;
    struct proxy proxy;

    if (!rabbit_server_is_there()) {
        return 77;
    }
    rabbit_server_start(&rabbit, &(struct rabbit_server_params){0});
    proxy_start(&proxy, rabbit.server.port);
    char *url = alloc_printf("amqp://guest:guest@127.0.0.1:%d//", proxy.port);
    struct transport_suite suite = {
        .url = url, .cut = cut_all, .ctx = &proxy, .knows_queues = true};
    int failed = transport_suite_run(&suite);
    free(url);
    proxy_stop(&proxy);
    rabbit_server_stop(&rabbit);
    return failed;
}
