// Any words for labels, -k, --include and --exclude over a few items. The
// first line of the input says which is which, one letter a line that follows.
#include <string.h>

#include "fuzz.h"
#include "schedule/select.h"
#include "util/alloc.h"

static void
add_items(struct items *items)
{
    static const char *const names[] = {"shop.users.api.UsersTest",
                                        "shop.carts.test_carts", "t/a.t",
                                        ".odd..name."};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct job_params params = {
            .name = slice_of(names[i]),
            .file = i % 2 == 0 ? SLICE("shop/users/api.py") : SLICE(""),
            .kind = (enum job_kind)(i % JOB_KIND_COUNT),
        };
        uint32_t job = items_add_job(items, &params);
        items_add(items, job, SLICE(".test_a"), 0);
        items_add(items, job, SLICE(""), 0);
        items_add(items, job, SLICE("x.\xff\0y"), 0);
    }
}

static void
add_words(struct slice rest, struct texts kinds[4])
{
    struct slice letters;
    struct slice word;

    slice_split(&rest, '\n', &letters);
    for (size_t i = 0; i < letters.len && slice_split(&rest, '\n', &word);
         i++) {
        char *text = slice_dup(word);
        if (text[0] != '\0') {
            texts_add(&kinds[(unsigned char)letters.data[i] % 4], text);
        }
        free(text);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct items *items = items_new();
    struct texts kinds[4] = {{0}};
    struct selection selection = {&kinds[0], &kinds[1], &kinds[2], &kinds[3]};
    struct selected selected;
    struct err err = {0};
    uint32_t chosen = 0;

    add_items(items);
    add_words(slice_make((const char *)data, size < 2000 ? size : 2000), kinds);
    if (select_items(items, &selection, &selected, &err)) {
        uint32_t count = items_count(items);
        for (uint32_t i = 0; i < count; i++) {
            chosen += (items_peek(items, i)->flags & ITEM_SELECTED) != 0;
        }
        FUZZ_CHECK(chosen == selected.items);
        FUZZ_CHECK(selected.items + selected.excluded == count);
        FUZZ_CHECK(selected.jobs <= selected.items);
        FUZZ_CHECK(kinds[1].count + kinds[2].count + kinds[3].count > 0 ||
                   kinds[0].count > 0 || chosen == count);
    } else {
        FUZZ_CHECK(kinds[0].count > 0 && err.kind == ERR_USAGE);
    }
    for (int i = 0; i < 4; i++) {
        texts_release(&kinds[i]);
    }
    items_free(items);
    return 0;
}
