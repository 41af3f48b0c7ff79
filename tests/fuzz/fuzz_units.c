// Any bytes as a duration and as a size.
#include <string.h>

#include "config/units.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct err err = {0};
    uint32_t ms = 7;
    uint64_t bytes = 7;

    if (!units_duration(text, &ms, &err)) {
        FUZZ_CHECK(err.kind == ERR_USAGE && ms == 7);
    }
    err_clear(&err);
    if (units_size(text, &bytes, &err)) {
        FUZZ_CHECK(bytes <= (uint64_t)1 << 53);
    } else {
        FUZZ_CHECK(err.kind == ERR_USAGE && bytes == 7);
    }
    return 0;
}
