/* plugin_note.h: what a plugin says about itself, read from its file without running its code. */
#ifndef KN_PLUGIN_NOTE_H
#define KN_PLUGIN_NOTE_H

#include <kaon/plugin.h>

enum {
    KN_NOTE_BYTES = 1 << 18, // of one note
    KN_NOTE_ITEMS = 1024,
    KN_NAME_BYTES = 64, // of a plugin's or item's name
    KN_ID_BYTES = 128,  // of an interface's id
    KN_LINE_BYTES = 512 // of other texts
};

typedef struct kn_note_pair {
    const char *interface_id;
    const char *name;
} kn_note_pair;

typedef struct kn_note {
    uint32_t abi;
    uint32_t text_bytes;
    char *text; // one block: all texts, each with its zero byte
    const char *name;
    const char *version;
    const char *license;
    const char *summary;
    kn_note_pair *items;
    int64_t item_count;
} kn_note;

/* Where a file's bytes are: in memory, or in an open file if memory is NULL. */
typedef struct kn_note_source {
    const void *memory;
    int file;
    uint64_t bytes;
} kn_note_source;

/* Reads an ELF shared object for this machine and its one Kaon note. On failure `out` is empty.
 * [any] */
kaon_status kn_note_read(const kn_note_source *source, kn_note *out, kaon_diag *diag);

/* Parses the note's texts alone (the cache keeps them so). [any] */
kaon_status kn_note_parse(uint32_t abi, const char *text, size_t bytes, kn_note *out,
                          kaon_diag *diag);

void kn_note_fini(kn_note *note);

/* Refuses an ABI this kernel cannot serve, in a sentence. [any] */
kaon_status kn_abi_check(uint32_t abi, kaon_diag *diag);

/* The forms of names and texts that cross, for notes and descriptors alike. 1: fine. [any] */
int32_t kn_name_valid(const char *text, size_t bytes); // lower case letters, digits, underscores
int32_t kn_id_valid(const char *text, size_t bytes);   // "org.place.kind/1"
int32_t kn_line_valid(const char *text, size_t bytes); // UTF-8 without control characters

#endif
