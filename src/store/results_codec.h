/*
 * Results as bytes. A part is a row of records; numbers are LEB128, those
 * that follow each other closely are differences (zigzag) to the record
 * before, the first one's to 0. A test:
 *
 *     byte    state | flags << 4 | has a message << 7
 *     zigzag  test, job, began_us
 *     number  us, process, slot + 1, tries
 *     text    message, if it has one: length and bytes
 *
 * A job:
 *
 *     zigzag  job, began_us
 *     number  us, expect_us, user_us, system_us, maxrss_kib,
 *             process, items, slot + 1, attempt, kind
 *     text    worker
 */
#ifndef STORE_RESULTS_CODEC_H
#define STORE_RESULTS_CODEC_H

#include "store/results.h"
#include "util/buf.h"

/* The `kind` of a row of `parts`. */
enum part_kind {
    PART_TESTS = 1,
    PART_JOBS = 2,
};

/* A part is closed when it is that long; no record is as long as the rest. */
#define PART_FULL ((size_t)256 * 1024)
#define PART_MAX ((size_t)320 * 1024)
#define WORKER_NAME_MAX 512

/* What the record before said. Zeroed at the start of a part. */
struct results_place {
    int64_t test;
    int64_t job;
    uint64_t began_us;
};

/* Texts that are too long are cut. */
void results_pack(struct buf *part, struct results_place *place,
                  const struct result *result);
void results_pack_job(struct buf *part, struct results_place *place,
                      const struct result_job *job);

/*
 * Take a record off the front, which must not be empty. False: these bytes
 * are none. Texts are borrowed from the part.
 */
bool results_unpack(struct slice *rest, struct results_place *place,
                    struct result *result);
bool results_unpack_job(struct slice *rest, struct results_place *place,
                        struct result_job *job);

#endif
