/* note_fuzz.c: the reader of plugin notes, fed with anything. */
#include "kernel/diag.h"
#include "kernel/plugin_note.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const kn_note_source source = {.memory = data ? (const void *)data : "", .bytes = size};
    kn_note note;
    kn_diag fault;
    kn_diag_init(&fault);

    const kaon_status status = kn_note_read(&source, &note, &fault.diag);
    if (status ? !fault.text[0] || note.text : note.item_count < 1)
        abort(); // a failure without words, or a success without items
    size_t bytes = 0;
    for (int64_t i = 0; i < note.item_count; i++)
        bytes += strlen(note.items[i].interface_id) + strlen(note.items[i].name);
    if (bytes > size)
        abort();
    kn_note_fini(&note);
    return 0;
}
