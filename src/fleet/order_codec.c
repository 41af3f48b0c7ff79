#include "fleet/order_codec.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "util/alloc.h"
#include "util/compose.h"
#include "util/field.h"

// The longest id that enters a digest whole.
#define ID_MAX ((size_t)8 << 20)
#define DIGEST_BYTES ((size_t)(ORDER_DIGEST_SIZE - 1) / 2)

// ------------------------------------------------------------------ names

bool
order_name_equals(struct order_name a, struct order_name b)
{
    return a.job == b.job && a.attempt == b.attempt;
}

void
order_name_add(struct buf *buf, struct order_name name)
{
    buf_add_char(buf, '[');
    compose_digits(buf, name.job);
    buf_add_char(buf, ',');
    compose_digits(buf, name.attempt);
    buf_add_char(buf, ']');
}

void
order_names_add(struct buf *buf, const struct order_name *names, size_t count)
{
    buf_add_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        compose_comma(buf);
        order_name_add(buf, names[i]);
    }
    buf_add_char(buf, ']');
}

static bool
read_number(const json_t *value, uint64_t max, uint64_t *number)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max) {
        return false;
    }
    *number = (uint64_t)json_integer_value(value);
    return true;
}

bool
order_name_read(const json_t *value, struct order_name *name, struct err *err)
{
    uint64_t job = 0;
    uint64_t attempt = 0;

    if (json_array_size(value) != 2 ||
        !read_number(json_array_get(value, 0), ITEMS_MAX, &job) ||
        !read_number(json_array_get(value, 1), UINT16_MAX, &attempt)) {
        return err_set(err, ERR_PROTOCOL,
                       "an order is not a job and an attempt");
    }
    *name = (struct order_name){(uint32_t)job, (uint16_t)attempt};
    return true;
}

bool
order_name_decode(const json_t *object, struct order_name *name,
                  struct err *err)
{
    return order_name_read(json_object_get(object, "o"), name, err);
}

bool
order_names_decode(const json_t *object, const char *member,
                   struct order_names *names, struct err *err)
{
    const json_t *list = NULL;

    ARRAY_CLEAR(names);
    if (!field_array(object, member, &list, err)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct order_name name;
        if (!order_name_read(json_array_get(list, i), &name, err)) {
            return err_wrap(err, "element %zu of \"%s\"", i, member);
        }
        ARRAY_ADD(names, name);
    }
    return true;
}

// ----------------------------------------------------------------- places

// Whether the item was collected, and did not just appear.
static bool
is_collected(const struct items *items, uint32_t item)
{
    return (items_peek(items, item)->flags & ITEM_APPEARED) == 0;
}

static const struct job *
origin_of(const struct items *items, uint32_t job)
{
    return items_peek_job(items, items_peek_job(items, job)->origin);
}

// What appeared in the newest job lies at the end of its range.
static uint32_t
count_collected(const struct items *items, uint32_t job)
{
    const struct job *origin = origin_of(items, job);
    uint32_t count = origin->count;

    while (count > 0 && !is_collected(items, origin->first + count - 1)) {
        count--;
    }
    return count;
}

void
order_digest(const struct items *items, uint32_t job,
             char digest[static ORDER_DIGEST_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_len = 0;
    uint32_t first = origin_of(items, job)->first;
    uint32_t count = count_collected(items, job);
    struct buf id = BUF_INIT(ID_MAX);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    bool fine =
        context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (uint32_t i = 0; fine && i < count; i++) {
        buf_reset(&id);
        items_plain_id(items, first + i, &id);
        buf_add_char(&id, '\n');
        fine = EVP_DigestUpdate(context, buf_text(&id), id.len) == 1;
    }
    fine = fine && EVP_DigestFinal_ex(context, hash, &hash_len) == 1;
    EVP_MD_CTX_free(context);
    buf_release(&id);
    if (!fine) {
        alloc_failed(sizeof(hash)); // SHA-256 has no other way to fail
    }
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        digest[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        digest[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    digest[2 * DIGEST_BYTES] = '\0';
}

uint32_t
order_place_of(const struct items *items, uint32_t job, uint32_t item)
{
    const struct job *origin = origin_of(items, job);

    if (item < origin->first || item - origin->first >= origin->count ||
        !is_collected(items, item)) {
        return ITEM_NONE;
    }
    return item - origin->first;
}

uint32_t
order_item_at(const struct items *items, uint32_t job, uint32_t place)
{
    const struct job *origin = origin_of(items, job);

    if (place >= origin->count || !is_collected(items, origin->first + place)) {
        return ITEM_NONE;
    }
    return origin->first + place;
}

void
order_describe(struct order_text *text, const struct items *items,
               const struct order *order, struct order_places *places)
{
    const struct job *job = items_peek_job(items, order->job);

    *text = (struct order_text){
        .order = *order,
        .name = slice_of(items_job_name(items, order->job)),
        .load = slice_of(items_job_load(items, order->job)),
        .file = slice_of(items_job_file(items, order->job)),
        .kind = (enum job_kind)job->kind,
        .total = count_collected(items, order->job),
    };
    order_digest(items, order->job, text->digest);
    ARRAY_CLEAR(places);
    for (uint32_t i = 0; i < job->count; i++) {
        uint32_t item = items_of_job(items, order->job, i);
        if (items_is_due(items, item)) {
            ARRAY_ADD(places, order_place_of(items, order->job, item));
        }
    }
    assert(places->count > 0);
    if (places->count < text->total) {
        text->places = places->items;
        text->count = places->count;
    }
}

// ------------------------------------------------------------- the object

void
order_add(struct buf *buf, const struct order_text *text)
{
    buf_add_char(buf, '{');
    compose_key(buf, "o");
    order_name_add(buf,
                   (struct order_name){text->order.job, text->order.attempt});
    compose_slice(buf, "name", text->name);
    compose_some(buf, "load", text->load);
    compose_some(buf, "file", text->file);
    compose_text(buf, "kind", job_kind_name(text->kind));
    compose_some(buf, "digest", slice_of(text->digest));
    compose_uint(buf, "total", text->total);
    if (text->places != NULL) {
        compose_list(buf, "items");
        for (size_t i = 0; i < text->count; i++) {
            compose_number(buf, text->places[i]);
        }
        buf_add_char(buf, ']');
    }
    compose_some_uint(buf, "timeout_ms", text->order.timeout_ms);
    compose_some_uint(buf, "test_timeout_ms", text->order.test_timeout_ms);
    compose_some_uint(buf, "slow_ms", text->order.slow_ms);
    compose_some_uint(buf, "tries", text->order.tries);
    compose_some_uint(buf, "avoid", (uint64_t)text->order.avoid);
    compose_some_uint(buf, "expect_us", text->order.expect_us);
    buf_add_char(buf, '}');
}

static bool
decode_ms(const json_t *object, const char *name, uint32_t *ms, struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, name, (struct field_range){0, UINT32_MAX},
                            &number, err)) {
        return false;
    }
    *ms = (uint32_t)number;
    return true;
}

/* More than a year nobody waits for. */
static bool
decode_expect(const json_t *object, uint64_t *us, struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, "expect_us",
                            (struct field_range){0, ORDER_EXPECT_MAX_US},
                            &number, err)) {
        return false;
    }
    *us = (uint64_t)number;
    return true;
}

static bool
decode_kind(const json_t *object, enum job_kind *kind, struct err *err)
{
    struct slice name = {0};

    if (!field_text(object, "kind", &name, err)) {
        return false;
    }
    return job_kind_find(name, kind) ||
           err_set(err, ERR_PROTOCOL,
                   "field \"kind\" is \"%.*s\", no kind of job",
                   SLICE_ARG(slice_first(name, 40)));
}

static bool
decode_digest(const json_t *object, char digest[static ORDER_DIGEST_SIZE],
              struct err *err)
{
    struct slice text = {0};

    if (!field_text_optional(object, "digest", &text, err)) {
        return false;
    }
    if (text.len != 0 && text.len != ORDER_DIGEST_SIZE - 1) {
        return err_set(err, ERR_PROTOCOL,
                       "field \"digest\" has %zu letters instead of %d",
                       text.len, ORDER_DIGEST_SIZE - 1);
    }
    memset(digest, 0, ORDER_DIGEST_SIZE);
    memcpy(digest, text.len > 0 ? text.data : "", text.len);
    return true;
}

// Ascending, and below the total.
static bool
decode_places(const json_t *object, struct order_text *text,
              struct order_places *places, struct err *err)
{
    const json_t *list = NULL;

    ARRAY_CLEAR(places);
    if (!field_array_optional(object, "items", &list, err)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    uint64_t next = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint64_t place = 0;
        if (text->total == 0 ||
            !read_number(json_array_get(list, i), text->total - 1, &place) ||
            place < next) {
            return err_set(err, ERR_PROTOCOL,
                           "field \"items\" is not a list of ascending places");
        }
        ARRAY_ADD(places, (uint32_t)place);
        next = place + 1;
    }
    if (places->count == 0) {
        return err_set(err, ERR_PROTOCOL, "field \"items\" is empty");
    }
    text->places = places->items;
    text->count = places->count;
    return true;
}

static bool
decode_avoid(const json_t *object, int *avoid, struct err *err)
{
    int64_t number = 0;

    if (!field_int_optional(object, "avoid", (struct field_range){0, INT32_MAX},
                            &number, err)) {
        return false;
    }
    *avoid = (int)number;
    return true;
}

bool
order_decode(const json_t *object, struct order_text *text,
             struct order_places *places, struct err *err)
{
    struct order_name name = {0};
    int64_t total = 0;

    *text = (struct order_text){0};
    if (!order_name_decode(object, &name, err)) {
        return false;
    }
    text->order.job = name.job;
    text->order.attempt = name.attempt;
    if (!field_text(object, "name", &text->name, err) ||
        !field_text_optional(object, "load", &text->load, err) ||
        !field_text_optional(object, "file", &text->file, err) ||
        !decode_kind(object, &text->kind, err) ||
        !decode_digest(object, text->digest, err) ||
        !field_int(object, "total", (struct field_range){1, ITEMS_MAX}, &total,
                   err)) {
        return err_wrap(err, "order of job %u", name.job);
    }
    text->total = (uint32_t)total;
    if (!decode_places(object, text, places, err) ||
        !decode_ms(object, "timeout_ms", &text->order.timeout_ms, err) ||
        !decode_ms(object, "test_timeout_ms", &text->order.test_timeout_ms,
                   err) ||
        !decode_ms(object, "slow_ms", &text->order.slow_ms, err) ||
        !decode_ms(object, "tries", &text->order.tries, err) ||
        !decode_avoid(object, &text->order.avoid, err) ||
        !decode_expect(object, &text->order.expect_us, err)) {
        return err_wrap(err, "order of job %u", name.job);
    }
    return true;
}
