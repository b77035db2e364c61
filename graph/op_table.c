/* op_table.c: the primitives. One row each; whatever treats all ops alike is a loop over this
 * table. */
#include <string.h>

#include "graph/op_derivative.h"
#include "graph/op_infer.h"

// clang-format off
#define INT(name)            {name, KAON_ATTR_INT, 0, 0}
#define INT_OR(name, value)  {name, KAON_ATTR_INT, 0, value}
#define INT_NEEDED(name)     {name, KAON_ATTR_INT, 1, 0}
#define INTS(name)           {name, KAON_ATTR_INTS, 0, 0}
#define INTS_NEEDED(name)    {name, KAON_ATTR_INTS, 1, 0}

typedef const kn_attr_rule rules[];
static rules cast_rules = {INT_NEEDED("dtype"), {0}};
static rules reduce_rules = {INTS("axes"), INT("keep"), {0}};
static rules axis_rules = {INT_NEEDED("axis"), {0}};
static rules cumulative_rules = {INT_NEEDED("axis"), INT("reverse"), INT("exclusive"), {0}};
static rules sort_rules = {INT_NEEDED("axis"), INT("descending"), {0}};
static rules shape_rules = {INTS_NEEDED("shape"), {0}};
static rules transpose_rules = {INTS("axes"), {0}};
static rules slice_rules = {INT_NEEDED("axis"), INT("start"), INT_OR("stop", INT64_MAX), INT_OR("step", 1), {0}};
static rules pad_rules = {INT_NEEDED("axis"), INT("low"), INT("high"), {0}};
static rules iota_rules = {INTS_NEEDED("shape"), INT_NEEDED("axis"), INT_OR("dtype", KAON_I64), {0}};
static rules conv_rules = {INTS("stride"), INTS("low"), INTS("high"), INTS("dilation"), INT_OR("groups", 1), {0}};
static rules conv_grad_rules = {INTS("stride"), INTS("low"), INTS("high"), INTS("dilation"), INT_OR("groups", 1), INTS_NEEDED("shape"), {0}};
static rules pool_rules = {INTS_NEEDED("window"), INTS("stride"), INTS("low"), INTS("high"), {0}};
static rules pool_grad_rules = {INTS_NEEDED("window"), INTS("stride"), INTS("low"), INTS("high"), INTS_NEEDED("shape"), {0}};
static rules random_rules = {INTS_NEEDED("shape"), INT_OR("stream", -1), {0}};
static rules triangular_rules = {INT_OR("lower", 1), INT("transpose"), INT("unit"), {0}};

#define SMOOTH(text, code, inputs, types, words) \
    {.name = text, .min_inputs = inputs, .max_inputs = inputs, .output_count = 1, .elementwise = code, .infer = types, .reverse = kn_reverse_elementwise, .forward = kn_forward_elementwise, .help = words}
#define STEP(text, code, inputs, types, words) \
    {.name = text, .min_inputs = inputs, .max_inputs = inputs, .output_count = 1, .elementwise = code, .infer = types, .help = words}

const kn_op kn_primitives[] = {
    // ORDER of elementwise.h; a test compares both lists
    SMOOTH( "add",                 KAON_X_ADD,    2, kn_infer_same,   "a + b"),
    SMOOTH( "sub",                 KAON_X_SUB,    2, kn_infer_same,   "a - b"),
    SMOOTH( "mul",                 KAON_X_MUL,    2, kn_infer_same,   "a b"),
    SMOOTH( "div",                 KAON_X_DIV,    2, kn_infer_same,   "a / b; integers toward zero, x / 0 = 0"),
    SMOOTH( "mod",                 KAON_X_MOD,    2, kn_infer_same,   "remainder of a / b with the sign of a"),
    SMOOTH( "pow",                 KAON_X_POW,    2, kn_infer_float,  "a ^ b"),
    SMOOTH( "min",                 KAON_X_MIN,    2, kn_infer_same,   "the smaller; NaN if either is"),
    SMOOTH( "max",                 KAON_X_MAX,    2, kn_infer_same,   "the greater; NaN if either is"),
    SMOOTH( "atan2",               KAON_X_ATAN2,  2, kn_infer_float,  "angle of (b, a): a is y, b is x"),
    STEP(   "eq",                  KAON_X_EQ,     2, kn_infer_bool,   "a == b"),
    STEP(   "ne",                  KAON_X_NE,     2, kn_infer_bool,   "a != b"),
    STEP(   "lt",                  KAON_X_LT,     2, kn_infer_bool,   "a < b"),
    STEP(   "le",                  KAON_X_LE,     2, kn_infer_bool,   "a <= b"),
    STEP(   "gt",                  KAON_X_GT,     2, kn_infer_bool,   "a > b"),
    STEP(   "ge",                  KAON_X_GE,     2, kn_infer_bool,   "a >= b"),
    STEP(   "bit_and",             KAON_X_AND,    2, kn_infer_same,   "bitwise and; logical for bool"),
    STEP(   "bit_or",              KAON_X_OR,     2, kn_infer_same,   "bitwise or; logical for bool"),
    STEP(   "bit_xor",             KAON_X_XOR,    2, kn_infer_same,   "bitwise exclusive or; logical for bool"),
    STEP(   "bit_not",             KAON_X_NOT,    1, kn_infer_same,   "bitwise not; logical for bool"),
    SMOOTH( "neg",                 KAON_X_NEG,    1, kn_infer_same,   "-a"),
    SMOOTH( "abs",                 KAON_X_ABS,    1, kn_infer_same,   "|a|"),
    STEP(   "sign",                KAON_X_SIGN,   1, kn_infer_same,   "-1, 0 or 1"),
    STEP(   "floor",               KAON_X_FLOOR,  1, kn_infer_float,  "the next whole number below"),
    STEP(   "ceil",                KAON_X_CEIL,   1, kn_infer_float,  "the next whole number above"),
    STEP(   "round",               KAON_X_ROUND,  1, kn_infer_float,  "the nearest whole number, halves to even"),
    SMOOTH( "exp",                 KAON_X_EXP,    1, kn_infer_float,  "e^a"),
    SMOOTH( "expm1",               KAON_X_EXPM1,  1, kn_infer_float,  "e^a - 1, exact near 0"),
    SMOOTH( "log",                 KAON_X_LOG,    1, kn_infer_float,  "natural logarithm"),
    SMOOTH( "log1p",               KAON_X_LOG1P,  1, kn_infer_float,  "log(1 + a), exact near 0"),
    SMOOTH( "sqrt",                KAON_X_SQRT,   1, kn_infer_float,  "square root"),
    SMOOTH( "rsqrt",               KAON_X_RSQRT,  1, kn_infer_float,  "1 / sqrt(a)"),
    SMOOTH( "sin",                 KAON_X_SIN,    1, kn_infer_float,  "sine"),
    SMOOTH( "cos",                 KAON_X_COS,    1, kn_infer_float,  "cosine"),
    SMOOTH( "tan",                 KAON_X_TAN,    1, kn_infer_float,  "tangent"),
    SMOOTH( "asin",                KAON_X_ASIN,   1, kn_infer_float,  "inverse sine"),
    SMOOTH( "acos",                KAON_X_ACOS,   1, kn_infer_float,  "inverse cosine"),
    SMOOTH( "atan",                KAON_X_ATAN,   1, kn_infer_float,  "inverse tangent"),
    SMOOTH( "sinh",                KAON_X_SINH,   1, kn_infer_float,  "hyperbolic sine"),
    SMOOTH( "cosh",                KAON_X_COSH,   1, kn_infer_float,  "hyperbolic cosine"),
    SMOOTH( "tanh",                KAON_X_TANH,   1, kn_infer_float,  "hyperbolic tangent"),
    SMOOTH( "asinh",               KAON_X_ASINH,  1, kn_infer_float,  "inverse hyperbolic sine"),
    SMOOTH( "acosh",               KAON_X_ACOSH,  1, kn_infer_float,  "inverse hyperbolic cosine"),
    SMOOTH( "atanh",               KAON_X_ATANH,  1, kn_infer_float,  "inverse hyperbolic tangent"),
    SMOOTH( "erf",                 KAON_X_ERF,    1, kn_infer_float,  "error function"),
    SMOOTH( "logistic",            KAON_X_LOGISTIC, 1, kn_infer_float,  "1 / (1 + e^-a)"),
    SMOOTH( "lgamma",              KAON_X_LGAMMA, 1, kn_infer_float,  "log |gamma(a)|"),
    SMOOTH( "digamma",             KAON_X_DIGAMMA, 1, kn_infer_float,  "derivative of lgamma"),
    STEP(   "finite",              KAON_X_FINITE, 1, kn_infer_bool,   "neither NaN nor infinite"),
    SMOOTH( "select",              KAON_X_SELECT, 3, kn_infer_same,   "a ? b : c, a is bool"),
    // name             inputs  out x infer                       reverse                       forward                      rows              attributes        computes
    {"cast",             1, 1, 1, KAON_X_CAST, kn_infer_cast,              kn_reverse_cast,             kn_forward_cast,              KN_ROWS_NONE,   cast_rules,       "the same numbers in another type; float to integer toward zero"},
    {"stop_gradient",    1, 1, 1, 0, kn_infer_identity,          NULL,                        NULL,                         KN_ROWS_NONE,   NULL,             "a, without a derivative"},
    {"reduce_sum",       1, 1, 1, 0, kn_infer_reduce,            kn_reverse_sum,              kn_forward_each,              KN_ROWS_NONE,   reduce_rules,     "sum over axes, all if none are named"},
    {"reduce_prod",      1, 1, 1, 0, kn_infer_reduce,            kn_reverse_prod,             kn_forward_prod,              KN_ROWS_NONE,   reduce_rules,     "product over axes"},
    {"reduce_max",       1, 1, 1, 0, kn_infer_reduce,            kn_reverse_extreme,          kn_forward_extreme,           KN_ROWS_NONE,   reduce_rules,     "greatest over axes; -inf or the lowest number of nothing"},
    {"reduce_min",       1, 1, 1, 0, kn_infer_reduce,            kn_reverse_extreme,          kn_forward_extreme,           KN_ROWS_NONE,   reduce_rules,     "smallest over axes; +inf or the highest number of nothing"},
    {"argmax",           1, 1, 1, 0, kn_infer_arg,               NULL,                        NULL,                         KN_ROWS_AXIS,   axis_rules,       "where the greatest is, the first of equals"},
    {"argmin",           1, 1, 1, 0, kn_infer_arg,               NULL,                        NULL,                         KN_ROWS_AXIS,   axis_rules,       "where the smallest is, the first of equals"},
    {"cumsum",           1, 1, 1, 0, kn_infer_cumulative,        kn_reverse_cumsum,           kn_forward_each,              KN_ROWS_AXIS,   cumulative_rules, "sums so far; exclusive: of what stands before"},
    {"cumprod",          1, 1, 1, 0, kn_infer_cumulative,        kn_reverse_cumprod,          kn_forward_cumprod,           KN_ROWS_AXIS,   cumulative_rules, "products so far"},
    {"cummax",           1, 1, 1, 0, kn_infer_cumulative,        kn_reverse_cummax,           kn_forward_cummax,            KN_ROWS_AXIS,   cumulative_rules, "the greatest so far"},
    {"sort",             1, 1, 1, 0, kn_infer_sort,              kn_reverse_sort,             kn_forward_sort,              KN_ROWS_AXIS,   sort_rules,       "in ascending order, stable, NaN last"},
    {"argsort",          1, 1, 1, 0, kn_infer_argsort,           NULL,                        NULL,                         KN_ROWS_AXIS,   sort_rules,       "where the sorted values stood"},
    {"reshape",          1, 1, 1, 0, kn_infer_reshape,           kn_reverse_reshape,          kn_forward_each,              KN_ROWS_NONE,   shape_rules,      "the same numbers in another shape; one size may be -1"},
    {"broadcast",        1, 1, 1, 0, kn_infer_broadcast,         kn_reverse_broadcast,        kn_forward_each,              KN_ROWS_NONE,   shape_rules,      "repeated to a larger shape"},
    {"transpose",        1, 1, 1, 0, kn_infer_transpose,         kn_reverse_transpose,        kn_forward_each,              KN_ROWS_NONE,   transpose_rules,  "axis axes[i] becomes axis i; all reversed if none are named"},
    {"slice",            1, 1, 1, 0, kn_infer_slice,             kn_reverse_slice,            kn_forward_each,              KN_ROWS_NONE,   slice_rules,      "from start to stop in steps along an axis"},
    {"pad",              2, 2, 1, 0, kn_infer_pad,               kn_reverse_pad,              kn_forward_together,          KN_ROWS_NONE,   pad_rules,        "a with low and high times the value around it along an axis"},
    {"concat",           1, INT32_MAX, 1, 0, kn_infer_concat,            kn_reverse_concat,           kn_forward_together,          KN_ROWS_AXIS,   axis_rules,       "one after the other along an axis"},
    {"reverse",          1, 1, 1, 0, kn_infer_reverse,           kn_reverse_reverse,          kn_forward_each,              KN_ROWS_AXIS,   axis_rules,       "last first along an axis"},
    {"iota",             0, 0, 1, 0, kn_infer_iota,              NULL,                        NULL,                         KN_ROWS_NONE,   iota_rules,       "the index along an axis"},
    {"gather",           2, 2, 1, 0, kn_infer_gather,            kn_reverse_gather,           kn_forward_each,              KN_ROWS_GATHER, axis_rules,       "entries of a by index; the indices replace the axis; clamped"},
    {"scatter_add",      3, 3, 1, 0, kn_infer_scatter_add,       kn_reverse_scatter_add,      kn_forward_together,          KN_ROWS_NONE,   axis_rules,       "a plus updates at indices; out of range: dropped"},
    {"take_along",       2, 2, 1, 0, kn_infer_take_along,        kn_reverse_take_along,       kn_forward_each,              KN_ROWS_AXIS,   axis_rules,       "entries by an index of its own for each place"},
    {"put_along_add",    3, 3, 1, 0, kn_infer_put_along_add,     kn_reverse_put_along_add,    kn_forward_together,          KN_ROWS_AXIS,   axis_rules,       "a plus updates, an index of its own for each"},
    {"matmul",           2, 2, 1, 0, kn_infer_matmul,            kn_reverse_matmul,           kn_forward_each,              KN_ROWS_MATMUL, NULL,             "matrix product over the last two axes"},
    {"conv",             2, 2, 1, 0, kn_infer_conv,              kn_reverse_conv,             kn_forward_each,              KN_ROWS_FIRST,  conv_rules,       "convolution of (batch, in, x..) with (out, in / groups, k..)"},
    {"conv_grad_input",  2, 2, 1, 0, kn_infer_conv_grad_input,   kn_reverse_conv_grad_input,  kn_forward_each,              KN_ROWS_FIRST,  conv_grad_rules,  "adjoint of conv: dy, w to a"},
    {"conv_grad_weight", 2, 2, 1, 0, kn_infer_conv_grad_weight,  kn_reverse_conv_grad_weight, kn_forward_each,              KN_ROWS_TOTAL,  conv_grad_rules,  "adjoint of conv: a, dy to w"},
    {"pool_max",         1, 1, 1, 0, kn_infer_pool,              kn_reverse_pool_max,         kn_forward_pool_max,          KN_ROWS_EACH,   pool_rules,       "greatest in each window over the trailing axes"},
    {"pool_sum",         1, 1, 1, 0, kn_infer_pool,              kn_reverse_pool_sum,         kn_forward_each,              KN_ROWS_EACH,   pool_rules,       "sum in each window over the trailing axes"},
    {"pool_max_grad",    2, 2, 1, 0, kn_infer_pool_max_grad,     kn_reverse_pool_max_grad,    kn_forward_pool_max_grad,     KN_ROWS_EACH,   pool_rules,       "dy to the first greatest of each window"},
    {"pool_sum_grad",    1, 1, 1, 0, kn_infer_pool_sum_grad,     kn_reverse_pool_sum_grad,    kn_forward_each,              KN_ROWS_EACH,   pool_grad_rules,  "dy to all of each window"},
    {"random_bits",      0, 0, 1, 0, kn_infer_random_bits,       NULL,                        NULL,                         KN_ROWS_RANDOM, random_rules,     "random words, u32"},
    {"random_uniform",   0, 0, 1, 0, kn_infer_random_uniform,    NULL,                        NULL,                         KN_ROWS_RANDOM, random_rules,     "uniform in [0, 1)"},
    {"cholesky",         1, 1, 1, 0, kn_infer_cholesky,          kn_reverse_cholesky,         kn_forward_cholesky,          KN_ROWS_MATRIX, NULL,             "lower L with L L^T = a; reads the lower triangle"},
    {"triangular_solve", 2, 2, 1, 0, kn_infer_triangular_solve,  kn_reverse_triangular_solve, kn_forward_triangular_solve,  KN_ROWS_MATRIX, triangular_rules, "x with a x = b for a triangle a"},
    {"solve",            2, 2, 1, 0, kn_infer_solve,             kn_reverse_solve,            kn_forward_solve,             KN_ROWS_MATRIX, NULL,             "x with a x = b"},
    {"slogdet",          1, 1, 2, 0, kn_infer_slogdet,           kn_reverse_slogdet,          kn_forward_slogdet,           KN_ROWS_MATRIX, NULL,             "sign and log |det a|"},
    {"qr",               1, 1, 2, 0, kn_infer_qr,                kn_reverse_qr,               kn_forward_qr,                KN_ROWS_MATRIX, NULL,             "q and r, diagonal of r not negative"},
    {"eigh",             1, 1, 2, 0, kn_infer_eigh,              kn_reverse_eigh,             kn_forward_eigh,              KN_ROWS_MATRIX, NULL,             "eigenvalues ascending and vectors in columns; reads the lower triangle"},
    {"svd",              1, 1, 3, 0, kn_infer_svd,               kn_reverse_svd,              kn_forward_svd,               KN_ROWS_MATRIX, NULL,             "u, singular values descending, v^T"},
};
// clang-format on

const int32_t kn_primitive_count = (int32_t)(sizeof kn_primitives / sizeof kn_primitives[0]);

const kn_op *kn_op_find(const char *name)
{
    for (int32_t i = 0; i < kn_primitive_count; i++) {
        if (kn_primitives[i].name[0] == name[0] && !strcmp(kn_primitives[i].name, name))
            return &kn_primitives[i];
    }
    return NULL;
}
