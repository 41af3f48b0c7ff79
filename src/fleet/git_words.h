/*
 * What may be given to git as a URL or a revision, and what of it may be
 * shown. Texts only; runs nothing.
 */
#ifndef FLEET_GIT_WORDS_H
#define FLEET_GIT_WORDS_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/slice.h"

/*
 * file://, git://, http://, https://, ssh://, HOST:PATH or an absolute path.
 * Anything that git would take for an option or for a program to run
 * (`ext::...`) is refused. The error shows no password.
 */
bool git_words_check_url(struct slice url, struct err *err);

/* Whether a URL has a password in it: `https://user:password@host/`. */
bool git_words_has_password(struct slice url);

/* A commit, a branch or a tag by its plain name, 200 bytes at most. */
bool git_words_check_revision(struct slice revision, struct err *err);

/* A whole name of a commit: 40 or 64 hexadecimal digits. */
bool git_words_is_commit(struct slice revision);

/*
 * Adds a text with `***` wherever it has what stands before the `@` of a URL
 * with a scheme: names and passwords.
 */
bool git_words_add_masked(struct buf *buf, struct slice text);

#endif
