/* op_infer_array.c: types and shapes: gathering, matrix products, convolutions, pooling, matrices.
 */
#include <string.h>

#include "graph/op_attr.h"
#include "graph/op_infer.h"

/* --- gather and scatter ----------------------------------------------------------------------- */

static kaon_status need_indices(const kn_node *indices, kaon_diag *diag)
{
    if (kn_dtype_is_integer(indices->dtype))
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "indices must be integers, got %s",
                     kaon_dtype_text(indices->dtype));
}

// The shape of a[.., indices, ..]: indices replace the axis.
static kaon_status gather_shape(kn_use *use, int32_t *rank, int64_t *shape, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0], *indices = use->inputs[1];
    int32_t axis;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    KAON_TRY(need_indices(indices, diag));
    if (a->rank - 1 + indices->rank > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_INVALID, "%d axes, at most %d are possible",
                         (int)(a->rank - 1 + indices->rank), (int)KAON_MAX_RANK);
    int32_t at = 0;
    for (int32_t i = 0; i < axis; i++)
        shape[at++] = a->shape[i];
    for (int32_t i = 0; i < indices->rank; i++)
        shape[at++] = indices->shape[i];
    for (int32_t i = axis + 1; i < a->rank; i++)
        shape[at++] = a->shape[i];
    *rank = at;
    return KAON_OK;
}

kaon_status kn_infer_gather(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    (void)g;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(gather_shape(use, &rank, shape, diag));
    const kn_node *a = use->inputs[0];
    if (!a->shape[kn_attr_int(use, "axis", 0)] && kn_node_count(use->inputs[1]))
        return kaon_fail(diag, KAON_INVALID, "there is nothing to choose from, axis %lld is empty",
                         (long long)kn_attr_int(use, "axis", 0));
    kn_set_output(use, 0, a->dtype, rank, shape);
    return KAON_OK;
}

static kaon_status need_shape(kn_graph *g, const kn_node *node, const char *what, int32_t rank,
                              const int64_t *shape, kaon_diag *diag)
{
    if (node->rank == rank && !memcmp(node->shape, shape, (size_t)rank * sizeof *shape))
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "%s must be %s, got %s", what,
                     kn_dims_text(g, rank, shape), kn_dims_text(g, node->rank, node->shape));
}

kaon_status kn_infer_scatter_add(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(gather_shape(use, &rank, shape, diag));
    KAON_TRY(kn_need_same_dtype(use, 0, 2, diag));
    KAON_TRY(need_shape(g, use->inputs[2], "updates", rank, shape, diag));
    if (use->inputs[0]->dtype == KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "numbers needed, got bool (cast it)");
    return kn_infer_identity(g, use, diag);
}

static kaon_status along_shape(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0], *indices = use->inputs[1];
    int32_t axis;
    KAON_TRY(kn_infer_axis(use, a->rank, &axis, diag));
    KAON_TRY(need_indices(indices, diag));
    int32_t fits = indices->rank == a->rank;
    for (int32_t i = 0; fits && i < a->rank; i++)
        fits = i == axis || indices->shape[i] == a->shape[i];
    if (!fits)
        return kaon_fail(diag, KAON_INVALID, "indices differ off axis %d, %s for %s", (int)axis,
                         kn_dims_text(g, indices->rank, indices->shape),
                         kn_dims_text(g, a->rank, a->shape));
    return KAON_OK;
}

kaon_status kn_infer_take_along(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(along_shape(g, use, diag));
    const kn_node *a = use->inputs[0], *indices = use->inputs[1];
    if (!a->shape[kn_attr_int(use, "axis", 0)] && kn_node_count(indices))
        return kaon_fail(diag, KAON_INVALID, "there is nothing to choose from, axis %lld is empty",
                         (long long)kn_attr_int(use, "axis", 0));
    kn_set_output(use, 0, a->dtype, indices->rank, indices->shape);
    return KAON_OK;
}

kaon_status kn_infer_put_along_add(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(along_shape(g, use, diag));
    KAON_TRY(kn_need_same_dtype(use, 0, 2, diag));
    const kn_node *indices = use->inputs[1];
    KAON_TRY(need_shape(g, use->inputs[2], "updates", indices->rank, indices->shape, diag));
    if (use->inputs[0]->dtype == KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "numbers needed, got bool (cast it)");
    return kn_infer_identity(g, use, diag);
}

/* --- products --------------------------------------------------------------------------------- */

kaon_status kn_infer_matmul(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0], *b = use->inputs[1];
    KAON_TRY(kn_need_same_dtype(use, 0, 1, diag));
    if (!a->rank || !b->rank || a->dtype == KAON_BOOL)
        return kaon_fail(diag, KAON_INVALID, "matrices or vectors of numbers needed, got %s and %s",
                         kn_type_text(a), kn_type_text(b));
    const int64_t inner_a = a->shape[a->rank - 1];
    const int64_t inner_b = b->shape[b->rank == 1 ? 0 : b->rank - 2];
    if (inner_a != inner_b)
        return kaon_fail(diag, KAON_INVALID, "inner sizes differ, %s times %s",
                         kn_dims_text(g, a->rank, a->shape), kn_dims_text(g, b->rank, b->shape));
    const int32_t lead_a = a->rank > 2 ? a->rank - 2 : 0;
    const int32_t lead_b = b->rank > 2 ? b->rank - 2 : 0;
    int64_t shape[KAON_MAX_RANK];
    int32_t rank;
    if (!kn_broadcast_shapes(lead_a, a->shape, lead_b, b->shape, &rank, shape))
        return kaon_fail(diag, KAON_INVALID, "leading axes do not broadcast, %s times %s",
                         kn_dims_text(g, a->rank, a->shape), kn_dims_text(g, b->rank, b->shape));
    if (a->rank > 1)
        shape[rank++] = a->shape[a->rank - 2];
    if (b->rank > 1)
        shape[rank++] = b->shape[b->rank - 1];
    kn_set_output(use, 0, a->dtype, rank, shape);
    return KAON_OK;
}

/* --- windows: convolutions and pooling -------------------------------------------------------- */

// A list attribute as `count` numbers of at least `least`; one number stands for all.
static kaon_status window_list(kn_graph *g, kn_use *use, const char *name, int32_t count,
                               const int64_t *otherwise, int64_t least, int64_t *out,
                               kaon_diag *diag)
{
    const kaon_attr *attr = kn_attr_find(use, name);
    if (attr->count && attr->count != 1 && attr->count != count)
        return kaon_fail(diag, KAON_INVALID, "'%s' has %lld numbers for %d axes", name,
                         (long long)attr->count, (int)count);
    for (int32_t i = 0; i < count; i++) {
        out[i] = !attr->count ? otherwise[i] : attr->at[attr->count == 1 ? 0 : i];
        if (out[i] < least || out[i] > INT32_MAX)
            return kaon_fail(diag, KAON_INVALID, "'%s' holds %lld, at least %lld is needed", name,
                             (long long)out[i], (long long)least);
    }
    return kn_attr_set_ints(g, use, name, count, out);
}

// How many windows fit; negative: none.
static int64_t windows(int64_t size, int64_t low, int64_t high, int64_t window, int64_t stride)
{
    const int64_t room = size + low + high - window;
    return room < 0 ? -1 : room / stride + 1;
}

static const int64_t zeros[KAON_MAX_RANK] = {0};
static const int64_t ones[KAON_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};

// The shape of conv(a, w) from the shapes of both, both of `rank`.
static kaon_status conv_shape(kn_graph *g, kn_use *use, int32_t rank, const int64_t *a,
                              const int64_t *w, int64_t *shape, kaon_diag *diag)
{
    const int32_t axes = rank - 2;
    int64_t stride[3], low[3], high[3], dilation[3];
    if (axes < 1 || axes > 3)
        return kaon_fail(diag, KAON_INVALID, "needs (batch, in, x..) with 1 to 3 axes x, got %s",
                         kn_dims_text(g, rank, a));
    KAON_TRY(window_list(g, use, "stride", axes, ones, 1, stride, diag));
    KAON_TRY(window_list(g, use, "low", axes, zeros, 0, low, diag));
    KAON_TRY(window_list(g, use, "high", axes, zeros, 0, high, diag));
    KAON_TRY(window_list(g, use, "dilation", axes, ones, 1, dilation, diag));
    const int64_t groups = kn_attr_int(use, "groups", 1);
    if (groups < 1 || a[1] % groups || w[0] % groups || a[1] / groups != w[1])
        return kaon_fail(diag, KAON_INVALID,
                         "channels do not fit in %lld groups, %s with weights %s",
                         (long long)groups, kn_dims_text(g, rank, a), kn_dims_text(g, rank, w));
    shape[0] = a[0];
    shape[1] = w[0];
    for (int32_t i = 0; i < axes; i++) {
        if (w[2 + i] < 1 || w[2 + i] > INT32_MAX)
            return kaon_fail(diag, KAON_INVALID, "weights %s have an empty window",
                             kn_dims_text(g, rank, w));
        const int64_t reach = dilation[i] * (w[2 + i] - 1) + 1;
        shape[2 + i] = windows(a[2 + i], low[i], high[i], reach, stride[i]);
        if (shape[2 + i] < 0)
            return kaon_fail(diag, KAON_INVALID, "a window of %lld does not fit into %s",
                             (long long)reach, kn_dims_text(g, rank, a));
    }
    return KAON_OK;
}

static kaon_status need_conv_inputs(const kn_use *use, kaon_diag *diag)
{
    KAON_TRY(kn_need_same_dtype(use, 0, 1, diag));
    KAON_TRY(kn_need_float(use->inputs[0], diag));
    if (use->inputs[0]->rank == use->inputs[1]->rank && use->inputs[0]->rank > 2)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "needs (batch, in, x..) and (out, in, k..), got %s and %s",
                     kn_type_text(use->inputs[0]), kn_type_text(use->inputs[1]));
}

kaon_status kn_infer_conv(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(need_conv_inputs(use, diag));
    KAON_TRY(conv_shape(g, use, a->rank, a->shape, use->inputs[1]->shape, shape, diag));
    kn_set_output(use, 0, a->dtype, a->rank, shape);
    return KAON_OK;
}

// The attribute "shape", which must have `rank` sizes.
static kaon_status shape_of_input(kn_graph *g, const kn_use *use, int32_t rank,
                                  const int64_t **shape, kaon_diag *diag)
{
    const kaon_attr *attr = kn_attr_find(use, "shape");
    if (attr->count != rank)
        return kaon_fail(diag, KAON_INVALID, "'shape' has %lld sizes, %d are needed",
                         (long long)attr->count, (int)rank);
    *shape = attr->at;
    (void)g;
    return kn_shape_check("shape", rank, attr->at, diag);
}

kaon_status kn_infer_conv_grad_input(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *dy = use->inputs[0];
    const int64_t *a = NULL;
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(need_conv_inputs(use, diag));
    KAON_TRY(shape_of_input(g, use, dy->rank, &a, diag));
    KAON_TRY(conv_shape(g, use, dy->rank, a, use->inputs[1]->shape, shape, diag));
    KAON_TRY(need_shape(g, dy, "dy", dy->rank, shape, diag));
    kn_set_output(use, 0, dy->dtype, dy->rank, a);
    return KAON_OK;
}

kaon_status kn_infer_conv_grad_weight(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0], *dy = use->inputs[1];
    const int64_t *w = NULL;
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(need_conv_inputs(use, diag));
    KAON_TRY(shape_of_input(g, use, a->rank, &w, diag));
    KAON_TRY(conv_shape(g, use, a->rank, a->shape, w, shape, diag));
    KAON_TRY(need_shape(g, dy, "dy", a->rank, shape, diag));
    kn_set_output(use, 0, a->dtype, a->rank, w);
    return KAON_OK;
}

// The shape of pooling over the trailing axes of `a`.
static kaon_status pool_shape(kn_graph *g, kn_use *use, int32_t rank, const int64_t *a,
                              int64_t *shape, kaon_diag *diag)
{
    const int64_t given = kn_attr_find(use, "window")->count;
    if (given < 1 || given >= rank)
        return kaon_fail(diag, KAON_INVALID,
                         "a window of %lld axes over %s, a leading axis is needed",
                         (long long)given, kn_dims_text(g, rank, a));
    const int32_t axes = (int32_t)given;
    int64_t window[KAON_MAX_RANK], stride[KAON_MAX_RANK], low[KAON_MAX_RANK], high[KAON_MAX_RANK];
    KAON_TRY(window_list(g, use, "window", axes, ones, 1, window, diag));
    KAON_TRY(window_list(g, use, "stride", axes, window, 1, stride, diag));
    KAON_TRY(window_list(g, use, "low", axes, zeros, 0, low, diag));
    KAON_TRY(window_list(g, use, "high", axes, zeros, 0, high, diag));
    memcpy(shape, a, (size_t)rank * sizeof *shape);
    for (int32_t i = 0; i < axes; i++) {
        const int32_t axis = rank - axes + i;
        // A window that held padding alone would have no maximum.
        if (low[i] >= window[i] || high[i] >= window[i])
            return kaon_fail(diag, KAON_INVALID, "padding of %lld and %lld for a window of %lld",
                             (long long)low[i], (long long)high[i], (long long)window[i]);
        shape[axis] = a[axis] ? windows(a[axis], low[i], high[i], window[i], stride[i]) : -1;
        if (shape[axis] < 0)
            return kaon_fail(diag, KAON_INVALID, "a window of %lld does not fit into %s",
                             (long long)window[i], kn_dims_text(g, rank, a));
    }
    return KAON_OK;
}

kaon_status kn_infer_pool(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(kn_need_float(a, diag));
    KAON_TRY(pool_shape(g, use, a->rank, a->shape, shape, diag));
    kn_set_output(use, 0, a->dtype, a->rank, shape);
    return KAON_OK;
}

kaon_status kn_infer_pool_max_grad(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(kn_need_float(a, diag));
    KAON_TRY(kn_need_same_dtype(use, 0, 1, diag));
    KAON_TRY(pool_shape(g, use, a->rank, a->shape, shape, diag));
    KAON_TRY(need_shape(g, use->inputs[1], "dy", a->rank, shape, diag));
    return kn_infer_identity(g, use, diag);
}

kaon_status kn_infer_pool_sum_grad(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *dy = use->inputs[0];
    const int64_t *a = NULL;
    int64_t shape[KAON_MAX_RANK];
    KAON_TRY(kn_need_float(dy, diag));
    KAON_TRY(shape_of_input(g, use, dy->rank, &a, diag));
    KAON_TRY(pool_shape(g, use, dy->rank, a, shape, diag));
    KAON_TRY(need_shape(g, dy, "dy", dy->rank, shape, diag));
    kn_set_output(use, 0, dy->dtype, dy->rank, a);
    return KAON_OK;
}

/* --- linear algebra: the last two axes -------------------------------------------------------- */

static kaon_status need_matrices(const kn_node *a, int32_t square, kaon_diag *diag)
{
    if (a->dtype != KAON_F32 && a->dtype != KAON_F64)
        return kaon_fail(diag, KAON_INVALID, "f32 or f64 needed, got %s",
                         kaon_dtype_text(a->dtype));
    if (a->rank < 2 || (square && a->shape[a->rank - 1] != a->shape[a->rank - 2]))
        return kaon_fail(diag, KAON_INVALID, "%s needed, got %s",
                         square ? "square matrices" : "matrices", kn_type_text(a));
    return KAON_OK;
}

kaon_status kn_infer_cholesky(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    KAON_TRY(need_matrices(use->inputs[0], 1, diag));
    return kn_infer_identity(g, use, diag);
}

kaon_status kn_infer_solve(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0], *b = use->inputs[1];
    (void)g;
    KAON_TRY(kn_need_same_dtype(use, 0, 1, diag));
    KAON_TRY(need_matrices(a, 1, diag));
    KAON_TRY(need_matrices(b, 0, diag));
    if (a->rank != b->rank ||
        memcmp(a->shape, b->shape, (size_t)(a->rank - 1) * sizeof a->shape[0]))
        return kaon_fail(diag, KAON_INVALID, "needs (.., n, n) and (.., n, k), got %s and %s",
                         kn_type_text(a), kn_type_text(b));
    kn_set_output(use, 0, b->dtype, b->rank, b->shape);
    return KAON_OK;
}

kaon_status kn_infer_triangular_solve(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    kn_attr_set(use, "lower", kn_attr_int(use, "lower", 0) != 0);
    kn_attr_set(use, "transpose", kn_attr_int(use, "transpose", 0) != 0);
    kn_attr_set(use, "unit", kn_attr_int(use, "unit", 0) != 0);
    return kn_infer_solve(g, use, diag);
}

kaon_status kn_infer_slogdet(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    (void)g;
    KAON_TRY(need_matrices(a, 1, diag));
    kn_set_output(use, 0, a->dtype, a->rank - 2, a->shape);
    kn_set_output(use, 1, a->dtype, a->rank - 2, a->shape);
    return KAON_OK;
}

// Output `index` is (.., rows, columns), or (.., rows) where columns is negative.
static void set_matrix(kn_use *use, int32_t index, int64_t rows, int64_t columns)
{
    const kn_node *a = use->inputs[0];
    int64_t shape[KAON_MAX_RANK];
    memcpy(shape, a->shape, sizeof shape);
    shape[a->rank - 2] = rows;
    shape[a->rank - 1] = columns;
    kn_set_output(use, index, a->dtype, columns < 0 ? a->rank - 1 : a->rank, shape);
}

kaon_status kn_infer_qr(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    (void)g;
    KAON_TRY(need_matrices(a, 0, diag));
    const int64_t m = a->shape[a->rank - 2], n = a->shape[a->rank - 1], k = m < n ? m : n;
    set_matrix(use, 0, m, k);
    set_matrix(use, 1, k, n);
    return KAON_OK;
}

kaon_status kn_infer_eigh(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    (void)g;
    KAON_TRY(need_matrices(a, 1, diag));
    const int64_t n = a->shape[a->rank - 1];
    set_matrix(use, 0, n, -1);
    set_matrix(use, 1, n, n);
    return KAON_OK;
}

kaon_status kn_infer_svd(kn_graph *g, kn_use *use, kaon_diag *diag)
{
    const kn_node *a = use->inputs[0];
    (void)g;
    KAON_TRY(need_matrices(a, 0, diag));
    const int64_t m = a->shape[a->rank - 2], n = a->shape[a->rank - 1], k = m < n ? m : n;
    set_matrix(use, 0, m, k);
    set_matrix(use, 1, k, -1);
    set_matrix(use, 2, k, n);
    return KAON_OK;
}
