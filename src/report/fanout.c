#include "report/fanout.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/array.h"

struct member {
    struct event_sink *sink; // NULL: failed and freed
};

struct fanout {
    struct event_sink sink; // first
    ARRAY(struct member) sinks;
    int failed;
    struct err failure; // the first
};

static struct fanout *
fanout_of(struct event_sink *sink)
{
    return (struct fanout *)(void *)sink;
}

static void tell(struct fanout *fanout, const struct event *event);

// Tells the others that a sink, which is gone by now, has failed.
// NOLINTNEXTLINE(misc-no-recursion)
static void
tell_failure(struct fanout *fanout, const struct err *err,
             const struct event *event)
{
    struct event note = {
        .kind = EVENT_NOTE,
        .wall_ms = event->wall_ms,
        .us = event->us,
        .note = {NOTE_ERROR, err->text, err->hint},
    };
    tell(fanout, &note);
}

// A failure is told before the event goes on to the sinks behind: the last
// one may not speak again. Each failure leaves one sink less, so that telling
// failures of telling failures comes to an end.
// NOLINTNEXTLINE(misc-no-recursion)
static void
tell(struct fanout *fanout, const struct event *event)
{
    for (size_t i = 0; i < fanout->sinks.count; i++) {
        struct event_sink *sink = fanout->sinks.items[i].sink;
        struct err err = {0};
        if (sink == NULL || sink->ops->on_event(sink, event, &err)) {
            continue;
        }
        const char *name = sink->ops->name;
        fanout->sinks.items[i].sink = NULL;
        fanout->failed++;
        err_wrap(&err, "%s", name);
        if (!err_is_set(&fanout->failure)) {
            fanout->failure = err;
        }
        sink->ops->free(sink);
        tell_failure(fanout, &err, event);
    }
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    (void)err;
    tell(fanout_of(sink), event);
    return true;
}

static void
fanout_free(struct event_sink *self)
{
    struct fanout *fanout = fanout_of(self);

    for (size_t i = 0; i < fanout->sinks.count; i++) {
        struct event_sink *sink = fanout->sinks.items[i].sink;
        if (sink != NULL) {
            sink->ops->free(sink);
        }
    }
    ARRAY_RELEASE(&fanout->sinks);
    free(fanout);
}

static const struct event_sink_ops fanout_ops = {
    .name = "the reports",
    .on_event = on_event,
    .free = fanout_free,
};

struct event_sink *
fanout_new(void)
{
    struct fanout *fanout = ALLOC(struct fanout);

    fanout->sink.ops = &fanout_ops;
    return &fanout->sink;
}

void
fanout_add(struct event_sink *self, struct event_sink *sink)
{
    struct member member = {sink};

    if (sink != NULL) {
        ARRAY_ADD(&fanout_of(self)->sinks, member);
    }
}

int
fanout_failed(const struct event_sink *self)
{
    return ((const struct fanout *)(const void *)self)->failed;
}

const struct err *
fanout_failure(const struct event_sink *self)
{
    return &((const struct fanout *)(const void *)self)->failure;
}

bool
fanout_has(const struct event_sink *self, const struct event_sink *sink)
{
    const struct fanout *fanout = (const struct fanout *)(const void *)self;

    for (size_t i = 0; i < fanout->sinks.count; i++) {
        if (fanout->sinks.items[i].sink == sink) {
            return true;
        }
    }
    return false;
}
