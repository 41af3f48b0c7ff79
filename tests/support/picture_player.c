/*
 * Plays a run of any size to the HTML report or to the trace, the same each
 * time, for tests of the page and for whoever wants to look at it:
 *
 *     picture_player html|trace FILE TESTS [SLOTS [WORKERS]]
 *
 * Of the tests about one in a hundred fails, some are flaky, some skipped.
 * With WORKERS the slots are those of a fleet. What tests say includes what
 * would break a page that takes it as it is.
 */
#include <math.h>

#include "../unit/play.h"
#include "report/html.h"
#include "report/trace.h"
#include "util/alloc.h"

#define TRACEBACK                                                       \
    "Traceback (most recent call last):\n"                              \
    "  File \"/src/shop/tests/test_cart.py\", line 31, in test_total\n" \
    "    self.assertEqual(cart.total(), 12)\n"                          \
    "AssertionError: 13 != 12\n"
#define EVIL                                                             \
    "</script><script>alert(1)</script><!-- &lt; \xe2\x80\xa8 \xff\xc3(" \
    " \x1b[31mred\x1b[0m \x01\x7f \xf0\x9f\x90\xb4 \\u003c \"quoted\" '"

enum {
    MOST_SLOTS = 20000,
    CLASS_TESTS = 20,
};

struct player {
    struct play play;
    uint64_t seed;
    int slots;
    int workers;
    uint64_t *free_us; // when each slot is free again
    char worker[64];
};

static uint64_t
next_random(struct player *player)
{
    player->seed = player->seed * UINT64_C(6364136223846793005) +
                   UINT64_C(1442695040888963407);
    return player->seed >> 33;
}

// Most tests are quick, a few take long.
static uint64_t
next_us(struct player *player)
{
    double sum = 0;

    for (int i = 0; i < 6; i++) {
        sum += (double)(next_random(player) % 1000) / 1000;
    }
    return (uint64_t)(exp((sum - 3) * 2.2) * 12000) + 40;
}

static const char *
worker_of(struct player *player, int slot)
{
    if (player->workers == 0) {
        return "";
    }
    (void)snprintf(player->worker, sizeof(player->worker), "mule@node%d",
                   slot / (player->slots / player->workers));
    return player->worker;
}

static struct outcome
choose_outcome(struct player *player, uint32_t number,
               const struct finding *findings)
{
    struct outcome outcome = {.state = STATE_PASSED};
    uint64_t die = next_random(player) % 1000;

    if (die < 8 || number == 7) {
        outcome.state = die < 5 ? STATE_FAILED : STATE_ERROR;
        outcome.findings = findings;
        outcome.finding_count = number == 7 || die % 2 ? 2 : 1;
        outcome.out = (struct output){.head = SLICE("cart: 3 items\n" EVIL)};
        outcome.err = (struct output){.head = SLICE("warning: slow disk\n"),
                                      .tail = SLICE("that was all\n"),
                                      .cut = 123456};
    } else if (die < 10) {
        outcome.state = die == 8 ? STATE_TIMEOUT : STATE_CRASHED;
    } else if (die < 30) {
        outcome.state = STATE_SKIPPED;
        outcome.reason = SLICE("no server on this machine");
    } else if (die < 34) {
        outcome.state = STATE_XFAILED;
    }
    return outcome;
}

/* A test that fails once, where it is flaky, and then ends as it does. */
static void
play_tries(struct player *player, struct event *event, struct outcome *outcome,
           bool flaky)
{
    const struct finding once = {.kind = FINDING_FAILURE,
                                 .message = SLICE("once more")};
    int slot = event->test.slot;
    for (int try = flaky ? 0 : 1; try < 2; try++) {
        const struct outcome last = *outcome;
        event->test.began_us = player->free_us[slot];
        event->test.us = next_us(player);
        player->free_us[slot] += event->test.us + 30;
        player->play.us = player->free_us[slot];
        if (try == 0) {
            outcome->state = STATE_FAILED;
            outcome->findings = &once;
            outcome->finding_count = 1;
        } else {
            event->kind = EVENT_TEST_FINISHED;
            event->test.tries = flaky ? 2 : 1;
            event->test.flaky = flaky;
        }
        outcome->us = event->test.us;
        play_event(&player->play, *event);
        *outcome = last;
    }
    tally_add(&player->play.tally, outcome);
    player->play.tally.flaky += flaky;
    player->play.tally.quarantined +=
        event->test.quarantined && state_is_bad(outcome->state);
}

static void
play_one_test(struct player *player, uint32_t number, const char *job, int slot)
{
    const struct finding findings[] = {
        {.kind = FINDING_FAILURE,
         .where = SLICE("test"),
         .type = SLICE("AssertionError"),
         .message = SLICE("13 != 12 : the total of the cart"),
         .trace = SLICE(TRACEBACK),
         .file = SLICE("/src/shop/tests/test_cart.py"),
         .line = 31},
        {.kind = FINDING_ERROR,
         .where = SLICE("subtest"),
         .sub = SLICE("(i=3)"),
         .type = SLICE("ValueError"),
         .message = SLICE(EVIL),
         .trace = SLICE(TRACEBACK "ValueError: " EVIL)},
    };
    char id[160];
    char file[80];
    struct outcome outcome = choose_outcome(player, number, findings);
    bool flaky = number % 97 == 50 && outcome.state == STATE_PASSED;
    struct event event = {.kind = EVENT_TEST_ATTEMPT};

    (void)snprintf(id, sizeof(id), "%s.test_%s_%u", job,
                   number % 3 ? "adds_an_item" : "keeps_its_total", number);
    (void)snprintf(file, sizeof(file), "tests/module_%u/test_cart.py",
                   number / CLASS_TESTS % 200);
    outcome.ran = true;
    outcome.counted = true;
    event.test = (struct event_test){
        .number = number,
        .id = id,
        .job = job,
        .file = file,
        .line = number % 400 + 1,
        .slot = slot,
        .attempt = 1,
        .tries = 1,
        .process = (uint32_t)slot + 1,
        .worker = worker_of(player, slot),
        .outcome = &outcome,
        .rerun = state_is_bad(outcome.state) || flaky
                     ? "mule test tests.test_cart.Cart.test_total"
                     : NULL,
        .quarantined = number % 331 == 7,
    };
    play_tries(player, &event, &outcome, flaky);
}

static void
play_one_job(struct player *player, uint32_t first, uint32_t count, int slot)
{
    char name[96];
    struct event event = {.kind = EVENT_JOB_STARTED};
    uint64_t began = player->free_us[slot];

    (void)snprintf(name, sizeof(name), "shop.module_%u.test_cart_%u.CartTest%u",
                   first / CLASS_TESTS % 200, first / CLASS_TESTS % 7,
                   first / CLASS_TESTS);
    player->play.us = began;
    event.job = (struct event_job){.number = first / CLASS_TESTS,
                                   .name = name,
                                   .file = "tests/test_cart.py",
                                   .items = count,
                                   .slot = slot,
                                   .attempt = 1,
                                   .process = (uint32_t)slot + 1,
                                   .expect_us = 600000,
                                   .worker = worker_of(player, slot)};
    play_event(&player->play, event);
    player->free_us[slot] += 4000 + next_random(player) % 20000;
    for (uint32_t i = 0; i < count; i++) {
        play_one_test(player, first + i, name, slot);
    }
    player->free_us[slot] += next_random(player) % 8000;
    player->play.us = player->free_us[slot];
    event.kind = EVENT_JOB_FINISHED;
    event.job.worker = worker_of(player, slot);
    event.job.us = player->play.us - began;
    event.job.usage = (struct usage){200000, 30000, 45056};
    play_event(&player->play, event);
    player->free_us[slot] += 500;
}

static int
first_free(const struct player *player)
{
    int found = 0;

    for (int i = 1; i < player->slots; i++) {
        if (player->free_us[i] < player->free_us[found]) {
            found = i;
        }
    }
    return found;
}

static void
play_workers(struct player *player)
{
    for (int i = 0; i < player->workers; i++) {
        int slots = player->slots / player->workers;
        struct event event = {
            .kind = EVENT_WORKER,
            .worker = {.what = WORKER_JOINED,
                       .host = i % 2 ? "hall" : "cellar",
                       .kind = "native",
                       .base = i * slots,
                       .slots = slots,
                       .us = 800000},
        };
        event.worker.node = worker_of(player, i * slots);
        play_event(&player->play, event);
    }
}

static void
play_all(struct player *player, uint32_t tests)
{
    uint64_t end = 0;

    play_start(&player->play, player->workers > 0 ? 0 : player->slots);
    player->play.us = 250000;
    play_collected(&player->play, tests,
                   (tests + CLASS_TESTS - 1) / CLASS_TESTS);
    play_workers(player);
    for (int i = 0; i < player->slots; i++) {
        player->free_us[i] = 300000;
    }
    play_note(&player->play, NOTE_WARNING, "2 jobs ran alone: " EVIL,
              "name their resources in mule.yaml");
    for (uint32_t first = 0; first < tests; first += CLASS_TESTS) {
        uint32_t left = tests - first;
        play_one_job(player, first, left < CLASS_TESTS ? left : CLASS_TESTS,
                     first_free(player));
    }
    for (int i = 0; i < player->slots; i++) {
        end = player->free_us[i] > end ? player->free_us[i] : end;
    }
    player->play.us = end;
    play_end(&player->play, STOP_NONE,
             tally_is_green(&player->play.tally) ? 0 : 1);
}

static size_t
past_builds(struct html_history *history, const struct html_build *now,
            struct html_build *builds, size_t most)
{
    size_t count = most < 24 ? most : 24;

    (void)history;
    for (size_t i = 0; i < count; i++) {
        builds[i] = (struct html_build){
            .wall_ms = now->wall_ms - (int64_t)(count - i) * 3600000,
            .us = 3000000 + i * i % 7 * 400000,
            .selected = 90 + (uint32_t)i,
            .bad = i % 5 == 3 ? 2 : 0,
            .flaky = i % 4 == 1,
            .exit_status = i % 5 == 3,
        };
        (void)snprintf(builds[i].id, sizeof(builds[i].id), "b%05zu", i);
    }
    return count;
}

static void
past_tests(struct html_history *history, const struct html_build *now,
           struct html_past *pasts, size_t count)
{
    (void)history;
    (void)now;
    for (size_t i = 0; i < count; i++) {
        size_t seed = pasts[i].id.len + i;
        pasts[i].count = 12;
        for (size_t k = 0; k < pasts[i].count; k++) {
            pasts[i].points[k] = (struct html_point){
                .us = 20000 + (k * 7 + seed) % 11 * 3000,
                .state = (k + seed) % 5 == 0 ? STATE_FAILED : STATE_PASSED,
                .flaky = k == 3,
            };
        }
    }
}

static void
past_free(struct html_history *history)
{
    (void)history;
}

static const struct html_history_ops history_ops = {past_builds, past_tests,
                                                    past_free};

int
main(int argc, char **argv)
{
    struct html_history history = {&history_ops};
    struct player player = {.seed = 1};
    struct err err = {0};

    if (argc < 4) {
        (void)fprintf(stderr,
                      "usage: %s html|trace FILE TESTS [SLOTS "
                      "[WORKERS]]\n",
                      argv[0]);
        return 2;
    }
    uint64_t numbers[] = {0, 8, 0}; // tests, slots, workers
    for (int i = 3; i < argc && i < 6; i++) {
        if (!slice_to_uint(slice_of(argv[i]), UINT32_MAX, &numbers[i - 3])) {
            return 2;
        }
    }
    player.slots = (int)numbers[1];
    player.workers = (int)numbers[2];
    if (player.slots < 1 || player.slots > MOST_SLOTS ||
        player.workers > player.slots) {
        return 2;
    }
    player.free_us = alloc_zero((size_t)player.slots, sizeof(uint64_t));
    player.play.sink = strcmp(argv[1], "trace") == 0
                           ? trace_new(argv[2], &err)
                           : html_new(argv[2], &history, &err);
    if (player.play.sink == NULL) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    play_all(&player, (uint32_t)numbers[0]);
    player.play.sink->ops->free(player.play.sink);
    free(player.free_us);
    if (player.play.failed) {
        (void)fprintf(stderr, "%s\n", player.play.err.text);
    }
    return player.play.failed;
}
