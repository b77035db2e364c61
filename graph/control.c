/* control.c: scan and cond: bodies and what they capture.
 *
 * A body is a graph of its own in the memory of the graph outside. While it is built, nodes from
 * outside are captured where they are used, and random operations are moved outside; when it ends,
 * both become inputs of the scan or cond.
 */
#include "graph/control.h"

#include <string.h>

#include "kernel/arena.h"

enum { SMALL_CONSTANT = 16 }; // elements of a constant that is copied into a body, not captured

typedef struct node_list {
    kn_node **at;
    int32_t count;
    int32_t room;
} node_list;

struct kn_body {
    int64_t length;     // of a scan; -1: a branch
    node_list captures; // inside; g->captured has their nodes outside
    node_list numbers;  // inside: random numbers of the step
    node_list stacks;   // outside: those of all steps
};

static kaon_status append(kn_graph *g, node_list *list, kn_node *node)
{
    kn_node **at = kn_graph_grow(g, list->at, list->count, &list->room, sizeof(kn_node *));
    if (!at)
        return KAON_NO_MEMORY;
    list->at = at;
    list->at[list->count++] = node;
    return KAON_OK;
}

static kn_node **new_list(kn_graph *g, int32_t count)
{
    kn_node **list = kn_arena_array(kn_graph_arena(g), (size_t)count + 1, sizeof *list);
    return list ? list : kn_graph_no_memory(g);
}

/* --- building bodies -------------------------------------------------------------------------- */

static kn_node *new_input(kn_graph *body, int32_t dtype, int32_t rank, const int64_t *shape)
{
    kn_use *use = kn_use_new(body, KN_USE_CAPTURE, "input", 0, NULL, 1);
    if (!use)
        return NULL;
    kn_node *node = &use->outputs[0];
    node->dtype = dtype;
    node->rank = rank;
    memcpy(node->shape, shape, (size_t)rank * sizeof *shape);
    return node;
}

static kn_graph *new_body(kn_graph *outer, int64_t length)
{
    kn_graph *g = kn_graph_body(outer);
    if (!g)
        return NULL;
    g->body = kn_arena_take(kn_graph_arena(outer), sizeof *g->body);
    if (!g->body)
        return kn_graph_no_memory(outer);
    g->body->length = length;
    return g;
}

static kaon_status add_input(kn_graph *body, const kn_node *like, int32_t skip)
{
    node_list inputs = {body->inputs, body->input_count, body->input_room};
    kn_node *in = new_input(body, like->dtype, like->rank - skip, like->shape + skip);
    KAON_TRY(in ? append(body, &inputs, in) : KAON_NO_MEMORY);
    body->inputs = inputs.at;
    body->input_count = inputs.count;
    body->input_room = inputs.room;
    return KAON_OK;
}

kn_node *kn_body_capture(kn_graph *body, kn_node *node)
{
    kn_node *outside = kn_node_seen(body->outer, node);
    if (!outside)
        return NULL;
    if (!body->body) {
        kaon_refuse(&body->base, KAON_INVALID, "a body of scan or cond is added to after its end");
        return NULL;
    }
    if (outside->use->kind == KN_USE_CONST && kn_node_count(outside) <= SMALL_CONSTANT)
        return kn_constant(body, outside->dtype, outside->rank, outside->shape, outside->use->data);
    for (int32_t i = 0; i < body->captured_count; i++) {
        if (body->captured[i] == outside)
            return body->body->captures.at[i];
    }
    node_list outer = {body->captured, body->captured_count, body->captured_room};
    kn_node *inside = new_input(body, outside->dtype, outside->rank, outside->shape);
    if (!inside || append(body, &body->body->captures, inside) || append(body, &outer, outside))
        return NULL;
    body->captured = outer.at;
    body->captured_count = outer.count;
    body->captured_room = outer.room;
    return inside;
}

kn_use *kn_body_hoist(kn_graph *body, kn_use *use)
{
    const kn_node numbers = use->outputs[0];
    const int64_t length = body->body ? body->body->length : -1;
    const int32_t stacked = length >= 0;
    int64_t shape[KAON_MAX_RANK + 1] = {length};
    memcpy(shape + stacked, numbers.shape, (size_t)numbers.rank * sizeof *shape);
    kn_use_drop(body, use);
    const kaon_attr attrs[] = {
        kaon_attr_ints("shape", numbers.rank + stacked, shape),
        kaon_attr_int("stream", kn_attr_int(use, "stream", 0)),
    };
    kaon_graph *outer = &body->outer->base;
    kaon_node *made = outer->api->apply(outer, use->name, 0, NULL, 2, attrs);
    if (!made)
        return NULL;
    if (!stacked) {
        const kn_node *seen = kn_body_capture(body, kn_node_of(made));
        return seen ? seen->use : NULL;
    }
    kn_node *inside = new_input(body, numbers.dtype, numbers.rank, numbers.shape);
    if (!inside || append(body, &body->body->numbers, inside) ||
        append(body, &body->body->stacks, kn_node_of(made)))
        return NULL;
    return inside->use;
}

// The inputs of a body in their final order, and what stands for them outside.
static kn_node **close_inputs(kn_graph *body, int32_t given, kn_node *const *outside,
                              int32_t *count)
{
    struct kn_body *b = body->body;
    const int32_t all = given + b->numbers.count + body->captured_count;
    kn_node **in = new_list(body, all), **out = new_list(body, all);
    if (!in || !out)
        return NULL;
    int32_t at = 0;
    for (int32_t i = 0; i < given; i++, at++) {
        in[at] = body->inputs[i];
        out[at] = outside[i];
    }
    for (int32_t i = 0; i < b->numbers.count; i++, at++) {
        in[at] = b->numbers.at[i];
        out[at] = b->stacks.at[i];
    }
    for (int32_t i = 0; i < body->captured_count; i++, at++) {
        in[at] = b->captures.at[i];
        out[at] = body->captured[i];
    }
    for (int32_t i = 0; i < all; i++)
        in[i]->use->index = i;
    body->inputs = in;
    body->input_count = body->input_room = all;
    *count = all;
    return out;
}

static kaon_status set_results(kn_graph *body, int32_t count, kn_node *const *results)
{
    body->results = new_list(body, count);
    if (!body->results)
        return KAON_NO_MEMORY;
    memcpy(body->results, results, (size_t)count * sizeof *results);
    body->result_count = count;
    body->body = NULL;
    return KAON_OK;
}

// What a body function has left, as nodes of the body.
static kaon_status see_results(kn_graph *body, const char *what, int32_t count,
                               kaon_node *const *out, kn_node **results)
{
    KAON_TRY(kn_graph_status(body));
    for (int32_t i = 0; i < count; i++) {
        if (!out[i])
            kaon_refuse(&body->base, KAON_INVALID, "%s: the body leaves result %d empty", what,
                        (int)i);
        else
            results[i] = kn_node_seen(body, kn_node_of(out[i]));
        KAON_TRY(kn_graph_status(body));
    }
    return KAON_OK;
}

/* --- scan ------------------------------------------------------------------------------------- */

kn_graph *kn_scan_begin(const kn_scan_spec *spec)
{
    kn_graph *outer = spec->outer;
    kn_graph *body = kn_graph_status(outer) ? NULL : new_body(outer, spec->length);
    for (int32_t i = 0; body && i < spec->carry_count + spec->x_count; i++) {
        const kn_node *in = spec->inputs[i];
        const int32_t is_x = i >= spec->carry_count;
        if (is_x && (!in->rank || in->shape[0] != spec->length)) {
            kaon_refuse(&outer->base, KAON_INVALID, "scan: %lld steps over %s",
                        (long long)spec->length, kn_type_text(in));
            return NULL;
        }
        if (add_input(body, in, is_x))
            return NULL;
    }
    return body;
}

// Types of a scan's outputs: last carries, then what is stacked.
static kaon_status type_outputs(kn_use *use, const kn_scan_spec *spec, kn_node *const *results)
{
    kaon_graph *g = &spec->outer->base;
    for (int32_t i = 0; i < use->output_count; i++) {
        const kn_node *result = results[i];
        const int32_t stacked = i >= spec->carry_count;
        kn_node *out = &use->outputs[i];
        if (!stacked && !kn_same_type(result, spec->inputs[i]))
            kaon_refuse(g, KAON_INVALID, "scan: carry %d starts as %s, a step returns %s", (int)i,
                        kn_type_text(spec->inputs[i]), kn_type_text(result));
        else if (result->rank + stacked > KAON_MAX_RANK)
            kaon_refuse(g, KAON_INVALID, "scan: %s cannot be stacked, %d axes are possible",
                        kn_type_text(result), (int)KAON_MAX_RANK);
        KAON_TRY(kn_graph_status(spec->outer));
        out->dtype = result->dtype;
        out->rank = result->rank + stacked;
        out->shape[0] = spec->length;
        memcpy(out->shape + stacked, result->shape, (size_t)result->rank * sizeof(int64_t));
        KAON_TRY(kn_shape_check("scan", out->rank, out->shape, kn_graph_diag(spec->outer)));
    }
    return KAON_OK;
}

kn_use *kn_scan_end(kn_graph *body, const kn_scan_spec *spec, int32_t result_count,
                    kn_node *const *results)
{
    const int32_t given = spec->carry_count + spec->x_count;
    int32_t count;
    if (kn_graph_status(body))
        return NULL;
    const int32_t numbers = body->body->numbers.count;
    kn_node **inputs = close_inputs(body, given, spec->inputs, &count);
    if (!inputs || set_results(body, result_count, results))
        return NULL;
    kn_use *use = kn_use_new(spec->outer, KN_USE_SCAN, "scan", count, inputs, result_count);
    if (!use)
        return NULL;
    use->bodies[0] = body;
    use->carry_count = spec->carry_count;
    use->x_count = spec->x_count + numbers;
    use->length = spec->length;
    return type_outputs(use, spec, body->results) ? NULL : use;
}

static kaon_status build_scan(const kn_scan_spec *spec, kaon_body *step, void *context,
                              int32_t y_count, kaon_node **results)
{
    const int32_t count = spec->carry_count + y_count;
    kn_graph *body = kn_scan_begin(spec);
    kn_node **made = body ? new_list(body, count + spec->carry_count) : NULL;
    kaon_node **room = made ? (kaon_node **)new_list(body, body->input_count + count) : NULL;
    if (!room)
        return kn_graph_status(spec->outer);
    for (int32_t i = 0; i < body->input_count; i++)
        room[i] = kn_out(body->inputs[i]->use, 0);
    step(&body->base, context, room, room + body->input_count);
    KAON_TRY(see_results(body, "scan", count, room + body->input_count, made));
    for (int32_t i = 0; i < spec->carry_count; i++)
        made[count + i] = body->inputs[i]; // what each step began with, for the derivative
    const kn_use *use = kn_scan_end(body, spec, count + spec->carry_count, made);
    for (int32_t i = 0; use && i < count; i++)
        results[i] = kn_out(use, i);
    return kn_graph_status(spec->outer);
}

kaon_status kn_scan(kaon_graph *graph, kaon_body *body, void *context, int32_t carry_count,
                    kaon_node *const *carry, int32_t x_count, kaon_node *const *xs, int64_t length,
                    int32_t y_count, kaon_node **results)
{
    kn_graph *g = kn_graph_of(graph);
    for (int32_t i = 0; i < carry_count + y_count; i++)
        results[i] = NULL;
    KAON_TRY(kn_graph_status(g));
    kn_scan_spec spec = {g, length, carry_count, x_count, new_list(g, carry_count + x_count)};
    for (int32_t i = 0; spec.inputs && i < carry_count + x_count; i++) {
        kaon_node *in = i < carry_count ? carry[i] : xs[i - carry_count];
        if (!in)
            kaon_refuse(graph, KAON_INVALID, "scan: input %d is missing", (int)i);
        else
            spec.inputs[i] = kn_node_seen(g, kn_node_of(in));
        KAON_TRY(kn_graph_status(g));
    }
    if (length < 0)
        kaon_refuse(graph, KAON_INVALID, "scan: %lld steps", (long long)length);
    KAON_TRY(kn_graph_status(g));
    return build_scan(&spec, body, context, y_count, results);
}

/* --- cond ------------------------------------------------------------------------------------- */

kn_graph *kn_branch_begin(kn_graph *outer, int32_t in_count, kn_node *const *ins)
{
    kn_graph *body = kn_graph_status(outer) ? NULL : new_body(outer, -1);
    for (int32_t i = 0; body && i < in_count; i++) {
        if (add_input(body, ins[i], 0))
            return NULL;
    }
    return body;
}

// Both branches capture the same nodes in the same order, so that one list of inputs serves both.
static kaon_status share_captures(kn_graph *const branches[2])
{
    kn_graph *a = branches[0], *b = branches[1];
    for (int32_t i = 0; i < b->captured_count; i++) {
        if (!kn_body_capture(a, b->captured[i]))
            return kn_graph_status(a);
    }
    node_list captures = {0};
    for (int32_t i = 0; i < a->captured_count; i++) {
        kn_node *inside = kn_body_capture(b, a->captured[i]);
        if (!inside || append(b, &captures, inside))
            return kn_graph_status(b);
    }
    b->captured = a->captured;
    b->captured_count = a->captured_count;
    b->body->captures = captures;
    return KAON_OK;
}

kn_use *kn_cond_end(kn_node *predicate, int32_t in_count, kn_node *const *ins,
                    kn_graph *const branches[2], int32_t count, kn_node *const *const results[2])
{
    kn_graph *outer = kn_graph_of(predicate->base.graph);
    if (kn_graph_status(outer) || share_captures(branches))
        return NULL;
    kn_node **inputs = NULL;
    int32_t input_count = 0;
    for (int32_t b = 0; b < 2; b++) {
        inputs = close_inputs(branches[b], in_count, ins, &input_count);
        if (!inputs || set_results(branches[b], count, results[b]))
            return NULL;
    }
    kn_node **all = new_list(outer, input_count + 1);
    if (!all)
        return NULL;
    all[0] = predicate;
    memcpy(all + 1, inputs, (size_t)input_count * sizeof *inputs);
    kn_use *use = kn_use_new(outer, KN_USE_COND, "cond", input_count + 1, all, count);
    for (int32_t i = 0; use && i < count; i++) {
        const kn_node *a = results[0][i], *b = results[1][i];
        kn_node *out = &use->outputs[i];
        if (!kn_same_type(a, b)) {
            kaon_refuse(&outer->base, KAON_INVALID,
                        "cond: result %d is %s in one branch, %s in the other", (int)i,
                        kn_type_text(a), kn_type_text(b));
            return NULL;
        }
        out->dtype = a->dtype;
        out->rank = a->rank;
        memcpy(out->shape, a->shape, sizeof out->shape);
    }
    if (use) {
        use->bodies[0] = branches[0];
        use->bodies[1] = branches[1];
    }
    return use;
}

static kaon_status build_branch(kn_graph *body, kaon_body *function, void *context, int32_t count,
                                kn_node ***results)
{
    kn_node **made = body ? new_list(body, count) : NULL;
    kaon_node **room = made ? (kaon_node **)new_list(body, body->input_count + count) : NULL;
    if (!room)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < body->input_count; i++)
        room[i] = kn_out(body->inputs[i]->use, 0);
    function(&body->base, context, room, room + body->input_count);
    *results = made;
    return see_results(body, "cond", count, room + body->input_count, made);
}

kaon_status kn_cond(kaon_graph *graph, kaon_node *predicate, kaon_body *then_body,
                    kaon_body *else_body, void *context, int32_t in_count, kaon_node *const *in,
                    int32_t out_count, kaon_node **results)
{
    kn_graph *g = kn_graph_of(graph);
    for (int32_t i = 0; i < out_count; i++)
        results[i] = NULL;
    KAON_TRY(kn_graph_status(g));
    kn_node *choice = predicate ? kn_node_seen(g, kn_node_of(predicate)) : NULL;
    if (!choice || choice->dtype != KAON_BOOL || choice->rank)
        kaon_refuse(graph, KAON_INVALID, "cond: the predicate must be a bool scalar, got %s",
                    choice ? kn_type_text(choice) : "nothing");
    kn_node **ins = new_list(g, in_count);
    for (int32_t i = 0; ins && i < in_count && !kn_graph_status(g); i++) {
        ins[i] = in[i] ? kn_node_seen(g, kn_node_of(in[i])) : NULL;
        if (!in[i])
            kaon_refuse(graph, KAON_INVALID, "cond: input %d is missing", (int)i);
    }
    KAON_TRY(kn_graph_status(g));
    kn_graph *branches[2];
    kn_node **made[2] = {NULL, NULL};
    for (int32_t b = 0; b < 2; b++) {
        branches[b] = kn_branch_begin(g, in_count, ins);
        kaon_body *function = b ? else_body : then_body;
        KAON_TRY(build_branch(branches[b], function, context, out_count, &made[b]));
    }
    const kn_use *use = kn_cond_end(choice, in_count, ins, branches, out_count,
                                    (kn_node *const *const[]){made[0], made[1]});
    for (int32_t i = 0; use && i < out_count; i++)
        results[i] = kn_out(use, i);
    return kn_graph_status(g);
}

/* --- copies ----------------------------------------------------------------------------------- */

// The results of a body built again inside `to`, whose first inputs are those given; the others are
// captured from `outside`.
static kn_node **copy_body(kn_graph *to, const kn_graph *body, kn_node *const *outside)
{
    kn_node **inputs = to ? new_list(to, body->input_count) : NULL;
    kn_node **results = inputs ? new_list(to, body->result_count) : NULL;
    if (!results)
        return NULL;
    const int32_t given = to->input_count;
    for (int32_t i = 0; i < body->input_count; i++) {
        inputs[i] = i < given ? to->inputs[i] : kn_node_seen(to, outside[i]);
        if (!inputs[i])
            return NULL;
    }
    if (kn_graph_inline(to, body, inputs, body->result_count, body->results, results))
        return NULL;
    return results;
}

kn_use *kn_control_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs)
{
    if (use->kind == KN_USE_SCAN) {
        kn_scan_spec spec = {to, use->length, use->carry_count, use->x_count, (kn_node **)inputs};
        kn_graph *body = kn_scan_begin(&spec);
        kn_node **results = copy_body(body, use->bodies[0], inputs);
        return results ? kn_scan_end(body, &spec, use->output_count, results) : NULL;
    }
    kn_graph *branches[2];
    kn_node **results[2];
    for (int32_t b = 0; b < 2; b++) {
        branches[b] = kn_branch_begin(to, 0, NULL);
        results[b] = copy_body(branches[b], use->bodies[b], inputs + 1);
        if (!results[b])
            return NULL;
    }
    return kn_cond_end(inputs[0], 0, NULL, branches, use->output_count,
                       (kn_node *const *const[]){results[0], results[1]});
}
