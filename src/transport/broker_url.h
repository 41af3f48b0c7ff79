/*
 * Broker URLs as Celery writes them:
 *
 *     amqp://user:password@host:5672/vhost    amqps://...  pyamqp://...
 *     redis://user:password@host:6379/0       rediss://... redis+socket:///path
 *     inproc://name                           within this process, for tests
 *
 * several separated by `;` (all of one kind). Percent escapes are resolved;
 * Celery's own defaults hold for what is missing (guest, //, database 0).
 * Options in the query: `visibility_timeout` (s), `global_keyprefix`,
 * `virtual_host` (redis+socket: the database), `ssl_ca_certs`, `ssl_certfile`,
 * `ssl_keyfile`, `ssl_cert_reqs` (required is the default), `heartbeat`;
 * another one is an error that names it. Touches nothing.
 */
#ifndef TRANSPORT_BROKER_URL_H
#define TRANSPORT_BROKER_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

enum broker_kind {
    BROKER_AMQP,
    BROKER_REDIS,
    BROKER_INPROC
};

/* All texts owned, never NULL. */
struct broker_url {
    enum broker_kind kind;
    bool tls;
    bool verify; // the certificate; false only with ssl_cert_reqs=none
    char *host;
    int port;
    char *path; // of a Unix socket; "": none
    char *user;
    char *password;
    char *vhost; // AMQP
    int database;
    char *prefix; // global_keyprefix
    uint32_t visibility_ms;
    uint32_t heartbeat_ms;
    char *ca; // files; "": the system's
    char *certificate;
    char *key;
    char *shown; // the URL without its password, for people
};

struct broker_urls {
    struct broker_url *items;
    int count;
};

/* False with err (ERR_CONFIG), which never shows a password. */
bool broker_urls_parse(struct broker_urls *urls, const char *text,
                       struct err *err);
void broker_urls_release(struct broker_urls *urls);

#endif
