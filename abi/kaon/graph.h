/* graph.h: building differentiable graphs; layers, losses, optimizers and cuts are written in it.
 *
 * A graph is a list of operations in single-assignment form. Nodes are its values: typed, with
 * concrete shapes. A node belongs to its graph and is never freed by hand.
 *
 * Errors are sticky: the first refusal is kept, later calls return NULL and accept NULL, and the
 * kernel asks once at the end. So graph code is mathematics, not error handling.
 *
 * All calls are [instance]: one thread at a time per graph.
 */
#ifndef KAON_GRAPH_H
#define KAON_GRAPH_H

#include <kaon/base.h>
#include <kaon/elementwise.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kaon_graph kaon_graph;
typedef struct kaon_node kaon_node;

// A setting of an operation. `name` and what `at`, `text` point to are copied.
enum { KAON_ATTR_INT = 1, KAON_ATTR_FLOAT = 2, KAON_ATTR_INTS = 3, KAON_ATTR_TEXT = 4 };

typedef struct kaon_attr {
    uint32_t size;
    int32_t kind;
    const char *name;
    int64_t integer;
    double number;
    int64_t count;
    const int64_t *at;
    const char *text;
} kaon_attr;

// How a parameter or state starts. Fans are taken from the shape: (fan out, fan in, rest...).
enum {
    KAON_INIT_ZERO = 0,
    KAON_INIT_ONE = 1,
    KAON_INIT_VALUE = 2,          // `scale`
    KAON_INIT_NORMAL = 3,         // Gaussian of standard deviation `scale`
    KAON_INIT_UNIFORM = 4,        // in [-scale, scale]
    KAON_INIT_GLOROT = 5,         // uniform, sqrt(6 / (in + out))
    KAON_INIT_GLOROT_NORMAL = 6,  // Gaussian, sqrt(2 / (in + out))
    KAON_INIT_HE = 7,             // Gaussian, sqrt(2 / in)
    KAON_INIT_HE_UNIFORM = 8,     // sqrt(6 / in)
    KAON_INIT_LECUN = 9,          // Gaussian, sqrt(1 / in)
    KAON_INIT_LECUN_UNIFORM = 10, // sqrt(3 / in)
    KAON_INIT_ORTHOGONAL = 11     // QR of a Gaussian matrix (rows, rest)
};

// The variables a graph reads by name and may update.
enum {
    KAON_TRAINABLE = 1, // a parameter: the learner asks for its gradient
    KAON_SLOT = 2       // an optimizer's memory: kept in checkpoints, not in models
};

typedef struct kaon_variable {
    uint32_t size;
    int32_t dtype; // negative: the graph's float type
    const char *name; // inside the current scope
    int32_t rank;
    int32_t init; // KAON_INIT_*
    const int64_t *shape;
    double scale;   // of the init
    uint32_t flags; // KAON_TRAINABLE, KAON_SLOT
    uint32_t fan_axis; // 0: shape is (out, in, rest...); 1: shape is (in, out, rest...)
} kaon_variable;

// One step of a scan, or one branch of a cond: reads nodes, writes nodes. Nodes of the graph outside
// may be used freely; they are captured.
typedef void kaon_body(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out);

// Changes each parameter where it is read; see `through`.
typedef kaon_node *kaon_param_hook(kaon_graph *g, const void *context, kaon_node *param);

typedef struct kaon_graph_api {
    uint32_t size;
    uint32_t reserved;
    // An operation by name, primitive or of any plugin (op.h). Returns its first output.
    kaon_node *(*apply)(kaon_graph *g, const char *op, int32_t input_count,
                        kaon_node *const *inputs, int32_t attr_count, const kaon_attr *attrs);
    // Output `index` of the operation that made `node`.
    kaon_node *(*output)(kaon_node *node, int32_t index);
    // Copies a tensor in host memory into the graph.
    kaon_node *(*constant)(kaon_graph *g, const kaon_view *value);
    // A tensor given at each run; inputs are passed in the order of these calls.
    kaon_node *(*input)(kaon_graph *g, const char *name, int32_t dtype, int32_t rank,
                        const int64_t *shape);
    // Reads a variable; the same name twice is the same variable.
    kaon_node *(*variable)(kaon_graph *g, const kaon_variable *variable);
    // At the end of each run `variable` takes `value`. At most once per variable.
    void (*update)(kaon_graph *g, kaon_node *variable, kaon_node *value);
    // Names of variables made until `leave` begin with "name/".
    void (*enter)(kaon_graph *g, const char *name);
    void (*leave)(kaon_graph *g);
    // From here on each trainable variable is read through `hook`; NULL ends that.
    void (*through)(kaon_graph *g, kaon_param_hook *hook, const void *context);
    // scan: in = carry..., slices of xs along axis 0...; out = carry..., ys...
    // Returns final carries, then ys stacked along axis 0, into `results` (carries + ys nodes).
    kaon_status (*scan)(kaon_graph *g, kaon_body *body, void *context, int32_t carry_count,
                        kaon_node *const *carry, int32_t x_count, kaon_node *const *xs,
                        int64_t length, int32_t y_count, kaon_node **results);
    // cond: `predicate` is a bool scalar; both bodies map `in` to `out_count` nodes of equal types.
    kaon_status (*cond)(kaon_graph *g, kaon_node *predicate, kaon_body *then_body,
                        kaon_body *else_body, void *context, int32_t in_count,
                        kaon_node *const *in, int32_t out_count, kaon_node **results);
    // d y / d x for each x, of x's shape; y is a scalar or weighted by `seed` (NULL: ones).
    // An x that y does not depend on gets zeros.
    kaon_status (*gradient)(kaon_graph *g, kaon_node *y, kaon_node *seed, int32_t count,
                            kaon_node *const *xs, kaon_node **grads);
    // Directional derivative of each y when each x moves along its dx (forward mode).
    kaon_status (*tangent)(kaon_graph *g, int32_t x_count, kaon_node *const *xs,
                           kaon_node *const *dxs, int32_t y_count, kaon_node *const *ys,
                           kaon_node **dys);
    // The trainable variables read so far, in order; returns how many there are.
    int32_t (*params)(kaon_graph *g, int32_t room, kaon_node **params);
    const char *(*name)(const kaon_node *node); // of a variable or input, else "" ; full path
    int32_t (*rank)(const kaon_node *node);
    int64_t (*dim)(const kaon_node *node, int32_t axis); // negative axes count from the end
    int32_t (*dtype)(const kaon_node *node);
    const char *(*shape_text)(const kaon_node *node); // "(64, 3)", lives as long as the graph
    int32_t (*float_type)(const kaon_graph *g);       // of parameters and plain constants
    int32_t (*training)(const kaon_graph *g);         // 1: dropout drops, statistics update
    // Keeps the first refusal. Returns NULL.
    kaon_node *(*refuse)(kaon_graph *g, kaon_status status, const char *text);
    // KAON_OK, or the first refusal with its words.
    kaon_status (*check)(kaon_graph *g, kaon_diag *diag);
} kaon_graph_api;

// What follows the table pointer is the host's.
struct kaon_graph {
    const kaon_graph_api *api;
};
struct kaon_node {
    kaon_graph *graph;
};

/* --- sugar: so that graph code reads like mathematics ----------------------------------------- */

static inline int32_t kaon_rank(const kaon_node *a)
{
    return a ? a->graph->api->rank(a) : 0;
}

// Size along an axis; negative axes count from the end. 0 for NULL or an axis that is not there.
static inline int64_t kaon_dim(const kaon_node *a, int32_t axis)
{
    return a ? a->graph->api->dim(a, axis) : 0;
}

static inline int32_t kaon_dtype(const kaon_node *a)
{
    return a ? a->graph->api->dtype(a) : KAON_F32;
}

static inline const char *kaon_shape_text(const kaon_node *a)
{
    return a ? a->graph->api->shape_text(a) : "nothing";
}

static inline int32_t kaon_training(const kaon_graph *g)
{
    return g->api->training(g);
}

KAON_PRINTF(3, 4)
static inline kaon_node *kaon_refuse(kaon_graph *g, kaon_status status, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return g->api->refuse(g, status, text);
}

static inline kaon_attr kaon_attr_int(const char *name, int64_t value)
{
    kaon_attr a = {sizeof(kaon_attr), KAON_ATTR_INT, name, 0, 0, 0, NULL, NULL};
    a.integer = value;
    return a;
}

static inline kaon_attr kaon_attr_ints(const char *name, int64_t count, const int64_t *at)
{
    kaon_attr a = {sizeof(kaon_attr), KAON_ATTR_INTS, name, 0, 0, 0, NULL, NULL};
    a.count = count;
    a.at = at;
    return a;
}

static inline kaon_attr kaon_attr_float(const char *name, double value)
{
    kaon_attr a = {sizeof(kaon_attr), KAON_ATTR_FLOAT, name, 0, 0, 0, NULL, NULL};
    a.number = value;
    return a;
}

static inline kaon_node *kaon_op1(kaon_graph *g, const char *op, kaon_node *a)
{
    return g->api->apply(g, op, 1, &a, 0, NULL);
}

static inline kaon_node *kaon_op2(kaon_graph *g, const char *op, kaon_node *a, kaon_node *b)
{
    kaon_node *in[2];
    in[0] = a;
    in[1] = b;
    return g->api->apply(g, op, 2, in, 0, NULL);
}

static inline kaon_node *kaon_op3(kaon_graph *g, const char *op, kaon_node *a, kaon_node *b,
                                  kaon_node *c)
{
    kaon_node *in[3];
    in[0] = a;
    in[1] = b;
    in[2] = c;
    return g->api->apply(g, op, 3, in, 0, NULL);
}

// kaon_add(g, a, b), kaon_exp(g, a), kaon_select(g, c, a, b), ...: one function per elementwise
// operation. Shapes broadcast as in NumPy; dtypes must agree.
#define KAON_SUGAR_1(text)                                                                         \
    static inline kaon_node *kaon_##text(kaon_graph *g, kaon_node *a)                              \
    {                                                                                              \
        return kaon_op1(g, #text, a);                                                              \
    }
#define KAON_SUGAR_2(text)                                                                         \
    static inline kaon_node *kaon_##text(kaon_graph *g, kaon_node *a, kaon_node *b)                \
    {                                                                                              \
        return kaon_op2(g, #text, a, b);                                                           \
    }
#define KAON_SUGAR_3(text)                                                                         \
    static inline kaon_node *kaon_##text(kaon_graph *g, kaon_node *a, kaon_node *b, kaon_node *c)  \
    {                                                                                              \
        return kaon_op3(g, #text, a, b, c);                                                        \
    }
#define KAON_SUGAR_ROW(NAME, value, text, inputs, result) KAON_SUGAR_##inputs(text)
KAON_ELEMENTWISE(KAON_SUGAR_ROW)
#undef KAON_SUGAR_ROW

// A constant of a given dtype, without axes.
static inline kaon_node *kaon_scalar_as(kaon_graph *g, int32_t dtype, double value)
{
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0, 0, 0, &value, NULL, NULL};
    kaon_node *c = g->api->constant(g, &view);
    const kaon_attr to = kaon_attr_int("dtype", dtype);
    return dtype == KAON_F64 ? c : g->api->apply(g, "cast", 1, &c, 1, &to);
}

// A constant of the graph's float type, without axes.
static inline kaon_node *kaon_scalar(kaon_graph *g, double value)
{
    return kaon_scalar_as(g, g->api->float_type(g), value);
}

// a * factor, a + offset, a ^ power: the constant takes the dtype of `a`.
static inline kaon_node *kaon_scale(kaon_graph *g, kaon_node *a, double factor)
{
    return kaon_mul(g, a, kaon_scalar_as(g, kaon_dtype(a), factor));
}

static inline kaon_node *kaon_shift(kaon_graph *g, kaon_node *a, double offset)
{
    return kaon_add(g, a, kaon_scalar_as(g, kaon_dtype(a), offset));
}

static inline kaon_node *kaon_power(kaon_graph *g, kaon_node *a, double power)
{
    return kaon_pow(g, a, kaon_scalar_as(g, kaon_dtype(a), power));
}

static inline kaon_node *kaon_square(kaon_graph *g, kaon_node *a)
{
    return kaon_mul(g, a, a);
}

static inline kaon_node *kaon_cast(kaon_graph *g, kaon_node *a, int32_t dtype)
{
    const kaon_attr to = kaon_attr_int("dtype", dtype);
    return g->api->apply(g, "cast", 1, &a, 1, &to);
}

// A constant tensor given as f32; it takes the graph's float type.
static inline kaon_node *kaon_const_f32(kaon_graph *g, int32_t rank, const int64_t *shape,
                                        const float *values)
{
    kaon_view view = {sizeof view, KAON_F32, KAON_DEVICE_CPU, 0, 0, 0, NULL, NULL, NULL};
    view.rank = rank;
    view.shape = shape;
    view.data = (void *)values;
    kaon_node *c = g->api->constant(g, &view);
    return g->api->float_type(g) == KAON_F32 ? c : kaon_cast(g, c, g->api->float_type(g));
}

// A trainable parameter of the graph's float type.
static inline kaon_node *kaon_param(kaon_graph *g, const char *name, int32_t rank,
                                    const int64_t *shape, int32_t init)
{
    kaon_variable v = {sizeof v, -1, name, rank, init, shape, 1, KAON_TRAINABLE, 0};
    return g->api->variable(g, &v);
}

// A variable the graph itself keeps up to date: running means, counters. Zero at the start.
static inline kaon_node *kaon_state(kaon_graph *g, const char *name, int32_t rank,
                                    const int64_t *shape, int32_t init)
{
    kaon_variable v = {sizeof v, -1, name, rank, init, shape, 1, 0, 0};
    return g->api->variable(g, &v);
}

static inline void kaon_update(kaon_graph *g, kaon_node *variable, kaon_node *value)
{
    g->api->update(g, variable, value);
}

// (.., m, k) times (.., k, n) -> (.., m, n). A vector on either side is a row or a column.
static inline kaon_node *kaon_matmul(kaon_graph *g, kaon_node *a, kaon_node *b)
{
    return kaon_op2(g, "matmul", a, b);
}

// Reduction over one axis, which disappears. Op: reduce_sum, reduce_max, reduce_min, reduce_prod.
static inline kaon_node *kaon_reduce(kaon_graph *g, const char *op, kaon_node *a, int32_t axis,
                                     int32_t keep)
{
    const int64_t axes[1] = {axis};
    kaon_attr attrs[2];
    attrs[0] = kaon_attr_ints("axes", 1, axes);
    attrs[1] = kaon_attr_int("keep", keep);
    return g->api->apply(g, op, 1, &a, 2, attrs);
}

static inline kaon_node *kaon_sum(kaon_graph *g, kaon_node *a, int32_t axis)
{
    return kaon_reduce(g, "reduce_sum", a, axis, 0);
}

static inline kaon_node *kaon_mean(kaon_graph *g, kaon_node *a, int32_t axis)
{
    const int64_t n = kaon_dim(a, axis);
    return kaon_scale(g, kaon_sum(g, a, axis), n ? 1.0 / (double)n : 0);
}

// Sum over all axes, a scalar.
static inline kaon_node *kaon_sum_all(kaon_graph *g, kaon_node *a)
{
    return g->api->apply(g, "reduce_sum", 1, &a, 0, NULL);
}

static inline kaon_node *kaon_reshape(kaon_graph *g, kaon_node *a, int32_t rank,
                                      const int64_t *shape)
{
    const kaon_attr to = kaon_attr_ints("shape", rank, shape);
    return g->api->apply(g, "reshape", 1, &a, 1, &to);
}

static inline kaon_node *kaon_transpose(kaon_graph *g, kaon_node *a, int32_t rank,
                                        const int64_t *axes)
{
    const kaon_attr order = kaon_attr_ints("axes", rank, axes);
    return g->api->apply(g, "transpose", 1, &a, 1, &order);
}

// To a larger shape, as NumPy broadcasts.
static inline kaon_node *kaon_broadcast(kaon_graph *g, kaon_node *a, int32_t rank,
                                        const int64_t *shape)
{
    const kaon_attr to = kaon_attr_ints("shape", rank, shape);
    return g->api->apply(g, "broadcast", 1, &a, 1, &to);
}

static inline kaon_node *kaon_concat(kaon_graph *g, int32_t count, kaon_node *const *parts,
                                     int32_t axis)
{
    const kaon_attr along = kaon_attr_int("axis", axis);
    return g->api->apply(g, "concat", count, parts, 1, &along);
}

// a[start : stop] along one axis.
static inline kaon_node *kaon_slice(kaon_graph *g, kaon_node *a, int32_t axis, int64_t start,
                                    int64_t stop)
{
    kaon_attr attrs[3];
    attrs[0] = kaon_attr_int("axis", axis);
    attrs[1] = kaon_attr_int("start", start);
    attrs[2] = kaon_attr_int("stop", stop);
    return g->api->apply(g, "slice", 1, &a, 3, attrs);
}

// Rows of `table` chosen by integer `indices` along `axis`.
static inline kaon_node *kaon_gather(kaon_graph *g, kaon_node *table, kaon_node *indices,
                                     int32_t axis)
{
    kaon_node *in[2];
    in[0] = table;
    in[1] = indices;
    const kaon_attr along = kaon_attr_int("axis", axis);
    return g->api->apply(g, "gather", 2, in, 1, &along);
}

// Uniform numbers in [0, 1) of the graph's float type, other ones at each run.
static inline kaon_node *kaon_random(kaon_graph *g, int32_t rank, const int64_t *shape)
{
    const kaon_attr to = kaon_attr_ints("shape", rank, shape);
    return g->api->apply(g, "random_uniform", 0, NULL, 1, &to);
}

static inline kaon_node *kaon_stop_gradient(kaon_graph *g, kaon_node *a)
{
    return kaon_op1(g, "stop_gradient", a);
}

#ifdef __cplusplus
}
#endif
#endif
