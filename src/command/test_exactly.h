/*
 * mule test with tests of somebody's choice: runs just these, in that order,
 * in one process.
 */
#ifndef COMMAND_TEST_EXACTLY_H
#define COMMAND_TEST_EXACTLY_H

#include "model/settings.h"

/*
 * Takes over the settings, whose labels say where tests are looked for; argc
 * and argv are shown as its command line. `hash_seed`: PYTHONHASHSEED; "":
 * drawn. Gives the exit status.
 */
int test_exactly(struct settings *settings, const struct texts *ids,
                 const char *hash_seed, int argc, char **argv);

#endif
