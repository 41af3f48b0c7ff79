#include "report/recording_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "report/event_reader.h"
#include "report/recording_frame.h"
#include "util/alloc.h"

enum {
    LOOK_AHEAD = 1 << 16,
    MOST_DAMAGE = 1000, // places; a file with more is given up there
};

// Content of a frame, line by line.
struct content {
    char *data;
    size_t room;
    size_t len;
    size_t at;
    uint32_t lines; // that were promised and not taken yet
};

// The outputs of a frame; the last two are kept.
struct shelf {
    struct content content;
    uint64_t first;
    struct output *outputs;
    size_t count;
};

struct recording_reader {
    int fd;
    char *name;
    unsigned wants;
    uint64_t at; // in the file
    unsigned char *packed;
    size_t packed_room;
    ZSTD_DCtx *unpacker;
    struct event_reader *lines;
    struct content content; // of the frame that is being given
    unsigned kind;          // of that frame
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

static void
note_damage(struct recording_reader *reader, const struct err *err)
{
    reader->gaps.damaged++;
    if (!err_is_set(&reader->gaps.first)) {
        reader->gaps.first = *err;
    }
}

static void
note_at(struct recording_reader *reader, uint64_t at, const char *what)
{
    struct err err = {0};

    err_set(&err, ERR_PROTOCOL, "at byte %" PRIu64 ": %s", at, what);
    note_damage(reader, &err);
}

static void
note(struct recording_reader *reader, const char *what)
{
    note_at(reader, reader->at, what);
}

// -------------------------------------------------------------- the file

// Reads up to `len` bytes; fewer only at the end of the file.
static size_t
read_at(struct recording_reader *reader, uint64_t at, void *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = pread(reader->fd, (char *)bytes + done, len - done,
                            (off_t)(at + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            if (got < 0) {
                struct err err = {0};
                err_set_errno(&err, ERR_SYSTEM, errno, "reading %s",
                              reader->name);
                note_damage(reader, &err);
            }
            break;
        }
        done += (size_t)got;
    }
    return done;
}

static uint64_t
file_size(const struct recording_reader *reader)
{
    struct stat status;

    return fstat(reader->fd, &status) == 0 && status.st_size > 0
               ? (uint64_t)status.st_size
               : 0;
}

// Goes on to the next place at or after `from` that looks like a header.
// False: there is none.
static bool
find_frame(struct recording_reader *reader, uint64_t from)
{
    unsigned char *bytes = alloc_bytes(LOOK_AHEAD);
    struct recording_frame frame;
    bool found = false;

    for (;;) {
        size_t len = read_at(reader, from, bytes, LOOK_AHEAD);
        uint64_t before = recording_frame_find(bytes, len);
        if (before + RECORDING_HEADER_SIZE <= len) {
            found = recording_frame_read(bytes + before, &frame);
            from += before + (found ? 0 : 1);
            if (found) {
                break;
            }
        } else if (len < LOOK_AHEAD) {
            break;
        } else {
            // What begins at the very end is looked at again.
            from += before < len ? before : len - RECORDING_HEADER_SIZE;
        }
    }
    free(bytes);
    reader->at = found ? from : file_size(reader);
    return found;
}

// ---------------------------------------------------------------- a frame

static void *
make_room(void *bytes, size_t *room, size_t needed)
{
    if (needed <= *room) {
        return bytes;
    }
    free(bytes);
    *room = needed;
    return alloc_bytes(needed);
}

static bool
unpack(struct recording_reader *reader, const struct recording_frame *frame,
       struct content *content)
{
    uint64_t at = reader->at + RECORDING_HEADER_SIZE;

    reader->packed =
        make_room(reader->packed, &reader->packed_room, frame->packed);
    content->data =
        make_room(content->data, &content->room, (size_t)frame->size + 1);
    content->len = 0;
    content->at = 0;
    content->lines = 0;
    if (read_at(reader, at, reader->packed, frame->packed) != frame->packed) {
        return false;
    }
    size_t len =
        ZSTD_decompressDCtx(reader->unpacker, content->data, frame->size,
                            reader->packed, frame->packed);
    if (ZSTD_isError(len) != 0 || len != frame->size) {
        return false;
    }
    content->len = len;
    content->lines = frame->lines;
    return true;
}

// The next line, which may be overwritten. False: there is none.
static bool
take_line(struct content *content, char **line, size_t *len)
{
    if (content->at >= content->len) {
        return false;
    }
    *line = content->data + content->at;
    size_t rest = content->len - content->at;
    char *end = memchr(*line, '\n', rest);
    *len = end != NULL ? (size_t)(end - *line) : rest;
    content->at += *len + 1;
    content->lines -= content->lines > 0 ? 1 : 0;
    return true;
}

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
    if (!unpack(reader, frame, &shelf->content)) {
        note(reader, "outputs that cannot be unpacked");
        return;
    }
    // Each line has at least its line feed.
    size_t most = frame->lines < frame->size ? frame->lines : frame->size;
    shelf->outputs =
        alloc_resize(shelf->outputs, most + 1, sizeof(*shelf->outputs));
    shelf->first = frame->first;
    while (shelf->count < most && take_line(&shelf->content, &line, &len)) {
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
    if (!unpack(reader, frame, &reader->content)) {
        note(reader, "a frame that cannot be unpacked");
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

// Whoever writes holds a lock. One that cannot be asked for is nobody's.
static bool
is_being_written(const struct recording_reader *reader)
{
    if (flock(reader->fd, LOCK_SH | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK;
    }
    flock(reader->fd, LOCK_UN);
    return false;
}

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
    bool growing = is_being_written(reader) && !reader->ended;
    uint64_t size = file_size(reader);

    if (reader->at + RECORDING_HEADER_SIZE > size) {
        finish(reader, growing);
        return false;
    }
    if (read_at(reader, reader->at, bytes, sizeof(bytes)) != sizeof(bytes)) {
        finish(reader, growing);
        return false;
    }
    if (!recording_frame_read(bytes, &frame)) {
        note(reader, "no frame");
        reader->ended = false;
        if (reader->gaps.damaged > MOST_DAMAGE) {
            finish(reader, growing);
            return false;
        }
        find_frame(reader, reader->at + 1);
        return true;
    }
    uint64_t end = reader->at + RECORDING_HEADER_SIZE + frame.packed;
    if (end > size) {
        uint64_t from = reader->at;
        reader->ended = false;
        promise(reader, &frame);
        // Unless the length is what is wrong, and frames follow.
        if (reader->gaps.damaged < MOST_DAMAGE &&
            find_frame(reader, from + 1)) {
            note_at(reader, from, "a frame longer than the file");
            return true;
        }
        finish(reader, growing);
        return false;
    }
    use_frame(reader, &frame);
    reader->at = end;
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

    while (take_line(&reader->content, &line, &len)) {
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

    while (take_line(&reader->content, &line, &len)) {
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

bool
recording_gaps_none(const struct recording_gaps *gaps)
{
    return gaps->end == RECORDING_COMPLETE && gaps->events == 0 &&
           gaps->outputs == 0 && gaps->selected == 0 && gaps->strange == 0 &&
           gaps->damaged == 0;
}

static void
say(struct buf *buf, uint64_t count, const char *what)
{
    if (count > 0) {
        buf_addf(buf, "%s%" PRIu64 " %s%s", buf->len > 0 ? "; " : "", count,
                 what, count == 1 ? "" : "s");
    }
}

void
recording_gaps_say(const struct recording_gaps *gaps, struct buf *buf)
{
    struct buf text = BUF_INIT(4096);

    if (gaps->end == RECORDING_CUT) {
        buf_add_text(&text, "its end is missing");
    } else if (gaps->end == RECORDING_GROWING) {
        buf_add_text(&text, "its build is still under way");
    }
    say(&text, gaps->damaged, "damaged place");
    say(&text, gaps->events, "missing event");
    say(&text, gaps->outputs, "missing output");
    say(&text, gaps->selected, "missing line of the list of test");
    say(&text, gaps->strange, "line that cannot be understood");
    if (gaps->damaged > 0 || gaps->strange > 0) {
        buf_addf(&text, " (%s)", gaps->first.text);
    }
    buf_add_slice(buf, buf_slice(&text));
    buf_release(&text);
}

// ------------------------------------------------------------ open, close

// Something that is no recording at all is an error; one that is damaged is
// not.
static bool
check_beginning(struct recording_reader *reader, struct err *err)
{
    unsigned char bytes[RECORDING_HEADER_SIZE];
    struct recording_frame frame = {0};
    size_t len = read_at(reader, 0, bytes, sizeof(bytes));

    if (len == 0) {
        return is_being_written(reader) ||
               err_set(err, ERR_USAGE, "%s is empty", reader->name);
    }
    bool found = len == sizeof(bytes) && recording_frame_read(bytes, &frame);
    if (!found &&
        (!find_frame(reader, 0) ||
         read_at(reader, reader->at, bytes, sizeof(bytes)) != sizeof(bytes) ||
         !recording_frame_read(bytes, &frame))) {
        err_set(err, ERR_USAGE, "%s is not a recording", reader->name);
        return err_hint(err, "recordings are what `mule test --record FILE` "
                             "writes");
    }
    if (frame.format > RECORDING_FORMAT) {
        err_set(err, ERR_USAGE, "%s has format %u, and this is mule for %u",
                reader->name, frame.format, RECORDING_FORMAT);
        return err_hint(err, "a newer mule wrote it: use that one");
    }
    if (!found) {
        note_at(reader, 0, "no frame");
    }
    return true;
}

struct recording_reader *
recording_reader_take(int fd, const char *name, unsigned wants, struct err *err)
{
    struct recording_reader *reader = ALLOC(struct recording_reader);

    reader->fd = fd;
    reader->name = alloc_dup(name);
    reader->wants = wants;
    reader->lines = event_reader_new();
    buf_init(&reader->id, (size_t)RECORDING_LINE_MAX * 2);
    reader->unpacker = ZSTD_createDCtx();
    if (reader->unpacker == NULL) {
        alloc_failed(0);
    }
    if (!check_beginning(reader, err)) {
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
    close(reader->fd);
    for (int i = 0; i < 2; i++) {
        free(reader->shelves[i].content.data);
        free(reader->shelves[i].outputs);
    }
    ZSTD_freeDCtx(reader->unpacker);
    event_reader_free(reader->lines);
    buf_release(&reader->id);
    free(reader->content.data);
    free(reader->packed);
    free(reader->name);
    free(reader);
}
