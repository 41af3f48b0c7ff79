#include "run/prober.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "run/sequence.h"
#include "run/terms.h"
#include "run/verdict.h"
#include "util/alloc.h"

/* One probe under way: a chain of jobs at one slot. */
struct bench {
    bool busy;
    bool doomed; // its answer is not wanted any more
    uint32_t probe;
    struct numbers jobs; // in their order; the last one has the test
    size_t place;        // of the one that runs
    uint32_t passed;     // of the tests that are looked at
    uint32_t failed;
    bool fixture_failed; // in the last job
};

struct prober {
    struct prober_params params;
    struct prober_run run;
    enum prober_stage stage;
    struct numbers victims; // the test, or those of a job
    struct numbers before;  // in this stage
    uint32_t missing;
    struct bisect *bisect;
    struct bench *benches; // one a slot
    uint32_t running;
    uint32_t probes; // of earlier stages
    uint64_t tests;
    bool pumping;
    bool again;
    bool stopped;
    bool over;
    char *why;
};

struct prober *
prober_new(const struct prober_params *params)
{
    struct prober *prober = ALLOC(struct prober);
    prober->params = *params;
    return prober;
}

void
prober_free(struct prober *prober)
{
    if (prober == NULL) {
        return;
    }
    for (int i = 0; i < prober->run.slots; i++) {
        ARRAY_RELEASE(&prober->benches[i].jobs);
    }
    free(prober->benches);
    ARRAY_RELEASE(&prober->victims);
    ARRAY_RELEASE(&prober->before);
    bisect_free(prober->bisect);
    free(prober->why);
    free(prober);
}

void
prober_look(const struct prober *prober, struct prober_state *state)
{
    *state = (struct prober_state){
        .stage = prober->stage,
        .before = (uint32_t)prober->before.count,
        .missing = prober->missing,
        .probes = prober->probes,
        .tests = prober->tests,
        .why = prober->why != NULL ? prober->why : "",
    };
    if (prober->bisect != NULL) {
        bisect_look(prober->bisect, &state->finding);
        state->probes += state->finding.probes;
        state->items = prober->before.items;
    }
}

uint32_t
prober_running(const struct prober *prober)
{
    return prober->running;
}

static void
tell_state(const struct prober *prober)
{
    struct prober_state state;
    if (prober->params.on_state != NULL) {
        prober_look(prober, &state);
        prober->params.on_state(prober->params.ctx, &state);
    }
}

// ------------------------------------------------------------------ stages

static bool
is_victim(const struct prober *prober, uint32_t item)
{
    for (size_t i = 0; i < prober->victims.count; i++) {
        if (prober->victims.items[i] == item) {
            return true;
        }
    }
    return false;
}

/* A module that cannot be loaded is no test that could run before another. */
static bool
may_run(const struct items *items, uint32_t item)
{
    const struct item *it = items_peek(items, item);
    return (it->flags & (ITEM_SELECTED | ITEM_APPEARED)) == ITEM_SELECTED &&
           items_peek_job(items, it->job)->kind != JOB_IMPORT;
}

static void
add_collected(struct prober *prober, uint32_t from, uint32_t to)
{
    for (uint32_t item = from; item < to; item++) {
        if (may_run(prober->run.items, item) && !is_victim(prober, item)) {
            ARRAY_ADD(&prober->before, item);
        }
    }
}

static void
add_given(struct prober *prober)
{
    struct numbers found = {0};
    prober->missing =
        sequence_find(prober->run.items, prober->params.before, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (may_run(prober->run.items, found.items[i]) &&
            !is_victim(prober, found.items[i])) {
            ARRAY_ADD(&prober->before, found.items[i]);
        }
    }
    ARRAY_RELEASE(&found);
}

static void
enter_stage(struct prober *prober, enum prober_stage stage)
{
    uint32_t first = prober->victims.items[0];
    uint32_t all = items_count(prober->run.items);
    prober->stage = stage;
    ARRAY_CLEAR(&prober->before);
    switch (stage) {
    case PROBER_GIVEN:
        add_given(prober);
        break;
    case PROBER_COLLECTED:
        add_collected(prober, 0, first);
        break;
    case PROBER_OTHERS:
        add_collected(prober, 0, all);
        break;
    case PROBER_STAGES:
        break;
    }
    if (prober->bisect != NULL) {
        struct bisect_finding finding;
        bisect_look(prober->bisect, &finding);
        prober->probes += finding.probes;
        bisect_free(prober->bisect);
    }
    prober->bisect = bisect_new(&(struct bisect_params){
        .count = (uint32_t)prober->before.count,
        .wide = (uint32_t)prober->run.slots,
    });
    tell_state(prober);
}

static size_t
count_others(const struct prober *prober)
{
    const struct items *items = prober->run.items;
    size_t count = 0;
    for (uint32_t item = 0; item < items_count(items); item++) {
        count += may_run(items, item) && !is_victim(prober, item);
    }
    return count;
}

/* Whether nothing else was asked for than what these tests do to it. */
static bool
is_last_word(const struct prober *prober)
{
    return prober->stage == PROBER_GIVEN && prober->params.before_only;
}

/* Whether more tests before it could say more than these did. */
static bool
go_on(struct prober *prober)
{
    struct bisect_finding finding;
    bisect_look(prober->bisect, &finding);
    bool nothing = finding.verdict == BISECT_ALONE ||
                   (finding.verdict == BISECT_NEVER && !is_last_word(prober));
    if (!nothing || prober->stage == PROBER_OTHERS) {
        return false;
    }
    if (prober->stage == PROBER_COLLECTED &&
        prober->before.count == count_others(prober)) {
        return false; // these were all
    }
    enter_stage(prober, prober->stage + 1);
    return true;
}

static bool
find_victims(struct prober *prober, struct err *err)
{
    struct items *items = prober->run.items;
    struct slice test = slice_of(prober->params.test);
    uint32_t item = items_find(items, test);
    if (item != ITEM_NONE && may_run(items, item)) {
        ARRAY_ADD(&prober->victims, item);
        return true;
    }
    for (item = 0; item < items_count(items); item++) {
        uint32_t job = items_peek(items, item)->job;
        if (may_run(items, item) &&
            slice_equals_text(test, items_job_name(items, job))) {
            ARRAY_ADD(&prober->victims, item);
        }
    }
    if (prober->victims.count > 0) {
        return true;
    }
    err_set(err, ERR_USAGE, "there is no test \"%.200s\" in what was collected",
            prober->params.test);
    return err_hint(err, "`mule list` prints all ids; labels and options that "
                         "a run needs to find it are needed here, too");
}

// ------------------------------------------------------------------- jobs

static void
start_job(struct prober *prober, int slot)
{
    struct bench *bench = &prober->benches[slot];
    uint32_t job = bench->jobs.items[bench->place];
    struct terms terms;
    terms_of_job(&terms, prober->run.settings, prober->run.items, job);
    struct order order = {
        .job = job,
        .attempt = 1,
        .timeout_ms = terms.timeout_ms,
        .test_timeout_ms = terms.test_timeout_ms,
        .slow_ms = 0,
        .slot = slot + 1,
        .fresh = bench->place == 0,
    };
    prober->running++;
    prober->tests += items_peek_job(prober->run.items, job)->count;
    prober->run.executor->ops->start(prober->run.executor, &order);
}

static bool
start_probe(struct prober *prober, int slot)
{
    struct bench *bench = &prober->benches[slot];
    struct bisect_probe probe;
    struct demand demand = {.waiting = 1, .idle_only = true};
    struct executor *executor = prober->run.executor;
    if (executor->ops->room(executor, &demand) == 0 ||
        !bisect_next(prober->bisect, &probe)) {
        return false;
    }
    struct numbers list = {0};
    for (uint32_t i = 0; i < probe.count; i++) {
        ARRAY_ADD(&list, prober->before.items[probe.members[i]]);
    }
    for (size_t i = 0; i < prober->victims.count; i++) {
        ARRAY_ADD(&list, prober->victims.items[i]);
    }
    struct numbers jobs = bench->jobs;
    *bench = (struct bench){.busy = true, .probe = probe.number, .jobs = jobs};
    ARRAY_CLEAR(&bench->jobs);
    sequence_cut(prober->run.items, list.items, list.count, &bench->jobs);
    ARRAY_RELEASE(&list);
    start_job(prober, slot);
    return true;
}

static void
doom_unwanted(struct prober *prober)
{
    struct executor *executor = prober->run.executor;
    for (int slot = 0; slot < prober->run.slots; slot++) {
        struct bench *bench = &prober->benches[slot];
        if (bench->busy && !bench->doomed &&
            !bisect_wants(prober->bisect, bench->probe)) {
            bench->doomed = true;
            executor->ops->cancel_order(
                executor, bench->jobs.items[bench->place], 1, true);
        }
    }
}

static void
pump_once(struct prober *prober)
{
    if (!prober->stopped) {
        doom_unwanted(prober);
        for (int slot = 0; slot < prober->run.slots; slot++) {
            if (!prober->benches[slot].busy && !start_probe(prober, slot)) {
                break;
            }
        }
    }
    struct bisect_finding finding;
    bisect_look(prober->bisect, &finding);
    bool done = finding.verdict != BISECT_SEARCHING;
    if (prober->running > 0 || (!done && !prober->stopped)) {
        return;
    }
    if (!prober->stopped && go_on(prober)) {
        prober->again = true;
        return;
    }
    prober->over = true;
    prober->run.on_done(prober->run.ctx);
}

/* Gives out what is to be known next. An order may end while it is given. */
static void
pump(struct prober *prober)
{
    prober->again = true;
    if (prober->pumping) {
        return;
    }
    prober->pumping = true;
    while (prober->again && !prober->over) {
        prober->again = false;
        pump_once(prober);
    }
    prober->pumping = false;
}

// ---------------------------------------------------------------- answers

/* The place of the order, or NULL: nobody waits for it. */
static struct bench *
bench_of(struct prober *prober, uint32_t job)
{
    for (int slot = 0; slot < prober->run.slots; slot++) {
        struct bench *bench = &prober->benches[slot];
        if (bench->busy && bench->jobs.items[bench->place] == job) {
            return bench;
        }
    }
    return NULL;
}

static bool
is_last(const struct bench *bench)
{
    return bench->place + 1 == bench->jobs.count;
}

static void
keep_why(struct prober *prober, const struct outcome *outcome)
{
    if (prober->why != NULL || outcome->finding_count == 0) {
        return;
    }
    const struct finding *finding = &outcome->findings[0];
    struct slice line = finding->message;
    line = slice_first(line, slice_find(line, '\n'));
    line = slice_first(line, 300);
    prober->why = finding->type.len > 0
                      ? alloc_printf("%.*s: %.*s", SLICE_ARG(finding->type),
                                     SLICE_ARG(line))
                      : slice_dup(line);
}

void
prober_on_result(struct prober *prober, const struct order_result *result)
{
    struct bench *bench = bench_of(prober, result->job);
    if (bench == NULL || !is_last(bench) || !is_victim(prober, result->item)) {
        return;
    }
    enum state state = result->outcome->state;
    if (state_is_bad(state)) {
        bench->failed++;
        keep_why(prober, result->outcome);
    } else if (state == STATE_PASSED || state == STATE_XFAILED) {
        bench->passed++;
    }
}

void
prober_on_appeared(struct prober *prober, uint32_t job,
                   const struct order_appeared *appeared)
{
    struct bench *bench = bench_of(prober, job);
    if (bench != NULL && is_last(bench) &&
        state_is_bad(appeared->outcome->state)) {
        bench->fixture_failed = true;
        keep_why(prober, appeared->outcome);
    }
}

/* A fixture that fails keeps the test from running, or fails after it. */
static enum bisect_answer
answer_of(const struct prober *prober, const struct bench *bench)
{
    bool all = bench->passed >= prober->victims.count;
    bool many = prober->victims.count > 1;
    if (bench->failed > 0 || (bench->fixture_failed && (many || !all))) {
        return BISECT_FAILED;
    }
    return all || (many && bench->passed > 0) ? BISECT_PASSED : BISECT_UNCLEAR;
}

/* What became of a process that did not come to its end. */
static enum bisect_answer
answer_of_death(struct prober *prober, const struct bench *bench,
                const struct order_report *report)
{
    bool blamed = report->end == ORDER_CRASHED || report->end == ORDER_TIMEOUT;
    if (is_last(bench) && blamed && report->running != ITEM_NONE &&
        is_victim(prober, report->running)) {
        struct verdict verdict;
        verdict_of_report(&verdict, report);
        keep_why(prober, &verdict.outcome);
        return BISECT_FAILED;
    }
    return bench->failed > 0 ? BISECT_FAILED : BISECT_UNCLEAR;
}

void
prober_on_end(struct prober *prober, const struct order_report *report)
{
    struct bench *bench = bench_of(prober, report->job);
    assert(prober->running > 0 && bench != NULL);
    prober->running--;
    bool whole = report->end == ORDER_DONE && !report->left;
    if (bench->doomed || prober->stopped) {
        bench->busy = false;
        bisect_drop(prober->bisect, bench->probe);
    } else if (whole && !is_last(bench)) {
        bench->place++;
        start_job(prober, (int)(bench - prober->benches));
        return;
    } else {
        enum bisect_answer answer =
            whole ? answer_of(prober, bench)
                  : answer_of_death(prober, bench, report);
        bench->busy = false;
        bisect_answer(prober->bisect, bench->probe, answer);
        tell_state(prober);
    }
    pump(prober);
}

void
prober_on_room(struct prober *prober)
{
    if (prober->bisect != NULL && !prober->over) {
        pump(prober);
    }
}

// ----------------------------------------------------------- from outside

bool
prober_start(struct prober *prober, const struct prober_run *run,
             struct err *err)
{
    prober->run = *run;
    prober->benches = alloc_zero((size_t)run->slots, sizeof(struct bench));
    if (!find_victims(prober, err)) {
        return false;
    }
    enter_stage(prober, prober->params.before != NULL ? PROBER_GIVEN
                                                      : PROBER_COLLECTED);
    pump(prober);
    return true;
}

void
prober_stop(struct prober *prober)
{
    prober->stopped = true;
}
