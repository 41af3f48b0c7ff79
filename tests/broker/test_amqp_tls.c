// TLS to a real RabbitMQ, with a certificate authority made for the day. (Exit
// 77: there is no rabbitmq-server, or no openssl.)
#include "tests/broker/redis_scene.h"
#include "tests/support/rabbit_server.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

static struct rabbit_server rabbit;

static void
take_facts(void *ctx, const struct transport_facts *facts,
           const struct err *err)
{
    struct scene *scene = ctx;

    assert_null(err);
    assert_string_equal(facts->product, "RabbitMQ");
    scene->facts.tls = facts->tls;
    scene->answers++;
    loop_stop(scene->stage.loop);
}

static void
check_working(const char *host, const char *query)
{
    struct scene scene;
    char *url = alloc_printf("amqps://guest:guest@%s:%d//%s", host,
                             rabbit.tls_port, query);
    const char *queue = "over-tls";
    size_t big = 300000;
    char *body = alloc_zero(1, big);
    struct message message = {.body = slice_make(body, big)};

    scene_open_up(&scene, url, "client");
    transport_ask_facts(scene.transport, take_facts, &scene);
    scene_wait(&scene, &scene.answers, 1);
    assert_true(scene.facts.tls);
    transport_declare_queue(scene.transport,
                            &(struct queue_params){.name = queue}, scene_done,
                            &scene);
    scene_wait(&scene, &scene.answers, 2);
    // Of many frames, and of many records.
    body[0] = 'B';
    transport_publish(
        scene.transport,
        &(struct publish){.exchange = "", .key = queue, .message = &message},
        scene_done, &scene);
    scene.acknowledges = true;
    scene_take(&scene, queue, 1);
    scene_wait(&scene, &scene.deliveries, 1);
    scene_wait(&scene, &scene.answers, 3);
    assert_string_equal(scene.came, "B");
    scene_delete(&scene, queue);
    scene_close(&scene);
    free(url);
    free(body);
}

static void
check_failing(const char *query, const char *part)
{
    struct scene scene;
    char *url = alloc_printf("amqps://guest:guest@localhost:%d//%s",
                             rabbit.tls_port, query);

    scene_open(&scene, &(struct scene_params){.url = url, .name = "client"});
    scene_wait(&scene, &scene.failures, 1);
    assert_int_equal(scene.ups, 0);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    assert_non_null(strstr(scene.err.text, part));
    scene_drop(&scene);
    free(url);
}

static void
a_certificate_of_a_known_authority_is_trusted(void **state)
{
    (void)state;
    char *query = alloc_printf("?ssl_ca_certs=%s/ca.pem", rabbit.server.folder);

    check_working("localhost", query);
    check_working("127.0.0.1", query);
    free(query);
}

static void
a_client_may_show_a_certificate(void **state)
{
    (void)state;
    const char *folder = rabbit.server.folder;
    char *query = alloc_printf("?ssl_ca_certs=%s/ca.pem&ssl_certfile=%s/"
                               "client.pem&ssl_keyfile=%s/client_key.pem",
                               folder, folder, folder);

    check_working("localhost", query);
    free(query);
}

static void
without_verification_any_certificate_will_do(void **state)
{
    (void)state;

    check_working("localhost", "?ssl_cert_reqs=none");
}

static void
an_unknown_authority_is_not_trusted(void **state)
{
    (void)state;

    check_failing("", "not trusted");
}

static void
a_file_that_is_not_there_is_named(void **state)
{
    (void)state;

    check_failing("?ssl_ca_certs=/nowhere/ca.pem", "/nowhere/ca.pem");
}

static int
begin_server(void **state)
{
    (void)state;
    rabbit_server_start(&rabbit, &(struct rabbit_server_params){.tls = true});
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
        cmocka_unit_test(a_certificate_of_a_known_authority_is_trusted),
        cmocka_unit_test(a_client_may_show_a_certificate),
        cmocka_unit_test(without_verification_any_certificate_will_do),
        cmocka_unit_test(an_unknown_authority_is_not_trusted),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };

    if (!rabbit_server_is_there() || !broker_server_is_there("openssl")) {
        return 77;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin_server, end_server);
}
