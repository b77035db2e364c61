/* safetensors_fuzz.c: files of tensors fed with anything; what is accepted must be readable in
 * full. */
#include "kernel/diag.h"
#include "data/facts.h"
#include "kernel/memory.h"
#include "experiment/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned char sink;

// Touches the first and last byte of each tensor and the last of each text.
static void read_all(const kn_safetensors *file, size_t size)
{
    const char *name;
    uint64_t total = 0;
    for (int32_t i = 0; (name = kn_safetensors_name(file, i)); i++) {
        kaon_view view;
        if (kn_safetensors_get(file, name, &view, NULL))
            abort();
        const uint64_t bytes = (uint64_t)kaon_view_count(&view) * kaon_dtype_bytes(view.dtype);
        total += bytes;
        if (bytes)
            sink = (unsigned char)(((const char *)view.data)[0] +
                                   ((const char *)view.data)[bytes - 1]);
    }
    if (total > size)
        abort();
    for (int32_t i = 0; (name = kn_safetensors_text_name(file, i)); i++)
        sink = (unsigned char)strlen(kn_safetensors_text(file, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kn_safetensors *file = NULL;
    kn_facts facts;
    kn_diag fault;
    kn_diag_init(&fault);
    char *copy = kn_alloc(size);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    const kaon_status status = kn_safetensors_parse(copy, size, &file, &fault.diag);
    if (status ? file || !fault.text[0] : !file)
        abort();
    if (file) {
        read_all(file, size);
        kn_facts_read(kn_safetensors_text(file, "kaon.facts"), &facts, NULL);
    }
    kn_safetensors_free(file);
    return 0;
}
