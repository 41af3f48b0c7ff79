/*
 * What one process of a recorded build ran, in its order: the tests that ended
 * in it, each once. Reads the recording twice rather than keep all of it.
 */
#ifndef REPORT_PAST_PROCESS_H
#define REPORT_PAST_PROCESS_H

#include "model/settings.h"
#include "util/buf.h"
#include "util/err.h"

/* Texts are owned, and empty where the recording lacks them. */
struct past_process {
    char *build;        // its id
    char *hash_seed;    // PYTHONHASHSEED; "": it had none
    char *isolation;    // "class", "worker", "test"
    uint32_t number;    // of the process; 0: it is not known, or there is none
    bool bad;           // the test that was looked for ended badly in it
    struct texts ids;   // in the order in which they ended
    struct buf missing; // what the recording lacks, as a sentence; or empty
};

/*
 * The tests of process `number` of the recording at `path`. Found or not is
 * said by `ids`. False with err when it cannot be read at all.
 */
bool past_process_read(struct past_process *process, const char *path,
                       uint32_t number, struct err *err);

/*
 * The same for the process in which `test`, an id or the name of a job, first
 * ended badly or, if it never did, first ran: those that ended before it.
 */
bool past_process_before(struct past_process *process, const char *path,
                         const char *test, struct err *err);

void past_process_release(struct past_process *process);

#endif
