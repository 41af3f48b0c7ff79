// Any body is events or an error; each event that was read is written and read
// as the same again.
#include "celery/celeryev_codec.h"
#include "fuzz.h"

static void
count(void *ctx, const struct celeryev *event)
{
    size_t *number = ctx;

    FUZZ_CHECK(event->type.len > 0 && event->hostname.len > 0);
    FUZZ_CHECK(event->wall >= 0);
    ++*number;
}

static void
check(void *ctx, const struct celeryev *event)
{
    struct buf written = BUF_INIT(16u << 20);
    struct err err = {0};
    size_t number = 0;

    count(ctx, event);
    FUZZ_CHECK(celeryev_encode(event, &written));
    FUZZ_CHECK(celeryev_decode(buf_slice(&written), count, &number, &err));
    FUZZ_CHECK(number == 1);
    buf_release(&written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t number = 0;

    bool good = celeryev_decode(slice_make((const char *)data, size), check,
                                &number, &err);
    FUZZ_CHECK(good != err_is_set(&err));
    return 0;
}
