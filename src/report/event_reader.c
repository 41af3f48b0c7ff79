#include "report/event_reader.h"

#include <stdlib.h>
#include <string.h>

#include "report/scan.h"
#include "util/alloc.h"
#include "util/array.h"

// Bounds of numbers that others take for places in tables, or for times.
#define MOST_SLOT (1 << 20)
#define MOST_US UINT64_C(100000000000000000)
#define MOST_TRIES 1000000

// Every member of every event, and of what stands within events.
enum member {
    M_EVENT,
    M_AT_US,
    M_WALL_MS,
    M_ATTEMPT,
    M_BASE,
    M_BEGAN_US,
    M_BUILD,
    M_COMMAND,
    M_COUNTED,
    M_CUT,
    M_CWD,
    M_DURATIONS,
    M_ERR,
    M_ERRORS,
    M_EXCLUDED,
    M_EXIT_STATUS,
    M_EXPECT_US,
    M_FAILURES,
    M_FILE,
    M_FINDINGS,
    M_FLAKY,
    M_HASH_SEED,
    M_HEAD,
    M_HINT,
    M_HOST,
    M_HOSTNAME,
    M_ID,
    M_ISOLATION,
    M_ITEM,
    M_ITEMS,
    M_JOB,
    M_JOB_NAME,
    M_JOBS,
    M_KIND,
    M_LATE,
    M_LEAKS,
    M_LEVEL,
    M_LINE,
    M_MAXRSS_KIB,
    M_MERGED,
    M_MESSAGE,
    M_MODULE,
    M_NAME,
    M_OK,
    M_ORDER,
    M_OUT,
    M_OUTPUT,
    M_OUTSTANDING,
    M_PARENT,
    M_PID,
    M_PROBLEM,
    M_PROCESS,
    M_PYTHON,
    M_PYTHON_ORIGIN,
    M_QUARANTINED,
    M_RAN,
    M_REASON,
    M_REF,
    M_RERUN,
    M_RETRIED,
    M_SCRIPT,
    M_SEED,
    M_SELECTED,
    M_SELECTION,
    M_SHARD,
    M_SKIPS,
    M_SLOT,
    M_SLOTS,
    M_STATE,
    M_STATES,
    M_STOP,
    M_SUB,
    M_SYSTEM_US,
    M_TAIL,
    M_TESTS,
    M_TEXT,
    M_TRACE,
    M_TRIES,
    M_TYPE,
    M_US,
    M_USAGE,
    M_USER_US,
    M_VERSION,
    M_WHAT,
    M_WHERE,
    M_WORKER,
    M_WORKSPACE,
    M_XFAILS,
    M_XPASSES,
    M_COUNT
};

static const char *const member_names[M_COUNT] = {
    [M_EVENT] = "event",
    [M_AT_US] = "at_us",
    [M_WALL_MS] = "wall_ms",
    [M_ATTEMPT] = "attempt",
    [M_BASE] = "base",
    [M_BEGAN_US] = "began_us",
    [M_BUILD] = "build",
    [M_COMMAND] = "command",
    [M_COUNTED] = "counted",
    [M_CUT] = "cut",
    [M_CWD] = "cwd",
    [M_DURATIONS] = "durations",
    [M_ERR] = "err",
    [M_ERRORS] = "errors",
    [M_EXCLUDED] = "excluded",
    [M_EXIT_STATUS] = "exit_status",
    [M_EXPECT_US] = "expect_us",
    [M_FAILURES] = "failures",
    [M_FILE] = "file",
    [M_FINDINGS] = "findings",
    [M_FLAKY] = "flaky",
    [M_HASH_SEED] = "hash_seed",
    [M_HEAD] = "head",
    [M_HINT] = "hint",
    [M_HOST] = "host",
    [M_HOSTNAME] = "hostname",
    [M_ID] = "id",
    [M_ISOLATION] = "isolation",
    [M_ITEM] = "item",
    [M_ITEMS] = "items",
    [M_JOB] = "job",
    [M_JOB_NAME] = "job_name",
    [M_JOBS] = "jobs",
    [M_KIND] = "kind",
    [M_LATE] = "late",
    [M_LEAKS] = "leaks",
    [M_LEVEL] = "level",
    [M_LINE] = "line",
    [M_MAXRSS_KIB] = "maxrss_kib",
    [M_MERGED] = "merged",
    [M_MESSAGE] = "message",
    [M_MODULE] = "module",
    [M_NAME] = "name",
    [M_OK] = "ok",
    [M_ORDER] = "order",
    [M_OUT] = "out",
    [M_OUTPUT] = "output",
    [M_OUTSTANDING] = "outstanding",
    [M_PARENT] = "parent",
    [M_PID] = "pid",
    [M_PROBLEM] = "problem",
    [M_PROCESS] = "process",
    [M_PYTHON] = "python",
    [M_PYTHON_ORIGIN] = "python_origin",
    [M_QUARANTINED] = "quarantined",
    [M_RAN] = "ran",
    [M_REASON] = "reason",
    [M_REF] = "ref",
    [M_RERUN] = "rerun",
    [M_RETRIED] = "retried",
    [M_SCRIPT] = "script",
    [M_SEED] = "seed",
    [M_SELECTED] = "selected",
    [M_SELECTION] = "selection",
    [M_SHARD] = "shard",
    [M_SKIPS] = "skips",
    [M_SLOT] = "slot",
    [M_SLOTS] = "slots",
    [M_STATE] = "state",
    [M_STATES] = "states",
    [M_STOP] = "stop",
    [M_SUB] = "sub",
    [M_SYSTEM_US] = "system_us",
    [M_TAIL] = "tail",
    [M_TESTS] = "tests",
    [M_TEXT] = "text",
    [M_TRACE] = "trace",
    [M_TRIES] = "tries",
    [M_TYPE] = "type",
    [M_US] = "us",
    [M_USAGE] = "usage",
    [M_USER_US] = "user_us",
    [M_VERSION] = "version",
    [M_WHAT] = "what",
    [M_WHERE] = "where",
    [M_WORKER] = "worker",
    [M_WORKSPACE] = "workspace",
    [M_XFAILS] = "xfails",
    [M_XPASSES] = "xpasses",
};

struct event_reader {
    struct scan_keys keys;
    struct scan_keys states;
    const char *state_names[STATE_COUNT];
    struct scan_value line[M_COUNT];   // of the line
    struct scan_value nested[M_COUNT]; // of what stands within it
    struct outcome outcome;
    struct tally tally;
    ARRAY(struct finding) findings;
    ARRAY(struct slice) ids;
    struct event_refs refs;
    struct err *err; // of the call
};

/* The members of one object: those of the line, or of what is nested. */
struct view {
    struct event_reader *reader;
    struct scan_value *values;
};

struct event_reader *
event_reader_new(void)
{
    struct event_reader *reader = ALLOC(struct event_reader);

    for (int i = 0; i < STATE_COUNT; i++) {
        reader->state_names[i] = state_name((enum state)i);
    }
    scan_keys_init(&reader->keys, member_names, M_COUNT);
    scan_keys_init(&reader->states, reader->state_names, STATE_COUNT);
    return reader;
}

void
event_reader_free(struct event_reader *reader)
{
    if (reader != NULL) {
        ARRAY_RELEASE(&reader->findings);
        ARRAY_RELEASE(&reader->ids);
        free(reader);
    }
}

// ------------------------------------------------------------------ values

static void
refuse(struct event_reader *reader, const char *name, const char *what)
{
    if (!err_is_set(reader->err)) {
        err_set(reader->err, ERR_PROTOCOL, "\"%s\" is not %s", name, what);
    }
}

static uint64_t
number_of(struct event_reader *reader, const struct scan_value *value,
          const char *name, uint64_t max)
{
    if (value->kind == SCAN_NOTHING) {
        return 0;
    }
    if (value->kind != SCAN_NUMBER || value->odd || value->number > max ||
        (value->negative && value->number > 0)) {
        refuse(reader, name, "a number that can be");
        return 0;
    }
    return value->number;
}

static uint64_t
get_uint(const struct view *view, enum member member, uint64_t max)
{
    return number_of(view->reader, &view->values[member], member_names[member],
                     max);
}

static uint32_t
get_count(const struct view *view, enum member member)
{
    return (uint32_t)get_uint(view, member, UINT32_MAX);
}

static uint64_t
get_us(const struct view *view, enum member member)
{
    return get_uint(view, member, MOST_US);
}

static int64_t
get_int(const struct view *view, enum member member, uint64_t max)
{
    const struct scan_value *value = &view->values[member];

    if (value->kind == SCAN_NUMBER && value->negative && !value->odd &&
        value->number <= max) {
        return -(int64_t)value->number;
    }
    return (int64_t)get_uint(view, member, max);
}

static bool
get_bool(const struct view *view, enum member member, bool otherwise)
{
    enum scan_kind kind = view->values[member].kind;

    if (kind == SCAN_NOTHING) {
        return otherwise;
    }
    if (kind != SCAN_TRUE && kind != SCAN_FALSE) {
        refuse(view->reader, member_names[member], "true or false");
    }
    return kind == SCAN_TRUE;
}

static struct slice
get_slice(const struct view *view, enum member member)
{
    const struct scan_value *value = &view->values[member];

    if (value->kind == SCAN_TEXT) {
        return slice_make(value->start, value->len);
    }
    if (value->kind != SCAN_NOTHING) {
        refuse(view->reader, member_names[member], "a text");
    }
    return (struct slice){0};
}

// Terminated; a NUL within it would hide the rest.
static const char *
get_text(const struct view *view, enum member member, const char *otherwise)
{
    const struct scan_value *value = &view->values[member];

    if (get_slice(view, member).data == NULL) {
        return otherwise;
    }
    for (char *at = value->start;
         (at = memchr(at, '\0', value->len - (size_t)(at - value->start))) !=
         NULL;) {
        *at = '?';
    }
    return value->start;
}

// Scans what stands within the line, an object. False: there is none.
static bool
scan_within(struct event_reader *reader, const struct scan_value *object,
            const char *name)
{
    if (object->kind == SCAN_NOTHING || err_is_set(reader->err)) {
        return false;
    }
    if (object->kind != SCAN_OBJECT) {
        refuse(reader, name, "an object");
        return false;
    }
    return scan_object(&reader->keys, object->start, object->len,
                       reader->nested, reader->err);
}

static struct output
read_output(const struct view *view)
{
    return (struct output){
        .head = get_slice(view, M_HEAD),
        .tail = get_slice(view, M_TAIL),
        .cut = get_uint(view, M_CUT, UINT64_MAX),
    };
}

static struct output
get_output(const struct view *view, enum member member)
{
    struct event_reader *reader = view->reader;
    struct view within = {reader, reader->nested};

    if (!scan_within(reader, &view->values[member], member_names[member])) {
        return (struct output){0};
    }
    if (reader->nested[M_REF].kind != SCAN_NOTHING) {
        uint64_t ref = get_uint(&within, M_REF, UINT64_MAX);
        if (member == M_OUT) {
            reader->refs.has_out = true;
            reader->refs.out = ref;
        } else {
            reader->refs.has_err = true;
            reader->refs.err = ref;
        }
        return (struct output){0};
    }
    return read_output(&within);
}

static struct usage
get_usage(const struct view *view)
{
    struct event_reader *reader = view->reader;
    struct view within = {reader, reader->nested};

    if (!scan_within(reader, &view->values[M_USAGE], "usage")) {
        return (struct usage){0};
    }
    return (struct usage){
        .user_us = get_us(&within, M_USER_US),
        .system_us = get_us(&within, M_SYSTEM_US),
        .maxrss_kib = get_us(&within, M_MAXRSS_KIB),
    };
}

// The number of a name among `count` ones, or refuses and gives 0.
static int
get_choice(const struct view *view, enum member member,
           const char *const *names, int count)
{
    struct slice name = get_slice(view, member);

    for (int i = 0; i < count; i++) {
        if (names[i] != NULL && slice_equals_text(name, names[i])) {
            return i;
        }
    }
    refuse(view->reader, member_names[member], "a word that is known");
    return 0;
}

// ----------------------------------------------------------------- outcome

static void
read_finding(struct event_reader *reader, const struct scan_value *value)
{
    struct view view = {reader, reader->nested};
    struct finding finding = {0};

    if (!scan_within(reader, value, "findings")) {
        return;
    }
    if (!finding_kind_find(get_slice(&view, M_KIND), &finding.kind)) {
        refuse(reader, "kind", "that of a finding");
    }
    finding.where = get_slice(&view, M_WHERE);
    finding.sub = get_slice(&view, M_SUB);
    finding.type = get_slice(&view, M_TYPE);
    finding.message = get_slice(&view, M_MESSAGE);
    finding.trace = get_slice(&view, M_TRACE);
    finding.file = get_slice(&view, M_FILE);
    finding.line = get_count(&view, M_LINE);
    ARRAY_ADD(&reader->findings, finding);
}

static void
read_findings(const struct view *view)
{
    struct event_reader *reader = view->reader;
    struct scan_value rest = view->values[M_FINDINGS];
    struct scan_value value = {0};

    ARRAY_CLEAR(&reader->findings);
    if (rest.kind == SCAN_NOTHING) {
        return;
    }
    if (rest.kind != SCAN_ARRAY) {
        refuse(reader, "findings", "an array");
        return;
    }
    while (!err_is_set(reader->err) && scan_next(&rest, &value, reader->err)) {
        read_finding(reader, &value);
    }
}

static const struct outcome *
get_outcome(const struct view *view)
{
    struct event_reader *reader = view->reader;
    struct outcome *outcome = &reader->outcome;

    *outcome = (struct outcome){
        .us = get_us(view, M_US),
        .reason = get_slice(view, M_REASON),
        .ran = get_bool(view, M_RAN, true),
        .counted = get_bool(view, M_COUNTED, true),
    };
    if (!state_find(get_slice(view, M_STATE), &outcome->state)) {
        refuse(reader, "state", "one that is known");
    }
    read_findings(view);
    outcome->findings = reader->findings.items;
    outcome->finding_count = reader->findings.count;
    outcome->out = get_output(view, M_OUT);
    outcome->err = get_output(view, M_ERR);
    return outcome;
}

// ------------------------------------------------------------------ events

static void
read_run(const struct view *view, struct event_run *run)
{
    *run = (struct event_run){
        .build_id = get_text(view, M_BUILD, ""),
        .version = get_text(view, M_VERSION, ""),
        .hostname = get_text(view, M_HOSTNAME, ""),
        .cwd = get_text(view, M_CWD, ""),
        .command = get_text(view, M_COMMAND, ""),
        .isolation = get_text(view, M_ISOLATION, ""),
        .hash_seed = get_text(view, M_HASH_SEED, ""),
        .python = get_text(view, M_PYTHON, NULL),
        .python_origin = get_text(view, M_PYTHON_ORIGIN, ""),
        .parent = get_text(view, M_PARENT, NULL),
        .slots = (int)get_uint(view, M_SLOTS, MOST_SLOT),
        .merged = get_bool(view, M_MERGED, false),
    };
}

static void
read_collected(const struct view *view, struct event_collected *collected)
{
    *collected = (struct event_collected){
        .items = get_count(view, M_ITEMS),
        .jobs = get_count(view, M_JOBS),
        .excluded = get_count(view, M_EXCLUDED),
        .us = get_us(view, M_US),
        .order = get_text(view, M_ORDER, NULL),
        .seed = get_text(view, M_SEED, NULL),
        .shard = get_text(view, M_SHARD, NULL),
        .selection = get_text(view, M_SELECTION, NULL),
        .durations = get_text(view, M_DURATIONS, NULL),
    };
}

static enum job_kind
get_job_kind(const struct view *view)
{
    enum job_kind kind = JOB_CLASS;

    if (!job_kind_find(get_slice(view, M_KIND), &kind)) {
        refuse(view->reader, "kind", "that of a job");
    }
    return kind;
}

static void
read_job(const struct view *view, struct event_job *job)
{
    *job = (struct event_job){
        .number = (uint32_t)get_uint(view, M_JOB, ITEMS_MAX),
        .name = get_text(view, M_NAME, ""),
        .file = get_text(view, M_FILE, ""),
        .kind = get_job_kind(view),
        .items = get_count(view, M_ITEMS),
        .slot = (int)get_int(view, M_SLOT, MOST_SLOT),
        .attempt = (int)get_uint(view, M_ATTEMPT, MOST_TRIES),
        .process = get_count(view, M_PROCESS),
        .expect_us = get_us(view, M_EXPECT_US),
        .worker = get_text(view, M_WORKER, ""),
        .usage = get_usage(view),
        .us = get_us(view, M_US),
        .out = get_output(view, M_OUT),
        .err = get_output(view, M_ERR),
    };
}

static void
read_test(const struct view *view, enum event_kind kind,
          struct event_test *test)
{
    bool ended = kind == EVENT_TEST_FINISHED || kind == EVENT_TEST_ATTEMPT;
    uint64_t tries = get_uint(view, M_TRIES, MOST_TRIES);

    *test = (struct event_test){
        .number = (uint32_t)get_uint(view, M_ITEM, ITEMS_MAX),
        .id = get_text(view, M_ID, ""),
        .job = get_text(view, M_JOB_NAME, ""),
        .file = get_text(view, M_FILE, ""),
        .line = get_count(view, M_LINE),
        .slot = (int)get_int(view, M_SLOT, MOST_SLOT),
        .attempt = (int)get_uint(view, M_ATTEMPT, MOST_TRIES),
        .tries = tries > 0 ? (int)tries : 1,
        .process = get_count(view, M_PROCESS),
        .flaky = get_bool(view, M_FLAKY, false),
        .quarantined = get_bool(view, M_QUARANTINED, false),
        .worker = get_text(view, M_WORKER, ""),
        .began_us = get_us(view, M_BEGAN_US),
        .us = get_us(view, M_US),
        .outcome = ended ? get_outcome(view) : NULL,
        .rerun = get_text(view, M_RERUN, ""),
    };
}

static void
read_script(const struct view *view, struct event_script *script)
{
    *script = (struct event_script){
        .name = get_text(view, M_SCRIPT, ""),
        .workspace = get_text(view, M_WORKSPACE, ""),
        .ok = get_bool(view, M_OK, false),
        .us = get_us(view, M_US),
        .out = get_output(view, M_OUT),
        .problem = get_text(view, M_PROBLEM, ""),
    };
}

static void
read_worker(const struct view *view, struct event_worker *worker)
{
    const char *whats[WORKER_WHAT_COUNT];

    for (int i = 0; i < WORKER_WHAT_COUNT; i++) {
        whats[i] = worker_what_name((enum worker_what)i);
    }
    *worker = (struct event_worker){
        .what = (enum worker_what)get_choice(view, M_WHAT, whats,
                                             WORKER_WHAT_COUNT),
        .node = get_text(view, M_WORKER, ""),
        .host = get_text(view, M_HOST, ""),
        .kind = get_text(view, M_KIND, ""),
        .base = (int)get_int(view, M_BASE, MOST_SLOT),
        .slots = (int)get_uint(view, M_SLOTS, MOST_SLOT),
        .us = get_us(view, M_US),
        .text = get_slice(view, M_TEXT),
        .id = get_slice(view, M_ID),
    };
}

static enum stop_reason
get_stop(const struct view *view, enum member member)
{
    const char *names[STOP_BAILED + 1];

    if (view->values[member].kind == SCAN_NOTHING) {
        return STOP_NONE;
    }
    for (int i = 0; i <= STOP_BAILED; i++) {
        names[i] =
            i == STOP_NONE ? NULL : stop_reason_name((enum stop_reason)i);
    }
    return (enum stop_reason)get_choice(view, member, names, STOP_BAILED + 1);
}

static void
read_states(const struct view *view, struct tally *tally)
{
    struct event_reader *reader = view->reader;
    const struct scan_value *states = &view->values[M_STATES];

    if (states->kind == SCAN_NOTHING || err_is_set(reader->err)) {
        return;
    }
    if (states->kind != SCAN_OBJECT) {
        refuse(reader, "states", "an object");
        return;
    }
    if (!scan_object(&reader->states, states->start, states->len,
                     reader->nested, reader->err)) {
        return;
    }
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        tally->states[i] = (uint32_t)number_of(
            reader, &reader->nested[i], reader->state_names[i], UINT32_MAX);
    }
}

static void
read_finished(const struct view *view, struct event_finished *finished)
{
    struct tally *tally = &view->reader->tally;

    *tally = (struct tally){
        .selected = get_count(view, M_SELECTED),
        .ran = get_count(view, M_RAN),
        .failures = get_count(view, M_FAILURES),
        .errors = get_count(view, M_ERRORS),
        .skips = get_count(view, M_SKIPS),
        .xfails = get_count(view, M_XFAILS),
        .xpasses = get_count(view, M_XPASSES),
        .retried = get_count(view, M_RETRIED),
        .late = get_count(view, M_LATE),
        .leaks = get_count(view, M_LEAKS),
        .flaky = get_count(view, M_FLAKY),
        .quarantined = get_count(view, M_QUARANTINED),
    };
    read_states(view, tally);
    *finished = (struct event_finished){
        .tally = tally,
        .us = get_us(view, M_US),
        .stop = get_stop(view, M_STOP),
        .exit_status = (int)get_uint(view, M_EXIT_STATUS, 255),
        .chained = view->values[M_OUTSTANDING].kind != SCAN_NOTHING,
        .outstanding = get_count(view, M_OUTSTANDING),
        .usage = get_usage(view),
    };
}

static void
read_rest(const struct view *view, struct event *event)
{
    static const char *const levels[] = {"info", "warning", "error"};

    switch (event->kind) {
    case EVENT_COLLECTING:
        event->module = get_slice(view, M_MODULE);
        break;
    case EVENT_PREPARING:
        event->preparing = get_slice(view, M_TEXT);
        break;
    case EVENT_PREPARED:
        event->prepared_us = get_us(view, M_US);
        break;
    case EVENT_LEAKED:
        event->leak = (struct event_leak){
            .job = get_text(view, M_JOB_NAME, ""),
            .id = get_text(view, M_ID, ""),
            .pid = (int)get_uint(view, M_PID, INT32_MAX),
            .command = get_text(view, M_COMMAND, ""),
        };
        break;
    case EVENT_ELSEWHERE:
        event->elsewhere = (struct event_elsewhere){
            .id = get_text(view, M_ID, ""),
            .job = get_text(view, M_JOB_NAME, ""),
            .shard = get_count(view, M_SHARD),
        };
        break;
    case EVENT_NOTE:
        event->note = (struct event_note){
            .level = (enum note_level)get_choice(view, M_LEVEL, levels, 3),
            .text = get_text(view, M_TEXT, ""),
            .hint = get_text(view, M_HINT, NULL),
        };
        break;
    case EVENT_STOPPING:
        event->stopping = (struct event_stopping){
            .reason = get_stop(view, M_REASON),
            .problem = get_text(view, M_PROBLEM, NULL),
        };
        break;
    case EVENT_RUN_STARTED:
    case EVENT_COLLECTED:
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
    case EVENT_JOB_STARTED:
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
    case EVENT_JOB_FINISHED:
    case EVENT_WORKER:
    case EVENT_RUN_FINISHED:
    case EVENT_KIND_COUNT:
        break;
    }
}

static void
read_members(const struct view *view, struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        read_run(view, &event->run);
        break;
    case EVENT_COLLECTED:
        read_collected(view, &event->collected);
        break;
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
        read_script(view, &event->script);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        read_job(view, &event->job);
        break;
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        read_test(view, event->kind, &event->test);
        break;
    case EVENT_WORKER:
        read_worker(view, &event->worker);
        break;
    case EVENT_RUN_FINISHED:
        read_finished(view, &event->finished);
        break;
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_LEAKED:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_KIND_COUNT:
        read_rest(view, event);
        break;
    }
}

// EVENT_KIND_COUNT: none of that name.
static enum event_kind
find_kind(struct slice name)
{
    // Those of which there are most come first.
    static const enum event_kind usual[] = {
        EVENT_TEST_FINISHED, EVENT_JOB_STARTED, EVENT_JOB_FINISHED};

    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
        if (slice_equals_text(name, event_kind_name(usual[i]))) {
            return usual[i];
        }
    }
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        if (slice_equals_text(name, event_kind_name((enum event_kind)i))) {
            return (enum event_kind)i;
        }
    }
    return EVENT_KIND_COUNT;
}

enum event_reading
event_reader_read(struct event_reader *reader, char *line, size_t len,
                  struct event *event, struct event_refs *refs, struct err *err)
{
    struct view view = {reader, reader->line};

    reader->err = err;
    reader->refs = (struct event_refs){0};
    if (!scan_object(&reader->keys, line, len, reader->line, err)) {
        return EVENT_WRONG;
    }
    struct slice name = get_slice(&view, M_EVENT);
    if (name.len == 0) {
        refuse(reader, "event", "there");
        return EVENT_WRONG;
    }
    *event = (struct event){.kind = find_kind(name)};
    if (event->kind == EVENT_KIND_COUNT) {
        return EVENT_UNKNOWN;
    }
    event->us = get_us(&view, M_AT_US);
    event->wall_ms = get_int(&view, M_WALL_MS, MOST_US);
    read_members(&view, event);
    *refs = reader->refs;
    return err_is_set(err) ? EVENT_WRONG : EVENT_READ;
}

// ------------------------------------------------------------- other lines

bool
event_reader_read_output(struct event_reader *reader, char *line, size_t len,
                         uint64_t *number, struct output *output,
                         struct err *err)
{
    struct view view = {reader, reader->line};

    reader->err = err;
    if (!scan_object(&reader->keys, line, len, reader->line, err)) {
        return false;
    }
    *number = get_uint(&view, M_OUTPUT, UINT32_MAX);
    *output = read_output(&view);
    return !err_is_set(err);
}

bool
event_reader_read_selected(struct event_reader *reader, char *line, size_t len,
                           struct event_selected *selected, struct err *err)
{
    struct view view = {reader, reader->line};
    struct scan_value value = {0};

    reader->err = err;
    if (!scan_object(&reader->keys, line, len, reader->line, err)) {
        return false;
    }
    struct scan_value rest = reader->line[M_TESTS];
    if (rest.kind != SCAN_ARRAY) {
        return err_set(err, ERR_PROTOCOL, "\"tests\" is not an array");
    }
    ARRAY_CLEAR(&reader->ids);
    while (!err_is_set(err) && scan_next(&rest, &value, err)) {
        if (value.kind != SCAN_TEXT) {
            refuse(reader, "tests", "of texts");
            return false;
        }
        ARRAY_ADD(&reader->ids, slice_make(value.start, value.len));
    }
    *selected = (struct event_selected){
        .number = (uint32_t)get_uint(&view, M_SELECTED, ITEMS_MAX),
        .job = get_text(&view, M_NAME, ""),
        .file = get_text(&view, M_FILE, ""),
        .kind = get_job_kind(&view),
        .first = (uint32_t)get_uint(&view, M_ITEM, ITEMS_MAX),
        .ids = reader->ids.items,
        .count = reader->ids.count,
    };
    return !err_is_set(err);
}
