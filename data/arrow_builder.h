/* arrow_builder.h: what arrow_table.c collects and arrow_finish.c makes a table of. */
#ifndef KN_ARROW_BUILDER_H
#define KN_ARROW_BUILDER_H

#include "data/arrow_table.h"
#include "data/classes.h"
#include "data/selection.h"
#include "data/spill.h"

typedef struct kn_buffer {
    char *at; // block.at
    size_t bytes;
    kn_block block;
} kn_buffer;

// Values of one column that does not go into the matrix of features.
typedef struct kn_sink {
    kn_buffer values;
    kn_buffer offsets;   // of jagged columns: int64_t, rows + 1
    kn_classes *classes; // of targets and texts that are class numbers
    int32_t dtype;       // of values
} kn_sink;

struct kn_table_builder {
    const kn_want *want;
    kn_selection chosen;
    kn_sink *sinks; // one per column, unused for stacked features
    int64_t rows;
    int64_t width;  // of stacked features
    int32_t jagged; // features are jagged
    kn_buffer matrix;
    char *block;       // BLOCK_ROWS rows of the widest feature
    kn_buffer missing; // a byte per row
    int64_t missing_count;
    int64_t missing_row; // the first one
    int64_t missing_column;
    int64_t missing_single; // column of target or weight with a missing value, -1: none
    int64_t missing_single_row;
    int64_t pad; // of jagged features
};

/* Room for `count` elements at the end; their place is *out. */
kaon_status kn_buffer_extend(kn_buffer *b, int64_t count, size_t bytes, char **out,
                             kaon_diag *diag);

/* Room for so many bytes more, not yet used. */
kaon_status kn_buffer_reserve(kn_buffer *b, size_t more, kaon_diag *diag);

/* The block, which then is the caller's, never empty. */
kaon_status kn_buffer_take(kn_buffer *b, kn_block *out, kaon_diag *diag);

void kn_buffer_fini(kn_buffer *b);

/* Elements of `bytes` bytes from one after the other to `stride` apart. */
void kn_scatter(const char *from, int64_t count, size_t bytes, size_t stride, char *to);

#endif
