/* idx_fuzz.c: the idx reader fed with any bytes. */
#include "reader_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static reader_fuzz f; // one kernel for all inputs
    return reader_fuzz_try(&f, "idx", data, size);
}
