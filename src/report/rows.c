#include "report/rows.h"

#include <stdlib.h>
#include <string.h>

#include "report/detail.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"

struct rows {
    ARRAY(struct row) rows;
    ARRAY(struct row_attempt) attempts;
    struct rows_left_out left_out;
    size_t notable;
    size_t detail_bytes;
    uint64_t threshold_us; // plain tests that took no longer are not kept
    bool thinned;
};

struct rows *
rows_new(void)
{
    return ALLOC(struct rows);
}

static void
row_release(struct row *row)
{
    free(row->id);
    free(row->detail);
}

void
rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->rows.count; i++) {
        row_release(&rows->rows.items[i]);
    }
    for (size_t i = 0; i < rows->attempts.count; i++) {
        free(rows->attempts.items[i].detail);
    }
    ARRAY_RELEASE(&rows->rows);
    ARRAY_RELEASE(&rows->attempts);
    free(rows);
}

// What there is to say, as far as there is room for it.
static char *
take_detail(struct rows *rows, const struct event_test *test)
{
    const struct outcome *outcome = test->outcome;
    bool notable = state_is_bad(outcome->state) || test->flaky;
    bool room = rows->detail_bytes < ROWS_MOST_DETAIL;
    char *detail = detail_make(test, notable && room);

    rows->left_out.details += notable && !room;
    if (detail == NULL) {
        return NULL;
    }
    size_t len = strlen(detail);
    if (rows->detail_bytes + len > ROWS_MOST_DETAIL / 2 * 3) {
        rows->left_out.details += !notable || room;
        free(detail);
        return NULL;
    }
    rows->detail_bytes += len;
    return detail;
}

static bool
is_notable(const struct row *row)
{
    return state_is_bad((enum state)row->state) || row->flaky;
}

static int
compare_slowest(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;

    if (is_notable(a) != is_notable(b)) {
        return is_notable(a) ? -1 : 1;
    }
    if (a->us != b->us) {
        return a->us < b->us ? 1 : -1;
    }
    return (a->item > b->item) - (a->item < b->item);
}

// Lets go of all plain rows but the slowest.
static void
thin(struct rows *rows)
{
    size_t keep = rows->notable + ROWS_MOST_SLOW;

    qsort(rows->rows.items, rows->rows.count, sizeof(struct row),
          compare_slowest);
    while (rows->rows.count > keep) {
        struct row row = ARRAY_POP(&rows->rows);
        if (row.detail != NULL) {
            rows->detail_bytes -= strlen(row.detail);
        }
        row_release(&row);
        rows->left_out.plain++;
    }
    rows->threshold_us = ARRAY_LAST(&rows->rows).us;
    rows->thinned = true;
}

// The texts of a row in one piece, each with its end.
static void
copy_texts(struct row *row, const struct event_test *test)
{
    const char *const texts[] = {test->id, test->job, test->file};
    size_t starts[3] = {0};
    struct buf all = BUF_INIT((size_t)4 * (ROWS_MOST_TEXT + 1));

    for (int i = 0; i < 3; i++) {
        starts[i] = all.len;
        buf_add_slice(&all, slice_first(slice_of(texts[i]), ROWS_MOST_TEXT));
        buf_add_char(&all, '\0');
    }
    row->id = buf_take(&all);
    row->job = row->id + starts[1];
    row->file = row->id + starts[2];
}

static bool
has_room(struct rows *rows, const struct row *row)
{
    if (is_notable(row)) {
        bool room = !rows->thinned || rows->notable < ROWS_MOST_NOTABLE;
        rows->left_out.notable += !room;
        return room;
    }
    bool slow = !rows->thinned || row->us > rows->threshold_us;
    rows->left_out.plain += !slow;
    return slow;
}

void
rows_add(struct rows *rows, const struct event_test *test, uint32_t lane)
{
    struct row row = {
        .began_us = test->began_us,
        .us = test->us > 0 ? test->us : test->outcome->us,
        .item = test->number,
        .line = test->line,
        .lane = lane,
        .process = test->process,
        .tries = test->tries,
        .state = (uint8_t)test->outcome->state,
        .flaky = test->flaky,
        .quarantined = test->quarantined,
    };

    if (!has_room(rows, &row)) {
        return;
    }
    copy_texts(&row, test);
    row.detail = take_detail(rows, test);
    rows->notable += is_notable(&row);
    ARRAY_ADD(&rows->rows, row);
    if (rows->rows.count > (rows->thinned ? 2 * ROWS_MOST : ROWS_MOST)) {
        thin(rows);
    }
}

void
rows_add_attempt(struct rows *rows, const struct event_test *test,
                 uint32_t lane)
{
    if (rows->attempts.count >= ROWS_MOST_ATTEMPTS) {
        rows->left_out.attempts++;
        return;
    }
    ARRAY_ADD(&rows->attempts, ((struct row_attempt){
                                   .detail = take_detail(rows, test),
                                   .began_us = test->began_us,
                                   .us = test->us,
                                   .item = test->number,
                                   .lane = lane,
                                   .state = (uint8_t)test->outcome->state,
                               }));
}

static int
compare_began(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;

    if (a->began_us != b->began_us) {
        return a->began_us < b->began_us ? -1 : 1;
    }
    return (a->item > b->item) - (a->item < b->item);
}

void
rows_settle(struct rows *rows)
{
    if (rows->thinned) {
        thin(rows);
    }
    if (rows->rows.count > 1) {
        qsort(rows->rows.items, rows->rows.count, sizeof(struct row),
              compare_began);
    }
}

size_t
rows_count(const struct rows *rows)
{
    return rows->rows.count;
}

const struct row *
rows_get(const struct rows *rows, size_t place)
{
    return &rows->rows.items[place];
}

size_t
rows_attempt_count(const struct rows *rows)
{
    return rows->attempts.count;
}

const struct row_attempt *
rows_attempt(const struct rows *rows, size_t place)
{
    return &rows->attempts.items[place];
}

const struct rows_left_out *
rows_left_out(const struct rows *rows)
{
    return &rows->left_out;
}

bool
rows_are_all(const struct rows *rows)
{
    return !rows->thinned;
}
