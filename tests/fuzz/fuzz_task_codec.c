// Any message is a task or an error that says why; a task that was read is
// written and read as the same again. Input: the headers, a line end, the
// body.
#include "celery/task_codec.h"
#include "fuzz.h"
#include "util/json_text.h"

static void
check_good(const struct task *task)
{
    char eta[TASK_TIME_SIZE];

    FUZZ_CHECK(task->id.len > 0 && task->name.len > 0);
    FUZZ_CHECK(json_is_array(task->args) && json_is_object(task->kwargs));
    FUZZ_CHECK(task->retries >= 0);
    FUZZ_CHECK(task->hard_limit_ms >= 0 && task->soft_limit_ms >= 0);
    if (task->eta != TASK_NO_TIME) {
        task_time_write(task->eta, eta);
    }
}

static void
check_again(const struct task *task)
{
    char *id = slice_dup(task->id);
    char *name = slice_dup(task->name);
    struct task_params params = {
        .id = id, .name = name, .args = task->args, .kwargs = task->kwargs};
    struct task_message out = {0};
    struct task again;
    struct err err = {0};

    // A NUL ends a text of ours: such ids come, and are not sent.
    if (id[0] != '\0' && name[0] != '\0') {
        FUZZ_CHECK(task_encode(&out, &params, &err));
        FUZZ_CHECK(task_decode(&again, &out.message, &err) == TASK_GOOD);
        FUZZ_CHECK(json_equal(again.args, task->args));
        FUZZ_CHECK(json_equal(again.kwargs, task->kwargs));
        task_release(&again);
    }
    task_message_release(&out);
    free(id);
    free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make((const char *)data, size);
    struct slice line = {0};
    struct task task;
    struct err err = {0};
    struct err silent = {0};

    (void)slice_split(&body, '\n', &line);
    json_t *headers = json_text_parse(line, &silent);
    struct message message = {
        .body = slice_make(body.data, body.data ? body.len : 0),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
        .headers = headers};
    enum task_verdict verdict = task_decode(&task, &message, &err);
    FUZZ_CHECK((verdict == TASK_GOOD) == !err_is_set(&err));
    FUZZ_CHECK(verdict == TASK_GOOD || err.kind == ERR_PROTOCOL);
    if (verdict == TASK_GOOD) {
        check_good(&task);
        check_again(&task);
    }
    task_release(&task);
    json_decref(headers);
    return 0;
}
