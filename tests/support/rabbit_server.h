/*
 * A rabbitmq-server in a private folder, with a name resolver (epmd) of its
 * own, so that nothing else on the machine is touched and nothing is left. The
 * user guest may do all on the virtual host /, the user nobody (password
 * "nobody") may log in and do nothing.
 */
#ifndef TESTS_SUPPORT_RABBIT_SERVER_H
#define TESTS_SUPPORT_RABBIT_SERVER_H

#include "tests/support/broker_server.h"

struct rabbit_server {
    struct broker_server server; // .port, .folder, broker_server_end, _restart
    struct broker_server names;  // epmd
    int distribution_port;
    int tls_port; // 0: none
    char *url;    // of the virtual host /
};

/* Whether all programs are there; if not, a test exits with 77. */
bool rabbit_server_is_there(void);

/*
 * Starts it, which takes seconds. `config` is added to rabbitmq.conf, and
 * `advanced` is advanced.config; both may be NULL. With `tls` it also listens
 * on tls_port, by certificates in its folder: ca.pem, server.pem, client.pem
 * and client_key.pem.
 */
struct rabbit_server_params {
    const char *config;
    const char *advanced;
    bool tls;
};
void rabbit_server_start(struct rabbit_server *rabbit,
                         const struct rabbit_server_params *params);
/* Runs rabbitmqctl with these words, ended by NULL. Slow. */
void rabbit_server_control(const struct rabbit_server *rabbit,
                           const char *const control[]);
void rabbit_server_stop(struct rabbit_server *rabbit);

#endif
