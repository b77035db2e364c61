/* split_rows.h: what a table and its files say about the part each row belongs to. */
#ifndef KN_SPLIT_ROWS_H
#define KN_SPLIT_ROWS_H

#include <kaon/table.h>

#include "data/split_plan.h"

// The files a table was read from.
typedef struct kn_row_files {
    int64_t count;
    char **paths;
    int64_t *ends; // row behind the last one of each
} kn_row_files;

// What the rows say, and its memory.
typedef struct kn_split_facts {
    kn_split_rows rows;
    kn_block classes;
    kn_block weights;
    kn_block keys;
    kn_block parts;
} kn_split_facts;

/* Classes, weights, keys and parts as far as the plan needs them. `seed` is that of the hash. On
 * failure, in words, `out` is {0}. [any] */
kaon_status kn_split_facts_init(const kn_split_plan *plan, const kaon_table *table,
                                const kn_row_files *files, uint64_t seed, kn_split_facts *out,
                                kaon_diag *diag);
void kn_split_facts_fini(kn_split_facts *facts);

#endif
