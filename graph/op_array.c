/* op_array.c: derivatives of gathering, matrix products, convolutions and pooling. */
#include <math.h>
#include <string.h>

#include "graph/op_attr.h"
#include "graph/op_derivative.h"

/* --- gather and scatter ----------------------------------------------------------------------- */

static kaon_node *apply_axis(const kn_derivation *d, const char *op, int32_t count,
                             kaon_node *const *inputs)
{
    return d->g->api->apply(d->g, op, count, inputs, d->use->attr_count, d->use->attrs);
}

// Indices of a type that can hold every place of an axis.
static kaon_node *wide_indices(kaon_graph *g, kaon_node *indices)
{
    const int32_t dtype = kaon_dtype(indices);
    return dtype == KAON_I32 || dtype == KAON_I64 ? indices : kaon_cast(g, indices, KAON_I64);
}

// Held inside the axis, as gather holds them: scatter_add would drop the others.
static kaon_node *clamped(const kn_derivation *d)
{
    const int64_t n = d->use->inputs[0]->shape[kn_attr_int(d->use, "axis", 0)];
    kaon_node *indices = wide_indices(d->g, kn_in(d->use, 1));
    const int32_t dtype = kaon_dtype(indices);
    return kaon_min(d->g, kaon_max(d->g, indices, kn_scalar(d->g, dtype, 0)),
                    kn_scalar(d->g, dtype, (double)(n - 1)));
}

// `values` where the index lies inside the axis, else 0: what scatter_add dropped moves nothing.
// The indices get `after` axes of size 1 to stand against the values.
static kaon_node *where_inside(const kn_derivation *d, kaon_node *values, int32_t after)
{
    kaon_graph *g = d->g;
    const kn_node *in = d->use->inputs[1];
    const int64_t n = d->use->inputs[0]->shape[kn_attr_int(d->use, "axis", 0)];
    kaon_node *indices = wide_indices(g, kn_in(d->use, 1));
    const int32_t dtype = kaon_dtype(indices);
    int64_t shape[2 * KAON_MAX_RANK];
    for (int32_t i = 0; i < in->rank + after; i++)
        shape[i] = i < in->rank ? in->shape[i] : 1;
    indices = after ? kaon_reshape(g, indices, in->rank + after, shape) : indices;
    kaon_node *inside = kaon_bit_and(g, kaon_ge(g, indices, kn_scalar(g, dtype, 0)),
                                     kaon_le(g, indices, kn_scalar(g, dtype, (double)(n - 1))));
    return values ? kaon_select(g, inside, values, kn_scalar(g, kaon_dtype(values), 0)) : NULL;
}

static void reverse_of_taking(const kn_derivation *d, const char *adjoint)
{
    kaon_node *in[] = {kn_filled(d->g, kn_in(d->use, 0), 0), clamped(d), d->from[0]};
    d->to[0] = apply_axis(d, adjoint, 3, in);
}

static void reverse_of_adding(const kn_derivation *d, const char *adjoint, int32_t after)
{
    const int64_t n = d->use->inputs[0]->shape[kn_attr_int(d->use, "axis", 0)];
    if (d->wanted[0])
        d->to[0] = d->from[0];
    if (!d->wanted[2] || !n) // into an empty axis nothing was added
        return;
    kaon_node *in[] = {d->from[0], kn_in(d->use, 1)};
    d->to[2] = where_inside(d, apply_axis(d, adjoint, 2, in), after);
}

void kn_reverse_gather(const kn_derivation *d)
{
    reverse_of_taking(d, "scatter_add");
}

void kn_reverse_scatter_add(const kn_derivation *d)
{
    const int32_t axis = (int32_t)kn_attr_int(d->use, "axis", 0);
    reverse_of_adding(d, "gather", d->use->inputs[0]->rank - 1 - axis);
}

void kn_reverse_take_along(const kn_derivation *d)
{
    reverse_of_taking(d, "put_along_add");
}

void kn_reverse_put_along_add(const kn_derivation *d)
{
    reverse_of_adding(d, "take_along", 0);
}

/* --- matmul ----------------------------------------------------------------------------------- */

// The last `axes` axes stay, those before become one.
static kaon_node *flatten(kaon_graph *g, kaon_node *a)
{
    const kn_node *n = kn_node_of(a);
    const int64_t columns = n->shape[n->rank - 1];
    int64_t rows = 1;
    for (int32_t i = 0; i + 1 < n->rank; i++)
        rows *= n->shape[i];
    return kaon_reshape(g, a, 2, (const int64_t[]){rows, columns});
}

// A vector as the matrix it stands for.
static kaon_node *as_matrix(kaon_graph *g, kaon_node *a, int32_t is_column)
{
    if (kaon_rank(a) > 1)
        return a;
    const int64_t n = kaon_dim(a, 0);
    const int64_t row[] = {1, n}, column[] = {n, 1};
    return kaon_reshape(g, a, 2, is_column ? column : row);
}

// The gradient with the axes a vector operand has taken away.
static kaon_node *full_gradient(const kn_derivation *d)
{
    const kn_node *a = d->use->inputs[0], *b = d->use->inputs[1], *y = &d->use->outputs[0];
    if (a->rank > 1 && b->rank > 1)
        return d->from[0];
    const int32_t lead = y->rank - (a->rank > 1) - (b->rank > 1);
    int64_t shape[KAON_MAX_RANK + 2];
    for (int32_t i = 0; i < lead; i++)
        shape[i] = y->shape[i];
    shape[lead] = a->rank > 1 ? a->shape[a->rank - 2] : 1;
    shape[lead + 1] = b->rank > 1 ? b->shape[b->rank - 1] : 1;
    return kaon_reshape(d->g, d->from[0], lead + 2, shape);
}

// One product for weights shared by many rows: x^T dy over all rows at once, never a matrix for
// each entry of the batch that would then be summed.
static kaon_node *gradient_of_right(kaon_graph *g, kaon_node *a, kaon_node *b, kaon_node *dy)
{
    if (!a || !b || !dy)
        return NULL;
    if (kaon_rank(b) == 2 && kaon_rank(a) > 2) {
        a = flatten(g, a);
        dy = flatten(g, dy);
    }
    return kn_sum_to(g, kaon_matmul(g, kn_matrix_transpose(g, a), dy), kn_node_of(b));
}

void kn_reverse_matmul(const kn_derivation *d)
{
    kaon_graph *g = d->g;
    kaon_node *a = as_matrix(g, kn_in(d->use, 0), 0), *b = as_matrix(g, kn_in(d->use, 1), 1);
    kaon_node *dy = full_gradient(d);
    if (!a || !b)
        return;
    if (d->wanted[0]) {
        kaon_node *da = kaon_matmul(g, dy, kn_matrix_transpose(g, b));
        d->to[0] = kn_reshape_like(g, kn_sum_to(g, da, kn_node_of(a)), d->use->inputs[0]);
    }
    if (d->wanted[1])
        d->to[1] = kn_reshape_like(g, gradient_of_right(g, a, b, dy), d->use->inputs[1]);
}

/* --- convolutions: linear in each operand ----------------------------------------------------- */

// A convolution op on two operands, whose result has the shape of `like`.
static kaon_node *convolve(const kn_derivation *d, const char *op, kaon_node *x, kaon_node *y,
                           const kn_node *like)
{
    kaon_node *in[] = {x, y};
    return kn_apply_like(d->g, d->use, op, 2, in, like);
}

void kn_reverse_conv(const kn_derivation *d)
{
    kaon_node *a = kn_in(d->use, 0), *w = kn_in(d->use, 1), *dy = d->from[0];
    if (d->wanted[0])
        d->to[0] = convolve(d, "conv_grad_input", dy, w, d->use->inputs[0]);
    if (d->wanted[1])
        d->to[1] = convolve(d, "conv_grad_weight", a, dy, d->use->inputs[1]);
}

void kn_reverse_conv_grad_input(const kn_derivation *d)
{
    kaon_node *dy = kn_in(d->use, 0), *w = kn_in(d->use, 1), *da = d->from[0];
    if (d->wanted[0])
        d->to[0] = convolve(d, "conv", da, w, NULL);
    if (d->wanted[1])
        d->to[1] = convolve(d, "conv_grad_weight", da, dy, d->use->inputs[1]);
}

void kn_reverse_conv_grad_weight(const kn_derivation *d)
{
    kaon_node *a = kn_in(d->use, 0), *dy = kn_in(d->use, 1), *dw = d->from[0];
    if (d->wanted[0])
        d->to[0] = convolve(d, "conv_grad_input", dy, dw, d->use->inputs[0]);
    if (d->wanted[1])
        d->to[1] = convolve(d, "conv", a, dw, NULL);
}

/* --- pooling ---------------------------------------------------------------------------------- */

// Pads each pooled axis with `value`.
static kaon_node *pad_windows(kaon_graph *g, const kn_use *use, kaon_node *a, double value)
{
    const kaon_attr *low = kn_attr_find(use, "low"), *high = kn_attr_find(use, "high");
    for (int64_t i = 0; i < low->count && a; i++) {
        if (!low->at[i] && !high->at[i])
            continue;
        kaon_node *in[] = {a, kn_scalar(g, kaon_dtype(a), value)};
        const kaon_attr attrs[] = {kaon_attr_int("axis", i - low->count),
                                   kaon_attr_int("low", low->at[i]),
                                   kaon_attr_int("high", high->at[i])};
        a = g->api->apply(g, "pad", 2, in, 3, attrs);
    }
    return a;
}

// The numbers at one place of every window.
static kaon_node *at_place(kaon_graph *g, const kn_use *use, kaon_node *padded,
                           const int64_t *place, const kn_node *pooled)
{
    const kaon_attr *stride = kn_attr_find(use, "stride");
    for (int64_t i = 0; i < stride->count; i++) {
        const int64_t count = pooled->shape[pooled->rank - stride->count + i];
        const int64_t stop = count ? place[i] + (count - 1) * stride->at[i] + 1 : place[i];
        const kaon_attr attrs[] = {kaon_attr_int("axis", i - stride->count),
                                   kaon_attr_int("start", place[i]), kaon_attr_int("stop", stop),
                                   kaon_attr_int("step", stride->at[i])};
        padded = g->api->apply(g, "slice", 1, &padded, 4, attrs);
    }
    return padded;
}

// The number of `z` where `a` has the first greatest of each window: the adjoint of pool_max_grad.
static kaon_node *choose(kaon_graph *g, const kn_use *use, kaon_node *z, const kn_node *pooled)
{
    const kaon_attr *window = kn_attr_find(use, "window");
    kaon_node *a = pad_windows(g, use, kn_in(use, 0), -INFINITY);
    int64_t place[KAON_MAX_RANK] = {0}, places = 1;
    z = pad_windows(g, use, z, 0);
    for (int64_t i = 0; i < window->count; i++)
        places *= window->at[i];
    kaon_node *greatest = NULL, *chosen = NULL;
    for (int64_t n = 0; n < places && !kn_graph_status(kn_graph_of(g)); n++) {
        kaon_node *a_here = at_place(g, use, a, place, pooled);
        kaon_node *z_here = at_place(g, use, z, place, pooled);
        chosen = n ? kaon_select(g, kaon_gt(g, a_here, greatest), z_here, chosen) : z_here;
        greatest = n ? kaon_max(g, a_here, greatest) : a_here;
        for (int64_t i = window->count - 1; i >= 0 && ++place[i] == window->at[i]; i--)
            place[i] = 0;
    }
    return chosen;
}

void kn_reverse_pool_max(const kn_derivation *d)
{
    kaon_node *in[] = {kn_in(d->use, 0), d->from[0]};
    d->to[0] = kn_apply_like(d->g, d->use, "pool_max_grad", 2, in, NULL);
}

void kn_forward_pool_max(const kn_derivation *d)
{
    d->to[0] = choose(d->g, d->use, d->from[0], &d->use->outputs[0]);
}

void kn_reverse_pool_max_grad(const kn_derivation *d)
{
    if (d->wanted[1]) // the places themselves move in jumps
        d->to[1] = choose(d->g, d->use, d->from[0], d->use->inputs[1]);
}

void kn_forward_pool_max_grad(const kn_derivation *d)
{
    kaon_node *in[] = {kn_in(d->use, 0), d->from[1]};
    if (d->from[1])
        d->to[0] = kn_apply_like(d->g, d->use, "pool_max_grad", 2, in, NULL);
}

void kn_reverse_pool_sum(const kn_derivation *d)
{
    d->to[0] = kn_apply_like(d->g, d->use, "pool_sum_grad", 1, d->from, d->use->inputs[0]);
}

void kn_reverse_pool_sum_grad(const kn_derivation *d)
{
    d->to[0] = kn_apply_like(d->g, d->use, "pool_sum", 1, d->from, NULL);
}
