#include "fleet/checkup.h"

#include "celery/asker.h"
#include "config.h"
#include "loop/deadline.h"
#include "transport/transport.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/buf.h"
#include "util/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECKUP_CONNECT_MS 10000
#define CHECKUP_STEP_MS 10000
// Once it was refused: for the other URLs, and a broker that just starts.
#define CHECKUP_AGAIN_MS 2000
#define CHECKUP_ASK_MS 1000
// More than Celery's own tools put up with before they warn.
#define CHECKUP_SKEW_MS 16000

/* What one node said. */
struct checkup_node {
    char *name;
    bool takes_offers;
    bool knows;
    bool serves; // answered mule_status
    char *program;
};

struct checkup {
    struct checkup_params params;
    struct transport *transport;
    struct asker *asker;
    struct deadline patience;
    struct consumer *consumer;
    char *probe; // the queue of our own
    struct err last;
    bool began;
    bool ending;
    bool probed;
    ARRAY(struct checkup_node) nodes;
};

static void ask_queues(struct checkup *checkup);

// ---------------------------------------------------------------- findings

__attribute__((format(printf, 5, 6))) static void
find(struct checkup *checkup, enum checkup_level level, const char *topic,
     const char *hint, const char *format, ...)
{
    va_list arguments;
    struct buf text = BUF_INIT(2048);
    va_start(arguments, format);
    buf_vaddf(&text, format, arguments);
    va_end(arguments);
    checkup->params.events->on_finding(checkup->params.ctx, level, topic,
                                       buf_text(&text), hint);
    buf_release(&text);
}

static void
find_fault(struct checkup *checkup, const char *topic, const struct err *err)
{
    checkup->params.events->on_finding(checkup->params.ctx, CHECKUP_FAULT,
                                       topic, err->text, err->hint);
}

// ------------------------------------------------------------------ the end

static void
on_closed(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    (void)err;
    checkup->params.events->on_done(checkup->params.ctx);
}

static void
close_all(void *ctx)
{
    struct checkup *checkup = ctx;
    if (checkup->consumer != NULL) {
        consumer_stop(checkup->consumer, NULL, NULL);
        checkup->consumer = NULL;
    }
    if (checkup->began) {
        transport_delete(checkup->transport, checkup->probe, false, NULL, NULL);
    }
    asker_free(checkup->asker);
    checkup->asker = NULL;
    transport_close(checkup->transport, CHECKUP_ASK_MS, on_closed, checkup);
}

static void
end(struct checkup *checkup)
{
    if (!checkup->ending) {
        checkup->ending = true;
        deadline_disarm(&checkup->patience);
        loop_post(checkup->params.loop, close_all, checkup);
    }
}

static void
on_late(void *ctx)
{
    struct checkup *checkup = ctx;
    struct err err = checkup->last;
    if (!err_is_set(&err)) {
        err_set(&err, ERR_SYSTEM, "no answer from %s",
                transport_address(checkup->transport));
    }
    err_hint(&err, "is the broker up, and is this its address?");
    find_fault(checkup, "broker", &err);
    end(checkup);
}

// -------------------------------------------------------------------- nodes

static struct checkup_node *
node_of(struct checkup *checkup, struct slice name)
{
    for (size_t i = 0; i < checkup->nodes.count; i++) {
        if (slice_equals_text(name, checkup->nodes.items[i].name)) {
            return &checkup->nodes.items[i];
        }
    }
    struct checkup_node node = {.name = slice_dup(name)};
    ARRAY_ADD(&checkup->nodes, node);
    return &ARRAY_LAST(&checkup->nodes);
}

static void
judge_node(struct checkup *checkup, const struct checkup_node *node)
{
    if (!node->takes_offers) {
        return;
    }
    if (!node->knows && !node->serves) {
        find(checkup, CHECKUP_WARNING, "node",
             "it takes offers and loses them: give mule a queue of its own "
             "(--queue), or let it load mule.tasks",
             "%s takes from queue \"%s\" and does not know mule", node->name,
             checkup->params.queue);
    } else if (node->program != NULL &&
               strcmp(node->program, MULE_VERSION) != 0) {
        find(checkup, CHECKUP_WARNING, "node", NULL,
             "%s has mule %s, this is %s", node->name, node->program,
             MULE_VERSION);
    } else {
        find(checkup, CHECKUP_OK, "node", NULL, "%s takes offers", node->name);
    }
}

static void
on_states_done(void *ctx, size_t replies, const struct err *err)
{
    struct checkup *checkup = ctx;
    size_t takers = 0;
    (void)replies;
    (void)err;
    for (size_t i = 0; i < checkup->nodes.count; i++) {
        takers += checkup->nodes.items[i].takes_offers;
        judge_node(checkup, &checkup->nodes.items[i]);
    }
    if (takers == 0) {
        find(checkup, CHECKUP_WARNING, "nodes",
             "start `mule worker` on the machines that are to work",
             "nobody takes from queue \"%s\" now", checkup->params.queue);
    }
    end(checkup);
}

static void
on_state(void *ctx, struct slice name, const json_t *value)
{
    struct checkup *checkup = ctx;
    const json_t *facts = json_object_get(value, "ok");
    struct slice role = SLICE("");
    struct slice program = SLICE("");
    struct slice queue = SLICE("");
    struct err err = {0};
    if (!json_is_object(facts) ||
        !field_text_optional(facts, "role", &role, &err) ||
        !field_text_optional(facts, "program", &program, &err) ||
        !field_text_optional(facts, "queue", &queue, &err)) {
        return;
    }
    if (!slice_equals_text(role, "worker")) {
        return;
    }
    struct checkup_node *node = node_of(checkup, name);
    node->serves = true;
    node->takes_offers =
        node->takes_offers || slice_equals_text(queue, checkup->params.queue);
    if (node->program == NULL) {
        node->program = slice_dup(program);
    }
}

static void
ask(struct checkup *checkup, const char *method,
    void (*on_reply)(void *, struct slice, const json_t *),
    void (*on_done)(void *, size_t, const struct err *))
{
    asker_ask(checkup->asker, &(struct ask){
                                  .method = method,
                                  .timeout_ms = CHECKUP_ASK_MS,
                                  .on_reply = on_reply,
                                  .on_done = on_done,
                                  .ctx = checkup,
                              });
}

static void
on_registered_done(void *ctx, size_t replies, const struct err *err)
{
    (void)replies;
    (void)err;
    ask(ctx, "mule_status", on_state, on_states_done);
}

static void
on_registered(void *ctx, struct slice name, const json_t *value)
{
    size_t index;
    json_t *task;
    json_array_foreach(value, index, task)
    {
        const char *text = json_string_value(task);
        if (text != NULL && strcmp(text, "mule.provision") == 0) {
            node_of(ctx, name)->knows = true;
        }
    }
}

static void
on_queues_done(void *ctx, size_t replies, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (err != NULL) {
        find_fault(checkup, "control", err);
        end(checkup);
        return;
    }
    find(checkup, CHECKUP_OK, "control", NULL, "%zu Celery node%s answered",
         replies, replies == 1 ? "" : "s");
    ask(checkup, "registered", on_registered, on_registered_done);
}

static void
on_queues(void *ctx, struct slice name, const json_t *value)
{
    struct checkup *checkup = ctx;
    struct checkup_node *node = node_of(checkup, name);
    size_t index;
    json_t *queue;
    json_array_foreach(value, index, queue)
    {
        const char *text = json_string_value(json_object_get(queue, "name"));
        if (text != NULL && strcmp(text, checkup->params.queue) == 0) {
            node->takes_offers = true;
        }
    }
}

static void
ask_queues(struct checkup *checkup)
{
    // Each question has its own limit from here on.
    deadline_disarm(&checkup->patience);
    ask(checkup, "active_queues", on_queues, on_queues_done);
}

// -------------------------------------------------------- queues, permission

static void
on_length(void *ctx, uint64_t count, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (err != NULL) {
        find(checkup, CHECKUP_OK, "offers", NULL,
             "queue \"%s\" is not there yet; the first build makes it",
             checkup->params.queue);
    } else if (count > 0) {
        find(checkup, CHECKUP_WARNING, "offers",
             "offers that nobody takes end after 30 s; other messages wait for "
             "a worker",
             "%" PRIu64 " messages wait in queue \"%s\"", count,
             checkup->params.queue);
    } else {
        find(checkup, CHECKUP_OK, "offers", NULL, "queue \"%s\" is empty",
             checkup->params.queue);
    }
    ask_queues(checkup);
}

static void
on_delivery(void *ctx, const struct delivery *delivery)
{
    struct checkup *checkup = ctx;
    transport_ack(checkup->transport, delivery->tag);
    if (checkup->probed) {
        return;
    }
    checkup->probed = true;
    find(checkup, CHECKUP_OK, "permission", NULL,
         "may declare, send and take messages");
    transport_length(checkup->transport, checkup->params.queue, on_length,
                     checkup);
}

static void
on_probe_ended(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (!checkup->probed && err != NULL) {
        find_fault(checkup, "permission", err);
        end(checkup);
    }
}

static void
on_published(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (err != NULL) {
        find_fault(checkup, "permission", err);
        end(checkup);
    }
}

static void
on_declared(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (err != NULL) {
        find_fault(checkup, "permission", err);
        end(checkup);
        return;
    }
    checkup->consumer =
        transport_take(checkup->transport, &(struct consume_params){
                                               .queue = checkup->probe,
                                               .prefetch = 1,
                                               .on_delivery = on_delivery,
                                               .on_ended = on_probe_ended,
                                               .ctx = checkup,
                                           });
    struct message message = {
        .body = SLICE("{}"),
        .content_type = SLICE("application/json"),
        .content_encoding = SLICE("utf-8"),
    };
    struct publish publish = {
        .exchange = "", .key = checkup->probe, .message = &message};
    transport_publish(checkup->transport, &publish, on_published, checkup);
}

static void
probe(struct checkup *checkup)
{
    checkup->began = true;
    transport_declare_queue(checkup->transport,
                            &(struct queue_params){.name = checkup->probe,
                                                   .auto_delete = true,
                                                   .expires_ms = 60000},
                            on_declared, checkup);
}

// -------------------------------------------------------------------- facts

static void
judge_memory(struct checkup *checkup, const struct transport_facts *facts)
{
    if (facts->policy[0] == '\0' || strcmp(facts->policy, "noeviction") == 0) {
        return;
    }
    find(checkup, CHECKUP_FAULT, "memory",
         "CONFIG SET maxmemory-policy noeviction; a full broker then refuses "
         "instead of forgetting",
         "maxmemory-policy is %s: messages may be thrown away", facts->policy);
}

static void
on_facts(void *ctx, const struct transport_facts *facts, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (err != NULL) {
        find_fault(checkup, "broker", err);
        end(checkup);
        return;
    }
    find(checkup, CHECKUP_OK, "broker", NULL, "%s %s at %s", facts->product,
         facts->version, transport_address(checkup->transport));
    find(checkup, facts->tls ? CHECKUP_OK : CHECKUP_WARNING, "TLS",
         facts->tls ? NULL
                    : "who can listen on the network can read and send: see "
                      "docs/security.md",
         facts->tls ? "in use, verified as the URL says"
                    : "the connection is not encrypted");
    judge_memory(checkup, facts);
    if (facts->skew_ms != INT64_MIN) {
        bool far = facts->skew_ms > CHECKUP_SKEW_MS ||
                   facts->skew_ms < -CHECKUP_SKEW_MS;
        find(checkup, far ? CHECKUP_WARNING : CHECKUP_OK, "clock",
             far ? "builds do not mind; Celery's own tools do" : NULL,
             "the broker's differs by %.1f s", (double)facts->skew_ms / 1000);
    }
    probe(checkup);
}

// --------------------------------------------------------------- connecting

static void
on_up(void *ctx)
{
    struct checkup *checkup = ctx;
    if (!checkup->began && !checkup->ending) {
        deadline_arm(&checkup->patience, CHECKUP_STEP_MS);
        transport_ask_facts(checkup->transport, on_facts, checkup);
    }
}

static void
on_down(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    if (!err_is_set(&checkup->last) && !checkup->began) {
        deadline_arm(&checkup->patience, CHECKUP_AGAIN_MS);
    }
    checkup->last = *err;
}

static void
on_failed(void *ctx, const struct err *err)
{
    struct checkup *checkup = ctx;
    find_fault(checkup, "login", err);
    end(checkup);
}

static void
on_note(void *ctx, const char *text, const char *hint)
{
    find(ctx, CHECKUP_WARNING, "broker", hint, "%s", text);
}

struct checkup *
checkup_new(const struct checkup_params *params, struct err *err)
{
    static const struct transport_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_failed = on_failed,
        .on_note = on_note,
    };
    struct checkup *checkup = ALLOC(struct checkup);
    checkup->params = *params;
    checkup->probe = alloc_printf("mule-doctor-%d", (int)getpid());
    deadline_init(&checkup->patience, params->loop, on_late, checkup);
    checkup->transport =
        transport_open(&(struct transport_params){.loop = params->loop,
                                                  .urls = params->urls,
                                                  .name = checkup->probe,
                                                  .events = &events,
                                                  .ctx = checkup},
                       err);
    if (checkup->transport == NULL) {
        checkup_free(checkup);
        return NULL;
    }
    checkup->asker = asker_new(&(struct asker_params){
        .loop = params->loop, .transport = checkup->transport});
    deadline_arm(&checkup->patience, CHECKUP_CONNECT_MS);
    return checkup;
}

void
checkup_free(struct checkup *checkup)
{
    if (checkup == NULL) {
        return;
    }
    asker_free(checkup->asker);
    transport_free(checkup->transport);
    deadline_release(&checkup->patience);
    for (size_t i = 0; i < checkup->nodes.count; i++) {
        free(checkup->nodes.items[i].name);
        free(checkup->nodes.items[i].program);
    }
    ARRAY_RELEASE(&checkup->nodes);
    free(checkup->probe);
    free(checkup);
}
