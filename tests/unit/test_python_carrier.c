#include "fleet/python_carrier.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "stage.h"

#include "folder.h"
#include "util/alloc.h"
#include "util/buf.h"

// The test is the Python side: its main process and its pool children.
struct scene {
    struct stage stage;
    struct python_carrier *carrier;
    struct carrier *base;
    int main;         // -1: it is gone
    struct buf heard; // what came to the listener, each with '|' behind it
    uint64_t task;    // the last one
    bool refuse;      // does not serve
    bool over;
    struct err err;
};

static void
on_task(void *ctx, uint64_t task, enum carrier_task_kind kind,
        const struct sealed *sealed, bool redelivered)
{
    struct scene *scene = ctx;

    scene->task = task;
    buf_addf(&scene->heard, "%s %.*s %d|", kind == TASK_RUN ? "run" : "offer",
             SLICE_ARG(sealed->payload), redelivered);
    loop_stop(scene->stage.loop);
}

static void
on_task_gone(void *ctx, uint64_t task)
{
    struct scene *scene = ctx;

    assert_int_equal(task, scene->task);
    buf_add_text(&scene->heard, "gone|");
    loop_stop(scene->stage.loop);
}

static void
on_terminate(void *ctx, uint64_t task, int signo)
{
    struct scene *scene = ctx;

    assert_int_equal(task, scene->task);
    buf_addf(&scene->heard, "terminate %d|", signo);
    loop_stop(scene->stage.loop);
}

static void
on_control(void *ctx, const char *method, const struct sealed *sealed,
           uint64_t reply)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "%s %.*s %d|", method, SLICE_ARG(sealed->payload),
             (int)reply);
    loop_stop(scene->stage.loop);
}

static void
on_piece(void *ctx, struct slice body)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "piece %.*s|", SLICE_ARG(body));
    loop_stop(scene->stage.loop);
}

static void
on_way(void *ctx, bool up)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "way %d|", up);
}

static void
on_slots(void *ctx, int slots)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "slots %d|", slots);
    loop_stop(scene->stage.loop);
}

static void
on_stop(void *ctx, enum carrier_stop how)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "stop %d|", (int)how);
    loop_stop(scene->stage.loop);
}

static const struct carrier_events served = {
    .on_task = on_task,
    .on_task_gone = on_task_gone,
    .on_terminate = on_terminate,
    .on_control = on_control,
    .on_piece = on_piece,
    .on_way = on_way,
    .on_slots = on_slots,
    .on_stop = on_stop,
};

static void
on_hello(void *ctx, const struct python_hello *hello)
{
    struct scene *scene = ctx;
    struct err err = {0};

    assert_string_equal(hello->node, "w@h");
    assert_string_equal(hello->python, "3.11.2");
    assert_int_equal(hello->slots, 2);
    if (!scene->refuse) {
        assert_true(python_carrier_serve(scene->carrier, &served, scene, &err));
    }
    loop_stop(scene->stage.loop);
}

static void
on_over(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    scene->over = true;
    if (err != NULL) {
        scene->err = *err;
    }
    loop_stop(scene->stage.loop);
}

static const struct python_carrier_events events = {
    .on_hello = on_hello,
    .on_over = on_over,
};

static void
say(int fd, const char *line)
{
    size_t len = strlen(line);

    assert_int_equal(send(fd, line, len, 0), len);
    assert_int_equal(send(fd, "\n", 1, 0), 1);
}

/* The next line that was sent to this end of a socket. */
static void
hears(int fd, const char *wanted)
{
    char line[4096];
    size_t len = 0;

    while (len < sizeof(line) - 1 && recv(fd, line + len, 1, 0) == 1 &&
           line[len] != '\n') {
        len++;
    }
    line[len] = '\0';
    assert_string_equal(line, wanted);
}

static void
hears_the_end(int fd)
{
    char byte = 0;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void
heard(struct scene *scene, const char *wanted)
{
    assert_string_equal(buf_text(&scene->heard), wanted);
    buf_reset(&scene->heard);
}

static void
begin_silent(struct scene *scene)
{
    const struct timeval limit = {.tv_sec = 20};
    int fds[2];

    *scene = (struct scene){0};
    stage_init(&scene->stage);
    buf_init(&scene->heard, 4096);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    scene->main = fds[1];
    setsockopt(scene->main, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    scene->carrier =
        python_carrier_new(scene->stage.loop, fds[0], &events, scene);
    scene->base = python_carrier_base(scene->carrier);
}

static void
begin(struct scene *scene)
{
    begin_silent(scene);
    assert_int_equal(mkdir("private", 0700), 0);
    say(scene->main,
        "{\"msg\":\"hello\",\"protocol\":\"1.0\",\"version\":\"0\",\"pid\":1,"
        "\"node\":\"w@h\",\"slots\":2,\"python\":\"3.11.2\","
        "\"celery\":\"5.7.0\",\"socket\":\"private/tasks\"}");
    stage_run(&scene->stage);
    hears(scene->main, "{\"msg\":\"hello\",\"protocol\":\"1.0\","
                       "\"version\":\"0.1.0\"}");
}

static void
end(struct scene *scene)
{
    python_carrier_free(scene->carrier);
    if (scene->main >= 0) {
        close(scene->main);
    }
    buf_release(&scene->heard);
    stage_release(&scene->stage);
}

/* A pool child that brings a task; gives its end of the connection. */
static int
bring(struct scene *scene, const char *payload, bool redelivered)
{
    const struct timeval limit = {.tv_sec = 20};
    struct sockaddr_un address = {.sun_family = AF_UNIX,
                                  .sun_path = "private/tasks"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *line = alloc_printf(
        "{\"msg\":\"task\",\"protocol\":\"1.0\",\"kind\":\"run\","
        "\"id\":\"id-%s\",\"pid\":1,\"redelivered\":%s,\"payload\":\"%s\","
        "\"seal\":\"\"}",
        payload, redelivered ? "true" : "false", payload);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    say(fd, line);
    free(line);
    stage_run(&scene->stage);
    return fd;
}

static void
note_done(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;

    buf_addf(&scene->heard, "done%s%s|", err != NULL ? " " : "",
             err != NULL ? err->text : "");
    loop_stop(scene->stage.loop);
}

// ------------------------------------------------------------------ stories

static void
a_task_is_brought_and_its_end_is_said(void **state)
{
    struct scene scene;
    json_t *value = json_pack("{s:i}", "retcode", 0);

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", true);
    heard(&scene, "run one 1|");
    scene.base->ops->end(scene.base, scene.task, TASK_DONE, value);
    hears(child,
          "{\"msg\":\"end\",\"how\":\"done\",\"value\":{\"retcode\":0}}");
    hears_the_end(child);
    stage_turn(&scene.stage);
    heard(&scene, "");
    json_decref(value);
    end(&scene);
}

static void
tasks_end_each_in_its_way(void **state)
{
    struct scene scene;
    json_t *why = json_string("no space");

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    scene.base->ops->end(scene.base, scene.task, TASK_RETURNED, NULL);
    hears(child, "{\"msg\":\"end\",\"how\":\"returned\"}");
    hears_the_end(child);
    child = bring(&scene, "two", false);
    scene.base->ops->end(scene.base, scene.task, TASK_FAILED, why);
    hears(child, "{\"msg\":\"end\",\"how\":\"failed\",\"value\":\"no space\"}");
    hears_the_end(child);
    // One that nobody knows (any more) is nobody's.
    scene.base->ops->end(scene.base, scene.task, TASK_DONE, NULL);
    scene.base->ops->end(scene.base, 4711, TASK_DONE, NULL);
    json_decref(why);
    end(&scene);
}

static void
a_child_that_dies_takes_its_task_along(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    close(child);
    stage_run(&scene.stage);
    heard(&scene, "run one 0|gone|");
    scene.base->ops->end(scene.base, scene.task, TASK_DONE, NULL);
    end(&scene);
}

static void
a_child_that_talks_nonsense_is_dropped(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    say(child, "{\"msg\":\"stop\",\"how\":\"warm\"}");
    stage_run(&scene.stage);
    heard(&scene, "run one 0|gone|");
    hears_the_end(child);
    end(&scene);
}

static void
a_lost_connection_takes_all_tasks(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    say(scene.main, "{\"msg\":\"lost\"}");
    stage_run(&scene.stage);
    heard(&scene, "run one 0|gone|");
    hears(child, "{\"msg\":\"end\",\"how\":\"gone\"}");
    hears_the_end(child);
    end(&scene);
}

static void
what_happens_is_told(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    say(scene.main, "{\"msg\":\"terminate\",\"id\":\"id-one\",\"signal\":15}");
    stage_run(&scene.stage);
    say(scene.main, "{\"msg\":\"terminate\",\"id\":\"other\",\"signal\":15}");
    say(scene.main, "{\"msg\":\"weather\"}");
    say(scene.main, "{\"msg\":\"control\",\"method\":\"mule_lease\","
                    "\"payload\":\"p\",\"seal\":\"\",\"reply\":3}");
    stage_run(&scene.stage);
    say(scene.main, "{\"msg\":\"piece\",\"body\":\"b\"}");
    stage_run(&scene.stage);
    say(scene.main, "{\"msg\":\"way\",\"up\":true}");
    say(scene.main, "{\"msg\":\"slots\",\"slots\":3}");
    stage_run(&scene.stage);
    say(scene.main, "{\"msg\":\"stop\",\"how\":\"warm\"}");
    stage_run(&scene.stage);
    heard(&scene, "run one 0|terminate 15|mule_lease p 3|piece b|way 1|"
                  "slots 3|stop 0|");
    close(child);
    end(&scene);
}

static void
what_is_asked_is_said(void **state)
{
    struct scene scene;
    const struct carrier_ops *ops = NULL;
    json_t *value = json_pack("{s:b}", "ok", 1);

    (void)state;
    begin(&scene);
    ops = scene.base->ops;
    ops->offers(scene.base, false);
    hears(scene.main, "{\"msg\":\"offers\",\"wanted\":false}");
    ops->join(scene.base, "mule-b", 4);
    hears(scene.main, "{\"msg\":\"join\",\"queue\":\"mule-b\","
                      "\"expires_ms\":3600000,\"prefetch\":4}");
    ops->prefetch(scene.base, 8);
    hears(scene.main, "{\"msg\":\"prefetch\",\"prefetch\":8}");
    ops->reply(scene.base, 3, value);
    hears(scene.main,
          "{\"msg\":\"reply\",\"reply\":3,\"value\":{\"ok\":true}}");
    ops->listen(scene.base, "mule-ship-b-j");
    hears(scene.main, "{\"msg\":\"listen\",\"queue\":\"mule-ship-b-j\","
                      "\"expires_ms\":600000}");
    ops->listen(scene.base, NULL);
    hears(scene.main, "{\"msg\":\"listen\",\"queue\":null,"
                      "\"expires_ms\":600000}");
    ops->erase(scene.base, "mule-b", false);
    hears(scene.main, "{\"msg\":\"erase\",\"queue\":\"mule-b\","
                      "\"sure\":false}");
    json_decref(value);
    end(&scene);
}

static void
calls_end_when_python_says_so(void **state)
{
    struct scene scene;
    const struct sealed sealed = {SLICE("{\"n\":1}"), SLICE("5ea1")};

    (void)state;
    begin(&scene);
    scene.base->ops->send(scene.base, "mule-in-b", &sealed, note_done, &scene);
    hears(scene.main, "{\"msg\":\"send\",\"id\":1,\"queue\":\"mule-in-b\","
                      "\"expires_ms\":600000,\"seal\":\"5ea1\"}");
    hears(scene.main, "{\"n\":1}");
    scene.base->ops->leave(scene.base, note_done, &scene);
    hears(scene.main, "{\"msg\":\"leave\",\"id\":2}");
    say(scene.main, "{\"msg\":\"done\",\"id\":2}");
    stage_run(&scene.stage);
    heard(&scene, "done|");
    say(scene.main, "{\"msg\":\"done\",\"id\":2}");
    say(scene.main, "{\"msg\":\"done\",\"id\":1,\"why\":\"no way\"}");
    stage_run(&scene.stage);
    heard(&scene, "done no way|");
    end(&scene);
}

static void
a_main_process_that_hangs_is_not_waited_for(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.base->ops->leave(scene.base, note_done, &scene);
    scene.base->ops->leave(scene.base, note_done, &scene);
    stage_run(&scene.stage);
    heard(&scene, "done the Python worker does not answer|"
                  "done the Python worker does not answer|");
    say(scene.main, "{\"msg\":\"done\",\"id\":1}");
    stage_turn(&scene.stage);
    heard(&scene, "");
    end(&scene);
}

static void
without_its_main_process_everything_ends(void **state)
{
    struct scene scene;
    const struct sealed sealed = {SLICE("{}"), {0}};

    (void)state;
    begin(&scene);
    int child = bring(&scene, "one", false);
    scene.base->ops->leave(scene.base, note_done, &scene);
    close(scene.main);
    scene.main = -1;
    stage_run(&scene.stage);
    stage_turn(&scene.stage);
    heard(&scene,
          "run one 0|gone|way 0|stop 2|done the Python worker is gone|");
    hears(child, "{\"msg\":\"end\",\"how\":\"gone\"}");
    close(child);
    // What is asked from now on is not done, and said so from the loop.
    scene.base->ops->offers(scene.base, true);
    scene.base->ops->send(scene.base, "q", &sealed, note_done, &scene);
    heard(&scene, "");
    stage_run(&scene.stage);
    heard(&scene, "done the Python worker is gone|");
    assert_int_equal(access("private", F_OK), 0);
    scene.base->ops->stopped(scene.base);
    assert_false(scene.over);
    stage_run(&scene.stage);
    assert_true(scene.over);
    assert_int_equal(access("private", F_OK), -1);
    end(&scene);
}

static void
it_ends_when_nothing_is_left_to_do(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    scene.base->ops->stopped(scene.base);
    hears(scene.main, "{\"msg\":\"stopped\"}");
    stage_run(&scene.stage);
    assert_true(scene.over);
    assert_false(err_is_set(&scene.err));
    // The folder is Python's, which may start another one.
    assert_int_equal(access("private/tasks", F_OK), -1);
    assert_int_equal(rmdir("private"), 0);
    end(&scene);
}

static void
who_does_not_greet_is_not_served(void **state)
{
    static const char *const lines[] = {
        "{\"msg\":\"way\",\"up\":true}",
        "{\"msg\":\"hello\",\"protocol\":\"2.0\"}",
        "nonsense",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct scene scene;
        begin_silent(&scene);
        say(scene.main, lines[i]);
        stage_run(&scene.stage);
        assert_true(scene.over);
        assert_int_equal(scene.err.kind, ERR_PROTOCOL);
        end(&scene);
    }
}

static void
a_second_greeting_is_the_end(void **state)
{
    struct scene scene;

    (void)state;
    begin(&scene);
    say(scene.main,
        "{\"msg\":\"hello\",\"protocol\":\"1.0\",\"version\":\"0\",\"pid\":1,"
        "\"node\":\"w@h\",\"slots\":2,\"python\":\"3\",\"celery\":\"5\","
        "\"socket\":\"private/other\"}");
    stage_run(&scene.stage);
    heard(&scene, "way 0|stop 2|");
    end(&scene);
}

#define STORY(name) \
    cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

static const struct CMUnitTest tests[] = {
    STORY(a_task_is_brought_and_its_end_is_said),
    STORY(tasks_end_each_in_its_way),
    STORY(a_child_that_dies_takes_its_task_along),
    STORY(a_child_that_talks_nonsense_is_dropped),
    STORY(a_lost_connection_takes_all_tasks),
    STORY(what_happens_is_told),
    STORY(what_is_asked_is_said),
    STORY(calls_end_when_python_says_so),
    STORY(a_main_process_that_hangs_is_not_waited_for),
    STORY(without_its_main_process_everything_ends),
    STORY(it_ends_when_nothing_is_left_to_do),
    STORY(who_does_not_greet_is_not_served),
    STORY(a_second_greeting_is_the_end),
};

CHECK_MAIN(tests)
