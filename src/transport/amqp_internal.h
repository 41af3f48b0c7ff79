/*
 * What the files of the AMQP driver share:
 *
 *     amqp_transport  connecting, again too, and closing
 *     amqp_ops        the table of functions
 *     amqp_op         one thing that is asked
 *     amqp_admin      declaring, counting, deleting: one after another, on a
 *                     channel of its own; remembers what was declared
 *     amqp_publisher  what is not confirmed yet
 *     amqp_consumer   consumers, a channel each, and what they have taken
 *
 * Two connections, so that a server that takes no more messages (it stops
 * reading from who sends them) still hears acknowledgements. Losing either
 * closes both: what is known of the server is of one point in time.
 */
#ifndef TRANSPORT_AMQP_INTERNAL_H
#define TRANSPORT_AMQP_INTERNAL_H

#include "loop/deadline.h"
#include "transport/amqp_link.h"
#include "transport/driver.h"
#include "util/array.h"
#include "util/list.h"
#include "util/map.h"

/* On either connection the first channel is the driver's own. */
#define AMQP_OWN_CHANNEL 1U

struct amqp;
struct amqp_op;
struct amqp_consumer;

enum amqp_phase {
    AMQP_CONNECTING = 1,
    AMQP_RESTORING, // connected; declares again what was declared
    AMQP_UP,
    AMQP_WAITING, // to connect again
    AMQP_CLOSING,
    AMQP_OVER, // closed, or it will never work
};

struct amqp_admin {
    struct list restoring; // of struct amqp_op: what was declared, again
    struct list waiting;   // what was asked
    struct list declared;  // what to declare after a reconnect
    size_t declared_count;
    struct amqp_op *current; // its answer is awaited; in no list
    uint64_t asked;          // numbers the ops that change what there is
    uint64_t finished;       // ... the last of them that was answered
};

struct amqp_publisher {
    struct list waiting; // of struct pending
    struct list sent;    // ... in the order of their numbers
    size_t count;        // of both
    size_t bytes;
    size_t sent_count;
    size_t sent_bytes;
    uint64_t number;  // of the publish that was sent last
    uint64_t serial;  // of the one that was asked for last
    bool blocked;     // the server takes nothing
    bool checking;    // whether there is an exchange
    struct map known; // exchanges that are there
    struct buf out;   // frames being made
};

struct amqp {
    struct transport base;
    struct loop *loop;
    struct broker_urls urls;
    int url; // which one is tried, or used
    char *publish_name;
    char *consume_name;
    uint32_t heartbeat_ms;
    const struct transport_events *events;
    void *ctx;
    enum amqp_phase phase;
    bool was_up;
    unsigned depth; // calls from the loop that are being served
    bool dead;      // freed by one of them
    int refusals;   // URLs in a row that will never work
    uint32_t pause_ms;
    struct err over; // why it is over
    struct amqp_link *publish_link;
    struct amqp_link *consume_link;
    bool publish_up;
    bool consume_up;
    struct deadline retry;
    struct deadline closing; // how long what waits may still be sent
    usec close_by;
    transport_done_fn on_closed;
    void *close_ctx;
    struct amqp_admin admin;
    struct amqp_publisher publisher;
    struct list consumers;                  // of struct amqp_consumer
    ARRAY(struct amqp_consumer *) channels; // by number; NULL: free
    uint16_t generation;                    // of channels
    uint16_t last_channel;                  // that was opened
    struct list laters;
    bool later_posted;
};

struct amqp *amqp_of(struct transport *transport);

/*
 * Around everything that may call others, who may free the transport: after
 * it is left, it may be gone.
 */
void amqp_enter(struct amqp *amqp);
void amqp_leave(struct amqp *amqp);

/* Calls from the loop, not from inside of this call. Copies `err`. */
void amqp_later(struct amqp *amqp, transport_done_fn done, void *ctx,
                const struct err *err);
void amqp_later_count(struct amqp *amqp, transport_count_fn count, void *ctx,
                      const struct err *err);

void amqp_laters_release(struct amqp *amqp);

void amqp_note(struct amqp *amqp, const char *text, const char *hint);
/* Whether it is over for good; then `err` says why. */
bool amqp_is_over(const struct amqp *amqp, struct err *err);
/* To be asked whenever something that was awaited came. */
void amqp_check_closing(struct amqp *amqp);
/* All that was declared is declared again. */
void amqp_restored(struct amqp *amqp);
/* Sends; a name that is too long is an error, else false only after that. */
bool amqp_send(struct amqp_link *link, uint16_t channel,
               amqp_method_number_t id, const void *fields, struct err *err);
/* Sends what has no names in it. */
void amqp_say(struct amqp_link *link, uint16_t channel, amqp_method_number_t id,
              const void *fields);
/* Answers channel.close. */
void amqp_close_ok(struct amqp_link *link, uint16_t channel);
void amqp_open_channel(struct amqp_link *link, uint16_t channel);
/* A channel's end as an error: 404 and its like are ERR_CONFIG. */
void amqp_explain(const amqp_channel_close_t *close, struct err *err);

/* Of the table of functions, which is in amqp_ops.c. */
extern const struct transport_ops amqp_ops;
void amqp_transport_close(struct transport *transport, uint32_t ms,
                          transport_done_fn done, void *ctx);
void amqp_transport_free(struct transport *transport);

/* amqp_admin.c */
enum amqp_op_kind {
    AMQP_OP_EXCHANGE = 1,
    AMQP_OP_QUEUE,
    AMQP_OP_BIND,
    AMQP_OP_LOOK, // whether there is such an exchange
    AMQP_OP_LENGTH,
    AMQP_OP_PURGE,
    AMQP_OP_DELETE,
    AMQP_OP_DELETE_EXCHANGE,
    AMQP_OP_NOTHING, // its turn is all it is for
};
/* Calls back with NULL when it was done. */
typedef void (*amqp_op_fn)(struct amqp *amqp, struct amqp_op *op,
                           const struct err *err);
struct amqp_op {
    struct list_link link;
    enum amqp_op_kind kind;
    uint64_t number; // 0: changes nothing
    uint64_t behind; // the publish that is to be confirmed before; 0: none
    char *name;
    char *exchange; // of a binding
    char *key;
    struct exchange_params exchange_params; // without the name
    struct queue_params queue_params;       // ...
    bool passive;                           // this time
    bool if_unused;
    bool again; // declared before; failing is worth a note
    int losses; // connections that ended while it was being done
    amqp_op_fn fn;
    void *owner; // of fn
    transport_done_fn done;
    transport_count_fn count;
    void (*facts)(void *ctx, const struct transport_facts *facts,
                  const struct err *err);
    void *ctx;
};
void amqp_admin_init(struct amqp_admin *admin);
void amqp_admin_release(struct amqp_admin *admin);
/* `name` is copied. Add what it needs, then amqp_ask. */
struct amqp_op *amqp_op_new(enum amqp_op_kind kind, const char *name);
/* Also takes it out of its list. NULL is allowed. */
void amqp_op_free(struct amqp_op *op);
bool amqp_op_send(struct amqp *amqp, const struct amqp_op *op, struct err *err);
/* Whether that method is its answer, and the number in it. */
bool amqp_op_answers(const struct amqp_op *op, amqp_method_number_t id);
uint64_t amqp_op_count(amqp_method_number_t id, const void *fields);
void amqp_ask(struct amqp *amqp, struct amqp_op *op);
/* What was asked for this owner calls nobody. */
void amqp_forget_owner(struct amqp *amqp, const void *owner);
void amqp_admin_start(struct amqp *amqp); // connected
/* A queue and its bindings are not declared again. */
void amqp_admin_forget(struct amqp *amqp, const char *queue);
void amqp_admin_lost(struct amqp *amqp, const struct err *err);
void amqp_admin_fail(struct amqp *amqp, const struct err *err); // all of it
void amqp_admin_frame(struct amqp *amqp, const struct amqp_frame *frame);
void amqp_admin_go_on(struct amqp *amqp);
bool amqp_admin_is_idle(const struct amqp *amqp);

/* amqp_publisher.c */
void amqp_publisher_init(struct amqp_publisher *publisher);
void amqp_publisher_release(struct amqp_publisher *publisher);
void amqp_publish(struct amqp *amqp, const struct publish *publish,
                  transport_done_fn done, void *ctx);
void amqp_publisher_start(struct amqp *amqp);
void amqp_publisher_lost(struct amqp *amqp);
void amqp_publisher_fail(struct amqp *amqp, const struct err *err);
void amqp_publisher_frame(struct amqp *amqp, const struct amqp_frame *frame);
void amqp_publisher_go_on(struct amqp *amqp);
/* Whether all up to that serial number came to their end. */
bool amqp_publisher_is_past(const struct amqp *amqp, uint64_t serial);
void amqp_publisher_knows(struct amqp *amqp, const char *exchange);
void amqp_publisher_forgets(struct amqp *amqp, const char *exchange);

/* amqp_consumer.c */
struct consumer *amqp_take(struct transport *transport,
                           const struct consume_params *params);
struct consumer *amqp_subscribe(struct transport *transport,
                                const struct subscribe_params *params);
void amqp_prefetch(struct consumer *base, uint32_t prefetch);
void amqp_stop(struct consumer *base, transport_done_fn done, void *ctx);
enum amqp_answer {
    AMQP_ANSWER_ACK = 1,
    AMQP_ANSWER_REQUEUE,
    AMQP_ANSWER_REJECT,
};
void amqp_answer(struct amqp *amqp, uint64_t tag, enum amqp_answer answer);
void amqp_consumers_start(struct amqp *amqp);
void amqp_consumers_lost(struct amqp *amqp);
void amqp_consumers_release(struct amqp *amqp);
void amqp_consumer_frame(struct amqp *amqp, const struct amqp_frame *frame);

#endif
