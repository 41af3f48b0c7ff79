// The times of tasks: ISO 8601 as Python writes it.
#include <stdio.h>

#include "celery/task_codec.h"

#define DAY_S INT64_C(86400)
#define SECOND_US INT64_C(1000000)

// Days since 1970 of a day in the Gregorian calendar, and back: years begin
// in March, so that the day that is sometimes missing is a year's last.
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static void
date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t years =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t shifted = (5 * of_year + 2) / 153;

    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = years + era * 400 + (*month <= 2 ? 1 : 0);
}

// A number of so many digits, off the front.
static bool
take_number(struct slice *text, size_t digits, int64_t min, int64_t max,
            int64_t *number)
{
    struct slice part = slice_first(*text, digits);

    if (part.len != digits || part.data[0] == '-' || part.data[0] == '+' ||
        !slice_to_int(part, min, max, number)) {
        return false;
    }
    *text = slice_skip(*text, digits);
    return true;
}

static bool
take_fraction(struct slice *text, int64_t *us)
{
    int64_t unit = 100000;
    size_t digits = 0;

    *us = 0;
    if (!slice_take(text, SLICE(".")) && !slice_take(text, SLICE(","))) {
        return true;
    }
    while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        *us += (text->data[0] - '0') * unit;
        unit /= 10;
        digits++;
        *text = slice_skip(*text, 1);
    }
    return digits > 0 && digits <= 9;
}

static bool
take_zone(struct slice *text, int64_t *offset_s)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t sign = 1;

    *offset_s = 0;
    if (text->len == 0 || slice_take(text, SLICE("Z"))) {
        return text->len == 0;
    }
    if (slice_take(text, SLICE("-"))) {
        sign = -1;
    } else if (!slice_take(text, SLICE("+"))) {
        return false;
    }
    if (!take_number(text, 2, 0, 23, &hours)) {
        return false;
    }
    (void)slice_take(text, SLICE(":"));
    if (text->len > 0 && !take_number(text, 2, 0, 59, &minutes)) {
        return false;
    }
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return text->len == 0;
}

bool
task_time_parse(struct slice text, usec *wall)
{
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t us = 0;
    int64_t offset_s = 0;

    if (!take_number(&text, 4, 1, 9999, &year) ||
        !slice_take(&text, SLICE("-")) ||
        !take_number(&text, 2, 1, 12, &month) ||
        !slice_take(&text, SLICE("-")) || !take_number(&text, 2, 1, 31, &day) ||
        !(slice_take(&text, SLICE("T")) || slice_take(&text, SLICE(" "))) ||
        !take_number(&text, 2, 0, 24, &hour) ||
        !slice_take(&text, SLICE(":")) ||
        !take_number(&text, 2, 0, 59, &minute)) {
        return false;
    }
    if (slice_take(&text, SLICE(":")) &&
        (!take_number(&text, 2, 0, 60, &second) ||
         !take_fraction(&text, &us))) {
        return false;
    }
    if (!take_zone(&text, &offset_s)) {
        return false;
    }
    *wall = (days_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 +
             second - offset_s) *
                SECOND_US +
            us;
    return true;
}

void
task_time_write(usec wall, char text[static TASK_TIME_SIZE])
{
    int64_t seconds = wall / SECOND_US;
    int64_t us = wall % SECOND_US;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;

    if (us < 0) {
        us += SECOND_US;
        seconds--;
    }
    int64_t days = seconds / DAY_S - (seconds % DAY_S < 0 ? 1 : 0);
    int64_t of_day = seconds - days * DAY_S;
    date_of(days, &year, &month, &day);
    (void)snprintf(text, TASK_TIME_SIZE,
                   "%04u-%02u-%02uT%02u:%02u:%02u.%06u+00:00",
                   (unsigned int)year % 10000, (unsigned int)month % 100,
                   (unsigned int)day % 100, (unsigned int)(of_day / 3600) % 100,
                   (unsigned int)(of_day / 60 % 60),
                   (unsigned int)(of_day % 60), (unsigned int)us % 1000000);
}
