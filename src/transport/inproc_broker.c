#include "transport/inproc_broker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/array.h"

struct binding {
    char *queue;
    char *key;
};

struct exchange {
    enum exchange_kind kind;
    bool durable;
    bool auto_delete;
    ARRAY(struct binding) bindings;
};

struct place {
    char *name;
    struct queue_params params; // its name is not used
    const void *owner;          // of an exclusive one
    struct list messages;       // struct stored, by their numbers
    size_t length;
    struct list takers; // the next one to serve is the first
    bool serving;
};

// What has the six texts of a message, one behind the other.
static void
keep_text(struct slice *text, char **at)
{
    if (text->len > 0) {
        memcpy(*at, text->data, text->len);
    }
    *text = slice_make(*at, text->len);
    *at += text->len;
}

struct stored *
stored_new(const struct publish *publish)
{
    struct stored *stored = ALLOC(struct stored);
    struct message *message = &stored->message;

    stored->exchange = alloc_dup(publish->exchange);
    stored->key = alloc_dup(publish->key);
    *message = *publish->message;
    stored->bytes = alloc_bytes(
        message->body.len + message->content_type.len +
        message->content_encoding.len + message->correlation_id.len +
        message->reply_to.len + message->expiration.len);
    char *at = stored->bytes;
    keep_text(&message->body, &at);
    keep_text(&message->content_type, &at);
    keep_text(&message->content_encoding, &at);
    keep_text(&message->correlation_id, &at);
    keep_text(&message->reply_to, &at);
    keep_text(&message->expiration, &at);
    if (message->headers != NULL) {
        stored->headers = json_deep_copy(message->headers);
    }
    message->headers = stored->headers;
    return stored;
}

struct stored *
stored_copy(const struct stored *stored)
{
    return stored_new(&(struct publish){.exchange = stored->exchange,
                                        .key = stored->key,
                                        .message = &stored->message});
}

void
stored_free(struct stored *stored)
{
    if (stored != NULL) {
        json_decref(stored->headers);
        free(stored->exchange);
        free(stored->key);
        free(stored->bytes);
        free(stored);
    }
}

void
inproc_broker_init(struct inproc_broker *broker)
{
    *broker = (struct inproc_broker){0};
}

static void
exchange_free(struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->bindings.count; i++) {
        free(exchange->bindings.items[i].queue);
        free(exchange->bindings.items[i].key);
    }
    ARRAY_RELEASE(&exchange->bindings);
    free(exchange);
}

static size_t
place_drain(struct place *place)
{
    size_t count = place->length;
    struct list_link *link = NULL;

    while ((link = list_take_first(&place->messages)) != NULL) {
        stored_free(LIST_ENTRY(link, struct stored, link));
    }
    place->length = 0;
    return count;
}

static void
place_free(struct place *place)
{
    (void)place_drain(place);
    assert(list_is_empty(&place->takers));
    free(place->name);
    free(place);
}

void
inproc_broker_release(struct inproc_broker *broker)
{
    const struct map_entry *entry = NULL;
    size_t at = 0;

    while ((entry = map_next(&broker->exchanges, &at)) != NULL) {
        exchange_free(entry->value);
    }
    at = 0;
    while ((entry = map_next(&broker->places, &at)) != NULL) {
        place_free(entry->value);
    }
    map_release(&broker->exchanges);
    map_release(&broker->places);
}

bool
inproc_broker_exchange(struct inproc_broker *broker,
                       const struct exchange_params *params, struct err *err)
{
    struct slice name = slice_of(params->name);
    struct exchange *exchange = map_find(&broker->exchanges, name);

    if (exchange == NULL) {
        exchange = ALLOC(struct exchange);
        exchange->kind = params->kind;
        exchange->durable = params->durable;
        exchange->auto_delete = params->auto_delete;
        map_set(&broker->exchanges, name, exchange);
        return true;
    }
    return (exchange->kind == params->kind &&
            exchange->durable == params->durable &&
            exchange->auto_delete == params->auto_delete) ||
           err_set(err, ERR_CONFIG, "exchange %s exists with other arguments",
                   params->name);
}

static struct place *
find_place(const struct inproc_broker *broker, const char *queue)
{
    return map_find(&broker->places, slice_of(queue));
}

static bool
same_queue(const struct queue_params *a, const struct queue_params *b)
{
    return a->durable == b->durable && a->exclusive == b->exclusive &&
           a->auto_delete == b->auto_delete && a->expires_ms == b->expires_ms &&
           a->message_ttl_ms == b->message_ttl_ms;
}

bool
inproc_broker_queue(struct inproc_broker *broker,
                    const struct queue_params *params, const void *owner,
                    struct err *err)
{
    struct place *place = find_place(broker, params->name);

    if (place == NULL) {
        place = ALLOC(struct place);
        place->name = alloc_dup(params->name);
        place->params = *params;
        place->owner = params->exclusive ? owner : NULL;
        list_init(&place->messages);
        list_init(&place->takers);
        map_set(&broker->places, slice_of(params->name), place);
        return true;
    }
    if (place->owner != NULL && place->owner != owner) {
        return err_set(err, ERR_CONFIG,
                       "queue %s belongs to another connection", params->name);
    }
    return params->passive_first || same_queue(&place->params, params) ||
           err_set(err, ERR_CONFIG, "queue %s exists with other arguments",
                   params->name);
}

bool
inproc_broker_bind(struct inproc_broker *broker, const char *queue,
                   const char *exchange, const char *key, struct err *err)
{
    struct exchange *found = map_find(&broker->exchanges, slice_of(exchange));

    if (found == NULL) {
        return err_set(err, ERR_CONFIG, "no exchange %s", exchange);
    }
    if (find_place(broker, queue) == NULL) {
        return err_set(err, ERR_CONFIG, "no queue %s", queue);
    }
    for (size_t i = 0; i < found->bindings.count; i++) {
        const struct binding *binding = &found->bindings.items[i];
        if (strcmp(binding->queue, queue) == 0 &&
            strcmp(binding->key, key) == 0) {
            return true;
        }
    }
    ARRAY_ADD(&found->bindings, ((struct binding){.queue = alloc_dup(queue),
                                                  .key = alloc_dup(key)}));
    return true;
}

// Words between dots; `*` is one word, `#` any number of them.
static bool
fits_topic(struct slice pattern, struct slice key)
{
    struct slice word = {0};
    struct slice other = {0};

    if (slice_is_over(pattern)) {
        return slice_is_over(key);
    }
    (void)slice_split(&pattern, '.', &word);
    if (slice_equals(word, SLICE("#"))) {
        while (!fits_topic(pattern, key)) {
            if (slice_is_over(key)) {
                return false;
            }
            (void)slice_split(&key, '.', &other);
        }
        return true;
    }
    return !slice_is_over(key) && slice_split(&key, '.', &other) &&
           (slice_equals(word, SLICE("*")) || slice_equals(word, other)) &&
           fits_topic(pattern, key);
}

static bool
fits(const struct exchange *exchange, const struct binding *binding,
     const char *key)
{
    switch (exchange->kind) {
    case EXCHANGE_FANOUT:
        return true;
    case EXCHANGE_DIRECT:
        return strcmp(binding->key, key) == 0;
    case EXCHANGE_TOPIC:
        break;
    }
    return fits_topic(slice_of(binding->key), slice_of(key));
}

// By its number: what comes back stands where it was.
static void
place_insert(struct place *place, struct stored *stored)
{
    struct list_link *behind = place->messages.head.previous;

    while (behind != &place->messages.head &&
           LIST_ENTRY(behind, struct stored, link)->number > stored->number) {
        behind = behind->previous;
    }
    list_add_behind(behind, &stored->link);
    place->length++;
}

static struct taker *
next_taker(struct place *place)
{
    LIST_FOR_EACH(link, &place->takers)
    {
        struct taker *taker = LIST_ENTRY(link, struct taker, link);
        if (taker->no_ack || taker->prefetch == 0 ||
            taker->out < taker->prefetch) {
            list_remove(link);
            list_add(&place->takers, link);
            return taker;
        }
    }
    return NULL;
}

static void
place_serve(struct place *place)
{
    struct taker *taker = NULL;

    if (place->serving) {
        return;
    }
    place->serving = true;
    while (!list_is_empty(&place->messages) &&
           (taker = next_taker(place)) != NULL) {
        struct list_link *link = list_take_first(&place->messages);
        place->length--;
        taker->out += taker->no_ack ? 0 : 1;
        taker->give(taker, LIST_ENTRY(link, struct stored, link));
    }
    place->serving = false;
}

static void
enqueue(struct inproc_broker *broker, struct place *place,
        struct stored *stored)
{
    stored->number = ++broker->next_number;
    place_insert(place, stored);
    place_serve(place);
}

bool
inproc_broker_route(struct inproc_broker *broker, struct stored *stored,
                    size_t *count, struct err *err)
{
    *count = 0;
    if (stored->exchange[0] == '\0') {
        struct place *place = find_place(broker, stored->key);
        if (place == NULL) {
            stored_free(stored);
            return true;
        }
        *count = 1;
        enqueue(broker, place, stored);
        return true;
    }
    struct exchange *exchange =
        map_find(&broker->exchanges, slice_of(stored->exchange));
    if (exchange == NULL) {
        err_set(err, ERR_CONFIG, "no exchange %s", stored->exchange);
        stored_free(stored);
        return false;
    }
    for (size_t i = 0; i < exchange->bindings.count; i++) {
        const struct binding *binding = &exchange->bindings.items[i];
        struct place *place = find_place(broker, binding->queue);
        if (place != NULL && fits(exchange, binding, stored->key)) {
            ++*count;
            enqueue(broker, place, stored_copy(stored));
        }
    }
    stored_free(stored);
    return true;
}

bool
inproc_broker_attach(struct inproc_broker *broker, const char *queue,
                     struct taker *taker, struct err *err)
{
    struct place *place = find_place(broker, queue);

    assert(taker->place == NULL);
    if (place == NULL) {
        return err_set(err, ERR_CONFIG, "no queue %s", queue);
    }
    if (place->owner != NULL && place->owner != taker->owner) {
        return err_set(err, ERR_CONFIG,
                       "queue %s belongs to another connection", queue);
    }
    taker->place = place;
    taker->out = 0;
    list_add(&place->takers, &taker->link);
    place_serve(place);
    return true;
}

static void
unbind(struct inproc_broker *broker, const char *queue)
{
    const struct map_entry *entry = NULL;
    size_t at = 0;

    while ((entry = map_next(&broker->exchanges, &at)) != NULL) {
        struct exchange *exchange = entry->value;
        for (size_t i = exchange->bindings.count; i-- > 0;) {
            if (strcmp(exchange->bindings.items[i].queue, queue) == 0) {
                free(exchange->bindings.items[i].queue);
                free(exchange->bindings.items[i].key);
                ARRAY_REMOVE(&exchange->bindings, i);
            }
        }
    }
}

static uint64_t
delete_place(struct inproc_broker *broker, struct place *place)
{
    uint64_t count = place_drain(place);
    struct list_link *link = NULL;

    (void)map_remove(&broker->places, slice_of(place->name));
    unbind(broker, place->name);
    while ((link = list_take_first(&place->takers)) != NULL) {
        struct taker *taker = LIST_ENTRY(link, struct taker, link);
        taker->place = NULL;
        taker->gone(taker);
    }
    place_free(place);
    return count;
}

void
inproc_broker_detach(struct inproc_broker *broker, struct taker *taker)
{
    struct place *place = taker->place;

    if (place == NULL) {
        return;
    }
    taker->place = NULL;
    list_remove(&taker->link);
    if (place->params.auto_delete && list_is_empty(&place->takers)) {
        (void)delete_place(broker, place);
    }
}

void
inproc_broker_serve(struct inproc_broker *broker, const char *queue)
{
    struct place *place = find_place(broker, queue);

    if (place != NULL) {
        place_serve(place);
    }
}

void
inproc_broker_return(struct inproc_broker *broker, const char *queue,
                     struct stored *stored)
{
    struct place *place = find_place(broker, queue);

    if (place == NULL) {
        stored_free(stored);
        return;
    }
    stored->redelivered = true;
    place_insert(place, stored);
    place_serve(place);
}

bool
inproc_broker_length(const struct inproc_broker *broker, const char *queue,
                     uint64_t *count)
{
    const struct place *place = find_place(broker, queue);

    *count = place == NULL ? 0 : place->length;
    return place != NULL;
}

bool
inproc_broker_purge(struct inproc_broker *broker, const char *queue,
                    uint64_t *count)
{
    struct place *place = find_place(broker, queue);

    *count = place == NULL ? 0 : place_drain(place);
    return place != NULL;
}

bool
inproc_broker_delete(struct inproc_broker *broker, const char *queue,
                     bool if_unused, uint64_t *count, struct err *err)
{
    struct place *place = find_place(broker, queue);

    *count = 0;
    if (place == NULL) {
        return true;
    }
    if (if_unused && !list_is_empty(&place->takers)) {
        return err_set(err, ERR_LIMIT, "queue %s is in use", queue);
    }
    *count = delete_place(broker, place);
    return true;
}

void
inproc_broker_delete_exchange(struct inproc_broker *broker, const char *name)
{
    struct exchange *exchange = map_remove(&broker->exchanges, slice_of(name));

    if (exchange != NULL) {
        exchange_free(exchange);
    }
}

void
inproc_broker_leave(struct inproc_broker *broker, const void *owner)
{
    const struct map_entry *entry = NULL;
    size_t at = 0;

    while ((entry = map_next(&broker->places, &at)) != NULL) {
        struct place *place = entry->value;
        if (place->owner == owner) {
            (void)delete_place(broker, place);
            at = 0; // removing moved the others
        }
    }
}
