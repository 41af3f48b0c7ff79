#include "fleet/fleet_internal.h"

#include <stdlib.h>
#include <string.h>

#include "celery/celeryev_codec.h"
#include "celery/names.h"
#include "util/alloc.h"
#include "util/log.h"

// So long nodes are waited for before the first offer, which they would take
// and drop; collecting tests mostly takes longer.
#define SURVEY_FIRST_MS 400
// And so long they may take to say what they are.
#define SURVEY_MS 3000
#define SURVEY_NAMES_MAX 600

/* [{"name": QUEUE, ...}, ...] */
static bool
has_queue(const json_t *value, const char *queue)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *one = json_array_get(value, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        if (name != NULL && strcmp(name, queue) == 0) {
            return true;
        }
    }
    return false;
}

/* ["tasks.add", "mule.provision [rate_limit=...]", ...] */
static bool
has_task(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        if (name != NULL &&
            slice_starts_with(slice_of(name), SLICE(FLEET_TASK_OFFER))) {
            return true;
        }
    }
    return false;
}

static void
on_queues(void *ctx, struct slice node, const json_t *value)
{
    struct fleet *fleet = ctx;
    if (has_queue(value, fleet->params.queue)) {
        map_set(&fleet->survey.queues, node, fleet);
    }
}

static void
on_registered(void *ctx, struct slice node, const json_t *value)
{
    struct fleet *fleet = ctx;
    if (has_task(value)) {
        map_set(&fleet->survey.registered, node, fleet);
    }
}

static void
add_name(struct survey *survey, struct slice node)
{
    survey->strangers++;
    buf_add_text(&survey->names, survey->names.len > 0 ? ", " : "");
    buf_add_slice(&survey->names, node);
}

static void
count_nodes(struct survey *survey)
{
    size_t at = 0;
    const struct map_entry *entry = NULL;
    while ((entry = map_next(&survey->queues, &at)) != NULL) {
        struct slice node = slice_make(entry->key, entry->len);
        if (map_find(&survey->registered, node) != NULL) {
            survey->willing++;
        } else {
            add_name(survey, node);
        }
    }
}

void
fleet_tell_survey(struct fleet *fleet)
{
    struct survey *survey = &fleet->survey;
    if (!survey->asked || survey->told) {
        return;
    }
    survey->told = true;
    count_nodes(survey);
    if (survey->strangers == 0) {
        return;
    }
    fleet_note(fleet, NOTE_WARNING,
               "start them with mule.tasks among their imports, or give "
               "mule's workers a --queue of their own",
               survey->strangers == 1
                   ? "%u node takes from queue \"%s\" and does not know mule: "
                     "%s"
                   : "%u nodes take from queue \"%s\" and do not know mule: %s",
               survey->strangers, fleet->params.queue,
               buf_text(&survey->names));
}

static void
on_done(void *ctx, size_t replies, const struct err *err)
{
    struct fleet *fleet = ctx;
    (void)replies;
    (void)err; // who is not seen is not named
    if (--fleet->survey.open == 0) {
        fleet_tell_survey(fleet);
    }
}

static void
on_time(void *ctx)
{
    fleet_surveyed(ctx);
}

void
fleet_survey(struct fleet *fleet)
{
    struct survey *survey = &fleet->survey;
    survey->asked = true;
    survey->open = 2;
    buf_init(&survey->names, SURVEY_NAMES_MAX);
    struct ask ask = {
        .method = "active_queues",
        .timeout_ms = SURVEY_MS,
        .on_reply = on_queues,
        .on_done = on_done,
        .ctx = fleet,
    };
    asker_ask(fleet->asker, &ask);
    ask.method = "registered";
    ask.on_reply = on_registered;
    asker_ask(fleet->asker, &ask);
    deadline_init(&survey->patience, fleet->params.loop, on_time, fleet);
    msec sixth = fleet_sixth(fleet);
    deadline_arm(&survey->patience,
                 sixth < SURVEY_FIRST_MS ? sixth : SURVEY_FIRST_MS);
}

static void
on_node(void *ctx, const struct celeryev *event)
{
    struct fleet *fleet = ctx;
    if (!slice_equals_text(event->type, "worker-online")) {
        return;
    }
    for (size_t i = 0; i < fleet->roster.count; i++) {
        struct join *join = fleet->roster.joins[i];
        // A stock node says so, too, when it has lost its connection.
        if (join->native && join->pid > 0 && join->pid != event->pid &&
            join->state != JOIN_LEFT && join->state != JOIN_LOST &&
            slice_equals_text(event->hostname, join->node)) {
            fleet_join_over(fleet, join, JOIN_LOST, "it was started anew");
        }
    }
}

static void
on_event(void *ctx, const struct delivery *delivery)
{
    struct fleet *fleet = ctx;
    struct err err = {0};
    if (!celeryev_decode(delivery->message.body, on_node, fleet, &err)) {
        log_debug("fleet: an event: %s", err.text);
    }
    if (delivery->tag != 0) {
        transport_ack(fleet->transport, delivery->tag);
    }
}

void
fleet_listen_to_nodes(struct fleet *fleet)
{
    char *queue = alloc_printf("celeryev.%s", fleet->names.inbox);
    fleet->nodes = transport_subscribe(fleet->transport,
                                       &(struct subscribe_params){
                                           .exchange = names_event_exchange,
                                           .key = "worker.online",
                                           .queue =
                                               {
                                                   .name = queue,
                                                   .exclusive = true,
                                                   .auto_delete = true,
                                               },
                                           .on_delivery = on_event,
                                           .ctx = fleet,
                                       });
    free(queue);
}

void
survey_release(struct survey *survey)
{
    deadline_release(&survey->patience);
    map_release(&survey->queues);
    map_release(&survey->registered);
    buf_release(&survey->names);
}
