/*
 * Builds of which only a recording is left, as mule was killed: they are
 * stored as far as the recording goes, what had been selected and did not end
 * as "not run". From then on they are builds like any other.
 */
#ifndef COMMAND_ADOPT_H
#define COMMAND_ADOPT_H

#include "store/site.h"
#include "store/store.h"

/* Exit status of a build that has none, in the store. */
#define ADOPT_NO_STATUS (-1)

/*
 * Those of this suite that `store`, which is open at the site (NULL: there is
 * none yet), does not have. What cannot be stored stays as it is. True when
 * something was added.
 */
bool adopt_cut_builds(const struct site *site, const struct suite_key *suite,
                      struct store *store);

/*
 * The same for all suites that builds begun in the current folder were of:
 * elsewhere their words may mean another one. `*left`: how many stay as they
 * are, though nobody is at them.
 */
bool adopt_all_cut_builds(const struct site *site, struct store *store,
                          uint32_t *left);

#endif
