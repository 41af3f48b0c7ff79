#include "run/sequence.h"

#include "check.h"

#include <stdlib.h>

static struct items *
two_classes(void)
{
    struct items *items = items_new();
    static const char *const names[] = {"m.A", "m.B"};

    for (int k = 0; k < 2; k++) {
        uint32_t job = items_add_job(
            items, &(struct job_params){.name = slice_of(names[k])});
        items_add(items, job, SLICE(".test_1"), 1);
        items_add(items, job, SLICE(".test_2"), 2);
        items_add(items, job, SLICE(".test_3"), 3);
    }
    return items;
}

static void
a_job_ends_where_another_one_begins(void **state)
{
    struct items *items = two_classes();
    const uint32_t list[] = {2, 0, 3, 1, 4, 5};
    struct numbers jobs = {0};

    (void)state;
    sequence_cut(items, list, 6, &jobs);
    assert_int_equal(jobs.count, 4);
    static const uint32_t counts[] = {2, 1, 1, 2};
    size_t at = 0;
    for (size_t i = 0; i < jobs.count; i++) {
        uint32_t job = jobs.items[i];
        assert_int_equal(items_peek_job(items, job)->count, counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            assert_int_equal(items_of_job(items, job, k), list[at++]);
        }
    }
    ARRAY_RELEASE(&jobs);
    items_free(items);
}

static void
nothing_makes_no_job(void **state)
{
    struct items *items = two_classes();
    struct numbers jobs = {0};

    (void)state;
    sequence_cut(items, NULL, 0, &jobs);
    assert_int_equal(jobs.count, 0);
    items_free(items);
}

static void
tests_and_classes_are_found_once_and_the_others_counted(void **state)
{
    struct items *items = two_classes();
    struct numbers list = {0};
    struct texts ids = {0};

    (void)state;
    texts_add(&ids, "m.B.test_2");
    texts_add(&ids, "m.A");
    texts_add(&ids, "m.A.test_1");
    texts_add(&ids, "m.gone");
    texts_add(&ids, "m.B");
    assert_int_equal(sequence_find(items, &ids, &list), 1);
    static const uint32_t wanted[] = {4, 0, 1, 2, 3, 5};
    assert_int_equal(list.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(list.items[i], wanted[i]);
    }
    ARRAY_RELEASE(&list);
    texts_release(&ids);
    items_free(items);
}

static void
count_note(void *ctx, enum note_level level, const char *text, const char *hint)
{
    int *notes = ctx;

    assert_int_equal(level, NOTE_WARNING);
    assert_non_null(text);
    assert_non_null(hint);
    ++*notes;
}

static void
as_a_filter_it_selects_just_its_tests_and_fills_the_queue(void **state)
{
    struct items *items = two_classes();
    struct texts ids = {0};
    struct sequence sequence;
    int notes = 0;

    (void)state;
    texts_add(&ids, "m.B.test_3");
    texts_add(&ids, "m.A.test_2");
    texts_add(&ids, "m.gone");
    sequence_init(&sequence, &ids);
    sequence.filter.ops->choose(&sequence.filter, items, count_note, &notes);
    assert_int_equal(notes, 1);
    for (uint32_t item = 0; item < items_count(items); item++) {
        bool selected = (items_peek(items, item)->flags & ITEM_SELECTED) != 0;
        assert_int_equal(selected, item == 1 || item == 5);
    }
    struct queue *queue = queue_new(NULL, 0);
    sequence_fill(&sequence, queue, items);
    uint32_t first = queue_next(queue, true);
    uint32_t second = queue_next(queue, true);
    assert_int_equal(items_of_job(items, first, 0), 5);
    assert_int_equal(items_of_job(items, second, 0), 1);
    assert_int_equal(queue_waiting(queue), 0);
    queue_free(queue);
    sequence_release(&sequence);
    texts_release(&ids);
    items_free(items);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_job_ends_where_another_one_begins),
    cmocka_unit_test(nothing_makes_no_job),
    cmocka_unit_test(tests_and_classes_are_found_once_and_the_others_counted),
    cmocka_unit_test(as_a_filter_it_selects_just_its_tests_and_fills_the_queue),
};

CHECK_MAIN(tests)
