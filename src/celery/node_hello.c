// The hello of nodes: whether a name is free, and what the others know.
#include "celery/node_internal.h"

#include "celery/wire_json.h"

static void
fail_name(struct node *node)
{
    if (node->state == NODE_GONE) {
        return;
    }
    err_set(&node->failure, ERR_CONFIG, "another worker is called %s already",
            node->name);
    err_hint(&node->failure, "give this one a name of its own with -n");
    node_fail(node);
}

static void
greeted(void *ctx, size_t replies, const struct err *err)
{
    struct node *node = ctx;

    (void)replies;
    (void)err;
    if (node->state != NODE_GREETING) {
        return;
    }
    node->state = NODE_READY;
    asker_free(node->asker);
    node->asker = NULL;
    node_event_worker(node, "worker-online", NULL, NULL);
    deadline_arm(&node->heartbeat, node->heartbeat_ms);
    node->events->on_ready(node->ctx);
}

static void
take_revoked(struct node *node, const json_t *revoked)
{
    const char *id = NULL;
    json_t *value = NULL;
    size_t index = 0;

    if (json_is_object(revoked)) {
        json_t *members = wire_json_share(revoked);
        json_object_foreach(members, id, value)
        {
            idset_add(&node->revoked, slice_of(id), now_msec());
        }
        json_decref(members);
    }
    json_array_foreach(revoked, index, value)
    {
        if (json_is_string(value)) {
            idset_add(
                &node->revoked,
                slice_make(json_string_value(value), json_string_length(value)),
                now_msec());
        }
    }
}

static void
heard(void *ctx, struct slice name, const json_t *value)
{
    struct node *node = ctx;
    const json_t *clock = json_object_get(value, "clock");

    if (slice_equals_text(name, node->name)) {
        fail_name(node);
        return;
    }
    if (json_is_integer(clock)) {
        lamport_adjust(&node->clock, json_integer_value(clock));
    }
    take_revoked(node, json_object_get(value, "revoked"));
}

void
node_greet(struct node *node)
{
    struct asker_params params = {.loop = node->loop,
                                  .transport = node->transport,
                                  .clock = &node->clock};
    json_t *arguments = json_object();
    struct ask ask = {.method = "hello",
                      .arguments = arguments,
                      .timeout_ms = node->hello_ms,
                      .on_reply = heard,
                      .on_done = greeted,
                      .ctx = node};

    // The token tells nodes of this kind from stock ones, which ignore it,
    // and one of two that claim a name at the same moment from the other.
    names_uuid(node->token);
    wire_json_set(arguments, "from_node", wire_json_text(slice_of(node->name)));
    wire_json_set(arguments, "revoked", json_array());
    wire_json_set(arguments, "token", json_string(node->token));
    node->state = NODE_GREETING;
    node->asker = asker_new(&params);
    (void)asker_ask(node->asker, &ask);
    json_decref(arguments);
}

json_t *
node_hello(struct node *node, const json_t *arguments)
{
    struct slice from = wire_json_get(arguments, "from_node");
    struct slice token = wire_json_get(arguments, "token");
    bool same = slice_equals_text(from, node->name);

    take_revoked(node, json_object_get(arguments, "revoked"));
    if (same && token.len > 0) {
        int order = slice_compare(token, slice_of(node->token));
        if (order == 0) {
            return NULL; // its own
        }
        if (node->state == NODE_GREETING && order < 0) {
            fail_name(node); // the other one keeps it
            return NULL;
        }
        return json_null();
    }
    if (token.len > 0) {
        return NULL;
    }
    if (same) {
        return json_null();
    }
    json_t *answer = json_object();
    wire_json_set(answer, "revoked", idset_json(&node->revoked, now_msec()));
    wire_json_set(answer, "clock", json_integer(lamport_tick(&node->clock)));
    return answer;
}
