/*
 * The options behind the ? of a broker URL, and what all its parts need: their
 * escapes resolved, and no piece of a password in an error.
 */
#ifndef TRANSPORT_BROKER_OPTION_H
#define TRANSPORT_BROKER_OPTION_H

#include <stdbool.h>

#include "transport/broker_url.h"
#include "util/err.h"
#include "util/slice.h"

struct broker_scheme {
    const char *name;
    enum broker_kind kind;
    bool tls;
    bool socket;
    int port;
};

/* One URL being read. */
struct broker_reading {
    const struct broker_scheme *scheme;
    struct broker_url *url;
    struct err *err;
};

/* name=value */
bool broker_option_read(const struct broker_reading *reading,
                        struct slice text);

/* The number of a database of Redis. */
bool broker_option_database(const struct broker_reading *reading,
                            struct slice value);

/* A name that can be shown: what looks different may be a piece of a password
 * that was not escaped. */
bool broker_option_is_plain(struct slice name);

/* Replaces *text by `raw` without its escapes. What is no escape stays, as
 * Python has it. `what` is named where the result would not be a text. */
bool broker_option_unescape(const struct broker_reading *reading,
                            const char *what, struct slice raw, char **text);

#endif
