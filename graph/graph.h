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
#include "graph/op_rows.h"

typedef struct kn_graph kn_graph;
typedef struct kn_node kn_node;
typedef struct kn_use kn_use;
typedef struct kn_op kn_op;

// What a use is. Operations have a row in the table of primitives, or a table of a plugin.
enum {
    KN_USE_OP = 0,       // `op`, or `composite`
    KN_USE_CONST = 1,    // `data`
    KN_USE_INPUT = 2,    // `index` counts inputs
    KN_USE_VARIABLE = 3, // `index` into graph->variables
    KN_USE_SCAN = 4,     // bodies[0]; inputs: carries, xs, captures
    KN_USE_COND = 5,     // bodies[0], bodies[1]; inputs: predicate, ins, captures
    KN_USE_CAPTURE = 6   // inside a body: its `index`-th input
};

/* Bodies. `inputs` of a body are its KN_USE_CAPTURE nodes: input i stands for input i of the scan,
 * input i + 1 of the cond. `results` of a scan's body are the next carries, then what is stacked;
 * those of a cond's bodies are its outputs. The outputs of a scan are its last carries, then the
 * stacked ones, of which the last `carry_count` are the carries each step began with: kept for the
 * derivative, dropped by kn_simplify where nothing reads them. Bodies hold no variables, inputs or
 * random operations: those are made outside and captured, or sliced step by step. */

struct kn_node {
    kaon_node base; // first: a kaon_node * of the host's is a kn_node *
    kn_use *use;
    int32_t index; // among the use's outputs
    int32_t dtype;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
    int32_t id; // among the nodes of its graph, in order of creation
};

struct kn_use {
    int32_t kind;             // KN_USE_*
    int32_t id;               // place in graph->uses
    const kn_op *op;          // primitive, else NULL
    const kaon_op *composite; // of a plugin, else NULL
    const char *name;         // of the op ("matmul"), input or variable (full path)
    const void *settings;     // of a composite: its attributes as its options fill them
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
    struct kn_graph_private *own; // scopes, hook, arena, first refusal: shared with its bodies
    struct kn_body *body;         // of a body while it is built: control.c's own
    int32_t node_count;           // ids given out so far
};

/* An attribute an operation takes. A use holds every attribute of its operation, in this order;
 * those not given hold the default, and `infer` puts all into one form: axes not negative, slices
 * from start to stop inside the tensor, shapes without -1, lists of full length. */
typedef struct kn_attr_rule {
    const char *name;
    int32_t kind;     // KAON_ATTR_INT, KAON_ATTR_INTS
    int32_t required; // 0: `otherwise`, or an empty list
    int64_t otherwise;
} kn_attr_rule;

/* What a derivative rule works on. Reverse: from gradients of outputs to gradients of inputs, of
 * which only the wanted are asked for. Forward: from tangents of inputs to tangents of outputs.
 * NULL stands for zero, also in `to`, which is all NULL at the start. */
typedef struct kn_derivation {
    kaon_graph *g;
    const kn_use *use;
    kaon_node *const *from;
    const uint8_t *wanted; // per input; NULL in forward mode
    kaon_node **to;
} kn_derivation;

typedef void kn_derivative(const kn_derivation *d);

/* A row of the table of primitives (op_table.c). */
struct kn_op {
    const char *name;
    int32_t min_inputs;
    int32_t max_inputs;
    int32_t output_count;
    int32_t elementwise; // KAON_X_*, or 0
    // Dtypes and shapes of the outputs; refuses in words what cannot be.
    kaon_status (*infer)(kn_graph *g, kn_use *use, kaon_diag *diag);
    // NULL: a step function or no numbers, the derivative is zero.
    kn_derivative *reverse;
    kn_derivative *forward;
    // How rows (axis 0) of the output depend on those of the inputs: see rows.h.
    int32_t rows;
    const kn_attr_rule *attrs; // ends with {0}; NULL: none
    const char *help;          // one line
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

/* An empty graph of the same settings, for a pass. */
kaon_status kn_graph_new_like(kn_graph *from, kn_graph **out, kaon_diag *diag);

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

/* The same use in another graph, with other inputs; used by passes. Types are inferred anew; scans
 * and conds take their bodies along. Constants, operations, scans and conds only. NULL: refused. */
kn_use *kn_use_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs);

/* The uses of `from` again in `to`: `inputs` stand for from->inputs, `results` get what the nodes
 * `outputs` became. Variables are found by name. */
kaon_status kn_graph_inline(kn_graph *to, const kn_graph *from, kn_node *const *inputs,
                            int32_t output_count, kn_node *const *outputs, kn_node **results);

static inline kaon_node *kn_in(const kn_use *use, int32_t index)
{
    return &use->inputs[index]->base;
}

static inline kaon_node *kn_out(const kn_use *use, int32_t index)
{
    return &use->outputs[index].base;
}

/* --- for the parts of the graph code ---------------------------------------------------------- */

struct kn_arena *kn_graph_arena(kn_graph *g);

/* KAON_OK, or the status of the first refusal. */
kaon_status kn_graph_status(const kn_graph *g);
kaon_diag *kn_graph_diag(kn_graph *g);

/* The number the next random operation gets as its stream; `next` negative: asks only. */
int64_t kn_graph_streams(kn_graph *g, int64_t next);

struct kn_composites **kn_graph_composites(kn_graph *g);

/* A body inside `outer`: the same memory, scopes and refusals. NULL: refused. */
kn_graph *kn_graph_body(kn_graph *outer);

/* An array of the graph with room for one more than `count`. NULL: refused. */
void *kn_graph_grow(kn_graph *g, void *array, int32_t count, int32_t *room, size_t bytes);

/* Refuses for want of memory; NULL. */
void *kn_graph_no_memory(kn_graph *g);

/* A new use at the end of the graph with its copied inputs and `output_count` nodes without types.
 * NULL: out of memory, refused. */
kn_use *kn_use_new(kn_graph *g, int32_t kind, const char *name, int32_t input_count,
                   kn_node *const *inputs, int32_t output_count);

/* Takes back the use made last; its memory stays. */
void kn_use_drop(kn_graph *g, const kn_use *use);

/* A row-major constant; `data` is copied. */
kn_node *kn_constant(kn_graph *g, int32_t dtype, int32_t rank, const int64_t *shape,
                     const void *data);

/* The node as `g` sees it: itself, or captured from a graph outside. NULL: refused. */
kn_node *kn_node_seen(kn_graph *g, kn_node *node);

/* 1 if dtype and shape are the same. */
int32_t kn_same_type(const kn_node *a, const kn_node *b);

/* "f32 (64, 3)", lives as long as the graph. */
const char *kn_type_text(const kn_node *node);
const char *kn_dims_text(kn_graph *g, int32_t rank, const int64_t *shape);

/* KAON_OK if a tensor can have this shape: rank, no negative size, bytes fit. */
kaon_status kn_shape_check(const char *what, int32_t rank, const int64_t *shape, kaon_diag *diag);

#endif
