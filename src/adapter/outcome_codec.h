/*
 * The members of `finished` and its like -> struct outcome with its findings.
 * Shared by the adapter protocol and by the lines programs print on standard
 * output; knows neither.
 */
#ifndef ADAPTER_OUTCOME_CODEC_H
#define ADAPTER_OUTCOME_CODEC_H

#include <jansson.h>

#include "model/outcome.h"
#include "util/array.h"
#include "util/err.h"

/* An array of findings whose memory is used again and again. */
struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
};

/* Which bytes of a capture file: first, and one past the last. */
struct output_range {
    uint64_t first;
    uint64_t end; // == first: nothing
};

/*
 * Reads state, us, reason, ran, counted and findings. The texts belong to
 * `object`, the findings to `findings`, which are replaced. The outputs are
 * left empty. Only states that a program can know are allowed: not timeout,
 * crashed or lost.
 */
bool outcome_decode(const json_t *object, struct findings *findings,
                    struct outcome *outcome, struct err *err);

/* Reads the list `findings` of the object; absent: none. */
bool findings_decode(const json_t *object, struct findings *findings,
                     struct err *err);

/* Reads `name`, a pair of numbers; absent or null: empty. */
bool output_range_decode(const json_t *object, const char *name,
                         struct output_range *range, struct err *err);

/* Reads the object `name`: user_us, system_us, maxrss_kib; absent: zeros. */
bool usage_decode(const json_t *object, const char *name, struct usage *usage,
                  struct err *err);

#endif
