#include "adapter/sniff.h"

// A number, and then a blank or nothing.
static bool
is_number(struct slice text)
{
    size_t digits = 0;

    while (digits < text.len && text.data[digits] >= '0' &&
           text.data[digits] <= '9') {
        digits++;
    }
    if (digits == 0) {
        return false;
    }
    return digits == text.len || text.data[digits] == ' ' ||
           text.data[digits] == '\t' || text.data[digits] == '\r';
}

// "1..4" or "ok 1". A plain "ok" is what any program may say.
static bool
is_tap(struct slice line)
{
    if (slice_take(&line, SLICE("1.."))) {
        return is_number(line);
    }
    slice_take(&line, SLICE("not "));
    return slice_take(&line, SLICE("ok ")) && is_number(line);
}

enum output_format
sniff_line(struct sniff *sniff, struct slice line)
{
    if (slice_starts_with(line, SLICE("TAP version 1"))) {
        return FORMAT_TAP;
    }
    if (slice_starts_with(line, SLICE("{\"mule\":"))) {
        return FORMAT_JSON;
    }
    if (sniff->text) {
        return FORMAT_AUTO;
    }
    slice_take(&line, SLICE("\xEF\xBB\xBF"));
    struct slice rest = slice_trim(line);
    if (slice_starts_with(rest, SLICE("<?xml")) ||
        slice_starts_with(rest, SLICE("<testsuite"))) {
        return FORMAT_JUNIT;
    }
    if (is_tap(line)) {
        return FORMAT_TAP;
    }
    sniff->text = rest.len > 0 && rest.data[0] != '#';
    return FORMAT_AUTO;
}
