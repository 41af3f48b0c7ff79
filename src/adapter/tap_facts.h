/*
 * What can be learnt about a point from the lines behind it: its YAML block
 * and the comments of Perl's Test::More. Keys are what producers use by habit;
 * no YAML is parsed beyond `key: value`.
 */
#ifndef ADAPTER_TAP_FACTS_H
#define ADAPTER_TAP_FACTS_H

#include "adapter/keep.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed = nothing is known. */
struct tap_facts {
    struct slice message;
    struct slice file;
    uint32_t line;
    uint64_t us;
    bool message_follows; // "message: |": it is on the next line
};

/* Learns from a line of a YAML block. What is needed of it goes to `keep`. */
void tap_facts_read_yaml(struct tap_facts *facts, struct keep *keep,
                         struct slice line);

/* Learns from the text of a comment: "at t/a.t line 12." */
void tap_facts_read_comment(struct tap_facts *facts, struct keep *keep,
                            struct slice text);

#endif
