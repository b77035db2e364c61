/* matmul.h: the step "matmul", prepared.
 *
 * The work is cut along axis 0 of the product into units. Where b has no leading axes and those of
 * a continue its rows, all is one matrix product and a unit is `unit_rows` rows of it; else a unit
 * is all products under one index of the first leading axis.
 */
#ifndef CPU_MATMUL_H
#define CPU_MATMUL_H

#include "expression.h"

typedef struct cpu_matmul {
    cpu_state state;
    int32_t dtype, bytes;
    int64_t m, n, k;                      // of one product; m of all units where they are rows
    int64_t a_row, a_step, b_row, b_step; // strides in elements
    int32_t lead_rank;                    // leading axes; 0: units are rows
    int32_t tiled, total;                 // flags of the step; total: k is the rows of the tile
    int64_t lead[KAON_MAX_RANK], a_lead[KAON_MAX_RANK], b_lead[KAON_MAX_RANK];
    int64_t units, unit_rows;  // unit_rows: rows of the product in one unit
    int64_t chunk;             // units one thread takes at a time
    int32_t pack_a, pack_b;    // 1: copied first, for neither rows nor columns are contiguous
    int32_t large;             // 1: by matmul_large.c
    int32_t inputs;            // of the step
    int32_t relu;              // epilogue: negative numbers become 0
    int32_t bias, open, above; // epilogue: operands, see cpu_product; -1: none
    int32_t result, positive,
        sums;                 // epilogue: operands that are written; sums: of columns; -1: none
    int64_t packed_row;       // of a packed b
    void *packed_b;           // of a constant, packed once and for all
    cpu_product plain;        // what is the same at every launch
    cpu_expression *epilogue; // NULL: none, or what the kernels do themselves
    int64_t *unit_bytes;      // of each operand of the epilogue: from one unit to the next
    void **moved;             // lanes x operands of the epilogue
    uint64_t b_at, c_at, x_at, scratch_bytes; // parts of the scratch of a lane; a is first
    char *lane_scratch;                       // without tiles
    // Of large ones.
    int32_t tasks;      // 1: parts of one product are shared out
    int32_t whole_b;    // b is packed for all threads
    int32_t constant_b; // once and for all
    int64_t depth;      // of a block of k
    int64_t task_rows, task_columns;
    uint64_t a_room, panels_bytes; // of the scratch: for panels of a, and of b unless it is whole
    char *panels_b;
} cpu_matmul;

/* Reads the step's shapes and strides; 0 if they are not for the kernels here. */
int32_t cpu_matmul_read(const kaon_step *step, cpu_matmul *x);

/* Reads its epilogue: what the kernels do themselves, or an expression (then *general is 1); 0 if
 * it cannot be. */
int32_t cpu_matmul_read_epilogue(const cpu_device *d, const kaon_step *step, cpu_matmul *x,
                                 int32_t *general);

/* The whole plan, ready to launch. */
kaon_status cpu_matmul_new(const cpu_device *d, const kaon_step *step, cpu_matmul **out,
                           kaon_diag *diag);
void cpu_matmul_free(void *state);

/* --- large products (matmul_large.c) ---------------------------------------------------------- */

/* Sizes of blocks, tasks and scratch; packs b if it is constant, else makes room for it. */
kaon_status cpu_matmul_plan_large(const cpu_device *d, cpu_matmul *x, const void *constant_b);

/* Packs a b of which every thread needs all. */
void cpu_matmul_pack_whole(const cpu_matmul *x, const void *b, int32_t lane);

/* A box of the product p, whose a and b have the strides of x, on the calling thread. */
void cpu_matmul_box(const cpu_matmul *x, const cpu_product *p, const cpu_box *box, char *scratch);

/* All of it on all threads. */
void cpu_matmul_share(const cpu_matmul *x, const cpu_product *p, int32_t lane);

/* Copies (rows, columns) numbers of 4 or 8 bytes into rows without gaps, `to_row` apart. */
void cpu_pack(const cpu_device *d, void *to, int64_t to_row, const void *from, int64_t row,
              int64_t step, int64_t rows, int64_t columns, int32_t bytes);

#endif
