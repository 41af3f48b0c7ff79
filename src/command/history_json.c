#include "command/history_json.h"

#include "util/compose.h"

void
history_json_build(struct buf *buf, const struct build_entry *entry,
                   const char *recording, const char *state)
{
    buf_add_char(buf, '{');
    compose_text(buf, "build", entry->id);
    compose_text(buf, "state", state);
    compose_int(buf, "wall_ms", entry->began_ms);
    compose_uint(buf, "us", entry->us);
    if (entry->exit_status >= 0) {
        compose_int(buf, "exit_status", entry->exit_status);
    }
    compose_some(buf, "stop", slice_of(stop_reason_name(entry->stop)));
    compose_open(buf, "states");
    for (int i = STATE_PASSED; i < STATE_COUNT; i++) {
        compose_uint(buf, state_name((enum state)i), entry->states[i]);
    }
    buf_add_char(buf, '}');
    compose_uint(buf, "flaky", entry->flaky);
    compose_some(buf, "command", slice_of(entry->command));
    compose_some(buf, "hostname", slice_of(entry->hostname));
    compose_some(buf, "parent", slice_of(entry->parent));
    compose_some(buf, "recording", slice_of(recording));
    buf_add_text(buf, "}\n");
}

void
history_json_seen(struct buf *buf, const char *test, const struct seen *seen)
{
    buf_add_char(buf, '{');
    compose_text(buf, "test", test);
    compose_text(buf, "build", seen->build);
    compose_int(buf, "wall_ms", seen->wall_ms);
    compose_text(buf, "state", state_name(seen->state));
    compose_uint(buf, "us", seen->us);
    compose_int(buf, "tries", seen->tries);
    if (seen->slot >= 0) {
        compose_int(buf, "slot", seen->slot);
    }
    compose_some_bool(buf, "flaky", seen->flaky);
    compose_some_bool(buf, "quarantined", seen->quarantined);
    compose_some(buf, "worker", slice_of(seen->worker));
    compose_some(buf, "message", slice_of(seen->message));
    buf_add_text(buf, "}\n");
}

void
history_json_ranked(struct buf *buf, const struct ranked *ranked)
{
    buf_add_char(buf, '{');
    compose_text(buf, "test", ranked->name);
    compose_uint(buf, "expect_us", ranked->us);
    compose_uint(buf, "runs", ranked->runs);
    compose_uint(buf, "bad", ranked->bad);
    compose_uint(buf, "flaky", ranked->flaky);
    compose_uint(buf, "turns", ranked->turns);
    if (ranked->state != STATE_NONE) {
        compose_text(buf, "state", state_name(ranked->state));
    }
    if (ranked->wall_ms > 0) {
        compose_int(buf, "flaky_wall_ms", ranked->wall_ms);
    }
    buf_add_text(buf, "}\n");
}
