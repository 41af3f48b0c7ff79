/*
 * Text from tests may be any bytes. Here they are read as UTF-8, repaired
 * where they are not, measured in columns of a terminal, and freed of escape
 * sequences. Escaping for a format is in escape.h.
 */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/slice.h"

#define TEXT_REPLACEMENT 0xFFFDU

/*
 * Takes one character off the front, which must not be empty. Bytes that are
 * not UTF-8 (overlong forms and surrogates too) give U+FFFD, one for each
 * longest beginning of a character, as the Unicode standard advises.
 */
uint32_t text_take(struct slice *rest);

/* Whether it is UTF-8 throughout. */
bool text_is_valid(struct slice text);

/*
 * How many bytes at the end begin a character whose rest may still come: 0 to
 * 3.
 */
size_t text_open_end(struct slice text);

/* Adds a character. */
bool text_add(struct buf *buf, uint32_t character);

/* Adds the text with U+FFFD wherever it is not UTF-8. */
bool text_add_repaired(struct buf *buf, struct slice text);

/*
 * Columns of a character on a terminal: 0 for combining and invisible ones
 * and for control characters, 2 for wide ones, else 1.
 */
int text_char_width(uint32_t character);

/* Columns of a text without control characters. */
size_t text_width(struct slice text);

/* The longest beginning of the text that fits into `columns`. */
struct slice text_fit(struct slice text, size_t columns);

/*
 * The length of the terminal escape sequence at the start of the text, 0 if
 * there is none. One that has no end takes what is left of its line.
 */
size_t text_sequence(struct slice text);

#endif
