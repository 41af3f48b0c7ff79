#include "check.h"

#include <string.h>

#include "transport/broker_url.h"
#include "util/alloc.h"

static struct broker_urls
parse(const char *text)
{
    struct broker_urls urls;
    struct err err = {0};

    if (!broker_urls_parse(&urls, text, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return urls;
}

static void
expect_shown(const char *text, const char *shown)
{
    struct broker_urls urls = parse(text);

    assert_int_equal(urls.count, 1);
    assert_string_equal(urls.items[0].shown, shown);
    broker_urls_release(&urls);
}

static void
expect_refused(const char *text, const char *why)
{
    struct broker_urls urls;
    struct err err = {0};

    if (broker_urls_parse(&urls, text, &err)) {
        fail_msg("%s is taken", text);
    }
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_int_equal(urls.count, 0);
    if (strstr(err.text, why) == NULL) {
        fail_msg("%s: \"%s\" has no \"%s\"", text, err.text, why);
    }
}

static void
an_amqp_url_has_celerys_defaults(void **state)
{
    (void)state;
    struct broker_urls urls = parse("amqp://");
    const struct broker_url *url = &urls.items[0];

    assert_int_equal(url->kind, BROKER_AMQP);
    assert_string_equal(url->host, "localhost");
    assert_int_equal(url->port, 5672);
    assert_string_equal(url->user, "guest");
    assert_string_equal(url->password, "guest");
    assert_string_equal(url->vhost, "/");
    assert_false(url->tls);
    assert_int_equal(url->heartbeat_ms, 0);
    broker_urls_release(&urls);
}

static void
every_part_of_an_amqp_url_is_read(void **state)
{
    (void)state;
    struct broker_urls urls =
        parse("amqps://me:s%40crt%3A%2f@[2001:db8::1]:123/team%2Fa?"
              "heartbeat=2.5&ssl_ca_certs=/etc/ca.pem&ssl_certfile=/c&"
              "ssl_keyfile=/k&ssl_cert_reqs=CERT_NONE");
    const struct broker_url *url = &urls.items[0];

    assert_true(url->tls);
    assert_false(url->verify);
    assert_string_equal(url->host, "2001:db8::1");
    assert_int_equal(url->port, 123);
    assert_string_equal(url->user, "me");
    assert_string_equal(url->password, "s@crt:/");
    assert_string_equal(url->vhost, "team/a");
    assert_int_equal(url->heartbeat_ms, 2500);
    assert_string_equal(url->ca, "/etc/ca.pem");
    assert_string_equal(url->certificate, "/c");
    assert_string_equal(url->key, "/k");
    assert_string_equal(url->shown, "amqps://me@[2001:db8::1]:123/team/a");
    broker_urls_release(&urls);
}

static void
two_slashes_are_the_virtual_host_slash(void **state)
{
    (void)state;
    expect_shown("amqp://h//", "amqp://guest@h:5672//");
    expect_shown("amqp://h/", "amqp://guest@h:5672//");
    expect_shown("pyamqp://h/%2F", "pyamqp://guest@h:5672//");
    expect_shown("amqp://h/x", "amqp://guest@h:5672/x");
}

static void
a_redis_url_has_a_database(void **state)
{
    (void)state;
    struct broker_urls urls =
        parse("redis://:pass@host/3?visibility_timeout=60&"
              "global_keyprefix=a%20b+c%2B:");
    const struct broker_url *url = &urls.items[0];

    assert_int_equal(url->kind, BROKER_REDIS);
    assert_int_equal(url->port, 6379);
    assert_int_equal(url->database, 3);
    assert_string_equal(url->user, "");
    assert_string_equal(url->password, "pass");
    assert_string_equal(url->prefix, "a b c+:");
    assert_int_equal(url->visibility_ms, 60000);
    assert_true(url->verify);
    assert_string_equal(url->shown, "redis://host:6379/3");
    broker_urls_release(&urls);
    expect_shown("redis://", "redis://localhost:6379/0");
    expect_shown("rediss://h:1/", "rediss://h:1/0");
    expect_shown("redis://h//", "redis://h:6379/0");
}

static void
certificates_are_verified_unless_switched_off(void **state)
{
    (void)state;
    struct broker_urls urls = parse("rediss://h;rediss://h?ssl_cert_reqs=none;"
                                    "rediss://h?ssl_cert_reqs=required");

    assert_true(urls.items[0].verify);
    assert_false(urls.items[1].verify);
    assert_true(urls.items[2].verify);
    broker_urls_release(&urls);
    expect_refused("rediss://h?ssl_cert_reqs=nonee", "required or none");
}

static void
a_socket_is_a_path(void **state)
{
    (void)state;
    struct broker_urls urls =
        parse("redis+socket://u:p@/run/re%64is.sock?virtual_host=2");
    const struct broker_url *url = &urls.items[0];

    assert_string_equal(url->path, "/run/redis.sock");
    assert_string_equal(url->user, "u");
    assert_string_equal(url->password, "p");
    assert_string_equal(url->host, "");
    assert_int_equal(url->database, 2);
    assert_string_equal(url->shown,
                        "redis+socket://u@/run/redis.sock?virtual_host=2");
    broker_urls_release(&urls);
    expect_refused("redis+socket://run/redis.sock", "three slashes");
    expect_refused("redis+socket://", "without path");
}

static void
several_are_separated_by_semicolons(void **state)
{
    (void)state;
    struct broker_urls urls = parse(" redis://a ; redis://b:7;;");

    assert_int_equal(urls.count, 2);
    assert_string_equal(urls.items[0].host, "a");
    assert_string_equal(urls.items[1].host, "b");
    assert_int_equal(urls.items[1].port, 7);
    broker_urls_release(&urls);
    expect_refused("redis://a;amqp://b", "of one kind");
    expect_refused(";;", "empty");
    expect_refused("", "empty");
}

static void
what_is_no_url_says_how_one_looks(void **state)
{
    (void)state;
    expect_refused("localhost:6379", "no ://");
    expect_refused("sqs://x", "sqs:// is not supported");
    expect_refused("redis://a:b:c", "port");
    expect_refused("redis://a:0", "port");
    expect_refused("redis://a:65536", "port");
    expect_refused("redis://[::1", "does not end");
    expect_refused("redis://[::1]x", "does not end");
    expect_refused("redis://a b", "blank");
    expect_refused("redis://a/x", "database");
    expect_refused("redis://a/-1", "database");
    expect_refused("redis://a%00b", "NUL");
}

static void
an_unknown_option_is_named(void **state)
{
    (void)state;
    expect_refused("redis://a?visibility_timeuot=1",
                   "unknown option \"visibility_timeuot\"");
    expect_refused("amqp://a?visibility_timeout=1", "means nothing");
    expect_refused("redis://a?ssl_ca_certs=/x", "means nothing");
    expect_refused("redis://a?virtual_host=1", "means nothing");
    expect_refused("redis://a?visibility_timeout=0", "seconds");
    expect_refused("redis://a?heartbeat=x", "option heartbeat");
}

static void
no_password_is_ever_shown(void **state)
{
    static const char *const broken[] = {
        "redis://user:hunter2",        "redis://user:hunter2?x@host",
        "redis://:hun?hunter2@host",   "redis://:hun/hunter2@host",
        "redis://:a#hunter2@host",     "hunter2",
        "redis://:hunter2@host:x",     "redis://:hunter2@host/hunter2",
        "redis://u?hunter2=1",         "amqp://u:hunter2@h?x=1",
        "redis://:hunter2%00@h",       "HUNTER2hunter2://x",
        "redis+socket://u:hunter2@x/y"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct broker_urls urls;
        struct err err = {0};

        assert_false(broker_urls_parse(&urls, broken[i], &err));
        if (strstr(err.text, "hunter2") != NULL ||
            (err.hint != NULL && strstr(err.hint, "hunter2") != NULL)) {
            fail_msg("%s: %s", broken[i], err.text);
        }
    }
    expect_shown("amqp://a:hunter2@h", "amqp://a@h:5672//");
}

static void
what_is_shown_is_one_plain_line(void **state)
{
    (void)state;
    expect_shown("amqp://a%0ab%40:x@h/%1b", "amqp://a%0Ab%40@h:5672/%1B");
}

static void
what_is_no_escape_stays(void **state)
{
    (void)state;
    struct broker_urls urls = parse("redis://:100%25%zz%4@h");

    assert_string_equal(urls.items[0].password, "100%%zz%4");
    broker_urls_release(&urls);
}

static void
an_endless_text_is_refused(void **state)
{
    char *text = alloc_bytes(70001);
    struct broker_urls urls;
    struct err err = {0};

    (void)state;
    memset(text, 'a', 70000);
    text[70000] = '\0';
    assert_false(broker_urls_parse(&urls, text, &err));
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_amqp_url_has_celerys_defaults),
    cmocka_unit_test(every_part_of_an_amqp_url_is_read),
    cmocka_unit_test(two_slashes_are_the_virtual_host_slash),
    cmocka_unit_test(a_redis_url_has_a_database),
    cmocka_unit_test(certificates_are_verified_unless_switched_off),
    cmocka_unit_test(a_socket_is_a_path),
    cmocka_unit_test(several_are_separated_by_semicolons),
    cmocka_unit_test(what_is_no_url_says_how_one_looks),
    cmocka_unit_test(an_unknown_option_is_named),
    cmocka_unit_test(no_password_is_ever_shown),
    cmocka_unit_test(what_is_shown_is_one_plain_line),
    cmocka_unit_test(what_is_no_escape_stays),
    cmocka_unit_test(an_endless_text_is_refused),
};

CHECK_MAIN(tests)
