/*
 * Where text for people goes: colours where they are wanted, rules as wide as
 * the terminal, and text of tests made harmless. Knows nothing of tests.
 */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include <stdbool.h>
#include <stdint.h>

#include "report/writer.h"
#include "util/slice.h"

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_GOOD,
    STYLE_BAD,
    STYLE_WARN,
    STYLE_COUNT
};

struct sheet {
    struct writer writer;
    int width; // columns
    bool colour;
    bool unicode;  // lines and blocks may be drawn with more than ASCII
    bool raw;      // blocks of text keep their bytes as they are
    bool workflow; // a CI server obeys lines that begin with "::": disarm them
};

/* Adds text of our own, in a style. */
void sheet_add(struct sheet *sheet, enum style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds text of a test within a line: controls and line ends are shown. */
void sheet_text(struct sheet *sheet, enum style style, struct slice text);

/* The same, cut in its middle to `columns`. Gives the columns it took. */
size_t sheet_text_fit(struct sheet *sheet, enum style style, struct slice text,
                      size_t columns);

/* Adds lines of a test, the last one ended, each after `indent` blanks. */
void sheet_block(struct sheet *sheet, struct slice text, int indent);

/* A line of `fill`, as wide as unittest draws it; `label` may be NULL. */
void sheet_rule(struct sheet *sheet, enum style style, char fill,
                const char *label);

/* A bar of `columns`, `part` of `whole` of it filled. */
void sheet_bar(struct sheet *sheet, enum style style, uint64_t part,
               uint64_t whole, int columns);

/* "0.123s"; "2:05" and "1:02:05". Short texts in `text`, which is given. */
#define SHEET_SPAN_SIZE 32
const char *sheet_seconds(char text[static SHEET_SPAN_SIZE], uint64_t us);
const char *sheet_clock(char text[static SHEET_SPAN_SIZE], uint64_t us);

/* "1,234,567" */
const char *sheet_number(char text[static SHEET_SPAN_SIZE], uint64_t number);

#endif
