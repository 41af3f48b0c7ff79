// Any bytes can be read as TAP; see fuzz_report.h.
#include "fuzz_report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_report(FORMAT_TAP, data, size);
}
