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

/* --- many threads ----------------------------------------------------------------------------- */

/* Runs items 0 .. count-1, on the pool where there is one. */
void cpu_for(const cpu_device *d, int32_t lane, int64_t count, kaon_task *task, void *context);

#endif
