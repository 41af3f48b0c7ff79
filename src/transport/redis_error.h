/*
 * What an error reply of Redis means for whoever asked: never a text that may
 * hold a password.
 */
#ifndef TRANSPORT_REDIS_ERROR_H
#define TRANSPORT_REDIS_ERROR_H

#include "util/err.h"
#include "util/slice.h"

enum redis_trouble {
    REDIS_REFUSED = 1, // this command; others may do
    REDIS_LATER,       // this server cannot, now: connect again
    REDIS_NEVER,       // it will not work without somebody's help
};

/* Sets `err` from the text of an error reply. */
enum redis_trouble redis_error_set(struct err *err, struct slice text);

/* The same for the reply to a login, of whose text nothing is repeated. */
enum redis_trouble redis_error_set_login(struct err *err, struct slice text);

#endif
