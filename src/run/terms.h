/*
 * On what terms a job runs: its limits, and whether anything may run beside
 * it. From the settings, the first override of mule.yaml that fits the job or
 * its file, and what its adapter said of it. Pure.
 */
#ifndef RUN_TERMS_H
#define RUN_TERMS_H

#include "model/items.h"
#include "model/settings.h"

struct terms {
    uint32_t timeout_ms;      // of the job; 0: none
    uint32_t test_timeout_ms; // of an item; 0: none
    uint32_t slow_ms;         // 0: no notice
    bool alone;
};

void terms_of_job(struct terms *terms, const struct settings *settings,
                  const struct items *items, uint32_t job);

#endif
