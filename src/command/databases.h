/*
 * Test databases that nobody drops any more, as the records say that adapters
 * leave (docs/protocol/databases.md). Looks at files only.
 */
#ifndef COMMAND_DATABASES_H
#define COMMAND_DATABASES_H

typedef void databases_fn(const char *text, const char *hint);

/*
 * Calls `fn` for each group of databases whose owner is dead, or may be on
 * another machine, and for each record that cannot be read: what it is, and
 * what to do about it. Gives the number of calls.
 */
int databases_find(databases_fn *fn);

#endif
