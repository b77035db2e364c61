/* op_infer.c: types and shapes: elementwise operations, reductions, shape moves. */
#include "graph/op_infer.h"

#include <string.h>

#include "graph/op_attr.h"

void kn_set_output(kn_use *use, int32_t index, int32_t dtype, int32_t rank, const int64_t *shape)
{
    kn_node *node = &use->outputs[index];
    node->dtype = dtype;
    node->rank = rank;
    // A rank that is too large is refused by whoever called `infer`.
    for (int32_t i = 0; i < rank && i < KAON_MAX_RANK; i++)
        node->shape[i] = shape[i];
}

int32_t kn_dtype_is_integer(int32_t dtype)
{
    return dtype >= KAON_I8 && dtype <= KAON_U64;
}

kaon_status kn_need_float(const kn_node *node, kaon_diag *diag)
{
    if (kaon_dtype_is_float(node->dtype))
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "floating-point numbers needed, got %s (cast them)",
                     kaon_dtype_text(node->dtype));
}

kaon_status kn_need_same_dtype(const kn_use *use, int32_t a, int32_t b, kaon_diag *diag)
{
    const int32_t x = use->inputs[a]->dtype, y = use->inputs[b]->dtype;
    if (x == y)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "one dtype needed, got %s and %s (cast one)",
                     kaon_dtype_text(x), kaon_dtype_text(y));
}

kaon_status kn_infer_axis(kn_use *use, int32_t rank, int32_t *axis, kaon_diag *diag)
{
    const int64_t given = kn_attr_int(use, "axis", 0);
    if (given < -rank || given >= rank)
        return kaon_fail(diag, KAON_INVALID, "axis %lld of a tensor with %d axes", (long long)given,
                         (int)rank);
    *axis = (int32_t)(given < 0 ? given + rank : given);
    kn_attr_set(use, "axis", *axis);
    return KAON_OK;
}

/* --- elementwise ------------------------------------------------------------------------------ */

int32_t kn_broadcast_shapes(int32_t a_rank, const int64_t *a, int32_t b_rank, const int64_t *b,
                            int32_t *rank, int64_t *shape)
{
    const int32_t most = a_rank > b_rank ? a_rank : b_rank;
    for (int32_t i = 0; i < most; i++) {
        const int64_t x = i < most - a_rank ? 1 : a[i - (most - a_rank)];
        const int64_t y = i < most - b_rank ? 1 : b[i - (most - b_rank)];
        if (x != y && x != 1 && y != 1)
            return 0;
        shape[i] = x == 1 ? y : x;
    }
    *rank = most;
    return 1;
}

static kaon_status broadcast_inputs(kn_graph *g, kn_use *use, int32_t dtype, kaon_diag *diag)
{
    int64_t shape[KAON_MAX_RANK];
    int32_t rank = 0;
    for (int32_t i = 0; i < use->input_count; i++) {
        const kn_node *in = use->inputs[i];
        int64_t so_far[KAON_MAX_RANK];
        memcpy(so_far, shape, (size_t)rank * sizeof shape[0]);
        const int32_t rank_so_far = rank;
        if (!kn_broadcast_shapes(rank_so_far, so_far, in->rank, in->shape, &rank, shape))
            return kaon_fail(diag, KAON_INVALID, "shapes do not broadcast, %s and %s",
                             kn_dims_text(g, rank_so_far, so_far),
                             kn_dims_text(g, in->rank, in->shape));
    }
    kn_set_output(use, 0, dtype, rank, shape);
    return KAON_OK;
}

static int32_t is_bitwise(int32_t op)
{
    return op >= KAON_X_AND && op <= KAON_X_NOT;
}

kaon_status kn_infer_same(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const int32_t last = use->input_count - 1;
    const int32_t op = use->op->elementwise;
    const int32_t dtype = use->inputs[last]->dtype;
    if (op == KAON_X_SELECT && use->inputs[0]->dtype != KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "the choice must be bool, got %s",
                         kaon_dtype_text(use->inputs[0]->dtype));
    if (last > 0)
        KAON_TRY(kn_need_same_dtype(use, last - 1, last, diag));
    if (is_bitwise(op) && kaon_dtype_is_float(dtype))
        return kaon_fail(diag, KAON_INVALID, "integers or bool needed, got %s",
                         kaon_dtype_text(dtype));
    if (dtype == KAON_BOOL && !is_bitwise(op) && op != KAON_X_SELECT)
        return kaon_fail(diag, KAON_INVALID, "numbers needed, got bool (cast it)");
    return broadcast_inputs(g, use, dtype, diag);
}

kaon_status kn_infer_float(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(kn_need_float(use->inputs[0], diag));
    return kn_infer_same(g, use, diag);
}

kaon_status kn_infer_bool(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(use->input_count == 2 ? kn_need_same_dtype(use, 0, 1, diag)
                                   : kn_need_float(use->inputs[0], diag)); // finite
    return broadcast_inputs(g, use, KAON_BOOL, diag);
}

kaon_status kn_infer_cast(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    const int64_t dtype = kn_attr_int(use, "dtype", -1);
    if (dtype < 0 || dtype >= KAON_DTYPE_COUNT)
        return kaon_fail(diag, KAON_INVALID, "no dtype has the number %lld", (long long)dtype);
    kn_set_output(use, 0, (int32_t)dtype, use->inputs[0]->rank, use->inputs[0]->shape);
    return KAON_OK;
}

kaon_status kn_infer_identity(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    (void)diag;
    kn_set_output(use, 0, use->inputs[0]->dtype, use->inputs[0]->rank, use->inputs[0]->shape);
    return KAON_OK;
}

/* --- reductions ------------------------------------------------------------------------------- */

// Marks the axes of attribute "axes"; all if there are none.
static kaon_status mark_axes(const kn_use *use, int32_t rank, uint8_t *marked, kaon_diag *diag)
{
    const kaon_attr *axes = kn_attr_find(use, "axes");
    memset(marked, axes->count == 0, KAON_MAX_RANK);
    for (int64_t i = 0; i < axes->count; i++) {
        const int64_t axis = axes->at[i] < 0 ? axes->at[i] + rank : axes->at[i];
        if (axis < 0 || axis >= rank)
            return kaon_fail(diag, KAON_INVALID, "axis %lld of a tensor with %d axes",
                             (long long)axes->at[i], (int)rank);
        if (marked[axis])
            return kaon_fail(diag, KAON_INVALID, "axis %lld is named twice", (long long)axis);
        marked[axis] = 1;
    }
    return KAON_OK;
}

kaon_status kn_infer_reduce(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    uint8_t reduced[KAON_MAX_RANK];
    KAON_TRY(mark_axes(use, a->rank, reduced, diag));
    if (a->dtype == KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "numbers needed, got bool (cast it)");
    const int32_t keep = kn_attr_int(use, "keep", 0) != 0;
    int64_t shape[KAON_MAX_RANK], axes[KAON_MAX_RANK];
    int32_t rank = 0, count = 0;
    for (int32_t i = 0; i < a->rank; i++) {
        if (reduced[i])
            axes[count++] = i;
        if (!reduced[i] || keep)
            shape[rank++] = reduced[i] ? 1 : a->shape[i];
    }
    kn_attr_set(use, "keep", keep);
    KAON_TRY(kn_attr_set_ints(g, use, "axes", count, axes));
    kn_set_output(use, 0, a->dtype, rank, shape);
    return KAON_OK;
}

kaon_status kn_infer_arg(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    const kn_node *a = use->inputs[0];
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    if (!a->shape[axis])
        return kaon_fail(diag, KAON_INVALID, "axis %d is empty", (int)axis);
    int64_t shape[KAON_MAX_RANK];
    for (int32_t i = 0, k = 0; i < a->rank; i++) {
        if (i != axis)
            shape[k++] = a->shape[i];
    }
    kn_set_output(use, 0, KAON_I64, a->rank - 1, shape);
    return KAON_OK;
}

kaon_status kn_infer_cumulative(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, use->inputs[0]->rank, &axis, diag));
    if (use->inputs[0]->dtype == KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "numbers needed, got bool (cast it)");
    kn_attr_set(use, "reverse", kn_attr_int(use, "reverse", 0) != 0);
    kn_attr_set(use, "exclusive", kn_attr_int(use, "exclusive", 0) != 0);
    return kn_infer_identity(g, use, diag);
}

kaon_status kn_infer_sort(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, use->inputs[0]->rank, &axis, diag));
    kn_attr_set(use, "descending", kn_attr_int(use, "descending", 0) != 0);
    return kn_infer_identity(g, use, diag);
}

kaon_status kn_infer_argsort(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(kn_infer_sort(g, use, diag));
    use->outputs[0].dtype = KAON_I64;
    return KAON_OK;
}

/* --- shape moves ------------------------------------------------------------------------------ */

// The attribute "shape" as it is, its length checked.
static kaon_status given_shape(const kn_use *use, int64_t *shape, int32_t *rank, kaon_diag *diag)
{
    const kaon_attr *attr = kn_attr_find(use, "shape");
    if (attr->count < 0 || attr->count > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_INVALID, "%lld axes, at most %d are possible",
                         (long long)attr->count, (int)KAON_MAX_RANK);
    *rank = (int32_t)attr->count;
    if (*rank)
        memcpy(shape, attr->at, (size_t)*rank * sizeof *shape);
    return KAON_OK;
}

// Puts the one size that is -1; `count` is what all must multiply to.
static int32_t fill_in_size(int32_t rank, int64_t *shape, int64_t count)
{
    int64_t product = 1;
    int32_t open = -1;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] == -1 && open < 0) {
            open = i;
            continue;
        }
        if (shape[i] < 0 || (shape[i] && product > INT64_MAX / shape[i]))
            return 0;
        product *= shape[i];
    }
    if (open < 0)
        return product == count;
    if (!product || count % product)
        return 0;
    shape[open] = count / product;
    return 1;
}

kaon_status kn_infer_reshape(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    int32_t rank = 0;
    KAON_TRY(given_shape(use, shape, &rank, diag));
    if (!fill_in_size(rank, shape, kn_node_count(a)))
        return kaon_fail(diag, KAON_INVALID, "%s cannot become %s",
                         kn_dims_text(g, a->rank, a->shape), kn_dims_text(g, rank, shape));
    kn_set_output(use, 0, a->dtype, rank, shape);
    return kn_attr_set_ints(g, use, "shape", rank, shape);
}

kaon_status kn_infer_broadcast(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK], both[KAON_MAX_RANK];
    int32_t rank = 0, both_rank;
    KAON_TRY(given_shape(use, shape, &rank, diag));
    if (!kn_broadcast_shapes(a->rank, a->shape, rank, shape, &both_rank, both) ||
        both_rank != rank || memcmp(both, shape, (size_t)rank * sizeof shape[0]))
        return kaon_fail(diag, KAON_INVALID, "%s does not broadcast to %s",
                         kn_dims_text(g, a->rank, a->shape), kn_dims_text(g, rank, shape));
    kn_set_output(use, 0, a->dtype, rank, shape);
    return KAON_OK;
}

kaon_status kn_infer_transpose(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    const kaon_attr *order = kn_attr_find(use, "axes");
    int64_t axes[KAON_MAX_RANK], shape[KAON_MAX_RANK];
    uint32_t seen = 0;
    if (order->count && order->count != a->rank)
        return kaon_fail(diag, KAON_INVALID, "%lld axes for a tensor of %s",
                         (long long)order->count, kn_dims_text(g, a->rank, a->shape));
    for (int32_t i = 0; i < a->rank; i++) {
        axes[i] = order->count ? order->at[i] : a->rank - 1 - i;
        if (axes[i] < 0)
            axes[i] += a->rank;
        if (axes[i] < 0 || axes[i] >= a->rank || (seen & (1u << axes[i])))
            return kaon_fail(diag, KAON_INVALID, "axes must name each of the %d axes once",
                             (int)a->rank);
        seen |= 1u << axes[i];
        shape[i] = a->shape[axes[i]];
    }
    kn_set_output(use, 0, a->dtype, a->rank, shape);
    return kn_attr_set_ints(g, use, "axes", a->rank, axes);
}

kaon_status kn_infer_slice(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    const int64_t size = a->shape[axis];
    int64_t start = kn_attr_int(use, "start", 0);
    int64_t stop = kn_attr_int(use, "stop", INT64_MAX);
    const int64_t step = kn_attr_int(use, "step", 1);
    const int64_t given_start = start, given_stop = stop;
    start += start < 0 ? size : 0;
    stop = stop == INT64_MAX ? size : stop < 0 ? stop + size : stop;
    if (start < 0 || stop > size || start > stop || step < 1)
        return kaon_fail(diag, KAON_INVALID,
                         "from %lld to %lld in steps of %lld, axis %d of %s has size %lld",
                         (long long)given_start, (long long)given_stop, (long long)step, (int)axis,
                         kn_dims_text(g, a->rank, a->shape), (long long)size);
    kn_attr_set(use, "start", start);
    kn_attr_set(use, "stop", stop);
    kn_set_output(use, 0, a->dtype, a->rank, a->shape);
    use->outputs[0].shape[axis] = stop > start ? (stop - start - 1) / step + 1 : 0;
    return KAON_OK;
}

kaon_status kn_infer_pad(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    KAON_TRY(kn_need_same_dtype(use, 0, 1, diag));
    const int64_t low = kn_attr_int(use, "low", 0), high = kn_attr_int(use, "high", 0);
    if (use->inputs[1]->rank)
        return kaon_fail(diag, KAON_INVALID, "the value must be a scalar, got %s",
                         kn_dims_text(g, use->inputs[1]->rank, use->inputs[1]->shape));
    if (low < 0 || high < 0 || low > INT64_MAX / 4 || high > INT64_MAX / 4)
        return kaon_fail(diag, KAON_INVALID, "low %lld and high %lld must be 0 or more",
                         (long long)low, (long long)high);
    kn_set_output(use, 0, a->dtype, a->rank, a->shape);
    use->outputs[0].shape[axis] += low + high;
    return KAON_OK;
}

kaon_status kn_infer_concat(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    kn_set_output(use, 0, a->dtype, a->rank, a->shape);
    int64_t *shape = use->outputs[0].shape;
    for (int32_t i = 1; i < use->input_count; i++) {
        const kn_node *b = use->inputs[i];
        KAON_TRY(kn_need_same_dtype(use, 0, i, diag));
        int32_t fits = b->rank == a->rank;
        for (int32_t k = 0; fits && k < a->rank; k++)
            fits = k == axis || b->shape[k] == a->shape[k];
        if (!fits)
            return kaon_fail(diag, KAON_INVALID, "shapes differ off axis %d, %s and %s", (int)axis,
                             kn_dims_text(g, a->rank, a->shape),
                             kn_dims_text(g, b->rank, b->shape));
        if (shape[axis] > INT64_MAX / 4 || b->shape[axis] > INT64_MAX / 4)
            return kaon_fail(diag, KAON_INVALID, "axis %d gets too long", (int)axis);
        shape[axis] += b->shape[axis];
    }
    return KAON_OK;
}

kaon_status kn_infer_reverse(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    int32_t axis = 0;
    KAON_TRY(kn_infer_axis(use, use->inputs[0]->rank, &axis, diag));
    return kn_infer_identity(g, use, diag);
}

// A shape attribute for something made from nothing.
static kaon_status infer_new(kn_use *use, int32_t dtype, kaon_diag *diag)
{
    int64_t shape[KAON_MAX_RANK];
    int32_t rank = 0;
    KAON_TRY(given_shape(use, shape, &rank, diag));
    kn_set_output(use, 0, dtype, rank, shape);
    return KAON_OK;
}

kaon_status kn_infer_iota(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    const int64_t dtype = kn_attr_int(use, "dtype", KAON_I64);
    if (dtype < 0 || dtype >= KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "a number type is needed");
    KAON_TRY(infer_new(use, (int32_t)dtype, diag));
    int32_t axis = 0;
    return kn_infer_axis(use, use->outputs[0].rank, &axis, diag);
}

kaon_status kn_infer_random_bits(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    return infer_new(use, KAON_U32, diag);
}

kaon_status kn_infer_random_uniform(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    return infer_new(use, g->float_type, diag);
}
