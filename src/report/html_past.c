#include "report/html_internal.h"

#include <stdlib.h>

#include "report/members.h"
#include "util/alloc.h"

enum {
    MOST_BUILDS = 100,
    MOST_POINTS = 30,
    MOST_PASTS = 1000, // tests whose past is shown
};

static void
add_builds(struct buf *buf, struct html_history *history)
{
    struct html_build builds[MOST_BUILDS];
    size_t count = history->ops->builds(history, builds, MOST_BUILDS);

    members_array(buf, "builds");
    for (size_t i = 0; i < count; i++) {
        members_comma(buf);
        buf_add_char(buf, '{');
        members_text(buf, "id", slice_of(builds[i].id));
        members_int(buf, "wall_ms", builds[i].wall_ms);
        members_uint(buf, "us", builds[i].us);
        members_uint(buf, "selected", builds[i].selected);
        members_uint(buf, "bad", builds[i].bad);
        members_known(buf, "flaky", builds[i].flaky);
        members_int(buf, "exit_status", builds[i].exit_status);
        buf_add_char(buf, '}');
    }
    buf_add_char(buf, ']');
}

static void
add_past(struct buf *buf, struct html_history *history, size_t place,
         const struct row *row)
{
    struct html_point points[MOST_POINTS];
    size_t count =
        history->ops->test(history, slice_of(row->id), points, MOST_POINTS);
    char key[24];

    if (count == 0) {
        return;
    }
    (void)snprintf(key, sizeof(key), "%zu", place);
    members_array(buf, key);
    for (size_t i = 0; i < count; i++) {
        char letter[2] = {lanes_letter(points[i].state), '\0'};
        members_comma(buf);
        buf_add_char(buf, '[');
        members_number(buf, points[i].us);
        members_element(buf, slice_of(letter));
        members_number(buf, points[i].flaky);
        buf_add_char(buf, ']');
    }
    buf_add_char(buf, ']');
}

enum interest {
    INTEREST_SLOW,    // first: there are few of them
    INTEREST_NOTABLE, // bad or flaky, as far as there is room
    INTEREST_COUNT
};

static bool
is_of(const struct row *row, enum interest interest, uint64_t slow_us)
{
    bool notable = row->flaky || state_is_bad((enum state)row->state);

    return interest == INTEREST_SLOW ? row->us >= slow_us
                                     : notable && row->us < slow_us;
}

static int
compare_us(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a < b) - (a > b);
}

// How long the hundredth slowest took.
static uint64_t
slow_limit(const struct rows *rows)
{
    enum {
        SLOW = 100
    };
    size_t count = rows_count(rows);
    uint64_t *times = alloc_zero(count + 1, sizeof(*times));

    for (size_t i = 0; i < count; i++) {
        times[i] = rows_get(rows, i)->us;
    }
    qsort(times, count, sizeof(*times), compare_us);
    uint64_t limit = times[count > SLOW ? SLOW - 1 : count];
    free(times);
    return limit;
}

static void
add_pasts(struct buf *buf, const struct picture *picture)
{
    const struct rows *rows = picture->rows;
    uint64_t slow_us = slow_limit(rows);
    int left = MOST_PASTS;

    for (int interest = 0; interest < INTEREST_COUNT; interest++) {
        for (size_t i = 0; i < rows_count(rows) && left > 0; i++) {
            const struct row *row = rows_get(rows, i);
            if (is_of(row, (enum interest)interest, slow_us)) {
                add_past(buf, picture->history, i, row);
                left--;
            }
        }
    }
}

void
html_past_write(const struct picture *picture, struct buf *buf)
{
    members_object(buf, "history");
    if (picture->history != NULL) {
        add_builds(buf, picture->history);
        members_object(buf, "tests");
        add_pasts(buf, picture);
        buf_add_char(buf, '}');
    }
    buf_add_char(buf, '}');
}
