#include "command/replay_process.h"

#include "command/command.h"
#include "command/recorded.h"
#include "command/test_exactly.h"
#include "report/past_process.h"
#include "util/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_tests(const struct past_process *past)
{
    struct buf line = BUF_INIT((size_t)1 << 20);
    for (int i = 0; i < past->ids.count; i++) {
        buf_reset(&line);
        escape_terminal(&line, slice_of(past->ids.at[i]), ESCAPE_ONE_LINE);
        puts(buf_text(&line));
    }
    buf_release(&line);
}

/*
 * The tests of a process may lie in modules that only other labels find: what
 * was named for the build is not known here, so everything is collected.
 */
static int
run_tests(struct settings *settings, const struct past_process *past, int argc,
          char **argv)
{
    if (settings->tap || settings->runner != NULL) {
        struct err err = {0};
        err_set(&err, ERR_USAGE,
                "programs have a process each: `mule test` runs one again");
        return command_fail(&err);
    }
    texts_release(&settings->labels);
    settings->labels = (struct texts){0};
    if (past->isolation[0] != '\0' && strcmp(past->isolation, "worker") != 0) {
        fprintf(stderr,
                "mule: note: that build ran with --isolation %s: what runs "
                "here in one process may have run in forks of it\n",
                past->isolation);
    }
    return test_exactly(settings, &past->ids, past->hash_seed, argc, argv);
}

/* The path of the recording, to be freed. NULL with err. */
static char *
find_recording(struct settings *settings, struct err *err)
{
    struct texts *labels = &settings->labels;
    if (settings->process == 0) {
        err_set(err, ERR_USAGE, "which process is to be run again?");
        err_hint(err, "mule replay --process K --execute; events of tests "
                      "name their process");
        return NULL;
    }
    if (labels->count > 1) {
        err_set(err, ERR_USAGE, "one build at a time");
        return NULL;
    }
    return recorded_find(settings, labels->count > 0 ? labels->at[0] : NULL,
                         err);
}

int
replay_process(struct settings *settings, int argc, char **argv)
{
    struct past_process past = {0};
    struct err err = {0};
    int status = EXIT_PASSED;
    char *path = find_recording(settings, &err);
    bool fine =
        path != NULL && past_process_read(&past, path, settings->process, &err);
    if (fine && past.missing.len > 0) {
        fprintf(stderr, "mule: warning: the recording is not whole: %s\n",
                buf_text(&past.missing));
    }
    if (fine && past.ids.count == 0) {
        err_set(&err, ERR_USAGE, "no test ended in process %u of build %s",
                settings->process, past.build[0] != '\0' ? past.build : path);
        err_hint(&err, "the events of a test and `mule report --json` name "
                       "its process");
        fine = false;
    }
    if (!fine) {
        status = command_fail(&err);
    } else if (settings->execute) {
        status = run_tests(settings, &past, argc, argv);
    } else {
        print_tests(&past);
    }
    past_process_release(&past);
    settings_release(settings);
    free(path);
    return status;
}
