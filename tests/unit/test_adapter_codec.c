#include "adapter/adapter_codec.h"

#include <dirent.h>

#include "tests/unit/check.h"
#include "tests/unit/golden.h"

static void
assert_slice(struct slice slice, const char *text)
{
    char *copy = slice_dup(slice);

    assert_string_equal(copy, text);
    free(copy);
}

// Decodes a file of tests/golden/adapter/said/ into `message`.
static struct buf
decode_golden(struct adapter_message *message, const char *name)
{
    struct buf path = BUF_INIT(4096);
    struct err err = {0};

    buf_addf(&path, "adapter/said/%s", name);
    struct buf bytes = golden_read(buf_text(&path));
    buf_release(&path);
    struct slice line = slice_trim_end(buf_slice(&bytes));
    if (!adapter_message_decode(message, line, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    return bytes;
}

static void
every_recorded_message_is_of_the_kind_in_its_name(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    DIR *folder = opendir("tests/golden/adapter/said");
    bool seen[ADAPTER_KIND_COUNT] = {false};

    assert_non_null(folder);
    struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    while ((entry = readdir(folder)) != NULL) {
        struct slice name = slice_of(entry->d_name);

        if (!slice_ends_with(name, SLICE(".json"))) {
            continue;
        }
        struct buf bytes = decode_golden(&message, entry->d_name);
        struct slice kind = slice_first(name, name.len - strlen(".json"));
        kind = slice_first(kind, slice_find(kind, '-'));
        assert_slice(kind, adapter_kind_name(message.kind));
        seen[message.kind] = true;
        buf_release(&bytes);
    }
    closedir(folder);
    for (int i = 0; i < ADAPTER_KIND_COUNT; i++) {
        if (!seen[i]) {
            fail_msg("no recorded message is \"%s\"",
                     adapter_kind_name((enum adapter_kind)i));
        }
    }
    adapter_message_release(&message);
}

static void
a_greeting_tells_who_speaks_and_what_it_can(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "hello-worker.json");
    const struct adapter_hello *hello = &message.hello;

    assert_int_equal(hello->major, 1);
    assert_int_equal(hello->minor, 0);
    assert_int_equal(hello->role, ADAPTER_WORKER);
    assert_int_equal(hello->slot, 3);
    assert_int_equal(hello->pid, 4712);
    assert_slice(hello->adapter, "mule.unittest");
    assert_slice(hello->language, "Python 3.11.2");
    assert_int_equal(hello->can,
                     ADAPTER_CAN_RUN | ADAPTER_CAN_PAGE | ADAPTER_CAN_PROCESS);
    assert_int_equal(hello->dump_signal, 62);
    assert_false(hello->resume);
    buf_release(&bytes);

    bytes = decode_golden(&message, "hello-zygote.json");
    assert_int_equal(hello->role, ADAPTER_ZYGOTE);
    assert_int_equal(hello->slot, -1);
    assert_int_equal(hello->can, ADAPTER_CAN_COLLECT | ADAPTER_CAN_FORK);
    buf_release(&bytes);

    bytes = decode_golden(&message, "hello-resume.json");
    assert_true(hello->resume);
    assert_int_equal(hello->resume_job, 7);
    assert_int_equal(hello->resume_attempt, 1);
    assert_int_equal(hello->resume_sent, 12);
    buf_release(&bytes);
    adapter_message_release(&message);
}

static void
of_another_major_protocol_only_the_version_is_read(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "hello-other_major.json");

    assert_int_equal(message.hello.major, 2);
    assert_int_equal(message.hello.minor, 3);
    assert_slice(message.hello.protocol, "2.3");
    buf_release(&bytes);
    adapter_message_release(&message);
}

static void
a_job_comes_with_its_items(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "job.json");
    const struct adapter_job *job = &message.job;

    assert_slice(job->params.name, "tests.test_login.Login");
    assert_slice(job->params.file, "tests/test_login.py");
    assert_slice(job->params.load, "tests.test_login");
    assert_int_equal(job->params.kind, JOB_CLASS);
    assert_int_equal(job->params.flags, 0);
    assert_int_equal(job->count, 2);
    assert_slice(job->items[0].id, ".test_bad_password");
    assert_int_equal(job->items[0].line, 12);
    assert_slice(job->items[1].id, ".test_ok");
    assert_int_equal(job->items[1].line, 20);
    buf_release(&bytes);

    bytes = decode_golden(&message, "job-unicode.json");
    assert_int_equal(job->params.kind, JOB_MODULE);
    assert_int_equal(job->params.flags, JOB_ALONE | JOB_SPAWN);
    assert_slice(job->items[0].id, ".test_\"quoted\"");
    assert_slice(job->items[1].id, "tests.test_é.Größe.test_日本");
    buf_release(&bytes);

    bytes = decode_golden(&message, "job-empty.json");
    assert_int_equal(job->count, 0);
    assert_int_equal(job->params.file.len, 0);
    buf_release(&bytes);
    adapter_message_release(&message);
}

static void
a_result_comes_with_its_findings_and_places(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "finished.json");
    const struct adapter_finished *finished = &message.finished;
    const struct outcome *outcome = &finished->outcome;

    assert_int_equal(finished->item, 122);
    assert_int_equal(outcome->state, STATE_FAILED);
    assert_int_equal(outcome->us, 1504);
    assert_true(outcome->ran);
    assert_true(outcome->counted);
    assert_int_equal(finished->out.first, 0);
    assert_int_equal(finished->out.end, 13);
    assert_int_equal(finished->err.end, 0);
    assert_int_equal(outcome->finding_count, 2);
    assert_int_equal(outcome->findings[0].kind, FINDING_FAILURE);
    assert_slice(outcome->findings[0].where, "subtest");
    assert_slice(outcome->findings[0].sub, "(i=1)");
    assert_slice(outcome->findings[0].type, "AssertionError");
    assert_slice(outcome->findings[0].message, "1 != 2");
    assert_slice(outcome->findings[0].file, "tests/test_login.py");
    assert_int_equal(outcome->findings[0].line, 12);
    assert_int_equal(outcome->findings[1].kind, FINDING_ERROR);
    assert_slice(outcome->findings[1].where, "tearDown");
    assert_int_equal(outcome->findings[1].line, 0);
    buf_release(&bytes);

    bytes = decode_golden(&message, "finished-skipped.json");
    assert_int_equal(outcome->state, STATE_SKIPPED);
    assert_slice(outcome->reason, "no network");
    assert_false(outcome->ran);
    assert_false(outcome->counted);
    assert_int_equal(outcome->finding_count, 0);
    buf_release(&bytes);

    bytes = decode_golden(&message, "finished-not_run.json");
    assert_int_equal(outcome->state, STATE_NOT_RUN);
    assert_false(outcome->ran);
    buf_release(&bytes);

    bytes = decode_golden(&message, "fixture.json");
    assert_slice(finished->id, "setUpClass (tests.test_login.Login)");
    assert_int_equal(finished->item, ITEM_NONE);
    assert_int_equal(outcome->state, STATE_ERROR);
    buf_release(&bytes);
    adapter_message_release(&message);
}

static void
the_ends_of_processes_and_jobs_are_told(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "exited.json");

    assert_int_equal(message.slot.slot, 0);
    assert_int_equal(message.slot.pid, 4712);
    assert_int_equal(message.slot.status, 139);
    assert_int_equal(message.slot.usage.user_us, 1200);
    assert_int_equal(message.slot.usage.system_us, 300);
    assert_int_equal(message.slot.usage.maxrss_kib, 9000);
    buf_release(&bytes);

    bytes = decode_golden(&message, "done.json");
    assert_int_equal(message.progress.job, 7);
    assert_int_equal(message.progress.us, 2000);
    assert_int_equal(message.progress.out.end, 13);
    assert_int_equal(message.progress.err.end, 40);
    assert_int_equal(message.progress.usage.user_us, 1200);
    buf_release(&bytes);

    bytes = decode_golden(&message, "exit.json");
    assert_int_equal(message.progress.pid, 4713);
    assert_false(message.progress.leak);
    buf_release(&bytes);
    adapter_message_release(&message);
}

static void
passes_come_in_batches(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "passed.json");

    assert_int_equal(message.passed.count, 2);
    assert_int_equal(message.passed.items[0].item, 120);
    assert_int_equal(message.passed.items[0].us, 183);
    assert_int_equal(message.passed.items[1].item, 121);
    assert_int_equal(message.passed.items[1].us, 90);
    buf_release(&bytes);
    adapter_message_release(&message);
}

// Each line is a breach; the error names message and member.
static const struct breach {
    const char *line;
    const char *error;
} breaches[] = {
    {"", "a line that is no message"},
    {"hello", "a line that is no message"},
    {"[1]", "a line that is no message"},
    {"{\"msg\":\"started\",\"item\":1} {", "a line that is no message"},
    {"{\"item\":1}", "field \"msg\" is missing"},
    {"{\"msg\":7}", "field \"msg\" is a number"},
    {"{\"msg\":\"started\"}", "message \"started\": field \"item\" is missing"},
    {"{\"msg\":\"started\",\"item\":\"1\"}", "field \"item\" is a text"},
    {"{\"msg\":\"started\",\"item\":-1}", "field \"item\" is -1"},
    {"{\"msg\":\"started\",\"item\":4294967295}", "field \"item\""},
    {"{\"msg\":\"hello\"}", "message \"hello\": field \"protocol\" is missing"},
    {"{\"msg\":\"hello\",\"protocol\":\"one\"}", "field \"protocol\""},
    {"{\"msg\":\"hello\",\"protocol\":\"10\"}", "field \"protocol\""},
    {"{\"msg\":\"hello\",\"protocol\":\"1.0\",\"role\":\"boss\",\"pid\":2}",
     "field \"role\""},
    {"{\"msg\":\"hello\",\"protocol\":\"1.0\",\"role\":\"worker\",\"pid\":0}",
     "field \"pid\""},
    {"{\"msg\":\"hello\",\"protocol\":\"1.0\",\"role\":\"worker\",\"pid\":2,"
     "\"can\":[1]}",
     "field \"can\""},
    {"{\"msg\":\"hello\",\"protocol\":\"1.0\",\"role\":\"worker\",\"pid\":2,"
     "\"resume\":{\"job\":1,\"sent\":2}}",
     "field \"resume\": field \"attempt\" is missing"},
    {"{\"msg\":\"job\",\"name\":\"\",\"kind\":\"class\",\"items\":[]}",
     "message \"job\": field \"name\" is empty"},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"command\",\"items\":[]}",
     "field \"kind\" is \"command\""},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\"}",
     "field \"items\" is missing"},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\"\",1]]}",
     "element 0 of \"items\""},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\".b\",1],"
     "[\".c\"]]}",
     "element 1 of \"items\""},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\".b\",1]]"
     ",\"alone\":1}",
     "field \"alone\""},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\".b\",1]]"
     ",\"rank\":16}",
     "field \"rank\""},
    {"{\"msg\":\"job\",\"name\":\"a\",\"kind\":\"class\",\"items\":[[\".b\",1]]"
     ",\"rank\":-1}",
     "field \"rank\""},
    {"{\"msg\":\"passed\",\"items\":[[1]]}", "element 0 of \"items\""},
    {"{\"msg\":\"passed\",\"items\":[[1,2],[1,-2]]}", "element 1 of \"items\""},
    {"{\"msg\":\"passed\",\"items\":[[1,1.5]]}", "element 0 of \"items\""},
    {"{\"msg\":\"finished\",\"item\":1,\"state\":\"great\"}",
     "message \"finished\": field \"state\" is \"great\""},
    {"{\"msg\":\"finished\",\"item\":1,\"state\":\"crashed\"}",
     "field \"state\" is \"crashed\""},
    {"{\"msg\":\"finished\",\"item\":1,\"state\":\"passed\",\"out\":[3,1]}",
     "field \"out\""},
    {"{\"msg\":\"finished\",\"item\":1,\"state\":\"failed\",\"findings\":[{"
     "\"kind\":\"bug\"}]}",
     "finding 0: field \"kind\" is \"bug\""},
    {"{\"msg\":\"fixture\",\"id\":\"\",\"state\":\"error\"}",
     "message \"fixture\": field \"id\" is empty"},
    {"{\"msg\":\"exited\",\"slot\":0,\"pid\":1,\"status\":70000}",
     "field \"status\""},
    {"{\"msg\":\"exited\",\"slot\":70000,\"pid\":1,\"status\":0}",
     "field \"slot\""},
    {"{\"msg\":\"done\",\"job\":1,\"rusage\":{\"user_us\":\"much\"}}",
     "field \"rusage\": field \"user_us\""},
    {"{\"msg\":\"warning\",\"text\":\"\xff\"}", "a line that is no message"},
};

static void
what_is_wrong_is_named(void **state)
{
    (void)state;
    struct adapter_message message = {0};

    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
        struct err err = {0};

        if (adapter_message_decode(&message, slice_of(breaches[i].line),
                                   &err)) {
            fail_msg("%s was taken", breaches[i].line);
        }
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_int_equal(message.kind, ADAPTER_OTHER);
        if (strstr(err.text, breaches[i].error) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", breaches[i].line,
                     err.text, breaches[i].error);
        }
    }
    adapter_message_release(&message);
}

static void
a_batch_of_more_than_64_passes_is_an_error(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf line = BUF_INIT(4096);
    struct err err = {0};

    buf_add_text(&line, "{\"msg\":\"passed\",\"items\":[[0,0]");
    for (int i = 1; i < 64; i++) {
        buf_addf(&line, ",[%d,0]", i);
    }
    size_t full = line.len;
    buf_add_text(&line, "]}");
    assert_true(adapter_message_decode(&message, buf_slice(&line), &err));
    assert_int_equal(message.passed.count, 64);
    buf_cut(&line, full);
    buf_add_text(&line, ",[64,0]]}");
    assert_false(adapter_message_decode(&message, buf_slice(&line), &err));
    assert_non_null(strstr(err.text, "message \"passed\""));
    buf_release(&line);
    adapter_message_release(&message);
}

static void
a_message_can_be_decoded_into_again(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct err err = {0};

    assert_true(adapter_message_decode(
        &message,
        SLICE("{\"msg\":\"hello\",\"protocol\":\"1.0\",\"role\":\"worker\","
              "\"slot\":4,\"pid\":2,\"dump_signal\":3}"),
        &err));
    assert_true(adapter_message_decode(
        &message, SLICE("{\"msg\":\"done\",\"job\":4}"), &err));
    assert_int_equal(message.progress.us, 0);
    assert_int_equal(message.progress.usage.maxrss_kib, 0);
    assert_int_equal(message.progress.out.end, 0);
    adapter_message_release(&message);
    adapter_message_release(&message);
}

static void
what_an_adapter_prepares_and_leaves_is_told(void **state)
{
    (void)state;
    struct adapter_message message = {0};
    struct buf bytes = decode_golden(&message, "hello-prepare.json");

    assert_int_equal(message.hello.minor, 1);
    assert_int_equal(message.hello.can, ADAPTER_CAN_COLLECT | ADAPTER_CAN_FORK |
                                            ADAPTER_CAN_PREPARE |
                                            ADAPTER_CAN_TIDY);
    buf_release(&bytes);
    bytes = decode_golden(&message, "preparing.json");
    assert_slice(message.preparing, "creating database test_shop");
    buf_release(&bytes);
    bytes = decode_golden(&message, "unfit.json");
    assert_slice(message.unfit.reason, "no database server at 127.0.0.1:5432");
    assert_slice(message.unfit.hint, "start it, or name another in DATABASES");
    buf_release(&bytes);
    bytes = decode_golden(&message, "note.json");
    assert_true(message.note.warning);
    assert_slice(message.note.text,
                 "2 databases of a build that died were dropped");
    assert_slice(message.note.hint, "--keepdb keeps them");
    buf_release(&bytes);
    adapter_message_release(&message);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_recorded_message_is_of_the_kind_in_its_name),
    cmocka_unit_test(a_greeting_tells_who_speaks_and_what_it_can),
    cmocka_unit_test(of_another_major_protocol_only_the_version_is_read),
    cmocka_unit_test(a_job_comes_with_its_items),
    cmocka_unit_test(a_result_comes_with_its_findings_and_places),
    cmocka_unit_test(the_ends_of_processes_and_jobs_are_told),
    cmocka_unit_test(passes_come_in_batches),
    cmocka_unit_test(what_an_adapter_prepares_and_leaves_is_told),
    cmocka_unit_test(what_is_wrong_is_named),
    cmocka_unit_test(a_batch_of_more_than_64_passes_is_an_error),
    cmocka_unit_test(a_message_can_be_decoded_into_again),
};

CHECK_MAIN(tests)
