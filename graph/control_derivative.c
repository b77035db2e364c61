/* control_derivative.c: derivatives of scan and cond.
 *
 * Reverse of a scan is a scan from the last step to the first: it reads what each step began with,
 * builds the step again and carries the gradients of the carries; gradients of captured nodes add
 * up in further carries. Forward mode is a scan of the tangents along the same saved carries.
 */
#include "kernel/arena.h"
#include "graph/control.h"
#include "graph/op_derivative.h"
#include "graph/transform.h"

typedef struct nodes {
    kaon_node **at;
    int32_t count;
} nodes;

// A derived scan or cond in the making.
typedef struct derived {
    const kn_derivation *d;
    kn_graph *outer;
    kn_graph *body;    // the new one
    kn_node **inputs;  // of the old body, as they stand in the new one
    kn_node **results; // of the old body, likewise
} derived;

static nodes new_nodes(kn_graph *g, int32_t room)
{
    nodes list = {kn_arena_array(kn_graph_arena(g), (size_t)room + 1, sizeof(kaon_node *)), 0};
    if (!list.at)
        kn_graph_no_memory(g);
    return list;
}

static void add(nodes *list, kaon_node *node)
{
    if (list->at)
        list->at[list->count++] = node;
}

static int32_t holds(const nodes *list, const kn_node *node)
{
    for (int32_t i = 0; i < list->count; i++) {
        if (kn_node_of(list->at[i]) == node)
            return 1;
    }
    return 0;
}

static int32_t is_float(const kn_node *node)
{
    return kaon_dtype_is_float(node->dtype) != 0;
}

static kaon_node *as_node(const kn_node *node)
{
    return kn_out(node->use, node->index);
}

static kaon_node *or_zero(kaon_graph *g, kaon_node *node, const kn_node *like)
{
    return node ? node : kn_filled(g, as_node(like), 0);
}

static kaon_node *turned(kaon_graph *g, kaon_node *node)
{
    return kn_op_axis(g, "reverse", node, 0);
}

// The old body again inside the new one, on `inputs`.
static kaon_status rebuild(derived *v, const kn_graph *old)
{
    v->results =
        kn_arena_array(kn_graph_arena(v->outer), (size_t)old->result_count + 1, sizeof *v->results);
    if (!v->results) {
        kn_graph_no_memory(v->outer);
        return KAON_NO_MEMORY;
    }
    return kn_graph_inline(v->body, old, v->inputs, old->result_count, old->results, v->results);
}

/* --- scan ------------------------------------------------------------------------------------- */

// Nodes for the inputs of a new scan, whose list they become.
static kaon_status begin_scan(derived *v, kn_scan_spec *spec, const nodes *inputs)
{
    KAON_TRY(kn_graph_status(v->outer));
    spec->inputs =
        kn_arena_array(kn_graph_arena(v->outer), (size_t)inputs->count + 1, sizeof *spec->inputs);
    if (!spec->inputs) {
        kn_graph_no_memory(v->outer);
        return KAON_NO_MEMORY;
    }
    for (int32_t i = 0; i < inputs->count; i++)
        spec->inputs[i] = kn_node_of(inputs->at[i]);
    spec->x_count = inputs->count - spec->carry_count;
    v->body = kn_scan_begin(spec);
    return kn_graph_status(v->outer);
}

// What the old body reads in the new one: saved carries and slices from `at` on, captures.
static kaon_status see_old_inputs(derived *v, int32_t at)
{
    const kn_use *use = v->d->use;
    const int32_t sliced = use->carry_count + use->x_count;
    v->inputs =
        kn_arena_array(kn_graph_arena(v->outer), (size_t)use->input_count + 1, sizeof *v->inputs);
    if (!v->inputs) {
        kn_graph_no_memory(v->outer);
        return KAON_NO_MEMORY;
    }
    for (int32_t i = 0; i < use->input_count; i++) {
        v->inputs[i] = i < sliced ? v->body->inputs[at + i] : kn_node_seen(v->body, use->inputs[i]);
        if (!v->inputs[i])
            return kn_graph_status(v->outer);
    }
    return rebuild(v, use->bodies[0]);
}

// Ends a scan on what its step has made, and keeps what each step began with for further
// derivatives.
static const kn_use *end_scan(derived *v, const kn_scan_spec *spec, const nodes *made)
{
    nodes all = new_nodes(v->outer, made->count + spec->carry_count);
    if (kn_graph_status(v->outer) || !all.at)
        return NULL;
    kn_node **results = (kn_node **)all.at;
    for (int32_t i = 0; i < made->count; i++)
        results[i] = kn_node_seen(v->body, kn_node_of(made->at[i]));
    for (int32_t i = 0; i < spec->carry_count; i++)
        results[made->count + i] = v->body->inputs[i];
    return kn_scan_end(v->body, spec, made->count + spec->carry_count, results);
}

// The carries each step of the old scan began with, stacked.
static kaon_node *saved_carry(const kn_use *use, int32_t index)
{
    return kn_out(use, use->output_count - use->carry_count + index);
}

// Carries of the reverse scan: gradients of float carries, sums for wanted captures. Slices: saved
// carries, xs and gradients of what was stacked, all from the last step to the first.
static nodes reverse_inputs(const derived *v, int32_t *carries)
{
    const kn_derivation *d = v->d;
    const kn_use *use = d->use;
    const int32_t c = use->carry_count, sliced = c + use->x_count;
    nodes in = new_nodes(v->outer, 2 * use->input_count + 2 * use->output_count);
    for (int32_t i = 0; i < c; i++) {
        if (is_float(use->inputs[i]))
            add(&in, or_zero(d->g, d->from[i], use->inputs[i]));
    }
    for (int32_t i = sliced; i < use->input_count; i++) {
        if (d->wanted[i])
            add(&in, kn_filled(d->g, kn_in(use, i), 0));
    }
    *carries = in.count;
    for (int32_t i = 0; i < c; i++)
        add(&in, turned(d->g, saved_carry(use, i)));
    for (int32_t i = c; i < sliced; i++)
        add(&in, turned(d->g, kn_in(use, i)));
    for (int32_t i = c; i < use->output_count; i++) {
        if (d->from[i])
            add(&in, turned(d->g, d->from[i]));
    }
    return in;
}

// One step backward: gradients of the step's inputs from those of its results.
static kaon_status reverse_step(derived *v, int32_t carries, nodes *made)
{
    const kn_derivation *d = v->d;
    const kn_use *use = d->use;
    const int32_t c = use->carry_count, sliced = c + use->x_count;
    kaon_graph *g = &v->body->base;
    nodes ys = new_nodes(v->outer, use->output_count), dys = new_nodes(v->outer, use->output_count);
    nodes xs = new_nodes(v->outer, use->input_count), dxs = new_nodes(v->outer, use->input_count);
    KAON_TRY(kn_graph_status(v->outer));
    int32_t carry = 0, stacked = carries + sliced;
    for (int32_t i = 0; i < use->output_count; i++) {
        if (i < c ? !is_float(use->inputs[i]) : !d->from[i])
            continue;
        add(&ys, as_node(v->results[i]));
        add(&dys, as_node(v->body->inputs[i < c ? carry++ : stacked++]));
    }
    for (int32_t i = 0; i < use->input_count; i++) {
        if (i < c ? is_float(use->inputs[i]) : d->wanted[i])
            add(&xs, as_node(v->inputs[i]));
    }
    const kn_function f = {v->body, 0, xs.count, ys.count, xs.at, ys.at};
    KAON_TRY(kn_backward(&f, dys.at, dxs.at));
    const int32_t floats = carry; // xs: float carries, wanted slices, wanted captures
    const int32_t sums = carries - floats, slices = xs.count - floats - sums;
    for (int32_t i = 0; i < floats; i++)
        add(made, or_zero(g, dxs.at[i], kn_node_of(xs.at[i])));
    for (int32_t i = 0; i < sums; i++)
        add(made, kn_plus(g, as_node(v->body->inputs[floats + i]), dxs.at[floats + slices + i]));
    for (int32_t i = floats; i < floats + slices; i++)
        add(made, or_zero(g, dxs.at[i], kn_node_of(xs.at[i])));
    return kn_graph_status(v->outer);
}

void kn_scan_reverse(const kn_derivation *d)
{
    const kn_use *use = d->use;
    derived v = {.d = d, .outer = kn_graph_of(d->g)};
    kn_scan_spec spec = {.outer = v.outer, .length = use->length};
    const nodes inputs = reverse_inputs(&v, &spec.carry_count);
    nodes made = new_nodes(v.outer, use->input_count);
    if (begin_scan(&v, &spec, &inputs) || see_old_inputs(&v, spec.carry_count) ||
        reverse_step(&v, spec.carry_count, &made))
        return;
    const kn_use *scan = end_scan(&v, &spec, &made);
    if (!scan)
        return;
    const int32_t c = use->carry_count, sliced = c + use->x_count;
    int32_t carry = 0, slice = spec.carry_count;
    for (int32_t i = 0; i < use->input_count; i++) {
        if (i < c && is_float(use->inputs[i]))
            d->to[i] = kn_out(scan, carry++);
        if (i >= c && i < sliced && d->wanted[i])
            d->to[i] = turned(d->g, kn_out(scan, slice++));
        if (i >= sliced && d->wanted[i])
            d->to[i] = kn_out(scan, carry++);
    }
}

// Carries: tangents of float carries. Slices: saved carries, xs, tangents of xs that move.
static nodes forward_inputs(const derived *v, int32_t *carries)
{
    const kn_derivation *d = v->d;
    const kn_use *use = d->use;
    const int32_t c = use->carry_count, sliced = c + use->x_count;
    nodes in = new_nodes(v->outer, 2 * use->input_count + c);
    for (int32_t i = 0; i < c; i++) {
        if (is_float(use->inputs[i]))
            add(&in, or_zero(d->g, d->from[i], use->inputs[i]));
    }
    *carries = in.count;
    for (int32_t i = 0; i < c; i++)
        add(&in, saved_carry(use, i));
    for (int32_t i = c; i < sliced; i++)
        add(&in, kn_in(use, i));
    for (int32_t i = c; i < sliced; i++) {
        if (d->from[i])
            add(&in, d->from[i]);
    }
    return in;
}

static kaon_status forward_step(derived *v, int32_t carries, nodes *made)
{
    const kn_derivation *d = v->d;
    const kn_use *use = d->use;
    const int32_t c = use->carry_count, sliced = c + use->x_count;
    nodes ys = new_nodes(v->outer, use->output_count), dys = new_nodes(v->outer, use->output_count);
    nodes xs = new_nodes(v->outer, use->input_count), dxs = new_nodes(v->outer, use->input_count);
    KAON_TRY(kn_graph_status(v->outer));
    int32_t carry = 0, slice = carries + sliced;
    for (int32_t i = 0; i < use->input_count; i++) {
        if (i < c ? !is_float(use->inputs[i]) : !d->from[i])
            continue;
        add(&xs, as_node(v->inputs[i]));
        kn_node *moves = i < c        ? v->body->inputs[carry++]
                         : i < sliced ? v->body->inputs[slice++]
                                      : kn_node_seen(v->body, kn_node_of(d->from[i]));
        add(&dxs, moves ? as_node(moves) : NULL);
    }
    for (int32_t i = 0; i < use->output_count; i++) {
        if (is_float(&use->outputs[i]))
            add(&ys, as_node(v->results[i]));
    }
    const kn_function f = {v->body, 0, xs.count, ys.count, xs.at, ys.at};
    KAON_TRY(kn_graph_status(v->outer));
    KAON_TRY(kn_forward(&f, dxs.at, dys.at));
    for (int32_t i = 0; i < ys.count; i++)
        add(made, or_zero(&v->body->base, dys.at[i], kn_node_of(ys.at[i])));
    return kn_graph_status(v->outer);
}

void kn_scan_forward(const kn_derivation *d)
{
    const kn_use *use = d->use;
    derived v = {.d = d, .outer = kn_graph_of(d->g)};
    kn_scan_spec spec = {.outer = v.outer, .length = use->length};
    const nodes inputs = forward_inputs(&v, &spec.carry_count);
    nodes made = new_nodes(v.outer, use->output_count);
    if (begin_scan(&v, &spec, &inputs) || see_old_inputs(&v, spec.carry_count) ||
        forward_step(&v, spec.carry_count, &made))
        return;
    const kn_use *scan = end_scan(&v, &spec, &made);
    for (int32_t i = 0, at = 0; scan && i < use->output_count; i++) {
        if (is_float(&use->outputs[i]))
            d->to[i] = kn_out(scan, at++);
    }
}

/* --- cond ------------------------------------------------------------------------------------- */

// One branch of the derived cond: the old branch again, then its derivative.
static kn_node **derive_branch(derived *v, const kn_graph *old, int32_t reverse, int32_t *count)
{
    const kn_derivation *d = v->d;
    const kn_use *use = d->use;
    nodes ys = new_nodes(v->outer, use->output_count), dys = new_nodes(v->outer, use->output_count);
    nodes xs = new_nodes(v->outer, use->input_count), dxs = new_nodes(v->outer, use->input_count);
    v->body = kn_branch_begin(v->outer, 0, NULL);
    v->inputs =
        kn_arena_array(kn_graph_arena(v->outer), (size_t)use->input_count + 1, sizeof *v->inputs);
    if (kn_graph_status(v->outer) || !v->inputs)
        return NULL;
    for (int32_t i = 1; i < use->input_count; i++) {
        kn_node *in = kn_node_seen(v->body, use->inputs[i]);
        v->inputs[i - 1] = in;
        if (!in || (reverse ? !d->wanted[i] : !d->from[i]))
            continue;
        // The same node may have come in twice: it moves once, its gradient goes to the first.
        if (!reverse && holds(&xs, in))
            continue;
        kn_node *moves = reverse ? NULL : kn_node_seen(v->body, kn_node_of(d->from[i]));
        add(&xs, as_node(in));
        add(&dxs, moves ? as_node(moves) : NULL);
    }
    if (kn_graph_status(v->outer) || rebuild(v, old))
        return NULL;
    for (int32_t i = 0; i < use->output_count; i++) {
        if (reverse ? !d->from[i] : !is_float(&use->outputs[i]))
            continue;
        kn_node *grad = reverse ? kn_node_seen(v->body, kn_node_of(d->from[i])) : NULL;
        add(&ys, as_node(v->results[i]));
        add(&dys, grad ? as_node(grad) : NULL);
    }
    const kn_function f = {v->body, 0, xs.count, ys.count, xs.at, ys.at};
    if (reverse ? kn_backward(&f, dys.at, dxs.at) : kn_forward(&f, dxs.at, dys.at))
        return NULL;
    const nodes *given = reverse ? &dxs : &dys, *like = reverse ? &xs : &ys;
    kn_node **results = (kn_node **)new_nodes(v->outer, like->count).at;
    for (int32_t i = 0; results && i < like->count; i++) {
        const nodes before = {like->at, i};
        kn_node *as = kn_node_of(like->at[i]);
        kaon_node *node =
            or_zero(&v->body->base, reverse && holds(&before, as) ? NULL : given->at[i], as);
        results[i] = node ? kn_node_of(node) : NULL;
    }
    *count = like->count;
    return kn_graph_status(v->outer) ? NULL : results;
}

static const kn_use *derive_cond(const kn_derivation *d, int32_t reverse)
{
    const kn_use *use = d->use;
    derived v = {.d = d, .outer = kn_graph_of(d->g)};
    kn_graph *branches[2];
    kn_node **results[2];
    int32_t count = 0;
    for (int32_t b = 0; b < 2; b++) {
        results[b] = derive_branch(&v, use->bodies[b], reverse, &count);
        branches[b] = v.body;
        if (!results[b])
            return NULL;
    }
    return kn_cond_end(use->inputs[0], 0, NULL, branches, count,
                       (kn_node *const *const[]){results[0], results[1]});
}

void kn_cond_reverse(const kn_derivation *d)
{
    const kn_use *cond = derive_cond(d, 1);
    for (int32_t i = 1, at = 0; cond && i < d->use->input_count; i++) {
        if (d->wanted[i])
            d->to[i] = kn_out(cond, at++);
    }
}

void kn_cond_forward(const kn_derivation *d)
{
    const kn_use *cond = derive_cond(d, 0);
    for (int32_t i = 0, at = 0; cond && i < d->use->output_count; i++) {
        if (is_float(&d->use->outputs[i]))
            d->to[i] = kn_out(cond, at++);
    }
}
