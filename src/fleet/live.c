#include "fleet/live.h"

#include <stdlib.h>

#include "loop/deadline.h"
#include "util/alloc.h"
#include "util/compose.h"
#include "util/glob.h"
#include "util/text.h"

#define LIVE_TICK_MS 100
// Sent at once, and of what was printed before somebody asked.
#define LIVE_PIECE ((uint64_t)64 << 10)
#define LIVE_ID_MAX ((size_t)1 << 20)
#define LIVE_LINE_MAX ((size_t)1 << 20)

/* One stream of one item that runs. */
struct live_stream {
    struct order_name name;
    uint32_t item; // ITEM_NONE: nobody's
    int stream;
    uint64_t at; // up to here it was sent
    uint64_t credit;
    bool seen; // it still runs
};

struct live {
    struct loop *loop;
    live_send_fn send;
    void *ctx;
    const struct desk *desk;
    struct executor *executor;
    const struct items *items;
    struct deadline tick;
    char *pattern; // "": nothing is wanted
    uint64_t credit;
    struct live_stream streams[LIVE_STREAMS];
    struct buf id;
    struct buf text;
    struct buf line;
};

static bool
is_wanted(const struct live *live)
{
    struct slice pattern = slice_of(live->pattern);
    struct slice id = buf_slice(&live->id);

    return glob_is_pattern(pattern) ? glob_match(pattern, id)
                                    : slice_find_part(id, pattern) < id.len;
}

/* The record of a stream, new if there is room for one; NULL: there is not. */
static struct live_stream *
find_stream(struct live *live, struct order_name name, uint32_t item,
            int number, uint64_t printed)
{
    struct live_stream *vacant = NULL;

    for (int i = 0; i < LIVE_STREAMS; i++) {
        struct live_stream *stream = &live->streams[i];
        if (stream->item == ITEM_NONE) {
            vacant = stream;
        } else if (order_name_equals(stream->name, name) &&
                   stream->item == item && stream->stream == number) {
            return stream;
        }
    }
    if (vacant != NULL) {
        *vacant = (struct live_stream){
            .name = name,
            .item = item,
            .stream = number,
            .at = printed > LIVE_PIECE ? printed - LIVE_PIECE : 0,
            .credit = live->credit,
        };
    }
    return vacant;
}

static void
send(struct live *live, const struct live_stream *stream, uint32_t place)
{
    struct buf *line = &live->line;

    buf_reset(line);
    buf_add_char(line, '{');
    compose_text(line, "msg", "output");
    compose_key(line, "o");
    order_name_add(line, stream->name);
    compose_uint(line, "i", place);
    compose_slice(line, "id", buf_slice(&live->id));
    compose_text(line, "stream", stream->stream == VIEW_OUT ? "out" : "err");
    compose_uint(line, "at", stream->at);
    compose_slice(line, "text", buf_slice(&live->text));
    buf_add_text(line, "}\n");
    if (!line->overflowed) {
        live->send(live->ctx, buf_slice(line));
    }
}

/* Sends what is new of a stream, as far as its credit goes. */
static void
follow(struct live *live, struct live_stream *stream, uint32_t job,
       uint64_t printed)
{
    stream->seen = true;
    if (printed < stream->at) {
        stream->at = printed; // the test cut it off
    }
    uint64_t len = printed - stream->at;
    len = len < LIVE_PIECE ? len : LIVE_PIECE;
    len = len < stream->credit ? len : stream->credit;
    buf_reset(&live->text);
    live->executor->ops->read(live->executor, job, stream->stream, stream->at,
                              stream->at + len, &live->text);
    size_t open = text_open_end(buf_slice(&live->text));
    buf_cut(&live->text, live->text.len - open);
    if (live->text.len > 0) {
        send(live, stream, order_place_of(live->items, job, stream->item));
        stream->credit -= live->text.len;
        stream->at += len - open;
    }
}

static void
look(void *ctx, struct order_name name, uint32_t job)
{
    struct live *live = ctx;
    struct order_view view;

    if (!live->executor->ops->view(live->executor, job, &view)) {
        return;
    }
    buf_reset(&live->id);
    items_id(live->items, view.item, &live->id);
    if (!is_wanted(live)) {
        return;
    }
    for (int i = 0; i < VIEW_STREAMS; i++) {
        if (view.printed[i] == 0) {
            continue;
        }
        struct live_stream *stream =
            find_stream(live, name, view.item, i, view.printed[i]);
        if (stream != NULL) {
            follow(live, stream, job, view.printed[i]);
        }
    }
}

static void
forget_ended(struct live *live)
{
    for (int i = 0; i < LIVE_STREAMS; i++) {
        if (!live->streams[i].seen) {
            live->streams[i].item = ITEM_NONE;
        }
    }
}

static void
on_tick(void *ctx)
{
    struct live *live = ctx;

    for (int i = 0; i < LIVE_STREAMS; i++) {
        live->streams[i].seen = false;
    }
    desk_each_given(live->desk, look, live);
    forget_ended(live);
    deadline_arm(&live->tick, LIVE_TICK_MS);
}

struct live *
live_new(struct loop *loop, live_send_fn send_fn, void *ctx)
{
    struct live *live = ALLOC(struct live);

    live->loop = loop;
    live->send = send_fn;
    live->ctx = ctx;
    live->pattern = alloc_dup("");
    deadline_init(&live->tick, loop, on_tick, live);
    buf_init(&live->id, LIVE_ID_MAX);
    buf_init(&live->text, LIVE_PIECE);
    buf_init(&live->line, LIVE_LINE_MAX + 8 * LIVE_PIECE);
    for (int i = 0; i < LIVE_STREAMS; i++) {
        live->streams[i].item = ITEM_NONE;
    }
    return live;
}

void
live_free(struct live *live)
{
    if (live == NULL) {
        return;
    }
    deadline_release(&live->tick);
    buf_release(&live->id);
    buf_release(&live->text);
    buf_release(&live->line);
    free(live->pattern);
    free(live);
}

static void
begin(struct live *live)
{
    bool can = live->executor != NULL && live->executor->ops->view != NULL;

    if (can && live->pattern[0] != '\0' && !deadline_is_armed(&live->tick)) {
        deadline_arm(&live->tick, LIVE_TICK_MS);
    } else if (live->pattern[0] == '\0') {
        deadline_disarm(&live->tick);
    }
}

void
live_watch(struct live *live, const struct desk *desk,
           struct executor *executor, const struct items *items)
{
    live->desk = desk;
    live->executor = executor;
    live->items = items;
    begin(live);
}

void
live_wish(struct live *live, struct slice pattern, uint64_t credit)
{
    free(live->pattern);
    live->pattern = slice_dup(pattern);
    live->credit = credit;
    for (int i = 0; i < LIVE_STREAMS; i++) {
        live->streams[i].credit = credit;
    }
    begin(live);
}
