// Any body is a result or an error; what was read is written and read as the
// same again.
#include "celery/result_codec.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make((const char *)data, size);
    struct buf written = BUF_INIT(16u << 20);
    struct result result;
    struct result again;
    struct err err = {0};
    json_t *held = NULL;
    json_t *held_again = NULL;

    bool good = result_decode(&result, body, &held, &err);
    FUZZ_CHECK(good != err_is_set(&err));
    if (good) {
        FUZZ_CHECK(result_encode(&result, &written));
        FUZZ_CHECK(
            result_decode(&again, buf_slice(&written), &held_again, &err));
        FUZZ_CHECK(slice_equals(result.task_id, again.task_id));
        FUZZ_CHECK(slice_equals(result.status, again.status));
        FUZZ_CHECK(result.value == NULL ||
                   json_equal(result.value, again.value));
    }
    json_decref(held);
    json_decref(held_again);
    buf_release(&written);
    return 0;
}
