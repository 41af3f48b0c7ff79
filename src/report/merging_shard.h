/*
 * One of the recordings that are merged: what it says of itself, from a first
 * reading of all of it. For merging.c.
 */
#ifndef REPORT_MERGING_SHARD_H
#define REPORT_MERGING_SHARD_H

#include "report/ended.h"
#include "report/recording_reader.h"

// How far the numbers of a recording go, or where they begin here.
struct merging_extent {
    uint64_t items;
    uint64_t jobs;
    uint64_t processes;
    uint64_t slots;
};

struct merging_shard {
    const char *path;
    uint64_t number; // K of K/N
    uint64_t of;     // N
    char *selection; // NULL: none
    char *durations;
    char name[32]; // whose its slots are
    uint32_t items;
    uint32_t jobs;
    uint32_t excluded;
    uint64_t collected_us;
    int slots; // that it said it has
    bool started;
    bool collected;
    struct merging_extent extent; // of its numbers
    struct merging_extent base;   // where they begin here
    struct ended ended;
    struct recording_gaps gaps;
    struct recording_reader *reader;
    struct recording_entry entry; // the next one, if there is one
    bool has_entry;
};

/* Reads `path` of the shard, and fills in what it says. False with err. */
bool merging_shard_survey(struct merging_shard *shard, struct err *err);
void merging_shard_release(struct merging_shard *shard);

/* Whether two are of one build. False with err: why not. */
bool merging_shard_fits(const struct merging_shard *a,
                        const struct merging_shard *b, struct err *err);

#endif
