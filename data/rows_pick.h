/* rows_pick.h: some rows of an Arrow column, as a column of their own. */
#ifndef KN_ROWS_PICK_H
#define KN_ROWS_PICK_H

#include "data/arrow_builder.h"
#include "data/arrow_column.h"

// Memory is kept from one call to the next. Start with {0}.
typedef struct kn_picked {
    struct ArrowArray array[KAON_MAX_RANK + 1]; // one per layer, the column first
    struct ArrowArray *child[KAON_MAX_RANK + 1];
    const void *buffers[KAON_MAX_RANK + 1][3];
    kn_buffer values;
    kn_buffer offsets;
    kn_buffer row_valid;
    kn_buffer leaf_valid;
} kn_picked;

/* The rows of which `keep` is not 0, `kept` in all; of the type of the column looked at. The result
 * lives until the next call. [instance] */
kaon_status kn_rows_pick(const kn_arrow_look *look, const char *keep, int64_t kept, kn_picked *out,
                         kaon_diag *diag);
void kn_picked_fini(kn_picked *picked);

#endif
