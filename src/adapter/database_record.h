/*
 * A record of test databases (docs/protocol/databases.md): its text -> what
 * may still be there. Knows nothing of owners that live, and opens nothing.
 */
#ifndef ADAPTER_DATABASE_RECORD_H
#define ADAPTER_DATABASE_RECORD_H

#include "util/array.h"
#include "util/err.h"
#include "util/slice.h"

/* A longer one is not read; more names than that are not kept. */
#define DATABASE_RECORD_MAX ((size_t)16 << 20)
#define DATABASE_RECORD_NAMES 100000
#define DATABASE_RECORD_VERSION 1

struct database_left {
    char *server;
    char *name;
};

/* Zeroed = nothing. */
struct database_record {
    char *build;
    char *host;
    char *boot; // "": not known
    int64_t pid;
    ARRAY(struct database_left) left; // created and not dropped, oldest first
};

/*
 * False with err: the first line is no header of this version. Lines that are
 * nothing are passed over. To be released in both cases.
 */
bool database_record_parse(struct database_record *record, struct slice text,
                           struct err *err);
void database_record_release(struct database_record *record);

#endif
