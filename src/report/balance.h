/*
 * How busy each slot was, and with how many tests.
 */
#ifndef REPORT_BALANCE_H
#define REPORT_BALANCE_H

#include "report/sheet.h"

struct balance;

struct balance *balance_new(void);
void balance_free(struct balance *balance);

/* A test ended in that slot; below 0 it ran in none. */
void balance_add_test(struct balance *balance, int slot);

/* A job began at `now_us`; a job that took `us` ended. */
void balance_begin(struct balance *balance, int slot, uint64_t now_us);
void balance_add_job(struct balance *balance, int slot, uint64_t us);

/* Prints it, unless there was one slot only. The run took `us`. */
void balance_print(const struct balance *balance, struct sheet *sheet,
                   uint64_t us);

#endif
