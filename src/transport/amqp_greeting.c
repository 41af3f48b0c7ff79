#include "transport/amqp_greeting.h"

#include "transport/amqp_bytes.h"
#include "transport/amqp_table.h"

#define TEXT_MAX 160

#define HINT_LOGIN                                                          \
    "check user and password in the broker's URL; as guest one may log in " \
    "from the broker's own machine only"
#define HINT_VHOST                                                            \
    "check the virtual host in the broker's URL (// is the one called /), "   \
    "and ask for permission: rabbitmqctl set_permissions -p VHOST USER '.*' " \
    "'.*' '.*'"

static amqp_table_entry_t
text_entry(const char *name, const char *text)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_UTF8,
                  .value.bytes = amqp_cstring_bytes(text)}};
}

static amqp_table_entry_t
true_entry(const char *name)
{
    return (amqp_table_entry_t){
        .key = amqp_cstring_bytes(name),
        .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

bool
amqp_greeting_answer(struct buf *out, const struct broker_url *url,
                     const char *name, struct err *err)
{
    amqp_table_entry_t abilities[] = {
        true_entry("consumer_cancel_notify"),
        true_entry("connection.blocked"),
        true_entry("authentication_failure_close"),
        true_entry("publisher_confirms"),
        true_entry("basic.nack"),
    };
    amqp_table_t table = {.num_entries =
                              sizeof(abilities) / sizeof(abilities[0]),
                          .entries = abilities};
    amqp_table_entry_t properties[] = {
        text_entry("product", "mule"),
        text_entry("platform", "C"),
        text_entry("connection_name", name),
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE, .value.table = table}},
    };
    struct buf response = BUF_INIT(8192);
    buf_add_char(&response, '\0');
    buf_add_text(&response, url->user);
    buf_add_char(&response, '\0');
    buf_add_text(&response, url->password);
    amqp_connection_start_ok_t fields = {
        .client_properties = {.num_entries =
                                  sizeof(properties) / sizeof(properties[0]),
                              .entries = properties},
        .mechanism = amqp_cstring_bytes("PLAIN"),
        .response = amqp_bytes(buf_slice(&response)),
        .locale = amqp_cstring_bytes("en_US"),
    };
    bool sent =
        !response.overflowed &&
        amqp_method_put(out, 0, AMQP_CONNECTION_START_OK_METHOD, &fields, err);
    buf_release(&response);
    if (!sent) {
        err_clear(err);
        err_set(err, ERR_CONFIG, "user and password are too long");
    }
    return sent;
}

static bool
has_word(struct slice words, const char *wanted)
{
    struct slice word = {0};

    while (slice_word(&words, &word)) {
        if (slice_equals_text(word, wanted)) {
            return true;
        }
    }
    return false;
}

json_t *
amqp_greeting_read(const struct amqp_frame *frame, struct err *err)
{
    struct slice rest =
        slice_skip(frame->payload, sizeof(amqp_method_number_t));
    struct slice mechanisms = {0};
    uint8_t major = 0;
    uint8_t minor = 0;

    if (!amqp_take_u8(&rest, &major) || !amqp_take_u8(&rest, &minor)) {
        err_set(err, ERR_PROTOCOL, "a greeting that is cut off");
        return NULL;
    }
    json_t *properties = amqp_table_decode(&rest, err);
    if (properties == NULL) {
        return NULL;
    }
    if (!amqp_take_long(&rest, &mechanisms) || !has_word(mechanisms, "PLAIN")) {
        err_set(err, ERR_CONFIG,
                "the server does not take a user and a password (PLAIN)");
        json_decref(properties);
        return NULL;
    }
    return properties;
}

static bool
text_has(struct slice text, const char *part)
{
    return slice_find_part(text, slice_of(part)) < text.len;
}

// What the server's word for closing a connection means to us.
void
amqp_greeting_explain(const struct broker_url *url, bool greeting,
                      const amqp_connection_close_t *close, struct err *err)
{
    struct slice text = slice_first(amqp_slice(close->reply_text), TEXT_MAX);

    if (greeting && close->reply_code == AMQP_ACCESS_REFUSED) {
        err_set(err, ERR_CONFIG, "the server refuses the user \"%s\"",
                url->user);
        err_hint(err, HINT_LOGIN);
        return;
    }
    if (greeting &&
        (close->reply_code == AMQP_NOT_ALLOWED ||
         close->reply_code == AMQP_NOT_FOUND ||
         close->reply_code == AMQP_INVALID_PATH) &&
        !text_has(text, "limit") && !text_has(text, "down")) {
        err_set(err, ERR_CONFIG, "virtual host \"%s\": %.*s", url->vhost,
                SLICE_ARG(text));
        err_hint(err, HINT_VHOST);
        return;
    }
    // A fault of the server's own need not have to do with what was just asked.
    bool server = close->reply_code == AMQP_CONNECTION_FORCED ||
                  close->reply_code == AMQP_INTERNAL_ERROR;
    err_set(err, server || greeting ? ERR_SYSTEM : ERR_PROTOCOL,
            "the server closes the connection: %u %.*s", close->reply_code,
            SLICE_ARG(text));
}
