/* op_shape.c: derivatives of reductions, running sums, sorting and shape moves. */
#include <string.h>

#include "graph/op_attr.h"
#include "graph/op_derivative.h"

/* --- reductions ------------------------------------------------------------------------------- */

// What a reduction gave, or its gradient, with the reduced axes back as size 1.
static kaon_node *keep_axes(kaon_graph *g, const kn_use *use, kaon_node *reduced)
{
    const kaon_attr *axes = kn_attr_find(use, "axes");
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    if (!reduced || kn_attr_int(use, "keep", 0))
        return reduced;
    memcpy(shape, a->shape, sizeof shape);
    for (int64_t i = 0; i < axes->count; i++)
        shape[axes->at[i]] = 1;
    return kaon_reshape(g, reduced, a->rank, shape);
}

void kn_reverse_sum(const kn_derivation *d)
{
    d->to[0] = kn_broadcast_like(d->g, keep_axes(d->g, d->use, d->from[0]), d->use->inputs[0]);
}

static kaon_node *again(const kn_derivation *d, kaon_node *a)
{
    return d->g->api->apply(d->g, d->use->name, 1, &a, d->use->attr_count, d->use->attrs);
}

// The same reduction by another name.
static kaon_node *reduce_as(const kn_derivation *d, const char *op, kaon_node *a)
{
    return d->g->api->apply(d->g, op, 1, &a, d->use->attr_count, d->use->attrs);
}

static kaon_node *cumulate(kaon_graph *g, const char *op, kaon_node *a, int64_t axis,
                           int64_t reverse, int64_t exclusive)
{
    const kaon_attr attrs[] = {kaon_attr_int("axis", axis), kaon_attr_int("reverse", reverse),
                               kaon_attr_int("exclusive", exclusive)};
    return g->api->apply(g, op, 1, &a, 3, attrs);
}

// For each number the product of all others that are reduced with it: what stands before times what
// stands after, so that zeros do no harm.
static kaon_node *product_of_others(kaon_graph *g, const kn_use *use)
{
    const kaon_attr *axes = kn_attr_find(use, "axes");
    const kn_node *a = use->inputs[0];
    int64_t order[KAON_MAX_RANK], back[KAON_MAX_RANK], shape[KAON_MAX_RANK];
    int32_t kept = 0, at = 0;
    uint32_t reduced = 0;
    for (int64_t i = 0; i < axes->count; i++)
        reduced |= 1u << axes->at[i];
    for (int32_t i = 0; i < a->rank; i++) {
        if (reduced & (1u << i))
            continue;
        shape[kept++] = a->shape[i];
        order[at++] = i;
    }
    int64_t others = 1;
    for (int64_t i = 0; i < axes->count; i++) {
        order[at++] = axes->at[i];
        others *= a->shape[axes->at[i]];
    }
    shape[kept] = others;
    for (int32_t i = 0; i < a->rank; i++)
        back[order[i]] = i;
    kaon_node *moved = kaon_transpose(g, kn_in(use, 0), a->rank, order);
    kaon_node *flat = kaon_reshape(g, moved, kept + 1, shape);
    kaon_node *product = kaon_mul(g, cumulate(g, "cumprod", flat, kept, 0, 1),
                                  cumulate(g, "cumprod", flat, kept, 1, 1));
    if (!product)
        return NULL;
    return kaon_transpose(g, kn_reshape_like(g, product, kn_node_of(moved)), a->rank, back);
}

void kn_reverse_prod(const kn_derivation *d)
{
    kaon_node *dy = keep_axes(d->g, d->use, d->from[0]);
    d->to[0] = kaon_mul(d->g, product_of_others(d->g, d->use), dy);
}

void kn_forward_prod(const kn_derivation *d)
{
    d->to[0] =
        reduce_as(d, "reduce_sum", kaon_mul(d->g, product_of_others(d->g, d->use), d->from[0]));
}

// 1 / n at each of the n numbers that equal the extreme, else 0.
static kaon_node *share_of_extreme(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    const int32_t dtype = d->use->inputs[0]->dtype;
    kaon_node *extreme = keep_axes(g, d->use, kn_out(d->use, 0));
    kaon_node *equal = kaon_cast(g, kaon_eq(g, kn_in(d->use, 0), extreme), dtype);
    return kaon_div(g, equal, keep_axes(g, d->use, reduce_as(d, "reduce_sum", equal)));
}

void kn_reverse_extreme(const kn_derivation *d)
{
    d->to[0] = kaon_mul(d->g, share_of_extreme(d), keep_axes(d->g, d->use, d->from[0]));
}

void kn_forward_extreme(const kn_derivation *d)
{
    d->to[0] = reduce_as(d, "reduce_sum", kaon_mul(d->g, share_of_extreme(d), d->from[0]));
}

/* --- along an axis ---------------------------------------------------------------------------- */

void kn_reverse_cumsum(const kn_derivation *d)
{
    d->to[0] = cumulate(d->g, "cumsum", d->from[0], kn_attr_int(d->use, "axis", 0),
                        !kn_attr_int(d->use, "reverse", 0), kn_attr_int(d->use, "exclusive", 0));
}

static kaon_node *pad_axis(kaon_graph *g, kaon_node *a, int64_t axis, int64_t low, int64_t high)
{
    if (!a || (!low && !high))
        return a;
    kaon_node *in[] = {a, kn_scalar(g, kaon_dtype(a), 0)};
    const kaon_attr attrs[] = {kaon_attr_int("axis", axis), kaon_attr_int("low", low),
                               kaon_attr_int("high", high)};
    return g->api->apply(g, "pad", 2, in, 3, attrs);
}

// One place along the axis, zero comes in: toward higher indices, or with `down` toward lower ones.
static kaon_node *shift_axis(kaon_graph *g, kaon_node *a, int64_t axis, int32_t down)
{
    const int64_t n = kaon_dim(a, (int32_t)axis);
    if (!n)
        return a;
    kaon_node *rest = kaon_slice(g, a, (int32_t)axis, down ? 1 : 0, down ? n : n - 1);
    return pad_axis(g, rest, axis, !down, down);
}

// A step of the recurrence z = c z_before + b; in: z, c, b; out: z, z stacked.
static void recurrence_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_add(g, kaon_mul(g, in[1], in[0]), in[2]);
    out[1] = out[0];
}

// z_i = c_i z_(i-1) + b_i along an axis, from z_(-1) = 0.
static kaon_node *recurrence(kaon_graph *g, kaon_node *c, kaon_node *b, int64_t axis)
{
    if (!c || !b)
        return NULL;
    const int32_t rank = kaon_rank(b);
    const int64_t length = kaon_dim(b, (int32_t)axis);
    int64_t order[KAON_MAX_RANK];
    for (int32_t i = 0; i < rank; i++)
        order[i] = i;
    order[0] = axis; // a swap is its own inverse
    order[axis] = 0;
    kaon_node *xs[] = {kaon_transpose(g, c, rank, order), kaon_transpose(g, b, rank, order)};
    int64_t shape[KAON_MAX_RANK];
    for (int32_t i = 1; i < rank; i++)
        shape[i - 1] = kaon_dim(xs[0], i);
    kaon_node *start = kaon_broadcast(g, kn_scalar(g, kaon_dtype(b), 0), rank - 1, shape);
    kaon_node *results[2];
    if (g->api->scan(g, recurrence_step, NULL, 1, &start, 2, xs, length, 1, results))
        return NULL;
    return kaon_transpose(g, results[1], rank, order);
}

// y_i = a_0 .. a_i. With p_i the product before i: dy_i/da_j = p_j a_(j+1) .. a_i, and what the
// gradients of all later i bring together obeys a recurrence; no division, so zeros do no harm.
static kaon_node *cumprod_gradient(kaon_graph *g, kaon_node *a, kaon_node *dy, int64_t axis)
{
    kaon_node *before = cumulate(g, "cumprod", a, axis, 0, 1);
    kaon_node *next = shift_axis(g, a, axis, 1);
    kaon_node *sums = recurrence(g, kn_op_axis(g, "reverse", next, axis),
                                 kn_op_axis(g, "reverse", dy, axis), axis);
    return kaon_mul(g, before, kn_op_axis(g, "reverse", sums, axis));
}

void kn_reverse_cumprod(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    const int64_t axis = kn_attr_int(d->use, "axis", 0);
    const int64_t turned = kn_attr_int(d->use, "reverse", 0);
    kaon_node *a = kn_in(d->use, 0), *dy = d->from[0];
    if (turned) {
        a = kn_op_axis(g, "reverse", a, axis);
        dy = kn_op_axis(g, "reverse", dy, axis);
    }
    if (kn_attr_int(d->use, "exclusive", 0))
        dy = shift_axis(g, dy, axis, 1);
    kaon_node *da = cumprod_gradient(g, a, dy, axis);
    d->to[0] = turned ? kn_op_axis(g, "reverse", da, axis) : da;
}

// t_i = a_i t_(i-1) + p_i da_i, with p_i the product before i.
void kn_forward_cumprod(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    const int64_t axis = kn_attr_int(d->use, "axis", 0);
    const int64_t turned = kn_attr_int(d->use, "reverse", 0);
    kaon_node *a = kn_in(d->use, 0), *da = d->from[0];
    if (turned) {
        a = kn_op_axis(g, "reverse", a, axis);
        da = kn_op_axis(g, "reverse", da, axis);
    }
    kaon_node *t = recurrence(g, a, kaon_mul(g, cumulate(g, "cumprod", a, axis, 0, 1), da), axis);
    if (kn_attr_int(d->use, "exclusive", 0))
        t = shift_axis(g, t, axis, 0);
    d->to[0] = turned ? kn_op_axis(g, "reverse", t, axis) : t;
}

static kaon_node *two_along(kaon_graph *g, const char *op, kaon_node *a, kaon_node *indices,
                            int64_t axis)
{
    kaon_node *in[] = {a, indices};
    const kaon_attr along = kaon_attr_int("axis", axis);
    return g->api->apply(g, op, 2, in, 1, &along);
}

static kaon_node *three_along(kaon_graph *g, const char *op, kaon_node *a, kaon_node *indices,
                              kaon_node *updates, int64_t axis)
{
    kaon_node *in[] = {a, indices, updates};
    const kaon_attr along = kaon_attr_int("axis", axis);
    return g->api->apply(g, op, 3, in, 1, &along);
}

// Where along the axis the greatest so far stands (the last of equals, seen in running direction).
static kaon_node *cummax_places(kaon_graph *g, const kn_use *use)
{
    const int64_t axis = kn_attr_int(use, "axis", 0), turned = kn_attr_int(use, "reverse", 0);
    const kn_node *a = use->inputs[0];
    kaon_node *y = cumulate(g, "cummax", kn_in(use, 0), axis, turned, 0);
    kaon_node *index = kn_iota(g, a->rank, a->shape, (int32_t)axis);
    const int64_t last = a->shape[axis] - 1;
    kaon_node *steps = turned ? kaon_sub(g, kn_scalar(g, KAON_I64, (double)last), index) : index;
    kaon_node *here =
        kaon_select(g, kaon_eq(g, kn_in(use, 0), y), steps, kn_scalar(g, KAON_I64, 0));
    kaon_node *place = cumulate(g, "cummax", here, axis, turned, 0);
    return turned ? kaon_sub(g, kn_scalar(g, KAON_I64, (double)last), place) : place;
}

void kn_reverse_cummax(const kn_derivation *d)
{
    const int64_t axis = kn_attr_int(d->use, "axis", 0);
    kaon_node *dy = d->from[0];
    if (kn_attr_int(d->use, "exclusive", 0)) // the first place holds -inf, which moves with nothing
        dy = shift_axis(d->g, dy, axis, !kn_attr_int(d->use, "reverse", 0));
    d->to[0] = three_along(d->g, "put_along_add", kn_filled(d->g, dy, 0),
                           cummax_places(d->g, d->use), dy, axis);
}

void kn_forward_cummax(const kn_derivation *d)
{
    const int64_t axis = kn_attr_int(d->use, "axis", 0);
    kaon_node *t = two_along(d->g, "take_along", d->from[0], cummax_places(d->g, d->use), axis);
    if (kn_attr_int(d->use, "exclusive", 0))
        t = shift_axis(d->g, t, axis, kn_attr_int(d->use, "reverse", 0) != 0);
    d->to[0] = t;
}

static kaon_node *sorted_places(const kn_derivation *d)
{
    kaon_node *a = kn_in(d->use, 0);
    return d->g->api->apply(d->g, "argsort", 1, &a, d->use->attr_count, d->use->attrs);
}

void kn_reverse_sort(const kn_derivation *d)
{
    d->to[0] = three_along(d->g, "put_along_add", kn_filled(d->g, d->from[0], 0), sorted_places(d),
                           d->from[0], kn_attr_int(d->use, "axis", 0));
}

void kn_forward_sort(const kn_derivation *d)
{
    d->to[0] =
        two_along(d->g, "take_along", d->from[0], sorted_places(d), kn_attr_int(d->use, "axis", 0));
}

/* --- shape moves ------------------------------------------------------------------------------ */

void kn_reverse_reshape(const kn_derivation *d)
{
    d->to[0] = kn_reshape_like(d->g, d->from[0], d->use->inputs[0]);
}

void kn_reverse_broadcast(const kn_derivation *d)
{
    d->to[0] = kn_sum_to(d->g, d->from[0], d->use->inputs[0]);
}

void kn_reverse_transpose(const kn_derivation *d)
{
    const kaon_attr *axes = kn_attr_find(d->use, "axes");
    int64_t back[KAON_MAX_RANK];
    for (int64_t i = 0; i < axes->count; i++)
        back[axes->at[i]] = i;
    d->to[0] = kaon_transpose(d->g, d->from[0], (int32_t)axes->count, back);
}

void kn_reverse_slice(const kn_derivation *d)
{
    const kn_node *a = d->use->inputs[0];
    const int64_t axis = kn_attr_int(d->use, "axis", 0), start = kn_attr_int(d->use, "start", 0);
    const int64_t stop = kn_attr_int(d->use, "stop", 0), step = kn_attr_int(d->use, "step", 1);
    if (step == 1) {
        d->to[0] = pad_axis(d->g, d->from[0], axis, start, a->shape[axis] - stop);
        return;
    }
    const int64_t count[] = {d->use->outputs[0].shape[axis]};
    kaon_node *places =
        kaon_shift(d->g, kaon_scale(d->g, kn_iota(d->g, 1, count, 0), (double)step), (double)start);
    d->to[0] = three_along(d->g, "scatter_add", kn_filled(d->g, kn_in(d->use, 0), 0), places,
                           d->from[0], axis);
}

void kn_reverse_pad(const kn_derivation *d)
{
    const int32_t axis = (int32_t)kn_attr_int(d->use, "axis", 0);
    const int64_t low = kn_attr_int(d->use, "low", 0);
    kaon_node *inside =
        kaon_slice(d->g, d->from[0], axis, low, low + d->use->inputs[0]->shape[axis]);
    if (d->wanted[0])
        d->to[0] = inside;
    if (d->wanted[1])
        d->to[1] = kaon_sub(d->g, kaon_sum_all(d->g, d->from[0]), kaon_sum_all(d->g, inside));
}

void kn_reverse_concat(const kn_derivation *d)
{
    const int32_t axis = (int32_t)kn_attr_int(d->use, "axis", 0);
    int64_t start = 0;
    for (int32_t i = 0; i < d->use->input_count; i++) {
        const int64_t stop = start + d->use->inputs[i]->shape[axis];
        if (d->wanted[i])
            d->to[i] = kaon_slice(d->g, d->from[0], axis, start, stop);
        start = stop;
    }
}

void kn_reverse_reverse(const kn_derivation *d)
{
    d->to[0] = again(d, d->from[0]);
}
