#include "config/options.h"

#include <string.h>

#include "model/settings.h"
#include "util/distance.h"
#include "util/slice.h"

enum {
    TEST = COMMAND_TEST,
    LIST = COMMAND_LIST,
    DOCTOR = COMMAND_DOCTOR,
    CHECK = COMMAND_ADAPTER_CHECK,
    WORKER = COMMAND_WORKER,
    STATUS = COMMAND_STATUS,
    HISTORY = COMMAND_HISTORY,
    REPLAY = COMMAND_REPLAY,
    REPORT = COMMAND_REPORT,
    BISECT = COMMAND_BISECT,
    SIMULATE = COMMAND_SIMULATE,
    EVERY = TEST | LIST | DOCTOR | CHECK | WORKER | STATUS | HISTORY | REPLAY |
            REPORT | BISECT | SIMULATE,
    AGAIN = REPLAY | BISECT,        // that run tests of a build again
    TELLS = TEST | REPLAY | REPORT, // that a run, or one that was, is told
    BROKER = TEST | DOCTOR | WORKER | STATUS,
    STORED = TEST | LIST | HISTORY | REPLAY | REPORT | BISECT | SIMULATE,
    FILE_TOO = OPTION_IN_FILE,
    FILE_PATH = OPTION_IN_FILE | OPTION_IS_PATH,
};

static const struct option_choice formats[] = {
    {"auto", FORMAT_AUTO},   {"exit", FORMAT_EXIT}, {"tap", FORMAT_TAP},
    {"junit", FORMAT_JUNIT}, {"json", FORMAT_JSON}, {NULL, 0},
};
static const struct option_choice isolations[] = {
    {"class", ISOLATION_CLASS},
    {"worker", ISOLATION_WORKER},
    {"test", ISOLATION_TEST},
    {NULL, 0},
};
static const struct option_choice starts[] = {
    {"auto", START_AUTO},
    {"fork", START_FORK},
    {"spawn", START_SPAWN},
    {NULL, 0},
};
static const struct option_choice captures[] = {
    {"split", CAPTURE_SPLIT},
    {"merged", CAPTURE_MERGED},
    {NULL, 0},
};
static const struct option_choice colors[] = {
    {"always", COLOR_ALWAYS},
    {"auto", COLOR_AUTO},
    {"never", COLOR_NEVER},
    {NULL, 0},
};

static const struct option_choice orders[] = {
    {"history", ORDER_HISTORY},
    {"given", ORDER_GIVEN},
    {"random", ORDER_RANDOM},
    {NULL, 0},
};

static const struct option_choice flakies[] = {
    {"pass", FLAKY_PASS},
    {"fail", FLAKY_FAIL},
    {NULL, 0},
};
static const struct option_choice collects[] = {
    {"local", COLLECT_LOCAL},
    {"worker", COLLECT_WORKER},
    {NULL, 0},
};

#define FIELD(name) .field = offsetof(struct settings, name)
#define RANGE(low, high) .min = (low), .max = (high)

// Many rows, one shape: longer than a file should be, and read like a page.
// clang-format off
static const struct option table[] = {
    {"k", 'k', "PATTERN", OPTION_TEXTS, GROUP_SELECT, TEST | AGAIN | LIST, 0,
     FIELD(patterns), .help =
     "only tests whose id contains PATTERN or, with a *, matches it"},
    {"include", 0, "CLASS,...", OPTION_LIST, GROUP_SELECT, TEST | AGAIN | LIST,
     FILE_TOO, FIELD(include), .help =
     "only these TestCase classes, or what matches these patterns"},
    {"exclude", 0, "CLASS,...", OPTION_LIST, GROUP_SELECT, TEST | AGAIN | LIST,
     FILE_TOO, FIELD(exclude), .help =
     "not these TestCase classes, or what matches these patterns"},
    {"jobs-from", 0, "FILE", OPTION_TEXT, GROUP_SELECT, TEST | LIST, 0,
     FIELD(jobs_from), .help =
     "read what to run from FILE, one label or job a line; - is standard "
     "input"},
    {"tag", 0, "NAME", OPTION_TEXTS, GROUP_SELECT,
     TEST | AGAIN | LIST, FILE_TOO,
     FIELD(tags), .help =
     "only tests with this tag, of frameworks that have tags; may be "
     "repeated"},
    {"exclude-tag", 0, "NAME", OPTION_TEXTS, GROUP_SELECT, TEST | AGAIN | LIST,
     FILE_TOO, FIELD(exclude_tags), .help =
     "no tests with this tag; may be repeated"},
    {"basedir", 's', "FOLDER", OPTION_TEXT, GROUP_SELECT,
     TEST | AGAIN | LIST | CHECK,
     FILE_PATH, FIELD(basedir), .help =
     "where discovery starts (default: .)"},
    {"pattern", 'p', "GLOB", OPTION_TEXT, GROUP_SELECT,
     TEST | AGAIN | LIST | CHECK, FILE_TOO, FIELD(pattern), .help =
     "the files that discovery looks at (default: test*.py)"},
    {"top", 't', "FOLDER", OPTION_TEXT, GROUP_SELECT,
     TEST | AGAIN | LIST | CHECK,
     FILE_PATH, FIELD(top), .help =
     "top-level folder of the project, as unittest has it (default: where "
     "discovery starts)"},

    {"jobs", 'j', "N", OPTION_NUMBER, GROUP_RUN,
     TEST | BISECT, FILE_TOO, FIELD(slots),
     RANGE(0, 4096), .help =
     "run N jobs at once (default, and 0: one for each CPU this process may "
     "use)"},
    {"max-workers", 0, "N", OPTION_NUMBER, GROUP_RUN, TEST, FILE_TOO,
     FIELD(max_workers), RANGE(0, 4096), .help =
     "use N workers of the fleet at most; without --distributed the same as "
     "--jobs"},
    {"multiprocess", 0, NULL, OPTION_NOTHING, GROUP_RUN, TEST, 0, .help =
     "run on this machine, in many processes: the default"},
    {"isolation", 0, "HOW", OPTION_CHOICE, GROUP_RUN, TEST | LIST, FILE_TOO,
     FIELD(isolation), .choices = isolations, .help =
     "a new process for each class (default) or each test, or one for all "
     "that a worker runs: class, test, worker"},
    {"start", 0, "HOW", OPTION_CHOICE, GROUP_RUN, TEST | AGAIN | LIST | DOCTOR,
     FILE_TOO, FIELD(start), .choices = starts, .help =
     "fork processes from one that has loaded the suite, or spawn new ones: "
     "auto (default), fork, spawn"},
    {"runner", 0, "COMMAND", OPTION_TEXT, GROUP_RUN, TEST | LIST, FILE_TOO,
     FIELD(runner), .help =
     "run each job by a command, in which $TEST stands for its name"},
    {"adapter", 0, "COMMAND", OPTION_WORDS, GROUP_RUN,
     TEST | AGAIN | LIST | DOCTOR,
     FILE_TOO, FIELD(adapter), .help =
     "the adapter that finds and runs the tests (default: the one for "
     "unittest); its word $PYTHON is the interpreter"},
    {"tap", 0, NULL, OPTION_FLAG, GROUP_RUN, TEST | LIST, 0, FIELD(tap),
     .help = "the labels are programs that print TAP"},
    {"format", 0, "FORMAT", OPTION_CHOICE, GROUP_RUN, TEST, FILE_TOO,
     FIELD(format), .choices = formats, .help =
     "what commands print: auto (default), exit (status only), tap, junit, "
     "json"},
    {"capture", 0, "HOW", OPTION_CHOICE, GROUP_RUN, TEST, FILE_TOO,
     FIELD(capture), .choices = captures, .help =
     "keep output and errors apart (split, the default) or in the order they "
     "came in (merged)"},
    {"no-capture", 0, NULL, OPTION_CONSTANT, GROUP_RUN, TEST, 0,
     FIELD(capture), RANGE(CAPTURE_NONE, CAPTURE_NONE), .help =
     "let tests have the terminal: one at a time, no limits"},
    {"pdb", 0, NULL, OPTION_FLAG, GROUP_RUN, TEST, 0, FIELD(pdb), .help =
     "stop in the debugger where a test fails, and at breakpoint()"},
    {"workspace", 0, "NAME", OPTION_TEXT, GROUP_RUN, TEST | AGAIN, FILE_TOO,
     FIELD(workspace), .help =
     "run the setup and teardown scripts that mule.yaml has for NAME"},
    {"id", 0, "ID", OPTION_TEXT, GROUP_RUN, TEST, 0, FIELD(build_id), .help =
     "the id of this build (default: drawn)"},

    {"python", 0, "PROGRAM", OPTION_TEXT, GROUP_PYTHON,
     TEST | AGAIN | LIST | DOCTOR | CHECK,
     FILE_TOO | OPTION_IS_PROGRAM, FIELD(python), .help =
     "the interpreter of the tests"},
    {"python-args", 0, "ARGS", OPTION_WORDS, GROUP_PYTHON,
     TEST | AGAIN | LIST | DOCTOR | CHECK, FILE_TOO, FIELD(python_args), .help =
     "arguments for the interpreter, as in '-X dev -W error'"},
    {"coverage", 0, "RCFILE", OPTION_TEXT, GROUP_PYTHON, TEST,
     FILE_PATH | OPTION_OPTIONAL, FIELD(coverage), .help =
     "measure with coverage.py in every process, and combine"},
    {"profile", 0, NULL, OPTION_FLAG, GROUP_PYTHON, TEST, FILE_TOO,
     FIELD(profile), .help =
     "keep cProfile data for each job and list the hottest functions"},

    {"db-prefix", 0, "TEXT", OPTION_TEXT, GROUP_DATABASES, TEST | AGAIN | LIST,
     FILE_TOO, FIELD(db_prefix), .help =
     "how names of test databases begin (default: test)"},
    {"keepdb", 0, NULL, OPTION_FLAG, GROUP_DATABASES,
     TEST | AGAIN | LIST, FILE_TOO,
     FIELD(keepdb), .help = "keep the databases for the next run"},
    {"auto-bootstrap", 0, NULL, OPTION_FLAG, GROUP_DATABASES,
     TEST | AGAIN | LIST,
     FILE_TOO, FIELD(auto_bootstrap), .help =
     "create the databases wherever tests run, even if there are some that "
     "were prepared"},

    {"distribution", 0, "HOW", OPTION_TEXT, GROUP_RUN, SIMULATE, 0,
     FIELD(distribution), .help =
     "how long the jobs take: lognormal:sum=TIME,max=TIME, "
     "uniform:min=TIME,max=TIME, both with seed=N, or constant:TIME"},
    {"jobs", 0, "N", OPTION_NUMBER, GROUP_RUN, SIMULATE, 0,
     FIELD(simulated_jobs), RANGE(1, 100000000), .help =
     "simulate N jobs of the distribution"},
    {"slots", 0, "N", OPTION_NUMBER, GROUP_RUN, SIMULATE, 0,
     FIELD(simulated_slots), RANGE(1, 1000000), .help =
     "on N slots (default: those of the build, or 8)"},
    {"shared", 0, "N:SHARE", OPTION_TEXTS, GROUP_RUN, SIMULATE, 0,
     FIELD(simulated_shared), .help =
     "a resource of N units of which a SHARE of the jobs, as in 10%, needs "
     "one; may be repeated"},

    {"timeout", 0, "TIME", OPTION_DURATION, GROUP_LIMITS, TEST | AGAIN | CHECK,
     FILE_TOO, FIELD(timeout_ms), .help =
     "end a job that takes longer; 90, 1.5s, 5m, 1h30m; 0 is no limit"},
    {"test-timeout", 0, "TIME", OPTION_DURATION, GROUP_LIMITS,
     TEST | AGAIN, FILE_TOO,
     FIELD(test_timeout_ms), .help = "end a test that takes longer"},
    {"import-timeout", 0, "TIME", OPTION_DURATION, GROUP_LIMITS,
     TEST | AGAIN | LIST | DOCTOR, FILE_TOO, FIELD(import_timeout_ms), .help =
     "give up a module that takes longer to load (default: 60s)"},
    {"prepare-timeout", 0, "TIME", OPTION_DURATION, GROUP_LIMITS,
     TEST | AGAIN | LIST, FILE_TOO, FIELD(prepare_timeout_ms), .help =
     "give up when what the tests need, as databases, takes longer to make "
     "(default: 10m)"},
    {"max-time", 0, "TIME", OPTION_DURATION, GROUP_LIMITS,
     TEST | AGAIN, FILE_TOO,
     FIELD(max_time_ms), .help = "stop the whole run after that long"},
    {"grace", 0, "TIME", OPTION_DURATION, GROUP_LIMITS, TEST | AGAIN, FILE_TOO,
     FIELD(grace_ms), .help =
     "between asking a process to end and killing it (default: 5s)"},
    {"slow", 0, "TIME", OPTION_DURATION, GROUP_LIMITS, TEST, FILE_TOO,
     FIELD(slow_ms), .help =
     "say so when a test takes that long (default: 60s; 0: never)"},
    {"failfast", 'f', NULL, OPTION_CONSTANT, GROUP_LIMITS, TEST, FILE_TOO,
     FIELD(max_fail), RANGE(1, 1), .help = "stop at the first failure"},
    {"max-fail", 0, "N[:wait]", OPTION_FAILURES, GROUP_LIMITS, TEST, FILE_TOO,
     FIELD(max_fail), RANGE(0, 1000000), .help =
     "stop after N failures; with :wait what runs then may end"},
    {"output-limit", 0, "SIZE", OPTION_SIZE, GROUP_LIMITS,
     TEST | AGAIN, FILE_TOO,
     FIELD(output_limit), .help =
     "keep that much of what a test prints: 64K, 1M (default); the middle of "
     "more is left out"},

    {"order", 0, "HOW", OPTION_CHOICE, GROUP_ORDER, TEST | SIMULATE, FILE_TOO,
     FIELD(order), .choices = orders, .help =
     "which jobs start first: history (default: what failed, then what takes "
     "longest), given (as found), random"},
    {"shuffle", 0, "SEED", OPTION_SHUFFLE, GROUP_ORDER, TEST | SIMULATE,
     OPTION_OPTIONAL | OPTION_DIGITS, FIELD(seed), .help =
     "a random order, the same one for the same SEED (default: drawn)"},
    {"shard", 0, "K/N", OPTION_SHARD, GROUP_ORDER, TEST | LIST, 0,
     FIELD(shard), RANGE(1, 10000), .help =
     "only the K-th of N parts of the jobs; with --durations FILE parts that "
     "take equally long"},

    {"retries", 0, "N", OPTION_NUMBER, GROUP_AGAIN, TEST, FILE_TOO,
     FIELD(retries), RANGE(0, SETTINGS_RETRIES_MAX), .help =
     "run a test that failed up to N more times (default: 0); one that then "
     "passes is flaky"},
    {"retry-delay", 0, "TIME", OPTION_DURATION, GROUP_AGAIN, TEST, FILE_TOO,
     FIELD(retry_delay_ms), .help =
     "wait that long before the first retry of a test, twice as long before "
     "each further one, a minute at most (default: 250ms)"},
    {"retry-budget", 0, "N|P%", OPTION_BUDGET, GROUP_AGAIN, TEST, FILE_TOO,
     FIELD(retry_budget), RANGE(0, 1000000), .help =
     "retry N tests at most, or that share of them; what fails beyond is "
     "final (default: all)"},
    {"flaky", 0, "HOW", OPTION_CHOICE, GROUP_AGAIN, TEST, FILE_TOO,
     FIELD(flaky), .choices = flakies, .help =
     "what a flaky test is to the exit status: pass (default), fail"},
    {"quarantine", 0, "PATTERN", OPTION_TEXTS, GROUP_AGAIN, TEST, FILE_TOO,
     FIELD(quarantine), .help =
     "tests, classes or files that run and are reported, but decide nothing; "
     "may be repeated"},
    {"repeat", 0, "N", OPTION_NUMBER, GROUP_AGAIN, TEST, 0, FIELD(repeat),
     RANGE(1, SETTINGS_REPEAT_MAX), .help =
     "run each test N times; it passes if it always does"},
    {"until-fail", 0, NULL, OPTION_FLAG, GROUP_AGAIN, TEST, 0,
     FIELD(until_fail), .help =
     "run all tests again and again until one fails, or for --max-time"},

    {"failed", 0, NULL, OPTION_FLAG, GROUP_HISTORY, TEST, 0, FIELD(failed),
     .help =
     "run what failed or never ran since all passed, and what is new"},
    {"last", 0, "N", OPTION_NUMBER, GROUP_HISTORY, HISTORY, 0, FIELD(last),
     RANGE(0, 1000000), .help =
     "look at the last N builds (default: 20, with --flaky all; 0: all)"},
    {"slowest", 0, "N", OPTION_NUMBER, GROUP_HISTORY, HISTORY, 0,
     FIELD(slowest), RANGE(1, 1000000), .help =
     "print the N tests that are expected to take longest"},
    {"flaky", 0, NULL, OPTION_FLAG, GROUP_HISTORY, HISTORY, 0,
     FIELD(history_flaky), .help =
     "print tests that passed after failing in the same build, or that pass "
     "in some builds and not in others"},
    {"recordings", 0, NULL, OPTION_FLAG, GROUP_HISTORY, HISTORY, 0,
     FIELD(with_recordings), .help =
     "export: put the recordings of the builds into the file, too"},
    {"store", 0, "FOLDER", OPTION_TEXT, GROUP_HISTORY, STORED, FILE_PATH,
     FIELD(store), .help =
     "where past builds are kept (default: .mule beside mule.yaml, or at the "
     "root of the checkout)"},
    {"no-store", 0, NULL, OPTION_FLAG, GROUP_HISTORY, TEST | LIST, FILE_TOO,
     FIELD(no_store), .help = "read nothing of past builds, and keep nothing"},
    {"keep-builds", 0, "N", OPTION_NUMBER, GROUP_HISTORY, TEST | HISTORY,
     FILE_TOO, FIELD(keep_builds), RANGE(0, 1000000), .help =
     "how many builds are kept (default: 100; 0: any number)"},
    {"keep-size", 0, "SIZE", OPTION_SIZE, GROUP_HISTORY, TEST | HISTORY,
     FILE_TOO, FIELD(keep_size), .help =
     "how much room they may take, recordings included (default: 1G; 0: any)"},

    {"exactly", 0, NULL, OPTION_FLAG, GROUP_ORDER, TEST, 0, FIELD(exactly),
     .help =
     "the labels are tests, to run in one process in just this order, as mule "
     "bisect names them"},

    {"build", 0, "BUILD", OPTION_TEXT, GROUP_HISTORY, BISECT, 0, FIELD(build),
     .help =
     "what ran before TEST in this build, an id or the file of a recording; "
     "default: the last one, if TEST failed there, else what is found before "
     "TEST"},
    {"process", 0, "K", OPTION_NUMBER, GROUP_HISTORY, REPLAY, 0,
     FIELD(process), RANGE(1, 1000000000), .help =
     "print the tests that one process of the build ran, in their order"},
    {"execute", 0, NULL, OPTION_FLAG, GROUP_HISTORY, REPLAY, 0,
     FIELD(execute), .help =
     "run the tests of --process again, in one process, in that order"},

    {"distributed", 0, NULL, OPTION_FLAG, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(distributed), .help =
     "run on the workers that take offers from the broker; with --jobs N on "
     "N slots of this machine, too"},
    {"broker", 0, "URL", OPTION_TEXT, GROUP_FLEET, BROKER, FILE_TOO,
     FIELD(broker), .help =
     "amqp://, amqps://, redis://, rediss:// or redis+socket://, several "
     "separated by ; (default: MULE_BROKER, then CELERY_BROKER_URL)"},
    {"queue", 'Q', "NAME", OPTION_TEXT, GROUP_FLEET, TEST | DOCTOR | WORKER,
     FILE_TOO, FIELD(queue), .help =
     "where offers are made and taken (default: default)"},
    {"secret-file", 0, "FILE", OPTION_TEXT, GROUP_FLEET, TEST | WORKER,
     FILE_PATH, FIELD(secret_file), .help =
     "seal every message with what FILE holds (default: MULE_SECRET)"},
    {"wait", 0, "TIME", OPTION_DURATION, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(wait_ms), .help =
     "give up when no worker has come by then (default: 60s)"},
    {"lease", 0, "TIME", OPTION_DURATION, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(lease_ms), .help =
     "how long a worker goes on without a word from here, and how long one "
     "may be silent before it is lost (default: 30s)"},
    {"batch", 0, "N", OPTION_NUMBER, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(batch), RANGE(0, 64), .help =
     "jobs in one message (default, and 0: more where they are short)"},
    {"collect", 0, "WHERE", OPTION_CHOICE, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(collect), .choices = collects, .help =
     "who finds the tests: local (default), worker"},
    {"live", 0, "PATTERN", OPTION_TEXT, GROUP_FLEET, TEST, 0, FIELD(live),
     .help = "show what tests that match PATTERN print while they run"},
    {"ship", 0, NULL, OPTION_FLAG, GROUP_FLEET, TEST, FILE_TOO, FIELD(ship),
     .help =
     "send the working tree, uncommitted changes included, to the workers"},
    {"ship-limit", 0, "SIZE", OPTION_SIZE, GROUP_FLEET, TEST, FILE_TOO,
     FIELD(ship_limit), .help =
     "refuse to send a tree that is larger (default: 200M)"},
    {"revision", 0, "NAME", OPTION_TEXT, GROUP_FLEET, TEST, 0,
     FIELD(revision), .help =
     "what workers with `git:` check out, and MULE_REVISION (default: HEAD)"},
    {"concurrency", 'c', "N", OPTION_NUMBER, GROUP_FLEET, WORKER, 0,
     FIELD(concurrency), RANGE(0, 4096), .help =
     "run N jobs at once (default, and 0: one for each CPU this process may "
     "use)"},
    {"name", 'n', "NAME", OPTION_TEXT, GROUP_FLEET, WORKER, 0, FIELD(name),
     .help = "the name of this node (default: mule@HOST); %h is the host"},
    {"once", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, 0, FIELD(once),
     .help = "serve one build, then end"},
    {"allow-control", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, 0,
     FIELD(allow_control), .help =
     "obey remote control that changes something: shutdown, revoke, "
     "add_consumer, ..."},
    {"allow-scripts", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, 0,
     FIELD(allow_scripts), .help =
     "run setup and teardown scripts that a build brings along"},
    {"state", 0, "FOLDER", OPTION_TEXT, GROUP_FLEET, WORKER, 0, FIELD(state),
     .help =
     "where trees, and notes of what is to be torn down, are kept (default: "
     "mule in $XDG_STATE_HOME or ~/.local/state)"},
    {"noop", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, OPTION_HIDDEN,
     FIELD(noop), .help = "let every item pass at once, for measuring"},
    {"engine", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, OPTION_HIDDEN,
     FIELD(engine), .help = "be the engine of a worker"},
    {"carrier", 0, NULL, OPTION_FLAG, GROUP_FLEET, WORKER, OPTION_HIDDEN,
     FIELD(carrier), .help = "be the native half of a Python worker"},

    {"verbose", 'v', NULL, OPTION_MORE, GROUP_OUTPUT, EVERY, 0,
     FIELD(verbosity), RANGE(0, 3), .help = "say more; may be repeated"},
    {"quiet", 'q', NULL, OPTION_CONSTANT, GROUP_OUTPUT, EVERY, 0,
     FIELD(verbosity), RANGE(0, 0), .help = "say less: the summary only"},
    {"verbosity", 0, "LEVEL", OPTION_NUMBER, GROUP_OUTPUT, EVERY, FILE_TOO,
     FIELD(verbosity), RANGE(0, 3), .help =
     "0 summary only, 1 dots (default), 2 a line a test, 3 all output"},
    {"color", 0, "WHEN", OPTION_CHOICE, GROUP_OUTPUT, EVERY,
     FILE_TOO | OPTION_OPTIONAL, FIELD(color), .choices = colors, .help =
     "always, never or auto (default)"},
    {"durations", 0, "N|FILE", OPTION_SLOWEST, GROUP_OUTPUT, TELLS | LIST,
     FILE_PATH, FIELD(durations), RANGE(0, 1000000), .help =
     "name the N slowest tests at the end (default: 5); or FILE says how long "
     "jobs take, for --shard"},
    {"xunit", 0, NULL, OPTION_FLAG, GROUP_OUTPUT, TELLS, FILE_TOO,
     FIELD(xunit), .help = "write JUnit XML, one file for each TestCase"},
    {"xunit-output", 0, "PATH", OPTION_TEXT, GROUP_OUTPUT, TELLS, FILE_PATH,
     FIELD(xunit_output), .help =
     "where to: a folder (default: xunit), or one FILE.xml for all"},
    {"json", 0, "FILE", OPTION_TEXT, GROUP_OUTPUT, TELLS, FILE_PATH,
     FIELD(json), .help =
     "write every event as a line of JSON while it happens; - is standard "
     "output"},
    {"record", 0, "FILE", OPTION_TEXT, GROUP_OUTPUT, TEST, FILE_PATH,
     FIELD(record), .help =
     "write all that happens into FILE, for mule replay and mule report"},
    {"merge", 0, NULL, OPTION_FLAG, GROUP_OUTPUT, REPORT, 0, FIELD(merge),
     .help = "make one build of the recordings of its shards"},
    {"html", 0, "FILE", OPTION_TEXT, GROUP_OUTPUT, TELLS, FILE_PATH,
     FIELD(html), .help =
     "write a page for browsers: failures, timeline, slowest tests"},
    {"trace", 0, "FILE", OPTION_TEXT, GROUP_OUTPUT, TELLS, FILE_PATH,
     FIELD(trace), .help =
     "write a Chrome trace of the run, for Perfetto: a thread a slot"},
    {"json", 0, NULL, OPTION_FLAG, GROUP_OUTPUT,
     LIST | STATUS | SIMULATE | HISTORY, 0,
     FIELD(list_json),
     .help = "print JSON"},
    {"times", 0, NULL, OPTION_FLAG, GROUP_OUTPUT, LIST, 0, FIELD(list_times),
     .help = "print how long each job should take, for --durations FILE"},
    {"log", 0, "FILE", OPTION_TEXT, GROUP_OUTPUT, EVERY, FILE_PATH,
     FIELD(log), .help = "write what mule itself does to FILE, for developers"},

    {"config", 0, "FILE", OPTION_TEXT, GROUP_GENERAL,
     TEST | AGAIN | LIST | DOCTOR | WORKER | STATUS | HISTORY, 0,
     FIELD(config_path), .help =
     "read FILE instead of the nearest mule.yaml"},
    {"defaults", 0, "TEXT", OPTION_TEXT, GROUP_GENERAL,
     TEST | AGAIN | LIST | DOCTOR,
     OPTION_HIDDEN, FIELD(defaults), .help =
     "settings in the syntax of mule.yaml, which wins over them"},
    {"defaults-name", 0, "NAME", OPTION_TEXT, GROUP_GENERAL,
     TEST | AGAIN | LIST | DOCTOR, OPTION_HIDDEN, FIELD(defaults_name), .help =
     "where these stand, for messages"},
    {"suite", 0, "NAME", OPTION_TEXT, GROUP_GENERAL,
     TEST | AGAIN | LIST, OPTION_HIDDEN, FIELD(suite), .help =
     "what the store calls it (default: the words of the adapter)"},
    {"rerun", 0, "COMMAND", OPTION_TEXT, GROUP_GENERAL,
     TEST | AGAIN, OPTION_HIDDEN,
     FIELD(rerun), .help =
     "what runs a test again when its id follows (default: this command)"},
    {"help", 'h', NULL, OPTION_HELP, GROUP_GENERAL, EVERY, 0, .help =
     "print this and exit"},
};
// clang-format on

enum {
    COUNT = sizeof(table) / sizeof(table[0])
};

const struct option *
options_all(size_t *count)
{
    *count = COUNT;
    return table;
}

// A row without a letter of its own whose name is one letter has no long form.
static bool
has_name(const struct option *option)
{
    return option->name[1] != '\0';
}

const struct option *
options_find(enum option_command command, const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT; i++) {
        if ((table[i].commands & command) != 0 && has_name(&table[i]) &&
            slice_equals_text(slice_make(name, len), table[i].name)) {
            return &table[i];
        }
    }
    return NULL;
}

const struct option *
options_find_letter(enum option_command command, char letter)
{
    for (size_t i = 0; i < COUNT; i++) {
        if ((table[i].commands & command) != 0 && letter != '\0' &&
            table[i].letter == letter) {
            return &table[i];
        }
    }
    return NULL;
}

const char *
options_nearest(unsigned command, const char *name, size_t len)
{
    struct distance_nearest nearest = {.wanted = slice_make(name, len)};

    for (size_t i = 0; i < COUNT; i++) {
        bool fits = command != 0 ? (table[i].commands & command) != 0
                                 : (table[i].flags & OPTION_IN_FILE) != 0;
        if (fits && has_name(&table[i])) {
            distance_offer(&nearest, slice_of(table[i].name));
        }
    }
    struct slice best = distance_best(&nearest);
    return best.len > 0 ? best.data : "";
}
