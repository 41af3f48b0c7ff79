#include "command/plain_sink.h"

#include "command/command.h"

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    const struct plain_sink *plain = (const struct plain_sink *)(void *)sink;
    (void)err;
    bool quiet = event->kind == EVENT_NOTE && event->note.level == NOTE_INFO &&
                 plain->verbosity < 2;
    if (event->kind == EVENT_NOTE && !quiet) {
        command_say(event->note.level == NOTE_INFO ? "" : "warning: ",
                    event->note.text);
        command_say("hint: ", event->note.hint);
    }
    return true;
}

static void
on_free(struct event_sink *sink)
{
    (void)sink;
}

void
plain_sink_init(struct plain_sink *plain, int verbosity)
{
    static const struct event_sink_ops ops = {
        .name = "the notes",
        .on_event = on_event,
        .free = on_free,
    };
    *plain = (struct plain_sink){{&ops}, verbosity};
}
