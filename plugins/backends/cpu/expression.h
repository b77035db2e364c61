/* expression.h: fused expressions, prepared once and run block by block.
 *
 * The iteration space is brought to a normal form: axes of size 1 fall away, an axis along which
 * most operands lie side by side comes last, neighbours that every operand walks in one stride
 * become one axis, and there are always at least two, of which the last two are called mid and
 * inner. A block is some whole rows of inner numbers, or part of one row, small enough that all
 * registers of the program stay in the first level cache while one instruction after the other runs
 * over it.
 */
#ifndef CPU_EXPRESSION_H
#define CPU_EXPRESSION_H

#include "cpu.h"

// How a block of an operand gets into a register.
enum {
    CPU_DIRECT = 0, // it lies there as it is needed
    CPU_FILL = 1,   // one number for the whole block
    CPU_REPEAT = 2, // one row for every row of the block
    CPU_COLUMN = 3, // one number for each row of the block
    CPU_GATHER = 4  // anything else
};

typedef struct cpu_source {
    int64_t strides[KAON_MAX_RANK]; // over the normal form, in elements
    int32_t bytes;                  // of an element
    int32_t mode;
    int32_t unread; // 1: only single numbers of it are read, so no block is made
    int32_t reserved;
    int64_t buffer; // where in the scratch a block of it is made; unused if direct
} cpu_source;

enum { CPU_COMPUTED = 0, CPU_CONSTANT = 1, CPU_IOTA = 2 };

typedef struct cpu_instruction {
    int32_t kind;           // CPU_COMPUTED, ...
    int32_t direct;         // index of the result that is written in place, or -1
    cpu_block_fn *function; // NULL: a cast
    cpu_cast_fn *cast;
    cpu_cast_fn *widen, *shorten; // of half precision: to f32 before, back after
    cpu_scalar_fn *scalar;        // the second argument is one number for all, or one for each row
    int32_t arguments[3];
    int32_t op;     // KAON_X_*
    int32_t count;  // of arguments
    int32_t bytes;  // of the result's elements
    int32_t dtype;  // of the result
    int32_t axis;   // of an iota, in the normal form; -1: it has one index only
    int32_t single; // 1: a constant of which one number is enough
    double number;  // of a constant
    int64_t buffer;
} cpu_instruction;

/* How a result leaves a block: stored as it is; reduced along inner, where `trailing` axes end one
 * number; or, where inner is not reduced, row upon row. `joins`: the place in memory already holds
 * the reduction of other blocks. */
// How a result leaves a block of whole rows that is all there is of each row.
enum {
    CPU_FLAT_NOT = 0,
    CPU_FLAT_DIRECT = 1,  // computed where it belongs
    CPU_FLAT_STORE = 2,   // copied
    CPU_FLAT_ROWS = 3,    // one number per row, f32 or f64
    CPU_FLAT_COLUMNS = 4, // rows added to a total
};

typedef struct cpu_result {
    int64_t strides[KAON_MAX_RANK];         // over the normal form, 0 where reduced
    int64_t partial_strides[KAON_MAX_RANK]; // the same in the part of one piece
    int64_t partial_at, partial_count;      // where that is in it; how many numbers
    uint32_t mask;                          // bit i: axis i is reduced
    int32_t from;
    int32_t how;
    int32_t trailing;
    int32_t joins;
    int32_t total; // 1: adds to what is there
    int32_t dtype;
    int32_t bytes;
    int32_t direct;
    int32_t stream; // 1: blocks go past the caches
    int32_t flat;   // CPU_FLAT_*
    cpu_reduce_fn *reduce;
    cpu_columns_fn *columns; // row upon row, sums; NULL: number by number
    cpu_block_fn *combine;   // the same, other reductions
    cpu_cast_fn *widen;      // half precision is reduced as f32
} cpu_result;

typedef struct cpu_expression {
    cpu_state state;
    int32_t rank;
    int32_t input_count, code_count, result_count;
    int64_t shape[KAON_MAX_RANK]; // with the prepared number of rows
    int32_t row_axis;             // it has rows * row_factor indices; -1: no tiles
    int32_t flat;                 // 1: expression_flat.c runs it
    int32_t streams;              // 1: stored results are too large for the caches
    int64_t row_factor;
    int64_t capacity;   // numbers in a block
    int64_t block_rows; // rows of inner in a block; 1 where one row fills it
    int32_t split;      // axis that is shared out to threads; -1: none
    int64_t piece;      // indices of it in one piece
    int64_t pieces;
    uint64_t scratch_bytes;    // per lane
    int64_t sums_at, spare_at; // in the scratch, behind the tables
    char *lane_scratch;        // scratch of all lanes, for steps without tiles
    char *partial;             // of all pieces: results that reduce the split axis
    int64_t partial_bytes;     // of one piece
    cpu_source *inputs;
    cpu_instruction *code;
    cpu_result *results;
} cpu_expression;

typedef struct cpu_expression_io {
    void *const *inputs;
    void *const *outputs;
    int64_t rows;      // of this tile
    int64_t first_row; // of this tile
    char *scratch;     // scratch_bytes, aligned to 64
} cpu_expression_io;

/* Prepares `e` over the given operands. Flags are KAON_STEP_*: ROWS, axis 0 is the rows of a tile;
 * STREAM, what is stored may go past the caches. 0 if this backend
 * cannot run it (`out` NULL is allowed to ask only). */
int32_t cpu_expression_supported(const cpu_device *d, const kaon_expression *e,
                                 const kaon_operand *const *inputs);
kaon_status cpu_expression_new(const cpu_device *d, const kaon_expression *e,
                               const kaon_operand *const *inputs,
                               const kaon_operand *const *outputs, uint32_t flags,
                               cpu_expression **out, kaon_diag *diag);
void cpu_expression_free(cpu_expression *x);

/* Runs it on the calling thread. */
void cpu_expression_run(const cpu_expression *x, const cpu_expression_io *io);

/* The same for simple ones of two axes, whose rows fit in a block (expression_flat.c). */
int32_t cpu_expression_is_flat(cpu_expression *x);
void cpu_expression_run_flat(const cpu_expression *x, const cpu_expression_io *io);

/* Runs it on all threads, in pieces that depend on the shape only. */
void cpu_expression_run_wide(const cpu_expression *x, const kaon_launch *l);

/* The normal form of a space while it is made (expression_space.c). Operands are the inputs, then
 * the results. */
typedef struct cpu_space {
    int32_t rank, operands, input_count, tiled;
    int64_t shape[KAON_MAX_RANK];
    int64_t (*strides)[KAON_MAX_RANK]; // of each operand
    int32_t alone[KAON_MAX_RANK];      // 1: this axis must not melt into its neighbours
    int32_t axis_of[KAON_MAX_RANK];    // where an axis of the expression went; -1: it has one index
    int32_t first_of[KAON_MAX_RANK];   // the first axis of the expression that went here; -1: none
    int32_t row_axis;
    int64_t row_factor;
} cpu_space;

kaon_status cpu_space_new(const cpu_device *d, const kaon_expression *e,
                          const kaon_operand *const *inputs, const kaon_operand *const *outputs,
                          int32_t tiled, cpu_space *out);
void cpu_space_free(const cpu_device *d, cpu_space *s);

/* Whether result r with this output reduces axis i of the expression. */
int32_t cpu_reduces(const kaon_expression *e, const kaon_result *r, const kaon_operand *out,
                    int32_t i);

const kaon_instruction *cpu_instruction_at(const kaon_expression *e, int32_t index);
const kaon_result *cpu_result_at(const kaon_expression *e, int32_t index);

/* The start of a reduction, the union of two parts, and from and to memory. */
cpu_sum cpu_sum_start(int32_t dtype, int32_t how);
cpu_sum cpu_sum_join(int32_t dtype, int32_t how, cpu_sum a, cpu_sum b);
cpu_sum cpu_sum_load(const cpu_device *d, int32_t dtype, const void *from);
void cpu_sum_store(const cpu_device *d, int32_t dtype, void *to, cpu_sum s);

#endif
