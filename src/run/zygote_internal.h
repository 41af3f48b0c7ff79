/*
 * The inside of a zygote, for the files it is made of: zygote.c (how it comes,
 * collects and goes) and zygote_prepare.c (what it makes before the first
 * job). Nobody else includes it.
 */
#ifndef RUN_ZYGOTE_INTERNAL_H
#define RUN_ZYGOTE_INTERNAL_H

#include "loop/deadline.h"
#include "run/collection.h"
#include "run/last_words.h"
#include "run/zygote.h"

enum zygote_state {
    ZYGOTE_ABSENT = 1,
    ZYGOTE_STARTING, // started; has not greeted
    ZYGOTE_COLLECTING,
    ZYGOTE_READY,
    ZYGOTE_PREPARING,
    ZYGOTE_STOPPING,
};

struct zygote {
    struct zygote_params params;
    enum zygote_state state;
    struct child *child;
    struct session *session;
    struct deadline deadline; // of the greeting, a module, the end
    struct collection collection;
    struct last_words said;
    unsigned can;
    int dump_signal;
    bool hung;     // it was killed for not answering
    bool closed;   // it was killed for closing its connection
    bool prepared; // what is needed is there, whoever made it
    bool waits;    // to collect, until it is prepared
    bool made;     // it may have made something that it must remove
    bool owes;     // one of them did not, or not to the end
    bool hurried;
    bool unfit;        // it said so
    uint64_t asked_us; // to prepare
    struct buf line;   // a request being built
    struct err err;
};

// -------------------------------------------------------------- zygote.c

/* It did what it must not do: it is ended. */
void zygote_breach_text(struct zygote *zygote, const char *text);
void zygote_ask_collection(struct zygote *zygote);

// ------------------------------------------------------ zygote_prepare.c

bool zygote_is_of_preparing(enum adapter_kind kind);
void zygote_take_preparing(struct zygote *zygote,
                           const struct adapter_message *message);
void zygote_take_unfit(struct zygote *zygote,
                       const struct adapter_message *message);
/* It goes on with what it does until it is stopped, which is soon. */
void zygote_give_up_preparing(struct zygote *zygote);

#endif
