#include "command/command.h"
#include "command/interpreter.h"
#include "command/probe_talk.h"
#include "util/alloc.h"
#include "util/escape.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/*
 * mule adapter-check: plays every role of docs/protocol/adapter.md against an
 * adapter and prints TAP, a point for each rule. Every rule begins with a new
 * process, so that one that is broken says nothing about the next.
 */

/* What must have gone well for a rule to make sense. */
enum stage {
    STAGE_NONE,
    STAGE_GREETS,
    STAGE_COLLECTS, // and there is something to run
    STAGE_HIRES,
};

struct check {
    struct settings settings;
    struct interpreter interpreter; // where $PYTHON is among the words
    struct talk talk;
    enum stage stage;
    char about[300];
    // Of the first collection.
    uint32_t items;
    uint32_t jobs;
    char *id;         // of the first item
    char *module;     // the first that was loaded; NULL: none was named
    const char *skip; // a rule does not apply, and why
};

// ------------------------------------------------------------ without work

static bool
rule_greets(struct check *check, struct err *err)
{
    if (!talk_start(&check->talk, err)) {
        return false;
    }
    snprintf(check->about, sizeof(check->about), "%.*s",
             SLICE_ARG(check->talk.about));
    check->stage = STAGE_GREETS;
    return true;
}

static bool
add_refused(struct buf *buf)
{
    return request_add_refused(buf, "mule adapter-check refuses everybody");
}

static bool
rule_refused(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_start(talk, err)) {
        return false;
    }
    talk_send(talk, talk->zygote, add_refused);
    probe_hang_up(talk->probe, talk->zygote);
    return talk_await_end(talk, err);
}

static bool
is_clean(const struct talk *talk, struct err *err)
{
    if (talk->status != 0) {
        return err_set(err, ERR_PROTOCOL,
                       "its process ended with wait status %d instead of 0",
                       talk->status);
    }
    return true;
}

static bool
rule_stops(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_start(talk, err) ||
        !talk_welcome(talk, ISOLATION_CLASS, false, err)) {
        return false;
    }
    talk_send(talk, talk->zygote, request_add_stop);
    return talk_await_end(talk, err) && is_clean(talk, err);
}

static bool
rule_stops_at_end(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_start(talk, err) ||
        !talk_welcome(talk, ISOLATION_CLASS, false, err)) {
        return false;
    }
    probe_hang_up(talk->probe, talk->zygote);
    return talk_await_end(talk, err) && is_clean(talk, err);
}

// -------------------------------------------------------------- collecting

static char *
id_of(const struct items *items, uint32_t item)
{
    struct buf id = BUF_INIT((size_t)8 << 20);
    items_plain_id(items, item, &id);
    return buf_take(&id);
}

/* A module that was named when it was loaded, and that has tests. */
static void
find_module(struct check *check)
{
    const struct talk *talk = &check->talk;
    for (uint32_t job = 0; job < items_job_count(talk->items); job++) {
        const char *load = items_job_load(talk->items, job);
        for (size_t i = 0; i < talk->modules.count; i++) {
            if (check->module == NULL &&
                slice_equals_text(talk->modules.items[i], load)) {
                check->module = alloc_dup(load);
            }
        }
    }
}

static bool
rule_collects(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_open(talk, ISOLATION_CLASS, err)) {
        return false;
    }
    check->items = items_count(talk->items);
    check->jobs = items_job_count(talk->items);
    if (check->items == 0) {
        err_set(err, ERR_PROTOCOL, "there are no tests here");
        return err_hint(err, "change into a folder with tests, or name one by "
                             "--basedir");
    }
    check->id = id_of(talk->items, 0);
    find_module(check);
    check->stage = STAGE_COLLECTS;
    return true;
}

static bool
rule_ignores(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    return talk_start(talk, err) &&
           talk_welcome(talk, ISOLATION_CLASS, true, err) &&
           talk_collect(talk, NULL, NULL, err);
}

static bool
rule_collects_again(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_open(talk, ISOLATION_CLASS, err) ||
        !talk_collect(talk, NULL, NULL, err)) {
        return false;
    }
    if (items_count(talk->items) != check->items ||
        items_job_count(talk->items) != check->jobs) {
        return err_set(err, ERR_PROTOCOL,
                       "%u jobs and %u items at first, then %u and %u",
                       check->jobs, check->items, items_job_count(talk->items),
                       items_count(talk->items));
    }
    return true;
}

static bool
rule_unknown(struct check *check, struct err *err)
{
    static const char label[] = "no_such_test_of_mule_adapter_check";
    struct talk *talk = &check->talk;
    if (!talk_start(talk, err) ||
        !talk_welcome(talk, ISOLATION_CLASS, false, err) ||
        !talk_collect(talk, label, NULL, err)) {
        return false;
    }
    if (talk->unknown.count != 1 ||
        !slice_equals_text(talk->unknown.items[0], label)) {
        return err_set(err, ERR_PROTOCOL,
                       "label \"%s\" was not said to be \"unknown\"", label);
    }
    if (items_count(talk->items) != 0) {
        return err_set(err, ERR_PROTOCOL, "label \"%s\" gave %u items", label,
                       items_count(talk->items));
    }
    return true;
}

static bool
rule_label(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_start(talk, err) ||
        !talk_welcome(talk, ISOLATION_CLASS, false, err) ||
        !talk_collect(talk, check->id, NULL, err)) {
        return false;
    }
    if (items_find(talk->items, slice_of(check->id)) == ITEM_NONE) {
        return err_set(err, ERR_PROTOCOL,
                       "label \"%.100s\" did not give the item of that id",
                       check->id);
    }
    if (check->items > 1 && items_count(talk->items) == check->items) {
        return err_set(err, ERR_PROTOCOL, "label \"%.100s\" gave all %u items",
                       check->id, check->items);
    }
    return true;
}

static bool
rule_skip(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (check->module == NULL) {
        check->skip = "it names no module with tests when it loads it";
        return true;
    }
    if (!talk_start(talk, err) ||
        !talk_welcome(talk, ISOLATION_CLASS, false, err) ||
        !talk_collect(talk, NULL, check->module, err)) {
        return false;
    }
    for (size_t i = 0; i < talk->modules.count; i++) {
        if (slice_equals_text(talk->modules.items[i], check->module)) {
            return err_set(err, ERR_PROTOCOL,
                           "module \"%.100s\" was loaded all the same",
                           check->module);
        }
    }
    if (items_count(talk->items) >= check->items) {
        return err_set(err, ERR_PROTOCOL,
                       "without module \"%.100s\" there are still %u items",
                       check->module, items_count(talk->items));
    }
    return true;
}

// -------------------------------------------------------------- preparing

static bool
can(struct check *check, unsigned what, const char *lacks)
{
    if ((check->talk.zygote_can & what) == 0) {
        check->skip = lacks;
        return false;
    }
    return true;
}

static bool
rule_prepares(struct check *check, struct err *err)
{
    return talk_open(&check->talk, ISOLATION_CLASS, err) &&
           (!can(check, ADAPTER_CAN_PREPARE, "it has nothing to prepare") ||
            talk_prepare(&check->talk, err));
}

static bool
rule_interrupted(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_open(talk, ISOLATION_CLASS, err)) {
        return false;
    }
    if (!can(check, ADAPTER_CAN_PREPARE, "it has nothing to prepare")) {
        return true;
    }
    if (!talk_begin_preparing(talk, err)) {
        return false;
    }
    probe_signal(talk->probe, talk->zygote, SIGINT);
    talk_send(talk, talk->zygote, request_add_stop);
    if (!talk_await_end(talk, err) || !is_clean(talk, err)) {
        return false;
    }
    talk->made = false;
    return true;
}

static bool
is_silent(struct check *check, struct err *err)
{
    struct buf said = BUF_INIT(4096);
    probe_add_stderr(check->talk.probe, &said);
    bool silent = slice_trim(buf_slice(&said)).len == 0;
    buf_release(&said);
    return silent || err_set(err, ERR_PROTOCOL,
                             "it had nothing to complain about, and did so");
}

static bool
rule_tidies(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!talk_open(talk, ISOLATION_CLASS, err)) {
        return false;
    }
    if (!can(check, ADAPTER_CAN_TIDY, "it leaves nothing outside")) {
        return true;
    }
    if (!talk_prepare(talk, err)) {
        return false;
    }
    probe_end(talk->probe); // kills it
    if (!talk_tidy(talk, err)) {
        return false;
    }
    talk->made = false;
    return is_silent(check, err);
}

// -------------------------------------------------------------- one worker

static bool
open_and_hire(struct check *check, enum isolation isolation, struct err *err)
{
    return talk_open(&check->talk, isolation, err) &&
           talk_hire(&check->talk, isolation, err);
}

static bool
rule_hires(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    check->stage = STAGE_HIRES;
    return true;
}

static struct talk_run
whole(const struct talk *talk, uint32_t job, uint32_t number)
{
    return (struct talk_run){
        .number = number,
        .job = job,
        .count = items_peek_job(talk->items, job)->count,
    };
}

static bool
rule_runs_class(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    struct talk_run run = whole(&check->talk, 0, 7);
    return talk_run(&check->talk, &run, 1, err);
}

static bool
rule_runs_worker(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_WORKER, err)) {
        return false;
    }
    struct talk_run run = whole(&check->talk, 0, 0);
    return talk_run(&check->talk, &run, 1, err);
}

static bool
rule_runs_part(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    struct talk_run run = whole(&check->talk, 0, 3);
    run.first = run.count - 1;
    run.count = 1;
    run.list = true;
    return talk_run(&check->talk, &run, 1, err);
}

static bool
rule_runs_again(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    struct talk_run run = whole(&check->talk, 0, 1);
    if (!talk_run(&check->talk, &run, 1, err)) {
        return false;
    }
    run.number = 2;
    return talk_run(&check->talk, &run, 1, err) ||
           err_wrap(err, "the second time");
}

static bool
rule_runs_in_order(struct check *check, struct err *err)
{
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    uint32_t last = items_job_count(check->talk.items) - 1;
    const struct talk_run runs[] = {
        whole(&check->talk, last, 11),
        whole(&check->talk, 0, 10),
    };
    return talk_run(&check->talk, runs, 2, err);
}

static bool
check_worker_status(const struct talk *talk, int status, struct err *err)
{
    if (talk->worker_status != status) {
        return err_set(err, ERR_PROTOCOL,
                       "it ended with wait status %d instead of %d",
                       talk->worker_status, status);
    }
    return true;
}

static bool
rule_worker_stops(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    talk_send(talk, talk->worker, request_add_stop);
    return talk_await_worker_end(talk, err) &&
           check_worker_status(talk, 0, err);
}

static bool
rule_worker_stops_at_end(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    probe_hang_up(talk->probe, talk->worker);
    return talk_await_worker_end(talk, err) &&
           check_worker_status(talk, 0, err);
}

static bool
rule_worker_killed(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    if (!talk->forked) {
        check->skip = "it does not fork its workers";
        return true;
    }
    kill(talk->worker_pid, SIGKILL);
    return talk_await_worker_end(talk, err) &&
           check_worker_status(talk, SIGKILL, err);
}

static bool
rule_hires_again(struct check *check, struct err *err)
{
    struct talk *talk = &check->talk;
    if (!open_and_hire(check, ISOLATION_CLASS, err)) {
        return false;
    }
    talk_send(talk, talk->worker, request_add_stop);
    if (!talk_await_worker_end(talk, err) ||
        !talk_hire(talk, ISOLATION_CLASS, err)) {
        return false;
    }
    struct talk_run run = whole(talk, 0, 5);
    return talk_run(talk, &run, 1, err);
}

// ------------------------------------------------------------------- rules

struct rule {
    const char *name;
    enum stage needs;
    bool (*holds)(struct check *check, struct err *err);
};

// clang-format off
static const struct rule rules[] = {
    {"it connects and greets as a zygote", STAGE_NONE, rule_greets},
    {"it ends when it is refused", STAGE_GREETS, rule_refused},
    {"it exits with 0 when it is told to stop", STAGE_GREETS, rule_stops},
    {"it exits with 0 at the end of its connection", STAGE_GREETS,
     rule_stops_at_end},
    {"it collects, and its counts agree", STAGE_GREETS, rule_collects},
    {"it ignores members and messages it does not know", STAGE_COLLECTS,
     rule_ignores},
    {"collecting again starts from zero", STAGE_COLLECTS, rule_collects_again},
    {"a label that matches nothing is unknown", STAGE_COLLECTS, rule_unknown},
    {"the id of a test is a label", STAGE_COLLECTS, rule_label},
    {"a module that is to be skipped is not loaded", STAGE_COLLECTS,
     rule_skip},
    {"it prepares when it is asked to", STAGE_COLLECTS, rule_prepares},
    {"it exits with 0 when it is interrupted while it prepares",
     STAGE_COLLECTS, rule_interrupted},
    {"it tidies up after itself when it was killed", STAGE_COLLECTS,
     rule_tidies},
    {"it makes a worker", STAGE_COLLECTS, rule_hires},
    {"a worker runs a job, isolated by class", STAGE_HIRES, rule_runs_class},
    {"a worker runs a job, isolated by worker", STAGE_HIRES, rule_runs_worker},
    {"a worker runs a part of a job", STAGE_HIRES, rule_runs_part},
    {"a worker runs the same job again", STAGE_HIRES, rule_runs_again},
    {"a worker runs what it was asked for in order", STAGE_HIRES,
     rule_runs_in_order},
    {"a worker exits with 0 when it is told to stop", STAGE_HIRES,
     rule_worker_stops},
    {"a worker exits with 0 at the end of its connection", STAGE_HIRES,
     rule_worker_stops_at_end},
    {"the end of a worker that was killed is told", STAGE_HIRES,
     rule_worker_killed},
    {"a slot can have one worker after another", STAGE_HIRES,
     rule_hires_again},
};
// clang-format on
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

static void
print_comment(struct slice text)
{
    struct slice line = {0};
    while (text.len > 0 && slice_split(&text, '\n', &line)) {
        struct buf safe = BUF_INIT((size_t)64 * 1024);
        escape_terminal(&safe, line, ESCAPE_ONE_LINE);
        printf("#   %s\n", buf_text(&safe));
        buf_release(&safe);
    }
}

static void
print_failure(const struct check *check, const struct err *err)
{
    struct buf stderr_end = BUF_INIT(4096);
    print_comment(slice_of(err->text));
    if (err_help(err) != NULL) {
        print_comment(slice_of(err_help(err)));
    }
    probe_add_stderr(check->talk.probe, &stderr_end);
    if (stderr_end.len > 0) {
        printf("#   standard error:\n");
        print_comment(slice_trim_end(buf_slice(&stderr_end)));
    }
    buf_release(&stderr_end);
}

static bool
check_rule(struct check *check, size_t number)
{
    static const char *const lacks[] = {
        [STAGE_NONE] = "",
        [STAGE_GREETS] = "it does not greet",
        [STAGE_COLLECTS] = "it does not collect",
        [STAGE_HIRES] = "it makes no worker",
    };
    const struct rule *rule = &rules[number];
    struct err err = {0};
    bool holds = true;
    check->skip = NULL;
    if (check->stage < rule->needs) {
        check->skip = lacks[rule->needs];
    } else {
        holds = rule->holds(check, &err);
    }
    printf("%sok %zu - %s%s%s\n", holds ? "" : "not ", number + 1, rule->name,
           check->skip != NULL ? " # SKIP " : "",
           check->skip != NULL ? check->skip : "");
    if (!holds) {
        print_failure(check, &err);
    }
    if (number == 0 && holds) {
        print_comment(slice_of(check->about));
    }
    (void)fflush(stdout);
    talk_end(&check->talk);
    return holds;
}

static int
check_all(struct check *check)
{
    size_t broken = 0;
    printf("TAP version 14\n1..%zu\n", RULE_COUNT);
    for (size_t i = 0; i < RULE_COUNT; i++) {
        broken += check_rule(check, i) ? 0 : 1;
    }
    if (broken > 0) {
        printf("# %zu of %zu rules of docs/protocol/adapter.md are broken\n",
               broken, RULE_COUNT);
    }
    return broken > 0 ? EXIT_FAILED : EXIT_PASSED;
}

static bool
has_command(struct check *check, struct err *err)
{
    const struct texts *words = &check->settings.labels;
    if (words->count == 0) {
        err_set(err, ERR_USAGE, "no adapter to check");
        return err_hint(err, "mule adapter-check COMMAND [ARGUMENT...]");
    }
    return !interpreter_is_wanted(words) ||
           interpreter_find_for(&check->interpreter, &check->settings, words,
                                err);
}

static int
check_with(struct check *check, struct probe *probe)
{
    talk_init(&check->talk, probe, &check->settings);
    if (check->interpreter.argv.count > 0) {
        check->talk.argv = interpreter_argv(&check->interpreter);
    }
    int status = check_all(check);
    talk_release(&check->talk);
    probe_free(probe);
    return status;
}

int
cmd_adapter_check(int argc, char **argv)
{
    struct check check = {.stage = STAGE_NONE};
    struct err err = {0};
    int status = EXIT_PASSED;
    if (!command_configure(COMMAND_ADAPTER_CHECK, argc, argv, &check.settings,
                           &status)) {
        return status;
    }
    struct probe *probe = has_command(&check, &err) ? probe_new(&err) : NULL;
    status = probe == NULL ? command_fail(&err) : check_with(&check, probe);
    free(check.id);
    free(check.module);
    interpreter_release(&check.interpreter);
    settings_release(&check.settings);
    return status;
}
