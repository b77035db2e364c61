/* cases.c: small problems that between them use every primitive. */
#include "cases.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <kaon/random.h>

kaon_node *kr_constant(kaon_graph *g, const kaon_node *like, uint64_t seed)
{
    double values[KR_COUNT];
    int64_t shape[KAON_MAX_RANK];
    kaon_random_stream r = {seed, 7, 0};
    for (int32_t i = 0; i < kaon_rank(like); i++)
        shape[i] = kaon_dim(like, i);
    const int64_t count = like ? kn_node_count(kn_node_of(like)) : 0;
    assert(count <= KR_COUNT);
    for (int64_t i = 0; i < count; i++)
        values[i] = 2 * kaon_random_uniform(&r) - 1;
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0,   kaon_rank(like),
                            0,           values,   shape,           NULL};
    kaon_node *c = g->api->constant(g, &view);
    return g->api->float_type(g) == KAON_F64 ? c : kaon_cast(g, c, g->api->float_type(g));
}

/* --- elementwise: each with inputs where it is smooth ------------------------------------------
 */

typedef struct range_row {
    const char *op;
    double low, high;
} range_row;

static const range_row ranges[] = {
    {"log", 0.2, 3},     {"log1p", -0.5, 2},  {"sqrt", 0.2, 3},  {"rsqrt", 0.2, 3},
    {"asin", -0.8, 0.8}, {"acos", -0.8, 0.8}, {"acosh", 1.2, 3}, {"atanh", -0.8, 0.8},
    {"lgamma", 0.3, 4},  {"digamma", 0.3, 4}, {"pow", 0.3, 2},   {"mod", 0.3, 2},
    {"div", 0.5, 2},     {"tan", -1, 1},
};

static kaon_node *build_elementwise(kaon_graph *g, const char *name, kaon_node **in)
{
    const kn_op *op = kn_op_find(name);
    if (op->elementwise == KAON_X_SELECT) {
        kaon_node *choice = kaon_gt(g, in[0], kaon_scalar(g, 0.1));
        return kaon_select(g, choice, in[1], in[2]);
    }
    return g->api->apply(g, name, op->min_inputs, in, 0, NULL);
}

static kaon_node *below_half(kaon_graph *g, kaon_node **in)
{
    return kaon_add(g, kaon_digamma(g, in[0]), kaon_lgamma(g, in[0]));
}

/* --- everything else -------------------------------------------------------------------------- */

static kaon_node *with(kaon_graph *g, const char *op, int32_t count, kaon_node **in, int32_t n,
                       const kaon_attr *attrs)
{
    return g->api->apply(g, op, count, in, n, attrs);
}

#define I kaon_attr_int
#define L(name, ...)                                                                               \
    kaon_attr_ints(name, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                 \
                   (const int64_t[]){__VA_ARGS__})
// A builder of one operation with attributes.
#define CASE(function, op, count, ...)                                                             \
    static kaon_node *function(kaon_graph *g, kaon_node **in)                                      \
    {                                                                                              \
        const kaon_attr attrs[] = {__VA_ARGS__};                                                   \
        return with(g, op, count, in, (int32_t)(sizeof attrs / sizeof attrs[0]), attrs);           \
    }

CASE(sum_middle, "reduce_sum", 1, L("axes", 1))
CASE(sum_kept, "reduce_sum", 1, L("axes", 0, 2), I("keep", 1))
CASE(prod_two, "reduce_prod", 1, L("axes", 0, 2))
CASE(prod_all, "reduce_prod", 1, I("keep", 0))
CASE(max_last, "reduce_max", 1, L("axes", -1))
CASE(min_first, "reduce_min", 1, L("axes", 0), I("keep", 1))
CASE(cumsum_plain, "cumsum", 1, I("axis", 1))
CASE(cumsum_turned, "cumsum", 1, I("axis", 0), I("reverse", 1), I("exclusive", 1))
CASE(cumprod_plain, "cumprod", 1, I("axis", 1))
CASE(cumprod_exclusive, "cumprod", 1, I("axis", 0), I("exclusive", 1))
CASE(cumprod_turned, "cumprod", 1, I("axis", 1), I("reverse", 1), I("exclusive", 1))
CASE(cummax_plain, "cummax", 1, I("axis", 1))
CASE(cummax_turned, "cummax", 1, I("axis", 1), I("reverse", 1))
CASE(sort_up, "sort", 1, I("axis", 1))
CASE(sort_down, "sort", 1, I("axis", 0), I("descending", 1))
CASE(reshape_case, "reshape", 1, L("shape", 3, -1))
CASE(broadcast_case, "broadcast", 1, L("shape", 2, 3, 4))
CASE(transpose_case, "transpose", 1, L("axes", 2, 0, 1))
CASE(slice_plain, "slice", 1, I("axis", 1), I("start", 1), I("stop", -1))
CASE(slice_step, "slice", 1, I("axis", 1), I("start", 1), I("step", 2))
CASE(pad_case, "pad", 2, I("axis", 0), I("low", 1), I("high", 2))
CASE(concat_case, "concat", 3, I("axis", 1))
CASE(reverse_case, "reverse", 1, I("axis", -1))
CASE(conv_1d, "conv", 2, L("stride", 2), L("low", 1), L("high", 2), L("dilation", 2))
CASE(conv_2d, "conv", 2, L("stride", 1, 2), L("low", 1, 0), L("high", 0, 1), I("groups", 2))
CASE(conv_3d, "conv", 2, I("groups", 1))
CASE(pool_max_case, "pool_max", 1, L("window", 2, 3), L("stride", 1, 2), L("low", 1, 0),
     L("high", 0, 1))
CASE(pool_sum_case, "pool_sum", 1, L("window", 2, 2), L("stride", 1), L("low", 1))

static kaon_node *matmul_case(kaon_graph *g, kaon_node **in)
{
    return kaon_matmul(g, in[0], in[1]);
}

static kaon_node *places(kaon_graph *g, int64_t count, const int64_t *values, int32_t rank,
                         const int64_t *shape)
{
    const kaon_view view = {sizeof view, KAON_I64,       KAON_DEVICE_CPU, 0,   rank,
                            0,           (void *)values, shape,           NULL};
    (void)count;
    return g->api->constant(g, &view);
}

// Out of range on both sides: gather clamps, scatter_add drops.
static kaon_node *indices(kaon_graph *g)
{
    return places(g, 4, (const int64_t[]){2, -1, 0, 7}, 2, (const int64_t[]){2, 2});
}

static kaon_node *gather_case(kaon_graph *g, kaon_node **in)
{
    return kaon_gather(g, in[0], indices(g), 1);
}

static kaon_node *scatter_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *all[] = {in[0], indices(g), in[1]};
    return with(g, "scatter_add", 3, all, 1, (const kaon_attr[]){I("axis", 1)});
}

static kaon_node *along(kaon_graph *g)
{
    return places(g, 8, (const int64_t[]){0, 2, -3, 1, 1, 9, 2, 2}, 2, (const int64_t[]){2, 4});
}

static kaon_node *take_along_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *all[] = {in[0], along(g)};
    return with(g, "take_along", 2, all, 1, (const kaon_attr[]){I("axis", 1)});
}

static kaon_node *put_along_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *all[] = {in[0], along(g), in[1]};
    return with(g, "put_along_add", 3, all, 1, (const kaon_attr[]){I("axis", 1)});
}

static kaon_node *cast_case(kaon_graph *g, kaon_node **in)
{
    // Through f32 the reference keeps f32's digits only, so the scale is chosen where none is lost.
    kaon_node *down = kaon_cast(g, kaon_mul(g, in[0], in[0]), g->api->float_type(g));
    return kaon_add(g, down, kaon_cast(g, kaon_cast(g, in[0], KAON_I32), g->api->float_type(g)));
}

static kaon_node *stopped_case(kaon_graph *g, kaon_node **in)
{
    // d/dx of x - stop(x) would be 1, differences see 0: so the stopped part is multiplied by 0.
    kaon_node *still = kaon_scale(g, kaon_stop_gradient(g, in[0]), 0);
    return kaon_add(g, kaon_sin(g, in[0]), still);
}

// x x^T + 3: symmetric, positive definite.
static kaon_node *positive(kaon_graph *g, kaon_node *x)
{
    const int64_t swap2[] = {1, 0}, swap3[] = {0, 2, 1};
    kaon_node *t = kaon_transpose(g, x, kaon_rank(x), kaon_rank(x) == 2 ? swap2 : swap3);
    const int64_t n = kaon_dim(x, -1), shape[] = {n, n};
    kaon_attr a0[] = {kaon_attr_ints("shape", 2, shape), I("axis", 0)};
    kaon_attr a1[] = {kaon_attr_ints("shape", 2, shape), I("axis", 1)};
    kaon_node *eye =
        kaon_cast(g, kaon_eq(g, with(g, "iota", 0, NULL, 2, a0), with(g, "iota", 0, NULL, 2, a1)),
                  g->api->float_type(g));
    return kaon_add(g, kaon_matmul(g, x, t), kaon_scale(g, eye, 3));
}

static kaon_node *cholesky_case(kaon_graph *g, kaon_node **in)
{
    return kaon_op1(g, "cholesky", positive(g, in[0]));
}

// The lower triangle alone is read: so also the gradient by the matrix itself must say.
static kaon_node *cholesky_lower(kaon_graph *g, kaon_node **in)
{
    kaon_node *fixed = kr_constant(g, in[0], 3);
    return kaon_op1(g, "cholesky", kaon_add(g, positive(g, fixed), kaon_scale(g, in[0], 0.1)));
}

#define TRIANGULAR(function, lower, transpose, unit)                                               \
    static kaon_node *function(kaon_graph *g, kaon_node **in)                                      \
    {                                                                                              \
        kaon_node *both[] = {positive(g, in[0]), in[1]};                                           \
        return with(                                                                               \
            g, "triangular_solve", 2, both, 3,                                                     \
            (const kaon_attr[]){I("lower", lower), I("transpose", transpose), I("unit", unit)});   \
    }
TRIANGULAR(triangular_lower, 1, 0, 0)
TRIANGULAR(triangular_turned, 1, 1, 0)
TRIANGULAR(triangular_upper, 0, 0, 0)
TRIANGULAR(triangular_unit, 0, 1, 1)

static kaon_node *solve_safe(kaon_graph *g, kaon_node **in)
{
    return kaon_op2(g, "solve", positive(g, in[0]), in[1]);
}

static kaon_node *slogdet_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *sign = kaon_op1(g, "slogdet", in[0]);
    return kaon_mul(g, sign, g->api->output(sign, 1));
}

static kaon_node *qr_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *q = kaon_op1(g, "qr", in[0]), *r = g->api->output(q, 1);
    kaon_node *both[] = {kaon_reshape(g, q, 1, (const int64_t[]){kn_node_count(kn_node_of(q))}),
                         kaon_reshape(g, r, 1, (const int64_t[]){kn_node_count(kn_node_of(r))})};
    return kaon_concat(g, 2, both, 0);
}

static kaon_node *as_row(kaon_graph *g, kaon_node *a)
{
    int64_t shape[KAON_MAX_RANK];
    const int32_t rank = kaon_rank(a);
    for (int32_t i = 0; i < rank; i++)
        shape[i] = kaon_dim(a, i);
    shape[rank] = shape[rank - 1];
    shape[rank - 1] = 1;
    return kaon_reshape(g, a, rank + 1, shape);
}

// V sin(w) V^T and V: of a form that does not depend on the signs of the vectors.
static kaon_node *eigh_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *w = kaon_op1(g, "eigh", in[0]), *v = g->api->output(w, 1);
    const int64_t swap[] = {1, 0}, swap3[] = {0, 2, 1};
    kaon_node *t = kaon_transpose(g, v, kaon_rank(v), kaon_rank(v) == 2 ? swap : swap3);
    return kaon_matmul(g, kaon_mul(g, v, as_row(g, kaon_sin(g, w))), t);
}

static kaon_node *eigh_values(kaon_graph *g, kaon_node **in)
{
    return kaon_op1(g, "eigh", in[0]);
}

static kaon_node *svd_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *u = kaon_op1(g, "svd", in[0]);
    kaon_node *s = g->api->output(u, 1), *vt = g->api->output(u, 2);
    return kaon_matmul(g, kaon_mul(g, u, as_row(g, kaon_sin(g, s))), vt);
}

// Squares of the entries of u: not seen through the product above where v is square.
static kaon_node *svd_vectors(kaon_graph *g, kaon_node **in)
{
    kaon_node *u = kaon_op1(g, "svd", in[0]), *vt = g->api->output(u, 2);
    kaon_node *both[] = {
        kaon_sum(g, kaon_mul(g, kaon_square(g, u), as_row(g, g->api->output(u, 1))), -1),
        kaon_sum(g, kaon_square(g, kaon_square(g, vt)), 0)};
    return kaon_concat(g, 2, both, 0);
}

/* --- scan and cond ---------------------------------------------------------------------------- */

// carry' = tanh(W carry + x), y = carry^2; W is captured, an integer carry counts.
static void recurrent_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    kaon_node *w = context;
    out[0] = kaon_tanh(g, kaon_add(g, kaon_matmul(g, w, in[0]), in[2]));
    out[1] = kaon_add(g, in[1], kaon_scalar_as(g, KAON_I64, 1));
    out[2] = kaon_mul(g, kaon_square(g, out[0]), kaon_cast(g, out[1], g->api->float_type(g)));
}

static kaon_node *scan_case(kaon_graph *g, kaon_node **in)
{
    kaon_node *carry[] = {in[0], kaon_scalar_as(g, KAON_I64, 0)}, *results[3];
    if (g->api->scan(g, recurrent_step, in[1], 2, carry, 1, &in[2], kaon_dim(in[2], 0), 1, results))
        return NULL;
    kaon_node *all = kaon_sum(g, results[2], 0);
    return kaon_add(g, all, kaon_exp(g, results[0]));
}

static void then_branch(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    kaon_node *captured = context;
    out[0] = kaon_mul(g, kaon_sin(g, in[0]), captured);
    out[1] = captured;
}

static void else_branch(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_mul(g, in[0], in[0]);
    out[1] = kaon_exp(g, in[1]);
}

static kaon_node *cond_both(kaon_graph *g, kaon_node **in, double bound)
{
    kaon_node *results[2];
    kaon_node *choice = kaon_lt(g, kaon_sum_all(g, in[0]), kaon_scalar(g, bound));
    // in[1] comes in twice: as an input and captured.
    if (g->api->cond(g, choice, then_branch, else_branch, in[1], 2, in, 2, results))
        return NULL;
    return kaon_add(g, results[0], results[1]);
}

static kaon_node *cond_then(kaon_graph *g, kaon_node **in)
{
    return cond_both(g, in, 1000);
}

static kaon_node *cond_else(kaon_graph *g, kaon_node **in)
{
    return cond_both(g, in, -1000);
}

/* --- a network and the lecture's example ------------------------------------------------------ */

static kaon_node *network(kaon_graph *g, kaon_node **in)
{
    kaon_node *x = kr_constant(
        g,
        g->api->constant(g, &(kaon_view){sizeof(kaon_view), KAON_F64, KAON_DEVICE_CPU, 0, 2, 0,
                                         (double[12]){0}, (const int64_t[]){4, 3}, NULL}),
        9);
    kaon_node *h = kaon_tanh(g, kaon_add(g, kaon_matmul(g, x, in[0]), in[1]));
    kaon_node *score = kaon_matmul(g, h, in[2]);
    kaon_node *top = kaon_stop_gradient(g, kaon_reduce(g, "reduce_max", score, -1, 1));
    kaon_node *e = kaon_exp(g, kaon_sub(g, score, top));
    return kaon_div(g, e, kaon_reduce(g, "reduce_sum", e, -1, 1));
}

// clang-format off
const kr_case kr_cases[] = {
    // name             build              inputs, shapes                                     low   high
    {"digamma < 1/2",   below_half,        1, {{1, {4}}},                                     -0.9, -0.1},
    {"reduce_sum",      sum_middle,        1, {{3, {2, 3, 2}}},                               -1,   1},
    {"reduce_sum keep", sum_kept,          1, {{3, {2, 3, 2}}},                               -1,   1},
    {"reduce_sum none", sum_middle,        1, {{3, {2, 0, 2}}},                               -1,   1},
    {"reduce_prod",     prod_two,          1, {{3, {2, 3, 2}}},                               -1,   1},
    {"reduce_prod all", prod_all,          1, {{2, {2, 3}}},                                  -1,   1},
    {"reduce_prod one", prod_all,          1, {{0, {0}}},                                     -1,   1},
    {"reduce_max",      max_last,          1, {{3, {2, 2, 3}}},                               -1,   1},
    {"reduce_min",      min_first,         1, {{2, {3, 2}}},                                  -1,   1},
    {"cumsum",          cumsum_plain,      1, {{2, {2, 4}}},                                  -1,   1},
    {"cumsum turned",   cumsum_turned,     1, {{2, {3, 2}}},                                  -1,   1},
    {"cumprod",         cumprod_plain,     1, {{2, {2, 4}}},                                  -2,   2},
    {"cumprod excl.",   cumprod_exclusive, 1, {{2, {4, 2}}},                                  -2,   2},
    {"cumprod turned",  cumprod_turned,    1, {{2, {2, 4}}},                                  -2,   2},
    {"cumprod of none", cumprod_plain,     1, {{2, {2, 0}}},                                  -2,   2},
    {"cummax",          cummax_plain,      1, {{2, {3, 5}}},                                  -1,   1},
    {"cummax turned",   cummax_turned,     1, {{2, {3, 5}}},                                  -1,   1},
    {"sort",            sort_up,           1, {{2, {2, 5}}},                                  -1,   1},
    {"sort down",       sort_down,         1, {{2, {5, 2}}},                                  -1,   1},
    {"reshape",         reshape_case,      1, {{2, {2, 6}}},                                  -1,   1},
    {"broadcast",       broadcast_case,    1, {{2, {3, 1}}},                                  -1,   1},
    {"transpose",       transpose_case,    1, {{3, {2, 3, 4}}},                               -1,   1},
    {"slice",           slice_plain,       1, {{2, {2, 5}}},                                  -1,   1},
    {"slice step",      slice_step,        1, {{2, {2, 6}}},                                  -1,   1},
    {"pad",             pad_case,          2, {{2, {2, 2}}, {0, {0}}},                        -1,   1},
    {"concat",          concat_case,       3, {{2, {2, 2}}, {2, {2, 0}}, {2, {2, 3}}},        -1,   1},
    {"reverse",         reverse_case,      1, {{2, {2, 3}}},                                  -1,   1},
    {"gather",          gather_case,       1, {{3, {2, 3, 2}}},                               -1,   1},
    {"scatter_add",     scatter_case,      2, {{3, {2, 3, 2}}, {4, {2, 2, 2, 2}}},            -1,   1},
    {"take_along",      take_along_case,   1, {{2, {2, 3}}},                                  -1,   1},
    {"put_along_add",   put_along_case,    2, {{2, {2, 3}}, {2, {2, 4}}},                     -1,   1},
    {"cast",            cast_case,         1, {{1, {4}}},                                     0.1, 0.9},
    {"stop_gradient",   stopped_case,      1, {{1, {4}}},                                     -1,   1},
    {"matmul",          matmul_case,       2, {{2, {2, 3}}, {2, {3, 4}}},                     -1,   1},
    {"matmul vectors",  matmul_case,       2, {{1, {3}}, {1, {3}}},                           -1,   1},
    {"matmul row",      matmul_case,       2, {{1, {3}}, {3, {2, 3, 2}}},                     -1,   1},
    {"matmul column",   matmul_case,       2, {{3, {2, 2, 3}}, {1, {3}}},                     -1,   1},
    {"matmul shared",   matmul_case,       2, {{3, {2, 2, 3}}, {2, {3, 2}}},                  -1,   1},
    {"matmul batches",  matmul_case,       2, {{4, {2, 1, 2, 3}}, {3, {3, 3, 2}}},            -1,   1},
    {"matmul nothing",  matmul_case,       2, {{2, {2, 0}}, {2, {0, 3}}},                     -1,   1},
    {"conv 1",          conv_1d,           2, {{3, {2, 2, 6}}, {3, {3, 2, 2}}},               -1,   1},
    {"conv 2",          conv_2d,           2, {{4, {1, 4, 3, 4}}, {4, {2, 2, 2, 2}}},         -1,   1},
    {"conv 3",          conv_3d,           2, {{3, {1, 2, 3}}, {3, {1, 2, 2}}},               -1,   1},
    {"pool_max",        pool_max_case,     1, {{4, {1, 2, 3, 5}}},                            -1,   1},
    {"pool_sum",        pool_sum_case,     1, {{3, {2, 3, 3}}},                               -1,   1},
    {"cholesky",        cholesky_case,     1, {{3, {2, 3, 3}}},                               -1,   1},
    {"cholesky lower",  cholesky_lower,    1, {{2, {3, 3}}},                                  -1,   1},
    {"triangular",      triangular_lower,  2, {{2, {3, 3}}, {2, {3, 2}}},                     -1,   1},
    {"triangular T",    triangular_turned, 2, {{2, {3, 3}}, {2, {3, 2}}},                     -1,   1},
    {"triangular up",   triangular_upper,  2, {{3, {2, 2, 2}}, {3, {2, 2, 1}}},               -1,   1},
    {"triangular unit", triangular_unit,   2, {{2, {3, 3}}, {2, {3, 2}}},                     -1,   1},
    {"solve",           solve_safe,        2, {{3, {2, 2, 2}}, {3, {2, 2, 3}}},               -1,   1},
    {"slogdet",         slogdet_case,      1, {{3, {2, 3, 3}}},                               -1,   1},
    {"qr tall",         qr_case,           1, {{2, {4, 3}}},                                  -1,   1},
    {"qr square",       qr_case,           1, {{3, {2, 2, 2}}},                               -1,   1},
    {"qr wide",         qr_case,           1, {{2, {2, 4}}},                                  -1,   1},
    {"eigh",            eigh_case,         1, {{3, {2, 3, 3}}},                               -1,   1},
    {"eigh values",     eigh_values,       1, {{2, {3, 3}}},                                  -1,   1},
    {"svd square",      svd_case,          1, {{2, {3, 3}}},                                  -1,   1},
    {"svd tall",        svd_case,          1, {{2, {4, 2}}},                                  -1,   1},
    {"svd wide",        svd_case,          1, {{3, {2, 2, 3}}},                               -1,   1},
    {"svd vectors",     svd_vectors,       1, {{2, {4, 2}}},                                  -1,   1},
    {"svd vectors 2",   svd_vectors,       1, {{2, {2, 3}}},                                  -1,   1},
    {"scan",            scan_case,         3, {{1, {2}}, {2, {2, 2}}, {2, {4, 2}}},           -1,   1},
    {"scan of none",    scan_case,         3, {{1, {2}}, {2, {2, 2}}, {2, {0, 2}}},           -1,   1},
    {"cond then",       cond_then,         2, {{1, {3}}, {1, {3}}},                           -1,   1},
    {"cond else",       cond_else,         2, {{1, {3}}, {1, {3}}},                           -1,   1},
    {"network",         network,           3, {{2, {3, 5}}, {1, {5}}, {2, {5, 3}}},           -1,   1},
};
// clang-format on

const int32_t kr_case_count = (int32_t)(sizeof kr_cases / sizeof kr_cases[0]);

kr_case kr_elementwise_case(const kn_op *op, int32_t which)
{
    static const kr_shape shapes[KR_ELEMENTWISE_SHAPES][KR_INPUTS] = {
        {{1, {5}}, {1, {5}}, {1, {5}}},          {{2, {2, 3}}, {1, {3}}, {2, {2, 1}}},
        {{2, {3, 1}}, {3, {2, 1, 2}}, {0, {0}}}, {{0, {0}}, {0, {0}}, {0, {0}}},
        {{2, {2, 0}}, {1, {1}}, {1, {1}}},
    };
    kr_case c = {.name = op->name, .count = op->max_inputs, .low = -2, .high = 2};
    for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++) {
        if (!strcmp(ranges[k].op, op->name)) {
            c.low = ranges[k].low;
            c.high = ranges[k].high;
        }
    }
    memcpy(c.shapes, shapes[which], sizeof c.shapes);
    return c;
}

kaon_node *kr_build(const kr_case *c, kaon_graph *g, kaon_node **in)
{
    return c->build ? c->build(g, in) : build_elementwise(g, c->name, in);
}
