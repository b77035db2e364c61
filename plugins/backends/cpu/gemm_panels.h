/* gemm_panels.h: the body of gemm_large.c, included once per element type. No include guard. */

// As many accumulators as the registers hold, beside WIDTH parts of B and one of A.
#if defined(__AVX512F__)
enum { FN(TILE_ROWS) = 14, FN(TILE_WIDTH) = 2 };
#else
enum { FN(TILE_ROWS) = 6, FN(TILE_WIDTH) = 2 };
#endif
enum { FN(TILE_COLUMNS) = FN(TILE_WIDTH) * LANES };

// The same where only some columns are there.
INLINE void FN(start_edge)(const cpu_product *p, VECTOR (*sum)[4], int64_t j, int64_t columns)
{
    const int64_t second = columns > LANES ? columns - LANES : 0;
    FN(start)(p, sum, j, FN(TILE_ROWS), 1, columns < LANES ? columns : LANES);
    const VECTOR next =
        p->bias ? OP(load_n)((const REAL *)p->bias + j + LANES, second) : OP(set)(0);
    UNROLL
    for (int r = 0; r < FN(TILE_ROWS); r++)
        sum[r][1] = next;
}

/* A tile at the edge of C: row by row, what there is of them. */
INLINE void FN(finish_edge)(const cpu_product *p, VECTOR (*sum)[4], int64_t i, int64_t j,
                            int64_t rows, int64_t columns)
{
    VECTOR kept[FN(TILE_ROWS)]
               [4]; // a copy in memory, so that the sums of whole tiles stay out of it
    UNROLL
    for (int r = 0; r < FN(TILE_ROWS); r++)
        UNROLL
    for (int v = 0; v < FN(TILE_WIDTH); v++)
        kept[r][v] = sum[r][v];
    for (int64_t r = 0; r < rows; r++) {
        if (columns <= LANES)
            FN(finish)(p, kept + r, i + r, j, 1, 1, columns);
        else
            FN(finish)(p, kept + r, i + r, j, 1, 2, columns - LANES);
    }
}

/* Where a tile lies, and what comes after it. */
typedef struct FN(place) {
    int64_t i, j, rows, columns;
    const char *next; // part of the next panel of B, `step` bytes for each step of k
    int64_t step;
} FN(place);

/* A tile of C: a panel of A times a panel of B. What will be needed from far comes meanwhile: the
 * numbers of C, and a share of the next panel of B. */
static void FN(tile)(const cpu_product *p, const REAL *a, const REAL *b, const FN(place) * at)
{
    const int64_t count = p->k, step = at->step;
    const char *next = at->next;
    VECTOR sum[FN(TILE_ROWS)][4];
    if (at->columns == FN(TILE_COLUMNS))
        FN(start)(p, sum, at->j, FN(TILE_ROWS), FN(TILE_WIDTH), LANES);
    else
        FN(start_edge)(p, sum, at->j, at->columns);

    const REAL *c = (const REAL *)p->c + at->i * p->c_row + at->j;
    for (int64_t r = 0; r < at->rows; r++, c += p->c_row) {
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + at->columns - 1, 1);
    }
    for (int64_t k = 0; k < count; k++, a += FN(TILE_ROWS), b += FN(TILE_COLUMNS), next += step) {
        VECTOR part[FN(TILE_WIDTH)];
        __builtin_prefetch(next, 0, 2);
        UNROLL
        for (int v = 0; v < FN(TILE_WIDTH); v++)
            part[v] = OP(load)(b + v * LANES);
        UNROLL
        for (int r = 0; r < FN(TILE_ROWS); r++) {
            const VECTOR factor = OP(set)(a[r]);
            UNROLL
            for (int v = 0; v < FN(TILE_WIDTH); v++)
                sum[r][v] = OP(fma)(factor, part[v], sum[r][v]);
        }
    }
    if (at->rows == FN(TILE_ROWS) && at->columns == FN(TILE_COLUMNS))
        FN(finish)(p, sum, at->i, at->j, FN(TILE_ROWS), FN(TILE_WIDTH), LANES);
    else
        FN(finish_edge)(p, sum, at->i, at->j, at->rows, at->columns);
}

/* One panel of B stays in the first level cache while the panels of A pass. */
static void FN(multiply)(const cpu_product *p, const cpu_box *box)
{
    const int64_t tiles = (box->rows + FN(TILE_ROWS) - 1) / FN(TILE_ROWS);
    const int64_t line = FN(TILE_COLUMNS) * (int64_t)sizeof(REAL);
    FN(place) at = {.step = (line + tiles - 1) / tiles};
    for (int64_t j = 0; j < box->columns; j += FN(TILE_COLUMNS)) {
        const REAL *b = (const REAL *)p->b + j * p->k;
        const int64_t columns = box->columns - j;
        at.j = box->column + j;
        at.columns = columns < FN(TILE_COLUMNS) ? columns : FN(TILE_COLUMNS);
        at.next = (const char *)(columns > FN(TILE_COLUMNS) ? b + FN(TILE_COLUMNS) * p->k : b);
        for (int64_t i = 0; i < box->rows; i += FN(TILE_ROWS), at.next += at.step * p->k) {
            const int64_t rows = box->rows - i;
            at.i = box->row + i;
            at.rows = rows < FN(TILE_ROWS) ? rows : FN(TILE_ROWS);
            FN(tile)(p, (const REAL *)p->a + i * p->k, b, &at);
        }
    }
}
