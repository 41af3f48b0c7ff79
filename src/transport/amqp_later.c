// Calls that are owed: nobody is called from inside of a call of theirs.
#include <stdlib.h>

#include "transport/amqp_internal.h"
#include "util/alloc.h"

// A call that is owed.
struct later {
    struct list_link link;
    transport_done_fn done;
    transport_count_fn count;
    void *ctx;
    struct err err;
};

static void
call_laters(void *ctx)
{
    struct amqp *amqp = ctx;
    struct list laters;

    // Those that come meanwhile have their own turn.
    amqp->later_posted = false;
    list_init(&laters);
    struct list_link *link = NULL;
    while ((link = list_take_first(&amqp->laters)) != NULL) {
        list_add(&laters, link);
    }
    amqp_enter(amqp);
    while ((link = list_take_first(&laters)) != NULL) {
        struct later *later = LIST_ENTRY(link, struct later, link);
        const struct err *err = err_is_set(&later->err) ? &later->err : NULL;
        if (amqp->dead) {
            // Nobody is to be called any more.
        } else if (later->count != NULL) {
            later->count(later->ctx, 0, err);
        } else if (later->done != NULL) {
            later->done(later->ctx, err);
        }
        free(later);
    }
    amqp_leave(amqp);
}

static void
add_later(struct amqp *amqp, const struct later *later)
{
    struct later *added = ALLOC(struct later);

    *added = *later;
    list_add(&amqp->laters, &added->link);
    if (!amqp->later_posted) {
        amqp->later_posted = true;
        loop_post(amqp->loop, call_laters, amqp);
    }
}

void
amqp_later(struct amqp *amqp, transport_done_fn done, void *ctx,
           const struct err *err)
{
    struct later later = {.done = done, .ctx = ctx};

    if (err != NULL) {
        later.err = *err;
    }
    if (done != NULL) {
        add_later(amqp, &later);
    }
}

void
amqp_later_count(struct amqp *amqp, transport_count_fn count, void *ctx,
                 const struct err *err)
{
    struct later later = {.count = count, .ctx = ctx};

    if (err != NULL) {
        later.err = *err;
    }
    if (count != NULL) {
        add_later(amqp, &later);
    }
}

void
amqp_laters_release(struct amqp *amqp)
{
    LIST_FOR_EACH(link, &amqp->laters)
    {
        free(LIST_ENTRY(link, struct later, link));
    }
}
