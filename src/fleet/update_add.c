#include "fleet/update_codec.h"

#include "fleet/shorten.h"
#include "fleet/update_internal.h"
#include "util/compose.h"

/* Structs -> JSON: the half of update_codec.h that writes. */

static void
add_output(struct buf *buf, const char *key, const struct output *output)
{
    if (output->cut == 0 && output->tail.len == 0) {
        compose_some(buf, key, output->head);
        return;
    }
    compose_open(buf, key);
    compose_slice(buf, "head", output->head);
    compose_slice(buf, "tail", output->tail);
    compose_uint(buf, "cut", output->cut);
    buf_add_char(buf, '}');
}

static void
add_finding(struct buf *buf, const struct finding *finding)
{
    compose_comma(buf);
    buf_add_char(buf, '{');
    compose_text(buf, "kind", finding_kind_name(finding->kind));
    compose_some(buf, "where", finding->where);
    compose_some(buf, "sub", finding->sub);
    compose_some(buf, "type", finding->type);
    compose_some(buf, "message", finding->message);
    compose_some(buf, "trace", finding->trace);
    compose_some(buf, "file", finding->file);
    compose_some_uint(buf, "line", finding->line);
    buf_add_char(buf, '}');
}

void
update_add_outcome(struct buf *buf, const struct outcome *outcome)
{
    compose_text(buf, "state", state_name(outcome->state));
    compose_uint(buf, "us", outcome->us);
    compose_some(buf, "reason", outcome->reason);
    if (outcome->finding_count > 0) {
        compose_list(buf, "findings");
        for (size_t i = 0; i < outcome->finding_count; i++) {
            add_finding(buf, &outcome->findings[i]);
        }
        buf_add_char(buf, ']');
    }
    add_output(buf, "out", &outcome->out);
    add_output(buf, "err", &outcome->err);
    if (!outcome->ran) {
        compose_bool(buf, "ran", false);
    }
    if (!outcome->counted) {
        compose_bool(buf, "counted", false);
    }
}

static void
add_usage(struct buf *buf, const struct usage *usage)
{
    compose_open(buf, "usage");
    compose_uint(buf, "user_us", usage->user_us);
    compose_uint(buf, "system_us", usage->system_us);
    compose_some_uint(buf, "maxrss_kib", usage->maxrss_kib);
    buf_add_char(buf, '}');
}

static void
add_end(struct buf *buf, const struct update *update)
{
    const struct update_end *end = &update->end;

    compose_int(buf, "slot", update->slot);
    compose_text(buf, "end", update_end_names[end->end]);
    if (update->place != ITEM_NONE) {
        compose_uint(buf, "i", update->place);
        compose_uint(buf, "running_us", end->running_us);
    }
    if (end->status != 0) {
        compose_int(buf, "status", end->status);
    }
    compose_some(buf, "problem", end->problem);
    compose_some_bool(buf, "job_limit", end->job_limit);
    compose_some_bool(buf, "left", end->left);
    add_usage(buf, &end->usage);
    compose_uint(buf, "us", update->us);
    add_output(buf, "out", &end->out);
    add_output(buf, "err", &end->err);
}

static void
add_appeared(struct buf *buf, const struct update *update)
{
    const struct update_appeared *appeared = &update->appeared;

    compose_slice(buf, "id", appeared->id);
    compose_some(buf, "file", appeared->file);
    compose_some_uint(buf, "line", appeared->line);
    compose_int(buf, "slot", update->slot);
    compose_some_bool(buf, "whole", appeared->whole);
    update_add_outcome(buf, update->outcome);
}

static void
add_orders(struct buf *buf, const struct update *update)
{
    compose_key(buf, "os");
    order_names_add(buf, update->os, update->os_count);
}

static void
add_place(struct buf *buf, const struct update *update)
{
    compose_uint(buf, "i", update->place);
    compose_int(buf, "slot", update->slot);
}

static void
add_leak(struct buf *buf, const struct update_leak *leak)
{
    compose_some(buf, "job", leak->job);
    compose_some(buf, "id", leak->id);
    compose_int(buf, "pid", leak->pid);
    compose_slice(buf, "command", leak->command);
}

static void
add_note(struct buf *buf, const struct update_note *note)
{
    compose_text(buf, "level", update_level_names[note->level]);
    compose_slice(buf, "text", note->text);
    compose_some(buf, "hint", note->hint);
}

// A table in the shape of a switch.
// NOLINTNEXTLINE(readability-function-size)
static void
add_members(struct buf *buf, const struct update *update)
{
    switch (update->kind) {
    case UPDATE_SAID:
        compose_slice(buf, "text", update->text);
        break;
    case UPDATE_JOINED:
        compose_uint(buf, "us", update->us);
        break;
    case UPDATE_TOOK:
    case UPDATE_BOUNCED:
        add_orders(buf, update);
        break;
    case UPDATE_JOB:
        compose_int(buf, "slot", update->slot);
        compose_some_uint(buf, "process", update->process);
        break;
    case UPDATE_BEGIN:
        add_place(buf, update);
        break;
    case UPDATE_SLOW:
        add_place(buf, update);
        compose_uint(buf, "us", update->us);
        break;
    case UPDATE_RESULT:
        add_place(buf, update);
        update_add_outcome(buf, update->outcome);
        break;
    case UPDATE_APPEARED:
        add_appeared(buf, update);
        break;
    case UPDATE_BAIL:
    case UPDATE_DIFFERS:
        compose_slice(buf, "reason", update->text);
        break;
    case UPDATE_END:
        add_end(buf, update);
        break;
    case UPDATE_LEAK:
        add_leak(buf, &update->leak);
        break;
    case UPDATE_NOTE:
        add_note(buf, &update->note);
        break;
    case UPDATE_HOLDS:
        compose_uint(buf, "ask", update->ask);
        add_orders(buf, update);
        break;
    case UPDATE_FAILED:
        compose_slice(buf, "why", update->text);
        break;
    case UPDATE_LEFT:
        compose_slice(buf, "why", update->text);
        compose_bool(buf, "ok", update->ok);
        compose_uint(buf, "us", update->us);
        break;
    case UPDATE_OTHER:
    case UPDATE_KIND_COUNT:
        break;
    }
}

static void
add_object(struct buf *buf, const struct update *update)
{
    buf_add_char(buf, '{');
    compose_text(buf, "k", update_kind_name(update->kind));
    if (update_has_order(update->kind)) {
        compose_key(buf, "o");
        order_name_add(buf, update->o);
    }
    add_members(buf, update);
    buf_add_char(buf, '}');
}

void
update_add(struct buf *buf, const struct update *update)
{
    size_t start = buf->len;
    size_t room = buf->max - start;
    bool before = buf->overflowed;

    add_object(buf, update);
    size_t limit = room < UPDATE_MAX ? room : UPDATE_MAX;
    if ((buf->len - start <= UPDATE_MAX && buf->overflowed == before) ||
        limit < SHORTEN_LIMIT_MIN) {
        return;
    }
    // It is seldom too long; whether it will be is dear to know beforehand.
    struct shorten shorten = {0};
    struct update shorter = *update;
    shorten_update(&shorten, &shorter, limit);
    buf_cut(buf, start);
    buf->overflowed = before;
    add_object(buf, &shorter);
    shorten_release(&shorten);
}
