#include "command/history_json.h"

#include "util/escape.h"

#include <inttypes.h>

static void
add_text(struct buf *buf, const char *name, const char *text)
{
    buf_addf(buf, ",\"%s\":", name);
    escape_json(buf, slice_of(text));
}

static void
add_some(struct buf *buf, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        add_text(buf, name, text);
    }
}

void
history_json_build(struct buf *buf, const struct build_entry *entry,
                   const char *recording, const char *state)
{
    buf_add_text(buf, "{\"build\":");
    escape_json(buf, slice_of(entry->id));
    add_text(buf, "state", state);
    buf_addf(buf, ",\"wall_ms\":%" PRId64 ",\"us\":%" PRIu64, entry->began_ms,
             entry->us);
    if (entry->exit_status >= 0) {
        buf_addf(buf, ",\"exit_status\":%d", entry->exit_status);
    }
    add_some(buf, "stop", stop_reason_name(entry->stop));
    buf_add_text(buf, ",\"states\":{");
    for (int i = STATE_PASSED; i < STATE_COUNT; i++) {
        buf_addf(buf, "%s\"%s\":%" PRIu32, i > STATE_PASSED ? "," : "",
                 state_name((enum state)i), entry->states[i]);
    }
    buf_addf(buf, "},\"flaky\":%" PRIu32, entry->flaky);
    add_some(buf, "command", entry->command);
    add_some(buf, "hostname", entry->hostname);
    add_some(buf, "parent", entry->parent);
    add_some(buf, "recording", recording);
    buf_add_text(buf, "}\n");
}

void
history_json_seen(struct buf *buf, const char *test, const struct seen *seen)
{
    buf_add_text(buf, "{\"test\":");
    escape_json(buf, slice_of(test));
    add_text(buf, "build", seen->build);
    buf_addf(buf, ",\"wall_ms\":%" PRId64, seen->wall_ms);
    add_text(buf, "state", state_name(seen->state));
    buf_addf(buf, ",\"us\":%" PRIu64 ",\"tries\":%d", seen->us, seen->tries);
    if (seen->slot >= 0) {
        buf_addf(buf, ",\"slot\":%d", seen->slot);
    }
    buf_add_text(buf, seen->flaky ? ",\"flaky\":true" : "");
    buf_add_text(buf, seen->quarantined ? ",\"quarantined\":true" : "");
    add_some(buf, "worker", seen->worker);
    add_some(buf, "message", seen->message);
    buf_add_text(buf, "}\n");
}

void
history_json_ranked(struct buf *buf, const struct ranked *ranked)
{
    buf_add_text(buf, "{\"test\":");
    escape_json(buf, slice_of(ranked->name));
    buf_addf(buf,
             ",\"expect_us\":%" PRIu64 ",\"runs\":%" PRIu32 ",\"bad\":%" PRIu32
             ",\"flaky\":%" PRIu32 ",\"turns\":%" PRIu32,
             ranked->us, ranked->runs, ranked->bad, ranked->flaky,
             ranked->turns);
    if (ranked->state != STATE_NONE) {
        add_text(buf, "state", state_name(ranked->state));
    }
    if (ranked->wall_ms > 0) {
        buf_addf(buf, ",\"flaky_wall_ms\":%" PRId64, ranked->wall_ms);
    }
    buf_add_text(buf, "}\n");
}
