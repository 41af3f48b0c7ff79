#include "check.h"

#include <jansson.h>
#include <sys/stat.h>

#include "golden.h"
#include "play.h"
#include "report/trace.h"
#include "util/path.h"

struct scene {
    char *folder;
    char *path;
    struct play play;
};

static void
scene_open(struct scene *scene)
{
    struct err err = {0};

    scene->folder = strdup("/tmp/mule-test-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->path = path_join(scene->folder, "trace.json");
    scene->play = (struct play){.sink = trace_new(scene->path, &err)};
    if (scene->play.sink == NULL) {
        fail_msg("%s", err.text);
    }
}

static void
scene_close(struct scene *scene)
{
    struct err err = {0};

    if (scene->play.sink != NULL) {
        scene->play.sink->ops->free(scene->play.sink);
    }
    assert_true(path_remove_tree(scene->folder, &err));
    free(scene->folder);
    free(scene->path);
}

static char *
scene_text(struct scene *scene)
{
    size_t size = 0;
    FILE *file = fopen(scene->path, "rb");

    if (file == NULL) {
        fail_msg("no %s", scene->path);
    }
    char *text = play_read(file, &size);
    (void)fclose(file);
    return text;
}

// The trace as a reader sees it, once the run ended; to be released.
static json_t *
scene_load(struct scene *scene)
{
    json_error_t error = {0};

    scene->play.sink->ops->free(scene->play.sink);
    scene->play.sink = NULL;
    char *text = scene_text(scene);
    json_t *trace = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (trace == NULL) {
        fail_msg("%s at %d in:\n%s", error.text, error.position, text);
    }
    free(text);
    return trace;
}

static int64_t
number_of(const json_t *event, const char *member)
{
    const json_t *number = json_object_get(event, member);

    assert_true(json_is_integer(number));
    return json_integer_value(number);
}

static const char *
text_of(const json_t *event, const char *member)
{
    const char *text = json_string_value(json_object_get(event, member));

    return text != NULL ? text : "";
}

// What a viewer demands: on each thread slices follow or contain each other.
// Gives the number of slices.
static int
check_nesting(const json_t *trace)
{
    enum {
        MOST_THREADS = 64,
        MOST_DEEP = 8
    };
    struct {
        int64_t key;
        int64_t last; // where the newest slice ends, in the innermost job
        int depth;
    } threads[MOST_THREADS] = {0};
    const json_t *events = json_object_get(trace, "traceEvents");
    const json_t *event = NULL;
    size_t at = 0;
    int slices = 0;

    json_array_foreach(events, at, event)
    {
        char phase = text_of(event, "ph")[0];
        int64_t key =
            number_of(event, "pid") * 100000 + number_of(event, "tid");
        int64_t ts = number_of(event, "ts");
        int i = 0;
        if (phase != 'B' && phase != 'E' && phase != 'X') {
            continue;
        }
        while (threads[i].key != 0 && threads[i].key != key) {
            i++;
            assert_true(i < MOST_THREADS);
        }
        threads[i].key = key;
        assert_true(ts >= threads[i].last);
        threads[i].last = ts;
        if (phase == 'X') {
            threads[i].last = ts + number_of(event, "dur");
        } else {
            threads[i].depth += phase == 'B' ? 1 : -1;
            assert_true(threads[i].depth >= 0 && threads[i].depth < MOST_DEEP);
        }
        slices += phase != 'E';
    }
    for (int i = 0; i < MOST_THREADS; i++) {
        assert_int_equal(threads[i].depth, 0);
    }
    return slices;
}

static void
play_worker(struct play *play, enum worker_what what, const char *node,
            const char *host, int base)
{
    struct event event = {
        .kind = EVENT_WORKER,
        .worker = {.what = what,
                   .node = node,
                   .host = host,
                   .kind = "native",
                   .base = base,
                   .slots = 2,
                   .us = what == WORKER_JOINED ? 1500 : 0,
                   .text = what == WORKER_LOST ? SLICE("no sign of life")
                                               : SLICE("")},
    };
    play_event(play, event);
}

static void
play_on(struct play *play, enum event_kind kind, const char *worker,
        const char *name, int slot)
{
    const struct finding finding = {.kind = FINDING_FAILURE,
                                    .message = SLICE("1 != 2")};
    const struct outcome outcome = {.state = STATE_FAILED,
                                    .us = 400,
                                    .findings = &finding,
                                    .finding_count = 1};
    struct event event = {.kind = kind};

    if (kind == EVENT_JOB_STARTED || kind == EVENT_JOB_FINISHED) {
        event.job = (struct event_job){.name = name,
                                       .file = "t.py",
                                       .slot = slot,
                                       .attempt = 1,
                                       .process = 7,
                                       .expect_us = 1000,
                                       .worker = worker,
                                       .usage = {300, 100, 20480}};
    } else {
        event.test = (struct event_test){.id = name,
                                         .job = "t.B",
                                         .file = "t.py",
                                         .line = 3,
                                         .slot = slot,
                                         .attempt = 1,
                                         .tries = 2,
                                         .process = 7,
                                         .worker = worker,
                                         .began_us = play->us,
                                         .us = 400,
                                         .outcome = &outcome};
        play->us += 400;
    }
    play_event(play, event);
}

static void
play_everything(struct play *play)
{
    play_start(play, 2);
    play->us = 1000;
    play_event(play, (struct event){.kind = EVENT_SCRIPT_FINISHED,
                                    .script = {.name = "setup",
                                               .workspace = "db",
                                               .ok = true,
                                               .us = 700}});
    play->us = 3000;
    play_collected(play, 4, 2);
    play_event(play,
               (struct event){.kind = EVENT_PREPARED, .prepared_us = 500});
    play_worker(play, WORKER_JOINED, "mule@far", "far", 2);
    play_job(play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_state(play, "t.A.test_a", STATE_PASSED);
    play_state(play, "t.A.test_b", STATE_SKIPPED);
    play_on(play, EVENT_JOB_STARTED, "mule@far", "t.B", 2);
    play_on(play, EVENT_TEST_ATTEMPT, "mule@far", "t.B.test_c", 2);
    play_on(play, EVENT_TEST_FINISHED, "mule@far", "t.B.test_c", 2);
    play_on(play, EVENT_JOB_FINISHED, "mule@far", "t.B", 2);
    play_job(play, EVENT_JOB_FINISHED, "t.A", 0, 2000);
    play_event(play, (struct event){.kind = EVENT_LEAKED,
                                    .leak = {"t.A", "", 77, "sleep 9"}});
    play_note(play, NOTE_WARNING, "3 threads", "use --start spawn");
    play_worker(play, WORKER_LOST, "mule@far", "far", 2);
    play_event(play, (struct event){.kind = EVENT_STOPPING,
                                    .stopping = {STOP_FAILURES, NULL}});
    play_end(play, STOP_FAILURES, 1);
}

static void
a_trace_is_the_recorded_one(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene);
    play_everything(&scene.play);
    char *text = scene_text(&scene);
    struct buf golden = golden_read("trace/everything.json");
    assert_string_equal(text, buf_text(&golden));
    buf_release(&golden);
    free(text);
    scene_close(&scene);
}

static void
hosts_are_processes_and_slots_are_threads(void **state)
{
    struct scene scene;
    const json_t *event = NULL;
    size_t at = 0;
    int hosts = 0;
    int slots = 0;
    (void)state;

    scene_open(&scene);
    play_everything(&scene.play);
    json_t *trace = scene_load(&scene);
    json_array_foreach(json_object_get(trace, "traceEvents"), at, event)
    {
        const char *name = text_of(json_object_get(event, "args"), "name");
        hosts += strcmp(text_of(event, "name"), "process_name") == 0;
        slots += strncmp(name, "slot ", 5) == 0;
    }
    assert_int_equal(hosts, 2);
    assert_int_equal(slots, 2);
    assert_int_equal(check_nesting(trace), 6);
    json_decref(trace);
    scene_close(&scene);
}

// Clocks of other machines, results that come twice, jobs that never end.
static void
slices_nest_whatever_is_told(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene);
    struct play *play = &scene.play;
    play_start(play, 2);
    play->us = 5000;
    play_job(play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play->us = 2000; // before its job
    play_state(play, "t.A.test_a", STATE_PASSED);
    play->us = 6000;
    play_test(play, "t.A.test_b", 0, 4000,
              (struct outcome){.state = STATE_PASSED});
    play->us = 7000; // while the other one ran
    play_state(play, "t.A.test_c", STATE_TIMEOUT);
    play->us = 9000; // before they end
    play_job(play, EVENT_JOB_FINISHED, "t.A", 0, 4000);
    play_job(play, EVENT_JOB_STARTED, "t.B", 0, 0);
    play_job(play, EVENT_JOB_STARTED, "t.C", 0, 0);
    play_job(play, EVENT_JOB_FINISHED, "t.D", 1, 0); // never began
    play_test(play, "t.X", -1, 0, (struct outcome){.state = STATE_NOT_RUN});
    play->us = UINT64_C(400000000000000000);
    play_test(play, "t.C.test_year", 0, UINT64_C(31536000000000),
              (struct outcome){.state = STATE_PASSED});
    play_end(play, STOP_NONE, 0);
    json_t *trace = scene_load(&scene);
    assert_int_equal(check_nesting(trace), 7);
    json_decref(trace);
    scene_close(&scene);
}

static void
any_bytes_become_json(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene);
    play_start(&scene.play, 1);
    play_job(&scene.play, EVENT_JOB_STARTED, "a\"\\\x01\xff</script>", 0, 0);
    play_state(&scene.play, "\xc3(\xe2\x80\xa8\n\"", STATE_ERROR);
    play_end(&scene.play, STOP_NONE, 1);
    json_t *trace = scene_load(&scene);
    assert_int_equal(check_nesting(trace), 2);
    json_decref(trace);
    scene_close(&scene);
}

static void
a_run_that_broke_off_is_a_whole_trace(void **state)
{
    struct scene scene;
    (void)state;

    scene_open(&scene);
    play_start(&scene.play, 1);
    play_job(&scene.play, EVENT_JOB_STARTED, "t.A", 0, 0);
    play_state(&scene.play, "t.A.test_a", STATE_PASSED);
    assert_false(path_is_file(scene.path)); // not before it is whole
    json_t *trace = scene_load(&scene);
    assert_int_equal(check_nesting(trace), 2);
    json_decref(trace);
    scene_close(&scene);
}

static void
a_place_that_cannot_be_written_to_is_an_error(void **state)
{
    struct err err = {0};
    (void)state;

    assert_null(trace_new("/proc/no/such/trace.json", &err));
    assert_non_null(strstr(err.text, "trace: "));
    assert_non_null(err_help(&err));
    err_clear(&err);
    assert_null(trace_new("/tmp", &err));
    assert_non_null(strstr(err.text, "is a folder"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_trace_is_the_recorded_one),
    cmocka_unit_test(hosts_are_processes_and_slots_are_threads),
    cmocka_unit_test(slices_nest_whatever_is_told),
    cmocka_unit_test(any_bytes_become_json),
    cmocka_unit_test(a_run_that_broke_off_is_a_whole_trace),
    cmocka_unit_test(a_place_that_cannot_be_written_to_is_an_error),
};

CHECK_MAIN(tests)
