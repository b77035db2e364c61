/* softmax_rows.c: e^x / sum e^x of rows that lie in memory without gaps, f32.
 *
 * Compiled once per instruction set. The largest number of a row is taken off first, so that no
 * power overflows. Rows shorter than a vector stand side by side, one in each lane, and the few
 * that are left over have a vector each. NaN in, NaN out.
 */
#include "lanes.h"
#include "vector_math_f32.h"
#include "vectors.h"

enum { ROW_MOST = 4096 }; // numbers of a row that is streamed: 16 KiB

/* As many rows as a vector has lanes, each in a lane of its own. */
static void rows_side_by_side(float *out, const float *in, int64_t n)
{
    float e[F32_LANES * F32_LANES];
    f32v top = f32_gather(in, (int32_t)n), sum = f32_set(0);
    f32_store(e, top);
    for (int64_t i = 1; i < n; i++) {
        const f32v x = f32_gather(in + i, (int32_t)n);
        f32_store(e + i * F32_LANES, x);
        top = f32_max_or_second(x, top);
    }
    for (int64_t i = 0; i < n; i++) {
        const f32v power = f32_exp(f32_load(e + i * F32_LANES) - top);
        f32_store(e + i * F32_LANES, power);
        sum += power;
    }
    const f32v share = f32_set(1) / sum;
    for (int64_t i = 0; i < n; i++)
        f32_store(e + i * F32_LANES, f32_load(e + i * F32_LANES) * share);
    CPU_VARIANT(cpu_transpose)[0](out, n, e, F32_LANES, F32_LANES, n);
}

static void short_row(float *out, const float *in, int64_t n)
{
    float e[F32_LANES], top = in[0];
    for (int64_t i = 1; i < n; i++)
        top = in[i] > top ? in[i] : top;
    const f32v power = f32_exp(f32_load_n(in, n) - f32_set(top));
    f32_store(e, power);
    float sum = e[0];
    for (int64_t i = 1; i < n; i++)
        sum += e[i];
    f32_store_n(out, power * f32_set(1 / sum), n);
}

static float top_of(const float *x, int64_t n)
{
    f32v top = f32_load(x);
    int64_t i = F32_LANES;
    for (; i + F32_LANES <= n; i += F32_LANES)
        top = f32_max_or_second(f32_load(x + i), top);
    if (i < n) // the last vector overlaps the one before
        top = f32_max_or_second(f32_load(x + n - F32_LANES), top);
    float lane[F32_LANES];
    f32_store(lane, top);
    float most = lane[0];
    for (int k = 1; k < F32_LANES; k++)
        most = lane[k] > most ? lane[k] : most;
    return most;
}

/* Powers of one row, and their sum: in two vectors by turns, then lane by lane in double. The row
 * after this one comes meanwhile. */
static double powers(float *e, const float *in, int64_t n)
{
    const f32v top = f32_set(top_of(in, n));
    f32v even = f32_set(0), odd = f32_set(0);
    int64_t i = 0;
    for (; i + 2 * F32_LANES <= n; i += 2 * F32_LANES) {
        __builtin_prefetch(in + n + i);
        __builtin_prefetch(in + n + i + F32_LANES);
        const f32v a = f32_exp(f32_load(in + i) - top);
        const f32v b = f32_exp(f32_load(in + i + F32_LANES) - top);
        f32_store(e + i, a);
        f32_store(e + i + F32_LANES, b);
        even += a;
        odd += b;
    }
    double sum = 0;
    float lane[F32_LANES];
    for (; i < n; i += F32_LANES) { // at most two
        const int64_t left = n - i < F32_LANES ? n - i : F32_LANES;
        f32_store(lane, f32_exp(f32_load_n(in + i, left) - top));
        for (int64_t k = 0; k < left; k++) {
            e[i + k] = lane[k];
            sum += (double)lane[k];
        }
    }
    f32_store(lane, even + odd);
    for (int k = 0; k < F32_LANES; k++)
        sum += (double)lane[k];
    return sum;
}

static void scale(float *x, float by, int64_t n)
{
    const f32v share = f32_set(by);
    int64_t i = 0;
    for (; i + F32_LANES <= n; i += F32_LANES)
        f32_store(x + i, f32_load(x + i) * share);
    if (i < n)
        f32_store_n(x + i, f32_load_n(x + i, n - i) * share, n - i);
}

static void long_rows(float *out, const float *in, int64_t rows, int64_t n)
{
    for (int64_t r = 0; r < rows; r++, in += n, out += n)
        scale(out, (float)(1 / powers(out, in, n)), n);
}

// The same past the caches.
static void streamed_rows(float *out, const float *in, int64_t rows, int64_t n)
{
    float row[ROW_MOST];
    for (int64_t r = 0; r < rows; r++, in += n, out += n) {
        scale(row, (float)(1 / powers(row, in, n)), n);
        (*CPU_VARIANT(cpu_stream))(out, row, (uint64_t)n * sizeof *row);
    }
}

static void softmax_rows(float *out, const float *in, int64_t rows, int64_t n, int32_t streams)
{
    int64_t r = 0;
    if (n >= F32_LANES) {
        (streams && n <= ROW_MOST ? streamed_rows : long_rows)(out, in, rows, n);
        return;
    }
    for (; r + F32_LANES <= rows; r += F32_LANES)
        rows_side_by_side(out + r * n, in + r * n, n);
    for (; r < rows; r++)
        short_row(out + r * n, in + r * n, n);
}

cpu_softmax_fn *const CPU_VARIANT(cpu_softmax) = softmax_rows;
