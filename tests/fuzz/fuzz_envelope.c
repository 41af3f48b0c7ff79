// Any bytes as a message to the inbox, with and without a secret.
#include <string.h>

#include "fleet/envelope.h"
#include "fuzz.h"

static void
check_good(const struct envelope *envelope, const struct err *err)
{
    FUZZ_CHECK(!err_is_set(err) && json_is_object(envelope->object));
    FUZZ_CHECK(envelope->msg.len > 0 && envelope->build.len > 0);
    FUZZ_CHECK(envelope_is_drawn(envelope->nonce, ENVELOPE_NONCE_SIZE));
    FUZZ_CHECK(envelope->join.len == 0 ||
               envelope_is_drawn(envelope->join, ENVELOPE_JOIN_SIZE));
    FUZZ_CHECK(envelope->n <= INT64_MAX);
}

static void
check_payload(const struct sealed *sealed, const struct secret *secret)
{
    struct envelope envelope;
    struct err err = {0};
    enum envelope_verdict verdict =
        envelope_read(&envelope, sealed, TO_COORDINATOR, secret, &err);

    if (verdict == ENVELOPE_GOOD) {
        check_good(&envelope, &err);
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL);
    }
    if (secret_is_set(secret)) {
        FUZZ_CHECK(verdict == ENVELOPE_FORGED);
    }
    envelope_release(&envelope);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make((const char *)data, size);
    struct secret secret = {0};
    struct secret none = {0};
    struct sealed sealed;
    struct err err = {0};
    json_t *held = NULL;

    secret_set(&secret, SLICE("nobody knows"));
    if (envelope_from_body(body, &held, &sealed, &err)) {
        check_payload(&sealed, &none);
        check_payload(&sealed, &secret);
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL);
    }
    json_decref(held);
    secret_release(&secret);
    return 0;
}
