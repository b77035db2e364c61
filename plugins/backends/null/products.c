/* products.c: sums of products, and windows: matmul, convolutions, pooling. Sums are in double. */
#include "null.h"

#include <math.h>
#include <string.h>

static null_number load_at(const null_tensor *t, const int64_t *index)
{
    return null_load(t->dtype, null_at(t, index));
}

static null_number multiply_add(null_number sum, null_number a, null_number b)
{
    sum.real += a.real * b.real;
    sum.whole = (int64_t)((uint64_t)sum.whole + (uint64_t)a.whole * (uint64_t)b.whole);
    return sum;
}

/* --- matmul ----------------------------------------------------------------------------------- */

// An operand with at least two axes: a vector is a row on the left, a column on the right.
static null_tensor as_matrix(const null_tensor *t, int32_t is_left)
{
    null_tensor m = *t;
    if (t->rank != 1)
        return m;
    m.rank = 2;
    m.shape[is_left] = t->shape[0];
    m.strides[is_left] = t->strides[0];
    m.shape[!is_left] = 1;
    m.strides[!is_left] = 0;
    return m;
}

// Address of the matrix an output index belongs to; leading axes of size 1 are broadcast.
static null_tensor matrix_at(const null_tensor *m, const int64_t *leading, int32_t rank)
{
    null_tensor one = {.dtype = m->dtype, .rank = 2, .data = m->data};
    const int32_t own = m->rank - 2;
    int64_t at = 0;
    for (int32_t i = 0; i < own; i++)
        if (m->shape[i] != 1)
            at += leading[rank - own + i] * m->strides[i];
    one.data += at * (int64_t)kaon_dtype_bytes(m->dtype);
    for (int32_t i = 0; i < 2; i++) {
        one.shape[i] = m->shape[own + i];
        one.strides[i] = m->strides[own + i];
    }
    return one;
}

static void multiply(const null_tensor *a, const null_tensor *b, int32_t dtype, char *out)
{
    for (int64_t i = 0; i < a->shape[0]; i++) {
        for (int64_t j = 0; j < b->shape[1]; j++) {
            null_number sum = {0, 0};
            for (int64_t k = 0; k < a->shape[1]; k++) {
                const int64_t left[2] = {i, k}, right[2] = {k, j};
                sum = multiply_add(sum, load_at(a, left), load_at(b, right));
            }
            null_store(dtype, out, sum);
            out += kaon_dtype_bytes(dtype);
        }
    }
}

static void run_matmul(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *out = null_out(t, 0);
    const null_tensor a = as_matrix(null_in(t, 0), 1), b = as_matrix(null_in(t, 1), 0);
    const int32_t rank = (a.rank > b.rank ? a.rank : b.rank) - 2;
    const int64_t size = a.shape[a.rank - 2] * b.shape[b.rank - 1];
    int64_t index[KAON_MAX_RANK] = {0};
    char *to = out->data;
    if (null_count(out) == 0)
        return;
    do {
        const null_tensor left = matrix_at(&a, index, rank), right = matrix_at(&b, index, rank);
        multiply(&left, &right, out->dtype, to);
        to += size * (int64_t)kaon_dtype_bytes(out->dtype);
    } while (null_next(rank, out->shape, index));
}

/* --- convolutions ----------------------------------------------------------------------------- */

static void clear(const null_tensor *t)
{
    memset(t->data, 0, (size_t)null_count(t) * kaon_dtype_bytes(t->dtype));
}

typedef struct {
    null_tensor a, w, y; // of y = conv(a, w)
} conv;

typedef void conv_visit(const conv *c, const int64_t *a, const int64_t *w, const int64_t *y);

// Where an index of y and one of w meet in a; 0: in the padding.
static int32_t meet(const null_task *t, const conv *c, const int64_t *y, const int64_t *w,
                    int64_t *a)
{
    const int64_t groups = null_attr_int(t, "groups");
    const int64_t group = y[1] / (c->w.shape[0] / groups);
    a[0] = y[0];
    a[1] = group * c->w.shape[1] + w[1];
    for (int32_t i = 0; i < c->a.rank - 2; i++) {
        a[2 + i] = y[2 + i] * null_attr_at(t, "stride", i) - null_attr_at(t, "low", i) +
                   w[2 + i] * null_attr_at(t, "dilation", i);
        if (a[2 + i] < 0 || a[2 + i] >= c->a.shape[2 + i])
            return 0;
    }
    return 1;
}

// Every product of a convolution, once.
static void each_product(const null_task *t, const conv *c, conv_visit *visit)
{
    int64_t y[KAON_MAX_RANK] = {0}, a[KAON_MAX_RANK] = {0};
    if (null_count(&c->y) == 0 || null_count(&c->w) == 0)
        return;
    do {
        int64_t w[KAON_MAX_RANK] = {0}, window[KAON_MAX_RANK];
        memcpy(window, c->w.shape, sizeof window);
        window[0] = 1;
        do {
            w[0] = y[1];
            if (meet(t, c, y, w, a))
                visit(c, a, w, y);
            w[0] = 0;
        } while (null_next(c->w.rank, window, w));
    } while (null_next(c->y.rank, c->y.shape, y));
}

static void add_product(const null_tensor *to, const int64_t *at, const null_tensor *m,
                        const int64_t *m_at, const null_tensor *n, const int64_t *n_at)
{
    char *place = null_at(to, at);
    null_store(to->dtype, place,
               multiply_add(null_load(to->dtype, place), load_at(m, m_at), load_at(n, n_at)));
}

static void to_output(const conv *c, const int64_t *a, const int64_t *w, const int64_t *y)
{
    add_product(&c->y, y, &c->a, a, &c->w, w);
}

static void to_input(const conv *c, const int64_t *a, const int64_t *w, const int64_t *y)
{
    add_product(&c->a, a, &c->y, y, &c->w, w);
}

static void to_weight(const conv *c, const int64_t *a, const int64_t *w, const int64_t *y)
{
    add_product(&c->w, w, &c->a, a, &c->y, y);
}

static void run_conv(null_task *t, const kaon_launch *l)
{
    (void)l;
    const conv c = {*null_in(t, 0), *null_in(t, 1), *null_out(t, 0)};
    clear(&c.y);
    each_product(t, &c, to_output);
}

static void run_conv_grad_input(null_task *t, const kaon_launch *l)
{
    (void)l;
    const conv c = {*null_out(t, 0), *null_in(t, 1), *null_in(t, 0)};
    clear(&c.a);
    each_product(t, &c, to_input);
}

static void run_conv_grad_weight(null_task *t, const kaon_launch *l)
{
    (void)l;
    const conv c = {*null_in(t, 0), *null_out(t, 0), *null_in(t, 1)};
    clear(&c.w);
    each_product(t, &c, to_weight);
}

/* --- pooling ---------------------------------------------------------------------------------- */

// The place in `a` that point `w` of the window at `y` covers; 0: in the padding.
static int32_t covered(const null_task *t, const null_tensor *a, int32_t axes, const int64_t *y,
                       const int64_t *w, int64_t *at)
{
    const int32_t lead = a->rank - axes;
    for (int32_t i = 0; i < a->rank; i++) {
        at[i] = y[i];
        if (i < lead)
            continue;
        at[i] = y[i] * null_attr_at(t, "stride", i - lead) - null_attr_at(t, "low", i - lead) +
                w[i - lead];
        if (at[i] < 0 || at[i] >= a->shape[i])
            return 0;
    }
    return 1;
}

// Visits each point under the window at `y`; returns the sum, or the greatest, whose place is kept.
static null_number pool(const null_task *t, const null_tensor *a, const int64_t *y, int32_t is_max,
                        int64_t *greatest)
{
    const kaon_attr *window = null_attr(t, "window");
    int64_t w[KAON_MAX_RANK] = {0}, at[KAON_MAX_RANK];
    null_number sum = {0, 0};
    int32_t found = 0;
    do {
        if (!covered(t, a, (int32_t)window->count, y, w, at))
            continue;
        const null_number n = load_at(a, at);
        if (!is_max)
            sum.real += n.real;
        else if (!found || (!isnan(sum.real) && (isnan(n.real) || n.real > sum.real))) {
            sum = n;
            memcpy(greatest, at, sizeof at);
        }
        found = 1;
    } while (null_next((int32_t)window->count, window->at, w));
    return sum;
}

static void run_pool(null_task *t, int32_t is_max)
{
    const null_tensor *out = null_out(t, 0);
    int64_t y[KAON_MAX_RANK] = {0}, greatest[KAON_MAX_RANK];
    if (null_count(out) == 0)
        return;
    do
        null_store(out->dtype, null_at(out, y), pool(t, null_in(t, 0), y, is_max, greatest));
    while (null_next(out->rank, out->shape, y));
}

static void run_pool_max(null_task *t, const kaon_launch *l)
{
    (void)l;
    run_pool(t, 1);
}

static void run_pool_sum(null_task *t, const kaon_launch *l)
{
    (void)l;
    run_pool(t, 0);
}

static void add_at(const null_tensor *to, const int64_t *at, null_number n)
{
    char *place = null_at(to, at);
    const null_number old = null_load(to->dtype, place);
    null_store(to->dtype, place, (null_number){old.real + n.real, 0});
}

static void run_pool_max_grad(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *dy = null_in(t, 1), *out = null_out(t, 0);
    int64_t y[KAON_MAX_RANK] = {0}, greatest[KAON_MAX_RANK] = {0};
    clear(out);
    if (null_count(dy) == 0)
        return;
    do {
        pool(t, null_in(t, 0), y, 1, greatest);
        add_at(out, greatest, load_at(dy, y));
    } while (null_next(dy->rank, dy->shape, y));
}

static void run_pool_sum_grad(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *dy = null_in(t, 0), *out = null_out(t, 0);
    const kaon_attr *window = null_attr(t, "window");
    int64_t y[KAON_MAX_RANK] = {0};
    clear(out);
    if (null_count(dy) == 0)
        return;
    do {
        int64_t w[KAON_MAX_RANK] = {0}, at[KAON_MAX_RANK];
        do
            if (covered(t, out, (int32_t)window->count, y, w, at))
                add_at(out, at, load_at(dy, y));
        while (null_next((int32_t)window->count, window->at, w));
    } while (null_next(dy->rank, dy->shape, y));
}

const null_op null_products[] = {
    {"matmul", run_matmul, 0},
    {"conv", run_conv, 0},
    {"conv_grad_input", run_conv_grad_input, 0},
    {"conv_grad_weight", run_conv_grad_weight, 0},
    {"pool_max", run_pool_max, 0},
    {"pool_sum", run_pool_sum, 0},
    {"pool_max_grad", run_pool_max_grad, 0},
    {"pool_sum_grad", run_pool_sum_grad, 0},
    {NULL, NULL, 0},
};
