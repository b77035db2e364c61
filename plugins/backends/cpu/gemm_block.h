/* gemm_block.h: the body of gemm_small.c, included once per element type. No include guard.
 *
 * REAL, VECTOR, LANES, OP(name), FN(name) say which. ROWS and WIDTH below are compile-time
 * constants: everything is inlined into one function per block shape.
 */

// The block shapes: as many accumulators as the registers hold, beside WIDTH parts of B and one of
// A. Few columns leave room for many rows, which hide how long one sum takes.
#if defined(__AVX512F__)
enum {
    FN(ROWS_BY_1) = 16,
    FN(ROWS_BY_2) = 8,
    FN(ROWS_BY_3) = 8,
    FN(ROWS_BY_4) = 6,
    FN(WIDEST) = 4
};
#else
enum { FN(ROWS_BY_1) = 8, FN(ROWS_BY_2) = 4, FN(ROWS_BY_3) = 4, FN(ROWS_BY_4) = 2, FN(WIDEST) = 3 };
#endif

/* ROWS x WIDTH vectors of C from row i, column j. The rows of A a few blocks further on come
 * meanwhile. */
INLINE void FN(block)(const cpu_product *p, int64_t i, int64_t j, const int rows, const int width,
                      int64_t last)
{
    enum { AHEAD = 8 };
    const int64_t row = p->a_row, step = p->a_step;
    const REAL *a = (const REAL *)p->a + i * row;
    const REAL *b = (const REAL *)p->b + j;
    VECTOR sum[16][4];
    FN(start)(p, sum, j, rows, width, last);
    if (j == 0)
        UNROLL
    for (int r = 0; r < rows; r++)
        __builtin_prefetch(a + (AHEAD * rows + r) * row);

    const int64_t b_row = p->b_row, count = p->k;
    for (int64_t k = 0; k < count; k++) {
        VECTOR part[4];
        UNROLL
        for (int v = 0; v < width; v++)
            part[v] = v == width - 1 ? OP(load_n)(b + v * LANES, last) : OP(load)(b + v * LANES);
        b += b_row;
        UNROLL
        for (int r = 0; r < rows; r++) {
            const VECTOR factor = OP(set)(a[r * row + k * step]);
            UNROLL
            for (int v = 0; v < width; v++)
                sum[r][v] = OP(fma)(factor, part[v], sum[r][v]);
        }
    }
    FN(finish)(p, sum, i, j, rows, width, last);
}

/* All rows of one panel of `width` vectors: the largest blocks first, then halves. */
INLINE void FN(panel)(const cpu_product *p, int64_t j, const int rows, const int width,
                      int64_t last)
{
    int64_t i = 0;
    for (; i + rows <= p->m; i += rows)
        FN(block)(p, i, j, rows, width, last);
    if (rows > 8 && i + 8 <= p->m) {
        FN(block)(p, i, j, 8, width, last);
        i += 8;
    }
    if (rows > 4 && i + 4 <= p->m) {
        FN(block)(p, i, j, 4, width, last);
        i += 4;
    }
    if (i + 2 <= p->m) {
        FN(block)(p, i, j, 2, width, last);
        i += 2;
    }
    if (i < p->m)
        FN(block)(p, i, j, 1, width, last);
}

static void FN(panel_1)(const cpu_product *p, int64_t j, int64_t last)
{
    FN(panel)(p, j, FN(ROWS_BY_1), 1, last);
}

static void FN(panel_2)(const cpu_product *p, int64_t j, int64_t last)
{
    FN(panel)(p, j, FN(ROWS_BY_2), 2, last);
}

static void FN(panel_3)(const cpu_product *p, int64_t j, int64_t last)
{
    FN(panel)(p, j, FN(ROWS_BY_3), 3, last);
}

static void FN(panel_4)(const cpu_product *p, int64_t j, int64_t last)
{
    FN(panel)(p, j, FN(ROWS_BY_4), 4, last);
}

/* Vector v of `width` at p: the last one has `last` numbers, unless the panel is `whole`. */
INLINE VECTOR FN(part)(const REAL *p, int v, const int width, const int whole, int64_t last)
{
    return whole || v < width - 1 ? OP(load)(p + v * LANES) : OP(load_n)(p + v * LANES, last);
}

/* One row times `width` vectors of B: `split` accumulators take turns along k. */
INLINE void FN(line)(const cpu_product *p, int64_t j, const int split, const int width,
                     const int whole, int64_t last, const int64_t step)
{
    const REAL *a = p->a, *b = (const REAL *)p->b + j;
    const int64_t row = p->b_row;
    VECTOR sum[8][4];
    FN(start)(p, sum, j, 1, width, last);
    UNROLL
    for (int s = 1; s < split; s++)
        UNROLL
    for (int v = 0; v < width; v++)
        sum[s][v] = OP(set)(0);

    int64_t k = 0;
    for (; k + split <= p->k; k += split, a += split * step, b += split * row)
        UNROLL
    for (int s = 0; s < split; s++) {
        const VECTOR factor = OP(set)(a[s * step]);
        UNROLL
        for (int v = 0; v < width; v++)
            sum[s][v] = OP(fma)(factor, FN(part)(b + s * row, v, width, whole, last), sum[s][v]);
    }
    for (; k < p->k; k++, a += step, b += row)
        UNROLL
    for (int v = 0; v < width; v++)
        sum[0][v] = OP(fma)(OP(set)(*a), FN(part)(b, v, width, whole, last), sum[0][v]);
    UNROLL
    for (int half = split / 2; half > 0; half /= 2)
        UNROLL
    for (int s = 0; s < half; s++)
        UNROLL
    for (int v = 0; v < width; v++)
        sum[s][v] += sum[s + half][v];
    FN(finish)(p, sum, 0, j, 1, width, last);
}

INLINE void FN(lines)(const cpu_product *p, const int64_t step)
{
    int64_t j = 0;
    for (; j + 4 * LANES <= p->n; j += 4 * LANES)
        FN(line)(p, j, 2, 4, 1, LANES, step);
    for (; j + 2 * LANES <= p->n; j += 2 * LANES)
        FN(line)(p, j, 4, 2, 1, LANES, step);
    if (j + LANES < p->n)
        FN(line)(p, j, 4, 2, 0, p->n - j - LANES, step);
    else if (j < p->n)
        FN(line)(p, j, 8, 1, 0, p->n - j, step);
}

static void FN(row)(const cpu_product *p)
{
    if (p->a_step == 1)
        FN(lines)(p, 1);
    else
        FN(lines)(p, p->a_step);
}

static void FN(panels)(const cpu_product *p)
{
    static void (*const panels[])(const cpu_product *, int64_t,
                                  int64_t) = {FN(panel_1), FN(panel_2), FN(panel_3), FN(panel_4)};
    for (int64_t j = 0; j < p->n;) {
        const int64_t left = (p->n - j + LANES - 1) / LANES;
        // 5 vectors are better done as 3 + 2 than as 4 + 1.
        int64_t width = left < FN(WIDEST) ? left : FN(WIDEST);
        if (left == FN(WIDEST) + 1)
            width = (left + 1) / 2;
        const int64_t end = j + width * LANES;
        panels[width - 1](p, j, end <= p->n ? LANES : p->n - end + LANES);
        j = end;
    }
}

/* C (m, n) = A B, see cpu_product. A single row is over sooner than the mode has changed. */
static void FN(gemm)(const cpu_product *p)
{
    if (p->m == 1) {
        FN(row)(p);
        return;
    }
    const unsigned mode = cpu_flush_begin();
    FN(panels)(p);
    cpu_flush_end(mode);
}
