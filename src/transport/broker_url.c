#include "transport/broker_url.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/slice.h"

#define TEXT_MAX 65536UL
#define URLS_MAX 32
#define SECONDS_MAX 4000000.0

#define HINT_ESCAPE                                                   \
    "write / ? # @ : and ; within user names, passwords and virtual " \
    "hosts as %2F %3F %23 %40 %3A and %3B"

enum {
    FOR_AMQP = 1 << BROKER_AMQP,
    FOR_REDIS = 1 << BROKER_REDIS,
    FOR_INPROC = 1 << BROKER_INPROC,
};

struct scheme {
    const char *name;
    enum broker_kind kind;
    bool tls;
    bool socket;
    int port;
};

static const struct scheme schemes[] = {
    {"amqp", BROKER_AMQP, false, false, 5672},
    {"pyamqp", BROKER_AMQP, false, false, 5672},
    {"librabbitmq", BROKER_AMQP, false, false, 5672},
    {"amqps", BROKER_AMQP, true, false, 5671},
    {"redis", BROKER_REDIS, false, false, 6379},
    {"rediss", BROKER_REDIS, true, false, 6379},
    {"redis+socket", BROKER_REDIS, false, true, 0},
    {"inproc", BROKER_INPROC, false, false, 0},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// One URL being read.
struct reading {
    const struct scheme *scheme;
    struct broker_url *url;
    struct err *err;
};

static int
hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return byte - 'A' + 10;
    }
    return -1;
}

// Replaces *text by `raw` without its escapes. What is no escape stays, as
// Python has it. `what` is named where the result would not be a text.
static bool
unescape(const struct reading *reading, const char *what, struct slice raw,
         char **text)
{
    char *out = alloc_bytes(raw.len + 1);
    size_t len = 0;
    bool clean = true;

    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.data[i];
        if (byte == '%' && i + 2 < raw.len && hex_digit(raw.data[i + 1]) >= 0 &&
            hex_digit(raw.data[i + 2]) >= 0) {
            byte = (char)(hex_digit(raw.data[i + 1]) * 16 +
                          hex_digit(raw.data[i + 2]));
            i += 2;
        }
        clean = clean && byte != '\0';
        out[len++] = byte;
    }
    out[len] = '\0';
    if (!clean) {
        free(out);
        return err_set(reading->err, ERR_CONFIG, "a NUL byte in its %s", what);
    }
    free(*text);
    *text = out;
    return true;
}

static bool
set_seconds(const struct reading *reading, struct slice value, uint32_t *ms)
{
    double seconds = 0;

    if (!slice_to_double(value, 0.001, SECONDS_MAX, &seconds)) {
        return err_set(reading->err, ERR_CONFIG,
                       "must be a number of seconds above 0");
    }
    *ms = (uint32_t)(seconds * 1000 + 0.5);
    return true;
}

static bool
set_visibility(const struct reading *reading, struct slice value)
{
    return set_seconds(reading, value, &reading->url->visibility_ms);
}

static bool
set_heartbeat(const struct reading *reading, struct slice value)
{
    return set_seconds(reading, value, &reading->url->heartbeat_ms);
}

static bool
set_database(const struct reading *reading, struct slice value)
{
    uint64_t number = 0;

    if (!slice_to_uint(value, INT32_MAX, &number)) {
        return err_set(reading->err, ERR_CONFIG,
                       "the database of Redis is not a number");
    }
    reading->url->database = (int)number;
    return true;
}

static bool
set_cert_reqs(const struct reading *reading, struct slice value)
{
    static const struct {
        const char *name;
        bool verify;
    } names[] = {
        {"required", true},      {"CERT_REQUIRED", true}, {"optional", true},
        {"CERT_OPTIONAL", true}, {"none", false},         {"CERT_NONE", false},
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_equals_text(value, names[i].name)) {
            reading->url->verify = names[i].verify;
            return true;
        }
    }
    return err_set(reading->err, ERR_CONFIG, "must be required or none");
}

static bool
set_text(const struct reading *reading, struct slice value, char **text)
{
    (void)reading;
    free(*text);
    *text = slice_dup(value);
    return true;
}

static bool
set_prefix(const struct reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->prefix);
}

static bool
set_ca(const struct reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->ca);
}

static bool
set_certificate(const struct reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->certificate);
}

static bool
set_key(const struct reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->key);
}

static const struct option {
    const char *name;
    unsigned kinds;
    bool tls; // makes sense with TLS only
    bool socket;
    bool (*set)(const struct reading *reading, struct slice value);
} options[] = {
    {"visibility_timeout", FOR_REDIS, false, false, set_visibility},
    {"global_keyprefix", FOR_REDIS, false, false, set_prefix},
    {"virtual_host", FOR_REDIS, false, true, set_database},
    {"heartbeat", FOR_AMQP | FOR_REDIS, false, false, set_heartbeat},
    {"ssl_ca_certs", FOR_AMQP | FOR_REDIS, true, false, set_ca},
    {"ssl_certfile", FOR_AMQP | FOR_REDIS, true, false, set_certificate},
    {"ssl_keyfile", FOR_AMQP | FOR_REDIS, true, false, set_key},
    {"ssl_cert_reqs", FOR_AMQP | FOR_REDIS, true, false, set_cert_reqs},
};

// A name that can be shown: what looks different may be a piece of a password
// that was not escaped.
static bool
is_plain_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        if (!(byte >= 'a' && byte <= 'z') && byte != '_') {
            return false;
        }
    }
    return name.len > 0 && name.len <= 40;
}

static bool
refuse_option(const struct reading *reading, struct slice name)
{
    if (is_plain_name(name)) {
        err_set(reading->err, ERR_CONFIG, "unknown option \"%.*s\"",
                SLICE_ARG(name));
    } else {
        err_set(reading->err, ERR_CONFIG, "an unknown option behind its ?");
    }
    return err_hint(reading->err,
                    "known are visibility_timeout, global_keyprefix, "
                    "virtual_host (redis+socket), heartbeat, ssl_ca_certs, "
                    "ssl_certfile, ssl_keyfile, ssl_cert_reqs");
}

static bool
set_option(const struct reading *reading, const struct option *option,
           struct slice value)
{
    if ((option->kinds & 1U << reading->scheme->kind) == 0 ||
        (option->socket && !reading->scheme->socket) ||
        (option->tls && !reading->scheme->tls)) {
        return err_set(reading->err, ERR_CONFIG,
                       "option %s means nothing for %s://", option->name,
                       reading->scheme->name);
    }
    char *text = alloc_dup("");
    bool done = unescape(reading, option->name, value, &text);
    if (done && !option->set(reading, slice_of(text))) {
        done = err_wrap(reading->err, "option %s", option->name);
    }
    free(text);
    return done;
}

static bool
read_option(const struct reading *reading, struct slice text)
{
    size_t equals = slice_find(text, '=');
    struct slice name = slice_first(text, equals);

    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (slice_equals_text(name, options[i].name)) {
            return set_option(reading, &options[i],
                              slice_skip(text, equals + 1));
        }
    }
    return refuse_option(reading, name);
}

static bool
read_query(const struct reading *reading, struct slice query)
{
    struct slice part;

    while (query.len > 0 && slice_split(&query, '&', &part)) {
        if (part.len > 0 && !read_option(reading, part)) {
            return false;
        }
    }
    return true;
}

static bool
read_port(const struct reading *reading, struct slice text)
{
    uint64_t port = 0;

    if (text.len == 0) {
        return true;
    }
    if (!slice_to_uint(text, 65535, &port) || port == 0) {
        err_set(reading->err, ERR_CONFIG,
                "its port is not a number from 1 to "
                "65535");
        return err_hint(reading->err, HINT_ESCAPE);
    }
    reading->url->port = (int)port;
    return true;
}

// host, host:port, [::1]:port, :port or nothing.
static bool
read_host(const struct reading *reading, struct slice text)
{
    size_t end = slice_find(text, ':');
    struct slice host = slice_first(text, end);

    if (text.len > 0 && text.data[0] == '[') {
        end = slice_find(text, ']');
        if (end == text.len ||
            (end + 1 < text.len && text.data[end + 1] != ':')) {
            return err_set(reading->err, ERR_CONFIG,
                           "an address in [ ] that does not end");
        }
        host = slice_make(text.data + 1, end - 1);
        end++;
    }
    for (size_t i = 0; i < host.len; i++) {
        if ((unsigned char)host.data[i] <= ' ' || host.data[i] == 0x7f) {
            return err_set(reading->err, ERR_CONFIG,
                           "a blank or control character in its host");
        }
    }
    if (host.len > 0 && !unescape(reading, "host", host, &reading->url->host)) {
        return false;
    }
    return read_port(reading, slice_skip(text, end + 1));
}

// user:password@ before the host; the last @ is the one, as in Python.
static bool
read_authority(const struct reading *reading, struct slice text)
{
    size_t at = text.len;

    for (size_t i = 0; i < text.len; i++) {
        at = text.data[i] == '@' ? i : at;
    }
    if (at < text.len) {
        struct slice login = slice_first(text, at);
        size_t colon = slice_find(login, ':');
        if (!unescape(reading, "user name", slice_first(login, colon),
                      &reading->url->user) ||
            !unescape(reading, "password", slice_skip(login, colon + 1),
                      &reading->url->password)) {
            return false;
        }
        text = slice_skip(text, at + 1);
    }
    if (reading->scheme->socket) {
        return text.len == 0 ||
               err_set(reading->err, ERR_CONFIG,
                       "a socket is named by three slashes and its path: "
                       "redis+socket:///run/redis.sock");
    }
    return read_host(reading, text);
}

// `path` begins with its slash, or is empty.
static bool
read_path(const struct reading *reading, struct slice path)
{
    struct broker_url *url = reading->url;

    if (reading->scheme->socket) {
        return path.len > 1
                   ? unescape(reading, "path", path, &url->path)
                   : err_set(reading->err, ERR_CONFIG, "a socket without path");
    }
    slice_take(&path, SLICE("/"));
    if (url->kind == BROKER_REDIS) {
        return path.len == 0 || slice_equals_text(path, "/") ||
               set_database(reading, path);
    }
    return path.len == 0 ||
           unescape(reading, "virtual host", path, &url->vhost);
}

// What is shown is on one line and plain, whatever the parts hold.
static void
show(struct buf *buf, const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f ||
            *text == '@') {
            buf_addf(buf, "%%%02X", (unsigned char)*text);
        } else {
            buf_add_char(buf, *text);
        }
    }
}

static char *
shown_without_password(const struct scheme *scheme,
                       const struct broker_url *url)
{
    struct buf buf = BUF_INIT(4 * TEXT_MAX);

    buf_addf(&buf, "%s://", scheme->name);
    if (url->user[0] != '\0') {
        show(&buf, url->user);
        buf_add_char(&buf, '@');
    }
    if (scheme->socket) {
        show(&buf, url->path);
        if (url->database != 0) {
            buf_addf(&buf, "?virtual_host=%d", url->database);
        }
        return buf_take(&buf);
    }
    bool colons = strchr(url->host, ':') != NULL;
    buf_add_text(&buf, colons ? "[" : "");
    show(&buf, url->host);
    buf_add_text(&buf, colons ? "]" : "");
    if (url->port != 0) {
        buf_addf(&buf, ":%d", url->port);
    }
    if (url->kind == BROKER_AMQP) {
        buf_add_char(&buf, '/');
        show(&buf, url->vhost);
    } else if (url->kind == BROKER_REDIS) {
        buf_addf(&buf, "/%d", url->database);
    }
    return buf_take(&buf);
}

static const struct scheme *
find_scheme(struct slice *text, struct err *err)
{
    size_t end = slice_find_part(*text, SLICE("://"));
    struct slice name = slice_first(*text, end);

    if (end == text->len) {
        err_set(err, ERR_CONFIG, "there is no :// in it");
        err_hint(err, "write it as redis://host:6379/0 or "
                      "amqp://user:password@host:5672/vhost");
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (slice_equals_text(name, schemes[i].name)) {
            *text = slice_skip(*text, end + 3);
            return &schemes[i];
        }
    }
    if (is_plain_name(name)) {
        err_set(err, ERR_CONFIG, "%.*s:// is not supported", SLICE_ARG(name));
    } else {
        err_set(err, ERR_CONFIG, "what stands before :// is not supported");
    }
    err_hint(err, "known are amqp, amqps, pyamqp, redis, rediss and "
                  "redis+socket");
    return NULL;
}

static void
url_init(struct broker_url *url, const struct scheme *scheme)
{
    bool amqp = scheme->kind == BROKER_AMQP;

    *url = (struct broker_url){
        .kind = scheme->kind,
        .tls = scheme->tls,
        .verify = true,
        .port = scheme->port,
        .host = alloc_dup(scheme->socket                  ? ""
                          : scheme->kind == BROKER_INPROC ? "default"
                                                          : "localhost"),
        .path = alloc_dup(""),
        .user = alloc_dup(amqp ? "guest" : ""),
        .password = alloc_dup(amqp ? "guest" : ""),
        .vhost = alloc_dup(amqp ? "/" : ""),
        .prefix = alloc_dup(""),
        .ca = alloc_dup(""),
        .certificate = alloc_dup(""),
        .key = alloc_dup(""),
        .shown = alloc_dup(""),
    };
}

static void
url_release(struct broker_url *url)
{
    free(url->host);
    free(url->path);
    free(url->user);
    free(url->password);
    free(url->vhost);
    free(url->prefix);
    free(url->ca);
    free(url->certificate);
    free(url->key);
    free(url->shown);
}

// The parts around the first / and the first ?; an @ behind them, or a #, is
// a password that was not escaped: nothing of it may be shown then.
static bool
read_parts(const struct reading *reading, struct slice text)
{
    size_t question = slice_find(text, '?');
    struct slice query = slice_skip(text, question + 1);
    struct slice front = slice_first(text, question);
    size_t slash = slice_find(front, '/');
    struct slice path = slice_skip(front, slash);

    if (slice_has(text, '#') || slice_has(query, '@') || slice_has(path, '@')) {
        err_set(reading->err, ERR_CONFIG,
                "a # in it, or an @ behind its first / or ?");
        return err_hint(reading->err, HINT_ESCAPE);
    }
    return read_authority(reading, slice_first(front, slash)) &&
           read_path(reading, path) && read_query(reading, query);
}

static bool
url_parse(struct broker_url *url, struct slice text, struct err *err)
{
    const struct scheme *scheme = find_scheme(&text, err);
    struct reading reading = {.scheme = scheme, .url = url, .err = err};

    if (scheme == NULL) {
        return false;
    }
    url_init(url, scheme);
    if (!read_parts(&reading, text)) {
        url_release(url);
        return false;
    }
    free(url->shown);
    url->shown = shown_without_password(scheme, url);
    return true;
}

bool
broker_urls_parse(struct broker_urls *urls, const char *text, struct err *err)
{
    struct slice rest = slice_of(text);
    struct slice part;
    struct broker_url url;

    *urls = (struct broker_urls){0};
    if (rest.len > TEXT_MAX) {
        return err_set(err, ERR_CONFIG, "a broker URL of more than %lu KiB",
                       TEXT_MAX / 1024);
    }
    while (slice_split(&rest, ';', &part)) {
        part = slice_trim(part);
        if (part.len == 0) {
            continue;
        }
        bool fits =
            urls->count < URLS_MAX ||
            err_set(err, ERR_CONFIG, "there are more than %d", URLS_MAX);
        if (!fits || !url_parse(&url, part, err)) {
            err_wrap(err, "broker URL %d", urls->count + 1);
            broker_urls_release(urls);
            return false;
        }
        urls->items =
            alloc_resize(urls->items, (size_t)urls->count + 1, sizeof(url));
        urls->items[urls->count++] = url;
        if (url.kind != urls->items[0].kind) {
            broker_urls_release(urls);
            return err_set(err, ERR_CONFIG,
                           "several broker URLs must be of one kind");
        }
    }
    return urls->count > 0 || err_set(err, ERR_CONFIG, "an empty broker URL");
}

void
broker_urls_release(struct broker_urls *urls)
{
    for (int i = 0; i < urls->count; i++) {
        url_release(&urls->items[i]);
    }
    free(urls->items);
    *urls = (struct broker_urls){0};
}
