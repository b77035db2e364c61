/* backend.h: interface "kaon.backend/1": devices, their memory, and kernels for steps of a program.
 *
 * The kernel compiles a graph to a list of steps: primitives, composites the backend has a kernel
 * for, and fused expressions. It asks `supports`, then `prepare`s each step once: whatever can be
 * looked up, chosen or allocated happens there. A run then only calls `launch`es.
 *
 * Rows. Steps that treat the leading axis row by row (events of a batch) are run by the kernel in
 * tiles of rows, tile after tile through a whole chain of steps, several tiles at a time in
 * different lanes. For such a step an operand of kind KAON_OPERAND_ROWS has the tile's rows as its
 * leading axis and `launch` is told how many rows this tile has; the prepared shape holds the most
 * there can be. A step that sums over rows writes to an operand of kind KAON_OPERAND_TOTAL: it adds
 * to what is there, which the kernel clears before the first tile of a chunk of tiles and adds up
 * after the last in a fixed order.
 *
 * Operands of a step may have any strides: transposes, slices and broadcasts are views, not copies.
 *
 * A "matmul" step may carry `fused`: an epilogue over its output's space, in which register 0 is
 * the product and registers 1, 2, .. are the operands after a and b (a bias, a saved activation);
 * its results are the step's outputs. A "matmul" whose output is KAON_OPERAND_TOTAL sums over the
 * rows: a is (m, rows), often a transposed view, b is (rows, n), and the tile's rows are the
 * contracted axis of both.
 */
#ifndef KAON_BACKEND_H
#define KAON_BACKEND_H

#include <kaon/elementwise.h>
#include <kaon/op.h>
#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_BACKEND "kaon.backend/1"

enum {
    KAON_OPERAND_WHOLE = 0, // the same for every tile
    KAON_OPERAND_ROWS = 1,  // leading axis: the rows of this tile
    KAON_OPERAND_TOTAL = 2  // output of a sum over rows: add to it
};

typedef struct kaon_operand {
    uint32_t size;
    int32_t dtype;
    int32_t rank;
    int32_t kind;                   // KAON_OPERAND_*
    int64_t shape[KAON_MAX_RANK];   // with the largest number of rows
    int64_t strides[KAON_MAX_RANK]; // in elements, 0 where broadcast
    const void *value;              // host memory, if known when prepared (constants), else NULL
} kaon_operand;

/* A fused expression: code over an iteration space, one instruction after the other. Register i <
 * input_count is input i; register input_count + j is the result of instruction j. Input strides
 * are those over the iteration space (0: broadcast). */
typedef struct kaon_instruction {
    int32_t op;      // KAON_X_*
    int32_t dtype;   // of the result
    int32_t a, b, c; // registers; for KAON_X_IOTA `a` is the axis
    int32_t reserved;
    double number; // of KAON_X_CONST
} kaon_instruction;

enum {
    KAON_STORE = 0, // each value
    KAON_REDUCE_SUM = 1,
    KAON_REDUCE_MAX = 2,
    KAON_REDUCE_MIN = 3,
    KAON_REDUCE_PROD = 4
};

// An output: a register stored at each point, or reduced over the last `axes` axes of the space. A
// reduced one has those axes with size 1. KAON_OPERAND_TOTAL also sums over the rows.
typedef struct kaon_result {
    int32_t from; // register
    int32_t how;  // KAON_STORE, KAON_REDUCE_*
    int32_t axes; // reduced ones, counted from the last
    int32_t reserved;
} kaon_result;

typedef struct kaon_expression {
    uint32_t size;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK]; // the iteration space
    int32_t input_count;
    int32_t code_count;
    int32_t result_count;
    uint32_t code_stride;
    const kaon_instruction *code;
    const kaon_result *results;
    uint32_t result_stride;
    uint32_t reserved;
} kaon_expression;

// One step of a program. Attributes are those of graph.h.
typedef struct kaon_step {
    uint32_t size;
    uint32_t operand_stride;
    const char *op; // "matmul"; "fused": see `fused`
    int32_t input_count;
    int32_t output_count;
    const kaon_operand *operands; // inputs, then outputs
    const kaon_attr *attrs;
    uint32_t attr_stride;
    int32_t attr_count;
    const void *settings;         // of a composite: its attributes as its options fill them
    const kaon_expression *fused; // of "fused"; of other steps: an epilogue
    const kaon_code *codes;       // a composite's own kernels
    uint32_t code_stride;
    uint32_t code_count;
    // For "copy", "fused" with KAON_STORE and shape moves an output may be the memory of the input
    // with this index (in place); -1: never.
    int32_t in_place;
    uint32_t flags; // KAON_STEP_*
    uint64_t seed;  // of random operations; the run's number comes with each launch
} kaon_step;

enum {
    KAON_STEP_ROWS = 1,  // runs inside a tile: any number of rows up to the prepared one
    KAON_STEP_STREAM = 2 // what it stores is more than caches hold: it may go past them
};

// What a launch gets besides its state.
typedef struct kaon_launch {
    uint32_t size;
    int32_t lane;          // of the pool, for scratch of one's own
    void *const *operands; // inputs, then outputs: first elements
    int64_t rows;          // of this tile; without tiles: the leading axis as prepared
    void *scratch;         // of this lane, scratch_bytes of it, aligned to 64
    uint64_t run;          // number of this run, counter of random operations
    int64_t first_row;     // of this tile, counts elements of random operations
} kaon_launch;

typedef struct kaon_kernel {
    uint32_t size;
    uint32_t reserved;
    kaon_status (*launch)(const void *state, const kaon_launch *l,
                          kaon_diag *diag); // no allocation
    void *state;
    void (*release)(void *state); // may be NULL
    uint64_t scratch_bytes;       // wanted per lane
} kaon_kernel;

/* A kernel that comes with an op instead of a backend. The backend loads and launches it. */
enum {
    KAON_CODE_C = 1,
    KAON_CODE_PTX = 2,  // text for CUDA
    KAON_CODE_SPIRV = 3 // words for Vulkan 1.2: a compute shader
};

// How many threads a kernel that is data gets; as many groups are launched as hold them all.
enum {
    KAON_THREADS_PER_ELEMENT = 0, // of output 0
    KAON_THREADS_PER_ROW = 1      // of output 0: all its axes but the last
};

/* What such a kernel is given after the addresses of its operands (inputs, then outputs, 8 bytes
 * each): one 4-byte number per row, in order. For SPIR-V all of it lies in the push constants, 128
 * bytes at most; for PTX each is an argument. */
enum {
    KAON_GIVE_THREADS = 1, // u32: how many there are; what is beyond has nothing to do
    KAON_GIVE_DIM = 2,     // u32: size of an axis of an operand; negative axes count from the end
    KAON_GIVE_INT = 3,     // i32: an attribute
    KAON_GIVE_FLOAT = 4    // f32: an attribute
};

typedef struct kaon_give {
    uint32_t size;
    int32_t kind;     // KAON_GIVE_*
    int32_t operand;  // of KAON_GIVE_DIM
    int32_t axis;     // of KAON_GIVE_DIM
    const char *attr; // name of the attribute
} kaon_give;

struct kaon_code {
    uint32_t size;
    int32_t format;  // KAON_CODE_*
    uint32_t dtypes; // bits 1 << KAON_F32 ...: all operands have one of these
    uint32_t isa;    // KAON_ISA_*, all needed
    // KAON_CODE_C: like a backend's own. `supports` may be NULL: always.
    int32_t (*supports)(const kaon_step *step);
    kaon_status (*prepare)(const kaon_host *host, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag);
    // KAON_CODE_PTX, KAON_CODE_SPIRV: the code and how to launch it. It runs where all operands lie
    // row-major without gaps and `supports`, if there is one, agrees.
    const void *data;
    uint64_t data_bytes;
    const char *entry; // name of the function
    int32_t threads;   // KAON_THREADS_*
    uint32_t group;    // threads of a group, as the code has them
    const kaon_give *gives;
    uint32_t give_stride;
    uint32_t give_count;
};

enum { KAON_ISA_AVX2 = 1, KAON_ISA_AVX512 = 2, KAON_ISA_AVX512_BF16 = 4, KAON_ISA_AMX_BF16 = 8 };

typedef struct kaon_device_facts {
    uint32_t size;
    int32_t device_type;   // KAON_DEVICE_*
    uint64_t memory_bytes; // 0: unknown
    uint64_t tile_bytes;   // a chain's working set should fit in this; 0: no tiles, run whole
    uint32_t host_memory;  // 1: alloc gives memory the host may read and write
    uint32_t dtypes;       // bits: element types it computes in
    char name[128];        // "Intel Xeon ..., AVX-512"
    int32_t rank;          // of this device, where it is not the backend's; 0: it is
    uint32_t reserved;
} kaon_device_facts;

enum { KAON_TO_DEVICE = 0, KAON_TO_HOST = 1, KAON_ON_DEVICE = 2 };

typedef struct kaon_backend {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    int32_t rank; // the higher is preferred where the site says nothing: CPU 100, GPUs above
    uint32_t reserved;
    // Opens device `index` (0 .. until KAON_NOT_FOUND). [any]
    kaon_status (*open)(const kaon_host *host, const void *settings, int32_t index, void **device,
                        kaon_diag *diag);
    void (*close)(void *device);
    kaon_status (*facts)(void *device, kaon_device_facts *out, kaon_diag *diag); // [any]
    // Device memory, aligned to 64 bytes, not cleared. [any]
    kaon_status (*alloc)(void *device, uint64_t bytes, void **memory, kaon_diag *diag);
    void (*free)(void *device, void *memory);
    // Direction KAON_TO_DEVICE, ...; ordered with launches; returns when the source may be reused,
    // and for KAON_TO_HOST when the data is there. [instance]
    kaon_status (*copy)(void *device, int32_t direction, void *to, const void *from, uint64_t bytes,
                        kaon_diag *diag);
    // 1 if `prepare` would take this step. [any]
    int32_t (*supports)(void *device, const kaon_step *step);
    // Everything in `step` is borrowed for this call only. [any]
    kaon_status (*prepare)(void *device, const kaon_step *step, kaon_kernel *out, kaon_diag *diag);
    // Returns when all launched work is done, with its error if it had one. [instance]
    kaon_status (*wait)(void *device, kaon_diag *diag);
    // Optional: launches between begin and end are recorded, not run; replay runs them, as often as
    // wanted, with a run's number of its own. What cannot be recorded fails with KAON_UNSUPPORTED;
    // then end gives a recording that is to be freed, or fails too. [instance]
    kaon_status (*capture_begin)(void *device, kaon_diag *diag);
    kaon_status (*capture_end)(void *device, void **recording, kaon_diag *diag);
    kaon_status (*replay)(void *device, void *recording, uint64_t run, kaon_diag *diag);
    void (*recording_free)(void *device, void *recording);
    // Optional: waits; device time of what was launched since the last call, in ns. [instance]
    kaon_status (*elapsed)(void *device, uint64_t *nanoseconds, kaon_diag *diag);
    // Optional: the rank on this machine, found without opening anything. [any]
    int32_t (*rank_here)(void);
} kaon_backend;

#ifdef __cplusplus
}
#endif
#endif
