/*
 * Everything that can happen in a run, as one stream for all who listen:
 * terminal, JUnit, JSON, history. An event carries all that its listener
 * needs, so that it can be stored and told again; texts are borrowed for the
 * call. Times are microseconds since the run began; only `wall_ms` is a date.
 * docs/protocol/events.md shows the same as JSON.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "model/items.h"
#include "model/tally.h"
#include "util/err.h"

enum event_kind {
    EVENT_RUN_STARTED,
    EVENT_COLLECTING, // a module is about to be loaded
    EVENT_COLLECTED,  // what is selected is known
    EVENT_PREPARING,  // what the tests need is being made
    EVENT_PREPARED,
    EVENT_SCRIPT_STARTED,
    EVENT_SCRIPT_FINISHED,
    EVENT_JOB_STARTED,
    EVENT_TEST_STARTED, // not for every test: one that ends quickly may lack it
    EVENT_TEST_SLOW,
    EVENT_TEST_FINISHED, // decided: once for each selected item
    EVENT_TEST_ATTEMPT,  // ended, and runs again: this does not decide it
    EVENT_JOB_FINISHED,
    EVENT_LEAKED,    // a process outlived its job and was ended
    EVENT_WORKER,    // one of a fleet came, went, or says something
    EVENT_ELSEWHERE, // an item that another shard has
    EVENT_NOTE,      // something the user should know
    EVENT_STOPPING,  // no new job from here on
    EVENT_RUN_FINISHED,
    EVENT_KIND_COUNT
};

enum stop_reason {
    STOP_NONE,
    STOP_FAILURES,    // --failfast, --max-fail
    STOP_ASKED,       // q
    STOP_TIME,        // --max-time
    STOP_INTERRUPTED, // a signal
    STOP_BROKEN,      // mule cannot go on
    STOP_BAILED,      // a program said Bail out!
};

enum note_level {
    NOTE_INFO,
    NOTE_WARNING,
    NOTE_ERROR
};

/* Slots `base` to `base + slots - 1`, and whose they are. */
struct event_run_part {
    const char *worker;
    int base;
    int slots;
};

struct event_run {
    const char *build_id;
    const char *version;
    const char *hostname;
    const char *cwd;
    const char *command;       // the command line, quoted for a shell
    const char *isolation;     // "class", "worker", "test", "command"
    const char *hash_seed;     // PYTHONHASHSEED of this build
    const char *python;        // the interpreter; NULL: none is needed
    const char *python_origin; // who named it: "--python", "PATH"
    const char *parent;        // the build whose rest this one runs; NULL: none
    int slots;
    bool merged; // both streams of a test were captured as one
    // Of several builds that are told as one: whose the slots are. NULL: all
    // are this machine's. Not told in JSON.
    const struct event_run_part *parts;
    int part_count;
};

struct event_stopping {
    enum stop_reason reason;
    const char *problem; // why mule cannot go on; NULL for other reasons
};

struct event_collected {
    uint32_t items; // selected
    uint32_t jobs;
    uint32_t excluded;     // collected, but not selected
    uint64_t us;           // how long it took
    const char *order;     // "history", "given", "random"; NULL: not said
    const char *seed;      // of a random order, or NULL
    const char *shard;     // "2/5", or NULL; then also:
    const char *selection; // hash of all that was selected, in every shard
    const char *durations; // hash of --durations, or NULL
};

struct event_elsewhere {
    const char *id;
    const char *job;
    uint32_t shard; // whose it is, from 1
};

struct event_job {
    uint32_t number;
    const char *name;
    const char *file;
    enum job_kind kind;
    uint32_t items;
    int slot;
    int attempt;
    uint32_t process;   // unique in the build, from 1; 0: not known
    uint64_t expect_us; // how long it should take; 0: not known
    const char *worker; // whose slot it is; "": this machine's
    struct usage usage; // finished only
    uint64_t us;        // finished only
    struct output out;  // finished only: printed outside of any item
    struct output err;
};

struct event_test {
    uint32_t number;
    const char *id;
    const char *job;  // its job's name: the classname of JUnit
    const char *file; // "" when not known
    uint32_t line;    // 0: not known
    int slot;
    int attempt;        // of its job
    int tries;          // how often it ran, this one included
    uint32_t process;   // as in event_job
    bool flaky;         // finished only: passed, and failed before
    bool refused;       // finished only: flaky, and that is a failure
    bool quarantined;   // finished only: does not decide the exit status
    const char *worker; // whose slot it is; "": this machine's
    uint64_t began_us;  // since the run began
    uint64_t us;        // slow: so far
    const struct outcome *outcome; // finished, attempt
    const char *rerun; // finished badly: a command that runs just this again
};

struct event_leak {
    const char *job; // "" when it cannot be told
    const char *id;  // "" likewise
    int pid;
    const char *command;
};

enum worker_what {
    WORKER_JOINED,  // works from here on
    WORKER_LEFT,    // does not any more
    WORKER_LOST,    // vanished
    WORKER_FAILED,  // could not be made ready
    WORKER_SAID,    // a piece of what its scripts print
    WORKER_PRINTED, // a piece of what a running test prints (--live)
    WORKER_WHAT_COUNT
};

struct event_worker {
    enum worker_what what;
    const char *node; // its name, unique
    const char *host;
    const char *kind; // "native", "celery"
    int base;         // the number of its first slot
    int slots;
    uint64_t us;       // joined, left: how long getting ready, or up, took
    struct slice text; // what it says; why it left, failed or is lost
    struct slice id;   // printed: of the test
};

struct event_note {
    enum note_level level;
    const char *text;
    const char *hint; // what to do about it, or NULL
};

struct event_script {
    const char *name; // "setup", "teardown"
    const char *workspace;
    bool ok;
    uint64_t us;
    struct output out;
    const char *problem; // "" when ok
};

struct event_finished {
    const struct tally *tally;
    uint64_t us;
    enum stop_reason stop;
    int exit_status;
    bool chained;         // it ran the rest of a parent; then:
    uint32_t outstanding; // what of the chain still is to pass
    struct usage usage;   // of all jobs
};

struct event {
    enum event_kind kind;
    int64_t wall_ms; // since 1970
    uint64_t us;     // since the run began
    union {
        struct event_run run;
        struct slice module;    // collecting
        struct slice preparing; // what just now; empty: it begins
        uint64_t prepared_us;   // how long it took
        struct event_collected collected;
        struct event_job job;
        struct event_test test;
        struct event_leak leak;
        struct event_elsewhere elsewhere;
        struct event_worker worker;
        struct event_note note;
        struct event_script script;
        struct event_stopping stopping;
        struct event_finished finished;
    };
};

/*
 * Who listens. on_event returns false with err when it cannot go on: it is
 * then freed, named in a note to the others, and the run goes on without it.
 */
struct event_sink;
struct event_sink_ops {
    const char *name; // "the JUnit report", for messages
    bool (*on_event)(struct event_sink *sink, const struct event *event,
                     struct err *err);
    void (*free)(struct event_sink *sink);
};
struct event_sink {
    const struct event_sink_ops *ops;
};

/* "run_started", "test_finished", ... Static. */
const char *event_kind_name(enum event_kind kind);
/* "failures", "asked", "time", ... Static; "" for STOP_NONE. */
const char *stop_reason_name(enum stop_reason reason);
/* The other way round. STOP_NONE for NULL and for a name it does not know. */
enum stop_reason stop_reason_find(const char *name);
/* "joined", "left", ... Static. */
const char *worker_what_name(enum worker_what what);

#endif
