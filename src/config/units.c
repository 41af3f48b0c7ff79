#include "config/units.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>

struct unit {
    const char *name;
    double factor;
};

// Large ones first: in this order they may follow one another.
static const struct unit time_units[] = {
    {"d", 86400e3}, {"h", 3600e3}, {"m", 60e3}, {"s", 1e3}, {"ms", 1},
};

static const struct unit size_units[] = {
    {"", 1},
    {"b", 1},
    {"k", 1024},
    {"kib", 1024},
    {"m", 1024.0 * 1024},
    {"mib", 1024.0 * 1024},
    {"g", 1024.0 * 1024 * 1024},
    {"gib", 1024.0 * 1024 * 1024},
};

enum {
    TIME_UNITS = 5,
    SIZE_UNITS = 8
};

// 2^53: a double is exact up to here.
#define BYTES_MAX 9007199254740992.0

static bool
is_name(struct slice slice, const char *name)
{
    size_t i = 0;

    while (i < slice.len && name[i] != '\0' &&
           tolower((unsigned char)slice.data[i]) == name[i]) {
        i++;
    }
    return i == slice.len && name[i] == '\0';
}

// Takes a number without a sign or an exponent off the front.
static bool
take_number(struct slice *text, double *number)
{
    size_t len = 0;
    size_t digits = 0;

    while (len < text->len && (isdigit((unsigned char)text->data[len]) ||
                               text->data[len] == '.')) {
        digits += text->data[len] != '.';
        len++;
    }
    if (digits == 0 || text->data[0] == '.' || text->data[len - 1] == '.' ||
        !slice_to_double(slice_first(*text, len), 0, BYTES_MAX, number)) {
        return false;
    }
    *text = slice_skip(*text, len);
    return true;
}

static struct slice
take_letters(struct slice *text)
{
    size_t len = 0;

    while (len < text->len && isalpha((unsigned char)text->data[len])) {
        len++;
    }
    struct slice letters = slice_first(*text, len);
    *text = slice_skip(*text, len);
    return letters;
}

static size_t
find_unit(const struct unit *units, size_t count, struct slice name)
{
    size_t i = 0;

    while (i < count && !is_name(name, units[i].name)) {
        i++;
    }
    return i;
}

static bool
sum_durations(struct slice text, double *ms)
{
    size_t smallest = 0; // what may still follow begins here
    bool is_first = true;

    *ms = 0;
    do {
        double number = 0;
        if (!take_number(&text, &number)) {
            return false;
        }
        struct slice name = take_letters(&text);
        if (name.len == 0 && is_first && text.len == 0) {
            name = SLICE("s");
        }
        size_t unit = find_unit(time_units, TIME_UNITS, name);
        if (unit >= TIME_UNITS || unit < smallest) {
            return false;
        }
        *ms += number * time_units[unit].factor;
        smallest = unit + 1;
        is_first = false;
    } while (text.len > 0);
    return true;
}

bool
units_duration(struct slice text, uint32_t *ms, struct err *err)
{
    double sum = 0;

    if (!sum_durations(text, &sum)) {
        err_set(err, ERR_USAGE, "\"%.*s\" is not a duration",
                SLICE_ARG(slice_first(text, 60)));
        return err_hint(err, "write 90, 1.5s, 5m or 1h30m");
    }
    if (sum > (double)(UINT32_MAX - 1)) { // which is OVERRIDE_UNSAID
        return err_set(err, ERR_USAGE, "%.*s is longer than 49 days",
                       SLICE_ARG(slice_first(text, 60)));
    }
    *ms = (uint32_t)ceil(sum);
    return true;
}

bool
units_size(struct slice text, uint64_t *bytes, struct err *err)
{
    struct slice rest = text;
    double number = 0;
    size_t unit = SIZE_UNITS;

    if (take_number(&rest, &number)) {
        unit = find_unit(size_units, SIZE_UNITS, rest);
    }
    if (unit >= SIZE_UNITS) {
        err_set(err, ERR_USAGE, "\"%.*s\" is not a size",
                SLICE_ARG(slice_first(text, 60)));
        return err_hint(err, "write 65536, 64K, 1M or 1.5G");
    }
    number *= size_units[unit].factor;
    if (number > BYTES_MAX) {
        return err_set(err, ERR_USAGE, "%.*s is too large",
                       SLICE_ARG(slice_first(text, 60)));
    }
    *bytes = (uint64_t)ceil(number);
    return true;
}
