#include "adapter/adapter_codec.h"

#include "adapter/batch_scan.h"
#include "util/field.h"
#include "util/json_text.h"

static const struct field_range job_range = {0, JOB_NONE - 1};
static const struct field_range item_range = {0, ITEM_NONE - 1};
static const struct field_range count_range = {0, UINT32_MAX};
static const struct field_range pid_range = {1, INT32_MAX};
static const struct field_range slot_range = {0, ADAPTER_SLOT_MAX};
static const struct field_range status_range = {0, 0xFFFF};

static bool
decode_u32(const json_t *object, const char *name, struct field_range range,
           uint32_t *value, struct err *err)
{
    int64_t number = 0;

    if (!field_int(object, name, range, &number, err)) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool
decode_int(const json_t *object, const char *name, struct field_range range,
           int *value, struct err *err)
{
    int64_t number = 0;

    if (!field_int(object, name, range, &number, err)) {
        return false;
    }
    *value = (int)number;
    return true;
}

static bool
decode_int_optional(const json_t *object, const char *name,
                    struct field_range range, int *value, struct err *err)
{
    int64_t number = *value;

    if (!field_int_optional(object, name, range, &number, err)) {
        return false;
    }
    *value = (int)number;
    return true;
}

// A text that must say something.
static bool
decode_name(const json_t *object, const char *name, struct slice *value,
            struct err *err)
{
    if (!field_text(object, name, value, err)) {
        return false;
    }
    if (value->len == 0) {
        return err_set(err, ERR_PROTOCOL, "field \"%s\" is empty", name);
    }
    return true;
}

static bool
decode_protocol(const json_t *root, struct adapter_hello *hello,
                struct err *err)
{
    int64_t numbers[2] = {0};

    if (!field_text(root, "protocol", &hello->protocol, err)) {
        return false;
    }
    size_t dot = slice_find(hello->protocol, '.');
    if (!slice_to_int(slice_first(hello->protocol, dot), 0, 9999,
                      &numbers[0]) ||
        !slice_to_int(slice_skip(hello->protocol, dot + 1), 0, 9999,
                      &numbers[1])) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"protocol\" is \"%.*s\" instead of two numbers "
                       "and a dot",
                       SLICE_ARG(slice_first(hello->protocol, 40)));
    }
    hello->major = (int)numbers[0];
    hello->minor = (int)numbers[1];
    return true;
}

static bool
decode_role(const json_t *root, struct adapter_hello *hello, struct err *err)
{
    struct slice role = {0};

    if (!field_text(root, "role", &role, err)) {
        return false;
    }
    if (slice_equals(role, SLICE("zygote"))) {
        hello->role = ADAPTER_ZYGOTE;
    } else if (slice_equals(role, SLICE("worker"))) {
        hello->role = ADAPTER_WORKER;
    } else {
        return err_set(err, ERR_PROTOCOL,
                       "field \"role\" is neither \"zygote\" nor \"worker\"");
    }
    return true;
}

static bool
decode_can(const json_t *root, unsigned *can, struct err *err)
{
    static const struct {
        struct slice name;
        unsigned flag;
    } words[] = {
        {{"collect", 7}, ADAPTER_CAN_COLLECT},
        {{"fork", 4}, ADAPTER_CAN_FORK},
        {{"run", 3}, ADAPTER_CAN_RUN},
        {{"page", 4}, ADAPTER_CAN_PAGE},
        {{"process", 7}, ADAPTER_CAN_PROCESS},
        {{"prepare", 7}, ADAPTER_CAN_PREPARE},
        {{"tidy", 4}, ADAPTER_CAN_TIDY},
    };
    const json_t *array = NULL;

    if (!field_array_optional(root, "can", &array, err)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct slice word = {0};

        if (!field_element_text(array, i, &word, err)) {
            return err_wrap(err, "field \"can\"");
        }
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            *can |= slice_equals(word, words[j].name) ? words[j].flag : 0;
        }
    }
    return true;
}

static bool
decode_resume(const json_t *root, struct adapter_hello *hello, struct err *err)
{
    const json_t *resume = NULL;
    int64_t attempt = 0;
    int64_t sent = 0;

    if (!field_object_optional(root, "resume", &resume, err)) {
        return false;
    }
    if (resume == NULL) {
        return true;
    }
    if (!decode_u32(resume, "job", job_range, &hello->resume_job, err) ||
        !field_int(resume, "attempt", (struct field_range){0, UINT16_MAX},
                   &attempt, err) ||
        !field_int(resume, "sent", (struct field_range){0, INT64_MAX}, &sent,
                   err)) {
        return err_wrap(err, "field \"resume\"");
    }
    hello->resume = true;
    hello->resume_attempt = (uint16_t)attempt;
    hello->resume_sent = (uint64_t)sent;
    return true;
}

static bool
decode_hello(struct adapter_message *message, struct err *err)
{
    struct adapter_hello *hello = &message->hello;
    const json_t *root = message->root;

    hello->slot = -1;
    if (!decode_protocol(root, hello, err)) {
        return false;
    }
    if (hello->major != ADAPTER_PROTOCOL_MAJOR) {
        return true; // its other members may mean anything
    }
    return decode_role(root, hello, err) &&
           decode_int_optional(root, "slot", slot_range, &hello->slot, err) &&
           decode_int(root, "pid", pid_range, &hello->pid, err) &&
           field_text_optional(root, "adapter", &hello->adapter, err) &&
           field_text_optional(root, "version", &hello->version, err) &&
           field_text_optional(root, "language", &hello->language, err) &&
           decode_can(root, &hello->can, err) &&
           decode_int_optional(root, "dump_signal", (struct field_range){1, 64},
                               &hello->dump_signal, err) &&
           decode_resume(root, hello, err);
}

static bool
decode_importing(struct adapter_message *message, struct err *err)
{
    return decode_name(message->root, "module", &message->importing.module,
                       err) &&
           field_text_optional(message->root, "file", &message->importing.file,
                               err);
}

static bool
decode_items(struct adapter_message *message, struct err *err)
{
    const json_t *array = NULL;

    if (!field_array(message->root, "items", &array, err)) {
        return false;
    }
    ARRAY_CLEAR(&message->items);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *pair = json_array_get(array, i);
        const json_t *id = json_array_get(pair, 0);
        const json_t *line = json_array_get(pair, 1);

        if (json_array_size(pair) != 2 || json_string_length(id) == 0 ||
            !json_is_integer(line) || json_integer_value(line) < 0 ||
            json_integer_value(line) > UINT32_MAX) {
            return err_set(err, ERR_PROTOCOL,
                           "element %zu of \"items\" is no pair of an id and "
                           "a line",
                           i);
        }
        ARRAY_ADD(&message->items,
                  ((struct adapter_item){
                      slice_make(json_string_value(id), json_string_length(id)),
                      (uint32_t)json_integer_value(line)}));
    }
    message->job.items = message->items.items;
    message->job.count = message->items.count;
    return true;
}

static bool
decode_job(struct adapter_message *message, struct err *err)
{
    struct job_params *params = &message->job.params;
    const json_t *root = message->root;
    struct slice kind = {0};
    bool alone = false;
    bool spawn = false;
    int64_t rank = 0;

    if (!decode_name(root, "name", &params->name, err) ||
        !field_text(root, "kind", &kind, err)) {
        return false;
    }
    if (!job_kind_find(kind, &params->kind) || params->kind == JOB_COMMAND) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"kind\" is \"%.*s\", no kind of job",
                       SLICE_ARG(slice_first(kind, 40)));
    }
    if (!field_text_optional(root, "file", &params->file, err) ||
        !field_text_optional(root, "load", &params->load, err) ||
        !field_bool_optional(root, "alone", &alone, err) ||
        !field_bool_optional(root, "spawn", &spawn, err) ||
        !field_int_optional(root, "rank", (struct field_range){0, JOB_RANK_MAX},
                            &rank, err) ||
        !decode_items(message, err)) {
        return false;
    }
    params->flags = (alone ? JOB_ALONE : 0U) | (spawn ? JOB_SPAWN : 0U) |
                    (unsigned)rank << JOB_RANK_SHIFT;
    return true;
}

static bool
decode_unknown(struct adapter_message *message, struct err *err)
{
    return field_text(message->root, "label", &message->unknown.label, err) &&
           field_text_optional(message->root, "reason",
                               &message->unknown.reason, err);
}

static bool
decode_foreign(struct adapter_message *message, struct err *err)
{
    struct adapter_foreign *foreign = &message->foreign;

    return field_text(message->root, "style", &foreign->style, err) &&
           field_text(message->root, "file", &foreign->file, err) &&
           decode_u32(message->root, "tests", count_range, &foreign->tests,
                      err);
}

static bool
decode_threads(struct adapter_message *message, struct err *err)
{
    struct adapter_threads *threads = &message->threads;
    const json_t *array = NULL;
    int64_t native = 0;

    ARRAY_CLEAR(&message->names);
    if (!decode_name(message->root, "module", &threads->module, err) ||
        !field_array_optional(message->root, "names", &array, err) ||
        !field_int_optional(message->root, "native", count_range, &native,
                            err)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct slice name = {0};

        if (!field_element_text(array, i, &name, err)) {
            return err_wrap(err, "field \"names\"");
        }
        ARRAY_ADD(&message->names, name);
    }
    threads->names = message->names.items;
    threads->count = message->names.count;
    threads->native = (uint32_t)native;
    return true;
}

static bool
decode_warning(struct adapter_message *message, struct err *err)
{
    return field_text(message->root, "text", &message->warning, err);
}

static bool
decode_collected(struct adapter_message *message, struct err *err)
{
    struct adapter_collected *collected = &message->collected;

    return decode_u32(message->root, "jobs", count_range, &collected->jobs,
                      err) &&
           decode_u32(message->root, "items", count_range, &collected->items,
                      err);
}

static bool
decode_forked(struct adapter_message *message, struct err *err)
{
    return decode_int(message->root, "slot", slot_range, &message->slot.slot,
                      err) &&
           decode_int(message->root, "pid", pid_range, &message->slot.pid, err);
}

static bool
decode_exited(struct adapter_message *message, struct err *err)
{
    return decode_forked(message, err) &&
           decode_int(message->root, "status", status_range,
                      &message->slot.status, err) &&
           usage_decode(message->root, "rusage", &message->slot.usage, err);
}

static bool
decode_failed(struct adapter_message *message, struct err *err)
{
    return decode_int(message->root, "slot", slot_range, &message->slot.slot,
                      err) &&
           field_text_optional(message->root, "reason", &message->slot.reason,
                               err);
}

static bool
decode_process(struct adapter_message *message, struct err *err)
{
    return decode_u32(message->root, "job", job_range, &message->progress.job,
                      err) &&
           decode_int(message->root, "pid", pid_range, &message->progress.pid,
                      err);
}

static bool
decode_started(struct adapter_message *message, struct err *err)
{
    return decode_u32(message->root, "item", item_range, &message->started,
                      err);
}

static bool
decode_passed(struct adapter_message *message, struct err *err)
{
    const json_t *array = NULL;

    if (!field_array(message->root, "items", &array, err)) {
        return false;
    }
    ARRAY_CLEAR(&message->passes);
    if (json_array_size(array) > ADAPTER_PASSED_MAX) {
        return err_set(err, ERR_PROTOCOL, "%zu items are more than %d",
                       json_array_size(array), ADAPTER_PASSED_MAX);
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *pair = json_array_get(array, i);
        const json_t *item = json_array_get(pair, 0);
        const json_t *us = json_array_get(pair, 1);

        if (json_array_size(pair) != 2 || !json_is_integer(item) ||
            !json_is_integer(us) || json_integer_value(item) < 0 ||
            json_integer_value(item) >= ITEM_NONE ||
            json_integer_value(us) < 0) {
            return err_set(err, ERR_PROTOCOL,
                           "element %zu of \"items\" is no pair of an item "
                           "and microseconds",
                           i);
        }
        ARRAY_ADD(&message->passes,
                  ((struct adapter_pass){(uint32_t)json_integer_value(item),
                                         (uint64_t)json_integer_value(us)}));
    }
    message->passed.items = message->passes.items;
    message->passed.count = message->passes.count;
    return true;
}

static bool
decode_end_of_item(struct adapter_message *message, struct err *err)
{
    struct adapter_finished *finished = &message->finished;

    return outcome_decode(message->root, &message->findings, &finished->outcome,
                          err) &&
           output_range_decode(message->root, "out", &finished->out, err) &&
           output_range_decode(message->root, "err", &finished->err, err);
}

static bool
decode_finished(struct adapter_message *message, struct err *err)
{
    return decode_u32(message->root, "item", item_range,
                      &message->finished.item, err) &&
           decode_end_of_item(message, err);
}

static bool
decode_fixture(struct adapter_message *message, struct err *err)
{
    message->finished.item = ITEM_NONE;
    return decode_name(message->root, "id", &message->finished.id, err) &&
           decode_end_of_item(message, err);
}

static bool
decode_exit(struct adapter_message *message, struct err *err)
{
    struct adapter_progress *progress = &message->progress;

    return decode_process(message, err) &&
           decode_int(message->root, "status", status_range, &progress->status,
                      err) &&
           usage_decode(message->root, "rusage", &progress->usage, err) &&
           field_bool_optional(message->root, "leak", &progress->leak, err);
}

static bool
decode_done(struct adapter_message *message, struct err *err)
{
    struct adapter_progress *progress = &message->progress;
    int64_t us = 0;

    if (!decode_u32(message->root, "job", job_range, &progress->job, err) ||
        !field_int_optional(message->root, "us",
                            (struct field_range){0, INT64_MAX}, &us, err)) {
        return false;
    }
    progress->us = (uint64_t)us;
    return output_range_decode(message->root, "out", &progress->out, err) &&
           output_range_decode(message->root, "err", &progress->err, err) &&
           field_bool_optional(message->root, "left", &progress->left, err) &&
           usage_decode(message->root, "rusage", &progress->usage, err);
}

static bool
decode_preparing(struct adapter_message *message, struct err *err)
{
    return field_text(message->root, "text", &message->preparing, err);
}

static bool
decode_prepared(struct adapter_message *message, struct err *err)
{
    (void)message;
    (void)err;
    return true;
}

static bool
decode_unfit(struct adapter_message *message, struct err *err)
{
    return decode_name(message->root, "reason", &message->unfit.reason, err) &&
           field_text_optional(message->root, "hint", &message->unfit.hint,
                               err);
}

static bool
decode_note(struct adapter_message *message, struct err *err)
{
    struct adapter_note *note = &message->note;
    struct slice level = {0};

    if (!field_text(message->root, "level", &level, err) ||
        !decode_name(message->root, "text", &note->text, err) ||
        !field_text_optional(message->root, "hint", &note->hint, err)) {
        return false;
    }
    note->warning = slice_equals(level, SLICE("warning"));
    if (!note->warning && !slice_equals(level, SLICE("info"))) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"level\" is neither \"info\" nor "
                       "\"warning\"");
    }
    return true;
}

struct kind {
    const char *name;
    bool (*decode)(struct adapter_message *message, struct err *err);
};

static const struct kind kinds[ADAPTER_KIND_COUNT] = {
    [ADAPTER_OTHER] = {"other", NULL},
    [ADAPTER_HELLO] = {"hello", decode_hello},
    [ADAPTER_IMPORTING] = {"importing", decode_importing},
    [ADAPTER_JOB] = {"job", decode_job},
    [ADAPTER_UNKNOWN] = {"unknown", decode_unknown},
    [ADAPTER_FOREIGN] = {"foreign", decode_foreign},
    [ADAPTER_THREADS] = {"threads", decode_threads},
    [ADAPTER_WARNING] = {"warning", decode_warning},
    [ADAPTER_COLLECTED] = {"collected", decode_collected},
    [ADAPTER_FORKED] = {"forked", decode_forked},
    [ADAPTER_EXITED] = {"exited", decode_exited},
    [ADAPTER_FAILED] = {"failed", decode_failed},
    [ADAPTER_PROCESS] = {"process", decode_process},
    [ADAPTER_STARTED] = {"started", decode_started},
    [ADAPTER_PASSED] = {"passed", decode_passed},
    [ADAPTER_FINISHED] = {"finished", decode_finished},
    [ADAPTER_FIXTURE] = {"fixture", decode_fixture},
    [ADAPTER_EXIT] = {"exit", decode_exit},
    [ADAPTER_DONE] = {"done", decode_done},
    [ADAPTER_PREPARING] = {"preparing", decode_preparing},
    [ADAPTER_PREPARED] = {"prepared", decode_prepared},
    [ADAPTER_UNFIT] = {"unfit", decode_unfit},
    [ADAPTER_NOTE] = {"note", decode_note},
};

// Everything that is not memory for the next message becomes zero.
static void
forget(struct adapter_message *message)
{
    struct adapter_message next = {
        .findings = message->findings,
    };

    memcpy(&next.items, &message->items, sizeof(next.items));
    memcpy(&next.passes, &message->passes, sizeof(next.passes));
    memcpy(&next.names, &message->names, sizeof(next.names));
    json_decref(message->root);
    *message = next;
}

static enum adapter_kind
find_kind(struct slice name)
{
    for (int i = ADAPTER_OTHER + 1; i < ADAPTER_KIND_COUNT; i++) {
        if (slice_equals_text(name, kinds[i].name)) {
            return (enum adapter_kind)i;
        }
    }
    return ADAPTER_OTHER;
}

bool
adapter_message_decode_plainly(struct adapter_message *message,
                               struct slice line, struct err *err)
{
    struct slice name = {0};

    forget(message);
    message->root = json_text_parse_object(line, err);
    if (message->root == NULL) {
        return err_wrap(err, "a line that is no message");
    }
    if (!field_text(message->root, "msg", &name, err)) {
        return err_wrap(err, "a line that is no message");
    }
    message->kind = find_kind(name);
    if (message->kind == ADAPTER_OTHER) {
        return true;
    }
    if (!kinds[message->kind].decode(message, err)) {
        err_wrap(err, "message \"%s\"", kinds[message->kind].name);
        message->kind = ADAPTER_OTHER;
        return false;
    }
    return true;
}

bool
adapter_message_decode(struct adapter_message *message, struct slice line,
                       struct err *err)
{
    forget(message);
    return batch_scan(message, line) ||
           adapter_message_decode_plainly(message, line, err);
}

void
adapter_message_release(struct adapter_message *message)
{
    json_decref(message->root);
    ARRAY_RELEASE(&message->items);
    ARRAY_RELEASE(&message->passes);
    ARRAY_RELEASE(&message->names);
    ARRAY_RELEASE(&message->findings);
    *message = (struct adapter_message){0};
}

const char *
adapter_kind_name(enum adapter_kind kind)
{
    return kinds[kind].name;
}
