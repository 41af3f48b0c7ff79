#include "transport/amqp_table.h"

#include <math.h>
#include <string.h>

#include "transport/amqp_bytes.h"
#include "util/alloc.h"
#include "util/text.h"

#define NAME_MAX_BYTES 255U

// The letters of the kinds. py-amqp and RabbitMQ agree on them but for l and
// L, which py-amqp reads the other way round: both are 64 bits, and as numbers
// beyond the signed ones do not occur, both are read as signed.
enum kind {
    KIND_BOOLEAN = 't',
    KIND_I8 = 'b',
    KIND_U8 = 'B',
    KIND_I16 = 's',
    KIND_I16_OF_THE_STANDARD = 'U',
    KIND_U16 = 'u',
    KIND_I32 = 'I',
    KIND_U32 = 'i',
    KIND_I64 = 'L',
    KIND_I64_OF_RABBITMQ = 'l',
    KIND_FLOAT = 'f',
    KIND_DOUBLE = 'd',
    KIND_DECIMAL = 'D',
    KIND_TEXT = 'S',
    KIND_BYTES = 'x',
    KIND_ARRAY = 'A',
    KIND_TIME = 'T',
    KIND_TABLE = 'F',
    KIND_VOID = 'V',
};

static bool encode_object(struct buf *out, const json_t *object, int depth,
                          struct err *err);

// What comes behind it is as long as the four bytes at `at` say.
static void
close_length(struct buf *out, size_t at)
{
    uint64_t len = out->len - at - sizeof(uint32_t);

    if (out->overflowed) {
        return;
    }
    for (size_t i = 0; i < sizeof(uint32_t); i++) {
        out->data[at + i] = (char)(unsigned char)(len >> (24 - 8 * i));
    }
}

static void
encode_integer(struct buf *out, json_int_t number)
{
    if (number >= INT32_MIN && number <= INT32_MAX) {
        amqp_put_u8(out, KIND_I32);
        amqp_put_u32(out, (uint32_t)(int32_t)number);
    } else {
        amqp_put_u8(out, KIND_I64);
        amqp_put_u64(out, (uint64_t)number);
    }
}

static void
encode_real(struct buf *out, double number)
{
    uint64_t bits = 0;

    memcpy(&bits, &number, sizeof(bits));
    amqp_put_u8(out, KIND_DOUBLE);
    amqp_put_u64(out, bits);
}

static void
encode_text(struct buf *out, const json_t *text)
{
    amqp_put_u8(out, KIND_TEXT);
    amqp_put_u32(out, (uint32_t)json_string_length(text));
    buf_add(out, json_string_value(text), json_string_length(text));
}

static bool encode_value(struct buf *out, const json_t *value, int depth,
                         struct err *err);

static bool
encode_array(struct buf *out, const json_t *array, int depth, struct err *err)
{
    size_t at = 0;

    amqp_put_u8(out, KIND_ARRAY);
    at = out->len;
    amqp_put_u32(out, 0);
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!encode_value(out, json_array_get(array, i), depth, err)) {
            return false;
        }
    }
    close_length(out, at);
    return true;
}

static bool
encode_value(struct buf *out, const json_t *value, int depth, struct err *err)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        amqp_put_u8(out, KIND_TABLE);
        return encode_object(out, value, depth + 1, err);
    case JSON_ARRAY:
        return depth < AMQP_TABLE_DEPTH
                   ? encode_array(out, value, depth + 1, err)
                   : err_set(err, ERR_LIMIT, "headers are nested too deep");
    case JSON_STRING:
        encode_text(out, value);
        return true;
    case JSON_INTEGER:
        encode_integer(out, json_integer_value(value));
        return true;
    case JSON_REAL:
        encode_real(out, json_real_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        amqp_put_u8(out, KIND_BOOLEAN);
        amqp_put_u8(out, json_is_true(value));
        return true;
    case JSON_NULL:
        amqp_put_u8(out, KIND_VOID);
        return true;
    }
    return true;
}

static bool
encode_object(struct buf *out, const json_t *object, int depth, struct err *err)
{
    size_t at = out->len;
    json_t *visited = NULL;
    const char *name = NULL;
    json_t *value = NULL;

    if (depth > AMQP_TABLE_DEPTH) {
        return err_set(err, ERR_LIMIT, "headers are nested too deep");
    }
    amqp_put_u32(out, 0);
    // jansson's way to visit an object asks for one that may change.
    memcpy(&visited, &object, sizeof(visited));
    json_object_foreach(visited, name, value)
    {
        if (!amqp_put_short(out, slice_of(name))) {
            return err_set(err, ERR_LIMIT, "a header's name is too long");
        }
        if (!encode_value(out, value, depth, err)) {
            return false;
        }
    }
    close_length(out, at);
    return true;
}

bool
amqp_table_encode(struct buf *out, const json_t *object, struct err *err)
{
    if (!encode_object(out, object, 1, err)) {
        return false;
    }
    return !out->overflowed || err_set(err, ERR_LIMIT, "too many headers");
}

static json_t *
text_of(struct slice bytes)
{
    json_t *text = json_stringn(bytes.len > 0 ? bytes.data : "", bytes.len);

    if (text != NULL) {
        return text;
    }
    // Not UTF-8. Each byte becomes three at most.
    struct buf repaired = BUF_INIT(3 * bytes.len + 1);
    text_add_repaired(&repaired, bytes);
    text = json_stringn(buf_text(&repaired), repaired.len);
    buf_release(&repaired);
    return text;
}

static json_t *
real_of(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static json_t *decode_items(struct slice bytes, bool named, int depth);

static json_t *
decode_integer(struct slice *rest, enum kind kind)
{
    uint64_t number = 0;

    switch (kind) {
    case KIND_I8:
        return amqp_take_number(rest, 1, &number) ? json_integer((int8_t)number)
                                                  : NULL;
    case KIND_U8:
        return amqp_take_number(rest, 1, &number)
                   ? json_integer((uint8_t)number)
                   : NULL;
    case KIND_I16:
    case KIND_I16_OF_THE_STANDARD:
        return amqp_take_number(rest, 2, &number)
                   ? json_integer((int16_t)number)
                   : NULL;
    case KIND_U16:
        return amqp_take_number(rest, 2, &number)
                   ? json_integer((uint16_t)number)
                   : NULL;
    case KIND_I32:
        return amqp_take_number(rest, 4, &number)
                   ? json_integer((int32_t)number)
                   : NULL;
    case KIND_U32:
        return amqp_take_number(rest, 4, &number)
                   ? json_integer((uint32_t)number)
                   : NULL;
    case KIND_I64:
    case KIND_I64_OF_RABBITMQ:
    case KIND_TIME:
        return amqp_take_number(rest, 8, &number)
                   ? json_integer((int64_t)number)
                   : NULL;
    case KIND_BOOLEAN:
        return amqp_take_number(rest, 1, &number) ? json_boolean(number != 0)
                                                  : NULL;
    case KIND_FLOAT:
    case KIND_DOUBLE:
    case KIND_DECIMAL:
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_ARRAY:
    case KIND_TABLE:
    case KIND_VOID:
        break;
    }
    return NULL;
}

static json_t *
decode_float(struct slice *rest)
{
    uint32_t bits = 0;
    float number = 0;

    if (!amqp_take_u32(rest, &bits)) {
        return NULL;
    }
    memcpy(&number, &bits, sizeof(number));
    return real_of((double)number);
}

static json_t *
decode_double(struct slice *rest)
{
    uint64_t bits = 0;
    double number = 0;

    if (!amqp_take_u64(rest, &bits)) {
        return NULL;
    }
    memcpy(&number, &bits, sizeof(number));
    return real_of(number);
}

static json_t *
decode_decimal(struct slice *rest)
{
    uint8_t scale = 0;
    uint32_t digits = 0;

    if (!amqp_take_u8(rest, &scale) || !amqp_take_u32(rest, &digits)) {
        return NULL;
    }
    return real_of((double)(int32_t)digits / pow(10, scale));
}

// NULL: too few bytes, too deep, or a kind that nobody knows.
static json_t *
decode_value(struct slice *rest, int depth)
{
    uint8_t kind = 0;
    struct slice bytes = {0};

    if (!amqp_take_u8(rest, &kind)) {
        return NULL;
    }
    switch ((enum kind)kind) {
    case KIND_BOOLEAN:
    case KIND_I8:
    case KIND_U8:
    case KIND_I16:
    case KIND_I16_OF_THE_STANDARD:
    case KIND_U16:
    case KIND_I32:
    case KIND_U32:
    case KIND_I64:
    case KIND_I64_OF_RABBITMQ:
    case KIND_TIME:
        return decode_integer(rest, kind);
    case KIND_FLOAT:
        return decode_float(rest);
    case KIND_DOUBLE:
        return decode_double(rest);
    case KIND_DECIMAL:
        return decode_decimal(rest);
    case KIND_TEXT:
    case KIND_BYTES:
        return amqp_take_long(rest, &bytes) ? text_of(bytes) : NULL;
    case KIND_ARRAY:
        return amqp_take_long(rest, &bytes)
                   ? decode_items(bytes, false, depth + 1)
                   : NULL;
    case KIND_TABLE:
        return amqp_take_long(rest, &bytes)
                   ? decode_items(bytes, true, depth + 1)
                   : NULL;
    case KIND_VOID:
        return json_null();
    }
    return NULL;
}

static void
set_named(json_t *object, struct slice name, json_t *value)
{
    struct buf key = BUF_INIT(3 * NAME_MAX_BYTES + 1);

    text_add_repaired(&key, slice_first(name, slice_find(name, '\0')));
    if (json_object_set_new(object, buf_text(&key), value) != 0) {
        alloc_failed(key.len);
    }
    buf_release(&key);
}

static json_t *
decode_items(struct slice bytes, bool named, int depth)
{
    if (depth > AMQP_TABLE_DEPTH) {
        return NULL;
    }
    json_t *items = named ? json_object() : json_array();
    while (bytes.len > 0) {
        struct slice name = {0};
        json_t *value = NULL;
        if (!named || amqp_take_short(&bytes, &name)) {
            value = decode_value(&bytes, depth);
        }
        if (value == NULL) {
            json_decref(items);
            return NULL;
        }
        if (named) {
            set_named(items, name, value);
        } else if (json_array_append_new(items, value) != 0) {
            alloc_failed(0);
        }
    }
    return items;
}

json_t *
amqp_table_decode(struct slice *rest, struct err *err)
{
    struct slice bytes = {0};
    json_t *table = NULL;

    if (amqp_take_long(rest, &bytes)) {
        table = decode_items(bytes, true, 1);
    }
    if (table == NULL) {
        err_set(err, ERR_PROTOCOL, "a table that cannot be read");
    }
    return table;
}
