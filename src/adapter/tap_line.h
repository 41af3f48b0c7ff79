/*
 * One line of the Test Anything Protocol, versions 12 to 14 -> what it is.
 * Knows nothing of the lines around it.
 */
#ifndef ADAPTER_TAP_LINE_H
#define ADAPTER_TAP_LINE_H

#include "util/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers beyond this are no numbers of points. */
#define TAP_NUMBER_MAX 1000000U

enum tap_kind {
    TAP_TEXT, // none of the others
    TAP_BLANK,
    TAP_VERSION,
    TAP_PLAN,
    TAP_POINT,
    TAP_COMMENT,
    TAP_BAIL,
    TAP_PRAGMA,
    TAP_YAML, // "  ---": a block begins, up to "  ..."
};

enum tap_directive {
    TAP_NO_DIRECTIVE,
    TAP_SKIP,
    TAP_TODO
};

/* All texts are pieces of the line, as they stand there. */
struct tap_line {
    enum tap_kind kind;
    bool ok;                      // of a point
    bool numbered;                // the point has a number
    uint32_t number;              // of a point; of a plan: the last one
    bool too_big;                 // the number is beyond TAP_NUMBER_MAX
    struct slice text;            // description of a point, text of a comment
    enum tap_directive directive; // of a point; of a plan: TAP_SKIP
    struct slice reason;          // of the directive, of Bail out!
};

/* `line` without its end and without the indentation of its subtest. */
struct tap_line tap_line_parse(struct slice line);

/* The number of 4-blank steps the line is indented by. */
unsigned tap_line_depth(struct slice line);

#endif
