/*
 * Every choice a user can make, validated. Filled by config/ from the table of
 * options and mule.yaml; read by everybody; changed by nobody afterwards.
 * Texts are owned by the settings and live until settings_release.
 */
#ifndef MODEL_SETTINGS_H
#define MODEL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum isolation {
    ISOLATION_CLASS,
    ISOLATION_WORKER,
    ISOLATION_TEST
};
enum start_method {
    START_AUTO,
    START_FORK,
    START_SPAWN
};
enum capture_mode {
    CAPTURE_SPLIT,
    CAPTURE_MERGED,
    CAPTURE_NONE
};
enum color_mode {
    COLOR_AUTO,
    COLOR_ALWAYS,
    COLOR_NEVER
};
enum output_format {
    FORMAT_AUTO, // what stdout turns out to be, else the exit status
    FORMAT_EXIT,
    FORMAT_TAP,
    FORMAT_JUNIT,
    FORMAT_JSON
};

enum collect_mode {
    COLLECT_LOCAL,
    COLLECT_WORKER
};
enum order_mode {
    ORDER_HISTORY, // what failed first, then the longest
    ORDER_GIVEN,   // as collected
    ORDER_RANDOM   // by the seed
};

enum flaky_mode {
    FLAKY_PASS,
    FLAKY_FAIL
};

/* A list of texts; `at[count]` is NULL. */
struct texts {
    char **at;
    int count;
};

/* A setup script before a run and a teardown script after it. */
struct workspace {
    char *name;
    char *setup;    // a shell command line, or NULL
    char *teardown; // likewise
    char *root;     // its working directory, or NULL: the current one
    char *git;      // where a worker fetches the sources from, or NULL
    char *revision; // of `git`, or NULL: the one that is checked out here
    uint32_t setup_timeout_ms;
    uint32_t teardown_timeout_ms;
};

/* Something of which there is so much: jobs that need it share it. */
struct resource {
    char *name;
    uint32_t units; // at least 1
};

/* So much of a resource. */
struct need {
    uint32_t resource; // its place in settings.resources
    uint32_t units;    // at least 1, at most what there is
};

/*
 * Per-pattern choices of mule.yaml. For each of its members the first override
 * that fits a job and says something of it counts.
 */
#define OVERRIDE_UNSAID UINT32_MAX
struct override {
    char *match;
    uint32_t timeout_ms;      // 0: none; OVERRIDE_UNSAID
    uint32_t test_timeout_ms; // likewise
    uint32_t slow_ms;         // likewise
    uint32_t expect_ms;       // how long the job should take
    uint32_t alone;           // 1: nothing may run beside it; OVERRIDE_UNSAID
    struct texts need_words;  // "db", "db=2"; config/ makes needs of them
    struct need *needs;       // each resource once
    int need_count;           // -1: nothing is said
    uint32_t retries;         // OVERRIDE_UNSAID
    uint32_t retry_delay_ms;  // likewise
};

/* So often an item may be retried; so often all may be repeated. */
#define SETTINGS_RETRIES_MAX 100
#define SETTINGS_REPEAT_MAX 65000

/* Of how many builds it looks at: whoever looks decides. */
#define SETTINGS_LAST_UNSAID (-1)

/* What --retry-budget allows. */
#define RETRY_BUDGET_NONE UINT32_MAX

struct settings {
    // What to run.
    struct texts labels;
    struct texts patterns; // -k
    struct texts include;
    struct texts exclude;
    char *jobs_from; // a file, "-" for standard input, or NULL
    char *runner;    // a command with $TEST, or NULL
    bool tap;        // labels are TAP programs
    enum output_format format;
    char *basedir; // discover's start directory
    char *pattern; // discover's file pattern
    char *top;     // discover's top-level directory, or NULL

    // How to run it.
    int slots; // 0: as many as this process may use CPUs
    enum isolation isolation;
    enum start_method start;
    enum capture_mode capture;
    bool pdb;
    struct texts adapter; // its words; none: that for unittest
    char *python;         // or NULL: looked for
    bool python_asked;    // by --python, not by mule.yaml
    struct texts python_args;
    char *coverage; // NULL: no; "": no rcfile; else the rcfile
    bool profile;
    char *build_id;  // or NULL: drawn
    char *workspace; // a name, or NULL
    struct workspace *workspaces;
    int workspace_count;
    struct override *overrides;
    int override_count;
    struct resource *resources;
    int resource_count;

    // In which order, and which part of it.
    enum order_mode order;
    char *seed;           // of a random order, in digits; NULL: to be drawn
    uint32_t shard;       // from 1; 0: all is run here
    uint32_t shards;      // of so many
    char *durations_file; // by which shards are balanced, or NULL
    bool exactly;         // the labels, in their order, in one process

    // What ran before.
    char *build;      // whose recording: an id or a file, or NULL
    uint32_t process; // of that build; 0: none was named
    bool execute;     // what that process ran, again

    // mule simulate.
    char *distribution;            // of durations, or NULL
    uint32_t simulated_jobs;       // of the distribution
    uint32_t simulated_slots;      // 0: those of the recording
    struct texts simulated_shared; // "UNITS:PERCENT%" of each resource

    // More than once.
    uint32_t retries;        // of an item that ended badly
    uint32_t retry_delay_ms; // before the first; then twice as long each time
    uint32_t retry_budget;   // items; RETRY_BUDGET_NONE: there is none
    uint32_t retry_share;    // of what is selected, in 1/100 %; 0: not said so
    enum flaky_mode flaky;   // what passes after it failed
    struct texts quarantine; // patterns of items that decide nothing
    uint32_t repeat;         // so often must each item pass; 0, 1: once
    bool until_fail;         // repeat all until one fails

    // Limits; 0: none.
    uint32_t timeout_ms;      // of a job
    uint32_t test_timeout_ms; // of an item
    uint32_t import_timeout_ms;
    uint32_t max_time_ms;  // of the run
    uint32_t grace_ms;     // between SIGTERM and SIGKILL
    uint32_t slow_ms;      // a notice that an item takes that long
    uint32_t max_fail;     // stop after so many bad items
    uint64_t output_limit; // bytes kept of each stream of an item

    // Of frameworks that have them.
    char *db_prefix;     // how names of test databases begin
    bool keepdb;         // they stay for the next run
    bool auto_bootstrap; // they are created anew on each machine
    struct texts tags;   // only tests with one of these; none: all
    struct texts exclude_tags;
    uint32_t prepare_timeout_ms; // for what comes before the first job

    // A fleet: both sides.
    bool distributed;
    char *broker;      // URLs, or NULL: see config/broker.h
    char *queue;       // of offers
    char *secret_file; // or NULL
    // A fleet: the side that has the run.
    uint32_t lease_ms; // how long a worker goes on without a word of us
    uint32_t wait_ms;  // for the first worker
    int max_workers;   // 0: all that come
    uint32_t batch;    // orders in a message; 0: as it fits
    enum collect_mode collect;
    bool max_fail_wait;  // what runs may end
    char *live;          // a pattern, or NULL
    bool ship;           // the working tree goes to the workers
    uint64_t ship_limit; // bytes
    char *revision;      // or NULL
    // A fleet: a worker.
    int concurrency; // slots; 0: as many as this process may use CPUs
    char *name;      // of the node, or NULL: "mule"
    char *state;     // a folder, or NULL
    bool once;
    bool allow_control;
    bool allow_scripts;
    bool noop;    // every item passes at once
    bool engine;  // be the engine of a worker
    bool carrier; // be the native half of a Python worker

    // What past builds know.
    bool failed;          // run what is still to pass
    bool labels_kept;     // the labels are those of an earlier build
    bool history_flaky;   // mule history: the flaky tests
    int slowest;          // mule history: the slowest tests; 0: not asked for
    int last;             // mule history: so many builds; 0: all; or UNSAID
    bool with_recordings; // mule history export: they go along

    // What past builds leave behind.
    char *store;          // a folder, or NULL: .mule beside mule.yaml
    bool no_store;        // nothing is read from it or kept
    bool narrowed;        // the command line names what is to run
    uint32_t keep_builds; // 0: any number
    uint64_t keep_size;   // bytes, recordings included; 0: any size

    // What people see.
    int verbosity; // 0 to 3
    enum color_mode color;
    bool xunit;
    char *xunit_output; // a folder or FILE.xml
    char *json;         // a file, "-" for standard output, or NULL
    char *record;       // a file, or NULL
    bool merge;         // mule report: shards become one build
    char *trace;        // a file, or NULL
    char *html;         // a file, or NULL
    bool list_times;    // mule list --times
    bool list_json;     // mule list --json
    int durations;      // how many of the slowest items the end names
    char *log;          // a file for developers, or NULL

    char *config_path; // the mule.yaml that was read, or NULL
    // From a program that starts this one.
    char *defaults;      // weaker than mule.yaml, in its syntax; or NULL
    char *defaults_name; // what errors in these call them, or NULL
    char *rerun;         // a command that runs the id behind it, or NULL
    char *suite;         // who finds the tests, as the store has it, or NULL
};

/* Fills in the defaults that the man page names. */
void settings_init(struct settings *settings);
void settings_release(struct settings *settings);

void workspace_release(struct workspace *workspace);

/* "history", "given", "random". Static. */
const char *order_mode_name(enum order_mode order);

/* Says nothing yet. */
void override_init(struct override *override);
void override_release(struct override *override);

/* Copies `text` to the end. */
void texts_add(struct texts *texts, const char *text);
void texts_release(struct texts *texts);

#endif
