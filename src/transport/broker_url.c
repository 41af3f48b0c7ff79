#include "transport/broker_url.h"

#include <stdlib.h>
#include <string.h>

#include "transport/broker_option.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/slice.h"

#define TEXT_MAX 65536UL
#define URLS_MAX 32

#define HINT_ESCAPE                                                   \
    "write / ? # @ : and ; within user names, passwords and virtual " \
    "hosts as %2F %3F %23 %40 %3A and %3B"

static const struct broker_scheme schemes[] = {
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

static bool
read_query(const struct broker_reading *reading, struct slice query)
{
    struct slice part;

    while (query.len > 0 && slice_split(&query, '&', &part)) {
        if (part.len > 0 && !broker_option_read(reading, part)) {
            return false;
        }
    }
    return true;
}

static bool
read_port(const struct broker_reading *reading, struct slice text)
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
read_host(const struct broker_reading *reading, struct slice text)
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
    if (host.len > 0 &&
        !broker_option_unescape(reading, "host", host, &reading->url->host)) {
        return false;
    }
    return read_port(reading, slice_skip(text, end + 1));
}

// user:password@ before the host; the last @ is the one, as in Python.
static bool
read_authority(const struct broker_reading *reading, struct slice text)
{
    size_t at = text.len;

    for (size_t i = 0; i < text.len; i++) {
        at = text.data[i] == '@' ? i : at;
    }
    if (at < text.len) {
        struct slice login = slice_first(text, at);
        size_t colon = slice_find(login, ':');
        if (!broker_option_unescape(reading, "user name",
                                    slice_first(login, colon),
                                    &reading->url->user) ||
            !broker_option_unescape(reading, "password",
                                    slice_skip(login, colon + 1),
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
read_path(const struct broker_reading *reading, struct slice path)
{
    struct broker_url *url = reading->url;

    if (reading->scheme->socket) {
        return path.len > 1
                   ? broker_option_unescape(reading, "path", path, &url->path)
                   : err_set(reading->err, ERR_CONFIG, "a socket without path");
    }
    slice_take(&path, SLICE("/"));
    if (url->kind == BROKER_REDIS) {
        return path.len == 0 || slice_equals_text(path, "/") ||
               broker_option_database(reading, path);
    }
    return path.len == 0 ||
           broker_option_unescape(reading, "virtual host", path, &url->vhost);
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
shown_without_password(const struct broker_scheme *scheme,
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

static const struct broker_scheme *
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
    if (broker_option_is_plain(name)) {
        err_set(err, ERR_CONFIG, "%.*s:// is not supported", SLICE_ARG(name));
    } else {
        err_set(err, ERR_CONFIG, "what stands before :// is not supported");
    }
    err_hint(err, "known are amqp, amqps, pyamqp, redis, rediss and "
                  "redis+socket");
    return NULL;
}

static void
url_init(struct broker_url *url, const struct broker_scheme *scheme)
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
read_parts(const struct broker_reading *reading, struct slice text)
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
    const struct broker_scheme *scheme = find_scheme(&text, err);
    struct broker_reading reading = {.scheme = scheme, .url = url, .err = err};

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
