#include "report/recording_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/event_reader.h"
#include "report/recording_file.h"
#include "util/alloc.h"

enum {
    MOST_DAMAGE = 1000, // places; a file with more is given up there
};

// The outputs of a frame; the last two are kept.
struct shelf {
    struct recording_content content;
    uint64_t first;
    struct output *outputs;
    size_t count;
};

struct recording_reader {
    struct recording_file file;
    unsigned wants;
    struct event_reader *lines;
    struct recording_content content; // of the frame that is being given
    unsigned kind;                    // of that frame
    struct shelf shelves[2];
    int newest;          // of the shelves
    uint64_t next_event; // number of the one that should come
    uint64_t promised;   // events that headers spoke of
    uint64_t next_selected;
    struct event_selected selected; // is being given
    size_t selected_at;
    struct buf id;
    bool ended; // the last frame was the end
    bool over;
    struct recording_gaps gaps;
};

// ---------------------------------------------------------------- a frame

static void
read_outputs(struct recording_reader *reader,
             const struct recording_frame *frame)
{
    struct shelf *shelf = &reader->shelves[1 - reader->newest];
    struct err err = {0};
    uint64_t number = 0;
    char *line = NULL;
    size_t len = 0;

    shelf->count = 0;
    if (!recording_file_unpack(&reader->file, frame, &shelf->content)) {
        recording_file_note(&reader->file, reader->file.at,
                            "outputs that cannot be unpacked");
        return;
    }
    // Each line has at least its line feed.
    size_t most = frame->lines < frame->size ? frame->lines : frame->size;
    shelf->outputs =
        alloc_resize(shelf->outputs, most + 1, sizeof(*shelf->outputs));
    shelf->first = frame->first;
    while (shelf->count < most &&
           recording_content_line(&shelf->content, &line, &len)) {
        struct output *output = &shelf->outputs[shelf->count];
        if (!event_reader_read_output(reader->lines, line, len, &number, output,
                                      &err) ||
            number != shelf->first + shelf->count) {
            *output = (struct output){0};
            reader->gaps.strange++;
            err_clear(&err);
        }
        shelf->count++;
    }
    reader->newest = 1 - reader->newest;
}

// How many lines of a kind were left out before this frame.
static void
count_gap(uint64_t *next, const struct recording_frame *frame, uint64_t *gap)
{
    if (frame->first > *next) {
        *gap += frame->first - *next;
    }
    *next = (uint64_t)frame->first + frame->lines;
}

static void
promise(struct recording_reader *reader, const struct recording_frame *frame)
{
    uint64_t end = (uint64_t)frame->first + frame->lines;

    if ((frame->kind == FRAME_EVENTS || frame->kind == FRAME_END) &&
        end > reader->promised) {
        reader->promised = end;
    }
}

static void
read_lines(struct recording_reader *reader, const struct recording_frame *frame)
{
    bool events = frame->kind == FRAME_EVENTS;

    promise(reader, frame);
    if (!recording_file_unpack(&reader->file, frame, &reader->content)) {
        recording_file_note(&reader->file, reader->file.at,
                            "a frame that cannot be unpacked");
        if (!events) {
            reader->gaps.selected += frame->lines;
            reader->next_selected = (uint64_t)frame->first + frame->lines;
        }
        return;
    }
    reader->kind = frame->kind;
    if (events) {
        count_gap(&reader->next_event, frame, &reader->gaps.events);
    } else {
        count_gap(&reader->next_selected, frame, &reader->gaps.selected);
    }
}

static void
use_frame(struct recording_reader *reader, const struct recording_frame *frame)
{
    reader->ended = false;
    switch (frame->kind) {
    case FRAME_EVENTS:
        read_lines(reader, frame);
        break;
    case FRAME_OUTPUTS:
        if ((reader->wants & RECORDING_WANT_OUTPUTS) != 0) {
            read_outputs(reader, frame);
        }
        break;
    case FRAME_SELECTED:
        if ((reader->wants & RECORDING_WANT_SELECTED) != 0) {
            read_lines(reader, frame);
        }
        break;
    case FRAME_END:
        reader->ended = true;
        promise(reader, frame);
        break;
    default:
        break; // of a later version, which says that it may be passed over
    }
}

// ---------------------------------------------------------------- the end

static void
finish(struct recording_reader *reader, bool growing)
{
    reader->over = true;
    if (reader->promised > reader->next_event) {
        reader->gaps.events += reader->promised - reader->next_event;
    }
    if (growing) {
        reader->gaps.end = RECORDING_GROWING;
    } else {
        reader->gaps.end = reader->ended ? RECORDING_COMPLETE : RECORDING_CUT;
    }
}

/*
 * Goes on to the next frame and reads it. False: that was all. A frame that
 * is not whole at the end of a file is no damage: it was being written.
 */
static bool
next_frame(struct recording_reader *reader)
{
    unsigned char bytes[RECORDING_HEADER_SIZE];
    struct recording_frame frame = {0};
    bool growing = recording_file_is_locked(&reader->file) && !reader->ended;
    uint64_t size = recording_file_size(&reader->file);

    if (reader->file.at + RECORDING_HEADER_SIZE > size) {
        finish(reader, growing);
        return false;
    }
    if (recording_file_read(&reader->file, reader->file.at, bytes,
                            sizeof(bytes)) != sizeof(bytes)) {
        finish(reader, growing);
        return false;
    }
    if (!recording_frame_read(bytes, &frame)) {
        recording_file_note(&reader->file, reader->file.at, "no frame");
        reader->ended = false;
        if (reader->gaps.damaged > MOST_DAMAGE) {
            finish(reader, growing);
            return false;
        }
        recording_file_find(&reader->file, reader->file.at + 1);
        return true;
    }
    uint64_t end = reader->file.at + RECORDING_HEADER_SIZE + frame.packed;
    if (end > size) {
        uint64_t from = reader->file.at;
        reader->ended = false;
        promise(reader, &frame);
        // Unless the length is what is wrong, and frames follow.
        if (reader->gaps.damaged < MOST_DAMAGE &&
            recording_file_find(&reader->file, from + 1)) {
            recording_file_note(&reader->file, from,
                                "a frame longer than the file");
            return true;
        }
        finish(reader, growing);
        return false;
    }
    use_frame(reader, &frame);
    reader->file.at = end;
    return true;
}

// ---------------------------------------------------------------- entries

static void
fetch(struct recording_reader *reader, bool wanted, uint64_t number,
      struct output *output)
{
    if (!wanted || (reader->wants & RECORDING_WANT_OUTPUTS) == 0) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        const struct shelf *shelf = &reader->shelves[i];
        if (number >= shelf->first && number - shelf->first < shelf->count) {
            *output = shelf->outputs[number - shelf->first];
            return;
        }
    }
    reader->gaps.outputs++;
}

static void
fetch_outputs(struct recording_reader *reader, const struct event_refs *refs,
              struct event *event)
{
    if (event->kind == EVENT_TEST_FINISHED ||
        event->kind == EVENT_TEST_ATTEMPT) {
        // The outcome is the line reader's own, and borrowed as const.
        union {
            const struct outcome *given;
            struct outcome *own;
        } outcome = {event->test.outcome};
        fetch(reader, refs->has_out, refs->out, &outcome.own->out);
        fetch(reader, refs->has_err, refs->err, &outcome.own->err);
    } else if (event->kind == EVENT_JOB_FINISHED) {
        fetch(reader, refs->has_out, refs->out, &event->job.out);
        fetch(reader, refs->has_err, refs->err, &event->job.err);
    } else if (event->kind == EVENT_SCRIPT_FINISHED) {
        fetch(reader, refs->has_out, refs->out, &event->script.out);
    }
}

static bool
next_event(struct recording_reader *reader, struct recording_entry *entry)
{
    struct event_refs refs = {0};
    struct err err = {0};
    char *line = NULL;
    size_t len = 0;

    while (recording_content_line(&reader->content, &line, &len)) {
        switch (event_reader_read(reader->lines, line, len, &entry->event,
                                  &refs, &err)) {
        case EVENT_READ:
            fetch_outputs(reader, &refs, &entry->event);
            entry->kind = RECORDING_EVENT;
            reader->gaps.given++;
            return true;
        case EVENT_UNKNOWN:
            break;
        case EVENT_WRONG:
            reader->gaps.strange++;
            if (!err_is_set(&reader->gaps.first)) {
                reader->gaps.first = err;
            }
            err_clear(&err);
            break;
        }
    }
    return false;
}

// The next test of the line that is being given.
static bool
next_selected(struct recording_reader *reader, struct recording_entry *entry)
{
    const struct event_selected *selected = &reader->selected;

    if (reader->selected_at >= selected->count) {
        return false;
    }
    struct slice id = selected->ids[reader->selected_at];
    buf_reset(&reader->id);
    if (id.len > 0 && id.data[0] == '.') {
        buf_add_text(&reader->id, selected->job);
    }
    buf_add_slice(&reader->id, id);
    entry->kind = RECORDING_SELECTED;
    entry->selected = (struct recording_selected){
        .item = selected->first + (uint32_t)reader->selected_at,
        .job = selected->number,
        .id = buf_text(&reader->id),
        .job_name = selected->job,
        .file = selected->file,
        .kind = selected->kind,
    };
    reader->selected_at++;
    return true;
}

static bool
next_line_of_selected(struct recording_reader *reader)
{
    struct err err = {0};
    char *line = NULL;
    size_t len = 0;

    while (recording_content_line(&reader->content, &line, &len)) {
        reader->selected_at = 0;
        if (event_reader_read_selected(reader->lines, line, len,
                                       &reader->selected, &err)) {
            return true;
        }
        reader->selected.count = 0;
        reader->gaps.strange++;
        err_clear(&err);
    }
    return false;
}

bool
recording_reader_next(struct recording_reader *reader,
                      struct recording_entry *entry)
{
    while (!reader->over) {
        if (reader->kind == FRAME_EVENTS && next_event(reader, entry)) {
            return true;
        }
        while (reader->kind == FRAME_SELECTED) {
            if (next_selected(reader, entry)) {
                return true;
            }
            if (!next_line_of_selected(reader)) {
                break;
            }
        }
        // Fewer lines than its header said.
        reader->gaps.strange += reader->content.lines;
        reader->content.lines = 0;
        reader->content.len = 0;
        reader->kind = 0;
        next_frame(reader);
    }
    return false;
}

// ------------------------------------------------------------------- gaps

const struct recording_gaps *
recording_reader_gaps(const struct recording_reader *reader)
{
    return &reader->gaps;
}

// ------------------------------------------------------------ open, close

struct recording_reader *
recording_reader_take(int fd, const char *name, unsigned wants, struct err *err)
{
    struct recording_reader *reader = ALLOC(struct recording_reader);

    recording_file_init(&reader->file, fd, name, &reader->gaps);
    reader->wants = wants;
    reader->lines = event_reader_new();
    buf_init(&reader->id, (size_t)RECORDING_LINE_MAX * 2);
    if (!recording_file_check(&reader->file, err)) {
        recording_reader_free(reader);
        return NULL;
    }
    return reader;
}

struct recording_reader *
recording_reader_open(const char *path, unsigned wants, struct err *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        err_set_errno(err, ERR_USAGE, errno, "%s", path);
        return NULL;
    }
    if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)) {
        err_set(err, ERR_USAGE, "%s is not a file", path);
        close(fd);
        return NULL;
    }
    return recording_reader_take(fd, path, wants, err);
}

void
recording_reader_free(struct recording_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    recording_file_release(&reader->file);
    for (int i = 0; i < 2; i++) {
        free(reader->shelves[i].content.data);
        free(reader->shelves[i].outputs);
    }
    event_reader_free(reader->lines);
    buf_release(&reader->id);
    free(reader->content.data);
    free(reader);
}
