#include "util/heap.h"

#include "check.h"

struct item {
    int urgency;
    struct heap_node node;
};

static bool
is_less(const struct heap_node *a, const struct heap_node *b)
{
    return HEAP_CONST_ENTRY(a, struct item, node)->urgency <
           HEAP_CONST_ENTRY(b, struct item, node)->urgency;
}

static int
take(struct heap *heap)
{
    return HEAP_ENTRY(heap_take(heap), struct item, node)->urgency;
}

#define COUNT 500

// Items in an order that is mixed up and the same every time.
static void
fill(struct heap *heap, struct item items[static COUNT])
{
    heap_init(heap, is_less);
    for (int i = 0; i < COUNT; i++) {
        items[i] = (struct item){.urgency = i * 37 % COUNT};
        heap_add(heap, &items[i].node);
    }
}

static void
elements_come_out_in_order(void **state)
{
    (void)state;
    struct item items[COUNT];
    struct heap heap;

    fill(&heap, items);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(take(&heap), i);
    }
    assert_null(heap_top(&heap));
    assert_null(heap_take(&heap));
    heap_release(&heap);
}

static void
any_element_can_be_removed(void **state)
{
    (void)state;
    struct item items[COUNT];
    struct heap heap;

    fill(&heap, items);
    for (int i = 0; i < COUNT; i++) {
        if (items[i].urgency % 3 == 0) {
            heap_remove(&heap, &items[i].node);
            assert_false(heap_has(&items[i].node));
            heap_remove(&heap, &items[i].node);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        if (i % 3 != 0) {
            assert_int_equal(take(&heap), i);
        }
    }
    assert_int_equal(heap.count, 0);
    heap_release(&heap);
}

static void
a_changed_element_moves_to_its_place(void **state)
{
    (void)state;
    struct item items[COUNT];
    struct heap heap;

    fill(&heap, items);
    for (int i = 0; i < COUNT; i++) {
        items[i].urgency = (items[i].urgency * 101 + 7) % COUNT;
        heap_update(&heap, &items[i].node);
    }
    int last = -1;
    for (int i = 0; i < COUNT; i++) {
        int next = take(&heap);
        assert_true(next >= last);
        last = next;
    }
    heap_release(&heap);
}

static void
an_element_may_come_back(void **state)
{
    (void)state;
    struct item item = {.urgency = 1};
    struct heap heap;

    heap_init(&heap, is_less);
    heap_add(&heap, &item.node);
    assert_true(heap_has(&item.node));
    assert_int_equal(take(&heap), 1);
    heap_add(&heap, &item.node);
    assert_int_equal(take(&heap), 1);
    heap_release(&heap);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements_come_out_in_order),
    cmocka_unit_test(any_element_can_be_removed),
    cmocka_unit_test(a_changed_element_moves_to_its_place),
    cmocka_unit_test(an_element_may_come_back),
};

CHECK_MAIN(tests)
