/* fused.c: fused expressions, point by point.
 *
 * All registers are computed at a point, then what is stored there is stored: so an output may lie
 * on an input that is read with the same strides. The points that one reduced number comes from
 * follow each other, because the reduced axes are the last.
 */
#include "null.h"

#include <math.h>
#include <string.h>

static double digamma(double x)
{
    if (x <= 0 && x == floor(x))
        return (double)NAN;
    if (x < 0) // reflection
        return digamma(1 - x) - 3.14159265358979323846 / tan(3.14159265358979323846 * x);
    double sum = 0;
    for (; x < 10; x++) // recurrence, then the asymptotic series
        sum -= 1 / x;
    const double f = 1 / (x * x);
    return sum + log(x) - 0.5 / x -
           f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132)))));
}

static double smaller(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
}

static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static double on_reals(int32_t op, double a, double b)
{
    switch (op) {
    case KAON_X_ADD:
        return a + b;
    case KAON_X_SUB:
        return a - b;
    case KAON_X_MUL:
        return a * b;
    case KAON_X_DIV:
        return a / b;
    case KAON_X_MOD:
        return fmod(a, b);
    case KAON_X_POW:
        return pow(a, b);
    case KAON_X_MIN:
        return smaller(a, b);
    case KAON_X_MAX:
        return larger(a, b);
    case KAON_X_ATAN2:
        return atan2(a, b);
    case KAON_X_NEG:
        return -a;
    case KAON_X_ABS:
        return fabs(a);
    case KAON_X_SIGN:
        return isnan(a) ? a : (double)((a > 0) - (a < 0));
    case KAON_X_RSQRT:
        return 1 / sqrt(a);
    case KAON_X_LOGISTIC:
        return a >= 0 ? 1 / (1 + exp(-a)) : exp(a) / (1 + exp(a));
    case KAON_X_DIGAMMA:
        return digamma(a);
    default:
        return 0;
    }
}

typedef double real_function(double);

// Those that are a call of the C library.
static real_function *const functions[] = {
    [KAON_X_FLOOR] = floor,   [KAON_X_CEIL] = ceil,   [KAON_X_ROUND] = nearbyint,
    [KAON_X_EXP] = exp,       [KAON_X_EXPM1] = expm1, [KAON_X_LOG] = log,
    [KAON_X_LOG1P] = log1p,   [KAON_X_SQRT] = sqrt,   [KAON_X_SIN] = sin,
    [KAON_X_COS] = cos,       [KAON_X_TAN] = tan,     [KAON_X_ASIN] = asin,
    [KAON_X_ACOS] = acos,     [KAON_X_ATAN] = atan,   [KAON_X_SINH] = sinh,
    [KAON_X_COSH] = cosh,     [KAON_X_TANH] = tanh,   [KAON_X_ASINH] = asinh,
    [KAON_X_ACOSH] = acosh,   [KAON_X_ATANH] = atanh, [KAON_X_ERF] = erf,
    [KAON_X_LGAMMA] = lgamma,
};

// Arithmetic wraps around as unsigned numbers do; what is signed divides as signed.
static int64_t on_wholes(int32_t op, int32_t dtype, int64_t a, int64_t b)
{
    const uint64_t x = (uint64_t)a, y = (uint64_t)b;
    const null_number m = {0, a}, n = {0, b};
    switch (op) {
    case KAON_X_ADD:
        return (int64_t)(x + y);
    case KAON_X_SUB:
        return (int64_t)(x - y);
    case KAON_X_MUL:
        return (int64_t)(x * y);
    case KAON_X_DIV:
        if (b == 0)
            return 0;
        if (dtype == KAON_U64)
            return (int64_t)(x / y);
        return b == -1 ? (int64_t)(0 - x) : a / b;
    case KAON_X_MOD:
        if (b == 0 || (b == -1 && dtype != KAON_U64))
            return 0;
        return dtype == KAON_U64 ? (int64_t)(x % y) : a % b;
    case KAON_X_MIN:
        return null_compare(dtype, m, n) <= 0 ? a : b;
    case KAON_X_MAX:
        return null_compare(dtype, m, n) >= 0 ? a : b;
    case KAON_X_AND:
        return a & b;
    case KAON_X_OR:
        return a | b;
    case KAON_X_XOR:
        return a ^ b;
    case KAON_X_NOT:
        return dtype == KAON_BOOL ? !a : ~a;
    case KAON_X_NEG:
        return (int64_t)(0 - x);
    case KAON_X_ABS:
        return dtype != KAON_U64 && a < 0 ? (int64_t)(0 - x) : a;
    case KAON_X_SIGN:
        return dtype == KAON_U64 ? a != 0 : (a > 0) - (a < 0);
    default:
        return 0;
    }
}

static int64_t compare(int32_t op, int32_t dtype, null_number a, null_number b)
{
    if (null_is_float(dtype) && (isnan(a.real) || isnan(b.real)))
        return op == KAON_X_NE;
    const int order = null_compare(dtype, a, b);
    switch (op) {
    case KAON_X_EQ:
        return order == 0;
    case KAON_X_NE:
        return order != 0;
    case KAON_X_LT:
        return order < 0;
    case KAON_X_LE:
        return order <= 0;
    case KAON_X_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

// Toward zero and within the range; NaN becomes 0. Between integers the low bits are kept.
static null_number cast(int32_t from, int32_t to, null_number n)
{
    static const double low[] = {[KAON_I8] = -0x1p7,
                                 [KAON_I16] = -0x1p15,
                                 [KAON_I32] = -0x1p31,
                                 [KAON_I64] = -0x1p63,
                                 [KAON_BOOL] = 0};
    static const double high[] = {[KAON_I8] = 0x1p7,   [KAON_I16] = 0x1p15, [KAON_I32] = 0x1p31,
                                  [KAON_I64] = 0x1p63, [KAON_U8] = 0x1p8,   [KAON_U16] = 0x1p16,
                                  [KAON_U32] = 0x1p32, [KAON_U64] = 0x1p64, [KAON_BOOL] = 2};
    if (null_is_float(to))
        return null_of(to, null_value(from, n));
    null_number out = {0, n.whole};
    if (to == KAON_BOOL)
        out.whole = null_is_float(from) ? n.real != 0 : n.whole != 0;
    else if (null_is_float(from) && isnan(n.real))
        out.whole = 0;
    else if (null_is_float(from) && n.real >= high[to])
        out.whole = to == KAON_U64 ? -1 : to == KAON_I64 ? INT64_MAX : (int64_t)high[to] - 1;
    else if (null_is_float(from))
        out = null_of(to, n.real < low[to] ? low[to] : n.real);
    return out;
}

// Rounded to what its type holds, as if it had been stored.
static null_number fit(int32_t dtype, null_number n)
{
    uint64_t room = 0;
    null_store(dtype, &room, n);
    return null_load(dtype, &room);
}

static int32_t dtype_of(const null_task *t, int32_t r)
{
    return r < t->fused.input_count ? null_in(t, r)->dtype
                                    : t->fused.code[r - t->fused.input_count].dtype;
}

static null_number compute(const null_task *t, const kaon_instruction *i, const null_number *regs,
                           const int64_t *index)
{
    null_number n = {0, 0};
    switch (i->op) {
    case KAON_X_CONST:
        return fit(i->dtype, null_of(i->dtype, i->number));
    case KAON_X_IOTA:
        return null_of(i->dtype, (double)index[i->a]);
    case KAON_X_CAST:
        return fit(i->dtype, cast(dtype_of(t, i->a), i->dtype, regs[i->a]));
    case KAON_X_SELECT:
        return regs[i->a].whole ? regs[i->b] : regs[i->c];
    case KAON_X_FINITE:
        n.whole = !null_is_float(dtype_of(t, i->a)) || isfinite(regs[i->a].real);
        return n;
    default:
        break;
    }
    const int32_t from = dtype_of(t, i->a);
    const size_t function_count = sizeof functions / sizeof *functions;
    if (i->op >= KAON_X_EQ && i->op <= KAON_X_GE)
        n.whole = compare(i->op, from, regs[i->a], regs[i->b]);
    else if (!null_is_float(from))
        n.whole = on_wholes(i->op, from, regs[i->a].whole, regs[i->b].whole);
    else if ((size_t)i->op < function_count && functions[i->op])
        n.real = functions[i->op](regs[i->a].real);
    else
        n.real = on_reals(i->op, regs[i->a].real, regs[i->b].real);
    return fit(i->dtype, n);
}

static null_number reduction_start(int32_t how, int32_t dtype)
{
    static const double lowest[] = {[KAON_I8] = -0x1p7,
                                    [KAON_I16] = -0x1p15,
                                    [KAON_I32] = -0x1p31,
                                    [KAON_I64] = -0x1p63,
                                    [KAON_BOOL] = 0};
    if (how == KAON_REDUCE_SUM)
        return null_of(dtype, 0);
    if (how == KAON_REDUCE_PROD)
        return null_of(dtype, 1);
    if (null_is_float(dtype))
        return null_of(dtype, how == KAON_REDUCE_MAX ? -(double)INFINITY : (double)INFINITY);
    if (how == KAON_REDUCE_MAX)
        return null_of(dtype, lowest[dtype]);
    return cast(KAON_F64, dtype, (null_number){(double)INFINITY, 0}); // the highest
}

static null_number join(int32_t how, int32_t dtype, null_number a, null_number b)
{
    static const int32_t ops[] = {0, KAON_X_ADD, KAON_X_MAX, KAON_X_MIN, KAON_X_MUL};
    null_number n = {0, 0};
    if (null_is_float(dtype)) // sums of small types are kept in double until the end
        n.real = on_reals(ops[how], a.real, b.real);
    else
        n.whole = on_wholes(ops[how], dtype, a.whole, b.whole);
    return n;
}

// 1 at the first or, with `last`, at the last point of what is reduced to one number.
static int32_t at_end(const kaon_expression *e, int32_t axes, const int64_t *index, int32_t last)
{
    for (int32_t i = e->rank - axes; i < e->rank; i++)
        if (index[i] != (last ? e->shape[i] - 1 : 0))
            return 0;
    return 1;
}

static char *result_place(const null_task *t, int32_t r, const int64_t *index)
{
    const null_tensor *out = null_out(t, r);
    int64_t place[KAON_MAX_RANK];
    for (int32_t i = 0; i < t->fused.rank; i++)
        place[i] = i >= t->fused.rank - t->fused.results[r].axes ? 0 : index[i];
    return null_at(out, place);
}

static void run_point(const null_task *t, const int64_t *index)
{
    const kaon_expression *e = &t->fused;
    null_number *regs = t->room;
    null_number *sums = regs + e->input_count + e->code_count;
    for (int32_t i = 0; i < e->input_count; i++)
        regs[i] = null_load(null_in(t, i)->dtype, null_at(null_in(t, i), index));
    for (int32_t i = 0; i < e->code_count; i++)
        regs[e->input_count + i] = compute(t, &e->code[i], regs, index);
    for (int32_t r = 0; r < e->result_count; r++) {
        const kaon_result *to = &e->results[r];
        const int32_t dtype = null_out(t, r)->dtype;
        if (to->how == KAON_STORE) {
            null_store(dtype, result_place(t, r, index), regs[to->from]);
            continue;
        }
        if (at_end(e, to->axes, index, 0))
            sums[r] = reduction_start(to->how, dtype);
        sums[r] = join(to->how, dtype, sums[r], regs[to->from]);
        if (at_end(e, to->axes, index, 1))
            null_store(dtype, result_place(t, r, index), sums[r]);
    }
}

// Where there are no points a reduction still has a result: its start.
static void fill_empty(const null_task *t)
{
    for (int32_t r = 0; r < t->output_count; r++) {
        const null_tensor *out = null_out(t, r);
        int64_t index[KAON_MAX_RANK] = {0};
        if (null_count(out) == 0 || t->fused.results[r].how == KAON_STORE)
            continue;
        do
            null_store(out->dtype, null_at(out, index),
                       reduction_start(t->fused.results[r].how, out->dtype));
        while (null_next(out->rank, out->shape, index));
    }
}

void null_fused(null_task *t, const kaon_launch *l)
{
    (void)l;
    const kaon_expression *e = &t->fused;
    int64_t index[KAON_MAX_RANK] = {0};
    for (int32_t i = 0; i < e->rank; i++) {
        if (e->shape[i] == 0) {
            fill_empty(t);
            return;
        }
    }
    do
        run_point(t, index);
    while (null_next(e->rank, e->shape, index));
}
