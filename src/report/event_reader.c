#include "report/event_reader.h"

#include <stdlib.h>
#include <string.h>

#include "report/event_member.h"
#include "util/alloc.h"
#include "util/array.h"

// Bounds of numbers that others take for places in tables.
#define MOST_SLOT (1 << 20)
#define MOST_TRIES 1000000

struct event_reader {
    struct scan_keys keys;
    struct scan_keys states;
    const char *state_names[STATE_COUNT];
    struct event_members line;   // of the line
    struct event_members nested; // of what stands within it
    struct outcome outcome;
    struct tally tally;
    ARRAY(struct finding) findings;
    ARRAY(struct slice) ids;
    struct event_refs refs;
    struct err *err; // of the call
};

struct event_reader *
event_reader_new(void)
{
    struct event_reader *reader = ALLOC(struct event_reader);

    for (int i = 0; i < STATE_COUNT; i++) {
        reader->state_names[i] = state_name((enum state)i);
    }
    scan_keys_init(&reader->keys, event_member_names, M_COUNT);
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

// -------------------------------------------------------- what is nested

// Scans what stands within the line, an object. False: there is none.
static bool
scan_within(struct event_reader *reader, const struct scan_value *object,
            const char *name)
{
    if (object->kind == SCAN_NOTHING || err_is_set(reader->err)) {
        return false;
    }
    if (object->kind != SCAN_OBJECT) {
        event_member_refuse(&reader->line, name, "an object");
        return false;
    }
    return scan_object(&reader->keys, object->start, object->len,
                       reader->nested.values, reader->err);
}

static struct output
read_output(const struct event_members *line)
{
    return (struct output){
        .head = event_member_slice(line, M_HEAD),
        .tail = event_member_slice(line, M_TAIL),
        .cut = event_member_uint(line, M_CUT, UINT64_MAX),
    };
}

static struct output
get_output(struct event_reader *reader, enum event_member member)
{

    if (!scan_within(reader, &reader->line.values[member],
                     event_member_names[member])) {
        return (struct output){0};
    }
    if (reader->nested.values[M_REF].kind != SCAN_NOTHING) {
        uint64_t ref = event_member_uint(&reader->nested, M_REF, UINT64_MAX);
        if (member == M_OUT) {
            reader->refs.has_out = true;
            reader->refs.out = ref;
        } else {
            reader->refs.has_err = true;
            reader->refs.err = ref;
        }
        return (struct output){0};
    }
    return read_output(&reader->nested);
}

static struct usage
get_usage(struct event_reader *reader)
{

    if (!scan_within(reader, &reader->line.values[M_USAGE], "usage")) {
        return (struct usage){0};
    }
    return (struct usage){
        .user_us = event_member_us(&reader->nested, M_USER_US),
        .system_us = event_member_us(&reader->nested, M_SYSTEM_US),
        .maxrss_kib = event_member_us(&reader->nested, M_MAXRSS_KIB),
    };
}

// ----------------------------------------------------------------- outcome

static void
read_finding(struct event_reader *reader, const struct scan_value *value)
{
    struct finding finding = {0};

    if (!scan_within(reader, value, "findings")) {
        return;
    }
    if (!finding_kind_find(event_member_slice(&reader->nested, M_KIND),
                           &finding.kind)) {
        event_member_refuse(&reader->line, "kind", "that of a finding");
    }
    finding.where = event_member_slice(&reader->nested, M_WHERE);
    finding.sub = event_member_slice(&reader->nested, M_SUB);
    finding.type = event_member_slice(&reader->nested, M_TYPE);
    finding.message = event_member_slice(&reader->nested, M_MESSAGE);
    finding.trace = event_member_slice(&reader->nested, M_TRACE);
    finding.file = event_member_slice(&reader->nested, M_FILE);
    finding.line = event_member_count(&reader->nested, M_LINE);
    ARRAY_ADD(&reader->findings, finding);
}

static void
read_findings(struct event_reader *reader)
{
    struct scan_value rest = reader->line.values[M_FINDINGS];
    struct scan_value value = {0};

    ARRAY_CLEAR(&reader->findings);
    if (rest.kind == SCAN_NOTHING) {
        return;
    }
    if (rest.kind != SCAN_ARRAY) {
        event_member_refuse(&reader->line, "findings", "an array");
        return;
    }
    while (!err_is_set(reader->err) && scan_next(&rest, &value, reader->err)) {
        read_finding(reader, &value);
    }
}

static const struct outcome *
get_outcome(struct event_reader *reader)
{
    struct outcome *outcome = &reader->outcome;

    *outcome = (struct outcome){
        .us = event_member_us(&reader->line, M_US),
        .reason = event_member_slice(&reader->line, M_REASON),
        .ran = event_member_bool(&reader->line, M_RAN, true),
        .counted = event_member_bool(&reader->line, M_COUNTED, true),
    };
    if (!state_find(event_member_slice(&reader->line, M_STATE),
                    &outcome->state)) {
        event_member_refuse(&reader->line, "state", "one that is known");
    }
    read_findings(reader);
    outcome->findings = reader->findings.items;
    outcome->finding_count = reader->findings.count;
    outcome->out = get_output(reader, M_OUT);
    outcome->err = get_output(reader, M_ERR);
    return outcome;
}

// ------------------------------------------------------------------ events

static void
read_run(struct event_reader *reader, struct event_run *run)
{
    *run = (struct event_run){
        .build_id = event_member_text(&reader->line, M_BUILD, ""),
        .version = event_member_text(&reader->line, M_VERSION, ""),
        .hostname = event_member_text(&reader->line, M_HOSTNAME, ""),
        .cwd = event_member_text(&reader->line, M_CWD, ""),
        .command = event_member_text(&reader->line, M_COMMAND, ""),
        .isolation = event_member_text(&reader->line, M_ISOLATION, ""),
        .hash_seed = event_member_text(&reader->line, M_HASH_SEED, ""),
        .python = event_member_text(&reader->line, M_PYTHON, NULL),
        .python_origin = event_member_text(&reader->line, M_PYTHON_ORIGIN, ""),
        .parent = event_member_text(&reader->line, M_PARENT, NULL),
        .slots = (int)event_member_uint(&reader->line, M_SLOTS, MOST_SLOT),
        .merged = event_member_bool(&reader->line, M_MERGED, false),
    };
}

static void
read_collected(struct event_reader *reader, struct event_collected *collected)
{
    *collected = (struct event_collected){
        .items = event_member_count(&reader->line, M_ITEMS),
        .jobs = event_member_count(&reader->line, M_JOBS),
        .excluded = event_member_count(&reader->line, M_EXCLUDED),
        .us = event_member_us(&reader->line, M_US),
        .order = event_member_text(&reader->line, M_ORDER, NULL),
        .seed = event_member_text(&reader->line, M_SEED, NULL),
        .shard = event_member_text(&reader->line, M_SHARD, NULL),
        .selection = event_member_text(&reader->line, M_SELECTION, NULL),
        .durations = event_member_text(&reader->line, M_DURATIONS, NULL),
    };
}

static enum job_kind
get_job_kind(struct event_reader *reader)
{
    enum job_kind kind = JOB_CLASS;

    if (!job_kind_find(event_member_slice(&reader->line, M_KIND), &kind)) {
        event_member_refuse(&reader->line, "kind", "that of a job");
    }
    return kind;
}

static void
read_job(struct event_reader *reader, struct event_job *job)
{
    *job = (struct event_job){
        .number = (uint32_t)event_member_uint(&reader->line, M_JOB, ITEMS_MAX),
        .name = event_member_text(&reader->line, M_NAME, ""),
        .file = event_member_text(&reader->line, M_FILE, ""),
        .kind = get_job_kind(reader),
        .items = event_member_count(&reader->line, M_ITEMS),
        .slot = (int)event_member_int(&reader->line, M_SLOT, MOST_SLOT),
        .attempt = (int)event_member_uint(&reader->line, M_ATTEMPT, MOST_TRIES),
        .process = event_member_count(&reader->line, M_PROCESS),
        .expect_us = event_member_us(&reader->line, M_EXPECT_US),
        .worker = event_member_text(&reader->line, M_WORKER, ""),
        .usage = get_usage(reader),
        .us = event_member_us(&reader->line, M_US),
        .out = get_output(reader, M_OUT),
        .err = get_output(reader, M_ERR),
    };
}

static void
read_test(struct event_reader *reader, enum event_kind kind,
          struct event_test *test)
{
    bool ended = kind == EVENT_TEST_FINISHED || kind == EVENT_TEST_ATTEMPT;
    uint64_t tries = event_member_uint(&reader->line, M_TRIES, MOST_TRIES);

    *test = (struct event_test){
        .number = (uint32_t)event_member_uint(&reader->line, M_ITEM, ITEMS_MAX),
        .id = event_member_text(&reader->line, M_ID, ""),
        .job = event_member_text(&reader->line, M_JOB_NAME, ""),
        .file = event_member_text(&reader->line, M_FILE, ""),
        .line = event_member_count(&reader->line, M_LINE),
        .slot = (int)event_member_int(&reader->line, M_SLOT, MOST_SLOT),
        .attempt = (int)event_member_uint(&reader->line, M_ATTEMPT, MOST_TRIES),
        .tries = tries > 0 ? (int)tries : 1,
        .process = event_member_count(&reader->line, M_PROCESS),
        .flaky = event_member_bool(&reader->line, M_FLAKY, false),
        .quarantined = event_member_bool(&reader->line, M_QUARANTINED, false),
        .refused = event_member_bool(&reader->line, M_REFUSED, false),
        .worker = event_member_text(&reader->line, M_WORKER, ""),
        .began_us = event_member_us(&reader->line, M_BEGAN_US),
        .us = event_member_us(&reader->line, M_US),
        .outcome = ended ? get_outcome(reader) : NULL,
        .rerun = event_member_text(&reader->line, M_RERUN, ""),
    };
}

static void
read_script(struct event_reader *reader, struct event_script *script)
{
    *script = (struct event_script){
        .name = event_member_text(&reader->line, M_SCRIPT, ""),
        .workspace = event_member_text(&reader->line, M_WORKSPACE, ""),
        .ok = event_member_bool(&reader->line, M_OK, false),
        .us = event_member_us(&reader->line, M_US),
        .out = get_output(reader, M_OUT),
        .problem = event_member_text(&reader->line, M_PROBLEM, ""),
    };
}

static void
read_worker(struct event_reader *reader, struct event_worker *worker)
{
    const char *whats[WORKER_WHAT_COUNT];

    for (int i = 0; i < WORKER_WHAT_COUNT; i++) {
        whats[i] = worker_what_name((enum worker_what)i);
    }
    *worker = (struct event_worker){
        .what = (enum worker_what)event_member_choice(&reader->line, M_WHAT,
                                                      whats, WORKER_WHAT_COUNT),
        .node = event_member_text(&reader->line, M_WORKER, ""),
        .host = event_member_text(&reader->line, M_HOST, ""),
        .kind = event_member_text(&reader->line, M_KIND, ""),
        .base = (int)event_member_int(&reader->line, M_BASE, MOST_SLOT),
        .slots = (int)event_member_uint(&reader->line, M_SLOTS, MOST_SLOT),
        .us = event_member_us(&reader->line, M_US),
        .text = event_member_slice(&reader->line, M_TEXT),
        .id = event_member_slice(&reader->line, M_ID),
    };
}

static enum stop_reason
get_stop(struct event_reader *reader, enum event_member member)
{
    const char *names[STOP_BAILED + 1];

    if (reader->line.values[member].kind == SCAN_NOTHING) {
        return STOP_NONE;
    }
    for (int i = 0; i <= STOP_BAILED; i++) {
        names[i] = stop_reason_name((enum stop_reason)i);
    }
    return (enum stop_reason)event_member_choice(&reader->line, member, names,
                                                 STOP_BAILED + 1);
}

static void
read_states(struct event_reader *reader, struct tally *tally)
{
    const struct scan_value *states = &reader->line.values[M_STATES];

    if (states->kind == SCAN_NOTHING || err_is_set(reader->err)) {
        return;
    }
    if (states->kind != SCAN_OBJECT) {
        event_member_refuse(&reader->line, "states", "an object");
        return;
    }
    if (!scan_object(&reader->states, states->start, states->len,
                     reader->nested.values, reader->err)) {
        return;
    }
    for (int i = STATE_NONE + 1; i < STATE_COUNT; i++) {
        tally->states[i] = (uint32_t)event_member_number(
            &reader->line, &reader->nested.values[i], reader->state_names[i],
            UINT32_MAX);
    }
}

static void
read_finished(struct event_reader *reader, struct event_finished *finished)
{
    struct tally *tally = &reader->tally;

    *tally = (struct tally){
        .selected = event_member_count(&reader->line, M_SELECTED),
        .ran = event_member_count(&reader->line, M_RAN),
        .failures = event_member_count(&reader->line, M_FAILURES),
        .errors = event_member_count(&reader->line, M_ERRORS),
        .skips = event_member_count(&reader->line, M_SKIPS),
        .xfails = event_member_count(&reader->line, M_XFAILS),
        .xpasses = event_member_count(&reader->line, M_XPASSES),
        .retried = event_member_count(&reader->line, M_RETRIED),
        .late = event_member_count(&reader->line, M_LATE),
        .leaks = event_member_count(&reader->line, M_LEAKS),
        .flaky = event_member_count(&reader->line, M_FLAKY),
        .quarantined = event_member_count(&reader->line, M_QUARANTINED),
        .excused = event_member_count(&reader->line, M_EXCUSED),
        .refused = event_member_count(&reader->line, M_REFUSED),
    };
    read_states(reader, tally);
    *finished = (struct event_finished){
        .tally = tally,
        .us = event_member_us(&reader->line, M_US),
        .stop = get_stop(reader, M_STOP),
        .exit_status =
            (int)event_member_uint(&reader->line, M_EXIT_STATUS, 255),
        .chained = reader->line.values[M_OUTSTANDING].kind != SCAN_NOTHING,
        .outstanding = event_member_count(&reader->line, M_OUTSTANDING),
        .usage = get_usage(reader),
    };
}

static void
read_rest(struct event_reader *reader, struct event *event)
{
    static const char *const levels[] = {"info", "warning", "error"};

    switch (event->kind) {
    case EVENT_COLLECTING:
        event->module = event_member_slice(&reader->line, M_MODULE);
        break;
    case EVENT_PREPARING:
        event->preparing = event_member_slice(&reader->line, M_TEXT);
        break;
    case EVENT_PREPARED:
        event->prepared_us = event_member_us(&reader->line, M_US);
        break;
    case EVENT_LEAKED:
        event->leak = (struct event_leak){
            .job = event_member_text(&reader->line, M_JOB_NAME, ""),
            .id = event_member_text(&reader->line, M_ID, ""),
            .pid = (int)event_member_uint(&reader->line, M_PID, INT32_MAX),
            .command = event_member_text(&reader->line, M_COMMAND, ""),
        };
        break;
    case EVENT_ELSEWHERE:
        event->elsewhere = (struct event_elsewhere){
            .id = event_member_text(&reader->line, M_ID, ""),
            .job = event_member_text(&reader->line, M_JOB_NAME, ""),
            .shard = event_member_count(&reader->line, M_SHARD),
        };
        break;
    case EVENT_NOTE:
        event->note = (struct event_note){
            .level = (enum note_level)event_member_choice(&reader->line,
                                                          M_LEVEL, levels, 3),
            .text = event_member_text(&reader->line, M_TEXT, ""),
            .hint = event_member_text(&reader->line, M_HINT, NULL),
        };
        break;
    case EVENT_STOPPING:
        event->stopping = (struct event_stopping){
            .reason = get_stop(reader, M_REASON),
            .problem = event_member_text(&reader->line, M_PROBLEM, NULL),
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
read_members(struct event_reader *reader, struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_STARTED:
        read_run(reader, &event->run);
        break;
    case EVENT_COLLECTED:
        read_collected(reader, &event->collected);
        break;
    case EVENT_SCRIPT_STARTED:
    case EVENT_SCRIPT_FINISHED:
        read_script(reader, &event->script);
        break;
    case EVENT_JOB_STARTED:
    case EVENT_JOB_FINISHED:
        read_job(reader, &event->job);
        break;
    case EVENT_TEST_STARTED:
    case EVENT_TEST_SLOW:
    case EVENT_TEST_FINISHED:
    case EVENT_TEST_ATTEMPT:
        read_test(reader, event->kind, &event->test);
        break;
    case EVENT_WORKER:
        read_worker(reader, &event->worker);
        break;
    case EVENT_RUN_FINISHED:
        read_finished(reader, &event->finished);
        break;
    case EVENT_COLLECTING:
    case EVENT_PREPARING:
    case EVENT_PREPARED:
    case EVENT_LEAKED:
    case EVENT_ELSEWHERE:
    case EVENT_NOTE:
    case EVENT_STOPPING:
    case EVENT_KIND_COUNT:
        read_rest(reader, event);
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

    reader->err = err;
    reader->line.err = err;
    reader->nested.err = err;
    reader->refs = (struct event_refs){0};
    if (!scan_object(&reader->keys, line, len, reader->line.values, err)) {
        return EVENT_WRONG;
    }
    struct slice name = event_member_slice(&reader->line, M_EVENT);
    if (name.len == 0) {
        event_member_refuse(&reader->line, "event", "there");
        return EVENT_WRONG;
    }
    *event = (struct event){.kind = find_kind(name)};
    if (event->kind == EVENT_KIND_COUNT) {
        return EVENT_UNKNOWN;
    }
    event->us = event_member_us(&reader->line, M_AT_US);
    event->wall_ms = event_member_int(&reader->line, M_WALL_MS, EVENT_US_MAX);
    read_members(reader, event);
    *refs = reader->refs;
    return err_is_set(err) ? EVENT_WRONG : EVENT_READ;
}

// ------------------------------------------------------------- other lines

bool
event_reader_read_output(struct event_reader *reader, char *line, size_t len,
                         uint64_t *number, struct output *output,
                         struct err *err)
{

    reader->err = err;
    reader->line.err = err;
    reader->nested.err = err;
    if (!scan_object(&reader->keys, line, len, reader->line.values, err)) {
        return false;
    }
    *number = event_member_uint(&reader->line, M_OUTPUT, UINT32_MAX);
    *output = read_output(&reader->line);
    return !err_is_set(err);
}

bool
event_reader_read_selected(struct event_reader *reader, char *line, size_t len,
                           struct event_selected *selected, struct err *err)
{
    struct scan_value value = {0};

    reader->err = err;
    reader->line.err = err;
    reader->nested.err = err;
    if (!scan_object(&reader->keys, line, len, reader->line.values, err)) {
        return false;
    }
    struct scan_value rest = reader->line.values[M_TESTS];
    if (rest.kind != SCAN_ARRAY) {
        return err_set(err, ERR_PROTOCOL, "\"tests\" is not an array");
    }
    ARRAY_CLEAR(&reader->ids);
    while (!err_is_set(err) && scan_next(&rest, &value, err)) {
        if (value.kind != SCAN_TEXT) {
            event_member_refuse(&reader->line, "tests", "of texts");
            return false;
        }
        ARRAY_ADD(&reader->ids, slice_make(value.start, value.len));
    }
    *selected = (struct event_selected){
        .number =
            (uint32_t)event_member_uint(&reader->line, M_SELECTED, ITEMS_MAX),
        .job = event_member_text(&reader->line, M_NAME, ""),
        .file = event_member_text(&reader->line, M_FILE, ""),
        .kind = get_job_kind(reader),
        .first = (uint32_t)event_member_uint(&reader->line, M_ITEM, ITEMS_MAX),
        .ids = reader->ids.items,
        .count = reader->ids.count,
    };
    return !err_is_set(err);
}
