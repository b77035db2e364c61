/* table_file.h: a table that was read, kept in a file that is mapped as it lies.
 *
 *     preamble   64 bytes: "KAONDATA", version, lengths, XXH3 of the whole file (this field as 0)
 *     head       JSON: rows, columns, where their values lie, names
 *     blocks     values and offsets, each from a multiple of KN_BLOCK_ALIGN on
 *
 * Numbers lie as this machine has them; a file from another one fails its version.
 */
#ifndef KN_TABLE_FILE_H
#define KN_TABLE_FILE_H

#include <kaon/option.h>
#include <kaon/table.h>

#include "data/source.h"
#include "data/split_rows.h"

// What one set of files gave. Start with {0}.
typedef struct kn_harvest {
    kaon_table *table;
    kn_block incomplete; // flags of rows to leave out, or {0}
    char *source;        // its name, for messages
    kn_row_files files;
    char **features; // the selection, by name
    int64_t feature_count;
    kn_cut_counts cut; // what the section's cut left
} kn_harvest;

void kn_harvest_fini(kn_harvest *harvest); // {0} again

/* A list of copies, NULL without memory. [any] */
char **kn_copy_texts(int64_t count, const char *const *texts);

kaon_status kn_table_file_write(const char *path, const kn_harvest *harvest, kaon_diag *diag);

/* Everything is checked, also the sum of all bytes. KAON_NOT_FOUND: there is none; KAON_CORRUPT: it
 * is damaged. On failure `out` is {0}. [any] */
kaon_status kn_table_file_read(const char *path, kn_harvest *out, kaon_diag *diag);

#endif
