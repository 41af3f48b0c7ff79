// Any body is a command, and an answer, or an error; whom a command is for is
// decided for any pattern; what was read is written and read as the same.
#include "celery/control_codec.h"
#include "fuzz.h"

static void
check_request(const struct control_request *request)
{
    struct buf written = BUF_INIT(16u << 20);
    struct control_request again;
    struct err err = {0};

    bool mine = control_request_is_for(request, "a@host");
    FUZZ_CHECK(control_request_encode(request, &written));
    struct message message = {.body = buf_slice(&written)};
    FUZZ_CHECK(control_request_decode(&again, &message, &err));
    FUZZ_CHECK(slice_equals(request->method, again.method));
    FUZZ_CHECK(json_equal(request->arguments, again.arguments));
    FUZZ_CHECK(control_request_is_for(&again, "a@host") == mine);
    control_request_release(&again);
    buf_release(&written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make((const char *)data, size);
    struct message message = {.body = body};
    struct control_request request;
    struct err err = {0};
    struct slice node = {0};
    const json_t *value = NULL;
    json_t *held = NULL;

    bool good = control_request_decode(&request, &message, &err);
    FUZZ_CHECK(good != err_is_set(&err));
    if (good) {
        check_request(&request);
    }
    control_request_release(&request);
    err_clear(&err);
    good = control_reply_decode(body, &node, &value, &held, &err);
    FUZZ_CHECK(good != err_is_set(&err));
    FUZZ_CHECK(!good || value != NULL);
    json_decref(held);
    return 0;
}
