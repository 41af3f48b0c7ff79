#include "transport/broker_tls.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "transport/trust.h"
#include "util/alloc.h"

// What is handed to OpenSSL, or taken from it, in one call.
#define PIECE 65536UL

#define HINT_TRUST                                                       \
    "name the authority's certificate with ?ssl_ca_certs=FILE; without " \
    "any verification: ?ssl_cert_reqs=none"

struct broker_tls {
    SSL_CTX *context;
    SSL *ssl; // owns both BIOs
    BIO *in;
    BIO *out;
};

static const char *
reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

    return text != NULL ? text : "unknown reason";
}

static bool
load_files(SSL_CTX *context, const struct broker_url *url, struct err *err)
{
    const char *key = url->key[0] != '\0' ? url->key : url->certificate;

    if (url->verify && url->ca[0] == '\0' && !trust_system(context, err)) {
        return false;
    }
    if (url->ca[0] != '\0' &&
        SSL_CTX_load_verify_locations(context, url->ca, NULL) != 1) {
        return err_set(err, ERR_CONFIG, "ssl_ca_certs %s: %s", url->ca,
                       reason());
    }
    if (url->certificate[0] == '\0') {
        return true;
    }
    if (SSL_CTX_use_certificate_chain_file(context, url->certificate) != 1) {
        return err_set(err, ERR_CONFIG, "ssl_certfile %s: %s", url->certificate,
                       reason());
    }
    return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 ||
           err_set(err, ERR_CONFIG, "ssl_keyfile %s: %s", key, reason());
}

static bool
is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

// Whose certificate it must be.
static void
expect_host(SSL *ssl, const struct broker_url *url)
{
    bool address = is_address(url->host);
    int done = 1;

    if (!address) {
        done = (int)SSL_set_tlsext_host_name(ssl, url->host);
    }
    if (done == 1 && url->verify) {
        done = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
                                                       url->host)
                       : SSL_set1_host(ssl, url->host);
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    }
    if (done != 1) {
        alloc_failed(0);
    }
    SSL_set_verify(ssl, url->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
}

static bool
drain(const struct broker_tls *tls, struct buf *out, struct err *err)
{
    char *data = NULL;
    long len = BIO_get_mem_data(tls->out, &data);

    if (len > 0 && !buf_add(out, data, (size_t)len)) {
        return err_set(err, ERR_LIMIT, "the server takes nothing more");
    }
    (void)BIO_reset(tls->out);
    return true;
}

// What went wrong, unless OpenSSL merely waits for more.
static bool
check(const struct broker_tls *tls, int result, struct err *err)
{
    int code = SSL_get_error(tls->ssl, result);
    long verified = SSL_get_verify_result(tls->ssl);

    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ||
        code == SSL_ERROR_NONE) {
        return true;
    }
    if (code == SSL_ERROR_ZERO_RETURN) {
        return err_set(err, ERR_SYSTEM, "the server closed the connection");
    }
    if (verified != X509_V_OK && !SSL_is_init_finished(tls->ssl)) {
        err_set(err, ERR_CONFIG, "its certificate is not trusted: %s",
                X509_verify_cert_error_string(verified));
        return err_hint(err, HINT_TRUST);
    }
    err_set(err, ERR_SYSTEM, "TLS: %s", reason());
    return err_hint(err, "is it the server's port for TLS?");
}

struct broker_tls *
broker_tls_new(const struct broker_url *url, struct buf *out, struct err *err)
{
    struct broker_tls *tls = ALLOC(struct broker_tls);

    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL) {
        alloc_failed(0);
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS);
    if (!load_files(tls->context, url, err)) {
        broker_tls_free(tls);
        return NULL;
    }
    tls->ssl = SSL_new(tls->context);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        alloc_failed(0);
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    expect_host(tls->ssl, url);
    if (!check(tls, SSL_do_handshake(tls->ssl), err) || !drain(tls, out, err)) {
        broker_tls_free(tls);
        return NULL;
    }
    return tls;
}

void
broker_tls_free(struct broker_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

bool
broker_tls_is_ready(const struct broker_tls *tls)
{
    return SSL_is_init_finished(tls->ssl);
}

static bool
read_plain(struct broker_tls *tls, struct buf *plain, struct err *err)
{
    int count = 0;

    do {
        size_t room = 0;
        char *end = buf_room(plain, PIECE, &room);
        if (room == 0) {
            return err_set(err, ERR_LIMIT, "too long an answer");
        }
        count = SSL_read(tls->ssl, end, (int)(room < PIECE ? room : PIECE));
        buf_grew(plain, count > 0 ? (size_t)count : 0);
    } while (count > 0);
    return check(tls, count, err);
}

bool
broker_tls_feed(struct broker_tls *tls, struct slice bytes, struct buf *plain,
                struct buf *out, struct err *err)
{
    bool good = true;

    ERR_clear_error();
    while (bytes.len > 0 && good) {
        struct slice piece = slice_first(bytes, PIECE);
        if (BIO_write(tls->in, piece.data, (int)piece.len) != (int)piece.len) {
            alloc_failed(piece.len);
        }
        bytes = slice_skip(bytes, piece.len);
        good = SSL_is_init_finished(tls->ssl) ||
               check(tls, SSL_do_handshake(tls->ssl), err);
        if (good && SSL_is_init_finished(tls->ssl)) {
            good = read_plain(tls, plain, err);
        }
    }
    // An alert tells the server why, so that it is sent in any case.
    struct err ignored = {0};
    return drain(tls, out, good ? err : &ignored) && good;
}

bool
broker_tls_send(struct broker_tls *tls, struct slice plain, struct buf *out,
                struct err *err)
{
    ERR_clear_error();
    while (plain.len > 0) {
        struct slice piece = slice_first(plain, PIECE);
        int count = SSL_write(tls->ssl, piece.data, (int)piece.len);
        if (count <= 0) {
            return check(tls, count, err) &&
                   err_set(err, ERR_SYSTEM, "TLS: nothing can be sent");
        }
        plain = slice_skip(plain, (size_t)count);
        if (!drain(tls, out, err)) {
            return false;
        }
    }
    return true;
}
