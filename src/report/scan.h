/*
 * A JSON object -> its known members, in place: texts are decoded where they
 * stand and terminated, and nothing is copied. Objects and arrays within it
 * are looked through and can be scanned in turn. Made for lines that we wrote
 * ourselves, of which there may be a million; whatever else it is given is
 * either JSON or an error. Does not check that texts are UTF-8.
 */
#ifndef REPORT_SCAN_H
#define REPORT_SCAN_H

#include "util/err.h"
#include "util/slice.h"

enum scan_kind {
    SCAN_NOTHING, // there is no such member
    SCAN_TEXT,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
    SCAN_OBJECT,
    SCAN_ARRAY
};

struct scan_value {
    enum scan_kind kind;
    bool negative;   // number
    bool odd;        // number: with a fraction, an exponent, or too large
    char *start;     // text: decoded, terminated; object, array: as it stands
    size_t len;      // of it
    uint64_t number; // its amount
};

/* Names of members, by number; at most SCAN_KEYS_MAX. */
#define SCAN_KEYS_MAX 128
struct scan_keys {
    const char *const *names;
    int count;
    uint8_t places[512]; // hash -> number + 1
};
void scan_keys_init(struct scan_keys *keys, const char *const *names,
                    int count);

/*
 * Scans an object, which is all of `text` but for white space, into
 * `values[keys->count]`. Of two members of one name the later one counts.
 */
bool scan_object(const struct scan_keys *keys, char *text, size_t len,
                 struct scan_value *values, struct err *err);

/*
 * Takes the next value of an array whose text begins at *rest: the first call
 * is given the value of kind SCAN_ARRAY. False at its end, or with err.
 */
bool scan_next(struct scan_value *rest, struct scan_value *value,
               struct err *err);

#endif
