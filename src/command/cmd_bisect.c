#include "command/bisect_words.h"
#include "command/command.h"
#include "command/engine.h"
#include "command/plain_sink.h"
#include "command/recorded.h"
#include "loop/signals.h"
#include "report/past_process.h"
#include "util/now.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* mule bisect: find what runs before a test and makes it fail, or pass. */
struct bisect_command {
    struct settings settings;
    char *test;
    struct past_process past;
    struct prober *prober;
    struct engine *engine;
    struct bisect_words words;
    struct buf line;
    bool live;    // the line of progress is written over
    size_t shown; // its length
    int stage;    // that was told; -1: none
    usec began;
};

// ---------------------------------------------------------------- progress

/* Takes the line of progress away. */
static void
clear_line(struct bisect_command *command)
{
    if (command->shown > 0) {
        fputs("\r\033[K", stdout);
        command->shown = 0;
    }
}

static void
on_state(void *ctx, const struct prober_state *state)
{
    struct bisect_command *command = ctx;
    if (command->settings.verbosity == 0) {
        return;
    }
    if ((int)state->stage != command->stage) {
        command->stage = (int)state->stage;
        command->words.items = engine_items(command->engine);
        clear_line(command);
        buf_reset(&command->line);
        bisect_words_stage(&command->words, state, &command->line);
        printf("%s: alone, and %s\n", command->test, buf_text(&command->line));
        (void)fflush(stdout);
        return;
    }
    if (command->live || command->settings.verbosity > 1) {
        buf_reset(&command->line);
        bisect_words_progress(state, &command->line);
        clear_line(command);
        printf("%s%s", buf_text(&command->line), command->live ? "" : "\n");
        command->shown = command->live ? command->line.len : 0;
        (void)fflush(stdout);
    }
}

// ------------------------------------------------------------ what is known

/* The first label is the test; the others say where to look for tests. */
static bool
take_test(struct bisect_command *command, struct err *err)
{
    struct settings *settings = &command->settings;
    struct texts *labels = &settings->labels;
    if (labels->count == 0) {
        err_set(err, ERR_USAGE, "which test is to be looked at?");
        return err_hint(err, "mule bisect TEST: its id as `mule list` and "
                             "reports have it, or the name of its class");
    }
    if (settings->tap || settings->runner != NULL) {
        return err_set(err, ERR_USAGE,
                       "programs have a process each: none of them can fail "
                       "for what another one left in its own");
    }
    command->test = labels->at[0];
    memmove(labels->at, labels->at + 1,
            (size_t)labels->count * sizeof(labels->at[0]));
    labels->count--;
    settings->isolation = ISOLATION_WORKER;
    settings->distributed = false;
    settings->max_fail = 0;
    return true;
}

static void
warn_missing(const struct past_process *past)
{
    if (past->missing.len > 0) {
        fprintf(stderr, "mule: warning: the recording is not whole: %s\n",
                buf_text(&past->missing));
    }
}

/* Of the build that was named. */
static bool
read_build(struct bisect_command *command, struct err *err)
{
    struct past_process *past = &command->past;
    char *path =
        recorded_find(&command->settings, command->settings.build, err);
    bool fine =
        path != NULL && past_process_before(past, path, command->test, err);
    if (fine && past->number == 0) {
        err_set(err, ERR_USAGE, "\"%.200s\" did not run in %s", command->test,
                path);
        err_hint(err, "without --build, what is found before it runs before "
                      "it");
        fine = false;
    }
    free(path);
    if (fine) {
        warn_missing(past);
    }
    if (fine && !past->bad) {
        fprintf(stderr, "mule: note: it did not fail in that build; this is "
                        "the process in which it ran\n");
    }
    return fine;
}

/* Of the last build, if it failed there after others. */
static void
read_last_build(struct bisect_command *command)
{
    struct past_process *past = &command->past;
    struct err err = {0};
    char *path = recorded_find(&command->settings, NULL, &err);
    if (path == NULL || !past_process_before(past, path, command->test, &err) ||
        !past->bad || past->ids.count == 0) {
        past_process_release(past); // it says nothing
    } else {
        warn_missing(past);
    }
    free(path);
}

static bool
read_recording(struct bisect_command *command, struct err *err)
{
    if (command->settings.build != NULL) {
        return read_build(command, err);
    }
    read_last_build(command);
    return true;
}

static void
describe(struct bisect_command *command)
{
    const struct past_process *past = &command->past;
    bool given = past->number > 0;
    command->words = (struct bisect_words){
        .test = command->test,
        .build = given ? past->build : NULL,
        .process = past->number,
        .rerun = engine_rerun(command->engine),
        .hash_seed = engine_about(command->engine)->hash_seed,
        .items = engine_items(command->engine),
    };
}

static void
print_result(struct bisect_command *command)
{
    struct prober_state state;
    double seconds = (double)(now_usec() - command->began) / 1e6;
    prober_look(command->prober, &state);
    clear_line(command);
    struct buf text = BUF_INIT((size_t)64 << 20);
    bisect_words_result(&command->words, &state, &text);
    printf("\n%s", buf_text(&text));
    printf("%u probes, %llu tests in all, %.1fs\n", state.probes,
           (unsigned long long)state.tests, seconds);
    if (state.missing > 0) {
        printf("%u of the tests that ran before it are not found any more\n",
               state.missing);
    }
    buf_release(&text);
}

static int
look_for_it(struct bisect_command *command, struct err *err)
{
    const struct past_process *past = &command->past;
    bool given = past->number > 0;
    struct plain_sink sink;
    plain_sink_init(&sink, command->settings.verbosity);
    command->prober = prober_new(&(struct prober_params){
        .test = command->test,
        .before = given ? &past->ids : NULL,
        .before_only = command->settings.build != NULL,
        .on_state = on_state,
        .ctx = command,
    });
    bool seeded = given && past->hash_seed[0] != '\0';
    command->engine = engine_new(
        &(struct engine_params){
            .settings = &command->settings,
            .prober = command->prober,
            .hash_seed = seeded ? past->hash_seed : NULL,
        },
        err);
    if (command->engine == NULL) {
        return EXIT_BROKEN;
    }
    describe(command);
    int status = engine_run(command->engine, &sink.sink, err);
    if (err_is_set(err) || status == EXIT_NOTHING) {
        return status;
    }
    struct prober_state state;
    prober_look(command->prober, &state);
    if (state.items != NULL) {
        print_result(command);
    }
    return status == EXIT_PASSED && !bisect_words_is_found(&state) ? EXIT_FAILED
                                                                   : status;
}

int
cmd_bisect(int argc, char **argv)
{
    struct bisect_command command = {.stage = -1};
    int status = 0;
    if (!command_configure(COMMAND_BISECT, argc, argv, &command.settings,
                           &status)) {
        return status;
    }
    struct err err = {0};
    command.began = now_usec();
    command.live = isatty(STDOUT_FILENO) != 0;
    buf_init(&command.line, (size_t)1 << 16);
    if (take_test(&command, &err) && read_recording(&command, &err)) {
        status = look_for_it(&command, &err);
    }
    int signo = command.engine != NULL ? engine_signal(command.engine) : 0;
    prober_free(command.prober);
    engine_free(command.engine);
    past_process_release(&command.past);
    free(command.test);
    settings_release(&command.settings);
    buf_release(&command.line);
    if (err_is_set(&err)) {
        status = command_fail(&err);
    }
    if (signo != 0) {
        signals_die_of(signo);
    }
    return status;
}
