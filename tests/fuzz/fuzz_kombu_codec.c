// Any bytes as a message that somebody put into Redis.
#include <string.h>

#include "fuzz.h"
#include "transport/kombu_codec.h"

static void
check_again(const struct kombu_message *message)
{
    const struct delivery *delivery = &message->delivery;
    struct buf text = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct kombu_message again;
    struct err err = {0};
    struct kombu_envelope envelope = {
        .message = &delivery->message, .exchange = "", .key = "q", .tag = "t"};

    FUZZ_CHECK(kombu_encode(&envelope, &text, &err));
    FUZZ_CHECK(kombu_decode(buf_slice(&text), &again, &err));
    FUZZ_CHECK(
        slice_equals(again.delivery.message.body, delivery->message.body));
    FUZZ_CHECK(again.delivery.message.priority == delivery->message.priority);
    FUZZ_CHECK(again.delivery.message.persistent ==
               delivery->message.persistent);
    kombu_release(&again);
    buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct kombu_message message;
    struct buf marked = BUF_INIT(KOMBU_ENVELOPE_MAX);
    struct err err = {0};
    int priority = 0;

    if (kombu_decode(text, &message, &err)) {
        struct kombu_message again;
        check_again(&message);
        kombu_mark_redelivered(text, &marked);
        FUZZ_CHECK(kombu_decode(buf_slice(&marked), &again, &err));
        FUZZ_CHECK(slice_equals(again.delivery.message.body,
                                message.delivery.message.body));
        kombu_release(&again);
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL || err.kind == ERR_LIMIT);
    }
    kombu_release(&message);
    buf_reset(&marked);
    err_clear(&err);
    if (!kombu_take_unacked(text, &marked, &priority, &err)) {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL && marked.len == 0);
    }
    buf_release(&marked);
    return 0;
}
