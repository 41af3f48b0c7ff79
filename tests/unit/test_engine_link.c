#include "fleet/engine_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/buf.h"

#define PATIENCE_MS 20000

/* What an engine told, as one line for each event. */
struct told {
    struct loop *loop;
    struct guardians *guardians;
    struct deadline patience;
    struct engine_link *link;
    struct buf text;
    bool gone;
};

static void
on_hello(void *ctx)
{
    struct told *told = ctx;

    buf_add_text(&told->text, "hello\n");
    if (told->link != NULL) {
        told->link->ops->send(told->link, SLICE("{\"msg\":\"plan\"}"));
    }
}

static void
on_updates(void *ctx, struct slice list)
{
    struct told *told = ctx;
    buf_addf(&told->text, "updates %.*s\n", SLICE_ARG(list));
}

static void
on_ready(void *ctx, uint64_t us)
{
    struct told *told = ctx;
    buf_addf(&told->text, "ready %d\n", (int)us);
}

static void
on_failed(void *ctx, struct slice why)
{
    struct told *told = ctx;
    buf_addf(&told->text, "failed %.*s\n", SLICE_ARG(why));
}

static void
on_left(void *ctx, bool ok, struct slice why, uint64_t us)
{
    struct told *told = ctx;
    buf_addf(&told->text, "left %d %.*s %d\n", ok, SLICE_ARG(why), (int)us);
}

static void
on_other(void *ctx, struct slice msg, json_t *object)
{
    struct told *told = ctx;
    assert_true(json_is_object(object));
    buf_addf(&told->text, "other %.*s\n", SLICE_ARG(msg));
}

static void
on_gone(void *ctx, const char *why)
{
    struct told *told = ctx;
    buf_addf(&told->text, "gone: %s\n", why);
    told->gone = true;
    told->link = NULL;
    if (told->loop != NULL) {
        loop_stop(told->loop);
    }
}

static const struct engine_link_events events = {
    .on_hello = on_hello,
    .on_updates = on_updates,
    .on_ready = on_ready,
    .on_failed = on_failed,
    .on_left = on_left,
    .on_other = on_other,
    .on_gone = on_gone,
};

static void
assert_tells(const char *line, const char *wanted)
{
    struct told told = {.text = BUF_INIT(4096)};
    struct err err = {0};
    bool fine = engine_link_tell(slice_of(line), &events, &told, &err);

    assert_int_equal(fine, wanted != NULL);
    assert_int_equal(err_is_set(&err), wanted == NULL);
    assert_string_equal(buf_text(&told.text), wanted != NULL ? wanted : "");
    buf_release(&told.text);
}

static void
each_line_is_an_event(void **state)
{
    (void)state;
    assert_tells("{\"msg\":\"hello\",\"protocol\":\"1.3\"}", "hello\n");
    assert_tells("{\"msg\":\"u\",\"u\":[{\"k\":\"said\"},{}]}",
                 "updates {\"k\":\"said\"},{}\n");
    assert_tells("{\"msg\":\"u\",\"u\":[]}", "updates \n");
    assert_tells("{\"msg\":\"ready\",\"us\":7}", "ready 7\n");
    assert_tells("{\"msg\":\"failed\",\"why\":\"no\"}", "failed no\n");
    assert_tells("{\"msg\":\"left\",\"ok\":false,\"why\":\"x\",\"us\":9}",
                 "left 0 x 9\n");
    assert_tells("{\"msg\":\"news\",\"of\":1}", "other news\n");
}

static void
lines_that_make_no_sense_are_errors(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "[]",
        "{}",
        "{\"msg\":7}",
        "{\"msg\":\"hello\"}",
        "{\"msg\":\"hello\",\"protocol\":\"2.0\"}",
        "{\"msg\":\"left\"}",
        "{\"msg\":\"ready\",\"us\":-1}",
        "{\"msg\":\"u\",\"u\":[",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_tells(lines[i], NULL);
    }
}

static void
on_late(void *ctx)
{
    (void)ctx;
    fail_msg("it did not come in time");
}

static int
begin(void **state)
{
    static const struct guardians_events none = {0};
    struct told *told = ALLOC(struct told);
    struct err err = {0};

    buf_init(&told->text, 65536);
    told->loop = loop_new();
    told->guardians = guardians_new(
        told->loop, &(struct guardians_params){.count = 1}, &none, told, &err);
    deadline_init(&told->patience, told->loop, on_late, told);
    deadline_arm(&told->patience, PATIENCE_MS);
    *state = told;
    return told->guardians != NULL ? 0 : -1;
}

static void
on_guardians_gone(void *ctx)
{
    struct told *told = ctx;
    loop_stop(told->loop);
}

static int
finish(void **state)
{
    struct told *told = *state;

    guardians_stop(told->guardians, on_guardians_gone, told);
    loop_run(told->loop);
    guardians_free(told->guardians);
    deadline_release(&told->patience);
    loop_free(told->loop);
    buf_release(&told->text);
    free(told);
    return 0;
}

// An engine in Python, which the build needs anyway.
#define ENGINE_HEAD                                         \
    "import os, signal, socket, sys\n"                      \
    "s = socket.socket(socket.AF_UNIX)\n"                   \
    "s.connect(os.environ['MULE_SOCKET'])\n"                \
    "f = s.makefile('rwb')\n"                               \
    "def say(t): f.write(t.encode() + b'\\n'); f.flush()\n" \
    "say('{\"msg\":\"hello\",\"protocol\":\"1.0\"}')\n"     \
    "assert b'plan' in f.readline()\n"

static void
run_engine(struct told *told, const char *program)
{
    const char *const words[] = {"python3", "-c", program, NULL};
    struct engine_link_params params = {
        .loop = told->loop,
        .guardians = told->guardians,
        .words = words,
    };
    struct err err = {0};

    told->link = engine_link_start(&params, &events, told, &err);
    assert_non_null(told->link);
    while (!told->gone) {
        loop_run(told->loop);
    }
}

static void
an_engine_greets_speaks_and_ends(void **state)
{
    struct told *told = *state;

    run_engine(told,
               ENGINE_HEAD "say('{\"msg\":\"ready\",\"us\":1}')\n"
                           "say('{\"msg\":\"left\",\"ok\":true,\"us\":2}')\n");
    assert_string_equal(buf_text(&told->text),
                        "hello\nready 1\nleft 1  2\n"
                        "gone: it ended with status 0\n");
}

static void
the_last_words_of_an_engine_that_is_killed_are_heard(void **state)
{
    struct told *told = *state;

    run_engine(told, ENGINE_HEAD
               "for i in range(1000): say('{\"msg\":\"u\",\"u\":[]}')\n"
               "os.kill(os.getpid(), signal.SIGKILL)\n");
    struct slice text = buf_slice(&told->text);
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.data[i] == '\n';
    }
    assert_int_equal(lines, 1002);
    assert_true(
        slice_ends_with(text, SLICE("gone: it was killed by signal 9\n")));
}

static void
an_engine_that_speaks_nonsense_is_ended(void **state)
{
    struct told *told = *state;

    run_engine(told, ENGINE_HEAD "say('nonsense')\n"
                                 "f.readline()\nsignal.pause()\n");
    assert_non_null(
        strstr(buf_text(&told->text), "gone: it said what it must not say"));
}

static void
an_engine_that_cannot_be_started_is_gone(void **state)
{
    struct told *told = *state;
    const char *const words[] = {"/nowhere/mule", NULL};
    struct engine_link_params params = {
        .loop = told->loop, .guardians = told->guardians, .words = words};
    struct err err = {0};

    told->link = engine_link_start(&params, &events, told, &err);
    assert_non_null(told->link);
    while (!told->gone) {
        loop_run(told->loop);
    }
    assert_non_null(
        strstr(buf_text(&told->text), "gone: it could not be started"));
}

static void
an_engine_that_never_greets_is_ended(void **state)
{
    struct told *told = *state;
    const char *const words[] = {"sleep", "1000", NULL};
    struct engine_link_params params = {.loop = told->loop,
                                        .guardians = told->guardians,
                                        .words = words,
                                        .hello_ms = 50};
    struct err err = {0};

    told->link = engine_link_start(&params, &events, told, &err);
    while (!told->gone) {
        loop_run(told->loop);
    }
    assert_string_equal(buf_text(&told->text),
                        "gone: it did not connect in time\n");
}

static void
an_engine_is_killed_when_asked(void **state)
{
    struct told *told = *state;
    const char *const words[] = {"sleep", "1000", NULL};
    struct engine_link_params params = {
        .loop = told->loop, .guardians = told->guardians, .words = words};
    struct err err = {0};

    told->link = engine_link_start(&params, &events, told, &err);
    told->link->ops->kill(told->link);
    while (!told->gone) {
        loop_run(told->loop);
    }
    assert_string_equal(buf_text(&told->text), "gone: it was killed\n");
}

#define WITH_GUARDIANS(test) \
    cmocka_unit_test_setup_teardown(test, begin, finish)

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_line_is_an_event),
    cmocka_unit_test(lines_that_make_no_sense_are_errors),
    WITH_GUARDIANS(an_engine_greets_speaks_and_ends),
    WITH_GUARDIANS(the_last_words_of_an_engine_that_is_killed_are_heard),
    WITH_GUARDIANS(an_engine_that_speaks_nonsense_is_ended),
    WITH_GUARDIANS(an_engine_that_cannot_be_started_is_gone),
    WITH_GUARDIANS(an_engine_that_never_greets_is_ended),
    WITH_GUARDIANS(an_engine_is_killed_when_asked),
};

CHECK_MAIN(tests)
