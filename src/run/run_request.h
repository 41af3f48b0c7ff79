/*
 * From an order to the line that asks a worker to run it: which items of the
 * job are still open, by number or by id, and the environment of the job.
 */
#ifndef RUN_RUN_REQUEST_H
#define RUN_RUN_REQUEST_H

#include "model/items.h"
#include "run/executor.h"

struct run_request {
    const struct items *items;
    const char *build_id;
    uint32_t job;
    uint16_t attempt;
    const char *tmp; // TMPDIR of the job
    bool by_id;      // the worker did not collect: it does not know the numbers
};

/* Adds the line; false when it is longer than a line may be. */
bool run_request_add(struct buf *line, const struct run_request *request);

/* MULE_JOB: BUILD.JOB.ATTEMPT, by which its processes are known. */
#define RUN_REQUEST_TAG_SIZE 128
void run_request_tag(char tag[static RUN_REQUEST_TAG_SIZE],
                     const char *build_id, uint32_t job, uint16_t attempt);

#endif
