#include <assert.h>
#include <stdlib.h>

#include "transport/amqp_internal.h"
#include "transport/amqp_pending.h"

// What is sent ahead of its confirmation.
#define WINDOW 4096U
#define WINDOW_BYTES (8UL << 20)
// Of the memory for frames; more is given back.
#define KEPT_MAX (1UL << 20)
// Names of exchanges that are known to be there.
#define KNOWN_MAX 1024U

#define HINT_LIMIT "publish less at a time, or wait for what is not confirmed"

void
amqp_publisher_init(struct amqp_publisher *publisher)
{
    list_init(&publisher->waiting);
    list_init(&publisher->sent);
    map_init(&publisher->known, MAP_COPIES_KEYS);
    // The longest body, and around each 4 KiB of it a frame.
    buf_init(&publisher->out, TRANSPORT_BODY_MAX + (4UL << 20));
}

static void
free_all(struct list *list)
{
    LIST_FOR_EACH(link, list)
    {
        list_remove(link);
        free(LIST_ENTRY(link, struct pending, link));
    }
}

void
amqp_publisher_release(struct amqp_publisher *publisher)
{
    free_all(&publisher->waiting);
    free_all(&publisher->sent);
    map_release(&publisher->known);
    buf_release(&publisher->out);
}

// Takes it out, tells, and frees it.
static void
finish(struct amqp *amqp, struct pending *pending, const struct err *err)
{
    struct amqp_publisher *publisher = &amqp->publisher;

    list_remove(&pending->link);
    publisher->count--;
    publisher->bytes -= pending_size(pending);
    if (pending->number != 0) {
        publisher->sent_count--;
        publisher->sent_bytes -= pending_size(pending);
    }
    if (pending->done != NULL) {
        pending->done(pending->ctx, err);
    }
    free(pending);
}

static bool
is_number(struct slice text)
{
    uint64_t number = 0;

    return text.len == 0 || slice_to_uint(text, UINT32_MAX, &number);
}

static bool
may_wait(const struct amqp *amqp, const struct publish *publish,
         struct err *err)
{
    const struct amqp_publisher *publisher = &amqp->publisher;
    size_t len = publish->message->body.len;

    if (amqp_is_over(amqp, err)) {
        return false;
    }
    if (len > TRANSPORT_BODY_MAX) {
        return err_set(err, ERR_LIMIT, "a message of %zu bytes is too long",
                       len);
    }
    // One that is refused would take the whole channel with it.
    if (!is_number(publish->message->expiration)) {
        return err_set(err, ERR_PROTOCOL, "an expiration that is no number");
    }
    if (publisher->count >= TRANSPORT_PENDING_MAX ||
        publisher->bytes + len > TRANSPORT_PENDING_BYTES_MAX) {
        err_set(err, ERR_LIMIT, "%zu messages are not confirmed yet",
                publisher->count);
        return err_hint(err, HINT_LIMIT);
    }
    return true;
}

void
amqp_publish(struct amqp *amqp, const struct publish *publish,
             transport_done_fn done, void *ctx)
{
    struct amqp_publisher *publisher = &amqp->publisher;
    struct pending *pending = NULL;
    struct err err = {0};

    // What may be lost does not wait for a server to come back.
    if (done == NULL && amqp->was_up && amqp->phase != AMQP_UP) {
        return;
    }
    if (may_wait(amqp, publish, &err)) {
        pending = pending_new(publish, &publisher->out, &err);
    }
    if (pending == NULL) {
        amqp_later(amqp, done, ctx, &err);
        return;
    }
    pending->serial = ++publisher->serial;
    pending->after = amqp->admin.asked;
    pending->done = done;
    pending->ctx = ctx;
    list_add(&publisher->waiting, &pending->link);
    publisher->count++;
    publisher->bytes += pending_size(pending);
    amqp_publisher_go_on(amqp);
}

void
amqp_publisher_knows(struct amqp *amqp, const char *exchange)
{
    struct map *known = &amqp->publisher.known;

    if (known->count == KNOWN_MAX) {
        map_release(known);
    }
    map_set(known, slice_of(exchange), amqp);
}

void
amqp_publisher_forgets(struct amqp *amqp, const char *exchange)
{
    map_remove(&amqp->publisher.known, slice_of(exchange));
}

static bool
begins_past(const struct list *list, uint64_t serial)
{
    return list_is_empty(list) ||
           LIST_ENTRY(list->head.next, struct pending, link)->serial > serial;
}

bool
amqp_publisher_is_past(const struct amqp *amqp, uint64_t serial)
{
    return begins_past(&amqp->publisher.sent, serial) &&
           begins_past(&amqp->publisher.waiting, serial);
}

static void
on_looked(struct amqp *amqp, struct amqp_op *op, const struct err *err)
{
    struct amqp_publisher *publisher = &amqp->publisher;
    struct list_link *link = list_first(&publisher->waiting);

    publisher->checking = false;
    if (err == NULL) {
        amqp_publisher_knows(amqp, op->name);
    } else if (link != NULL) {
        struct pending *first = LIST_ENTRY(link, struct pending, link);
        if (slice_equals_text(slice_of(op->name), first->exchange)) {
            finish(amqp, first, err);
        }
    }
}

// A message for an exchange that is not there would close the channel, and
// nobody could say which of those on their way are lost by that.
static bool
is_known(struct amqp *amqp, const struct pending *pending)
{
    struct amqp_publisher *publisher = &amqp->publisher;

    if (pending->exchange[0] == '\0' ||
        map_find(&publisher->known, slice_of(pending->exchange)) != NULL) {
        return true;
    }
    if (!publisher->checking) {
        struct amqp_op *op = amqp_op_new(AMQP_OP_LOOK, pending->exchange);
        op->fn = on_looked;
        op->owner = publisher;
        publisher->checking = true;
        amqp_ask(amqp, op);
    }
    return false;
}

static void
send_pending(struct amqp *amqp, struct pending *pending)
{
    struct amqp_publisher *publisher = &amqp->publisher;
    uint32_t frame_max = amqp_link_frame_max(amqp->publish_link);

    list_remove(&pending->link);
    list_add(&publisher->sent, &pending->link);
    pending->number = ++publisher->number;
    pending->returned = false;
    publisher->sent_count++;
    publisher->sent_bytes += pending_size(pending);
    buf_reset(&publisher->out);
    pending_put(pending, &publisher->out, frame_max);
    amqp_link_put(amqp->publish_link, buf_slice(&publisher->out));
    if (publisher->out.capacity > KEPT_MAX) {
        buf_release(&publisher->out);
    }
}

static bool
has_room(const struct amqp_publisher *publisher)
{
    return publisher->sent_count == 0 || (publisher->sent_count < WINDOW &&
                                          publisher->sent_bytes < WINDOW_BYTES);
}

// Calls nobody, so that it may be called from amqp_publish too.
void
amqp_publisher_go_on(struct amqp *amqp)
{
    struct amqp_publisher *publisher = &amqp->publisher;

    while (!amqp->dead && amqp->publish_up &&
           (amqp->phase == AMQP_UP || amqp->phase == AMQP_CLOSING) &&
           !publisher->blocked && has_room(publisher)) {
        struct list_link *link = list_first(&publisher->waiting);
        if (link == NULL) {
            return;
        }
        struct pending *pending = LIST_ENTRY(link, struct pending, link);
        if (pending->after > amqp->admin.finished) {
            return;
        }
        if (pending->header_len + AMQP_FRAME_EXTRA >
            amqp_link_frame_max(amqp->publish_link)) {
            struct err err = {0};
            err_set(&err, ERR_LIMIT, "the server takes no headers of %zu bytes",
                    pending->header_len);
            amqp_later(amqp, pending->done, pending->ctx, &err);
            pending->done = NULL;
            finish(amqp, pending, NULL);
        } else if (!is_known(amqp, pending)) {
            return;
        } else {
            send_pending(amqp, pending);
        }
    }
}

static void
open_channel(struct amqp *amqp)
{
    amqp_confirm_select_t select = {0};

    amqp->publisher.number = 0;
    amqp_open_channel(amqp->publish_link, AMQP_OWN_CHANNEL);
    amqp_say(amqp->publish_link, AMQP_OWN_CHANNEL, AMQP_CONFIRM_SELECT_METHOD,
             &select);
}

void
amqp_publisher_start(struct amqp *amqp)
{
    open_channel(amqp);
}

// All that was sent and not confirmed is sent again, before the others.
static void
take_back(struct amqp *amqp, bool drop)
{
    struct amqp_publisher *publisher = &amqp->publisher;

    while (!list_is_empty(&publisher->sent)) {
        struct list_link *last = publisher->sent.head.previous;
        struct pending *pending = LIST_ENTRY(last, struct pending, link);
        if (drop && pending->done == NULL) {
            finish(amqp, pending, NULL);
            continue;
        }
        list_remove(last);
        list_add_first(&publisher->waiting, last);
        publisher->sent_count--;
        publisher->sent_bytes -= pending_size(pending);
        pending->number = 0;
    }
}

void
amqp_publisher_lost(struct amqp *amqp)
{
    struct amqp_publisher *publisher = &amqp->publisher;

    take_back(amqp, true);
    publisher->blocked = false;
    publisher->checking = false;
    amqp_forget_owner(amqp, publisher);
    map_release(&publisher->known);
}

void
amqp_publisher_fail(struct amqp *amqp, const struct err *err)
{
    struct amqp_publisher *publisher = &amqp->publisher;
    struct list_link *link = NULL;

    take_back(amqp, true);
    while (!amqp->dead &&
           (link = list_take_first(&publisher->waiting)) != NULL) {
        assert(publisher->waiting.head.next != link);
        finish(amqp, LIST_ENTRY(link, struct pending, link), err);
    }
}

static void
settle(struct amqp *amqp, struct pending *pending, bool taken)
{
    struct err err = {0};

    if (!taken) {
        err_set(&err, ERR_SYSTEM, "the broker could not keep a message");
    } else if (pending->returned) {
        err_set(&err, ERR_SYSTEM, "there is no queue for \"%.100s\"%s%.100s",
                pending->key, pending->exchange[0] != '\0' ? " in " : "",
                pending->exchange);
    }
    finish(amqp, pending, err_is_set(&err) ? &err : NULL);
}

static void
on_confirmed(struct amqp *amqp, uint64_t number, bool multiple, bool taken)
{
    struct list *sent = &amqp->publisher.sent;
    struct list_link *link = list_first(sent);

    if (multiple) {
        while (!amqp->dead && (link = list_first(sent)) != NULL) {
            struct pending *pending = LIST_ENTRY(link, struct pending, link);
            if (number != 0 && pending->number > number) {
                return;
            }
            list_remove(link);
            assert(sent->head.next != link);
            settle(amqp, pending, taken);
        }
        return;
    }
    while (link != NULL && link != &sent->head) {
        struct pending *pending = LIST_ENTRY(link, struct pending, link);
        if (pending->number == number) {
            settle(amqp, pending, taken);
            return;
        }
        link = link->next;
    }
}

// It says where the message was to go, not which one it was; for two with the
// same aim it makes no difference.
static void
on_returned(struct amqp *amqp, const amqp_basic_return_t *fields)
{
    struct slice exchange = amqp_slice(fields->exchange);
    struct slice key = amqp_slice(fields->routing_key);

    LIST_FOR_EACH(link, &amqp->publisher.sent)
    {
        struct pending *pending = LIST_ENTRY(link, struct pending, link);
        if (pending->mandatory && !pending->returned &&
            slice_equals_text(exchange, pending->exchange) &&
            slice_equals_text(key, pending->key)) {
            pending->returned = true;
            return;
        }
    }
}

// "... 'NAME' ..." in what the server says.
static bool
names(struct slice text, const char *name)
{
    struct slice part = {0};

    while (slice_split(&text, '\'', &part)) {
        if (slice_equals_text(part, name)) {
            return true;
        }
    }
    return false;
}

// The channel is gone, and with it all that was on its way. What went to the
// exchange that the server names is not to be sent again: if it names none,
// the first one is to blame, so that this comes to an end.
static void
on_channel_closed(struct amqp *amqp, const amqp_channel_close_t *close)
{
    struct amqp_publisher *publisher = &amqp->publisher;
    struct slice text = amqp_slice(close->reply_text);
    size_t count = publisher->count;
    struct err err = {0};

    amqp_explain(close, &err);
    map_release(&publisher->known);
    LIST_FOR_EACH(link, &publisher->sent)
    {
        struct pending *pending = LIST_ENTRY(link, struct pending, link);
        if (pending->exchange[0] != '\0' && names(text, pending->exchange)) {
            list_remove(link);
            assert(publisher->sent.head.next != link);
            finish(amqp, pending, &err);
            if (amqp->dead) {
                return;
            }
        }
    }
    struct list_link *first = list_first(&publisher->sent);
    if (count == publisher->count && first != NULL) {
        finish(amqp, LIST_ENTRY(first, struct pending, link), &err);
    }
    if (!amqp->dead) {
        take_back(amqp, false);
        amqp_close_ok(amqp->publish_link, AMQP_OWN_CHANNEL);
        open_channel(amqp);
    }
}

static void
on_flow(struct amqp *amqp, bool active)
{
    amqp_channel_flow_ok_t flow_ok = {.active = active};

    amqp->publisher.blocked = !active;
    amqp_say(amqp->publish_link, AMQP_OWN_CHANNEL, AMQP_CHANNEL_FLOW_OK_METHOD,
             &flow_ok);
}

static void
take_method(struct amqp *amqp, amqp_method_number_t id, const void *fields)
{
    switch (id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = fields;
        on_confirmed(amqp, ack->delivery_tag, ack->multiple, true);
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = fields;
        on_confirmed(amqp, nack->delivery_tag, nack->multiple, false);
        break;
    }
    case AMQP_BASIC_RETURN_METHOD:
        on_returned(amqp, fields);
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        on_channel_closed(amqp, fields);
        break;
    case AMQP_CHANNEL_FLOW_METHOD:
        on_flow(amqp, ((const amqp_channel_flow_t *)fields)->active);
        break;
    default: // channel.open-ok, confirm.select-ok
        break;
    }
}

void
amqp_publisher_frame(struct amqp *amqp, const struct amqp_frame *frame)
{
    // The frames behind a return: the message, which is still here.
    if (frame->type != AMQP_FRAME_METHOD) {
        return;
    }
    amqp_method_number_t id = amqp_method_id(frame);
    const void *fields = amqp_link_method(amqp->publish_link, frame);
    if (fields != NULL) {
        take_method(amqp, id, fields);
    }
    if (!amqp->dead) {
        amqp_publisher_go_on(amqp);
        amqp_admin_go_on(amqp);
    }
    amqp_check_closing(amqp);
}
