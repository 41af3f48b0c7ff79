// Any line is a message or an error that says why; and the short cut for the
// two frequent messages reads nothing that jansson would read differently.
#include <string.h>

#include "adapter/adapter_codec.h"
#include "adapter/batch_scan.h"
#include "fuzz.h"

static void
check_slice(struct slice a, struct slice b)
{
    FUZZ_CHECK(slice_equals(a, b));
}

static void
check_same(const struct adapter_message *a, const struct adapter_message *b)
{
    FUZZ_CHECK(a->kind == b->kind);
    if (a->kind == ADAPTER_PASSED) {
        FUZZ_CHECK(a->passed.count == b->passed.count);
        for (size_t i = 0; i < a->passed.count; i++) {
            FUZZ_CHECK(a->passed.items[i].item == b->passed.items[i].item);
            FUZZ_CHECK(a->passed.items[i].us == b->passed.items[i].us);
        }
        return;
    }
    FUZZ_CHECK(a->kind == ADAPTER_JOB);
    check_slice(a->job.params.name, b->job.params.name);
    check_slice(a->job.params.file, b->job.params.file);
    check_slice(a->job.params.load, b->job.params.load);
    FUZZ_CHECK(a->job.params.kind == b->job.params.kind);
    FUZZ_CHECK(a->job.params.flags == b->job.params.flags);
    FUZZ_CHECK(a->job.count == b->job.count);
    for (size_t i = 0; i < a->job.count; i++) {
        check_slice(a->job.items[i].id, b->job.items[i].id);
        FUZZ_CHECK(a->job.items[i].line == b->job.items[i].line);
    }
}

static void
check_finished(const struct adapter_finished *finished)
{
    const struct outcome *outcome = &finished->outcome;

    FUZZ_CHECK(outcome->state > STATE_NONE && outcome->state < STATE_COUNT);
    FUZZ_CHECK(finished->out.first <= finished->out.end);
    FUZZ_CHECK(finished->err.first <= finished->err.end);
    for (size_t i = 0; i < outcome->finding_count; i++) {
        FUZZ_CHECK(outcome->findings[i].kind < FINDING_KIND_COUNT);
        FUZZ_CHECK(outcome->findings[i].where.data != NULL);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice line = slice_make((const char *)data, size);
    struct adapter_message message = {0};
    struct adapter_message quick = {0};
    struct err err = {0};
    bool good = adapter_message_decode_plainly(&message, line, &err);

    FUZZ_CHECK(good != err_is_set(&err));
    FUZZ_CHECK(good || (err.kind == ERR_PROTOCOL && err.text[0] != '\0'));
    FUZZ_CHECK(message.kind < ADAPTER_KIND_COUNT);
    if (message.kind == ADAPTER_FINISHED || message.kind == ADAPTER_FIXTURE) {
        check_finished(&message.finished);
    }
    if (batch_scan(&quick, line)) {
        FUZZ_CHECK(good);
        check_same(&quick, &message);
    }
    // What is left over from one message must not show in the next.
    err_clear(&err);
    FUZZ_CHECK(adapter_message_decode(&message, line, &err) == good);
    adapter_message_release(&message);
    adapter_message_release(&quick);
    return 0;
}
