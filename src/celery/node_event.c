// The events of a node: those of Celery's groups worker and task.
#include <stdlib.h>
#include <unistd.h>

#include "celery/celeryev_codec.h"
#include "celery/node_internal.h"
#include "celery/repr.h"
#include "celery/wire_json.h"

#define EVENT_MAX (1u << 20)

// What cannot be sent now is worth nothing later.
static void
publish(struct node *node, struct slice type, const json_t *fields,
        transport_done_fn done, void *ctx)
{
    struct buf body = BUF_INIT(EVENT_MAX);
    struct buf key = BUF_INIT(256);
    json_t *headers = json_object();
    struct celeryev event = {.type = type,
                             .hostname = slice_of(node->name),
                             .wall = now_wall_usec(),
                             .clock = lamport_tick(&node->clock),
                             .pid = getpid(),
                             .fields = fields};

    wire_json_set(headers, "hostname", wire_json_text(slice_of(node->name)));
    bool good = celeryev_key(type, &key) && celeryev_encode(&event, &body);
    if (good || done != NULL) {
        struct message message = {.body = buf_slice(&body),
                                  .content_type = SLICE("application/json"),
                                  .content_encoding = SLICE("utf-8"),
                                  .headers = headers};
        struct publish one = {.exchange = NAMES_EVENT_EXCHANGE,
                              .key = buf_text(&key),
                              .message = &message};
        transport_publish(node->transport, &one, done, ctx);
    }
    json_decref(headers);
    buf_release(&body);
    buf_release(&key);
}

static json_t *
worker_fields(const struct node *node)
{
    json_t *fields = json_object();
    json_t *averages = json_array();
    double loads[3] = {0, 0, 0};

    (void)getloadavg(loads, 3);
    for (size_t i = 0; i < 3; i++) {
        // As Celery has them, with two digits.
        double hundredths = (double)(int64_t)(loads[i] * 100 + 0.5);
        json_array_append_new(averages, json_real(hundredths / 100));
    }
    wire_json_set(fields, "freq", json_real(node->heartbeat_ms / 1000.0));
    wire_json_set(fields, "active", json_integer((json_int_t)node->active));
    wire_json_set(fields, "processed",
                  json_integer((json_int_t)node->processed));
    wire_json_set(fields, "loadavg", averages);
    wire_json_set(fields, "sw_ident", wire_json_text(slice_of(node->software)));
    wire_json_set(fields, "sw_ver", wire_json_text(slice_of(node->version)));
    wire_json_set(fields, "sw_sys", wire_json_text(slice_of(node->system)));
    return fields;
}

void
node_event_worker(struct node *node, const char *type, transport_done_fn done,
                  void *ctx)
{
    if (done == NULL && !transport_is_up(node->transport)) {
        return;
    }
    json_t *fields = worker_fields(node);
    publish(node, slice_of(type), fields, done, ctx);
    json_decref(fields);
}

void
node_event_task(struct node_task *task, const char *type, json_t *fields)
{
    struct node *node = task->node;

    if (node->task_events && task->task.id.len > 0 &&
        transport_is_up(node->transport)) {
        if (fields == NULL) {
            fields = json_object();
        }
        wire_json_set(fields, "uuid", wire_json_text(task->task.id));
        publish(node, slice_of(type), fields, NULL, NULL);
    }
    json_decref(fields);
}

void
node_event_beat(void *ctx)
{
    struct node *node = ctx;

    node_event_worker(node, "worker-heartbeat", NULL, NULL);
    deadline_arm(&node->heartbeat, node->heartbeat_ms);
}

void
node_event(struct node *node, const char *type, const json_t *fields)
{
    if (node->state != NODE_GONE && transport_is_up(node->transport)) {
        publish(node, slice_of(type), fields, NULL, NULL);
    }
}
