/*
 * A run on a scene: a source and a place that runs jobs, both of which do what
 * the test says, and a sink that writes down what it is told. The test plays
 * all three; scene_end checks what holds for every run, however it ended.
 */
#ifndef TESTS_UNIT_RUN_SCENE_H
#define TESTS_UNIT_RUN_SCENE_H

#include "stage.h"

#include <stdlib.h>
#include <string.h>

#include "model/items.h"
#include "run/run.h"
#include "util/alloc.h"
#include "util/array.h"

/* One event, as far as anybody here asks for it. */
struct told {
    enum event_kind kind;
    uint32_t number; // of the item or the job
    enum state state;
    int attempt;
    char *text; // the id, the job's name, the note
    char *why;  // reason or first message; the hint of a note
    char *rerun;
    char *out;
    bool flaky;
};

struct scene_order {
    struct order order;
    char *job;
};

struct scene {
    struct stage stage;
    struct settings settings;
    struct items *items;
    struct run *run;
    const struct executor_events *events;

    // The source.
    struct source source;
    const struct source_events *collecting;
    void *collecting_ctx;
    bool everything;
    int collections;
    int finished_source;

    // The place that runs jobs.
    struct executor executor;
    uint32_t slots;
    ARRAY(struct scene_order) orders; // that run
    uint32_t given;
    int cancels;
    int cancels_now;
    int recalls;
    int pauses;
    int resumes;
    int drains;
    bool drained;

    // The sink.
    struct event_sink sink;
    ARRAY(struct told) told;
    struct tally tally; // of RUN_FINISHED
    enum stop_reason stop;
    int exit_status; // of RUN_FINISHED; -1 before it
    int status;      // of on_finished; -1 before it
};

// ------------------------------------------------------------- the source

#define SCENE_OF(pointer, member) \
    ((struct scene *)(void *)((char *)(pointer)-offsetof(struct scene, member)))

static inline void
scene_on_collect(struct source *source, struct items *items, bool everything,
                 const struct source_events *events, void *ctx)
{
    struct scene *scene = SCENE_OF(source, source);

    assert_ptr_equal(items, scene->items);
    assert_int_equal(items_count(items), 0);
    assert_null(scene->collecting);
    scene->collecting = events;
    scene->collecting_ctx = ctx;
    scene->everything = everything;
    scene->collections++;
}

static inline void
scene_on_finish(struct source *source)
{
    SCENE_OF(source, source)->finished_source++;
}

/* A job of these items, all NULL-terminated texts; NULL at their end. */
__attribute__((unused)) static uint32_t
scene_job_of(struct scene *scene, const struct job_params *params, ...)
{
    uint32_t job = items_add_job(scene->items, params);
    va_list ids;

    va_start(ids, params);
    const char *id = NULL;
    while ((id = va_arg(ids, const char *)) != NULL) {
        items_add(scene->items, job, slice_of(id), 7);
    }
    va_end(ids);
    return job;
}

#define scene_job(scene, text, ...)                                       \
    scene_job_of((scene),                                                 \
                 &(struct job_params){.name = SLICE(text),                \
                                      .file = SLICE("tests/test_it.py")}, \
                 __VA_ARGS__, NULL)

/* Who is told of what is collected; a test that asks too late has a mistake. */
static inline const struct source_events *
scene_collecting(const struct scene *scene)
{
    if (scene->collecting == NULL) {
        fail_msg("nothing is being collected");
        abort(); // not reached
    }
    return scene->collecting;
}

__attribute__((unused)) static void
scene_module(const struct scene *scene, const char *module)
{
    scene_collecting(scene)->on_module(scene->collecting_ctx, slice_of(module));
}

__attribute__((unused)) static void
scene_collected(struct scene *scene, const struct err *err)
{
    const struct source_events *events = scene_collecting(scene);

    scene->collecting = NULL;
    events->on_collected(scene->collecting_ctx, err);
}

__attribute__((unused)) static void
scene_unknown_because(struct scene *scene, const char *label,
                      const char *reason)
{
    scene_collecting(scene)->on_unknown(scene->collecting_ctx, slice_of(label),
                                        slice_of(reason));
}

__attribute__((unused)) static void
scene_unknown(struct scene *scene, const char *label)
{
    scene_unknown_because(scene, label, "no such test");
}

__attribute__((unused)) static void
scene_broken(struct scene *scene, const char *module, const char *message,
             const char *said)
{
    struct finding finding = {
        .kind = FINDING_ERROR,
        .message = slice_of(message),
    };
    struct outcome outcome = {
        .state = STATE_ERROR,
        .findings = &finding,
        .finding_count = 1,
        .err.head = slice_of(said),
    };

    scene_collecting(scene)->on_broken_module(scene->collecting_ctx,
                                              slice_of(module),
                                              SLICE("tests/bad.py"), &outcome);
}

// ------------------------------------------------ the place that runs jobs

static inline uint32_t
scene_room(struct executor *executor, const struct demand *demand)
{
    struct scene *scene = SCENE_OF(executor, executor);

    (void)demand;
    assert_true(scene->orders.count <= scene->slots);
    return scene->slots - (uint32_t)scene->orders.count;
}

static inline void
scene_start(struct executor *executor, const struct order *order)
{
    struct scene *scene = SCENE_OF(executor, executor);

    assert_true(scene->orders.count < scene->slots);
    assert_int_equal(scene->drains, 0);
    struct scene_order given = {
        .order = *order,
        .job = alloc_dup(items_job_name(scene->items, order->job)),
    };
    ARRAY_ADD(&scene->orders, given);
    scene->given++;
}

static inline void
scene_cancel(struct executor *executor, bool now)
{
    struct scene *scene = SCENE_OF(executor, executor);

    scene->cancels++;
    scene->cancels_now += now;
}

static inline void
scene_recall(struct executor *executor)
{
    SCENE_OF(executor, executor)->recalls++;
}

static inline void
scene_pause(struct executor *executor, bool paused)
{
    struct scene *scene = SCENE_OF(executor, executor);

    scene->pauses += paused;
    scene->resumes += !paused;
}

static inline void
scene_drain(struct executor *executor)
{
    SCENE_OF(executor, executor)->drains++;
}

/* The order of that job that runs; a test that names none has a mistake. */
static inline struct scene_order *
scene_order(struct scene *scene, const char *job)
{
    for (size_t i = 0; i < scene->orders.count; i++) {
        if (strcmp(scene->orders.items[i].job, job) == 0) {
            return &scene->orders.items[i];
        }
    }
    fail_msg("job %s does not run", job);
    abort(); // not reached
}

__attribute__((unused)) static bool
scene_runs(const struct scene *scene, const char *job)
{
    for (size_t i = 0; i < scene->orders.count; i++) {
        if (strcmp(scene->orders.items[i].job, job) == 0) {
            return true;
        }
    }
    return false;
}

__attribute__((unused)) static uint32_t
scene_item(const struct scene *scene, const char *id)
{
    uint32_t item = items_find(scene->items, slice_of(id));

    if (item == ITEM_NONE) {
        fail_msg("there is no item %s", id);
    }
    return item;
}

__attribute__((unused)) static void
scene_begin(struct scene *scene, const char *job, const char *id)
{
    const struct order *order = &scene_order(scene, job)->order;

    scene->events->on_begin(scene->run, order->job, order->attempt,
                            scene_item(scene, id), 0, 5);
}

/* A result from an attempt that the test names. */
__attribute__((unused)) static void
scene_say(struct scene *scene, uint32_t job, uint16_t attempt, const char *id,
          enum state state)
{
    struct finding finding = {
        .kind = FINDING_FAILURE,
        .message = SLICE("it is wrong"),
    };
    bool bad = state_is_bad(state);
    struct outcome outcome = {
        .state = state,
        .us = 10,
        .findings = bad ? &finding : NULL,
        .finding_count = bad,
        .ran = true,
        .counted = true,
    };
    struct order_result result = {
        .job = job,
        .attempt = attempt,
        .item = scene_item(scene, id),
        .outcome = &outcome,
    };

    scene->events->on_result(scene->run, &result);
}

/* A result from the attempt that runs. */
__attribute__((unused)) static void
scene_result(struct scene *scene, const char *job, const char *id,
             enum state state)
{
    const struct order *order = &scene_order(scene, job)->order;

    scene_say(scene, order->job, order->attempt, id, state);
}

__attribute__((unused)) static void
scene_appear(struct scene *scene, const char *job, const char *id, bool whole,
             enum state state)
{
    const struct order *order = &scene_order(scene, job)->order;
    struct outcome outcome = {.state = state, .ran = true, .counted = true};
    struct order_appeared appeared = {
        .id = slice_of(id),
        .whole = whole,
        .outcome = &outcome,
    };

    scene->events->on_appeared(scene->run, order->job, order->attempt,
                               &appeared);
}

/* Ends an order; `report` says how, job and attempt are filled in. */
__attribute__((unused)) static void
scene_ends(struct scene *scene, const char *job, struct order_report report)
{
    struct scene_order *given = scene_order(scene, job);
    size_t place = (size_t)(given - scene->orders.items);

    report.job = given->order.job;
    report.attempt = given->order.attempt;
    if (report.problem == NULL) {
        report.problem = "";
    }
    free(given->job);
    ARRAY_REMOVE(&scene->orders, place);
    scene->events->on_end(scene->run, &report);
}

#define SCENE_END(scene, job, ...) \
    scene_ends((scene), (job),     \
               (struct order_report){.running = ITEM_NONE, __VA_ARGS__})
/* The same while an item ran. */
#define SCENE_DIES(scene, job, item, ...) \
    scene_ends((scene), (job),            \
               (struct order_report){.running = (item), __VA_ARGS__})
#define SCENE_DONE(scene, job) SCENE_END(scene, job, .end = ORDER_DONE)

/* All is given back, as the run asked for it by a cancel. */
__attribute__((unused)) static void
scene_give_back(struct scene *scene)
{
    while (scene->orders.count > 0) {
        SCENE_END(scene, scene->orders.items[0].job, .end = ORDER_CANCELLED,
                  .problem = "the run was stopped while it ran");
    }
}

/* The run wanted the end, nothing runs any more: it is told so. */
__attribute__((unused)) static void
scene_drained(struct scene *scene)
{
    assert_int_equal(scene->drains, 1);
    assert_int_equal(scene->orders.count, 0);
    assert_false(scene->drained);
    scene->drained = true;
    scene->events->on_drained(scene->run);
}

// --------------------------------------------------------------- the sink

static inline void
tell_test(const struct event *event, struct told *told)
{
    const struct outcome *outcome = event->test.outcome;

    told->number = event->test.number;
    told->text = alloc_dup(event->test.id);
    told->attempt = event->test.attempt;
    if (event->kind != EVENT_TEST_FINISHED &&
        event->kind != EVENT_TEST_ATTEMPT) {
        return;
    }
    told->flaky = event->test.flaky;
    struct slice why = outcome->finding_count > 0 ? outcome->findings[0].message
                                                  : outcome->reason;
    told->state = outcome->state;
    told->why = slice_dup(why);
    told->rerun = alloc_dup(event->test.rerun);
    told->out = slice_dup(outcome->err.head);
}

static inline void
tell_what(const struct event *event, struct told *told)
{
    switch (event->kind) {
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        tell_test(event, told);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        told->number = event->job.number;
        told->attempt = event->job.attempt;
        told->text = alloc_dup(event->job.name);
        break;
    case EVENT_NOTE:
        told->text = alloc_dup(event->note.text);
        break;
    case EVENT_COLLECTING:
        told->text = slice_dup(event->module);
        break;
    case EVENT_COLLECTED:
        told->number = event->collected.items;
        break;
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
        told->text = alloc_dup(event->script.name);
        break;
    case EVENT_WORKER:
        told->text = alloc_dup(event->worker.node);
        break;
    case EVENT_LEAKED:
        told->number = (uint32_t)event->leak.pid;
        break;
    case EVENT_PREPARING:
        told->text = slice_dup(event->preparing);
        break;
    case EVENT_ELSEWHERE:
        told->text = alloc_dup(event->elsewhere.id);
        break;
    case EVENT_PREPARED:
    case EVENT_RUN_STARTED:
    case EVENT_STOPPING:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static inline bool
scene_on_event(struct event_sink *sink, const struct event *event,
               struct err *err)
{
    struct scene *scene = SCENE_OF(sink, sink);
    struct told told = {.kind = event->kind};

    (void)err;
    tell_what(event, &told);
    if (event->kind == EVENT_RUN_FINISHED) {
        scene->tally = *event->finished.tally;
        scene->stop = event->finished.stop;
        scene->exit_status = event->finished.exit_status;
    }
    ARRAY_ADD(&scene->told, told);
    return true;
}

__attribute__((unused)) static size_t
scene_count(const struct scene *scene, enum event_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < scene->told.count; i++) {
        count += scene->told.items[i].kind == kind;
    }
    return count;
}

/* What was told of that kind and text; a failure if nothing was. */
__attribute__((unused)) static const struct told *
scene_told(const struct scene *scene, enum event_kind kind, const char *text)
{
    for (size_t i = 0; i < scene->told.count; i++) {
        const struct told *told = &scene->told.items[i];
        if (told->kind == kind && told->text != NULL &&
            strcmp(told->text, text) == 0) {
            return told;
        }
    }
    fail_msg("no %s of \"%s\" was told", event_kind_name(kind), text);
    abort(); // not reached
}

__attribute__((unused)) static void
scene_has_state(const struct scene *scene, const char *id, enum state state)
{
    const struct told *told = scene_told(scene, EVENT_TEST_FINISHED, id);

    assert_string_equal(state_name(told->state), state_name(state));
}

__attribute__((unused)) static void
scene_says(const struct scene *scene, const char *id, enum state state,
           const char *why)
{
    scene_has_state(scene, id, state);
    const struct told *told = scene_told(scene, EVENT_TEST_FINISHED, id);
    if (strstr(told->why, why) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", why, told->why);
    }
}

// --------------------------------------------------------------- the whole

static inline void
scene_on_finished(void *ctx, int status)
{
    struct scene *scene = ctx;

    assert_int_equal(scene->status, -1);
    scene->status = status;
    loop_stop(scene->stage.loop);
}

/* Everything but the run, which takes the settings as they are then. */
static inline struct scene *
scene_new(uint32_t slots)
{
    static const struct source_ops source_ops = {
        .collect = scene_on_collect,
        .finish = scene_on_finish,
    };
    static const struct executor_ops executor_ops = {
        .room = scene_room,
        .start = scene_start,
        .cancel = scene_cancel,
        .recall = scene_recall,
        .pause = scene_pause,
        .drain = scene_drain,
    };
    static const struct event_sink_ops sink_ops = {
        .name = "the scene",
        .on_event = scene_on_event,
    };
    struct scene *scene = ALLOC(struct scene);

    stage_init(&scene->stage);
    settings_init(&scene->settings);
    scene->items = items_new();
    scene->source.ops = &source_ops;
    scene->executor.ops = &executor_ops;
    scene->sink.ops = &sink_ops;
    scene->events = run_executor_events();
    scene->slots = slots;
    scene->status = scene->exit_status = -1;
    return scene;
}

static inline struct run_params
scene_params(struct scene *scene)
{
    return (struct run_params){
        .settings = &scene->settings,
        .loop = scene->stage.loop,
        .items = scene->items,
        .source = &scene->source,
        .executor = &scene->executor,
        .sink = &scene->sink,
        .rerun = "mule test",
        .on_finished = scene_on_finished,
        .ctx = scene,
    };
}

static inline void
scene_open(struct scene *scene, const struct run_params *params)
{
    scene->run = run_new(params);
    run_start(scene->run);
}

/* The usual beginning: a run that collects. */
__attribute__((unused)) static struct scene *
scene_begun(uint32_t slots)
{
    struct scene *scene = scene_new(slots);
    struct run_params params = scene_params(scene);

    scene_open(scene, &params);
    assert_non_null(scene->collecting);
    return scene;
}

/* Each selected item ended once, in the state that the items and tally say. */
static inline void
scene_check_items(const struct scene *scene)
{
    struct tally counted = {0};

    for (uint32_t item = 0; item < items_count(scene->items); item++) {
        const struct item *it = items_peek(scene->items, item);
        size_t ends = 0;
        for (size_t i = 0; i < scene->told.count; i++) {
            const struct told *told = &scene->told.items[i];
            if (told->kind == EVENT_TEST_FINISHED && told->number == item) {
                assert_int_equal(told->state, it->state);
                ends++;
            }
        }
        assert_int_equal(ends, (it->flags & ITEM_SELECTED) != 0);
        counted.states[it->state] += (it->flags & ITEM_SELECTED) != 0;
        counted.selected += (it->flags & ITEM_SELECTED) != 0;
    }
    assert_int_equal(scene->tally.selected, counted.selected);
    for (int i = 0; i < STATE_COUNT; i++) {
        assert_int_equal(scene->tally.states[i], counted.states[i]);
    }
    assert_int_equal(counted.states[STATE_NONE], 0);
    assert_true(tally_adds_up(&scene->tally));
}

static inline void
scene_check_order(const struct scene *scene)
{
    size_t count = scene->told.count;

    assert_int_equal(scene->told.items[0].kind, EVENT_RUN_STARTED);
    assert_int_equal(scene->told.items[count - 1].kind, EVENT_RUN_FINISHED);
    assert_int_equal(scene_count(scene, EVENT_RUN_STARTED), 1);
    assert_int_equal(scene_count(scene, EVENT_RUN_FINISHED), 1);
    assert_int_equal(scene_count(scene, EVENT_STOPPING),
                     scene->stop != STOP_NONE);
    assert_int_equal(scene_count(scene, EVENT_JOB_FINISHED), scene->given);
}

static inline void
scene_free(struct scene *scene)
{
    run_free(scene->run);
    items_free(scene->items);
    settings_release(&scene->settings);
    for (size_t i = 0; i < scene->told.count; i++) {
        free(scene->told.items[i].text);
        free(scene->told.items[i].why);
        free(scene->told.items[i].rerun);
        free(scene->told.items[i].out);
    }
    ARRAY_RELEASE(&scene->told);
    ARRAY_RELEASE(&scene->orders);
    stage_release(&scene->stage);
    free(scene);
}

/*
 * The end of every test here: the run is over, with that exit status, and
 * every selected item has ended exactly once. Frees the scene.
 */
__attribute__((unused)) static void
scene_end(struct scene *scene, int status)
{
    if (!scene->drained && scene->status < 0) {
        scene_drained(scene);
    }
    assert_int_equal(scene->status, status);
    assert_int_equal(scene->exit_status, status);
    assert_int_equal(scene->orders.count, 0);
    scene_check_order(scene);
    if (scene_count(scene, EVENT_COLLECTED) > 0) {
        scene_check_items(scene);
    } else {
        assert_int_equal(scene_count(scene, EVENT_TEST_FINISHED), 0);
        assert_int_equal(scene->given, 0);
    }
    scene_free(scene);
}

#endif
