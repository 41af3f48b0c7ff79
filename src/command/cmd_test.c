#include "command/command.h"
#include "command/engine.h"
#include "command/identity.h"
#include "command/keeping.h"
#include "command/reporters.h"
#include "command/rerun.h"
#include "command/test_exactly.h"
#include "fleet/git_words.h"
#include "loop/signals.h"
#include "report/fanout.h"
#include "report/recording.h"
#include "report/screen.h"
#include "report/terminal.h"
#include "run/sequence.h"
#include "util/buf.h"
#include "util/escape.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_LINE_MAX ((size_t)1 << 20)

/* mule test: run, and tell everybody who wants to know. */
struct test_command {
    const char *name;
    struct settings settings;
    const struct texts *exactly; // ids; NULL: what is selected runs
    const char *hash_seed;       // NULL: drawn
    struct sequence sequence;
    struct engine *engine;
    struct keeping *keeping; // or NULL
    struct rerun *rerun;
    struct event_sink *fanout;
    struct event_sink *terminal;  // owned by the fan-out
    struct event_sink *recording; // likewise; NULL: there is none
    struct buf line;              // the command line
    int fd;                       // where people read
    int width;                    // columns there
};

static void
add_terminal(struct test_command *command)
{
    const struct settings *settings = &command->settings;
    struct terminal_params params;
    reporters_describe_terminal(settings, &params);
    if (settings->capture == CAPTURE_NONE || settings->pdb) {
        params.live = false; // the terminal belongs to the test
    }
    command->fd = params.fd;
    command->width = params.width;
    command->terminal = terminal_new(&params);
    fanout_add(command->fanout, command->terminal);
}

static bool
add_recording(struct test_command *command, struct err *err)
{
    const struct recording_params params = {
        .path = command->settings.record,
        .items = engine_items(command->engine),
    };
    if (params.path == NULL) {
        return true;
    }
    command->recording = recording_new(&params, err);
    fanout_add(command->fanout, command->recording);
    return command->recording != NULL;
}

static bool
add_sinks(struct test_command *command, struct err *err)
{
    command->fanout = fanout_new();
    keeping_begin(command->keeping,
                  &(struct keeping_run){
                      .build_id = engine_about(command->engine)->build_id,
                      .items = engine_items(command->engine),
                      .fanout = command->fanout,
                  });
    if (!add_recording(command, err) ||
        !reporters_add(command->fanout, &command->settings, REPORTERS_OF_RUN,
                       err)) {
        return false;
    }
    add_terminal(command);
    return true;
}

static void
on_tick(void *ctx, uint64_t now_us)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_tick(command->terminal, now_us);
    }
    if (command->recording != NULL &&
        fanout_has(command->fanout, command->recording)) {
        recording_tick(command->recording, now_us);
    }
    keeping_tick(command->keeping, now_us);
}

static void
on_asked(void *ctx, uint64_t now_us)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_show_running(command->terminal, now_us);
    }
}

static void
on_resize(void *ctx)
{
    struct test_command *command = ctx;
    int height = 0;
    screen_measure(command->fd, &command->width, &height);
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_resize(command->terminal, command->width, height);
    }
}

static void
on_hide(void *ctx)
{
    struct test_command *command = ctx;
    if (fanout_has(command->fanout, command->terminal)) {
        terminal_hide(command->terminal);
    }
}

static const struct outside_events outside_events = {
    .on_tick = on_tick,
    .on_asked = on_asked,
    .on_resize = on_resize,
    .on_hide = on_hide,
};

/* It gets into reports, recordings and the store: no password of a URL may. */
static void
note_command_line(struct test_command *command, int argc, char **argv)
{
    struct buf word = BUF_INIT(COMMAND_LINE_MAX);
    buf_init(&command->line, COMMAND_LINE_MAX);
    buf_addf(&command->line, "mule %s", command->name);
    for (int i = 0; i < argc; i++) {
        buf_reset(&word);
        git_words_add_masked(&word, slice_of(argv[i]));
        buf_add_char(&command->line, ' ');
        escape_shell(&command->line, buf_slice(&word));
    }
    buf_release(&word);
}

/* What past builds know, and what of them is still to pass. */
static bool
look_back(struct test_command *command, int argc, char **argv, struct err *err)
{
    command->keeping = keeping_new(&command->settings, err);
    if (err_is_set(err)) {
        return false;
    }
    command->rerun = rerun_new(&command->settings, argc, argv, err);
    if (command->rerun != NULL) {
        rerun_know(command->rerun, keeping_history(command->keeping));
    }
    return command->rerun != NULL;
}

static int
run_command(struct test_command *command, struct err *err)
{
    struct sequence *sequence = NULL;
    if (command->exactly != NULL) {
        sequence = &command->sequence;
        sequence_init(sequence, command->exactly);
    }
    command->engine = engine_new(
        &(struct engine_params){
            .settings = &command->settings,
            .command = buf_text(&command->line),
            .history = keeping_history(command->keeping),
            .filter = rerun_filter(command->rerun),
            .sequence = sequence,
            .hash_seed = command->hash_seed,
            .outside = &outside_events,
            .ctx = command,
        },
        err);
    if (command->engine == NULL || !add_sinks(command, err)) {
        return EXIT_BROKEN;
    }
    int status = engine_run(command->engine,
                            rerun_sink(command->rerun, command->fanout), err);
    if (!keeping_gave_up(command->keeping)) {
        rerun_finish(command->rerun);
    }
    if (!err_is_set(err) && engine_signal(command->engine) == 0 &&
        !engine_finish(command->engine, command->fd, err)) {
        return EXIT_BROKEN;
    }
    if (status == EXIT_PASSED && fanout_failed(command->fanout) > 0) {
        *err = *fanout_failure(command->fanout);
        status = EXIT_BROKEN; // a report that was asked for is missing
    }
    return status;
}

/* Runs it to its end, and releases all of it. */
static int
complete(struct test_command *command, int argc, char **argv)
{
    struct err err = {0};
    identity_draw_seed(&command->settings);
    note_command_line(command, argc, argv);
    int status = look_back(command, argc, argv, &err)
                     ? run_command(command, &err)
                     : EXIT_BROKEN;
    int signo = command->engine != NULL ? engine_signal(command->engine) : 0;
    if (command->fanout != NULL) {
        command->fanout->ops->free(command->fanout);
    }
    engine_free(command->engine);
    keeping_free(command->keeping);
    rerun_free(command->rerun);
    sequence_release(&command->sequence);
    settings_release(&command->settings);
    buf_release(&command->line);
    if (err_is_set(&err)) {
        status = command_fail(&err);
    }
    if (signo != 0) {
        signals_die_of(signo);
    }
    return status;
}

/* One process runs it all, in its order. */
static void
settle_exactly(struct settings *settings)
{
    settings->isolation = ISOLATION_WORKER;
    settings->order = ORDER_GIVEN;
    settings->distributed = false;
    settings->slots = 1;
}

int
test_exactly(struct settings *settings, const struct texts *ids,
             const char *hash_seed, int argc, char **argv)
{
    struct test_command command = {
        .name = "replay",
        .settings = *settings,
        .exactly = ids,
        .hash_seed = hash_seed[0] != '\0' ? hash_seed : NULL,
    };
    *settings = (struct settings){0};
    settle_exactly(&command.settings);
    command.settings.no_store = true; // it is no build of what was asked for
    return complete(&command, argc, argv);
}

int
cmd_test(int argc, char **argv)
{
    struct test_command command = {.name = "test"};
    int status = 0;
    if (!command_configure(COMMAND_TEST, argc, argv, &command.settings,
                           &status)) {
        return status;
    }
    if (command.settings.exactly) {
        command.exactly = &command.settings.labels;
        settle_exactly(&command.settings);
    }
    return complete(&command, argc, argv);
}
