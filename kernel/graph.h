/* graph.h: the kernel's side of graphs: uses of operations and the values they make.
 *
 * A graph is an array of uses in topological order (order of creation). A use holds its input nodes
 * and its output nodes; a node is one output of one use. Passes build new graphs; none changes one.
 */
#ifndef KN_GRAPH_H
#define KN_GRAPH_H

#include <kaon/op.h>
#include <kaon/program.h>

#include "kernel/kernel.h"

typedef struct kn_graph kn_graph;
typedef struct kn_node kn_node;
typedef struct kn_use kn_use;
typedef struct kn_op kn_op;

// What a use is. Operations have a row in the table of primitives, or a table of a plugin.
enum {
    KN_USE_OP = 0,        // `op`, or `composite`
    KN_USE_CONST = 1,     // `data`
    KN_USE_INPUT = 2,     // `index` counts inputs
    KN_USE_VARIABLE = 3,  // `index` into graph->variables
    KN_USE_SCAN = 4,      // bodies[0]; inputs: carries, xs, captures
    KN_USE_COND = 5,      // bodies[0], bodies[1]; inputs: predicate, ins, captures
    KN_USE_CAPTURE = 6    // inside a body: its `index`-th input
};

struct kn_node {
    kaon_node base; // first: a kaon_node * of the host's is a kn_node *
    kn_use *use;
    int32_t index; // among the use's outputs
    int32_t dtype;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
};

struct kn_use {
    int32_t kind; // KN_USE_*
    int32_t id;   // place in graph->uses
    const kn_op *op;             // primitive, else NULL
    const kaon_op *composite;    // of a plugin, else NULL
    const char *name;            // of the op ("matmul"), input or variable (full path)
    const void *settings;        // of a composite: its attributes as its options fill them
    int32_t input_count;
    int32_t output_count;
    kn_node **inputs;
    kn_node *outputs; // array of output_count
    kaon_attr *attrs; // copies, owned by the graph
    int32_t attr_count;
    int32_t index;
    const void *data; // of KN_USE_CONST: row-major
    kn_graph *bodies[2];
    int32_t carry_count; // of KN_USE_SCAN
    int32_t x_count;
    int64_t length;
};

typedef struct kn_graph_variable {
    char *name; // full path
    int32_t dtype;
    int32_t rank;
    int32_t init;
    uint32_t flags;
    uint32_t fan_axis;
    double scale;
    int64_t shape[KAON_MAX_RANK];
    kn_node *node;  // its reading, always the same
    kn_node *value; // of its update, NULL: none
} kn_graph_variable;

struct kn_graph {
    kaon_graph base; // first
    kn_kernel *kernel;
    const kaon_host *host;
    int32_t float_type;
    int32_t training;
    kn_use **uses; // topological order
    int32_t use_count;
    int32_t use_room;
    kn_graph_variable *variables;
    int32_t variable_count;
    int32_t variable_room;
    kn_node **inputs;
    int32_t input_count;
    int32_t input_room;
    // Of a body of scan or cond: the graph outside, its captured nodes, what it returns.
    kn_graph *outer;
    kn_node **captured;
    int32_t captured_count;
    int32_t captured_room;
    kn_node **results;
    int32_t result_count;
    struct kn_graph_private *own; // scopes, hook, arena, first refusal: graph.c's own
};

/* A row of the table of primitives (op_table.c). */
struct kn_op {
    const char *name;
    int32_t min_inputs;
    int32_t max_inputs;
    int32_t output_count;
    int32_t elementwise; // KAON_X_*, or 0
    // Dtypes and shapes of the outputs; refuses in words what cannot be.
    kaon_status (*infer)(kn_graph *g, kn_use *use, kaon_diag *diag);
    // grads of inputs from grads of outputs (NULL where none flows); NULL: no gradient.
    void (*reverse)(kaon_graph *g, const kn_use *use, kaon_node *const *output_grads,
                    kaon_node **input_grads);
    // tangents of outputs from those of inputs (NULL: zero); NULL: zero.
    void (*forward)(kaon_graph *g, const kn_use *use, kaon_node *const *input_tangents,
                    kaon_node **output_tangents);
    // How rows (axis 0) of the output depend on those of the inputs: see rows.h.
    int32_t rows;
};

extern const kn_op kn_primitives[];
extern const int32_t kn_primitive_count;
const kn_op *kn_op_find(const char *name); // NULL: no primitive of that name

/* An attribute of a use by name, or the default. [any] */
int64_t kn_attr_int(const kn_use *use, const char *name, int64_t otherwise);
const kaon_attr *kn_attr_find(const kn_use *use, const char *name);

/* --- building --------------------------------------------------------------------------------- */

kaon_status kn_graph_new(kn_kernel *kernel, const kaon_host *host, const kaon_graph_spec *spec,
                         kn_graph **out, kaon_diag *diag);
void kn_graph_free(kn_graph *g); // takes NULL
extern const kaon_graph_api kn_graph_api;

static inline kn_node *kn_node_of(const kaon_node *node)
{
    return (kn_node *)node;
}

static inline kn_graph *kn_graph_of(const kaon_graph *g)
{
    return (kn_graph *)g;
}

static inline int64_t kn_node_count(const kn_node *node)
{
    int64_t count = 1;
    for (int32_t i = 0; i < node->rank; i++)
        count *= node->shape[i];
    return count;
}

/* The same use in another graph, with other inputs; used by passes. Types are inferred anew. */
kn_use *kn_use_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs);

#endif
