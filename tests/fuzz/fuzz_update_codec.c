// Any object is an update or an error that says why; what was read is written
// and read again as the same; and skimming a list ends, inside of it.
#include <string.h>

#include "fleet/update_codec.h"
#include "fuzz.h"
#include "util/json_text.h"

static void
check_again(const struct update *update)
{
    static struct update_memory memory;
    struct buf buf = BUF_INIT(UPDATE_MAX);
    struct buf twice = BUF_INIT(UPDATE_MAX);
    struct err err = {0};
    struct update again;

    update_add(&buf, update);
    FUZZ_CHECK(!buf.overflowed);
    json_t *root = json_text_parse_object(buf_slice(&buf), &err);
    FUZZ_CHECK(root != NULL);
    FUZZ_CHECK(update_decode(root, &memory, &again, &err));
    FUZZ_CHECK(again.kind == update->kind);
    FUZZ_CHECK(order_name_equals(again.o, update->o));
    update_add(&twice, &again);
    FUZZ_CHECK(slice_equals(buf_slice(&buf), buf_slice(&twice)));
    struct slice list = buf_slice(&buf);
    struct slice text;
    FUZZ_CHECK(update_skim(&list, &text, &again));
    FUZZ_CHECK(list.len == 0 && text.len == buf.len);
    FUZZ_CHECK(order_name_equals(again.o, update->o));
    json_decref(root);
    buf_release(&buf);
    buf_release(&twice);
    update_memory_release(&memory);
}

static void
check_skim(struct slice list)
{
    struct slice text;
    struct update update;
    size_t before = list.len;

    while (update_skim(&list, &text, &update)) {
        FUZZ_CHECK(list.len < before && text.len > 0);
        FUZZ_CHECK(text.data[0] == '{' && text.data[text.len - 1] == '}');
        before = list.len;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct update_memory memory = {0};
    struct update update;
    struct err err = {0};

    check_skim(text);
    json_t *root = json_text_parse_object(text, &err);
    if (root != NULL) {
        bool good = update_decode(root, &memory, &update, &err);
        FUZZ_CHECK(good != err_is_set(&err));
        if (good && update.kind != UPDATE_OTHER) {
            check_again(&update);
        }
        json_decref(root);
    }
    update_memory_release(&memory);
    return 0;
}
