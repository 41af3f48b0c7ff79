#include <assert.h>
#include <stdlib.h>

#include "transport/amqp_internal.h"
#include "util/alloc.h"

// What may be declared, and declared again after each reconnect.
#define DECLARED_MAX 65536U

// As many connections may end while one thing is being done, before that is
// believed to be why.
#define LOSSES_MAX 8

#define HINT_DIFFERS \
    "it exists already, made otherwise: delete it, or use another name"
#define HINT_PERMISSION "ask for permission on that virtual host"

void
amqp_admin_init(struct amqp_admin *admin)
{
    list_init(&admin->restoring);
    list_init(&admin->waiting);
    list_init(&admin->declared);
}

static void
free_all(struct list *ops)
{
    LIST_FOR_EACH(link, ops)
    {
        amqp_op_free(LIST_ENTRY(link, struct amqp_op, link));
    }
}

void
amqp_admin_release(struct amqp_admin *admin)
{
    free_all(&admin->restoring);
    free_all(&admin->waiting);
    free_all(&admin->declared);
    amqp_op_free(admin->current);
    admin->current = NULL;
}

static struct amqp_op *
copy_declaration(const struct amqp_op *op)
{
    struct amqp_op *copy = amqp_op_new(op->kind, op->name);

    copy->exchange = alloc_dup_or_null(op->exchange);
    copy->key = alloc_dup_or_null(op->key);
    copy->exchange_params = op->exchange_params;
    copy->queue_params = op->queue_params;
    copy->again = true;
    return copy;
}

static bool
is_declaration(const struct amqp_op *op)
{
    return op->kind == AMQP_OP_EXCHANGE || op->kind == AMQP_OP_QUEUE ||
           op->kind == AMQP_OP_BIND;
}

static bool
same_text(const char *a, const char *b)
{
    return slice_equals(slice_of(a), slice_of(b));
}

static bool
declares_the_same(const struct amqp_op *a, const struct amqp_op *b)
{
    return a->kind == b->kind && same_text(a->name, b->name) &&
           same_text(a->exchange, b->exchange) && same_text(a->key, b->key);
}

// The last word on a name counts.
static void
remember(struct amqp *amqp, const struct amqp_op *op)
{
    struct amqp_admin *admin = &amqp->admin;

    LIST_FOR_EACH(link, &admin->declared)
    {
        struct amqp_op *other = LIST_ENTRY(link, struct amqp_op, link);
        if (declares_the_same(op, other)) {
            other->exchange_params = op->exchange_params;
            other->queue_params = op->queue_params;
            return;
        }
    }
    if (admin->declared_count == DECLARED_MAX) {
        amqp_note(amqp, "too much is declared to be declared again later",
                  NULL);
        return;
    }
    admin->declared_count++;
    list_add(&admin->declared, &copy_declaration(op)->link);
}

static bool
is_about(const struct amqp_op *op, enum amqp_op_kind deleted, const char *name)
{
    if (deleted == AMQP_OP_DELETE_EXCHANGE) {
        return (op->kind == AMQP_OP_EXCHANGE && same_text(op->name, name)) ||
               (op->kind == AMQP_OP_BIND && same_text(op->exchange, name));
    }
    return op->kind != AMQP_OP_EXCHANGE && same_text(op->name, name);
}

static void
forget(struct amqp_admin *admin, enum amqp_op_kind deleted, const char *name)
{
    LIST_FOR_EACH(link, &admin->declared)
    {
        struct amqp_op *op = LIST_ENTRY(link, struct amqp_op, link);
        if (is_about(op, deleted, name)) {
            amqp_op_free(op);
            admin->declared_count--;
        }
    }
}

void
amqp_admin_forget(struct amqp *amqp, const char *queue)
{
    forget(&amqp->admin, AMQP_OP_DELETE, queue);
}

static void
tell_facts(const struct amqp *amqp, const struct amqp_op *op,
           const struct err *err)
{
    const json_t *properties = NULL;
    struct transport_facts facts = {
        .kind = "amqp",
        .product = "",
        .version = "",
        .policy = "",
        .skew_ms = INT64_MIN,
        .tls = amqp->urls.items[amqp->url].tls,
    };

    if (err == NULL && amqp->consume_link != NULL) {
        properties = amqp_link_properties(amqp->consume_link);
        const json_t *product = json_object_get(properties, "product");
        const json_t *version = json_object_get(properties, "version");
        facts.product =
            json_is_string(product) ? json_string_value(product) : "";
        facts.version =
            json_is_string(version) ? json_string_value(version) : "";
    }
    op->facts(op->ctx, err == NULL ? &facts : NULL, err);
}

// Takes `op`. Calls others.
static void
finish(struct amqp *amqp, struct amqp_op *op, uint64_t count,
       const struct err *err)
{
    if (op->number > amqp->admin.finished) {
        amqp->admin.finished = op->number;
    }
    if (err != NULL && op->again) {
        amqp_note(amqp, err->text, err->hint);
    }
    if (op->fn != NULL) {
        op->fn(amqp, op, err);
    } else if (op->facts != NULL) {
        tell_facts(amqp, op, err);
    } else if (op->count != NULL) {
        op->count(op->ctx, count, err);
    } else if (op->done != NULL) {
        op->done(op->ctx, err);
    }
    amqp_op_free(op);
}

static void
succeed(struct amqp *amqp, struct amqp_op *op, uint64_t count)
{
    if (is_declaration(op) && op->fn == NULL && !op->again) {
        remember(amqp, op);
    }
    if (op->kind == AMQP_OP_EXCHANGE) {
        amqp_publisher_knows(amqp, op->name);
    } else if (op->kind == AMQP_OP_DELETE ||
               op->kind == AMQP_OP_DELETE_EXCHANGE) {
        forget(&amqp->admin, op->kind, op->name);
    }
    if (op->kind == AMQP_OP_DELETE_EXCHANGE) {
        amqp_publisher_forgets(amqp, op->name);
    }
    finish(amqp, op, count, NULL);
}

// A length is to count what was published before, and a deleted queue is to
// stay so: that is on the other connection. A server that takes no messages
// must not stop this, too.
static bool
must_wait(const struct amqp *amqp, const struct amqp_op *op)
{
    return op->behind != 0 && !amqp->publisher.blocked &&
           !amqp_publisher_is_past(amqp, op->behind);
}

static struct amqp_op *
next_op(struct amqp *amqp)
{
    struct list *ops = &amqp->admin.restoring;

    if (list_is_empty(ops) && amqp->phase == AMQP_RESTORING) {
        amqp_restored(amqp);
    }
    if (list_is_empty(ops)) {
        ops = &amqp->admin.waiting;
    }
    if (amqp->dead || !(amqp->publish_up && amqp->consume_up)) {
        return NULL;
    }
    struct list_link *link = list_first(ops);
    struct amqp_op *op =
        link != NULL ? LIST_ENTRY(link, struct amqp_op, link) : NULL;
    if (op == NULL || must_wait(amqp, op)) {
        return NULL;
    }
    list_remove(link);
    assert(ops->head.next != link);
    return op;
}

void
amqp_admin_go_on(struct amqp *amqp)
{
    struct amqp_admin *admin = &amqp->admin;

    while (admin->current == NULL && !amqp->dead) {
        struct amqp_op *op = next_op(amqp);
        struct err err = {0};
        if (op == NULL) {
            break;
        }
        if (!amqp_op_send(amqp, op, &err)) {
            finish(amqp, op, 0, &err);
        } else if (op->kind == AMQP_OP_NOTHING) {
            finish(amqp, op, 0, NULL);
        } else {
            admin->current = op;
        }
    }
}

static void
go_on_later(struct amqp *amqp)
{
    if (!amqp->dead) {
        amqp_admin_go_on(amqp);
    }
    if (!amqp->dead) {
        amqp_publisher_go_on(amqp);
        amqp_check_closing(amqp);
    }
}

static void
kick(void *ctx, const struct err *err)
{
    (void)err;
    go_on_later(ctx);
}

static void
refuse(void *ctx, const struct err *err)
{
    amqp_admin_fail(ctx, err);
}

void
amqp_ask(struct amqp *amqp, struct amqp_op *op)
{
    if (op->kind != AMQP_OP_LENGTH && op->kind != AMQP_OP_LOOK &&
        op->kind != AMQP_OP_NOTHING) {
        op->number = ++amqp->admin.asked;
    }
    if (op->kind == AMQP_OP_LENGTH || op->kind == AMQP_OP_PURGE ||
        op->kind == AMQP_OP_DELETE || op->kind == AMQP_OP_DELETE_EXCHANGE) {
        op->behind = amqp->publisher.serial;
    }
    op->passive = op->queue_params.passive_first;
    if (op->kind == AMQP_OP_LOOK) {
        // Publishes wait for it, and others for them.
        list_add_first(&amqp->admin.waiting, &op->link);
    } else {
        list_add(&amqp->admin.waiting, &op->link);
    }
    if (amqp->phase == AMQP_OVER) {
        amqp_later(amqp, refuse, amqp, &amqp->over);
    }
    // Sent with the others of this turn.
    if (amqp->phase == AMQP_UP && amqp->admin.current == NULL) {
        amqp_later(amqp, kick, amqp, NULL);
    }
}

void
amqp_forget_owner(struct amqp *amqp, const void *owner)
{
    struct list *lists[] = {&amqp->admin.restoring, &amqp->admin.waiting};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        LIST_FOR_EACH(link, lists[i])
        {
            struct amqp_op *op = LIST_ENTRY(link, struct amqp_op, link);
            if (op->owner == owner) {
                amqp_op_free(op);
            }
        }
    }
    if (amqp->admin.current != NULL && amqp->admin.current->owner == owner) {
        amqp->admin.current->owner = NULL;
        amqp->admin.current->fn = NULL;
    }
}

void
amqp_admin_start(struct amqp *amqp)
{
    struct amqp_admin *admin = &amqp->admin;

    assert(admin->current == NULL);
    amqp_open_channel(amqp->consume_link, AMQP_OWN_CHANNEL);
    LIST_FOR_EACH(link, &admin->declared)
    {
        struct amqp_op *op =
            copy_declaration(LIST_ENTRY(link, struct amqp_op, link));
        op->passive = op->queue_params.passive_first;
        list_add(&admin->restoring, &op->link);
    }
    go_on_later(amqp);
}

// What was being done is done once more, unless it was what made the server
// close the connection.
void
amqp_admin_lost(struct amqp *amqp, const struct err *err)
{
    struct amqp_admin *admin = &amqp->admin;
    struct amqp_op *op = admin->current;

    admin->current = NULL;
    free_all(&admin->restoring);
    if (op == NULL) {
        return;
    }
    if (op->again) {
        amqp_op_free(op);
    } else if (err->kind == ERR_PROTOCOL || ++op->losses == LOSSES_MAX) {
        finish(amqp, op, 0, err);
    } else {
        op->passive = op->queue_params.passive_first;
        list_add_first(&admin->waiting, &op->link);
    }
}

void
amqp_admin_fail(struct amqp *amqp, const struct err *err)
{
    struct amqp_admin *admin = &amqp->admin;
    struct list_link *link = NULL;

    free_all(&admin->restoring);
    if (admin->current != NULL) {
        list_add_first(&admin->waiting, &admin->current->link);
        admin->current = NULL;
    }
    while (!amqp->dead && (link = list_take_first(&admin->waiting)) != NULL) {
        finish(amqp, LIST_ENTRY(link, struct amqp_op, link), 0, err);
    }
}

bool
amqp_admin_is_idle(const struct amqp *amqp)
{
    return amqp->admin.current == NULL && list_is_empty(&amqp->admin.waiting);
}

static void
on_refused(struct amqp *amqp, struct amqp_op *op,
           const amqp_channel_close_t *close)
{
    struct err err = {0};

    if (op->kind == AMQP_OP_QUEUE && op->passive &&
        close->reply_code == AMQP_NOT_FOUND) {
        op->passive = false;
        list_add_first(op->again ? &amqp->admin.restoring
                                 : &amqp->admin.waiting,
                       &op->link);
        return;
    }
    amqp_explain(close, &err);
    if (op->kind == AMQP_OP_DELETE && op->if_unused &&
        close->reply_code == AMQP_PRECONDITION_FAILED) {
        err.kind = ERR_LIMIT;
    } else if (close->reply_code == AMQP_PRECONDITION_FAILED) {
        err_hint(&err, HINT_DIFFERS);
    } else if (close->reply_code == AMQP_ACCESS_REFUSED) {
        err_hint(&err, HINT_PERMISSION);
    }
    finish(amqp, op, 0, &err);
}

void
amqp_admin_frame(struct amqp *amqp, const struct amqp_frame *frame)
{
    struct amqp_admin *admin = &amqp->admin;
    amqp_method_number_t id = amqp_method_id(frame);
    const void *fields = amqp_link_method(amqp->consume_link, frame);
    struct amqp_op *op = admin->current;

    if (fields == NULL || id == AMQP_CHANNEL_OPEN_OK_METHOD) {
        return;
    }
    if (op != NULL && amqp_op_answers(op, id)) {
        admin->current = NULL;
        succeed(amqp, op, amqp_op_count(id, fields));
    } else if (op != NULL && id == AMQP_CHANNEL_CLOSE_METHOD) {
        admin->current = NULL;
        amqp_close_ok(amqp->consume_link, AMQP_OWN_CHANNEL);
        amqp_open_channel(amqp->consume_link, AMQP_OWN_CHANNEL);
        on_refused(amqp, op, fields);
    } else {
        struct err err = {0};
        err_set(&err, ERR_SYSTEM, "the method %08x is out of place", id);
        amqp_link_distrust(amqp->consume_link, &err);
        return;
    }
    go_on_later(amqp);
}
