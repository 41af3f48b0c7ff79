#include "loop/deadline.h"

#include <assert.h>

static bool
less(const struct heap_node *a, const struct heap_node *b)
{
    const struct deadline *first = HEAP_CONST_ENTRY(a, struct deadline, node);
    const struct deadline *second = HEAP_CONST_ENTRY(b, struct deadline, node);

    return first->due != second->due ? first->due < second->due
                                     : first->number < second->number;
}

// The clock of the deadlines: it stands still while they are paused.
static msec
clock_of(const struct deadlines *deadlines, msec now)
{
    return (deadlines->paused ? deadlines->paused_at : now) -
           deadlines->skipped;
}

void
deadlines_init(struct deadlines *deadlines)
{
    *deadlines = (struct deadlines){0};
    heap_init(&deadlines->heap, less);
}

void
deadlines_release(struct deadlines *deadlines)
{
    assert(heap_top(&deadlines->heap) == NULL);
    heap_release(&deadlines->heap);
}

void
deadlines_pause(struct deadlines *deadlines, bool paused, msec now)
{
    if (paused == deadlines->paused) {
        return;
    }
    if (paused) {
        deadlines->paused_at = now;
    } else {
        deadlines->skipped += now - deadlines->paused_at;
    }
    deadlines->paused = paused;
}

msec
deadlines_wait(const struct deadlines *deadlines, msec now)
{
    const struct heap_node *top = heap_top(&deadlines->heap);

    if (top == NULL || deadlines->paused) {
        return -1;
    }
    msec left = HEAP_CONST_ENTRY(top, struct deadline, node)->due -
                clock_of(deadlines, now);
    return left > 0 ? left : 0;
}

void
deadlines_run(struct deadlines *deadlines, msec now)
{
    uint64_t end = deadlines->next_number;
    msec clock = clock_of(deadlines, now);

    while (!deadlines->paused) {
        struct heap_node *top = heap_top(&deadlines->heap);
        if (top == NULL) {
            return;
        }
        struct deadline *deadline = HEAP_ENTRY(top, struct deadline, node);
        if (deadline->due > clock || deadline->number >= end) {
            return;
        }
        heap_remove(&deadlines->heap, top);
        deadline->fn(deadline->ctx);
    }
}

void
deadline_init(struct deadline *deadline, struct loop *loop, loop_fn fn,
              void *ctx)
{
    *deadline = (struct deadline){.loop = loop, .fn = fn, .ctx = ctx};
}

void
deadline_release(struct deadline *deadline)
{
    deadline_disarm(deadline);
}

void
deadline_arm(struct deadline *deadline, msec ms)
{
    struct deadlines *deadlines = loop_deadlines(deadline->loop);

    assert(ms >= 0);
    heap_remove(&deadlines->heap, &deadline->node);
    deadline->due = clock_of(deadlines, now_msec()) + ms;
    deadline->number = deadlines->next_number++;
    heap_add(&deadlines->heap, &deadline->node);
    loop_deadlines_changed(deadline->loop);
}

void
deadline_disarm(struct deadline *deadline)
{
    if (deadline_is_armed(deadline)) {
        heap_remove(&loop_deadlines(deadline->loop)->heap, &deadline->node);
        loop_deadlines_changed(deadline->loop);
    }
}

bool
deadline_is_armed(const struct deadline *deadline)
{
    return heap_has(&deadline->node);
}
