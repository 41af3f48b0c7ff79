#include "report/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include "report/event_codec.h"
#include "report/output_window.h"
#include "report/recording_frame.h"
#include "report/writer.h"
#include "util/alloc.h"
#include "util/array.h"
#include "util/compose.h"

enum {
    FULL_FRAME = 1 << 18, // bytes of content that are worth a frame
    FLUSH_US = 1000000,   // nothing waits longer
    // Measured with tests/support/record_bench: most of the time goes into
    // the lines; lower levels save a twentieth of it and take twice the
    // room, higher ones take longer and no less room.
    LEVEL = 1,
    SHORT_OUTPUT = 64, // bytes; these stay in their events
};

struct recording {
    struct event_sink sink; // first
    char *path;
    int fd;
    const struct items *items;
    uint64_t max_bytes;
    ZSTD_CCtx *packer;
    void *packed;
    size_t packed_room;
    struct buf events;
    uint32_t event_lines; // in `events`
    uint32_t event_count; // before those
    uint32_t end_at;      // how many the end has spoken of
    struct output_window *window;
    uint64_t written; // bytes
    uint64_t flushed_us;
    bool full;  // nothing but the end is written any more
    bool ended; // the end stands there
};

static struct recording *
recording_of(struct event_sink *sink)
{
    return (struct recording *)(void *)sink;
}

// ------------------------------------------------------------------ frames

static bool
put_frame(struct recording *recording, struct recording_frame *frame,
          struct slice content, struct err *err)
{
    unsigned char *bytes = recording->packed;
    size_t room = RECORDING_HEADER_SIZE + ZSTD_compressBound(content.len);

    if (room > recording->packed_room) {
        recording->packed = alloc_resize(recording->packed, room, 1);
        recording->packed_room = room;
        bytes = recording->packed;
    }
    size_t packed =
        ZSTD_compress2(recording->packer, bytes + RECORDING_HEADER_SIZE,
                       room - RECORDING_HEADER_SIZE, content.data, content.len);
    if (ZSTD_isError(packed) != 0) {
        return err_set(err, ERR_INTERNAL, "%s", ZSTD_getErrorName(packed));
    }
    frame->format = RECORDING_FORMAT;
    frame->packed = (uint32_t)packed;
    frame->size = (uint32_t)content.len;
    recording_frame_write(frame, bytes);
    size_t len = RECORDING_HEADER_SIZE + packed;
    if (frame->kind != FRAME_END &&
        recording->written + len > recording->max_bytes) {
        recording->full = true;
        return true;
    }
    recording->written += len;
    struct slice whole = {(const char *)bytes, len};
    return writer_put(recording->fd, whole, err) ||
           err_wrap(err, "writing %s", recording->path);
}

static bool
put_outputs(struct recording *recording, struct err *err)
{
    struct output_lines lines = output_window_lines(recording->window);
    struct recording_frame frame = {
        .kind = FRAME_OUTPUTS,
        .lines = lines.count,
        .first = lines.first,
    };

    if (lines.count == 0) {
        return true;
    }
    if (!put_frame(recording, &frame, lines.text, err)) {
        return false;
    }
    output_window_turn(recording->window);
    return true;
}

static bool
put_events(struct recording *recording, struct err *err)
{
    struct recording_frame frame = {
        .kind = FRAME_EVENTS,
        .lines = recording->event_lines,
        .first = recording->event_count,
    };

    if (recording->event_lines == 0) {
        return true;
    }
    recording->event_count += recording->event_lines;
    recording->event_lines = 0;
    bool put = recording->full ||
               put_frame(recording, &frame, buf_slice(&recording->events), err);
    if (recording->events.capacity > (size_t)16 * FULL_FRAME) {
        buf_release(&recording->events);
    }
    buf_reset(&recording->events);
    return put;
}

// Outputs stand before the events that name them.
static bool
put_all(struct recording *recording, struct err *err)
{
    return put_outputs(recording, err) && put_events(recording, err);
}

static bool
put_end(struct recording *recording, struct err *err)
{
    struct recording_frame frame = {
        .kind = FRAME_END,
        .first = recording->event_count,
    };

    recording->ended = true;
    recording->end_at = recording->event_count;
    return put_frame(recording, &frame, (struct slice){"", 0}, err);
}

// ----------------------------------------------------- the list of selected

struct list {
    struct buf text;
    uint32_t lines; // in `text`
    uint32_t count; // before those
    uint32_t next;  // the item that would go on in the line; ITEM_NONE: none
    struct buf id;
};

static bool
put_list(struct recording *recording, struct list *list, struct err *err)
{
    struct recording_frame frame = {
        .kind = FRAME_SELECTED,
        .lines = list->lines,
        .first = list->count,
    };

    if (list->lines == 0) {
        return true;
    }
    bool put = put_frame(recording, &frame, buf_slice(&list->text), err);
    list->count += list->lines;
    list->lines = 0;
    buf_reset(&list->text);
    return put;
}

static void
end_line(struct list *list)
{
    if (list->next != ITEM_NONE) {
        buf_add_text(&list->text, "]}\n");
        list->lines++;
        list->next = ITEM_NONE;
    }
}

static void
begin_line(const struct items *items, uint32_t job, uint32_t item,
           struct list *list)
{
    enum job_kind kind = (enum job_kind)items_peek_job(items, job)->kind;
    struct buf *text = &list->text;

    buf_add_char(text, '{');
    compose_uint(text, "selected", job);
    compose_text(text, "name", items_job_name(items, job));
    compose_some(text, "file", slice_of(items_job_file(items, job)));
    compose_text(text, "kind", job_kind_name(kind));
    compose_uint(text, "item", item);
    compose_list(text, "tests");
}

// Without what it shares with its job.
static void
add_id(const struct items *items, uint32_t job, uint32_t item,
       struct list *list)
{
    struct slice name = slice_of(items_job_name(items, job));

    buf_reset(&list->id);
    items_id(items, item, &list->id);
    struct slice id = buf_slice(&list->id);
    if (slice_starts_with(id, name) && id.len > name.len &&
        id.data[name.len] == '.') {
        id = slice_skip(id, name.len);
    }
    compose_element(&list->text, id);
}

static void
add_job(const struct items *items, uint32_t job, struct list *list)
{
    uint32_t count = items_peek_job(items, job)->count;

    for (uint32_t place = 0; place < count; place++) {
        uint32_t item = items_of_job(items, job, place);
        if ((items_peek(items, item)->flags & ITEM_SELECTED) == 0) {
            continue;
        }
        if (item != list->next) {
            end_line(list);
            begin_line(items, job, item, list);
        }
        add_id(items, job, item, list);
        list->next = item + 1;
    }
    end_line(list);
}

// At once, before the first test: what a killed build never ran is known then.
static bool
put_selected(struct recording *recording, struct err *err)
{
    const struct items *items = recording->items;
    struct list list = {
        .text = BUF_INIT(RECORDING_CONTENT_MAX),
        .next = ITEM_NONE,
        .id = BUF_INIT((size_t)1 << 20),
    };
    bool put = true;

    uint32_t count = items != NULL ? items_job_count(items) : 0;
    for (uint32_t job = 0; put && job < count; job++) {
        add_job(items, job, &list);
        if (list.text.len >= FULL_FRAME) {
            put = put_list(recording, &list, err);
        }
    }
    put = put && put_list(recording, &list, err) && put_all(recording, err);
    buf_release(&list.text);
    buf_release(&list.id);
    return put;
}

// ------------------------------------------------------------------ events

// An output that is kept apart, or NO_OUTPUT; what is left in the event.
struct apart {
    uint64_t out;
    uint64_t err;
};

static uint64_t
part(struct recording *recording, struct output *output)
{
    uint64_t number = NO_OUTPUT;

    if (output->head.len + output->tail.len < SHORT_OUTPUT) {
        return NO_OUTPUT;
    }
    if (recording->written < recording->max_bytes / 2) {
        number = output_window_add(recording->window, output);
    }
    if (number == NO_OUTPUT) {
        // Too much was printed in this build: that it was there is kept.
        uint64_t cut = output->cut + output->head.len + output->tail.len;
        *output = (struct output){.cut = cut};
        return NO_OUTPUT;
    }
    *output = (struct output){0};
    return number;
}

static void
write_apart(struct recording *recording, struct event *event,
            struct outcome *outcome, struct apart *apart)
{
    if (event->kind == EVENT_TEST_FINISHED ||
        event->kind == EVENT_TEST_ATTEMPT) {
        *outcome = *event->test.outcome;
        event->test.outcome = outcome;
        apart->out = part(recording, &outcome->out);
        apart->err = part(recording, &outcome->err);
    } else if (event->kind == EVENT_JOB_FINISHED) {
        apart->out = part(recording, &event->job.out);
        apart->err = part(recording, &event->job.err);
    } else if (event->kind == EVENT_SCRIPT_FINISHED) {
        apart->out = part(recording, &event->script.out);
    }
}

static void
add_references(struct buf *buf, const struct apart *apart)
{
    if (apart->out == NO_OUTPUT && apart->err == NO_OUTPUT) {
        return;
    }
    buf_cut(buf, buf->len - 2); // "}\n"
    if (apart->out != NO_OUTPUT) {
        buf_addf(buf, ",\"out\":{\"ref\":%llu}",
                 (unsigned long long)apart->out);
    }
    if (apart->err != NO_OUTPUT) {
        buf_addf(buf, ",\"err\":{\"ref\":%llu}",
                 (unsigned long long)apart->err);
    }
    buf_add_text(buf, "}\n");
}

// A line that is too long for a frame is one that is missing: the number of
// the next frame tells.
static bool
add_event(struct recording *recording, const struct event *event,
          struct err *err)
{
    struct buf *buf = &recording->events;
    struct event kept = *event;
    struct outcome outcome;
    struct apart apart = {NO_OUTPUT, NO_OUTPUT};

    if (recording->full) {
        recording->event_count++;
        return true;
    }
    size_t start = buf->len;
    write_apart(recording, &kept, &outcome, &apart);
    event_codec_write(buf, &kept);
    if (!buf->overflowed) {
        add_references(buf, &apart);
    }
    if (!buf->overflowed && buf->len - start <= RECORDING_LINE_MAX) {
        recording->event_lines++;
        return true;
    }
    buf_cut(buf, start);
    buf->overflowed = false;
    bool put = put_all(recording, err);
    recording->event_count++;
    return put;
}

static bool
is_due(const struct recording *recording, const struct event *event)
{
    return event->kind == EVENT_RUN_STARTED ||
           event->kind == EVENT_RUN_FINISHED ||
           recording->events.len >= FULL_FRAME ||
           output_window_lines(recording->window).text.len >= FULL_FRAME ||
           event->us >= recording->flushed_us + FLUSH_US;
}

static bool
on_event(struct event_sink *sink, const struct event *event, struct err *err)
{
    struct recording *recording = recording_of(sink);

    if (!add_event(recording, event, err)) {
        return false;
    }
    if (event->kind == EVENT_COLLECTED && !put_selected(recording, err)) {
        return false;
    }
    if (is_due(recording, event)) {
        recording->flushed_us = event->us;
        if (!put_all(recording, err)) {
            return false;
        }
    }
    return event->kind != EVENT_RUN_FINISHED || put_end(recording, err);
}

void
recording_tick(struct event_sink *sink, uint64_t now_us)
{
    struct recording *recording = recording_of(sink);

    if (now_us >= recording->flushed_us + FLUSH_US) {
        // What fails here fails again with the next event, which can say so.
        struct err err = {0};
        recording->flushed_us = now_us;
        put_all(recording, &err);
    }
}

// ------------------------------------------------------------------- ends

static void
recording_free(struct event_sink *sink)
{
    struct recording *recording = recording_of(sink);
    struct err err = {0};

    if (put_all(recording, &err) && recording->ended &&
        recording->end_at != recording->event_count) {
        put_end(recording, &err); // a note came after the end
    }
    close(recording->fd); // and with it the lock
    ZSTD_freeCCtx(recording->packer);
    output_window_free(recording->window);
    buf_release(&recording->events);
    free(recording->packed);
    free(recording->path);
    free(recording);
}

static const struct event_sink_ops recording_ops = {
    .name = "the recording",
    .on_event = on_event,
    .free = recording_free,
};

// Gives the descriptor, or -1. Some filesystems know no locks: then there is
// none, and who reads takes the recording for one that was cut off.
static int
open_locked(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0) {
        err_set_errno(err, ERR_SYSTEM, errno, "recording: %s", path);
        err_hint(err, "a recording needs a folder that you may write to");
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        err_set(err, ERR_SYSTEM,
                "recording: %s is being written by another mule", path);
        err_hint(err, "give each run a file of its own");
        close(fd);
        return -1;
    }
    if (ftruncate(fd, 0) != 0 && errno != EINVAL) {
        err_set_errno(err, ERR_SYSTEM, errno, "recording: %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

struct event_sink *
recording_new(const struct recording_params *params, struct err *err)
{
    int fd = open_locked(params->path, err);

    if (fd < 0) {
        return NULL;
    }
    struct recording *recording = ALLOC(struct recording);
    recording->sink.ops = &recording_ops;
    recording->path = alloc_dup(params->path);
    recording->fd = fd;
    recording->items = params->items;
    recording->max_bytes =
        params->max_bytes > 0 ? params->max_bytes : RECORDING_MAX_BYTES;
    recording->packer = ZSTD_createCCtx();
    if (recording->packer == NULL) {
        alloc_failed(0);
    }
    ZSTD_CCtx_setParameter(recording->packer, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(recording->packer, ZSTD_c_checksumFlag, 1);
    buf_init(&recording->events, RECORDING_CONTENT_MAX);
    recording->window = output_window_new();
    return &recording->sink;
}
