/*
 * What each slot did, for a picture: how busy it was in each of some hundred
 * or thousand equal stretches of time, and the worst state that a test had
 * there. The stretches grow with the run, and with the number of slots, so
 * that memory stays the same for any number of tests. Draws nothing.
 */
#ifndef REPORT_LANES_H
#define REPORT_LANES_H

#include "model/outcome.h"
#include "util/buf.h"

#define LANE_NONE UINT32_MAX

struct lanes;
struct lanes *lanes_new(void);
void lanes_free(struct lanes *lanes);

/* The lane of a slot of a worker ("" or NULL: this machine), which appears
 * with it. LANE_NONE below 0, and beyond a million lanes. */
uint32_t lanes_find(struct lanes *lanes, const char *worker, int slot);

/* A test ran there, or tried to. */
void lanes_add_test(struct lanes *lanes, uint32_t lane, uint64_t began_us,
                    uint64_t us, enum state state);

/* A job began; the one that runs ended, and is known to have taken `us`. */
void lanes_begin_job(struct lanes *lanes, uint32_t lane, uint64_t now_us);
void lanes_end_job(struct lanes *lanes, uint32_t lane, uint64_t us);
/* When the job began that runs there. */
uint64_t lanes_job_began(const struct lanes *lanes, uint32_t lane);

uint32_t lanes_count(const struct lanes *lanes);
/* How long one stretch is. */
uint64_t lanes_cell_us(const struct lanes *lanes);

/*
 * Adds the lane as a JSON object: slot, worker, tests, busy_us; with `cells`
 * also `busy`, for each stretch a digit to base 64 (0-9A-Za-z+-), `bad`, the
 * same of tests that ended badly, and `worst`, for each a letter of
 * lanes_letter, '-' where nothing ran.
 */
void lanes_write(const struct lanes *lanes, uint32_t lane, bool cells,
                 struct buf *buf);

/* "p" for passed, "f" for failed, ...: one for each state. */
char lanes_letter(enum state state);

#endif
