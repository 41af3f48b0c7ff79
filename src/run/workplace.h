/*
 * The private folder of a run: the socket, the capture files, and for each
 * slot a folder that is TMPDIR to the job that runs there and empty again when
 * the next one begins. Also the environment that every test of the run sees.
 */
#ifndef RUN_WORKPLACE_H
#define RUN_WORKPLACE_H

#include "model/settings.h"
#include "util/err.h"

struct workplace;

struct workplace_params {
    int slots;             // how many are used here
    int cpus;              // what there is to share among them
    int total;             // MULE_SLOTS, of all machines; 0: as `slots`
    const char *hash_seed; // NULL: follows from the environment or the build
    const char *build_id;
    const char *home; // where to make the folder; NULL: $TMPDIR
};

/* Makes the folder. Copies all. NULL with err. */
struct workplace *workplace_new(const struct workplace_params *params,
                                struct err *err);

/* From now on there are so many slots, if that is more than before. */
void workplace_grow(struct workplace *workplace, int slots);

/* Removes the folder with all that is in it. */
void workplace_free(struct workplace *workplace);

const char *workplace_folder(const struct workplace *workplace);
const char *workplace_socket(const struct workplace *workplace);

/*
 * A folder to be the TMPDIR of one job, empty. A slot has several lanes, 0 to
 * WORKPLACE_LANES - 1, so that a job that was sent ahead has one of its own.
 * Costs one stat where the job before it in this lane left nothing.
 */
#define WORKPLACE_LANES 64
const char *workplace_tmp(struct workplace *workplace, int slot, int lane);

/*
 * What is changed in the environment for everything that runs, "NAME=value"
 * or "NAME" to remove it; NULL at its end. Borrowed; lives as long as
 * `workplace`.
 */
const char *const *workplace_environment(struct workplace *workplace);

/* Names of variables that no test is to have; NULL at their end. Static. */
const char *const *workplace_secrets(void);

/* PYTHONHASHSEED of this run. */
const char *workplace_hash_seed(const struct workplace *workplace);

#endif
