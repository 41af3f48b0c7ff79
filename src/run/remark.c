#include "run/remark.h"

#include "util/escape.h"

// Of a note, and of a reason that has more than one line.
#define REMARK_MAX ((size_t)16 * 1024)
// What fits into a message beside what others put in front of it.
#define REMARK_LINE_MAX ((size_t)200)

/* As it may be shown, and no longer than is sensible. */
static void
add_safe(struct buf *text, struct slice said)
{
    escape_terminal(text, slice_first(slice_trim(said), REMARK_MAX),
                    ESCAPE_KEEP_LINES);
}

void
remark_note(const struct adapter_note *note,
            const struct executor_events *events, void *ctx)
{
    struct buf text = BUF_INIT(4 * REMARK_MAX);
    struct buf hint = BUF_INIT(4 * REMARK_MAX);
    add_safe(&text, note->text);
    add_safe(&hint, note->hint);
    events->on_note(ctx, note->warning ? NOTE_WARNING : NOTE_INFO,
                    buf_text(&text), hint.len > 0 ? buf_text(&hint) : NULL);
    buf_release(&text);
    buf_release(&hint);
}

void
remark_unfit(const struct adapter_unfit *unfit,
             const struct executor_events *events, void *ctx)
{
    struct err err = {0};
    struct buf text = BUF_INIT(4 * REMARK_MAX);
    struct buf hint = BUF_INIT(4 * REMARK_MAX);
    add_safe(&text, unfit->reason);
    add_safe(&hint, unfit->hint);
    struct slice all = buf_slice(&text);
    struct slice line = slice_first(all, slice_find(all, '\n'));
    line = slice_first(line, REMARK_LINE_MAX);
    err_set(&err, ERR_SYSTEM, "the tests cannot be run here: %.*s",
            SLICE_ARG(line));
    if (hint.len > 0) {
        err_advise(&err, "%s", buf_text(&hint));
    }
    if (line.len < all.len) {
        events->on_note(ctx, NOTE_ERROR, buf_text(&text), NULL);
    }
    events->on_broken(ctx, &err);
    buf_release(&text);
    buf_release(&hint);
}
