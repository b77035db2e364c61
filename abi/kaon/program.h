/* program.h: compiling and running graphs, service "kaon.program/1".
 *
 *     kaon_graph *g;           api->graph_new(host, &spec, &g, diag)
 *     ... build with graph.h ...
 *     kaon_program *p;         api->compile(host, &job, &p, diag): the graph may be freed after it
 *     api->run(p, inputs, outputs, run_number, diag), as often as wanted, without allocating
 *
 * Variables live outside programs, so that a training and a prediction program share them.
 */
#ifndef KAON_PROGRAM_H
#define KAON_PROGRAM_H

#include <kaon/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_PROGRAM_SERVICE "kaon.program/1"

typedef struct kaon_program kaon_program;
typedef struct kaon_variables kaon_variables; // counted; named tensors of one model

typedef struct kaon_graph_spec {
    uint32_t size;
    int32_t float_type; // KAON_F32 or KAON_F64: of parameters and plain constants
    int32_t training;
    int32_t reserved;
} kaon_graph_spec;

typedef struct kaon_compile_job {
    uint32_t size;
    int32_t output_count;
    kaon_graph *graph;
    kaon_node *const *outputs; // host memory at each run; may be none where there are updates
    kaon_variables *variables; // new ones are made and initialised; retained by the program
    uint64_t seed;             // of random operations
} kaon_compile_job;

typedef struct kaon_variable_info {
    uint32_t size;
    uint32_t flags; // KAON_TRAINABLE, KAON_SLOT
    const char *name;
    kaon_view view; // in host memory
} kaon_variable_info;

typedef struct kaon_program_facts {
    uint32_t size;
    int32_t launches;      // per run, tiles not counted
    int32_t fused;         // expressions among them
    int32_t regions;       // chains run in tiles
    int64_t tile_rows;     // of the largest region, 0: none
    uint64_t arena_bytes;  // of intermediates
    double flops;          // of one run, arithmetic of contractions and expressions
    double bytes;          // read and written by launches
    const char *text;      // the program, printed; lives as long as the program
} kaon_program_facts;

typedef struct kaon_program_api {
    uint32_t size;
    uint32_t reserved;
    kaon_status (*graph_new)(const kaon_host *host, const kaon_graph_spec *spec, kaon_graph **out,
                             kaon_diag *diag);
    void (*graph_free)(kaon_graph *g); // takes NULL, and all nodes with it
    // Seed of the initial values; a variable's start depends on seed and name only. [any]
    kaon_status (*variables_new)(const kaon_host *host, uint64_t seed, kaon_variables **out,
                                 kaon_diag *diag);
    void (*variables_release)(kaon_variables *v); // takes NULL
    int32_t (*variable_count)(const kaon_variables *v);
    // In order of creation. [instance]
    kaon_status (*variable_at)(kaon_variables *v, int32_t index, kaon_variable_info *out,
                               kaon_diag *diag);
    // Copies; `value` must have the variable's shape; f32 and f64 convert. Makes the variable if it
    // is not there yet (loading a model before compiling). [instance]
    kaon_status (*variable_set)(kaon_variables *v, const char *name, uint32_t flags,
                                const kaon_view *value, kaon_diag *diag);
    // Into host memory of the variable's shape. [instance]
    kaon_status (*variable_get)(kaon_variables *v, const char *name, const kaon_view *into,
                                kaon_diag *diag);
    // A copy of all values to return to (best weights), or to take back. [instance]
    kaon_status (*variables_copy)(const kaon_variables *from, kaon_variables *to, kaon_diag *diag);
    // On the run's backend. [any]
    kaon_status (*compile)(const kaon_host *host, const kaon_compile_job *job, kaon_program **out,
                           kaon_diag *diag);
    void (*program_free)(kaon_program *p); // takes NULL
    // Inputs in the order they were made, outputs as in the job: host memory, row-major, of the
    // declared shapes. `run` numbers the runs, the counter of random operations. Allocates nothing.
    // KAON_NOT_FINITE is not checked here. [instance]
    kaon_status (*run)(kaon_program *p, const void *const *inputs, void *const *outputs,
                       uint64_t run, kaon_diag *diag);
    kaon_status (*program_facts)(kaon_program *p, kaon_program_facts *out, kaon_diag *diag);
} kaon_program_api;

#ifdef __cplusplus
}
#endif
#endif
