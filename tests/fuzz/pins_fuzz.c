/* pins_fuzz.c: the reader of lock files, fed with anything. */
#include "kernel/diag.h"
#include "kernel/plugin_pins.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char path[] = "pins_fuzz.lock"; // in a folder of the target's own
    FILE *file = fopen(path, "wb");
    kn_pins pins;
    kn_diag fault;
    kn_diag_init(&fault);
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        abort();

    const kaon_status status = kn_pins_read(path, &pins, &fault.diag);
    if (status ? !fault.text[0] || pins.count : pins.count > size)
        abort(); // a failure without words, or more pins than bytes
    for (size_t i = 0; i < pins.count; i++)
        if (strlen(pins.at[i].sha256) != KN_SHA256_HEX - 1 || !kn_pins_find(&pins, pins.at[i].name))
            abort();
    kn_pins_fini(&pins);
    return 0;
}
