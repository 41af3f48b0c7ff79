#include "fleet/update_codec.h"

#include <string.h>

#include "fleet/update_internal.h"
#include "util/field.h"

// Slots of a build, and -1 for none.
#define SLOT_MAX INT32_MAX

static const char *const kind_names[] = {
    [UPDATE_OTHER] = "other",     [UPDATE_SAID] = "said",
    [UPDATE_JOINED] = "joined",   [UPDATE_TOOK] = "took",
    [UPDATE_BOUNCED] = "bounced", [UPDATE_JOB] = "job",
    [UPDATE_BEGIN] = "begin",     [UPDATE_SLOW] = "slow",
    [UPDATE_RESULT] = "result",   [UPDATE_APPEARED] = "appeared",
    [UPDATE_BAIL] = "bail",       [UPDATE_END] = "end",
    [UPDATE_DIFFERS] = "differs", [UPDATE_LEAK] = "leak",
    [UPDATE_NOTE] = "note",       [UPDATE_HOLDS] = "holds",
    [UPDATE_FAILED] = "failed",   [UPDATE_LEFT] = "left",
};

const char *const update_end_names[UPDATE_END_COUNT] = {
    [ORDER_DONE] = "done",       [ORDER_CRASHED] = "crashed",
    [ORDER_TIMEOUT] = "timeout", [ORDER_CANCELLED] = "cancelled",
    [ORDER_BREACH] = "breach",   [ORDER_LOST] = "lost",
};

const char *const update_level_names[UPDATE_LEVEL_COUNT] = {
    [NOTE_INFO] = "info",
    [NOTE_WARNING] = "warning",
    [NOTE_ERROR] = "error",
};

const char *
update_kind_name(enum update_kind kind)
{
    return kind_names[kind];
}

bool
update_has_order(enum update_kind kind)
{
    return kind == UPDATE_JOB || kind == UPDATE_BEGIN || kind == UPDATE_SLOW ||
           kind == UPDATE_RESULT || kind == UPDATE_APPEARED ||
           kind == UPDATE_BAIL || kind == UPDATE_END || kind == UPDATE_DIFFERS;
}

// ---------------------------------------------------------------- reading

static bool
decode_count(const json_t *object, const char *name, uint64_t *count,
             struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, name, (struct field_range){0, INT64_MAX},
                            &number, err)) {
        return false;
    }
    *count = (uint64_t)number;
    return true;
}

static bool
decode_place(const json_t *object, uint32_t *place, struct err *err)
{
    int64_t number = 0;

    if (!field_int(object, "i", (struct field_range){0, ITEMS_MAX}, &number,
                   err)) {
        return false;
    }
    *place = (uint32_t)number;
    return true;
}

static bool
decode_slot(const json_t *object, int *slot, struct err *err)
{
    int64_t number = -1;

    if (!field_int_optional(object, "slot", (struct field_range){-1, SLOT_MAX},
                            &number, err)) {
        return false;
    }
    *slot = (int)number;
    return true;
}

static bool
decode_process(const json_t *object, uint32_t *process, struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, "process",
                            (struct field_range){0, UINT32_MAX}, &number,
                            err)) {
        return false;
    }
    *process = (uint32_t)number;
    return true;
}

// One of a list of names; they are few.
static bool
decode_word(const json_t *object, const char *name, const char *const *names,
            size_t count, size_t *word, struct err *err)
{
    struct slice text = {0};

    if (!field_text(object, name, &text, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(text, names[i])) {
            *word = i;
            return true;
        }
    }
    return err_set(err, ERR_PROTOCOL, "field \"%s\" is \"%.*s\"", name,
                   SLICE_ARG(slice_first(text, 40)));
}

static bool
decode_output(const json_t *object, const char *name, struct output *output,
              struct err *err)
{
    const json_t *parts = json_object_get(object, name);

    *output = (struct output){0};
    if (!json_is_object(parts)) {
        return field_text_optional(object, name, &output->head, err);
    }
    if (!field_text_optional(parts, "head", &output->head, err) ||
        !field_text_optional(parts, "tail", &output->tail, err) ||
        !decode_count(parts, "cut", &output->cut, err)) {
        return err_wrap(err, "field \"%s\"", name);
    }
    return true;
}

bool
update_decode_outcome(const json_t *object, struct findings *findings,
                      struct outcome *outcome, struct err *err)
{
    struct slice state = {0};

    *outcome = (struct outcome){.ran = true, .counted = true};
    if (!field_text(object, "state", &state, err)) {
        return false;
    }
    if (!state_find(state, &outcome->state) || outcome->state == STATE_NONE) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"state\" is \"%.*s\", no state",
                       SLICE_ARG(slice_first(state, 40)));
    }
    if (!decode_count(object, "us", &outcome->us, err) ||
        !field_text_optional(object, "reason", &outcome->reason, err) ||
        !findings_decode(object, findings, err) ||
        !decode_output(object, "out", &outcome->out, err) ||
        !decode_output(object, "err", &outcome->err, err) ||
        !field_bool_optional(object, "ran", &outcome->ran, err) ||
        !field_bool_optional(object, "counted", &outcome->counted, err)) {
        return false;
    }
    outcome->findings = findings->items;
    outcome->finding_count = findings->count;
    return true;
}

static bool
decode_outcome(const json_t *object, struct update_memory *memory,
               struct update *update, struct err *err)
{
    update->outcome = &memory->outcome;
    return update_decode_outcome(object, &memory->findings, &memory->outcome,
                                 err);
}

static bool
decode_end(const json_t *object, struct update *update, struct err *err)
{
    struct update_end *end = &update->end;
    size_t word = 0;
    int64_t status = 0;
    static const struct field_range statuses = {INT32_MIN, INT32_MAX};

    update->place = ITEM_NONE;
    if (json_object_get(object, "i") != NULL &&
        !decode_place(object, &update->place, err)) {
        return false;
    }
    if (!decode_slot(object, &update->slot, err) ||
        !decode_word(object, "end", update_end_names, UPDATE_END_COUNT, &word,
                     err) ||
        !decode_count(object, "running_us", &end->running_us, err) ||
        !field_int_optional(object, "status", statuses, &status, err) ||
        !field_text_optional(object, "problem", &end->problem, err) ||
        !field_bool_optional(object, "job_limit", &end->job_limit, err) ||
        !field_bool_optional(object, "left", &end->left, err) ||
        !usage_decode(object, "usage", &end->usage, err) ||
        !decode_count(object, "us", &update->us, err) ||
        !decode_output(object, "out", &end->out, err) ||
        !decode_output(object, "err", &end->err, err)) {
        return false;
    }
    end->end = (enum order_end)word;
    end->status = (int)status;
    return true;
}

static bool
decode_appeared(const json_t *object, struct update_memory *memory,
                struct update *update, struct err *err)
{
    struct update_appeared *appeared = &update->appeared;
    int64_t line = 0;

    if (!field_text(object, "id", &appeared->id, err) ||
        !field_text_optional(object, "file", &appeared->file, err) ||
        !field_int_optional(object, "line", (struct field_range){0, UINT32_MAX},
                            &line, err) ||
        !decode_slot(object, &update->slot, err) ||
        !field_bool_optional(object, "whole", &appeared->whole, err)) {
        return false;
    }
    appeared->line = (uint32_t)line;
    return decode_outcome(object, memory, update, err);
}

static bool
decode_leak(const json_t *object, struct update_leak *leak, struct err *err)
{
    int64_t pid = 0;

    if (!field_text_optional(object, "job", &leak->job, err) ||
        !field_text_optional(object, "id", &leak->id, err) ||
        !field_int(object, "pid", (struct field_range){0, INT32_MAX}, &pid,
                   err) ||
        !field_text(object, "command", &leak->command, err)) {
        return false;
    }
    leak->pid = (int)pid;
    return true;
}

static bool
decode_note(const json_t *object, struct update_note *note, struct err *err)
{
    size_t word = 0;

    if (!decode_word(object, "level", update_level_names, UPDATE_LEVEL_COUNT,
                     &word, err) ||
        !field_text(object, "text", &note->text, err) ||
        !field_text_optional(object, "hint", &note->hint, err)) {
        return false;
    }
    note->level = (enum note_level)word;
    return true;
}

static bool
decode_orders(const json_t *object, struct update_memory *memory,
              struct update *update, struct err *err)
{
    if (!order_names_decode(object, "os", &memory->names, err)) {
        return false;
    }
    update->os = memory->names.items;
    update->os_count = memory->names.count;
    return true;
}

static bool
decode_members(const json_t *object, struct update_memory *memory,
               struct update *update, struct err *err)
{
    switch (update->kind) {
    case UPDATE_SAID:
        return field_text(object, "text", &update->text, err);
    case UPDATE_JOINED:
        return decode_count(object, "us", &update->us, err);
    case UPDATE_TOOK:
    case UPDATE_BOUNCED:
        return decode_orders(object, memory, update, err);
    case UPDATE_JOB:
        return decode_slot(object, &update->slot, err) &&
               decode_process(object, &update->process, err);
    case UPDATE_BEGIN:
    case UPDATE_SLOW:
        return decode_place(object, &update->place, err) &&
               decode_slot(object, &update->slot, err) &&
               decode_count(object, "us", &update->us, err);
    case UPDATE_RESULT:
        return decode_place(object, &update->place, err) &&
               decode_slot(object, &update->slot, err) &&
               decode_outcome(object, memory, update, err);
    case UPDATE_APPEARED:
        return decode_appeared(object, memory, update, err);
    case UPDATE_BAIL:
    case UPDATE_DIFFERS:
        return field_text(object, "reason", &update->text, err);
    case UPDATE_END:
        return decode_end(object, update, err);
    case UPDATE_LEAK:
        return decode_leak(object, &update->leak, err);
    case UPDATE_NOTE:
        return decode_note(object, &update->note, err);
    case UPDATE_HOLDS:
        return decode_count(object, "ask", &update->ask, err) &&
               decode_orders(object, memory, update, err);
    case UPDATE_FAILED:
        return field_text(object, "why", &update->text, err);
    case UPDATE_LEFT:
        return field_text(object, "why", &update->text, err) &&
               field_bool(object, "ok", &update->ok, err) &&
               decode_count(object, "us", &update->us, err);
    case UPDATE_OTHER:
    case UPDATE_KIND_COUNT:
        break;
    }
    return true;
}

static enum update_kind
find_kind(struct slice name)
{
    for (size_t i = UPDATE_OTHER + 1; i < UPDATE_KIND_COUNT; i++) {
        if (slice_equals_text(name, kind_names[i])) {
            return (enum update_kind)i;
        }
    }
    return UPDATE_OTHER;
}

bool
update_decode(const json_t *object, struct update_memory *memory,
              struct update *update, struct err *err)
{
    struct slice name = {0};

    *update = (struct update){.kind = UPDATE_OTHER};
    if (!field_text(object, "k", &name, err)) {
        return err_wrap(err, "update");
    }
    update->kind = find_kind(name);
    if ((update_has_order(update->kind) &&
         !order_name_decode(object, &update->o, err)) ||
        !decode_members(object, memory, update, err)) {
        return err_wrap(err, "update \"%.*s\"",
                        SLICE_ARG(slice_first(name, 40)));
    }
    return true;
}

void
update_memory_release(struct update_memory *memory)
{
    ARRAY_RELEASE(&memory->findings);
    ARRAY_RELEASE(&memory->names);
}

// ---------------------------------------------------------------- skimming

/* What follows a string, from behind its first quote; or empty. */
static struct slice
skip_string(struct slice text)
{
    size_t at = 0;

    while (at < text.len && text.data[at] != '"') {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return slice_skip(text, at + 1);
}

/* The length of the object at the start; 0: it has no end. */
static size_t
object_len(struct slice text)
{
    struct slice rest = text;
    size_t depth = 0;

    while (rest.len > 0) {
        char byte = rest.data[0];
        rest = slice_skip(rest, 1);
        if (byte == '"') {
            rest = skip_string(rest);
        } else if (byte == '{') {
            depth++;
        } else if (byte == '}' && --depth == 0) {
            return text.len - rest.len;
        }
    }
    return 0;
}

static bool
skim_number(struct slice *rest, char end, uint64_t max, uint64_t *number)
{
    size_t len = slice_find(*rest, end);

    if (len == rest->len ||
        !slice_to_uint(slice_first(*rest, len), max, number)) {
        return false;
    }
    *rest = slice_skip(*rest, len + 1);
    return true;
}

static bool
skim_head(struct slice text, struct update *update)
{
    uint64_t job = 0;
    uint64_t attempt = 0;

    if (!slice_take(&text, SLICE("{\"k\":\""))) {
        return false;
    }
    size_t len = slice_find(text, '"');
    update->kind = find_kind(slice_first(text, len));
    if (!update_has_order(update->kind)) {
        return true;
    }
    text = slice_skip(text, len + 1);
    if (!slice_take(&text, SLICE(",\"o\":[")) ||
        !skim_number(&text, ',', ITEMS_MAX, &job) ||
        !skim_number(&text, ']', UINT16_MAX, &attempt)) {
        return false;
    }
    update->o = (struct order_name){(uint32_t)job, (uint16_t)attempt};
    return true;
}

bool
update_skim(struct slice *list, struct slice *text, struct update *update)
{
    struct slice rest = *list;

    *update = (struct update){.kind = UPDATE_OTHER};
    slice_take(&rest, SLICE(","));
    size_t len = rest.len > 0 && rest.data[0] == '{' ? object_len(rest) : 0;
    if (len == 0 || !skim_head(slice_first(rest, len), update)) {
        return false;
    }
    *text = slice_first(rest, len);
    *list = slice_skip(rest, len);
    return true;
}
