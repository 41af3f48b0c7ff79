#include "transport/broker_option.h"

#include <stdint.h>
#include <stdlib.h>

#include "util/alloc.h"

#define SECONDS_MAX 4000000.0

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    FOR_AMQP = 1 << BROKER_AMQP,
    FOR_REDIS = 1 << BROKER_REDIS,
    FOR_INPROC = 1 << BROKER_INPROC,
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

bool
broker_option_unescape(const struct broker_reading *reading, const char *what,
                       struct slice raw, char **text)
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

bool
broker_option_database(const struct broker_reading *reading, struct slice value)
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
set_seconds(const struct broker_reading *reading, struct slice value,
            uint32_t *ms)
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
set_visibility(const struct broker_reading *reading, struct slice value)
{
    return set_seconds(reading, value, &reading->url->visibility_ms);
}

static bool
set_heartbeat(const struct broker_reading *reading, struct slice value)
{
    return set_seconds(reading, value, &reading->url->heartbeat_ms);
}

static bool
set_cert_reqs(const struct broker_reading *reading, struct slice value)
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
set_text(const struct broker_reading *reading, struct slice value, char **text)
{
    (void)reading;
    free(*text);
    *text = slice_dup(value);
    return true;
}

static bool
set_prefix(const struct broker_reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->prefix);
}

static bool
set_ca(const struct broker_reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->ca);
}

static bool
set_certificate(const struct broker_reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->certificate);
}

static bool
set_key(const struct broker_reading *reading, struct slice value)
{
    return set_text(reading, value, &reading->url->key);
}

static const struct option {
    const char *name;
    unsigned kinds;
    bool tls; // makes sense with TLS only
    bool socket;
    bool (*set)(const struct broker_reading *reading, struct slice value);
} options[] = {
    {"visibility_timeout", FOR_REDIS, false, false, set_visibility},
    {"global_keyprefix", FOR_REDIS, false, false, set_prefix},
    {"virtual_host", FOR_REDIS, false, true, broker_option_database},
    {"heartbeat", FOR_AMQP | FOR_REDIS, false, false, set_heartbeat},
    {"ssl_ca_certs", FOR_AMQP | FOR_REDIS, true, false, set_ca},
    {"ssl_certfile", FOR_AMQP | FOR_REDIS, true, false, set_certificate},
    {"ssl_keyfile", FOR_AMQP | FOR_REDIS, true, false, set_key},
    {"ssl_cert_reqs", FOR_AMQP | FOR_REDIS, true, false, set_cert_reqs},
};

bool
broker_option_is_plain(struct slice name)
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
refuse_option(const struct broker_reading *reading, struct slice name)
{
    if (broker_option_is_plain(name)) {
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
set_option(const struct broker_reading *reading, const struct option *option,
           struct slice value)
{
    if ((option->kinds & 1U << reading->scheme->kind) == 0 ||
        (option->socket && !reading->scheme->socket) ||
        (option->tls && !reading->scheme->tls)) {
        return err_set(reading->err, ERR_CONFIG,
                       "option %s means nothing for %s://", option->name,
                       reading->scheme->name);
    }
    char *raw = slice_dup(value);
    char *text = alloc_dup("");
    for (size_t i = 0; i < value.len; i++) {
        raw[i] = (char)(raw[i] == '+' ? ' ' : raw[i]); // as in any query
    }
    bool done = broker_option_unescape(reading, option->name,
                                       slice_make(raw, value.len), &text);
    if (done && !option->set(reading, slice_of(text))) {
        done = err_wrap(reading->err, "option %s", option->name);
    }
    free(raw);
    free(text);
    return done;
}

bool
broker_option_read(const struct broker_reading *reading, struct slice text)
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
