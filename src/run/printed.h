/*
 * What the jobs of one slot print, and to whom each piece of it belongs: to
 * the item that said so, else to the job. Reads the capture files in order,
 * so that no byte is told twice.
 */
#ifndef RUN_PRINTED_H
#define RUN_PRINTED_H

#include "adapter/outcome_codec.h"
#include "run/capture.h"

/* Bytes of a stream that a job keeps although no item claimed them. */
#define PRINTED_LOOSE_MAX ((size_t)64 * 1024)

struct printed {
    struct capture capture;
    struct capture_mark cursor;     // output up to here has an owner
    struct buf loose[STREAM_COUNT]; // what no item of the job claimed
};

/* As capture_open. */
bool printed_open(struct printed *printed, const char *folder, int slot,
                  bool merged, uint64_t limit, struct err *err);
void printed_release(struct printed *printed);

/* What was printed so far is nobody's: a new worker begins. */
void printed_skip(struct printed *printed);

/*
 * What an item wrote, by its places. What lies before it becomes the job's.
 * Valid until the next claim of that stream.
 */
struct output printed_claim(struct printed *printed, enum stream stream,
                            const struct output_range *range);

/* All that was written since the last claim, for an item that ended badly. */
struct output printed_claim_rest(struct printed *printed, enum stream stream);

/* What no item of the job claimed; valid until printed_end_job. */
struct output printed_loose(struct printed *printed, enum stream stream);

/* The job is over: what it printed is not needed any more. */
void printed_end_job(struct printed *printed);

/* How much was printed that nobody has claimed; and a piece of that. */
uint64_t printed_unclaimed(const struct printed *printed, enum stream stream);
void printed_peek(struct printed *printed, enum stream stream, uint64_t from,
                  uint64_t to, struct buf *text);

/*
 * Keeps within bounds what is being printed. `item`: by an item that runs;
 * else by a fixture, or by items that have ended and will say so in a moment.
 */
void printed_bound(struct printed *printed, bool item);

#endif
