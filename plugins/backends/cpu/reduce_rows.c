/* reduce_rows.c: sum, product, maximum and minimum of rows that lie in memory without gaps.
 *
 * Compiled once per instruction set. An f32 row is summed by four vectors of f32 accumulators
 * taking turns, which are then added up in f64: the order depends on the row's length alone. f64
 * rows do the same in f64. Integers accumulate in 64 bits. NaN in, NaN out.
 */
#include "vectors.h"
#include "lanes.h"
#include "unroll.h"

enum { TURNS = 4, SHORT = 8 };

/* --- f32 -------------------------------------------------------------------------------------- */

static double sum_short(const float *x, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return (double)sum;
}

static double sum_f32(const float *x, int64_t n)
{
    if (n < SHORT)
        return sum_short(x, n);
    f32v part[TURNS] = {f32_set(0), f32_set(0), f32_set(0), f32_set(0)};
    int64_t i = 0;
    for (; i + TURNS * F32_LANES <= n; i += TURNS * F32_LANES)
        for (int t = 0; t < TURNS; t++)
            part[t] += f32_load(x + i + t * F32_LANES);
    for (int t = 0; i < n; t++, i += F32_LANES)
        part[t] += f32_load_n(x + i, n - i < F32_LANES ? n - i : F32_LANES);
    const f32v left = part[0] + part[1], right = part[2] + part[3];
    return f64_total((f64_low(left) + f64_high(left)) + (f64_low(right) + f64_high(right)));
}

static double prod_f32(const float *x, int64_t n)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++)
        product *= (double)x[i];
    return product;
}

/* `sign` 1 looks for the largest, -1 for the smallest. Lanes past the end repeat the first number.
 */
INLINE double extreme_f32(const float *x, int64_t n, const int sign)
{
    if (n == 0)
        return sign > 0 ? -(double)INFINITY : (double)INFINITY;
    if (n < SHORT) {
        float best = x[0];
        for (int64_t i = 1; i < n; i++)
            best = x[i] != x[i] || (sign > 0 ? x[i] > best : x[i] < best) ? x[i] : best;
        return (double)best;
    }
    const f32v first = f32_set(x[0]);
    f32v best[TURNS] = {first, first, first, first};
    f32m broken = f32_isnan(first);
    int64_t i = 0;
    for (; i + TURNS * F32_LANES <= n; i += TURNS * F32_LANES)
        for (int t = 0; t < TURNS; t++) {
            const f32v a = f32_load(x + i + t * F32_LANES);
            broken = f32_either(broken, f32_isnan(a));
            best[t] = sign > 0 ? f32_max_or_second(best[t], a) : f32_min_or_second(best[t], a);
        }
    for (; i < n; i++) {
        const f32v a = f32_set(x[i]);
        broken = f32_either(broken, f32_isnan(a));
        best[0] = sign > 0 ? f32_max_or_second(best[0], a) : f32_min_or_second(best[0], a);
    }
    if (f32_any(broken))
        return (double)NAN;
    for (int t = 1; t < TURNS; t++)
        best[0] =
            sign > 0 ? f32_max_or_second(best[0], best[t]) : f32_min_or_second(best[0], best[t]);
    return (double)(sign > 0 ? f32_highest(best[0]) : f32_lowest(best[0]));
}

static double max_f32(const float *x, int64_t n)
{
    return extreme_f32(x, n, 1);
}

static double min_f32(const float *x, int64_t n)
{
    return extreme_f32(x, n, -1);
}

/* --- f64 -------------------------------------------------------------------------------------- */

static double sum_f64(const double *x, int64_t n)
{
    f64v part[TURNS] = {f64_set(0), f64_set(0), f64_set(0), f64_set(0)};
    int64_t i = 0;
    for (; i + TURNS * F64_LANES <= n; i += TURNS * F64_LANES)
        for (int t = 0; t < TURNS; t++)
            part[t] += f64_load(x + i + t * F64_LANES);
    for (int t = 0; i < n; t++, i += F64_LANES)
        part[t] += f64_load_n(x + i, n - i < F64_LANES ? n - i : F64_LANES);
    return f64_total((part[0] + part[1]) + (part[2] + part[3]));
}

static double prod_f64(const double *x, int64_t n)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++)
        product *= x[i];
    return product;
}

INLINE double extreme_f64(const double *x, int64_t n, const int sign)
{
    if (n == 0)
        return sign > 0 ? -(double)INFINITY : (double)INFINITY;
    f64v best = f64_set(x[0]);
    int64_t i = 0;
    for (; i + F64_LANES <= n; i += F64_LANES)
        best = sign > 0 ? f64_max(best, f64_load(x + i)) : f64_min(best, f64_load(x + i));
    for (; i < n; i++)
        best = sign > 0 ? f64_max(best, f64_set(x[i])) : f64_min(best, f64_set(x[i]));
    double most = best[0];
    for (int l = 1; l < F64_LANES; l++)
        most = best[l] != best[l] || (sign > 0 ? best[l] > most : best[l] < most) ? best[l] : most;
    return most;
}

static double max_f64(const double *x, int64_t n)
{
    return extreme_f64(x, n, 1);
}

static double min_f64(const double *x, int64_t n)
{
    return extreme_f64(x, n, -1);
}

/* --- all types -------------------------------------------------------------------------------- */

/* Rows of a few numbers stand side by side in vectors, one row per lane; the order of the additions
 * is that of the single row. Returns how many rows are done. */
#define SHORT_ROWS(name, start, step)                                                              \
    static int64_t name(cpu_sum *out, const float *x, int64_t rows, int64_t stride, int64_t n)     \
    {                                                                                              \
        int64_t r = 0;                                                                             \
        for (; r + F32_LANES <= rows; r += F32_LANES) {                                            \
            const float *row = x + r * stride;                                                     \
            f32v sum = start;                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const f32v a = f32_gather(row + i, (int32_t)stride);                               \
                sum = step;                                                                        \
            }                                                                                      \
            f64_store(&out[r].real, f64_low(sum));                                                 \
            f64_store(&out[r + F64_LANES].real, f64_high(sum));                                    \
        }                                                                                          \
        return r;                                                                                  \
    }
SHORT_ROWS(sum_side_by_side, f32_set(0), sum + a)
SHORT_ROWS(max_side_by_side, f32_set(-INFINITY), f32_max(sum, a))
SHORT_ROWS(min_side_by_side, f32_set(INFINITY), f32_min(sum, a))

#define F32_ROWS(name, function, side_by_side)                                                     \
    static void name(cpu_sum *out, const void *in, int64_t rows, int64_t stride, int64_t n)        \
    {                                                                                              \
        const float *x = in;                                                                       \
        int64_t r = n > 0 && n < SHORT ? side_by_side(out, x, rows, stride, n) : 0;                \
        for (; r < rows; r++)                                                                      \
            out[r].real = function(x + r * stride, n);                                             \
    }

#define REAL_ROWS(name, type, function)                                                            \
    static void name(cpu_sum *out, const void *in, int64_t rows, int64_t stride, int64_t n)        \
    {                                                                                              \
        const type *x = in;                                                                        \
        for (int64_t r = 0; r < rows; r++)                                                         \
            out[r].real = function(x + r * stride, n);                                             \
    }

#define INTEGER_ROWS(name, type, field, start, step)                                               \
    static void name(cpu_sum *out, const void *in, int64_t rows, int64_t stride, int64_t n)        \
    {                                                                                              \
        for (int64_t r = 0; r < rows; r++) {                                                       \
            const type *x = (const type *)in + r * stride;                                         \
            cpu_sum s = {.field = start};                                                          \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const type a = x[i];                                                               \
                step;                                                                              \
            }                                                                                      \
            out[r] = s;                                                                            \
        }                                                                                          \
    }

#define INTEGER(name, type, field, low, high)                                                      \
    INTEGER_ROWS(rows_##name##_sum, type, natural, 0, s.natural += (uint64_t)a)                    \
    INTEGER_ROWS(rows_##name##_prod, type, natural, 1, s.natural *= (uint64_t)a)                   \
    INTEGER_ROWS(rows_##name##_max, type, field, low, s.field = s.field < a ? a : s.field)         \
    INTEGER_ROWS(rows_##name##_min, type, field, high, s.field = a < s.field ? a : s.field)

#define ROWS(name)                                                                                 \
    {                                                                                              \
        [KAON_REDUCE_SUM] = rows_##name##_sum, [KAON_REDUCE_MAX] = rows_##name##_max,              \
        [KAON_REDUCE_MIN] = rows_##name##_min, [KAON_REDUCE_PROD] = rows_##name##_prod             \
    }

/* --- columns ---------------------------------------------------------------------------------- */

/* Rows take turns with four sums, whose additions do not wait for each other. */
#define REAL_COLUMNS(name, type, vector, lanes, op)                                                \
    static void name(void *total, const void *in, int64_t rows, int64_t stride, int64_t n)         \
    {                                                                                              \
        type *sums = total;                                                                        \
        for (int64_t j = 0; j < n; j += lanes) {                                                   \
            const int64_t part = n - j < lanes ? n - j : lanes;                                    \
            const type *x = (const type *)in + j;                                                  \
            vector sum[TURNS] = {op##_set(0), op##_set(0), op##_set(0), op##_set(0)};              \
            int64_t r = 0;                                                                         \
            for (; r + TURNS <= rows; r += TURNS, x += TURNS * stride)                             \
                for (int t = 0; t < TURNS; t++)                                                    \
                    sum[t] += op##_load_n(x + t * stride, part);                                   \
            for (; r < rows; r++, x += stride)                                                     \
                sum[0] += op##_load_n(x, part);                                                    \
            sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);                                        \
            op##_store_n(sums + j, op##_load_n(sums + j, part) + sum[0], part);                    \
        }                                                                                          \
    }

#define INTEGER_COLUMNS(name, type)                                                                \
    static void name(void *total, const void *in, int64_t rows, int64_t stride, int64_t n)         \
    {                                                                                              \
        type *sums = total;                                                                        \
        for (int64_t r = 0; r < rows; r++)                                                         \
            for (int64_t j = 0; j < n; j++)                                                        \
                sums[j] =                                                                          \
                    (type)((uint64_t)sums[j] + (uint64_t)((const type *)in)[r * stride + j]);      \
    }

_Static_assert(sizeof(cpu_sum) == sizeof(double), "sums are stored as vectors of f64");

// clang-format off
REAL_COLUMNS(columns_f32, float, f32v, F32_LANES, f32)
REAL_COLUMNS(columns_f64, double, f64v, F64_LANES, f64)
INTEGER_COLUMNS(columns_8, uint8_t)
INTEGER_COLUMNS(columns_16, uint16_t)
INTEGER_COLUMNS(columns_32, uint32_t)
INTEGER_COLUMNS(columns_64, uint64_t)

cpu_columns_fn *const CPU_VARIANT(cpu_columns)[KAON_DTYPE_COUNT] = {
    [KAON_F32] = columns_f32, [KAON_F64] = columns_f64,
    [KAON_I8] = columns_8, [KAON_I16] = columns_16, [KAON_I32] = columns_32, [KAON_I64] = columns_64,
    [KAON_U8] = columns_8, [KAON_U16] = columns_16, [KAON_U32] = columns_32, [KAON_U64] = columns_64,
};

F32_ROWS(rows_f32_sum, sum_f32, sum_side_by_side)
REAL_ROWS(rows_f32_prod, float, prod_f32)
F32_ROWS(rows_f32_max, max_f32, max_side_by_side)
F32_ROWS(rows_f32_min, min_f32, min_side_by_side)
REAL_ROWS(rows_f64_sum, double, sum_f64)
REAL_ROWS(rows_f64_prod, double, prod_f64)
REAL_ROWS(rows_f64_max, double, max_f64)
REAL_ROWS(rows_f64_min, double, min_f64)
INTEGER(i8, int8_t, whole, INT8_MIN, INT8_MAX)
INTEGER(i16, int16_t, whole, INT16_MIN, INT16_MAX)
INTEGER(i32, int32_t, whole, INT32_MIN, INT32_MAX)
INTEGER(i64, int64_t, whole, INT64_MIN, INT64_MAX)
INTEGER(u8, uint8_t, natural, 0, UINT8_MAX)
INTEGER(u16, uint16_t, natural, 0, UINT16_MAX)
INTEGER(u32, uint32_t, natural, 0, UINT32_MAX)
INTEGER(u64, uint64_t, natural, 0, UINT64_MAX)
INTEGER_ROWS(rows_bool_any, uint8_t, natural, 0, s.natural |= (uint64_t)a)
INTEGER_ROWS(rows_bool_all, uint8_t, natural, 1, s.natural &= (uint64_t)a)

cpu_reduce_fn *const CPU_VARIANT(cpu_reductions)[KAON_DTYPE_COUNT][CPU_HOW_COUNT] = {
    [KAON_F32] = ROWS(f32), [KAON_F64] = ROWS(f64),
    [KAON_I8] = ROWS(i8), [KAON_I16] = ROWS(i16), [KAON_I32] = ROWS(i32), [KAON_I64] = ROWS(i64),
    [KAON_U8] = ROWS(u8), [KAON_U16] = ROWS(u16), [KAON_U32] = ROWS(u32), [KAON_U64] = ROWS(u64),
    [KAON_BOOL] = {[KAON_REDUCE_SUM] = rows_bool_any, [KAON_REDUCE_MAX] = rows_bool_any,
                   [KAON_REDUCE_MIN] = rows_bool_all, [KAON_REDUCE_PROD] = rows_bool_all},
};
// clang-format on
