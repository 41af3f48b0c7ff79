// TLS to a real Redis, with a certificate authority made for the day. (Exit
// 77: there is no redis-server that speaks TLS, or no openssl.)
#include "tests/broker/redis_scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/alloc.h"
#include "util/path.h"

static struct broker_server server;
static int tls_port;

// A command in the server's folder.
static int
run(const char *command)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (chdir(server.folder) == 0) {
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        }
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return status;
}

#define QUIET " >>openssl.log 2>&1"
#define KEY "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "

// An authority, and a certificate of its for localhost.
static bool
make_certificates(void)
{
    return run("openssl req -x509 " KEY "-keyout ca.key -out ca.pem -subj "
               "/CN=authority" QUIET) == 0 &&
           run("openssl req " KEY "-keyout server.key -out server.csr -subj "
               "/CN=localhost" QUIET) == 0 &&
           run("printf 'subjectAltName=DNS:localhost' >names") == 0 &&
           run("openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key "
               "-CAcreateserial -days 2 -extfile names -out "
               "server.pem" QUIET) == 0;
}

static int
begin_server(void **state)
{
    char port[16];
    const char *const more[] = {"--tls-port",
                                port,
                                "--tls-cert-file",
                                "server.pem",
                                "--tls-key-file",
                                "server.key",
                                "--tls-ca-cert-file",
                                "ca.pem",
                                "--tls-auth-clients",
                                "optional",
                                "--requirepass",
                                "s3cret",
                                NULL};

    (void)state;
    broker_server_init(&server);
    if (!make_certificates()) {
        return -1;
    }
    tls_port = broker_server_port();
    (void)snprintf(port, sizeof(port), "%d", tls_port);
    broker_server_start_redis(&server, more);
    return 0;
}

static int
end_server(void **state)
{
    (void)state;
    broker_server_stop(&server);
    return 0;
}

static char *
url_of(const char *scheme, const char *host, int port, const char *options)
{
    return alloc_printf("%s://:s3cret@%s:%d/0%s%s%s", scheme, host, port,
                        options, options[0] != '\0' ? server.folder : "",
                        options[0] != '\0' ? "/ca.pem" : "");
}

static void
expect_works(char *url)
{
    struct scene scene;

    scene_open_up(&scene, url, "tls");
    scene.acknowledges = true;
    struct consumer *consumer = scene_take(&scene, "q", 4);
    scene_send(&scene, "q", "abc");
    scene_wait(&scene, &scene.deliveries, 3);
    assert_string_equal(scene.came, "abc");
    consumer_stop(consumer, NULL, NULL);
    scene_close(&scene);
    free(url);
}

static void
expect_refused(char *url, const char *why)
{
    struct scene scene;

    scene_open(&scene, &(struct scene_params){.url = url, .name = "tls"});
    scene_wait(&scene, &scene.failures, 1);
    assert_int_equal(scene.err.kind, ERR_CONFIG);
    if (strstr(scene.err.text, why) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", scene.err.text, why);
    }
    assert_null(strstr(scene.err.text, "s3cret"));
    scene_drop(&scene);
    free(url);
}

// Neither works nor fails for ever: the next try may find another server.
static void
expect_down(char *url, const char *why)
{
    struct scene scene;

    scene_open(&scene, &(struct scene_params){.url = url, .name = "tls"});
    scene_wait(&scene, &scene.downs, 1);
    assert_int_equal(scene.ups, 0);
    if (strstr(scene.err.text, why) == NULL) {
        fail_msg("\"%s\" has no \"%s\"", scene.err.text, why);
    }
    scene_drop(&scene);
    free(url);
}

static void
a_trusted_certificate_of_the_host_is_good(void **state)
{
    (void)state;
    expect_works(url_of("rediss", "localhost", tls_port, "?ssl_ca_certs="));
}

static void
an_unknown_authority_is_refused(void **state)
{
    (void)state;
    expect_refused(url_of("rediss", "localhost", tls_port, ""), "not trusted");
}

static void
a_certificate_of_another_host_is_refused(void **state)
{
    (void)state;
    expect_refused(url_of("rediss", "127.0.0.1", tls_port, "?ssl_ca_certs="),
                   "not trusted");
}

static void
verification_can_be_switched_off(void **state)
{
    (void)state;
    expect_works(url_of("rediss", "127.0.0.1", tls_port,
                        "?ssl_cert_reqs=none&ssl_ca_certs="));
}

static void
files_that_are_not_there_are_named(void **state)
{
    (void)state;
    expect_refused(
        url_of("rediss", "localhost", tls_port, "?ssl_ca_certs=/nowhere"),
        "/nowhere");
    expect_refused(url_of("rediss", "localhost", tls_port,
                          "?ssl_cert_reqs=none&ssl_certfile=/nowhere"),
                   "/nowhere");
}

static void
a_client_may_show_a_certificate_of_its_own(void **state)
{
    char *options = alloc_printf("?ssl_certfile=%s/server.pem&ssl_keyfile=%s/"
                                 "server.key&ssl_ca_certs=",
                                 server.folder, server.folder);

    (void)state;
    expect_works(url_of("rediss", "localhost", tls_port, options));
    free(options);
}

static void
nothing_is_ever_plain_by_mistake(void **state)
{
    (void)state;
    expect_down(url_of("rediss", "localhost", server.port, "?ssl_ca_certs="),
                "TLS");
    expect_down(url_of("redis", "localhost", tls_port, ""), "redis://");
}

static void
on_facts(void *ctx, const struct transport_facts *facts, const struct err *err)
{
    struct scene *scene = ctx;

    scene->facts.tls = facts != NULL && facts->tls;
    scene_done(ctx, err);
}

static void
large_messages_come_through_whole(void **state)
{
    struct scene scene;
    size_t len = 5 << 20;
    char *bytes = alloc_zero(1, len);
    char *url = url_of("rediss", "localhost", tls_port, "?ssl_ca_certs=");
    struct message message = {.body = slice_make(bytes, len)};

    (void)state;
    bytes[0] = 'L';
    scene_open_up(&scene, url, "tls");
    scene.acknowledges = true;
    struct consumer *consumer = scene_take(&scene, "q", 1);
    transport_publish(
        scene.transport,
        &(struct publish){.exchange = "", .key = "q", .message = &message},
        scene_done, &scene);
    scene_wait(&scene, &scene.deliveries, 1);
    assert_int_equal(scene.came[0], 'L');
    transport_ask_facts(scene.transport, on_facts, &scene);
    scene_wait(&scene, &scene.answers, 2);
    assert_true(scene.facts.tls);
    consumer_stop(consumer, NULL, NULL);
    scene_close(&scene);
    free(url);
    free(bytes);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_trusted_certificate_of_the_host_is_good),
    cmocka_unit_test(an_unknown_authority_is_refused),
    cmocka_unit_test(a_certificate_of_another_host_is_refused),
    cmocka_unit_test(verification_can_be_switched_off),
    cmocka_unit_test(files_that_are_not_there_are_named),
    cmocka_unit_test(a_client_may_show_a_certificate_of_its_own),
    cmocka_unit_test(nothing_is_ever_plain_by_mistake),
    cmocka_unit_test(large_messages_come_through_whole),
};

int
main(void)
{
    if (!broker_server_is_there("redis-server") ||
        !broker_server_is_there("openssl")) {
        return 77;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin_server, end_server);
}
