/* reference.c: graphs evaluated by plain loops in double. */
#include "reference.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <kaon/random.h>

#include "graph/composite.h"
#include "kernel/element.h"

struct kr_run {
    const kn_graph *g;
    double **at; // by node id
    uint64_t seed;
    uint64_t number;
};

static void *take(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        abort();
    return memory;
}

static int64_t attr(const kn_use *use, const char *name)
{
    return kn_attr_int(use, name, 0);
}

static int64_t attr_at(const kn_use *use, const char *name, int64_t index)
{
    const kaon_attr *a = kn_attr_find(use, name);
    assert(a && index < a->count);
    return a->at[index];
}

/* --- places ----------------------------------------------------------------------------------- */

static void place_of(const kn_node *node, int64_t index, int64_t *place)
{
    for (int32_t i = node->rank - 1; i >= 0; i--) {
        place[i] = index % node->shape[i];
        index /= node->shape[i];
    }
}

static int64_t index_of(const kn_node *node, const int64_t *place)
{
    int64_t index = 0;
    for (int32_t i = 0; i < node->rank; i++)
        index = index * node->shape[i] + place[i];
    return index;
}

// Where the element of a broadcast input lies.
static int64_t broadcast_index(const kn_node *in, const kn_node *out, const int64_t *place)
{
    int64_t index = 0;
    for (int32_t i = 0; i < in->rank; i++) {
        const int64_t at = place[i + out->rank - in->rank];
        index = index * in->shape[i] + (in->shape[i] == 1 ? 0 : at);
    }
    return index;
}

// What integer types do with numbers outside their range.
static double wrapped(int32_t dtype, double value)
{
    static const int bits[] = {[KAON_I8] = 8,   [KAON_I16] = 16, [KAON_I32] = 32, [KAON_U8] = 8,
                               [KAON_U16] = 16, [KAON_U32] = 32, [KAON_BOOL] = 0};
    if (dtype == KAON_U64 && value < 0)
        return value + 0x1p64;
    if (dtype < KAON_I8 || dtype > KAON_U32 || !bits[dtype] || !isfinite(value))
        return value;
    const double size = ldexp(1, bits[dtype]);
    value -= size * floor(value / size);
    return dtype < KAON_U8 && value >= size / 2 ? value - size : value;
}

/* --- elementwise ------------------------------------------------------------------------------ */

static double digamma(double x)
{
    double sum = 0;
    if (x <= 0 && x == floor(x))
        return NAN;
    if (x < 0.5)
        return digamma(1 - x) - M_PI / tan(M_PI * x);
    for (; x < 12; x++)
        sum -= 1 / x;
    const double u = 1 / (x * x);
    return sum + log(x) - 0.5 / x -
           u * (1.0 / 12 -
                u * (1.0 / 120 -
                     u * (1.0 / 252 -
                          u * (1.0 / 240 - u * (1.0 / 132 - u * (691.0 / 32760 - u / 12))))));
}

// clang-format off
static double one_number(int32_t op, double a)
{
    switch (op) {
    case KAON_X_NEG: return -a;
    case KAON_X_ABS: return fabs(a);
    case KAON_X_SIGN: return isnan(a) ? a : (a > 0) - (a < 0);
    case KAON_X_FLOOR: return floor(a);
    case KAON_X_CEIL: return ceil(a);
    case KAON_X_ROUND: return nearbyint(a);
    case KAON_X_EXP: return exp(a);
    case KAON_X_EXPM1: return expm1(a);
    case KAON_X_LOG: return log(a);
    case KAON_X_LOG1P: return log1p(a);
    case KAON_X_SQRT: return sqrt(a);
    case KAON_X_RSQRT: return 1 / sqrt(a);
    case KAON_X_SIN: return sin(a);
    case KAON_X_COS: return cos(a);
    case KAON_X_TAN: return tan(a);
    case KAON_X_ASIN: return asin(a);
    case KAON_X_ACOS: return acos(a);
    case KAON_X_ATAN: return atan(a);
    case KAON_X_SINH: return sinh(a);
    case KAON_X_COSH: return cosh(a);
    case KAON_X_TANH: return tanh(a);
    case KAON_X_ASINH: return asinh(a);
    case KAON_X_ACOSH: return acosh(a);
    case KAON_X_ATANH: return atanh(a);
    case KAON_X_ERF: return erf(a);
    case KAON_X_LOGISTIC: return a < 0 ? exp(a) / (1 + exp(a)) : 1 / (1 + exp(-a));
    case KAON_X_LGAMMA: return lgamma(a);
    case KAON_X_DIGAMMA: return digamma(a);
    case KAON_X_FINITE: return isfinite(a) != 0;
    default: abort();
    }
}
// clang-format on

static double bits_of(int32_t op, int32_t dtype, double a, double b)
{
    const int64_t x = (int64_t)a, y = (int64_t)b;
    switch (op) {
    case KAON_X_AND:
        return wrapped(dtype, (double)(x & y));
    case KAON_X_OR:
        return wrapped(dtype, (double)(x | y));
    case KAON_X_XOR:
        return wrapped(dtype, (double)(x ^ y));
    default:
        return dtype == KAON_BOOL ? !x : wrapped(dtype, (double)~x);
    }
}

static double divided(int32_t dtype, double a, double b)
{
    if (kaon_dtype_is_float(dtype))
        return a / b;
    return b == 0 ? 0 : trunc(a / b);
}

// clang-format off
static double two_numbers(int32_t op, int32_t dtype, double a, double b)
{
    switch (op) {
    case KAON_X_ADD: return a + b;
    case KAON_X_SUB: return a - b;
    case KAON_X_MUL: return a * b;
    case KAON_X_DIV: return divided(dtype, a, b);
    case KAON_X_MOD: return !kaon_dtype_is_float(dtype) && b == 0 ? 0 : fmod(a, b);
    case KAON_X_POW: return pow(a, b);
    case KAON_X_MIN: return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case KAON_X_MAX: return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case KAON_X_ATAN2: return atan2(a, b);
    case KAON_X_EQ: return a == b;
    case KAON_X_NE: return a != b;
    case KAON_X_LT: return a < b;
    case KAON_X_LE: return a <= b;
    case KAON_X_GT: return a > b;
    case KAON_X_GE: return a >= b;
    default: return bits_of(op, dtype, a, b);
    }
}
// clang-format on

static double cast_number(int32_t from, int32_t to, double a)
{
    uint64_t room = 0;
    if (kaon_dtype_is_float(to) && to != KAON_F16 && to != KAON_BF16)
        return to == KAON_F32 && from != KAON_F64 ? a : to == KAON_F32 ? (double)(float)a : a;
    if (!kaon_dtype_is_float(from) && to != KAON_BOOL && !kaon_dtype_is_float(to))
        return wrapped(to, a);
    kn_element_put(to, &room, 0, a);
    return kn_element_get(to, &room, 0);
}

static double element(const kn_use *use, const double *const *in, int64_t i, const int64_t *place)
{
    const int32_t op = use->op->elementwise;
    const kn_node *out = &use->outputs[0];
    double a[3] = {0};
    (void)i;
    for (int32_t k = 0; k < use->input_count; k++)
        a[k] = in[k][broadcast_index(use->inputs[k], out, place)];
    if (op == KAON_X_CAST)
        return cast_number(use->inputs[0]->dtype, out->dtype, a[0]);
    if (op == KAON_X_SELECT)
        return a[0] != 0 ? a[1] : a[2];
    if (op == KAON_X_NOT)
        return bits_of(op, out->dtype, a[0], 0);
    const double y = use->input_count == 1 ? one_number(op, a[0])
                                           : two_numbers(op, use->inputs[0]->dtype, a[0], a[1]);
    return wrapped(out->dtype, y);
}

/* --- reductions and running ones -------------------------------------------------------------- */

static double lowest(int32_t dtype)
{
    uint64_t room;
    if (kaon_dtype_is_float(dtype))
        return -INFINITY;
    kn_element_put(dtype, &room, 0, -INFINITY);
    return kn_element_get(dtype, &room, 0);
}

static double highest(int32_t dtype)
{
    uint64_t room;
    if (kaon_dtype_is_float(dtype))
        return INFINITY;
    kn_element_put(dtype, &room, 0, INFINITY);
    return kn_element_get(dtype, &room, 0);
}

// Folding starts at `start` and takes one number after the other.
typedef struct folding {
    double start;
    int32_t op; // KAON_X_*
} folding;

static folding folding_of(const char *name, int32_t dtype)
{
    if (strstr(name, "sum"))
        return (folding){0, KAON_X_ADD};
    if (strstr(name, "prod"))
        return (folding){1, KAON_X_MUL};
    if (strstr(name, "max"))
        return (folding){lowest(dtype), KAON_X_MAX};
    return (folding){highest(dtype), KAON_X_MIN};
}

static void reduce(const kn_use *use, const double *a, double *y)
{
    const kn_node *in = use->inputs[0], *out = &use->outputs[0];
    const kaon_attr *axes = kn_attr_find(use, "axes");
    const folding f = folding_of(use->name, in->dtype);
    for (int64_t i = 0; i < kn_node_count(out); i++)
        y[i] = f.start;
    for (int64_t i = 0; i < kn_node_count(in); i++) {
        int64_t place[KAON_MAX_RANK], at = 0;
        place_of(in, i, place);
        for (int32_t k = 0; k < in->rank; k++) {
            int reduced = 0;
            for (int64_t j = 0; j < axes->count; j++)
                reduced |= axes->at[j] == k;
            at = reduced ? at : at * in->shape[k] + place[k];
        }
        y[at] = wrapped(in->dtype, two_numbers(f.op, in->dtype, y[at], a[i]));
    }
}

// One line along an axis: `n` numbers, `step` apart.
typedef void line_function(const kn_use *use, const double *a, double *y, int64_t n, int64_t step,
                           int64_t out_step);

static void each_line(const kn_use *use, const double *a, double *y, line_function *function)
{
    const kn_node *in = use->inputs[0], *out = &use->outputs[0];
    const int32_t axis = (int32_t)attr(use, "axis");
    const int same = out->rank == in->rank;
    int64_t before = 1, after = 1;
    for (int32_t i = 0; i < axis; i++)
        before *= in->shape[i];
    for (int32_t i = axis + 1; i < in->rank; i++)
        after *= in->shape[i];
    const int64_t n = in->shape[axis], m = same ? out->shape[axis] : 1;
    for (int64_t b = 0; b < before; b++) {
        for (int64_t c = 0; c < after; c++)
            function(use, a + b * n * after + c, y + b * m * after + c, n, after, after);
    }
}

static void run_line(const kn_use *use, const double *a, double *y, int64_t n, int64_t step,
                     int64_t out_step)
{
    const int32_t dtype = use->inputs[0]->dtype;
    const folding f = folding_of(use->name, dtype);
    double so_far = f.start;
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = attr(use, "reverse") ? n - 1 - k : k;
        const double next = wrapped(dtype, two_numbers(f.op, dtype, so_far, a[i * step]));
        y[i * out_step] = attr(use, "exclusive") ? so_far : next;
        so_far = next;
    }
}

static void arg_line(const kn_use *use, const double *a, double *y, int64_t n, int64_t step,
                     int64_t out_step)
{
    const int greatest = !strcmp(use->name, "argmax");
    int64_t best = 0;
    (void)out_step;
    for (int64_t i = 1; i < n; i++) {
        const double x = a[i * step], b = a[best * step];
        if (!isnan(b) && (isnan(x) || (greatest ? x > b : x < b)))
            best = i;
    }
    *y = (double)best;
}

static int goes_before(double a, double b, int64_t descending)
{
    if (isnan(a) || isnan(b))
        return !isnan(a);
    return descending ? a > b : a < b;
}

// Insertion sort: stable, and short.
static void sort_line(const kn_use *use, const double *a, double *y, int64_t n, int64_t step,
                      int64_t out_step)
{
    const int indices = !strcmp(use->name, "argsort");
    int64_t *order = take((size_t)n * sizeof *order);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i;
        for (; k > 0 && goes_before(a[i * step], a[order[k - 1] * step], attr(use, "descending")) &&
               !(isnan(a[i * step]) && isnan(a[order[k - 1] * step]));
             k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t i = 0; i < n; i++)
        y[i * out_step] = indices ? (double)order[i] : a[order[i] * step];
    free(order);
}

/* --- shape moves: each output element comes from one place ------------------------------------ */

// The place in the input, or -1 for none.
static int64_t source(const kn_use *use, const int64_t *place)
{
    const kn_node *in = use->inputs[0], *out = &use->outputs[0];
    const char *op = use->name;
    int64_t from[KAON_MAX_RANK];
    memcpy(from, place, sizeof from);
    if (!strcmp(op, "broadcast"))
        return broadcast_index(in, out, place);
    if (!strcmp(op, "transpose")) {
        for (int32_t i = 0; i < in->rank; i++)
            from[attr_at(use, "axes", i)] = place[i];
        return index_of(in, from);
    }
    const int64_t axis = attr(use, "axis");
    if (!strcmp(op, "slice"))
        from[axis] = attr(use, "start") + attr(use, "step") * place[axis];
    if (!strcmp(op, "reverse"))
        from[axis] = in->shape[axis] - 1 - place[axis];
    if (!strcmp(op, "pad"))
        from[axis] = place[axis] - attr(use, "low");
    return from[axis] < 0 || from[axis] >= in->shape[axis] ? -1 : index_of(in, from);
}

static void move(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *out = &use->outputs[0];
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int64_t place[KAON_MAX_RANK] = {0};
        place_of(out, i, place);
        const int64_t from = source(use, place);
        y[i] = from < 0 ? in[1][0] : in[0][from];
    }
}

static void concat(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *out = &use->outputs[0];
    const int64_t axis = attr(use, "axis");
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int64_t place[KAON_MAX_RANK];
        int32_t part = 0;
        place_of(out, i, place);
        while (place[axis] >= use->inputs[part]->shape[axis])
            place[axis] -= use->inputs[part++]->shape[axis];
        y[i] = in[part][index_of(use->inputs[part], place)];
    }
}

static void iota(const kn_use *use, double *y)
{
    const kn_node *out = &use->outputs[0];
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int64_t place[KAON_MAX_RANK];
        place_of(out, i, place);
        y[i] = wrapped(out->dtype, (double)place[attr(use, "axis")]);
    }
}

/* --- gather and scatter ----------------------------------------------------------------------- */

// For element `place` of gather's result: the place in `a` but for the axis, and the index chosen.
static int64_t chosen(const kn_use *use, const double *indices, const int64_t *place, int64_t *from)
{
    const kn_node *a = use->inputs[0], *ix = use->inputs[1];
    const int64_t axis = attr(use, "axis");
    for (int32_t i = 0; i < a->rank; i++)
        from[i] = i < axis ? place[i] : i > axis ? place[i + ix->rank - 1] : 0;
    return (int64_t)indices[index_of(ix, place + axis)];
}

static void gather(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *a = use->inputs[0], *out = &use->outputs[0];
    const int64_t axis = attr(use, "axis"), n = a->shape[axis];
    const int along = !strcmp(use->name, "take_along");
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int64_t place[KAON_MAX_RANK], from[KAON_MAX_RANK];
        place_of(out, i, place);
        memcpy(from, place, sizeof from);
        const int64_t at = along ? (int64_t)in[1][i] : chosen(use, in[1], place, from);
        from[axis] = at < 0 ? 0 : at >= n ? n - 1 : at;
        y[i] = in[0][index_of(a, from)];
    }
}

static void scatter(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *a = use->inputs[0], *updates = use->inputs[2];
    const int64_t axis = attr(use, "axis"), n = a->shape[axis];
    const int along = !strcmp(use->name, "put_along_add");
    memcpy(y, in[0], (size_t)kn_node_count(a) * sizeof *y);
    for (int64_t i = 0; i < kn_node_count(updates); i++) {
        int64_t place[KAON_MAX_RANK], to[KAON_MAX_RANK];
        place_of(updates, i, place);
        memcpy(to, place, sizeof to);
        const int64_t at = along ? (int64_t)in[1][i] : chosen(use, in[1], place, to);
        to[axis] = at;
        if (at >= 0 && at < n)
            y[index_of(a, to)] = wrapped(a->dtype, y[index_of(a, to)] + in[2][i]);
    }
}

/* --- products --------------------------------------------------------------------------------- */

static void matmul(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *a = use->inputs[0], *b = use->inputs[1], *out = &use->outputs[0];
    const int64_t k = a->shape[a->rank - 1];
    const int32_t lead = out->rank - (a->rank > 1) - (b->rank > 1);
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int64_t place[KAON_MAX_RANK], pa[KAON_MAX_RANK] = {0}, pb[KAON_MAX_RANK] = {0};
        place_of(out, i, place);
        for (int32_t l = 0; l < lead; l++) {
            const int32_t ia = l - lead + a->rank - 2, ib = l - lead + b->rank - 2;
            if (a->rank > 2 && ia >= 0)
                pa[ia] = a->shape[ia] == 1 ? 0 : place[l];
            if (b->rank > 2 && ib >= 0)
                pb[ib] = b->shape[ib] == 1 ? 0 : place[l];
        }
        if (a->rank > 1)
            pa[a->rank - 2] = place[lead];
        if (b->rank > 1)
            pb[b->rank - 1] = place[out->rank - 1];
        y[i] = 0;
        for (int64_t j = 0; j < k; j++) {
            pa[a->rank - 1] = j;
            pb[b->rank > 1 ? b->rank - 2 : 0] = j;
            y[i] = wrapped(out->dtype, y[i] + in[0][index_of(a, pa)] * in[1][index_of(b, pb)]);
        }
    }
}

// A term of a convolution: y[py] += a[pa] w[pw].
typedef struct conv_term {
    const kn_node *a, *w, *y;
} conv_term;

// Calls for all terms; which of the three arrays is written depends on the op.
static void conv(const kn_use *use, conv_term t, const double *a, const double *w, const double *dy,
                 double *out)
{
    const int64_t groups = attr(use, "groups"), out_per = t.w->shape[0] / groups;
    const int32_t rank = t.a->rank;
    for (int64_t i = 0; i < kn_node_count(t.y); i++) {
        int64_t py[KAON_MAX_RANK];
        place_of(t.y, i, py);
        const int64_t in_per = t.w->shape[1],
                      weights = kn_node_count(t.w) / (t.w->shape[0] ? t.w->shape[0] : 1);
        for (int64_t k = 0; k < weights; k++) {
            int64_t pw[KAON_MAX_RANK], pa[KAON_MAX_RANK];
            const int64_t kw = py[1] * weights + k;
            int inside = 1;
            place_of(t.w, kw, pw);
            pa[0] = py[0];
            pa[1] = py[1] / out_per * in_per + pw[1];
            for (int32_t s = 2; s < rank; s++) {
                pa[s] = py[s] * attr_at(use, "stride", s - 2) - attr_at(use, "low", s - 2) +
                        pw[s] * attr_at(use, "dilation", s - 2);
                inside = inside && pa[s] >= 0 && pa[s] < t.a->shape[s];
            }
            if (!inside)
                continue;
            const int64_t ka = index_of(t.a, pa);
            if (!dy)
                out[i] += a[ka] * w[kw];
            else if (!a)
                out[ka] += dy[i] * w[kw];
            else
                out[kw] += dy[i] * a[ka];
        }
    }
}

static void convolve(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *x0 = use->inputs[0], *x1 = use->inputs[1], *out = &use->outputs[0];
    if (!strcmp(use->name, "conv"))
        conv(use, (conv_term){x0, x1, out}, in[0], in[1], NULL, y);
    else if (!strcmp(use->name, "conv_grad_input"))
        conv(use, (conv_term){out, x1, x0}, NULL, in[1], in[0], y);
    else
        conv(use, (conv_term){x0, out, x1}, in[0], NULL, in[1], y);
}

/* --- pooling ---------------------------------------------------------------------------------- */

// Visits the windows of `pooled` over `a`. Gradients go to `y`, which has the shape of `a`.
static void pool(const kn_use *use, const kn_node *a, const kn_node *pooled, const double *in,
                 const double *dy, double *y)
{
    const kaon_attr *window = kn_attr_find(use, "window");
    const int is_max = strstr(use->name, "max") != NULL;
    const int32_t first = a->rank - (int32_t)window->count;
    int64_t places = 1;
    for (int64_t i = 0; i < window->count; i++)
        places *= window->at[i];
    for (int64_t i = 0; i < kn_node_count(pooled); i++) {
        int64_t place[KAON_MAX_RANK], best = -1;
        double sum = 0;
        place_of(pooled, i, place);
        for (int64_t n = 0; n < places; n++) {
            int64_t at[KAON_MAX_RANK], rest = n;
            int inside = 1;
            memcpy(at, place, sizeof at);
            for (int64_t k = window->count - 1; k >= 0; k--) {
                at[first + k] = place[first + k] * attr_at(use, "stride", k) +
                                rest % window->at[k] - attr_at(use, "low", k);
                rest /= window->at[k];
                inside = inside && at[first + k] >= 0 && at[first + k] < a->shape[first + k];
            }
            if (!inside)
                continue;
            const int64_t index = index_of(a, at);
            if (is_max &&
                (best < 0 || (!isnan(in[best]) && (isnan(in[index]) || in[index] > in[best]))))
                best = index;
            if (!is_max && dy)
                y[index] += dy[i];
            if (!is_max && !dy)
                sum += in[index];
        }
        if (is_max && dy)
            y[best] += dy[i];
        if (!dy)
            y[i] = is_max ? in[best] : sum;
    }
}

static void pooling(const kn_use *use, const double *const *in, double *y)
{
    const kn_node *x0 = use->inputs[0], *out = &use->outputs[0];
    if (!strcmp(use->name, "pool_max_grad"))
        pool(use, x0, use->inputs[1], in[0], in[1], y);
    else if (!strcmp(use->name, "pool_sum_grad"))
        pool(use, out, x0, NULL, in[0], y);
    else
        pool(use, x0, out, in[0], NULL, y);
}

/* --- random numbers --------------------------------------------------------------------------- */

static uint32_t random_word(const kr_run *run, int64_t stream, int64_t index)
{
    const uint64_t block = (uint64_t)index / 4;
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)stream,
                                 (uint32_t)run->number};
    const uint32_t key[2] = {(uint32_t)run->seed, (uint32_t)(run->seed >> 32)};
    uint32_t words[4];
    kaon_philox(counter, key, words);
    return words[index % 4];
}

static void draw(const kr_run *run, const kn_use *use, double *y)
{
    const kn_node *out = &use->outputs[0];
    const int64_t stream = attr(use, "stream");
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        if (out->dtype == KAON_U32)
            y[i] = random_word(run, stream, i);
        else if (out->dtype == KAON_F32)
            y[i] = (double)kaon_uniform_f32(random_word(run, stream, i));
        else
            y[i] = kaon_uniform_f64(random_word(run, stream, 2 * i),
                                    random_word(run, stream, 2 * i + 1));
    }
}

/* --- uses ------------------------------------------------------------------------------------- */

static const struct {
    const char *start; // of the op's name
    void (*many)(const kn_use *use, const double *const *in, double *y);
    void (*one)(const kn_use *use, const double *a, double *y);
    line_function *line;
} kinds[] = {
    {"reduce_", NULL, reduce, NULL},      {"cum", NULL, NULL, run_line},
    {"argmax", NULL, NULL, arg_line},     {"argmin", NULL, NULL, arg_line},
    {"sort", NULL, NULL, sort_line},      {"argsort", NULL, NULL, sort_line},
    {"broadcast", move, NULL, NULL},      {"transpose", move, NULL, NULL},
    {"slice", move, NULL, NULL},          {"pad", move, NULL, NULL},
    {"reverse", move, NULL, NULL},        {"concat", concat, NULL, NULL},
    {"gather", gather, NULL, NULL},       {"take_along", gather, NULL, NULL},
    {"scatter_add", scatter, NULL, NULL}, {"put_along_add", scatter, NULL, NULL},
    {"matmul", matmul, NULL, NULL},       {"conv", convolve, NULL, NULL},
    {"pool_", pooling, NULL, NULL},
};

static void run_op(const kr_run *run, const kn_use *use, const double *const *in,
                   double *const *out)
{
    const kn_node *node = &use->outputs[0];
    const size_t bytes = (size_t)kn_node_count(node) * sizeof(double);
    if (use->op->elementwise) {
        for (int64_t i = 0; i < kn_node_count(node); i++) {
            int64_t place[KAON_MAX_RANK];
            place_of(node, i, place);
            out[0][i] = element(use, in, i, place);
        }
        return;
    }
    if (!strcmp(use->name, "stop_gradient") || !strcmp(use->name, "reshape")) {
        memcpy(out[0], in[0], bytes);
        return;
    }
    if (!strcmp(use->name, "iota")) {
        iota(use, out[0]);
        return;
    }
    if (!strncmp(use->name, "random_", 7)) {
        draw(run, use, out[0]);
        return;
    }
    if (kr_is_linear_algebra(use->name)) {
        kr_linear_algebra(use, in, out);
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(use->name, kinds[i].start, strlen(kinds[i].start)))
            continue;
        if (kinds[i].many)
            kinds[i].many(use, in, out[0]);
        else if (kinds[i].one)
            kinds[i].one(use, in[0], out[0]);
        else
            each_line(use, in[0], out[0], kinds[i].line);
        return;
    }
    abort();
}

/* --- scan, cond, composites ------------------------------------------------------------------- */

static kr_run *evaluate(const kn_graph *g, const double *const *inputs,
                        const double *const *variables, const kr_run *like);

static void run_scan(const kr_run *run, const kn_use *use, const double *const *in,
                     double *const *out)
{
    const kn_graph *body = use->bodies[0];
    const int32_t c = use->carry_count;
    const double **given = take((size_t)body->input_count * sizeof *given);
    for (int32_t i = 0; i < body->input_count; i++)
        given[i] = in[i];
    for (int32_t i = 0; i < c; i++)
        memcpy(out[i], in[i], (size_t)kn_node_count(&use->outputs[i]) * sizeof(double));
    for (int64_t step = 0; step < use->length; step++) {
        for (int32_t i = 0; i < c; i++)
            given[i] = out[i];
        for (int32_t i = c; i < c + use->x_count; i++)
            given[i] = in[i] + step * kn_node_count(body->inputs[i]);
        kr_run *inner = evaluate(body, given, NULL, run);
        for (int32_t i = c; i < use->output_count; i++) {
            const int64_t n = kn_node_count(body->results[i]);
            memcpy(out[i] + step * n, inner->at[body->results[i]->id], (size_t)n * sizeof(double));
        }
        for (int32_t i = 0; i < c; i++)
            memcpy(out[i], inner->at[body->results[i]->id],
                   (size_t)kn_node_count(body->results[i]) * sizeof(double));
        kr_free(inner);
    }
    free(given);
}

static void run_cond(const kr_run *run, const kn_use *use, const double *const *in,
                     double *const *out)
{
    const kn_graph *body = use->bodies[in[0][0] != 0 ? 0 : 1];
    kr_run *inner = evaluate(body, in + 1, NULL, run);
    for (int32_t i = 0; i < use->output_count; i++)
        memcpy(out[i], inner->at[body->results[i]->id],
               (size_t)kn_node_count(&use->outputs[i]) * sizeof(double));
    kr_free(inner);
}

static void run_composite(const kr_run *run, const kn_use *use, const double *const *in,
                          double *const *out)
{
    kn_graph *scratch;
    kn_node *outputs[KAON_OP_MAX_OUTPUTS];
    kn_node **inputs = take((size_t)use->input_count * sizeof *inputs);
    if (kn_graph_new_like((kn_graph *)run->g, &scratch, NULL))
        abort();
    for (int32_t i = 0; i < use->input_count; i++)
        inputs[i] = kn_node_of(kn_graph_api.input(&scratch->base, "", use->inputs[i]->dtype,
                                                  use->inputs[i]->rank, use->inputs[i]->shape));
    if (kn_composite_expand(scratch, use, inputs, outputs))
        abort();
    kr_run *inner = evaluate(scratch, in, NULL, run);
    for (int32_t i = 0; i < use->output_count; i++)
        memcpy(out[i], inner->at[outputs[i]->id],
               (size_t)kn_node_count(&use->outputs[i]) * sizeof(double));
    kr_free(inner);
    kn_graph_free(scratch);
    free(inputs);
}

static void run_use(kr_run *run, const kn_use *use, const double *const *inputs,
                    const double *const *variables)
{
    const double **in = take((size_t)use->input_count * sizeof *in);
    double **out = take((size_t)use->output_count * sizeof *out);
    for (int32_t i = 0; i < use->input_count; i++)
        in[i] = run->at[use->inputs[i]->id];
    for (int32_t i = 0; i < use->output_count; i++)
        out[i] = run->at[use->outputs[i].id] =
            take((size_t)kn_node_count(&use->outputs[i]) * sizeof(double));
    const kn_node *node = &use->outputs[0];
    const int64_t count = use->output_count ? kn_node_count(node) : 0;
    const double *given = NULL;
    switch (use->kind) {
    case KN_USE_CONST:
        for (int64_t i = 0; i < count; i++)
            out[0][i] = kn_element_get(node->dtype, use->data, i);
        break;
    case KN_USE_VARIABLE:
        given = variables ? variables[use->index] : NULL;
        break;
    case KN_USE_INPUT:
    case KN_USE_CAPTURE:
        given = inputs[use->index];
        break;
    case KN_USE_SCAN:
        run_scan(run, use, in, out);
        break;
    case KN_USE_COND:
        run_cond(run, use, in, out);
        break;
    default:
        if (use->composite)
            run_composite(run, use, in, out);
        else
            run_op(run, use, in, out);
    }
    if (given && count)
        memcpy(out[0], given, (size_t)count * sizeof *given);
    free(in);
    free(out);
}

static kr_run *evaluate(const kn_graph *g, const double *const *inputs,
                        const double *const *variables, const kr_run *like)
{
    kr_run *run = take(sizeof *run);
    *run = (kr_run){.g = g, .seed = like->seed, .number = like->number};
    run->at = take((size_t)g->node_count * sizeof *run->at);
    for (int32_t i = 0; i < g->use_count; i++)
        run_use(run, g->uses[i], inputs, variables);
    return run;
}

kr_run *kr_evaluate(const kn_graph *g, const double *const *inputs, const double *const *variables,
                    uint64_t seed, uint64_t number)
{
    const kr_run like = {.seed = seed, .number = number};
    return evaluate(g, inputs, variables, &like);
}

const double *kr_at(const kr_run *run, const kaon_node *node)
{
    return run->at[kn_node_of(node)->id];
}

void kr_free(kr_run *run)
{
    if (!run)
        return;
    for (int32_t i = 0; i < run->g->node_count; i++)
        free(run->at[i]);
    free(run->at);
    free(run);
}
