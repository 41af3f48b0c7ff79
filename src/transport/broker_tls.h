/*
 * TLS for one connection, without touching it: bytes that came go in, bytes
 * to be sent come out. The server's certificate and host name are verified
 * unless the URL says otherwise.
 */
#ifndef TRANSPORT_BROKER_TLS_H
#define TRANSPORT_BROKER_TLS_H

#include <stdbool.h>

#include "transport/broker_url.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

struct broker_tls;

/* Adds the first bytes to be sent to `out`. NULL with ERR_CONFIG: files of the
 * URL that cannot be used. */
struct broker_tls *broker_tls_new(const struct broker_url *url, struct buf *out,
                                  struct err *err);
void broker_tls_free(struct broker_tls *tls); // NULL is allowed

/* Takes bytes that came; adds what they say to `plain`, and answers to `out`.
 * ERR_CONFIG: the certificate is not to be trusted. */
bool broker_tls_feed(struct broker_tls *tls, struct slice bytes,
                     struct buf *plain, struct buf *out, struct err *err);

/* Whether anything may be sent. */
bool broker_tls_is_ready(const struct broker_tls *tls);
bool broker_tls_send(struct broker_tls *tls, struct slice plain,
                     struct buf *out, struct err *err);

#endif
