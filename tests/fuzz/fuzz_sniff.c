// Any bytes can be read as output of a kind that is to be guessed; see fuzz_report.h.
#include "fuzz_report.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_report(FORMAT_AUTO, data, size);
}
