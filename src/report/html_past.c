#include "report/html_internal.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/compose.h"

enum {
    MOST_BUILDS = 100,
    MOST_PASTS = 1000, // tests whose past is shown
};

static void
add_builds(struct buf *buf, const struct picture *picture)
{
    struct html_history *history = picture->history;
    struct html_build builds[MOST_BUILDS];
    size_t count =
        history->ops->builds(history, &picture->now, builds, MOST_BUILDS);

    compose_list(buf, "builds");
    for (size_t i = 0; i < count; i++) {
        compose_comma(buf);
        buf_add_char(buf, '{');
        compose_text(buf, "id", builds[i].id);
        compose_int(buf, "wall_ms", builds[i].wall_ms);
        compose_uint(buf, "us", builds[i].us);
        compose_uint(buf, "selected", builds[i].selected);
        compose_uint(buf, "bad", builds[i].bad);
        compose_some_uint(buf, "flaky", builds[i].flaky);
        compose_int(buf, "exit_status", builds[i].exit_status);
        buf_add_char(buf, '}');
    }
    buf_add_char(buf, ']');
}

static void
add_past(struct buf *buf, size_t place, const struct html_past *past)
{
    char key[24];

    if (past->count == 0) {
        return;
    }
    (void)snprintf(key, sizeof(key), "%zu", place);
    compose_list(buf, key);
    for (size_t i = 0; i < past->count; i++) {
        char letter[2] = {lanes_letter(past->points[i].state), '\0'};
        compose_comma(buf);
        buf_add_char(buf, '[');
        compose_number(buf, past->points[i].us);
        compose_element(buf, slice_of(letter));
        compose_number(buf, past->points[i].flaky);
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

// Chooses up to MOST_PASTS rows; gives their number.
static size_t
choose(const struct rows *rows, size_t *places)
{
    uint64_t slow_us = slow_limit(rows);
    size_t count = 0;

    for (int interest = 0; interest < INTEREST_COUNT; interest++) {
        for (size_t i = 0; i < rows_count(rows) && count < MOST_PASTS; i++) {
            if (is_of(rows_get(rows, i), (enum interest)interest, slow_us)) {
                places[count++] = i;
            }
        }
    }
    return count;
}

static void
add_pasts(struct buf *buf, const struct picture *picture)
{
    struct html_history *history = picture->history;
    size_t places[MOST_PASTS];
    size_t count = choose(picture->rows, places);
    struct html_past *pasts = alloc_zero(count + 1, sizeof(*pasts));

    for (size_t i = 0; i < count; i++) {
        pasts[i].id = slice_of(rows_get(picture->rows, places[i])->id);
    }
    history->ops->tests(history, &picture->now, pasts, count);
    for (size_t i = 0; i < count; i++) {
        add_past(buf, places[i], &pasts[i]);
    }
    free(pasts);
}

void
html_past_write(const struct picture *picture, struct buf *buf)
{
    compose_open(buf, "history");
    if (picture->history != NULL) {
        add_builds(buf, picture);
        compose_open(buf, "tests");
        add_pasts(buf, picture);
        buf_add_char(buf, '}');
    }
    buf_add_char(buf, '}');
}
