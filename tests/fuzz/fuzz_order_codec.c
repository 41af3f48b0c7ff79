// Any object is an order or an error that says why; what was read is written
// and read again as the same.
#include <string.h>

#include "fleet/order_codec.h"
#include "fuzz.h"
#include "util/json_text.h"

static void
check_again(const struct order_text *text)
{
    struct order_places places = {0};
    struct buf buf = BUF_INIT((size_t)64 << 20);
    struct order_text again;
    struct err err = {0};

    order_add(&buf, text);
    json_t *root = json_text_parse_object(buf_slice(&buf), &err);
    FUZZ_CHECK(root != NULL);
    FUZZ_CHECK(order_decode(root, &again, &places, &err));
    FUZZ_CHECK(slice_equals(again.name, text->name));
    FUZZ_CHECK(again.order.job == text->order.job);
    FUZZ_CHECK(again.count == text->count);
    FUZZ_CHECK(again.total == text->total);
    FUZZ_CHECK(strcmp(again.digest, text->digest) == 0);
    json_decref(root);
    buf_release(&buf);
    ARRAY_RELEASE(&places);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_make((const char *)data, size);
    struct order_places places = {0};
    struct order_text text;
    struct err err = {0};
    json_t *root = json_text_parse_object(input, &err);

    if (root != NULL) {
        bool good = order_decode(root, &text, &places, &err);
        FUZZ_CHECK(good != err_is_set(&err));
        for (size_t i = 0; good && i < text.count; i++) {
            FUZZ_CHECK(text.places[i] < text.total);
            FUZZ_CHECK(i == 0 || text.places[i] > text.places[i - 1]);
        }
        if (good) {
            check_again(&text);
        }
        json_decref(root);
    }
    ARRAY_RELEASE(&places);
    return 0;
}
