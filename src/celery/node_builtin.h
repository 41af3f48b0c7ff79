/*
 * The commands of remote control that each node knows, by what they do: those
 * that show something, that end tasks, that change the node itself. Each is
 * a row of a table; who may give them and how they are answered is the matter
 * of node_control.c.
 */
#ifndef CELERY_NODE_BUILTIN_H
#define CELERY_NODE_BUILTIN_H

#include "celery/node_internal.h"

enum builtin_flags {
    BUILTIN_ACTS = 1,   // needs --allow-control
    BUILTIN_PLAIN = 2,  // takes no arguments at all
    BUILTIN_SILENT = 4, // is never answered
    BUILTIN_QUIET = 8   // without a value it is not answered
};

struct node_builtin {
    const char *name; // NULL: the end of a table
    // A new reference; NULL with err: refused, NULL without: null.
    json_t *(*fn)(struct node *node, const json_t *arguments, struct err *err);
    int flags;
};

extern const struct node_builtin node_look_commands[];
extern const struct node_builtin node_revoke_commands[];
extern const struct node_builtin node_manage_commands[];

/* {"ok": TEXT}. */
json_t *builtin_ok(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* False, and the error for an argument that is not there, worded as Python
 * does: people search for it. */
bool builtin_misses(struct err *err, const char *method, const char *name);
/* The ids of an argument that is one text or a list of them; a new
 * reference. */
json_t *builtin_ids(const json_t *value);
struct slice builtin_id(const json_t *ids, size_t index);

#endif
