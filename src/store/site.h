/*
 * Where a project's store lies, and what a suite is called in it. Looks at
 * folders and makes none.
 */
#ifndef STORE_SITE_H
#define STORE_SITE_H

#include "model/settings.h"
#include "util/err.h"

/* Zeroed = not found yet. Texts are owned, and absolute. */
struct site {
    char *project; // the folder of mule.yaml, else of .git, else the current
    char *folder;  // of the store: PROJECT/.mule, or --store
};

/* From --store and where mule.yaml was. False with err. */
bool site_find(struct site *site, const struct settings *settings,
               struct err *err);
void site_release(struct site *site);

/*
 * What keeps the tests of two suites apart: what their ids are relative to,
 * and who runs them. Two runs with equal keys mean the same test by the same
 * id; labels and -k do not matter. Texts are owned.
 */
struct suite_key {
    char *folder; // --top or --basedir, else the current one; relative to the
                  // project, which is "."
    char *words;  // "unittest", "tap", "runner COMMAND", "adapter WORDS"
};

bool suite_key_make(struct suite_key *key, const struct site *site,
                    const struct settings *settings, struct err *err);
void suite_key_release(struct suite_key *key);

#endif
