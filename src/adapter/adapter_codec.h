/*
 * What an adapter says: one line of docs/protocol/adapter.md -> a struct.
 * Knows the shape of each message and the bounds of its members; whether it
 * may be said now, and about which items, is for the session to judge. What
 * mule says is in request_codec.h. No I/O.
 */
#ifndef ADAPTER_ADAPTER_CODEC_H
#define ADAPTER_ADAPTER_CODEC_H

#include "adapter/outcome_codec.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/err.h"

#include "model/items.h"

/* The longest line, without its newline. */
#define ADAPTER_LINE_MAX ((size_t)8 << 20)
#define ADAPTER_PASSED_MAX 64
#define ADAPTER_SLOT_MAX 65535

#define ADAPTER_PROTOCOL "1.2"
#define ADAPTER_PROTOCOL_MAJOR 1

enum adapter_kind {
    ADAPTER_OTHER, // a message of a newer minor protocol: to be ignored
    ADAPTER_HELLO,
    ADAPTER_IMPORTING,
    ADAPTER_JOB,
    ADAPTER_UNKNOWN,
    ADAPTER_FOREIGN,
    ADAPTER_THREADS,
    ADAPTER_WARNING,
    ADAPTER_COLLECTED,
    ADAPTER_FORKED,
    ADAPTER_EXITED,
    ADAPTER_FAILED,
    ADAPTER_PROCESS,
    ADAPTER_STARTED,
    ADAPTER_PASSED,
    ADAPTER_FINISHED,
    ADAPTER_FIXTURE,
    ADAPTER_EXIT,
    ADAPTER_DONE,
    ADAPTER_PREPARING,
    ADAPTER_PREPARED,
    ADAPTER_UNFIT,
    ADAPTER_NOTE,
    ADAPTER_KIND_COUNT
};

enum adapter_role {
    ADAPTER_ZYGOTE,
    ADAPTER_WORKER
};

enum {
    ADAPTER_CAN_COLLECT = 1,
    ADAPTER_CAN_FORK = 2,     // makes workers from itself
    ADAPTER_CAN_RUN = 4,      // runs jobs in this very process
    ADAPTER_CAN_PAGE = 8,     // uses the shared page
    ADAPTER_CAN_PROCESS = 16, // runs each job in a process of its own
    ADAPTER_CAN_PREPARE = 32, // has something to set up before the first job
    ADAPTER_CAN_TIDY = 64     // leaves things that outlive its processes
};

struct adapter_hello {
    int major; // of another major only these two and `protocol` are read
    int minor;
    struct slice protocol; // as it was said
    enum adapter_role role;
    int slot; // of a worker; -1: not said
    int pid;
    struct slice adapter; // texts may be empty: not said
    struct slice version;
    struct slice language;
    unsigned can;    // ADAPTER_CAN_*; words that are not known are ignored
    int dump_signal; // 0: none
    bool resume;     // the next three are set
    uint32_t resume_job;
    uint16_t resume_attempt;
    uint64_t resume_sent;
};

struct adapter_importing {
    struct slice module;
    struct slice file; // may be empty
};

/* One item of a job that was collected. */
struct adapter_item {
    struct slice id; // begins with a dot: follows the job's name
    uint32_t line;
};

struct adapter_job {
    struct job_params params;
    const struct adapter_item *items;
    size_t count; // may be 0
};

struct adapter_unknown {
    struct slice label;
    struct slice reason;
};

struct adapter_foreign {
    struct slice style;
    struct slice file;
    uint32_t tests;
};

struct adapter_threads {
    struct slice module;
    const struct slice *names;
    size_t count;
    uint32_t native;
};

struct adapter_collected {
    uint32_t jobs;
    uint32_t items;
};

/* forked, exited, failed: what became of a slot. */
struct adapter_slot {
    int slot;
    int pid;             // not of failed
    int status;          // of exited: wait(2)'s word
    struct usage usage;  // of exited
    struct slice reason; // of failed
};

/* process, exit, done: what became of a job. */
struct adapter_progress {
    uint32_t job;
    int pid;                 // not of done
    int status;              // of exit: wait(2)'s word
    bool leak;               // of exit
    bool left;               // of done: items belong in a run of their own
    struct usage usage;      // not of process
    uint64_t us;             // of done
    struct output_range out; // of done
    struct output_range err; // of done
};

struct adapter_pass {
    uint32_t item;
    uint64_t us;
};

struct adapter_passed {
    const struct adapter_pass *items;
    size_t count; // at most ADAPTER_PASSED_MAX
};

/* finished and fixture: the end of an item. */
struct adapter_finished {
    uint32_t item;          // of finished
    struct slice id;        // of fixture
    struct outcome outcome; // its outputs are empty: see the ranges
    struct output_range out;
    struct output_range err;
};

/* What the tests need cannot be made. */
struct adapter_unfit {
    struct slice reason;
    struct slice hint; // may be empty
};

/* What the user should know. */
struct adapter_note {
    bool warning; // else it is only of interest
    struct slice text;
    struct slice hint; // may be empty
};

/*
 * A decoded message and the memory its texts and arrays are in; zeroed = none.
 * Decoding into one that was used before drops what it held and uses its
 * memory again, so that a reader needs one of them for ever.
 */
struct adapter_message {
    enum adapter_kind kind;
    union {
        struct adapter_hello hello;
        struct adapter_importing importing;
        struct adapter_job job;
        struct adapter_unknown unknown;
        struct adapter_foreign foreign;
        struct adapter_threads threads;
        struct slice warning;
        struct adapter_collected collected;
        struct adapter_slot slot;         // forked, exited, failed
        struct adapter_progress progress; // process, exit, done
        uint32_t started;                 // the item
        struct adapter_passed passed;
        struct adapter_finished finished; // finished, fixture
        struct slice preparing;           // in a few words
        struct adapter_unfit unfit;
        struct adapter_note note;
    };

    // The memory; nobody else's business.
    json_t *root;
    ARRAY(struct adapter_item) items;
    ARRAY(struct adapter_pass) passes;
    ARRAY(struct slice) names;
    struct findings findings;
};

/*
 * Reads one line without its newline. What `message` gives borrows from the
 * line and from the message: it is valid until either changes. On failure,
 * ERR_PROTOCOL that names message and member, the kind is ADAPTER_OTHER.
 */
bool adapter_message_decode(struct adapter_message *message, struct slice line,
                            struct err *err);

/*
 * The same without the short cut for `job` and `passed` (batch_scan.h), which
 * gives the same in every case: for the tests that prove this.
 */
bool adapter_message_decode_plainly(struct adapter_message *message,
                                    struct slice line, struct err *err);

/* Frees what it holds; it is zeroed then. */
void adapter_message_release(struct adapter_message *message);

/* "hello", "importing", ...; "other" for ADAPTER_OTHER. Static. */
const char *adapter_kind_name(enum adapter_kind kind);

#endif
