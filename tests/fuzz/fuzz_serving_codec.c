// Any line is a message or an error that says why, and a plan has what an
// engine relies on.
#include <string.h>

#include "fleet/plan.h"
#include "fleet/serving_codec.h"
#include "fuzz.h"

static void
check_plan(json_t *object)
{
    struct plan plan = {0};
    struct err err = {0};
    bool good = plan_decode(&plan, object, &err);

    FUZZ_CHECK(good != err_is_set(&err));
    if (good) {
        FUZZ_CHECK(plan.build[0] != '\0' && plan.home != NULL);
        FUZZ_CHECK(plan.slots > 0 && plan.slots <= PLAN_SLOTS_MAX);
        FUZZ_CHECK(plan.base >= 0 && plan.total >= 0);
        FUZZ_CHECK(!plan.has_workspace || plan.workspace.name[0] != '\0');
    }
    plan_release(&plan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = slice_make((const char *)data, size);
    struct serving_message message = {0};
    struct err err = {0};
    bool good = serving_message_decode(&message, line, &err);

    FUZZ_CHECK(good != err_is_set(&err));
    FUZZ_CHECK(good || message.kind == SERVING_OTHER);
    FUZZ_CHECK(message.kind < SERVING_KIND_COUNT);
    if (message.kind == SERVING_PLAN) {
        check_plan(message.root);
    }
    // What is left over from one message must not show in the next.
    err_clear(&err);
    FUZZ_CHECK(serving_message_decode(&message, line, &err) == good);
    serving_message_release(&message);
    return 0;
}
