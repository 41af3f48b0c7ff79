/*
 * What a run was asked to run, by its command line alone: labels, -k,
 * --include, --exclude, --tag, --exclude-tag. It is kept with what is still to
 * pass, so that `--failed` without such words looks where the builds before it
 * looked. Nothing in it is ever executed: labels that are programs are left
 * out, and adapter, runner and folders are no part of it.
 */
#ifndef COMMAND_SCOPE_H
#define COMMAND_SCOPE_H

#include "model/settings.h"
#include "util/buf.h"
#include "util/err.h"

/* Zeroed = all there is. Texts are owned. */
struct scope {
    struct texts labels;
    struct texts patterns;
    struct texts include;
    struct texts exclude;
    struct texts tags;
    struct texts exclude_tags;
    bool programs; // the labels were programs, and are not here
};

/* From the words of `mule test` and the settings they became. */
void scope_of(struct scope *scope, const struct settings *settings, int argc,
              char **argv);
void scope_release(struct scope *scope);

bool scope_is_all(const struct scope *scope);
bool scope_equals(const struct scope *a, const struct scope *b);

/* Widens a scope until all of `other` is in it. */
void scope_join(struct scope *scope, const struct scope *other);

/*
 * Adds the JSON of `kept`, which is JSON, widened by `own`; of a rerun's `own`
 * nothing, since it asks for nothing new.
 */
void scope_widen(struct slice kept, const struct scope *own, bool rerun,
                 struct buf *buf);

/* As JSON. What is not that, or not ours, reads as all there is. */
void scope_write(const struct scope *scope, struct buf *buf);
void scope_read(struct scope *scope, const char *text);

/* Makes the settings ask for it, where it says something. */
void scope_apply(const struct scope *scope, struct settings *settings);

#endif
