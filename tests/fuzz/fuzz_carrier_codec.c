// Any bytes as a line of the Python side: a struct whose texts lie in the
// object, or refused with a reason.
#include "fleet/carrier_codec.h"
#include "fuzz.h"

static void
check_line(const struct carrier_line *line)
{
    FUZZ_CHECK(line->object != NULL);
    FUZZ_CHECK(line->slots >= 0 && line->slots <= CARRIER_SLOTS_MAX);
    FUZZ_CHECK(line->signo >= 0 && line->signo <= 64);
    FUZZ_CHECK(line->number <= INT64_MAX);
    FUZZ_CHECK(line->pid >= 0);
    if (line->kind == CARRIER_TASK) {
        FUZZ_CHECK(line->task_kind == TASK_OFFER ||
                   line->task_kind == TASK_RUN);
        FUZZ_CHECK(line->sealed.payload.data != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct carrier_line line;
    struct err err = {0};

    if (carrier_line_decode(&line, slice_make((const char *)data, size),
                            &err)) {
        FUZZ_CHECK(!err_is_set(&err));
        check_line(&line);
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL);
    }
    carrier_line_release(&line);
    return 0;
}
