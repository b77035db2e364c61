/* derive_own.h: what derive.c (columns) and derive_run.c (rows) share. */
#ifndef KN_DERIVE_OWN_H
#define KN_DERIVE_OWN_H

#include "data/arrow_builder.h"
#include "data/derive.h"
#include "data/rows_pick.h"
#include "compiler/program.h"

// A column of a formula.
typedef struct kn_computed {
    const char *name;
    kn_expression expression;
    const char *labels;           // of the class of the file, or NULL
    struct ArrowSchema schema[2]; // of the column, and of the entries of a list
    struct ArrowSchema *child;
    // Of one scan:
    int32_t wanted;
    kn_buffer values;  // f64, then as the schema says
    kn_buffer offsets; // i64, of what is jagged
    kn_buffer valid;
    kn_buffer chunk, counts; // what the program writes
    struct ArrowArray array[2];
    struct ArrowArray *array_child;
    const void *buffers[2][2];
} kn_computed;

// A column of the file that a program reads.
typedef struct kn_program_input {
    kn_symbol *known;
    int64_t child;   // of the arrays, -1: of no file
    kn_buffer block; // f64
    kn_buffer flat;  // entries of lists before they are set apart
    kn_buffer ends;  // i64, of lists: where each row's begin and end
    kn_arrow_look look;
    const void *at; // for this run
} kn_program_input;

// Columns of lists that have equal lengths, and the lengths.
typedef struct kn_lane_input {
    int32_t lane;
    int64_t width; // of this chunk
    kn_buffer lengths;
} kn_lane_input;

// Compiled for one size of chunk.
typedef struct kn_chunk_program {
    int64_t rows;
    int64_t *widths; // per lane
    kaon_program *program;
} kn_chunk_program;

// A column of a scan: of the file, or computed.
typedef struct kn_scanned {
    int64_t child; // of the file's arrays, -1: computed
    kn_computed *computed;
    kn_picked picked; // rows of a file's column
} kn_scanned;

struct kn_derive {
    kn_derive_spec spec;
    const struct ArrowSchema *raw;
    kn_arena arena;
    kn_scope scope;
    int64_t room; // of scope.known
    kn_expression cut;
    kn_computed **computed;
    int64_t computed_count;
    struct ArrowSchema schema;
    int32_t walks;
    int32_t graphs;
    // One scan:
    kn_arena scan;
    kn_scanned *scanned;
    int64_t scanned_count;
    const char **raw_names;
    int64_t raw_count;
    kn_program_input *inputs;
    int32_t input_count;
    kn_lane_input *lanes;
    int32_t lane_count;
    kn_chunk_program *programs;
    int32_t program_count;
    kn_buffer keep;      // a byte per row
    kn_buffer cut_chunk; // f64
    struct ArrowSchema out_schema;
    struct ArrowArray out;
    const void *out_buffer;
    int64_t next_row;
    kn_cut_counts counts;
};

/* Ends what kn_derive_begin began. */
void kn_derive_end(kn_derive *d);

/* The place of a lane among d->lanes, -1: it has none. */
int64_t kn_derive_lane(const kn_derive *d, int32_t lane);

/* Numbers per row of an input of this chunk. */
int64_t kn_derive_width(const kn_derive *d, const kn_symbol *known);

/* The program for chunks of so many rows and the widths of the lanes, compiled when it is first
 * met.
 */
kaon_status kn_derive_program(kn_derive *d, int64_t rows, kaon_program **out, kaon_diag *diag);

/* --- derive_load.c ---------------------------------------------------------------------------- */

/* Room for so many numbers from the start of a buffer. */
kaon_status kn_derive_room(kn_buffer *b, int64_t count, double **out, kaon_diag *diag);

/* Opens the columns of an array that programs read. */
kaon_status kn_derive_open(kn_derive *d, const struct ArrowSchema *schema,
                           const struct ArrowArray *array, kaon_diag *diag);

/* Rows of the next chunk, of `left` ones from `first` on: a power of two, fewer where lists are
 * long. Sets the widths of the lanes. */
kaon_status kn_derive_chunk(kn_derive *d, int64_t first, int64_t left, int64_t *rows,
                            kaon_diag *diag);

/* Inputs of a chunk of `count` rows, filled up to `rows`; `at` of each says where it lies. */
kaon_status kn_derive_load(kn_derive *d, int64_t file, int64_t first, int64_t count, int64_t rows,
                           kaon_diag *diag);

#endif
