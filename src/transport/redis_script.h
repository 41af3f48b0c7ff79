/*
 * What the driver for Redis has done inside of the server, so that no other
 * client sees a half of it: scripts in Lua, called by their hashes. Each says
 * in redis_script.c which keys and arguments it wants.
 */
#ifndef TRANSPORT_REDIS_SCRIPT_H
#define TRANSPORT_REDIS_SCRIPT_H

#include <stddef.h>

#include "util/buf.h"

enum redis_script {
    SCRIPT_TAKE,
    SCRIPT_LOOK,
    SCRIPT_MOVE,
    SCRIPT_RENEW,
    SCRIPT_OVERDUE,
    SCRIPT_RESTORE,
    SCRIPT_LENGTH,
    SCRIPT_PURGE,
    SCRIPT_DELETE,
    SCRIPT_WITHDRAW,
    SCRIPT_ROUTE,
    SCRIPT_COUNT, // none, but their number
};

/* The text, for SCRIPT LOAD. */
const char *redis_script_text(enum redis_script script);

/* The hashes of all scripts. */
struct redis_scripts {
    char names[SCRIPT_COUNT][41];
};
void redis_scripts_init(struct redis_scripts *hashes);

/* The beginning of a call with so many keys; they and `arguments` more parts
 * are to be added to the command. */
void redis_script_begin(struct buf *buf, const struct redis_scripts *hashes,
                        enum redis_script script, size_t keys,
                        size_t arguments);

#endif
