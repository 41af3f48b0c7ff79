// Any bytes as a record of databases: a header and what is left, or an error.
#include <string.h>

#include "adapter/database_record.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct database_record record = {0};
    struct err err = {0};
    struct slice text = slice_make((const char *)data, size);

    if (database_record_parse(&record, text, &err)) {
        FUZZ_CHECK(!err_is_set(&err));
        FUZZ_CHECK(record.build != NULL && record.host != NULL);
        FUZZ_CHECK(record.boot != NULL && record.pid >= 0);
        for (size_t i = 0; i < record.left.count; i++) {
            const struct database_left *left = &record.left.items[i];
            FUZZ_CHECK(left->server != NULL && left->name != NULL);
        }
    } else {
        FUZZ_CHECK(err.kind == ERR_PROTOCOL);
        FUZZ_CHECK(record.left.count == 0);
    }
    database_record_release(&record);
    return 0;
}
