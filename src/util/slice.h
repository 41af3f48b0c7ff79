/*
 * Bytes that belong to somebody else: a piece of a line, a word of a command.
 * Not terminated, may hold any byte, NUL too. Reads them; never allocates
 * (but for slice_dup) and never changes them.
 */
#ifndef UTIL_SLICE_H
#define UTIL_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed = empty. `data` may be NULL only where `len` is 0. */
struct slice {
    const char *data;
    size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* For printf: "%.*s", SLICE_ARG(slice). Text of an ordinary size only. */
#define SLICE_ARG(slice) (int)(slice).len, (slice).data

/* The bytes of `text` without its end; NULL is empty. */
struct slice slice_of(const char *text);
struct slice slice_make(const char *data, size_t len);

/* A terminated copy, to be freed. */
char *slice_dup(struct slice slice);

bool slice_equals(struct slice a, struct slice b);
bool slice_equals_text(struct slice slice, const char *text);
bool slice_starts_with(struct slice slice, struct slice start);
bool slice_ends_with(struct slice slice, struct slice end);
bool slice_has(struct slice slice, char byte);

/* Below, equal or above 0, by bytes as memcmp has it, the shorter first. */
int slice_compare(struct slice a, struct slice b);

/* The first place of `byte` or of `part`; slice.len if there is none. */
size_t slice_find(struct slice slice, char byte);
size_t slice_find_part(struct slice slice, struct slice part);

/* The first `count` bytes; what follows them. More than there is = all. */
struct slice slice_first(struct slice slice, size_t count);
struct slice slice_skip(struct slice slice, size_t count);

/* Without ASCII white space at both ends, or at the end only. */
struct slice slice_trim(struct slice slice);
struct slice slice_trim_end(struct slice slice);

/*
 * Takes `start` off the front and gives true, or changes nothing:
 *     if (slice_take(&line, SLICE("not ok"))) ...
 */
bool slice_take(struct slice *slice, struct slice start);

/*
 * One step through parts between separators. Gives false once all parts were
 * given; n separators make n + 1 parts, so an empty slice has one empty part.
 *     struct slice rest = text, part;
 *     while (slice_split(&rest, ',', &part)) ...
 */
bool slice_split(struct slice *rest, char separator, struct slice *part);
/* Whether the last part was given, so that the next step gives false. */
bool slice_is_over(struct slice rest);

/* Takes the next word between white space, or gives false: there is none. */
bool slice_word(struct slice *rest, struct slice *word);

/*
 * Numbers. The whole slice must be the number, in decimal, without blanks and
 * within the bounds; else false, and *number is untouched. A double may have
 * a fraction and an exponent, but is never infinite, NaN or hexadecimal.
 */
bool slice_to_int(struct slice slice, int64_t min, int64_t max,
                  int64_t *number);
bool slice_to_uint(struct slice slice, uint64_t max, uint64_t *number);
bool slice_to_double(struct slice slice, double min, double max,
                     double *number);

#endif
