#include "adapter/request_codec.h"

#include <inttypes.h>

#include "adapter/adapter_codec.h"
#include "util/escape.h"

// All of these add to the buffer and rely on its memory of what it refused.

static void
add_text(struct buf *buf, const char *text)
{
    escape_json(buf, slice_of(text));
}

static void
add_text_or_null(struct buf *buf, const char *text)
{
    if (text == NULL) {
        buf_add_text(buf, "null");
    } else {
        add_text(buf, text);
    }
}

// ,"name":"text"
static void
add_member(struct buf *buf, const char *name, const char *text)
{
    buf_addf(buf, ",\"%s\":", name);
    add_text_or_null(buf, text);
}

// ,"env":{"NAME":"value","OTHER":null}
static void
add_env(struct buf *buf, const struct request_env *env, size_t count)
{
    buf_add_text(buf, ",\"env\":{");
    for (size_t i = 0; i < count; i++) {
        buf_add_text(buf, i > 0 ? "," : "");
        add_text(buf, env[i].name);
        buf_add_char(buf, ':');
        add_text_or_null(buf, env[i].value);
    }
    buf_add_char(buf, '}');
}

static bool
end(struct buf *buf, const char *closing)
{
    buf_add_text(buf, closing);
    return buf_add_char(buf, '\n') && !buf->overflowed;
}

static const char *
isolation_name(enum isolation isolation)
{
    switch (isolation) {
    case ISOLATION_CLASS:
        return "class";
    case ISOLATION_WORKER:
        return "worker";
    case ISOLATION_TEST:
        break;
    }
    return "test";
}

// ,"name":["text","text"]
static void
add_texts(struct buf *buf, const char *name, const struct texts *texts)
{
    if (texts == NULL || texts->count == 0) {
        return;
    }
    buf_addf(buf, ",\"%s\":[", name);
    for (int i = 0; i < texts->count; i++) {
        buf_add_text(buf, i > 0 ? "," : "");
        add_text(buf, texts->at[i]);
    }
    buf_add_char(buf, ']');
}

static void
add_databases(struct buf *buf, const struct request_welcome *welcome)
{
    if (welcome->db_prefix != NULL) {
        buf_add_text(buf, ",\"databases\":{\"prefix\":");
        add_text(buf, welcome->db_prefix);
        buf_addf(buf, ",\"keep\":%s,\"bootstrap\":%s}",
                 welcome->keepdb ? "true" : "false",
                 welcome->bootstrap ? "true" : "false");
    }
}

bool
request_add_welcome(struct buf *buf, const struct request_welcome *welcome)
{
    buf_add_text(buf, "{\"msg\":\"welcome\"");
    add_member(buf, "protocol", ADAPTER_PROTOCOL);
    add_member(buf, "version", welcome->version);
    add_member(buf, "build", welcome->build);
    buf_addf(buf, ",\"options\":{\"isolation\":\"%s\",\"verbosity\":%d",
             isolation_name(welcome->isolation), welcome->verbosity);
    if (welcome->coverage_dir != NULL) {
        buf_add_text(buf, ",\"coverage\":{\"rcfile\":");
        add_text_or_null(buf, welcome->coverage_rcfile);
        add_member(buf, "dir", welcome->coverage_dir);
        buf_add_char(buf, '}');
    }
    if (welcome->profile_dir != NULL) {
        buf_add_text(buf, ",\"profile\":{\"dir\":");
        add_text(buf, welcome->profile_dir);
        buf_add_char(buf, '}');
    }
    if (welcome->debug != NULL) {
        add_member(buf, "debug", welcome->debug);
    }
    buf_addf(buf, ",\"max_output\":%" PRIu64, welcome->max_output);
    add_databases(buf, welcome);
    add_texts(buf, "tags", welcome->tags);
    add_texts(buf, "exclude_tags", welcome->exclude_tags);
    return end(buf, "}}");
}

bool
request_add_refused(struct buf *buf, const char *reason)
{
    buf_add_text(buf, "{\"msg\":\"refused\"");
    add_member(buf, "reason", reason);
    return end(buf, "}");
}

bool
request_add_collect(struct buf *buf, const struct request_collect *collect)
{
    buf_add_text(buf, "{\"msg\":\"collect\",\"labels\":[");
    for (size_t i = 0; i < collect->label_count; i++) {
        buf_add_text(buf, i > 0 ? "," : "");
        add_text(buf, collect->labels[i]);
    }
    buf_add_char(buf, ']');
    add_member(buf, "basedir", collect->basedir);
    add_member(buf, "pattern", collect->pattern);
    add_member(buf, "top", collect->top);
    buf_add_text(buf, ",\"skip\":{");
    for (size_t i = 0; i < collect->skip_count; i++) {
        buf_add_text(buf, i > 0 ? "," : "");
        add_text(buf, collect->skip[i].module);
        buf_add_char(buf, ':');
        add_text(buf, collect->skip[i].reason);
    }
    return end(buf, "}}");
}

bool
request_add_fork(struct buf *buf, const struct request_fork *fork)
{
    buf_addf(buf, "{\"msg\":\"fork\",\"slot\":%d", fork->slot);
    add_env(buf, fork->env, fork->env_count);
    add_member(buf, "out", fork->out);
    add_member(buf, "err", fork->err);
    if (fork->page != NULL) {
        add_member(buf, "page", fork->page);
    }
    return end(buf, "}");
}

bool
request_add_run(struct buf *buf, const struct request_run *run)
{
    buf_addf(buf, "{\"msg\":\"run\",\"job\":%" PRIu32 ",\"attempt\":%u",
             run->job, (unsigned)run->attempt);
    add_member(buf, "name", run->name);
    if (run->items == NULL) {
        buf_addf(buf, ",\"first\":%" PRIu32 ",\"count\":%" PRIu32, run->first,
                 run->count);
    } else {
        buf_add_text(buf, ",\"items\":[");
        for (uint32_t i = 0; i < run->count; i++) {
            buf_addf(buf, "%s%" PRIu32, i > 0 ? "," : "", run->items[i]);
        }
        buf_add_char(buf, ']');
    }
    if (run->ids != NULL) {
        buf_add_text(buf, ",\"ids\":[");
        for (uint32_t i = 0; i < run->count; i++) {
            buf_add_text(buf, i > 0 ? "," : "");
            escape_json(buf, run->ids[i]);
        }
        buf_add_char(buf, ']');
    }
    add_env(buf, run->env, run->env_count);
    if (run->load != NULL && run->load[0] != '\0') {
        add_member(buf, "load", run->load);
    }
    return end(buf, "}");
}

bool
request_add_prepare(struct buf *buf)
{
    buf_add_text(buf, "{\"msg\":\"prepare\"");
    return end(buf, "}");
}

bool
request_add_stop(struct buf *buf)
{
    buf_add_text(buf, "{\"msg\":\"stop\"");
    return end(buf, "}");
}
