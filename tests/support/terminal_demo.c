/*
 * Plays a run to the terminal report, to look at it: by eye, or by what
 * tmux's capture-pane says. Not a test.
 *
 *     terminal_demo [VERBOSITY [TESTS [MICROSECONDS-A-TEST]]]
 */
#include <poll.h>
#include <sys/ioctl.h>

#include "../unit/play.h"
#include "report/terminal.h"

#define TRACE                                                           \
    "Traceback (most recent call last):\n"                              \
    "  File \"/src/shop/tests/test_shop.py\", line 31, in test_total\n" \
    "    self.assertEqual(cart.total(), 12)\n"                          \
    "AssertionError: 13 != 12\n"

// As long as a test takes, of which four run at a time.
static void
wait_us(struct play *play, uint64_t us)
{
    poll(NULL, 0, (int)(us / 4000));
    terminal_tick(play->sink, play->us);
}

static void
play_one(struct play *play, unsigned i, uint64_t us)
{
    char id[128];
    struct finding finding = {
        .kind = FINDING_FAILURE,
        .type = SLICE("AssertionError"),
        .message = SLICE("13 != 12"),
        .trace = SLICE(TRACE),
        .file = SLICE("tests/test_shop.py"),
        .line = 31,
    };
    struct outcome outcome = {.state = STATE_PASSED};

    snprintf(id, sizeof(id), "tests.test_shop.Cart%u.test_total_%u", i / 10,
             i % 10);
    if (i % 97 == 40) {
        outcome = (struct outcome){
            .state = STATE_FAILED,
            .findings = &finding,
            .finding_count = 1,
            .out = {.head = SLICE("adding 3 of \x1b[31mred\x1b[0m shoes\n"),
                    .tail = SLICE("total is 13"),
                    .cut = 123456},
            .err = {.head = SLICE("warning: rounding\a\n")},
        };
    } else if (i % 31 == 7) {
        outcome.state = STATE_SKIPPED;
        outcome.reason = SLICE("needs a payment server");
    } else if (i % 151 == 100) {
        outcome.state = STATE_XFAILED;
    } else if (i % 301 == 200) {
        outcome.state = STATE_CRASHED;
        outcome.reason = SLICE("killed by signal 11 (SIGSEGV)");
    }
    play_test(play, id, (int)(i / 10 % 4), us * (1 + i % 7), outcome);
}

int
main(int argc, char **argv)
{
    struct winsize size = {0};
    bool live = isatty(1) == 1 && ioctl(1, TIOCGWINSZ, &size) == 0;
    char *end = NULL;
    unsigned count = argc > 2 ? (unsigned)strtoull(argv[2], &end, 10) : 400;
    uint64_t us = argc > 3 ? strtoull(argv[3], &end, 10) : 10000;
    struct terminal_params params = {
        .fd = 1,
        .live = live,
        .width = live ? size.ws_col : 80,
        .height = size.ws_row,
        .colour = live,
        .unicode = live,
        .verbosity = argc > 1 ? (int)strtoull(argv[1], &end, 10) : 1,
        .slowest = 5,
    };
    struct play play = {.sink = terminal_new(&params)};
    char job[64];

    play_start(&play, 4);
    play.us = 312000;
    play_collected(&play, count, (count + 9) / 10);
    play_begin(&play, "tests.test_shop.Payment.test_a_very_slow_server", 4);
    for (unsigned i = 0; i < count; i++) {
        snprintf(job, sizeof(job), "tests.test_shop.Cart%u", i / 10);
        if (i % 10 == 0) {
            play_job(&play, EVENT_JOB_STARTED, job, (int)(i / 10 % 4), 0);
        }
        play_one(&play, i, us);
        if (i % 10 == 9) {
            play_job(&play, EVENT_JOB_FINISHED, job, (int)(i / 10 % 4),
                     us * 36);
        }
        wait_us(&play, us * (1 + i % 7));
    }
    play_end(&play, STOP_NONE, 1);
    play.sink->ops->free(play.sink);
    return 0;
}
