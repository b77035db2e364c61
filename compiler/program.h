/* program.h: a compiled graph: a flat list of prepared launches with all addresses filled in.
 *
 * A run writes the addresses of inputs and outputs into the slots that hold them (patches), then
 * calls one launch after the other. Regions of rows, scans and conds are launches of the program's
 * own.
 */
#ifndef KN_PROGRAM_H
#define KN_PROGRAM_H

#include <kaon/program.h>

#include "kernel/arena.h"
#include "compiler/device.h"
#include "kernel/diag.h"
#include "compiler/variables.h"

typedef kaon_status kn_launch_fn(const void *state, const kaon_launch *l, kaon_diag *diag);

// What a launch is, for people.
typedef struct kn_launch_note {
    const char *name; // "matmul", "fused"
    const char *text; // one line
    double flops;
    double bytes;
} kn_launch_note;

typedef struct kn_launch {
    kn_launch_fn *launch;
    const void *state;
    kaon_launch call;
} kn_launch;

// An address known at the run only: *slot = what is given + offset.
typedef struct kn_patch {
    void **slot;
    int64_t offset; // bytes
    int32_t index;  // of the input or output
    int32_t is_output;
} kn_patch;

/* --- regions ---------------------------------------------------------------------------------- */

// An operand that moves with the tiles.
typedef struct kn_moving {
    int32_t launch;
    int32_t operand;
    void *base; // of row 0; patched where it is an input or output
    int64_t bytes_per_row;
} kn_moving;

// An operand in the totals of a chunk.
typedef struct kn_summing {
    int32_t launch;
    int32_t operand;
    uint64_t at;
} kn_summing;

// Launches whose operands lie in the scratch of one lane.
typedef struct kn_lane {
    kn_launch *launches;
    int64_t rows;   // the launches are set to
    int64_t failed; // chunk, -1: none
    kn_diag fault;
} kn_lane;

typedef struct kn_tiles {
    kn_kernel *kernel;
    const kn_device *device;
    int32_t launch_count;
    int32_t lane_count;
    kn_lane *lanes;
    kn_moving *moving;
    int32_t moving_count;
    int32_t summing_count;
    kn_summing *summing;
    const int64_t *factors; // per launch: its rows for one row of the region
    int64_t rows;
    int64_t tile_rows;
    int64_t tiles;
    int64_t chunks;
    char *totals; // of chunk 0, then of the others; NULL: none
    uint64_t total_bytes;
    int32_t in_parallel;
    kn_launch_note *notes; // per launch; flops and bytes of one tile
    const struct kn_profile *booked_in;
    int32_t booked_at;
} kn_tiles;

/* --- scans and conds -------------------------------------------------------------------------- */

typedef struct kn_loop {
    kn_device *device;
    kaon_program *body;
    int64_t length;
    int32_t carry_count;
    int32_t x_count;
    int32_t input_count;  // carries, xs, captures
    int32_t stack_count;  // stacked outputs
    int64_t *x_bytes;     // from one slice to the next
    int64_t *stack_bytes; //
    uint64_t *carry_bytes;
    const void **inputs; // for the body
    void **outputs;
} kn_loop;

typedef struct kn_branch {
    kn_device *device;
    int32_t input_count;
    kaon_program *bodies[2]; // else, then
} kn_branch;

/* --- the program ------------------------------------------------------------------------------ */

struct kaon_program {
    kn_kernel *kernel;
    kn_device *device;
    kaon_variables *variables; // NULL in bodies
    kn_launch *launches;
    int32_t launch_count;
    int32_t patch_count;
    kn_patch *patches;
    int32_t input_count;
    int32_t output_count;
    // Where the device does not share the host's memory: buffers there, and their bytes.
    void **staged_inputs;
    void **staged_outputs;
    uint64_t *input_bytes;
    uint64_t *output_bytes;
    void *recording;         // of all launches, NULL: none
    int32_t is_unrecordable; // it reads what the device computes, or the backend does not record
    int32_t has_run;
    kn_variable **written; // variables it changes
    int32_t written_count;
    // What it owns.
    kn_arena own;
    kaon_kernel *kernels;
    int32_t kernel_count;
    void *memory[3]; // arena, constants, lanes
    kaon_program **bodies;
    int32_t body_count;
    kn_launch_note *notes;              // by launch
    const struct kn_profile *booked_in; // the profile its launches are numbered in
    int32_t booked_at;
    kaon_program_facts facts;
};

/* Frees everything; takes NULL. */
void kn_program_free(kaon_program *p);

/* As kaon_program_api.run. */
kaon_status kn_program_run(kaon_program *p, const void *const *inputs, void *const *outputs,
                           uint64_t run, kaon_diag *diag);

/* The same from inside another run: the float mode is set. */
kaon_status kn_program_run_inside(kaon_program *p, const void *const *inputs, void *const *outputs,
                                  uint64_t run, kaon_diag *diag);

/* Compiles a graph; the job is that of program.h. */
kaon_status kn_program_compile(kn_kernel *kernel, const kaon_compile_job *job, kaon_program **out,
                               kaon_diag *diag);

/* Launches of the program's own; `state` is a kn_tiles, kn_loop, kn_branch or nothing. */
kn_launch_fn kn_run_tiles;
kn_launch_fn kn_run_loop;
kn_launch_fn kn_run_branch;
kn_launch_fn kn_run_clear; // operand 0, `rows` bytes

// Service "kaon.program/1".
extern const kaon_program_api kn_program_api;

#endif
