#include "transport/redis_error.h"

#include <stddef.h>

#include "util/buf.h"
#include "util/escape.h"

// How much of a reply is repeated.
#define SHOWN_MAX 160

#define HINT_LOGIN                                                   \
    "check user name and password in the URL: redis://USER:PASSWORD" \
    "@HOST; characters such as @ : / are written as %40 %3A %2F"
#define HINT_LOADING "it reads its data from disk; it is tried again"

static const struct known {
    const char *start;
    enum redis_trouble trouble;
    enum err_kind kind;
    const char *said; // instead of the server's words; NULL: those
    const char *hint;
} table[] = {
    {"NOAUTH", REDIS_NEVER, ERR_CONFIG, "the server wants a password",
     HINT_LOGIN},
    {"WRONGPASS", REDIS_NEVER, ERR_CONFIG,
     "wrong user name or password, or the user is disabled", HINT_LOGIN},
    {"ERR invalid password", REDIS_NEVER, ERR_CONFIG, "wrong password",
     HINT_LOGIN},
    {"ERR AUTH", REDIS_NEVER, ERR_CONFIG,
     "there is a password in the URL, but the server has none", HINT_LOGIN},
    {"ERR Client sent AUTH", REDIS_NEVER, ERR_CONFIG,
     "there is a password in the URL, but the server has none", HINT_LOGIN},
    {"NOPERM", REDIS_NEVER, ERR_CONFIG, NULL,
     "give the user these rights: ACL SETUSER NAME +@all -@admin ~* &*"},
    {"DENIED", REDIS_NEVER, ERR_CONFIG,
     "the server is in protected mode and takes no connection from elsewhere",
     "give it a password, or bind it to this network on purpose"},
    {"ERR DB index", REDIS_NEVER, ERR_CONFIG,
     "there is no database of this number",
     "the number stands at the end of the URL: redis://HOST/0"},
    {"ERR invalid DB index", REDIS_NEVER, ERR_CONFIG,
     "there is no database of this number",
     "the number stands at the end of the URL: redis://HOST/0"},
    {"MOVED", REDIS_NEVER, ERR_CONFIG, "the server is part of a cluster",
     "a cluster of Redis cannot be a broker: name a single server"},
    {"CROSSSLOT", REDIS_NEVER, ERR_CONFIG, "the server is part of a cluster",
     "a cluster of Redis cannot be a broker: name a single server"},
    {"ERR max number of clients", REDIS_LATER, ERR_LIMIT, NULL,
     "raise maxclients in the server's configuration"},
    {"OOM", REDIS_REFUSED, ERR_LIMIT,
     "Redis is full: it has reached its maxmemory",
     "raise maxmemory, or remove what fills it; with maxmemory-policy "
     "noeviction nothing is lost meanwhile"},
    {"MISCONF", REDIS_REFUSED, ERR_SYSTEM,
     "Redis takes no writes, because it cannot save its data",
     "look into the server's log; its disk may be full"},
    {"LOADING", REDIS_LATER, ERR_SYSTEM, "the server is loading its data",
     HINT_LOADING},
    {"MASTERDOWN", REDIS_LATER, ERR_SYSTEM, NULL, NULL},
    {"READONLY", REDIS_LATER, ERR_SYSTEM, "the server is a read-only replica",
     "name the master in the URL"},
    {"BUSY", REDIS_LATER, ERR_SYSTEM, NULL, NULL},
    {"NOSCRIPT", REDIS_LATER, ERR_SYSTEM, "the server forgot its scripts",
     NULL},
    {"UNBLOCKED", REDIS_LATER, ERR_SYSTEM, NULL, NULL},
};

static const struct known *
find(struct slice text)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (slice_starts_with(text, slice_of(table[i].start))) {
            return &table[i];
        }
    }
    return NULL;
}

static void
set_own_words(struct err *err, enum err_kind kind, struct slice text)
{
    struct buf shown = BUF_INIT(SHOWN_MAX * 8UL);

    escape_terminal(&shown, slice_first(text, SHOWN_MAX), ESCAPE_ONE_LINE);
    err_set(err, kind, "Redis says: %s", buf_text(&shown));
    buf_release(&shown);
}

enum redis_trouble
redis_error_set(struct err *err, struct slice text)
{
    const struct known *known = find(text);

    if (known == NULL) {
        set_own_words(err, ERR_PROTOCOL, text);
        return REDIS_REFUSED;
    }
    if (known->said != NULL) {
        err_set(err, known->kind, "%s", known->said);
    } else {
        set_own_words(err, known->kind, text);
    }
    if (known->hint != NULL) {
        err_hint(err, known->hint);
    }
    return known->trouble;
}

enum redis_trouble
redis_error_set_login(struct err *err, struct slice text)
{
    const struct known *known = find(text);

    if (known != NULL && known->said != NULL) {
        return redis_error_set(err, text);
    }
    err_set(err, ERR_CONFIG, "the server refuses the login");
    err_hint(err, HINT_LOGIN);
    return REDIS_NEVER;
}
