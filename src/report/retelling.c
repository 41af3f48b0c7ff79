#include "report/retelling.h"

#include <inttypes.h>

#include "report/ended.h"
#include "report/recording_reader.h"
#include "util/buf.h"

void
retelling_tell_gaps(const struct recording_gaps *gaps, const char *path,
                    const struct ended *ended, struct event_sink *sink)
{
    struct buf text = BUF_INIT(8192);

    if (recording_gaps_none(gaps)) {
        return;
    }
    buf_addf(&text, "%s is not whole: ", path);
    recording_gaps_say(gaps, &text);
    ended_tell_note(ended, sink, buf_text(&text), NULL);
    buf_release(&text);
}

static void
tell_end(const struct ended *ended, const char *path, struct event_sink *sink,
         const struct recording_gaps *gaps, struct retold *retold)
{
    struct tally tally = ended->tally;
    struct event_finished finish = {
        .tally = &tally,
        .us = ended->us,
        .exit_status = ENDED_BROKEN,
    };
    const struct ended_rest rest = {
        .path = path,
        .reason = gaps->end == RECORDING_GROWING
                      ? "its build is still under way"
                      : "its result is not in the recording",
        .sink = sink,
        .tally = &tally,
    };

    if (ended->finished) {
        finish = ended->finish;
    } else {
        retold->missing = ended_tell_rest(ended, &rest);
    }
    retold->exit_status = finish.exit_status;
    ended_tell_finish(ended, sink, &finish);
}

bool
retelling_tell(const char *path, struct event_sink *sink, struct retold *retold,
               struct err *err)
{
    struct recording_reader *reader =
        recording_reader_open(path, RECORDING_WANT_OUTPUTS, err);
    struct recording_entry entry;
    struct ended ended = {0};
    struct err ignored = {0};

    *retold = (struct retold){0};
    if (reader == NULL) {
        return false;
    }
    while (recording_reader_next(reader, &entry)) {
        ended_note(&ended, &entry.event);
        // Nothing may be said after the end, so that comes last.
        if (entry.event.kind != EVENT_RUN_FINISHED) {
            sink->ops->on_event(sink, &entry.event, &ignored);
        }
    }
    const struct recording_gaps *gaps = recording_reader_gaps(reader);
    retold->whole = recording_gaps_none(gaps);
    retelling_tell_gaps(gaps, path, &ended, sink);
    tell_end(&ended, path, sink, gaps, retold);
    ended_release(&ended);
    recording_reader_free(reader);
    return true;
}
