/* cpu.h: what the sources of the CPU backend share.
 *
 * Each source that implements steps ends with a table of cpu_op, which cpu.c searches by name. A
 * step's state is one block of memory that begins with cpu_state, so that one function frees them
 * all.
 */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <kaon/backend.h>
#include <kaon/parallel.h>

#include "vectors.h"

typedef struct cpu_device {
    const kaon_host *host;
    const kaon_parallel_api *parallel; // NULL: one thread
    int32_t lanes;
    const cpu_set *set;
} cpu_device;

typedef struct cpu_op {
    const char *name; // of the step; a table ends with NULL
    int32_t (*supports)(const cpu_device *d, const kaon_step *step);
    kaon_status (*prepare)(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag);
} cpu_op;

extern const cpu_op cpu_expression_ops[]; // expression.c
extern const cpu_op cpu_matmul_ops[];     // matmul.c
extern const cpu_op cpu_integer_ops[];    // matmul_integer.c
extern const cpu_op cpu_widened_ops[];    // widen.c
extern const cpu_op cpu_random_ops[];     // random.c
extern const cpu_op cpu_shape_ops[];      // shape.c
extern const cpu_op cpu_gather_ops[];     // gather.c
extern const cpu_op cpu_along_ops[];      // along.c
extern const cpu_op cpu_sort_ops[];       // sort.c
extern const cpu_op cpu_conv_ops[];       // conv.c
extern const cpu_op cpu_pool_ops[];       // pool.c
extern const cpu_op cpu_linalg_ops[];     // linalg.c
extern const cpu_op cpu_softmax_ops[];    // softmax.c

/* The first that takes this step; a later table may know what an earlier one of the same name does
 * not. NULL if none does (cpu.c). */
const cpu_op *cpu_find_op(const cpu_device *d, const kaon_step *step);

/* --- states ----------------------------------------------------------------------------------- */

typedef struct cpu_state {
    const cpu_device *device;
} cpu_state;

/* Cleared memory, freed with kaon_free. NULL if there is none. */
void *cpu_zeros(const cpu_device *d, uint64_t bytes);

/* Cleared memory of `bytes` for a state, which begins with cpu_state. NULL if there is none. */
void *cpu_state_new(const cpu_device *d, uint64_t bytes);
void cpu_state_free(void *state);

kaon_status cpu_no_memory(kaon_diag *diag, const char *op);

/* --- steps ------------------------------------------------------------------------------------ */

static inline const kaon_operand *cpu_operand(const kaon_step *step, int32_t index)
{
    const char *first = (const char *)step->operands;
    return (const kaon_operand *)(first + (uint64_t)index * step->operand_stride);
}

static inline const kaon_operand *cpu_output(const kaon_step *step, int32_t index)
{
    return cpu_operand(step, step->input_count + index);
}

/* The attribute, or `fallback` where the step has none. */
int64_t cpu_attr_int(const kaon_step *step, const char *name, int64_t fallback);

/* A list attribute; NULL with count 0 where the step has none. */
const int64_t *cpu_attr_ints(const kaon_step *step, const char *name, int64_t *count);

/* An axis attribute in [0, rank). */
int32_t cpu_attr_axis(const kaon_step *step, const char *name, int32_t rank);

int64_t cpu_count(const kaon_operand *a);
int32_t cpu_is_contiguous(const kaon_operand *a);

/* 1 if all inputs and outputs lie row-major without gaps. */
int32_t cpu_all_contiguous(const kaon_step *step);

/* A contiguous operand along one axis: `outer` lines for each index before it and `inner` numbers
 * side by side for each index of it. */
typedef struct cpu_lines {
    int64_t outer, n, inner;
} cpu_lines;

cpu_lines cpu_lines_of(const kaon_operand *a, int32_t axis);

/* --- many threads ----------------------------------------------------------------------------- */

/* Runs items 0 .. count-1, on the pool where there is one. */
void cpu_for(const cpu_device *d, int32_t lane, int64_t count, kaon_task *task, void *context);

/* Steps made of like items, a chunk of which is one thread's work. A state begins with this. */
typedef struct cpu_work cpu_work;
typedef void cpu_range(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                       char *scratch);

struct cpu_work {
    cpu_state state;
    cpu_range *run;        // items first .. end - 1
    int64_t items;         // as prepared
    int64_t items_per_row; // in a tile
    int64_t chunk;
    uint64_t scratch_bytes; // of a lane
    char *lane_scratch;     // of all, without tiles
    int32_t tiled;
    int32_t inputs; // of the step: outputs follow
};

/* Completes a state that begins with cpu_work, of which `run`, `items` and `scratch_bytes` are set,
 * and hands it over. `numbers` per item decide how many make a chunk. On failure the state is
 * freed. */
kaon_status cpu_work_ready(const cpu_device *d, const kaon_step *step, cpu_work *w, int64_t numbers,
                           kaon_kernel *out, kaon_diag *diag);

#endif
