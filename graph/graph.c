/* graph.c: graphs under construction: uses, constants, inputs, variables, scopes, refusals.
 *
 * All memory of a graph and of the bodies inside it comes from one arena. The first refusal is kept
 * in the outermost graph; from then on nothing is added and every call returns NULL.
 */
#include "graph/graph.h"

#include <string.h>

#include "kernel/arena.h"
#include "graph/composite.h"
#include "graph/control.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "graph/op_attr.h"
#include "kernel/structs.h"
#include "kernel/text.h"
#include "graph/transform.h"

enum { SCOPE_DEPTH = 64 };

struct kn_graph_private {
    kn_graph *root;
    kn_arena arena;
    kn_diag fault;
    kaon_param_hook *hook;
    const void *hook_context;
    int64_t streams;                  // random operations made so far, each with numbers of its own
    struct kn_composites *composites; // composite.c's own
    int32_t placed;                   // the refusal names its scope
    int32_t depth;
    int32_t marks[SCOPE_DEPTH]; // length of `scope` before each enter
    char scope[KAON_TEXT_MAX];  // "" or "0.calo/"
};

/* --- refusals --------------------------------------------------------------------------------- */

kaon_diag *kn_graph_diag(kn_graph *g)
{
    return &g->own->fault.diag;
}

kaon_status kn_graph_status(const kn_graph *g)
{
    return g->own->fault.status;
}

kn_arena *kn_graph_arena(kn_graph *g)
{
    return &g->own->arena;
}

// The scope is the place: "0.calo / matmul: inner sizes differ".
static void add_place(kn_graph *g)
{
    const size_t length = strlen(g->own->scope);
    if (length && !g->own->placed++)
        kaon_context(kn_graph_diag(g), kn_graph_status(g), "%.*s", (int)length - 1, g->own->scope);
}

static kaon_node *refuse(kaon_graph *graph, kaon_status status, const char *text)
{
    kn_graph *g = kn_graph_of(graph);
    if (!kn_graph_status(g)) {
        kaon_fail(kn_graph_diag(g), status ? status : KAON_INVALID, "%s", text ? text : "refused");
        add_place(g);
    }
    return NULL;
}

static kaon_status check(kaon_graph *graph, kaon_diag *diag)
{
    kn_graph *g = kn_graph_of(graph);
    return kn_graph_status(g) ? kn_diag_pass(&g->own->fault, diag) : KAON_OK;
}

void *kn_graph_no_memory(kn_graph *g)
{
    return refuse(&g->base, KAON_NO_MEMORY, "out of memory for the graph");
}

/* --- shapes ----------------------------------------------------------------------------------- */

kaon_status kn_shape_check(const char *what, int32_t rank, const int64_t *shape, kaon_diag *diag)
{
    if (rank < 0 || rank > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_INVALID, "%s: %d axes, at most %d are possible", what,
                         (int)rank, (int)KAON_MAX_RANK);
    int64_t count = 1;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return kaon_fail(diag, KAON_INVALID,
                             "%s: axis %d has size %lld, sizes are not negative", what, (int)i,
                             (long long)shape[i]);
        // Empty axes do not hide others that are too long: strides must fit as well.
        const int64_t size = shape[i] ? shape[i] : 1;
        if (count > INT64_MAX / 64 / size)
            return kaon_fail(diag, KAON_INVALID, "%s: more elements than can be addressed", what);
        count *= size;
    }
    return KAON_OK;
}

const char *kn_dims_text(kn_graph *g, int32_t rank, const int64_t *shape)
{
    char text[KAON_MAX_RANK * 24 + 4];
    size_t at = 0;
    text[at++] = '(';
    for (int32_t i = 0; i < rank; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? ", " : "",
                               (long long)shape[i]);
    text[at++] = ')';
    text[at] = 0;
    const char *copy = kn_arena_text(kn_graph_arena(g), text);
    return copy ? copy : "(?)";
}

static const char *shape_text(const kaon_node *node)
{
    const kn_node *n = kn_node_of(node);
    return kn_dims_text(kn_graph_of(node->graph), n->rank, n->shape);
}

const char *kn_type_text(const kn_node *node)
{
    char text[KAON_MAX_RANK * 24 + 16];
    snprintf(text, sizeof text, "%s %s", kaon_dtype_text(node->dtype), shape_text(&node->base));
    const char *copy = kn_arena_text(kn_graph_arena(kn_graph_of(node->base.graph)), text);
    return copy ? copy : "?";
}

int32_t kn_same_type(const kn_node *a, const kn_node *b)
{
    return a->dtype == b->dtype && a->rank == b->rank &&
           !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]);
}

/* --- uses ------------------------------------------------------------------------------------- */

void *kn_graph_grow(kn_graph *g, void *array, int32_t count, int32_t *room, size_t bytes)
{
    if (count < *room)
        return array;
    const int32_t wanted = *room ? *room * 2 : 16;
    if (wanted > INT32_MAX / 4)
        return kn_graph_no_memory(g);
    void *grown = kn_arena_array(kn_graph_arena(g), (size_t)wanted, bytes);
    if (!grown)
        return kn_graph_no_memory(g);
    if (count)
        memcpy(grown, array, (size_t)count * bytes);
    *room = wanted;
    return grown;
}

kn_use *kn_use_new(kn_graph *g, int32_t kind, const char *name, int32_t input_count,
                   kn_node *const *inputs, int32_t output_count)
{
    kn_arena *arena = kn_graph_arena(g);
    kn_use **uses = kn_graph_grow(g, g->uses, g->use_count, &g->use_room, sizeof(kn_use *));
    if (!uses)
        return NULL;
    g->uses = uses;
    kn_use *use = kn_arena_take(arena, sizeof *use);
    kn_node *outputs = kn_arena_array(arena, (size_t)output_count, sizeof *outputs);
    kn_node **in = kn_arena_array(arena, (size_t)input_count, sizeof *in);
    if (!use || !outputs || !in)
        return kn_graph_no_memory(g);
    if (input_count)
        memcpy(in, inputs, (size_t)input_count * sizeof *in);
    use->kind = kind;
    use->id = g->use_count;
    use->name = name;
    use->input_count = input_count;
    use->output_count = output_count;
    use->inputs = in;
    use->outputs = outputs;
    for (int32_t i = 0; i < output_count; i++) {
        outputs[i].base.graph = &g->base;
        outputs[i].use = use;
        outputs[i].index = i;
        outputs[i].id = g->node_count++;
    }
    g->uses[g->use_count++] = use;
    return use;
}

void kn_use_drop(kn_graph *g, const kn_use *use)
{
    g->use_count = use->id;
    g->node_count -= use->output_count;
}

static void set_type(kn_node *node, int32_t dtype, int32_t rank, const int64_t *shape)
{
    node->dtype = dtype;
    node->rank = rank;
    for (int32_t i = 0; i < rank; i++)
        node->shape[i] = shape[i];
}

kn_node *kn_node_seen(kn_graph *g, kn_node *node)
{
    if (node->base.graph == &g->base)
        return node;
    if (!g->outer) {
        refuse(&g->base, KAON_INVALID, "a value of another graph, or of a body outside of it");
        return NULL;
    }
    return kn_body_capture(g, node);
}

// The inputs as this graph sees them. NULL: refused.
static kn_node **see_inputs(kn_graph *g, const char *op, int32_t count, kaon_node *const *inputs)
{
    kn_node **seen = kn_arena_array(kn_graph_arena(g), (size_t)count + 1, sizeof *seen);
    if (!seen)
        return kn_graph_no_memory(g);
    for (int32_t i = 0; i < count; i++) {
        if (!inputs[i]) {
            kaon_refuse(&g->base, KAON_INVALID, "%s: input %d is missing", op, (int)i);
            return NULL;
        }
        seen[i] = kn_node_seen(g, kn_node_of(inputs[i]));
        if (!seen[i])
            return NULL;
    }
    return seen;
}

// Types of the outputs, or the use is gone and the graph has refused.
static kn_use *infer(kn_graph *g, kn_use *use)
{
    kaon_diag *diag = kn_graph_diag(g);
    kaon_status status = use->op->infer(g, use, diag);
    for (int32_t i = 0; i < use->output_count && !status; i++)
        status = kn_shape_check("result", use->outputs[i].rank, use->outputs[i].shape, diag);
    if (!status)
        return use;
    kaon_context(diag, status, "%s", use->name);
    kn_use_drop(g, use);
    return NULL;
}

int64_t kn_graph_streams(kn_graph *g, int64_t next)
{
    const int64_t was = g->own->streams;
    if (next >= 0)
        g->own->streams = next;
    return was;
}

static int32_t is_random(const kn_op *op)
{
    return op->rows == KN_ROWS_RANDOM;
}

static kn_use *apply_primitive(kn_graph *g, const kn_op *op, int32_t count, kn_node *const *inputs,
                               int32_t attr_count, const kaon_attr *attrs)
{
    if (count < op->min_inputs || count > op->max_inputs) {
        kaon_refuse(&g->base, KAON_INVALID, "%s: %d inputs, it takes %s%d", op->name, (int)count,
                    count < op->min_inputs && op->max_inputs > op->min_inputs ? "at least " : "",
                    count < op->min_inputs ? (int)op->min_inputs : (int)op->max_inputs);
        return NULL;
    }
    kn_use *use = kn_use_new(g, KN_USE_OP, op->name, count, inputs, op->output_count);
    if (!use)
        return NULL;
    use->op = op;
    if (kn_attrs_fill(g, use, attr_count, attrs)) {
        kn_use_drop(g, use);
        return NULL;
    }
    if (is_random(op) && kn_attr_int(use, "stream", -1) < 0)
        kn_attr_set(use, "stream", g->own->streams++);
    use = infer(g, use);
    // Bodies draw no numbers: a scan or its derivative runs a step twice and must see the same
    // ones.
    return use && is_random(op) && g->outer ? kn_body_hoist(g, use) : use;
}

// Attributes as this kernel knows them, whatever size a plugin's have. NULL: refused.
static const kaon_attr *take_attrs(kn_graph *g, int32_t count, const kaon_attr *given)
{
    if (!count || given->size == sizeof *given)
        return given;
    kaon_attr *own = kn_arena_array(kn_graph_arena(g), (size_t)count, sizeof *own);
    const char *at = (const char *)given;
    for (int32_t i = 0; own && i < count; i++, at += given->size)
        if (kn_struct_take(&own[i], sizeof *own, at, "kaon_attr", kn_graph_diag(g)))
            return NULL;
    return own ? own : kn_graph_no_memory(g);
}

static kaon_node *apply(kaon_graph *graph, const char *name, int32_t input_count,
                        kaon_node *const *inputs, int32_t attr_count, const kaon_attr *attrs)
{
    kn_graph *g = kn_graph_of(graph);
    if (kn_graph_status(g))
        return NULL;
    if (!name || input_count < 0 || attr_count < 0 || (input_count && !inputs) ||
        (attr_count && !attrs))
        return refuse(graph, KAON_INVALID, "an operation without name, inputs or attributes");
    kn_node **seen = see_inputs(g, name, input_count, inputs);
    const kaon_attr *known = seen ? take_attrs(g, attr_count, attrs) : NULL;
    if (!seen || (attr_count && !known))
        return NULL;
    const kn_op *op = kn_op_find(name);
    const kn_use *use = op ? apply_primitive(g, op, input_count, seen, attr_count, known)
                           : kn_composite_apply(g, name, input_count, seen, attr_count, known);
    if (!use) {
        add_place(g);
        return NULL;
    }
    return kn_out(use, 0);
}

kn_use *kn_use_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs)
{
    if (kn_graph_status(to))
        return NULL;
    if (use->kind == KN_USE_CONST) {
        const kn_node *n = &use->outputs[0];
        const kn_node *copy = kn_constant(to, n->dtype, n->rank, n->shape, use->data);
        return copy ? copy->use : NULL;
    }
    if (use->kind == KN_USE_SCAN || use->kind == KN_USE_COND)
        return kn_control_copy(to, use, inputs);
    if (use->composite)
        return kn_composite_copy(to, use, inputs);
    return apply_primitive(to, use->op, use->input_count, inputs, use->attr_count, use->attrs);
}

static kaon_node *output(kaon_node *node, int32_t index)
{
    if (!node)
        return NULL;
    const kn_use *use = kn_node_of(node)->use;
    if (index < 0 || index >= use->output_count)
        return kaon_refuse(node->graph, KAON_INVALID, "%s: output %d, there are %d", use->name,
                           (int)index, (int)use->output_count);
    return kn_out(use, index);
}

/* --- leaves ----------------------------------------------------------------------------------- */

// A cleared constant that waits for its data.
static kn_node *new_constant(kn_graph *g, int32_t dtype, int32_t rank, const int64_t *shape,
                             size_t *bytes)
{
    kn_use *use = kn_use_new(g, KN_USE_CONST, "constant", 0, NULL, 1);
    if (!use)
        return NULL;
    kn_node *node = &use->outputs[0];
    set_type(node, dtype, rank, shape);
    *bytes = (size_t)kn_node_count(node) * kaon_dtype_bytes(dtype);
    use->data = kn_arena_take(kn_graph_arena(g), *bytes ? *bytes : 1);
    return use->data ? node : kn_graph_no_memory(g);
}

kn_node *kn_constant(kn_graph *g, int32_t dtype, int32_t rank, const int64_t *shape,
                     const void *data)
{
    if (kn_graph_status(g))
        return NULL;
    size_t bytes;
    kn_node *node = new_constant(g, dtype, rank, shape, &bytes);
    if (node && bytes)
        memcpy((void *)node->use->data, data, bytes);
    return node;
}

static void copy_strided(const kaon_view *view, char *to)
{
    const size_t bytes = kaon_dtype_bytes(view->dtype);
    int64_t at[KAON_MAX_RANK] = {0};
    for (int64_t n = kaon_view_count(view); n > 0; n--) {
        int64_t offset = 0;
        for (int32_t i = 0; i < view->rank; i++)
            offset += at[i] * view->strides[i];
        memcpy(to, (const char *)view->data + offset * (int64_t)bytes, bytes);
        to += bytes;
        for (int32_t i = view->rank - 1; i >= 0 && ++at[i] == view->shape[i]; i--)
            at[i] = 0;
    }
}

static kaon_node *constant(kaon_graph *graph, const kaon_view *view)
{
    kn_graph *g = kn_graph_of(graph);
    if (kn_graph_status(g))
        return NULL;
    if (!view || view->size < sizeof *view || !kaon_dtype_bytes(view->dtype) ||
        view->device_type != KAON_DEVICE_CPU)
        return refuse(graph, KAON_INVALID, "constant: needs a view of a tensor in host memory");
    if (kn_shape_check("constant", view->rank, view->shape, kn_graph_diag(g)))
        return NULL;
    if (!view->data && kaon_view_count(view))
        return refuse(graph, KAON_INVALID, "constant: the view has no data");
    size_t bytes;
    kn_node *node = new_constant(g, view->dtype, view->rank, view->shape, &bytes);
    if (!node)
        return NULL;
    if (view->strides)
        copy_strided(view, (void *)node->use->data);
    else if (bytes)
        memcpy((void *)node->use->data, view->data, bytes);
    return &node->base;
}

static kaon_node *input(kaon_graph *graph, const char *name, int32_t dtype, int32_t rank,
                        const int64_t *shape)
{
    kn_graph *at = kn_graph_of(graph);
    kn_graph *g = at->own->root;
    if (kn_graph_status(g))
        return NULL;
    if (!name || !kaon_dtype_bytes(dtype))
        return refuse(graph, KAON_INVALID, "input: needs a name and a type");
    if (kn_shape_check("input", rank, shape, kn_graph_diag(g)))
        return NULL;
    kn_node **inputs =
        kn_graph_grow(g, g->inputs, g->input_count, &g->input_room, sizeof(kn_node *));
    const char *copy = kn_arena_text(kn_graph_arena(g), name);
    if (!inputs || !copy)
        return kn_graph_no_memory(g);
    g->inputs = inputs;
    kn_use *use = kn_use_new(g, KN_USE_INPUT, copy, 0, NULL, 1);
    if (!use)
        return NULL;
    set_type(&use->outputs[0], dtype, rank, shape);
    use->index = g->input_count;
    g->inputs[g->input_count++] = &use->outputs[0];
    const kn_node *seen = kn_node_seen(at, &use->outputs[0]);
    return seen ? kn_out(seen->use, 0) : NULL;
}

/* --- variables -------------------------------------------------------------------------------- */

// "0.calo/weight": the scope and the name, or the name alone if it begins with '/'.
static char *full_name(kn_graph *g, const char *name)
{
    char path[2 * KAON_TEXT_MAX];
    if (!name || !*name || !kn_utf8_valid(name, strlen(name)))
        return (char *)refuse(&g->base, KAON_INVALID, "variable: needs a name in UTF-8");
    const int absolute = *name == '/';
    const int length = snprintf(path, sizeof path, "%s%s", absolute ? "" : g->own->scope,
                                absolute ? name + 1 : name);
    if (length <= 0 || length >= KAON_TEXT_MAX)
        return (char *)refuse(&g->base, KAON_INVALID, "variable: the name is empty or too long");
    char *copy = kn_arena_text(kn_graph_arena(g), path);
    return copy ? copy : kn_graph_no_memory(g);
}

static kn_graph_variable *find_variable(kn_graph *g, const char *name)
{
    for (int32_t i = 0; i < g->variable_count; i++) {
        if (!strcmp(g->variables[i].name, name))
            return &g->variables[i];
    }
    return NULL;
}

static kn_graph_variable *add_variable(kn_graph *g, const kaon_variable *v, char *name,
                                       int32_t dtype)
{
    kn_graph_variable *all =
        kn_graph_grow(g, g->variables, g->variable_count, &g->variable_room, sizeof *g->variables);
    if (!all)
        return NULL;
    g->variables = all;
    kn_use *use = kn_use_new(g, KN_USE_VARIABLE, name, 0, NULL, 1);
    if (!use)
        return NULL;
    use->index = g->variable_count;
    set_type(&use->outputs[0], dtype, v->rank, v->shape);
    kn_graph_variable *made = &g->variables[g->variable_count++];
    *made = (kn_graph_variable){.name = name,
                                .dtype = dtype,
                                .rank = v->rank,
                                .init = v->init,
                                .flags = v->flags,
                                .fan_axis = v->fan_axis,
                                .scale = v->scale,
                                .node = &use->outputs[0]};
    for (int32_t i = 0; i < v->rank; i++)
        made->shape[i] = v->shape[i];
    return made;
}

static kn_node *read_variable(kn_graph *g, const kaon_variable *given)
{
    kaon_variable own, *const v = &own;
    if (kn_struct_take(v, sizeof own, given, "kaon_variable", kn_graph_diag(g)))
        return NULL;
    const int32_t dtype = v->dtype < 0 ? g->float_type : v->dtype;
    if (!kaon_dtype_bytes(dtype) || v->init < KAON_INIT_ZERO || v->init > KAON_INIT_ORTHOGONAL)
        return (kn_node *)refuse(&g->base, KAON_INVALID, "variable: unknown type or start");
    if (kn_shape_check("variable", v->rank, v->shape, kn_graph_diag(g)))
        return NULL;
    char *name = full_name(g, v->name);
    if (!name)
        return NULL;
    const kn_graph_variable *known = find_variable(g, name);
    if (!known)
        known = add_variable(g, v, name, dtype);
    if (!known)
        return NULL;
    if (known->dtype != dtype || known->rank != v->rank ||
        (v->rank && memcmp(known->shape, v->shape, (size_t)v->rank * sizeof v->shape[0]))) {
        kaon_refuse(&g->base, KAON_INVALID, "variable '%s' is %s, asked for again as %s %s", name,
                    kn_type_text(known->node), kaon_dtype_text(dtype),
                    kn_dims_text(g, v->rank, v->shape));
        return NULL;
    }
    return known->node;
}

static kaon_node *variable(kaon_graph *graph, const kaon_variable *v)
{
    kn_graph *at = kn_graph_of(graph);
    kn_graph *g = at->own->root; // variables live outside of bodies
    if (kn_graph_status(g) || !v)
        return NULL;
    kn_node *node = read_variable(g, v);
    kaon_param_hook *hook = g->own->hook;
    if (node && hook && (g->variables[node->use->index].flags & KAON_TRAINABLE)) {
        g->own->hook = NULL; // a hook reads its own variables plainly
        node = kn_node_of(hook(&g->base, g->own->hook_context, &node->base));
        g->own->hook = hook;
    }
    node = node ? kn_node_seen(at, node) : NULL;
    return node ? kn_out(node->use, node->index) : NULL;
}

static void update(kaon_graph *graph, kaon_node *variable_node, kaon_node *value)
{
    kn_graph *g = kn_graph_of(graph);
    if (kn_graph_status(g) || !variable_node || !value)
        return;
    const kn_node *read = kn_node_of(variable_node);
    kn_node *to = kn_node_of(value);
    if (g->outer || to->base.graph != graph || read->base.graph != graph) {
        refuse(graph, KAON_UNSUPPORTED, "update: not inside a step of scan or a branch of cond");
        return;
    }
    if (read->use->kind != KN_USE_VARIABLE) {
        kaon_refuse(graph, KAON_INVALID, "update: '%s' is no variable", read->use->name);
        return;
    }
    kn_graph_variable *v = &g->variables[read->use->index];
    if (!kn_same_type(read, to))
        kaon_refuse(graph, KAON_INVALID, "update: variable '%s' is %s, its new value %s", v->name,
                    kn_type_text(read), kn_type_text(to));
    else if (v->value)
        kaon_refuse(graph, KAON_INVALID, "update: variable '%s' is updated twice", v->name);
    else
        v->value = to;
}

static int32_t params(kaon_graph *graph, int32_t room, kaon_node **out)
{
    const kn_graph *g = kn_graph_of(graph)->own->root;
    int32_t count = 0;
    for (int32_t i = 0; i < g->variable_count; i++) {
        if (!(g->variables[i].flags & KAON_TRAINABLE))
            continue;
        if (count < room)
            out[count] = &g->variables[i].node->base;
        count++;
    }
    return count;
}

static void enter(kaon_graph *graph, const char *name)
{
    struct kn_graph_private *own = kn_graph_of(graph)->own;
    const size_t length = strlen(own->scope);
    if (own->depth == SCOPE_DEPTH || !name || length + strlen(name) + 2 > sizeof own->scope / 2) {
        refuse(graph, KAON_INVALID, "scopes are nested too deep or their names are too long");
        own->depth += own->depth < SCOPE_DEPTH; // so that leave still matches
        if (own->depth)
            own->marks[own->depth - 1] = (int32_t)length;
        return;
    }
    own->marks[own->depth++] = (int32_t)length;
    snprintf(own->scope + length, sizeof own->scope - length, "%s/", name);
}

static void leave(kaon_graph *graph)
{
    struct kn_graph_private *own = kn_graph_of(graph)->own;
    if (own->depth)
        own->scope[own->marks[--own->depth]] = 0;
    else
        refuse(graph, KAON_INVALID, "a scope is left that was not entered");
}

static void through(kaon_graph *graph, kaon_param_hook *hook, const void *context)
{
    struct kn_graph_private *own = kn_graph_of(graph)->own;
    own->hook = hook;
    own->hook_context = context;
}

/* --- questions -------------------------------------------------------------------------------- */

static const char *name_of(const kaon_node *node)
{
    const kn_use *use = node ? kn_node_of(node)->use : NULL;
    return use && (use->kind == KN_USE_VARIABLE || use->kind == KN_USE_INPUT) ? use->name : "";
}

static int32_t rank_of(const kaon_node *node)
{
    return kn_node_of(node)->rank;
}

static int64_t dim_of(const kaon_node *node, int32_t axis)
{
    const kn_node *n = kn_node_of(node);
    const int32_t at = axis < 0 ? axis + n->rank : axis;
    return at >= 0 && at < n->rank ? n->shape[at] : 0;
}

static int32_t dtype_of(const kaon_node *node)
{
    return kn_node_of(node)->dtype;
}

static int32_t float_type(const kaon_graph *g)
{
    return kn_graph_of(g)->float_type;
}

static int32_t training(const kaon_graph *g)
{
    return kn_graph_of(g)->training;
}

/* --- life ------------------------------------------------------------------------------------- */

const kaon_graph_api kn_graph_api = {
    .size = sizeof kn_graph_api,
    .apply = apply,
    .output = output,
    .constant = constant,
    .input = input,
    .variable = variable,
    .update = update,
    .enter = enter,
    .leave = leave,
    .through = through,
    .scan = kn_scan,
    .cond = kn_cond,
    .gradient = kn_gradient,
    .tangent = kn_tangent,
    .params = params,
    .name = name_of,
    .rank = rank_of,
    .dim = dim_of,
    .dtype = dtype_of,
    .shape_text = shape_text,
    .float_type = float_type,
    .training = training,
    .refuse = refuse,
    .check = check,
};

kaon_status kn_graph_new(kn_kernel *kernel, const kaon_host *host, const kaon_graph_spec *spec,
                         kn_graph **out, kaon_diag *diag)
{
    *out = NULL;
    if (spec->float_type != KAON_F32 && spec->float_type != KAON_F64)
        return kaon_fail(diag, KAON_INVALID, "a graph computes in f32 or f64, not in %s",
                         kaon_dtype_text(spec->float_type));
    kn_arena arena = {0};
    kn_graph *g = kn_arena_take(&arena, sizeof *g);
    struct kn_graph_private *own = g ? kn_arena_take(&arena, sizeof *own) : NULL;
    if (!own) {
        kn_arena_free(&arena);
        return kn_no_memory(diag, "a graph");
    }
    g->base.api = &kn_graph_api;
    g->kernel = kernel;
    g->host = host;
    g->float_type = spec->float_type;
    g->training = spec->training;
    g->own = own;
    own->root = g;
    own->arena = arena;
    kn_diag_init(&own->fault);
    *out = g;
    return KAON_OK;
}

kaon_status kn_graph_new_like(kn_graph *from, kn_graph **out, kaon_diag *diag)
{
    const kaon_graph_spec spec = {sizeof spec, from->float_type, from->training, 0};
    KAON_TRY(kn_graph_new(from->kernel, from->host, &spec, out, diag));
    (*out)->own->streams = from->own->streams;
    return KAON_OK;
}

struct kn_composites **kn_graph_composites(kn_graph *g)
{
    return &g->own->composites;
}

void kn_graph_free(kn_graph *g)
{
    if (!g)
        return;
    kn_composites_free(g->own->composites);
    kn_arena arena = g->own->arena; // the graph lies in its own arena
    kn_arena_free(&arena);
}

// The value of a body's node once the body stands in `to`.
static kn_use *inline_use(kn_graph *to, const kn_use *use, kn_node *const *map)
{
    kn_node **inputs = kn_alloc_array((size_t)use->input_count + 1, sizeof *inputs);
    if (!inputs)
        return kn_graph_no_memory(to);
    for (int32_t i = 0; i < use->input_count; i++)
        inputs[i] = map[use->inputs[i]->id];
    kn_use *copy = kn_use_copy(to, use, inputs);
    kn_free(inputs);
    return copy;
}

static kaon_status inline_uses(kn_graph *to, const kn_graph *from, kn_node *const *inputs,
                               kn_node **map)
{
    for (int32_t i = 0; i < from->use_count; i++) {
        const kn_use *use = from->uses[i];
        if (use->kind == KN_USE_CAPTURE || use->kind == KN_USE_INPUT) {
            map[use->outputs[0].id] = inputs[use->index];
            continue;
        }
        if (use->kind == KN_USE_VARIABLE) {
            const kn_graph_variable *v = find_variable(to->own->root, use->name);
            if (!v)
                return kaon_fail(kn_graph_diag(to), KAON_INTERNAL, "no variable '%s'", use->name);
            map[use->outputs[0].id] = kn_node_seen(to, v->node);
            continue;
        }
        const kn_use *copy = inline_use(to, use, map);
        if (!copy)
            return kn_graph_status(to);
        for (int32_t k = 0; k < use->output_count; k++)
            map[use->outputs[k].id] = &copy->outputs[k];
    }
    return kn_graph_status(to);
}

kaon_status kn_graph_inline(kn_graph *to, const kn_graph *from, kn_node *const *inputs,
                            int32_t output_count, kn_node *const *outputs, kn_node **results)
{
    kn_node **map = kn_alloc_array((size_t)from->node_count + 1, sizeof *map);
    if (!map) {
        kn_graph_no_memory(to);
        return KAON_NO_MEMORY;
    }
    const kaon_status status = inline_uses(to, from, inputs, map);
    for (int32_t i = 0; i < output_count && !status; i++)
        results[i] = map[outputs[i]->id];
    kn_free(map);
    return status;
}

/* A body of a scan or cond inside `outer`: the same arena, scopes and refusals. */
kn_graph *kn_graph_body(kn_graph *outer)
{
    kn_graph *g = kn_arena_take(kn_graph_arena(outer), sizeof *g);
    if (!g)
        return kn_graph_no_memory(outer);
    g->base.api = &kn_graph_api;
    g->kernel = outer->kernel;
    g->host = outer->host;
    g->float_type = outer->float_type;
    g->training = outer->training;
    g->outer = outer;
    g->own = outer->own;
    return g;
}
