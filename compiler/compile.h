/* compile.h: what the passes of the compiler work on.
 *
 *     graph --choose--> graph --simplify--> graph --lower--> steps and values --fuse--> fewer steps
 *           --rows--> regions and order --plan--> places in memory --emit--> program (program.h)
 *
 * A value is a tensor with memory of its own, row-major. A look is how a step sees a value: offset,
 * shape and strides; so transposes, slices, broadcasts and reshapes cost nothing. A step reads
 * looks and makes values. Elementwise operations, reductions and copies are fused steps from the
 * start, of one instruction or none; fusing makes longer ones.
 *
 * Everything lives in the compilation's arena and goes with it.
 */
#ifndef KN_COMPILE_H
#define KN_COMPILE_H

#include "kernel/arena.h"
#include "compiler/device.h"
#include "graph/graph.h"
#include "compiler/program.h"
#include "compiler/variables.h"

enum {
    KN_MAX_CODE = 64, // instructions of one expression
    KN_MAX_READS = 96 // its inputs, counted before equal ones are one
};

// Where the memory of a value is. ORDER kn_place
enum {
    KN_PLACE_ARENA = 0,    // in the program's arena, at `at`
    KN_PLACE_CONST = 1,    // in the program's constants, at `at`
    KN_PLACE_INPUT = 2,    // given at each run: input `index`
    KN_PLACE_OUTPUT = 3,   // given at each run: output `index`
    KN_PLACE_VARIABLE = 4, // a variable's own: `index` among the program's
    KN_PLACE_TILE = 5,     // in each lane's scratch, at `at`: rows of one tile
    KN_PLACE_TOTAL = 6     // sums over rows: a partial one per chunk, then the whole, at `at`
};

typedef struct kn_value {
    int32_t id;
    int32_t dtype;
    int32_t rank;
    int32_t place; // KN_PLACE_*
    int64_t shape[KAON_MAX_RANK];
    uint64_t bytes;
    int32_t index;
    int32_t maker;    // step, -1: none
    const void *data; // of a constant, row-major
    uint64_t at;
    int32_t first, last; // positions in order at which it is alive
    int32_t is_total;    // a sum over the rows of a region
    int32_t readers;     // looks of live steps
    uint64_t partial_at; // of a total: in a chunk's totals
    int32_t block;       // it lies in, -1: alone
    uint64_t block_at;
} kn_value;

// Values that lie one behind the other in the arena, so that one launch can treat them as one.
typedef struct kn_block {
    uint64_t bytes;
    uint64_t at;
    uint64_t partial_at; // of totals
    int32_t region;      // whose totals they are, -1: none
} kn_block;

typedef struct kn_look {
    int32_t value;
    int32_t rank;
    int64_t offset; // elements
    int64_t shape[KAON_MAX_RANK];
    int64_t strides[KAON_MAX_RANK]; // elements; 0 where broadcast, may be negative
} kn_look;

// Registers of fused code inside the compiler: instruction i is i, input i is ~i.
typedef struct kn_instruction {
    int32_t op; // KAON_X_*
    int32_t dtype;
    int32_t from[3]; // registers; of KAON_X_IOTA from[0] is the axis
    int32_t count;   // of registers
    double number;
} kn_instruction;

typedef struct kn_result {
    int32_t value;
    int32_t from;  // register
    int32_t how;   // KAON_STORE, KAON_REDUCE_*
    int32_t axes;  // reduced, counted from the last
    int32_t total; // also summed over axis 0
} kn_result;

typedef struct kn_fused {
    int32_t rank;
    int64_t shape[KAON_MAX_RANK]; // the iteration space
    int32_t code_count;
    int32_t result_count;
    kn_instruction *code;
    kn_result *results; // one per output of the step
} kn_fused;

// ORDER kn_step_kind
enum {
    KN_STEP_FUSED = 0,
    KN_STEP_OP = 1, // an operation of the backend; `fused` may hold an epilogue
    KN_STEP_SCAN = 2,
    KN_STEP_COND = 3
};

typedef struct kn_step {
    int32_t id;
    int32_t kind; // KN_STEP_*
    int32_t dead; // merged into another, or nobody reads it
    const kn_use *use;
    int32_t input_count;
    int32_t output_count;
    kn_look *inputs;  // of a fused step: over its space
    int32_t *outputs; // values
    kn_fused *fused;
    // rows.c
    int64_t rows;      // size of the leading axis it treats row by row, 0: it does not
    int32_t level;     // regions before it
    int32_t region;    // -1: none
    int32_t order;     // place in the program
    uint8_t *kinds;    // KAON_OPERAND_* of inputs, then outputs
    int32_t has_total; // an output is a sum over its rows
    int32_t contracts; // a matmul that sums over rows: they are the contracted axis
    // stack.c
    struct kn_step **stacked; // the steps it stands for, NULL: itself
    int32_t stacked_count;
    int64_t factor; // its leading axis has `factor` rows for each row of the region
} kn_step;

/* A run of steps done tile by tile. */
typedef struct kn_region {
    int32_t first, count; // places in `order`
    int64_t rows;
    int64_t tile_rows;
    int64_t tiles;
    int64_t chunks;       // tiles are dealt to this many, each with totals of its own
    uint64_t tile_bytes;  // of one lane's scratch
    uint64_t total_bytes; // of one chunk's totals
    uint64_t total_at;    // partial totals in the arena
    int32_t has_totals;
    double work; // seconds, a rough guess
} kn_region;

typedef struct kn_compile {
    kn_arena arena;
    kaon_diag *diag;
    kn_kernel *kernel;
    kn_device *device;
    kaon_variables *variables;
    uint64_t seed;
    kn_graph *graph;  // after the graph passes
    kn_graph *chosen; // the same, where a pass made it; else NULL
    int32_t output_count;
    kn_node **outputs; // of `graph`
    kn_value *values;
    int32_t value_count, value_room;
    kn_step **steps;
    int32_t step_count, step_room;
    kn_look *looks;         // by node id
    int32_t *input_values;  // by input
    int32_t *output_values; // by output of the program
    kn_variable **held;     // variables of the graph, in its order
    int32_t *held_values;   // how each is read, -1: not
    int32_t *order;         // steps, live ones
    int32_t order_count;
    kn_region *regions;
    int32_t region_count;
    kn_block *blocks;
    int32_t block_count;
    uint64_t arena_bytes;
    uint64_t const_bytes;
    uint64_t lane_bytes;
    int32_t is_body; // of a scan or cond
} kn_compile;

/* Cleared memory of the arena; NULL says so in the diag. */
void *kn_compile_take(kn_compile *c, size_t count, size_t bytes);

/* --- look.c ----------------------------------------------------------------------------------- */

int64_t kn_shape_count(int32_t rank, const int64_t *shape);
void kn_shape_strides(int32_t rank, const int64_t *shape, int64_t *strides);
int32_t kn_shape_same(int32_t a_rank, const int64_t *a, int32_t b_rank, const int64_t *b);

kn_look kn_look_whole(const kn_value *value);
int32_t kn_look_contiguous(const kn_look *look); // row-major without gaps, any offset

/* 1 if the look is the whole value as it lies. */
int32_t kn_look_is_whole(const kn_look *look, const kn_value *value);

/* The look under another shape; 0 if it would need a copy. */
int32_t kn_look_reshape(const kn_look *look, int32_t rank, const int64_t *shape, kn_look *out);
kn_look kn_look_broadcast(const kn_look *look, int32_t rank, const int64_t *shape);
kn_look kn_look_transpose(const kn_look *look, const int64_t *axes);
kn_look kn_look_slice(const kn_look *look, int32_t axis, int64_t start, int64_t step,
                      int64_t count);

/* Takes the value as `rows` rows. The axis of the look that runs over these rows in order,
 * everything else staying inside one row; -1: there is none. An axis that has `*factor` places in
 * each row, as (batch, time) seen as one axis has, counts too. */
int32_t kn_look_row_axis(const kn_look *look, const kn_value *value, int64_t rows, int64_t *factor);

/* --- lower.c ---------------------------------------------------------------------------------- */

kaon_status kn_lower(kn_compile *c);

int32_t kn_value_new(kn_compile *c, int32_t dtype, int32_t rank,
                     const int64_t *shape); // -1: memory
kn_step *kn_step_new(kn_compile *c, int32_t kind, int32_t input_count, int32_t output_count);

/* A fused step of no instruction that stores `look` into a new value, as it is seen. NULL: memory.
 */
kn_step *kn_step_copy(kn_compile *c, const kn_look *look);

static inline kn_value *kn_step_value(kn_compile *c, const kn_step *step, int32_t output)
{
    return &c->values[step->outputs[output]];
}

/* --- order.c ---------------------------------------------------------------------------------- */

/* Drops dead steps and puts the others in topological order, else as they stood; numbers them anew.
 */
kaon_status kn_sort_steps(kn_compile *c);

/* Recounts who reads what; steps nobody needs are dead after it. */
void kn_count_readers(kn_compile *c);

/* --- describe.c ------------------------------------------------------------------------------- */

/* A step as a backend sees it. Texts and attributes are borrowed from the graph. */
typedef struct kn_description {
    kaon_step step;
    kaon_expression expression;
} kn_description;

/* rows: KAON_STEP_ROWS form for tiles of this many rows; 0: whole. */
kaon_status kn_describe(kn_compile *c, const kn_step *step, int64_t tile_rows,
                        kn_description **out);
/* 1, 0, or no memory in the diag (then 0). */
int32_t kn_supported(kn_compile *c, const kn_step *step, int64_t tile_rows);

/* --- improve.c -------------------------------------------------------------------------------- */

kaon_status kn_improve_products(kn_compile *c); // when rows are known

/* --- rows.c ----------------------------------------------------------------------------------- */

/* Finds out over which rows a step can be run in tiles: its rows, kinds, has_total, contracts. rows
 * 0: it cannot. */
void kn_row_kinds(kn_compile *c, kn_step *step);

/* The same for all steps, which stand in order; products that sum over the rows of another step's
 * output are found here too. */
void kn_find_rows(kn_compile *c);

double kn_step_flops(const kn_compile *c, const kn_step *step);
double kn_step_bytes(const kn_compile *c, const kn_step *step);

/* --- the passes ------------------------------------------------------------------------------- */

kaon_status kn_choose(kn_compile *c); // choose.c: composites without a kernel are built from others
kaon_status kn_fuse(kn_compile *c);   // fuse.c
kaon_status kn_rows(kn_compile *c);   // rows.c: regions and order
kaon_status kn_plan(kn_compile *c);   // plan.c
kaon_status kn_stack(kn_compile *c);  // stack.c: equal steps over neighbours in memory
kaon_status kn_emit(kn_compile *c, kaon_program **out); // emit.c

/* A body of a scan or cond as a program; c is the compilation around it. */
kaon_status kn_compile_body(kn_compile *c, kn_graph *body, kaon_program **out);

#endif
