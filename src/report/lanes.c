#include "report/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"
#include "util/compose.h"
#include "util/map.h"

enum {
    MOST_LANES = 1 << 20,
    MOST_CELLS = 1 << 18, // of all lanes
    MOST_LANE_CELLS = 4096,
    LEAST_LANE_CELLS = 8,
    LEVELS = 64,
};

// Of a clock that jumped to the end of time nothing is drawn.
#define LATEST_US ((uint64_t)1 << 50)

struct cell {
    uint64_t busy_us;
    uint64_t bad_us; // of these, with tests that ended badly
    uint8_t worst;   // enum state
};

struct lane {
    char *worker;
    int slot;
    uint32_t tests;
    uint64_t busy_us; // of jobs
    uint64_t tests_us;
    uint64_t job_began_us;
    struct cell *cells; // lanes.cells of them; NULL: nothing yet
};

struct lanes {
    ARRAY(struct lane) lanes;
    struct map places; // "slot worker" -> place + 1, as a pointer
    struct buf key;
    uint32_t cells; // of a lane
    uint64_t cell_us;
};

struct lanes *
lanes_new(void)
{
    struct lanes *lanes = ALLOC(struct lanes);

    lanes->cells = MOST_LANE_CELLS;
    lanes->cell_us = 256;
    buf_init(&lanes->key, 65536);
    return lanes;
}

void
lanes_free(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->lanes.count; i++) {
        free(lanes->lanes.items[i].worker);
        free(lanes->lanes.items[i].cells);
    }
    ARRAY_RELEASE(&lanes->lanes);
    map_release(&lanes->places);
    buf_release(&lanes->key);
    free(lanes);
}

char
lanes_letter(enum state state)
{
    static const char letters[STATE_COUNT + 1] = "-pfesxutcln";

    return letters[state];
}

// What a stretch is coloured by when several states met in it.
static int
weight(enum state state)
{
    static const int weights[STATE_COUNT] = {
        [STATE_NONE] = 0,   [STATE_NOT_RUN] = 1, [STATE_SKIPPED] = 2,
        [STATE_PASSED] = 3, [STATE_XFAILED] = 4, [STATE_XPASSED] = 5,
        [STATE_FAILED] = 6, [STATE_ERROR] = 7,   [STATE_TIMEOUT] = 8,
        [STATE_LOST] = 9,   [STATE_CRASHED] = 10};

    return weights[state];
}

static void
cell_worsen(struct cell *cell, enum state state)
{
    if (weight(state) > weight((enum state)cell->worst)) {
        cell->worst = (uint8_t)state;
    }
}

// Two stretches become one.
static void
lane_coarsen(struct lane *lane, uint32_t cells)
{
    if (lane->cells == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cells / 2; i++) {
        struct cell *two = &lane->cells[(size_t)i * 2];
        struct cell one = two[0];
        one.busy_us += two[1].busy_us;
        one.bad_us += two[1].bad_us;
        cell_worsen(&one, (enum state)two[1].worst);
        lane->cells[i] = one;
    }
    memset(&lane->cells[cells / 2], 0, (cells / 2) * sizeof(struct cell));
}

static void
lanes_coarsen(struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->lanes.count; i++) {
        lane_coarsen(&lanes->lanes.items[i], lanes->cells);
    }
    lanes->cell_us *= 2;
}

static void
lanes_shrink(struct lanes *lanes)
{
    lanes_coarsen(lanes);
    lanes->cells /= 2;
    for (size_t i = 0; i < lanes->lanes.count; i++) {
        struct lane *lane = &lanes->lanes.items[i];
        if (lane->cells != NULL) {
            lane->cells =
                alloc_resize(lane->cells, lanes->cells, sizeof(struct cell));
        }
    }
}

static uint32_t
add_lane(struct lanes *lanes, const char *worker, int slot)
{
    size_t count = lanes->lanes.count + 1;

    if (count > MOST_LANES) {
        return LANE_NONE;
    }
    ARRAY_ADD(&lanes->lanes,
              ((struct lane){.worker = alloc_dup(worker), .slot = slot}));
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number, never followed
    map_set(&lanes->places, buf_slice(&lanes->key), (void *)(uintptr_t)count);
    while (count * lanes->cells > MOST_CELLS &&
           lanes->cells > LEAST_LANE_CELLS) {
        lanes_shrink(lanes);
    }
    return (uint32_t)(count - 1);
}

uint32_t
lanes_find(struct lanes *lanes, const char *worker, int slot)
{
    const char *name = worker != NULL ? worker : "";
    size_t place = 0;

    if (slot < 0) {
        return LANE_NONE;
    }
    buf_reset(&lanes->key);
    buf_add(&lanes->key, &slot, sizeof(slot));
    buf_add_text(&lanes->key, name);
    place = (size_t)(uintptr_t)map_find(&lanes->places, buf_slice(&lanes->key));
    if (place > 0) {
        return (uint32_t)(place - 1);
    }
    return add_lane(lanes, name, slot);
}

void
lanes_add_test(struct lanes *lanes, uint32_t lane, uint64_t began_us,
               uint64_t us, enum state state)
{
    struct lane *found = NULL;

    if (lane == LANE_NONE || began_us >= LATEST_US ||
        us >= LATEST_US - began_us) {
        return;
    }
    uint64_t end = began_us + us;
    while (end / lanes->cell_us >= lanes->cells) {
        lanes_coarsen(lanes);
    }
    found = &lanes->lanes.items[lane];
    found->tests++;
    found->tests_us += us;
    if (found->cells == NULL) {
        found->cells = alloc_zero(lanes->cells, sizeof(struct cell));
    }
    uint64_t at = began_us / lanes->cell_us;
    cell_worsen(&found->cells[at], state);
    for (uint64_t from = began_us; from < end; at++) {
        uint64_t next = (at + 1) * lanes->cell_us;
        uint64_t to = next < end ? next : end;
        found->cells[at].busy_us += to - from;
        found->cells[at].bad_us += state_is_bad(state) ? to - from : 0;
        cell_worsen(&found->cells[at], state);
        from = to;
    }
}

void
lanes_begin_job(struct lanes *lanes, uint32_t lane, uint64_t now_us)
{
    if (lane != LANE_NONE) {
        lanes->lanes.items[lane].job_began_us = now_us;
    }
}

void
lanes_end_job(struct lanes *lanes, uint32_t lane, uint64_t us)
{
    if (lane != LANE_NONE) {
        lanes->lanes.items[lane].busy_us += us;
    }
}

uint64_t
lanes_job_began(const struct lanes *lanes, uint32_t lane)
{
    return lane != LANE_NONE ? lanes->lanes.items[lane].job_began_us : 0;
}

uint32_t
lanes_count(const struct lanes *lanes)
{
    return (uint32_t)lanes->lanes.count;
}

uint64_t
lanes_cell_us(const struct lanes *lanes)
{
    return lanes->cell_us;
}

static char
level_letter(uint64_t busy_us, uint64_t cell_us)
{
    static const char letters[LEVELS + 1] = "0123456789"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "abcdefghijklmnopqrstuvwxyz+-";
    uint64_t level = (busy_us * (LEVELS - 1) + cell_us - 1) / cell_us;

    return letters[level < LEVELS ? level : LEVELS - 1];
}

static void
write_cells(const struct lanes *lanes, const struct lane *lane, struct buf *buf)
{
    uint32_t count = lane->cells != NULL ? lanes->cells : 0;

    while (count > 0 && lane->cells[count - 1].worst == STATE_NONE) {
        count--;
    }
    compose_key(buf, "busy");
    buf_add_char(buf, '"');
    for (uint32_t i = 0; i < count; i++) {
        buf_add_char(buf, level_letter(lane->cells[i].busy_us, lanes->cell_us));
    }
    buf_add_char(buf, '"');
    compose_key(buf, "bad");
    buf_add_char(buf, '"');
    for (uint32_t i = 0; i < count; i++) {
        buf_add_char(buf, level_letter(lane->cells[i].bad_us, lanes->cell_us));
    }
    buf_add_char(buf, '"');
    compose_key(buf, "worst");
    buf_add_char(buf, '"');
    for (uint32_t i = 0; i < count; i++) {
        buf_add_char(buf, lanes_letter((enum state)lane->cells[i].worst));
    }
    buf_add_char(buf, '"');
}

void
lanes_write(const struct lanes *lanes, uint32_t lane, bool cells,
            struct buf *buf)
{
    const struct lane *found = &lanes->lanes.items[lane];
    uint64_t busy_us = found->busy_us;

    // A recording that was cut off may lack the end of a job.
    busy_us = busy_us > found->tests_us ? busy_us : found->tests_us;
    compose_comma(buf);
    buf_add_char(buf, '{');
    compose_int(buf, "slot", found->slot);
    compose_some(buf, "worker", slice_of(found->worker));
    compose_uint(buf, "tests", found->tests);
    compose_uint(buf, "busy_us", busy_us);
    if (cells) {
        write_cells(lanes, found, buf);
    }
    buf_add_char(buf, '}');
}
