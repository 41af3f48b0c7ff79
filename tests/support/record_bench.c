/*
 * What a recording costs: record_bench [-n TESTS] [-p EVERY] [-r] FILE
 *
 * Plays a build of so many tests, ten in a class, into FILE and prints
 * processor time a test, by getrusage; every EVERY-th test fails and prints.
 * With -r, FILE is read again and the events in it are counted. One line of
 * JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/items.h"
#include "report/recording.h"
#include "report/recording_reader.h"

enum {
    IN_A_CLASS = 10
};

struct bench {
    struct event_sink *sink;
    struct items *items;
    uint32_t tests;
    uint32_t every;
    uint64_t us;
};

static double
cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void
tell(struct bench *bench, struct event event)
{
    struct err err = {0};

    event.us = bench->us;
    event.wall_ms = INT64_C(1322020000000) + (int64_t)(bench->us / 1000);
    if (!bench->sink->ops->on_event(bench->sink, &event, &err)) {
        fprintf(stderr, "record_bench: %s\n", err.text);
        exit(3);
    }
}

static void
tell_test(struct bench *bench, const char *job, uint32_t number)
{
    char id[128];
    char text[400];
    bool bad = bench->every > 0 && number % bench->every == 0;
    struct finding finding = {
        .kind = FINDING_FAILURE,
        .type = SLICE("AssertionError"),
        .message = SLICE("1 != 2"),
        .trace = SLICE("Traceback (most recent call last):\n  File \"x.py\", "
                       "line 7, in test\n    self.assertEqual(1, 2)\n"),
    };
    struct outcome outcome = {
        .state = bad ? STATE_FAILED : STATE_PASSED,
        .ran = true,
        .counted = true,
    };
    uint64_t us = 50 + number * UINT64_C(2654435761) % 1000;

    snprintf(id, sizeof(id), "%s.test_number_%" PRIu32, job, number);
    if (bad) {
        snprintf(text, sizeof(text),
                 "connecting to port %" PRIu32 "\nanswer %" PRIu32
                 " after %" PRIu32 " us\nclosing the connection again\n",
                 number % 60000, number * 77, number % 9973);
        outcome.findings = &finding;
        outcome.finding_count = 1;
        outcome.out.head = slice_of(text);
    }
    struct event event = {
        .kind = EVENT_TEST_FINISHED,
        .test = {.number = number,
                 .id = id,
                 .job = job,
                 .file = "tests/shop/test_cart.py",
                 .line = number % 400 + 10,
                 .slot = (int)(number / IN_A_CLASS % 8),
                 .attempt = 1,
                 .tries = 1,
                 .process = number / IN_A_CLASS + 1,
                 .worker = "",
                 .began_us = bench->us,
                 .us = us,
                 .outcome = &outcome,
                 .rerun = bad ? "mule test tests.shop.test_cart" : ""},
    };
    bench->us += us;
    tell(bench, event);
}

static void
name_class(uint32_t number, char *name, size_t size)
{
    snprintf(name, size, "tests.shop.test_cart_%" PRIu32 ".CartTest%" PRIu32,
             number / 50, number);
}

static void
collect(struct bench *bench)
{
    char name[96];

    for (uint32_t number = 0; number < bench->tests / IN_A_CLASS; number++) {
        name_class(number, name, sizeof(name));
        uint32_t job = items_add_job(
            bench->items,
            &(struct job_params){.name = slice_of(name), .kind = JOB_CLASS});
        for (uint32_t i = 0; i < IN_A_CLASS; i++) {
            char id[64];
            snprintf(id, sizeof(id), ".test_number_%" PRIu32,
                     number * IN_A_CLASS + i);
            items_add(bench->items, job, slice_of(id), 0);
        }
    }
}

static void
play(struct bench *bench)
{
    struct tally tally = {.selected = bench->tests};
    uint32_t jobs = bench->tests / IN_A_CLASS;
    char name[96];

    tell(bench, (struct event){.kind = EVENT_RUN_STARTED,
                               .run = {.build_id = "bench",
                                       .version = "1",
                                       .hostname = "here",
                                       .cwd = "/",
                                       .command = "mule test",
                                       .isolation = "class",
                                       .slots = 8}});
    tell(bench,
         (struct event){.kind = EVENT_COLLECTED,
                        .collected = {.items = bench->tests, .jobs = jobs}});
    for (uint32_t number = 0; number < jobs; number++) {
        name_class(number, name, sizeof(name));
        struct event event = {
            .kind = EVENT_JOB_STARTED,
            .job = {.number = number,
                    .name = name,
                    .file = "tests/shop/test_cart.py",
                    .items = IN_A_CLASS,
                    .slot = (int)(number % 8),
                    .attempt = 1,
                    .process = number + 1,
                    .worker = ""},
        };
        tell(bench, event);
        for (uint32_t i = 0; i < IN_A_CLASS; i++) {
            tell_test(bench, name, number * IN_A_CLASS + i);
        }
        event.kind = EVENT_JOB_FINISHED;
        event.job.us = 4000;
        tell(bench, event);
    }
    tell(bench, (struct event){.kind = EVENT_RUN_FINISHED,
                               .finished = {.tally = &tally, .us = bench->us}});
}

static uint64_t
read_again(const char *path)
{
    struct recording_entry entry;
    struct err err = {0};
    uint64_t count = 0;
    struct recording_reader *reader = recording_reader_open(
        path, RECORDING_WANT_OUTPUTS | RECORDING_WANT_SELECTED, &err);

    while (reader != NULL && recording_reader_next(reader, &entry)) {
        count++;
    }
    recording_reader_free(reader);
    return count;
}

int
main(int argc, char **argv)
{
    struct bench bench = {.tests = 100000, .every = 50};
    struct err err = {0};
    struct rusage usage;
    struct stat status = {0};
    int option = 0;
    bool reads = false;
    int64_t number = 0;

    while ((option = getopt(argc, argv, "n:p:r")) != -1) {
        if (option == 'r') {
            reads = true;
        } else if (!slice_to_int(slice_of(optarg), 0, 100000000, &number)) {
            return 4;
        } else if (option == 'n') {
            bench.tests = (uint32_t)number;
        } else if (option == 'p') {
            bench.every = (uint32_t)number;
        }
    }
    if (optind + 1 != argc) {
        return 4;
    }
    bench.items = items_new();
    collect(&bench);
    double began = cpu_us();
    bench.sink = recording_new(
        &(struct recording_params){.path = argv[optind], .items = bench.items},
        &err);
    if (bench.sink == NULL) {
        fprintf(stderr, "record_bench: %s\n", err.text);
        return 3;
    }
    play(&bench);
    bench.sink->ops->free(bench.sink);
    double written = cpu_us();
    items_free(bench.items);
    uint64_t events = reads ? read_again(argv[optind]) : 0;
    double read = cpu_us();
    getrusage(RUSAGE_SELF, &usage);
    stat(argv[optind], &status);
    printf("{\"tests\":%" PRIu32 ",\"us_a_test\":%.3f,\"bytes_a_test\":%.1f,"
           "\"entries_read\":%" PRIu64 ",\"read_us_a_test\":%.3f,"
           "\"maxrss_kib\":%ld}\n",
           bench.tests, (written - began) / bench.tests,
           (double)status.st_size / bench.tests, events,
           (read - written) / bench.tests, usage.ru_maxrss);
    return 0;
}
