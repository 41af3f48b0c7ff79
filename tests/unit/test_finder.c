#include "fleet/finder.h"

#include "check.h"

#include <string.h>

/* Adds a job with these items, which end with NULL. */
static uint32_t
add_job(struct items *items, const char *name, const char *load, ...)
{
    uint32_t job = items_add_job(items, &(struct job_params){
                                            .name = slice_of(name),
                                            .load = slice_of(load),
                                        });
    va_list ids;

    va_start(ids, load);
    for (const char *id = va_arg(ids, const char *); id != NULL;
         id = va_arg(ids, const char *)) {
        items_add(items, job, slice_of(id), 0);
    }
    va_end(ids);
    return job;
}

/* The order that another machine gives for its job of the same name. */
static struct order_text
order_for(const struct items *items, uint32_t job, uint32_t number)
{
    struct order_text text = {
        .order = {.job = number, .attempt = 1},
        .name = slice_of(items_job_name(items, job)),
        .load = slice_of(items_job_load(items, job)),
        .total = items_peek_job(items, job)->count,
    };

    order_digest(items, job, text.digest);
    return text;
}

static void
assert_differs(struct finder *finder, const struct order_text *text,
               const char *why)
{
    struct buf reason = BUF_INIT(4096);

    assert_int_equal(finder_find(finder, text, &reason), JOB_NONE);
    if (strstr(buf_text(&reason), why) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", buf_text(&reason), why);
    }
    buf_release(&reason);
}

static void
jobs_of_one_name_are_told_apart_by_their_items(void **state)
{
    struct items *items = items_new();
    struct finder finder;
    struct buf reason = BUF_INIT(4096);
    uint32_t jobs[] = {
        add_job(items, "m.A", "m", ".a", ".b", NULL),
        add_job(items, "m.A", "m", ".c", ".d", NULL),
        add_job(items, "m.A", "m@top", ".a", ".b", NULL),
    };

    (void)state;
    finder_init(&finder, items, FINDER_COLLECTED);
    finder_open(&finder, (struct slice){0});
    for (uint32_t i = 0; i < 3; i++) {
        struct order_text text = order_for(items, jobs[i], 90 + i);
        assert_int_equal(finder_find(&finder, &text, &reason), jobs[i]);
    }
    finder_release(&finder);
    items_free(items);
    buf_release(&reason);
}

static void
a_part_is_a_job_of_its_own(void **state)
{
    struct items *items = items_new();
    struct finder finder;
    struct buf reason = BUF_INIT(4096);
    uint32_t places[] = {0, 2};

    (void)state;
    add_job(items, "m.Z", "m", ".a", NULL);
    uint32_t job = add_job(items, "m.A", "m", ".a", ".b", ".c", NULL);
    finder_init(&finder, items, FINDER_COLLECTED);
    finder_open(&finder, (struct slice){0});
    struct order_text text = order_for(items, job, 90);
    text.places = places;
    text.count = 2;
    uint32_t part = finder_find(&finder, &text, &reason);
    assert_int_not_equal(part, job);
    assert_int_equal(items_of_job(items, part, 0), 1);
    assert_int_equal(items_of_job(items, part, 1), 3);
    // The parts are not found by later orders.
    text.places = NULL;
    assert_int_equal(finder_find(&finder, &text, &reason), job);
    finder_release(&finder);
    items_free(items);
    buf_release(&reason);
}

static void
what_differs_is_said(void **state)
{
    struct items *items = items_new();
    struct finder finder;

    (void)state;
    uint32_t job = add_job(items, "m.A", "m", ".a", ".b", NULL);
    finder_init(&finder, items, FINDER_COLLECTED);
    finder_open(&finder, SLICE("m: no such module"));
    struct order_text text = order_for(items, job, 90);
    text.digest[0] = text.digest[0] == 'a' ? 'b' : 'a';
    assert_differs(&finder, &text, "the tests of m.A have other names here");
    text.total = 7;
    assert_differs(&finder, &text, "2 tests here instead of 7");
    text.name = SLICE("m.B");
    assert_differs(&finder, &text, "m.B is not known here (m: no such");
    finder_release(&finder);
    items_free(items);
}

static void
programs_are_made_when_they_are_asked_for(void **state)
{
    struct items *items = items_new();
    struct finder finder;
    struct buf reason = BUF_INIT(4096);
    struct order_text text = {
        .order = {.job = 7, .attempt = 1},
        .name = SLICE("a.t"),
        .kind = JOB_COMMAND,
        .total = 1,
    };

    (void)state;
    finder_init(&finder, items, FINDER_PROGRAMS);
    finder_open(&finder, (struct slice){0});
    uint32_t job = finder_find(&finder, &text, &reason);
    assert_string_equal(items_job_name(items, job), "a.t");
    text.order.attempt = 2;
    assert_int_equal(finder_find(&finder, &text, &reason), job);
    text.order.job = 8; // the same program a second time
    assert_int_not_equal(finder_find(&finder, &text, &reason), job);
    text.order.job = 9;
    text.total = 2;
    assert_differs(&finder, &text, "not known here");
    finder_release(&finder);
    items_free(items);
    buf_release(&reason);
}

static void
jobs_of_nothing_have_as_many_items_as_they_say(void **state)
{
    struct items *items = items_new();
    struct finder finder;
    struct buf reason = BUF_INIT(4096);
    struct order_text text = {
        .order = {.job = 7, .attempt = 1},
        .name = SLICE("m.A"),
        .total = 3,
    };

    (void)state;
    finder_init(&finder, items, FINDER_NOTHING);
    finder_open(&finder, (struct slice){0});
    uint32_t job = finder_find(&finder, &text, &reason);
    assert_int_equal(items_peek_job(items, job)->count, 3);
    text.order.job = 8;
    text.total = ITEMS_MAX;
    assert_differs(&finder, &text, "not known here");
    finder_release(&finder);
    items_free(items);
    buf_release(&reason);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(jobs_of_one_name_are_told_apart_by_their_items),
    cmocka_unit_test(a_part_is_a_job_of_its_own),
    cmocka_unit_test(what_differs_is_said),
    cmocka_unit_test(programs_are_made_when_they_are_asked_for),
    cmocka_unit_test(jobs_of_nothing_have_as_many_items_as_they_say),
};

CHECK_MAIN(tests)
