/* emit.h: shared by the parts that put a program together. */
#ifndef KN_EMIT_H
#define KN_EMIT_H

#include "compiler/compile.h"

typedef struct {
    kn_compile *c;
    kaon_program *p;
    kaon_kernel **kernels; // by step
    kaon_kernel **sums;    // by region, then by group; see emit_region.c
    int32_t sum_count;
    int32_t next_sum;
    char *arena;
    char *constants;
    char *lanes;
    uint64_t lane_stride;
    kn_patch *patches;
    int32_t patch_room;
} kn_emitter;

/* Memory of the program's own, cleared; NULL says so in the diag. */
void *kn_emit_take(const kn_emitter *e, int64_t count, size_t bytes);

/* The place of the next kernel, cleared; the caller counts it once it is prepared. */
kaon_kernel *kn_emit_kernel(const kn_emitter *e);

/* A launch at the end of the program with room for its operands; NULL: no memory. */
kn_launch *kn_emit_launch(kn_emitter *e, kn_launch_fn *launch, const void *state,
                          int32_t operand_count);

/* Writes the address of a value, `offset` bytes in, or leaves that to the run. */
kaon_status kn_emit_address(kn_emitter *e, void **slot, const kn_value *v, int64_t offset,
                            int32_t lane);

/* The value of operand `k` of a step, and how many bytes in it begins. */
const kn_value *kn_emit_operand(const kn_compile *c, const kn_step *s, int32_t k, int64_t *offset);

/* A launch that clears a value. */
kaon_status kn_emit_clear(kn_emitter *e, const kn_value *v);

/* What a launch is, for people; `share` of the step's work. */
kaon_status kn_emit_note(kn_emitter *e, const kn_step *s, double share, kn_launch_note *note);

/* --- emit_region.c ---------------------------------------------------------------------------- */

/* 1 if the region is shared among threads. */
int32_t kn_region_shared(const kn_compile *c, const kn_region *r);

/* The kernels that add up the partial totals of all regions. */
kaon_status kn_prepare_sums(kn_emitter *e);

kaon_status kn_emit_region(kn_emitter *e, const kn_region *r);

#endif
