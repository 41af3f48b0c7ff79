/*
 * TLS for one connection, without touching it: bytes that came go in, bytes
 * to be sent come out. The server's certificate and host name are verified
 * unless the URL says otherwise.
 */
#ifndef TRANSPORT_REDIS_TLS_H
#define TRANSPORT_REDIS_TLS_H

#include <stdbool.h>

#include "transport/broker_url.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

struct redis_tls;

/* Adds the first bytes to be sent to `out`. NULL with ERR_CONFIG: files of the
 * URL that cannot be used. */
struct redis_tls *redis_tls_new(const struct broker_url *url, struct buf *out,
                                struct err *err);
void redis_tls_free(struct redis_tls *tls); // NULL is allowed

/* Takes bytes that came; adds what they say to `plain`, and answers to `out`.
 * ERR_CONFIG: the certificate is not to be trusted. */
bool redis_tls_feed(struct redis_tls *tls, struct slice bytes,
                    struct buf *plain, struct buf *out, struct err *err);

/* Whether anything may be sent. */
bool redis_tls_is_ready(const struct redis_tls *tls);
bool redis_tls_send(struct redis_tls *tls, struct slice plain, struct buf *out,
                    struct err *err);

#endif
