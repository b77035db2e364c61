/* bad_note.c: notes that cannot be right. TEXT is what follows the ABI. */
#include "broken.h"

static const struct {
    uint32_t owner_size, text_size, type;
    char owner[8];
    uint32_t abi;
    char text[sizeof(TEXT)];
} note KAON_IN_NOTE = {sizeof KAON_NOTE_OWNER, (uint32_t)(sizeof(uint32_t) + sizeof note.text),
                       KAON_NOTE_TYPE,         KAON_NOTE_OWNER,
                       KAON_ABI_TARGET,        TEXT};
