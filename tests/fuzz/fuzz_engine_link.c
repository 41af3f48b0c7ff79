// Any bytes as a line of an engine: an error, or one event.
#include "fleet/engine_link.h"

#include "fuzz.h"

static void
count(void *ctx)
{
    (*(int *)ctx)++;
}

static void
on_updates(void *ctx, struct slice list)
{
    FUZZ_CHECK(list.data != NULL || list.len == 0);
    count(ctx);
}

static void
on_ready(void *ctx, uint64_t us)
{
    FUZZ_CHECK(us <= INT64_MAX);
    count(ctx);
}

static void
on_failed(void *ctx, struct slice why)
{
    FUZZ_CHECK(why.data != NULL || why.len == 0);
    count(ctx);
}

static void
on_left(void *ctx, bool ok, struct slice why, uint64_t us)
{
    (void)ok;
    FUZZ_CHECK(us <= INT64_MAX && (why.data != NULL || why.len == 0));
    count(ctx);
}

static void
on_other(void *ctx, struct slice msg, json_t *object)
{
    FUZZ_CHECK(msg.data != NULL && json_is_object(object));
    count(ctx);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct engine_link_events events = {
        .on_hello = count,
        .on_updates = on_updates,
        .on_ready = on_ready,
        .on_failed = on_failed,
        .on_left = on_left,
        .on_other = on_other,
    };
    struct err err = {0};
    int told = 0;
    bool fine = engine_link_tell(slice_make((const char *)data, size), &events,
                                 &told, &err);

    FUZZ_CHECK(told == (fine ? 1 : 0));
    FUZZ_CHECK(err_is_set(&err) == !fine);
    return 0;
}
