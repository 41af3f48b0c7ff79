// Any numbers in any order: each is given once, in order, without a hole, and
// what waits stays within its bounds. Two bytes are one number.
#include "fleet/stream.h"

#include "fuzz.h"

enum {
    WAIT_MAX = 300,
};

static void
forget(void *message)
{
    (void)message;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char messages[1024];
    struct stream_in in;
    uint64_t expected = 1;

    stream_in_init(&in, WAIT_MAX, forget);
    for (size_t i = 0; i + 1 < size; i += 2) {
        unsigned number = (data[i] | (unsigned)data[i + 1] << 8) & 1023;
        enum stream_verdict verdict =
            stream_in_offer(&in, number, &messages[number], 1);
        FUZZ_CHECK((verdict == STREAM_NEXT) == (number == expected));
        FUZZ_CHECK(number >= expected || verdict == STREAM_DUPLICATE);
        for (const char *got = stream_in_take(&in); got != NULL;
             got = stream_in_take(&in)) {
            FUZZ_CHECK((uint64_t)(got - messages) == expected);
            expected++;
        }
        uint64_t from = 0;
        FUZZ_CHECK(stream_in_hole(&in, &from) == (in.count > 0));
        FUZZ_CHECK(from == expected && stream_in_done(&in) == expected - 1);
        FUZZ_CHECK(in.bytes == in.count && in.count <= WAIT_MAX + 1);
    }
    stream_in_release(&in);
    return 0;
}
