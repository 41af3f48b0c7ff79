#include "fleet/bulletin.h"

#include <stdlib.h>

#include "fleet/serving_codec.h"
#include "loop/deadline.h"
#include "util/alloc.h"

// When a line goes out although more may come.
#define BULLETIN_WAIT_MS 5
#define BULLETIN_MOST 64
#define BULLETIN_BYTES ((size_t)256 << 10)
// Memory for one large update is not kept.
#define BULLETIN_KEEP ((size_t)1 << 20)

struct bulletin {
    struct loop *loop;
    bulletin_send_fn send;
    void *ctx;
    struct deadline deadline;
    struct buf line;
    struct buf update;
    size_t count;
    usec sent;   // when something went out last
    bool posted; // it goes out at the end of this turn
};

static void
on_deadline(void *ctx)
{
    bulletin_flush(ctx);
}

static void
on_turn_end(void *ctx)
{
    struct bulletin *bulletin = ctx;

    bulletin->posted = false;
    bulletin_flush(bulletin);
}

struct bulletin *
bulletin_new(struct loop *loop, bulletin_send_fn send, void *ctx)
{
    struct bulletin *bulletin = ALLOC(struct bulletin);

    bulletin->loop = loop;
    bulletin->send = send;
    bulletin->ctx = ctx;
    buf_init(&bulletin->line, SERVING_LINE_MAX);
    buf_init(&bulletin->update, UPDATE_MAX + BULLETIN_BYTES);
    deadline_init(&bulletin->deadline, loop, on_deadline, bulletin);
    return bulletin;
}

void
bulletin_free(struct bulletin *bulletin)
{
    if (bulletin == NULL) {
        return;
    }
    loop_cancel(bulletin->loop, bulletin);
    deadline_release(&bulletin->deadline);
    buf_release(&bulletin->line);
    buf_release(&bulletin->update);
    free(bulletin);
}

void
bulletin_hurry(struct bulletin *bulletin)
{
    if (bulletin->count > 0 && !bulletin->posted) {
        bulletin->posted = true;
        loop_post(bulletin->loop, on_turn_end, bulletin);
    }
}

void
bulletin_add(struct bulletin *bulletin, const struct update *update)
{
    usec now = loop_now_us(bulletin->loop);

    buf_reset(&bulletin->update);
    update_add(&bulletin->update, update);
    if (bulletin->line.len + bulletin->update.len > BULLETIN_BYTES) {
        bulletin_flush(bulletin);
    }
    buf_add_text(&bulletin->line,
                 bulletin->count == 0 ? "{\"msg\":\"u\",\"u\":[" : ",");
    buf_add_slice(&bulletin->line, buf_slice(&bulletin->update));
    bulletin->count++;
    if (bulletin->update.capacity > BULLETIN_KEEP) {
        buf_release(&bulletin->update);
    }
    if (bulletin->count >= BULLETIN_MOST ||
        bulletin->line.len >= BULLETIN_BYTES) {
        bulletin_flush(bulletin);
    } else if (now - bulletin->sent >= (usec)BULLETIN_WAIT_MS * 1000) {
        bulletin_hurry(bulletin);
    } else if (!deadline_is_armed(&bulletin->deadline)) {
        deadline_arm(&bulletin->deadline, BULLETIN_WAIT_MS);
    }
}

void
bulletin_flush(struct bulletin *bulletin)
{
    deadline_disarm(&bulletin->deadline);
    if (bulletin->count == 0) {
        return;
    }
    buf_add_text(&bulletin->line, "]}\n");
    bulletin->count = 0;
    bulletin->sent = loop_now_us(bulletin->loop);
    bulletin->send(bulletin->ctx, buf_slice(&bulletin->line));
    if (bulletin->line.capacity > BULLETIN_KEEP) {
        buf_release(&bulletin->line);
    } else {
        buf_reset(&bulletin->line);
    }
}
