/* gemm_finish.h: how blocks of a product begin and leave the registers. Included once per element
 * type, before gemm_block.h or gemm_panels.h. No include guard.
 */

/* The vector at place v of a row of `width`, of which the last has `last` numbers. */
INLINE int64_t FN(size_of)(int v, const int width, int64_t last)
{
    return v == width - 1 ? last : LANES;
}

#define EACH_SUM                                                                                   \
    UNROLL                                                                                         \
    for (int r = 0; r < rows; r++)                                                                 \
        UNROLL                                                                                     \
    for (int v = 0; v < width; v++)

/* The sums of a block at column j begin with the bias: each row of it with the same. */
INLINE void FN(start)(const cpu_product *p, VECTOR (*sum)[4], int64_t j, const int rows,
                      const int width, int64_t last)
{
    UNROLL
    for (int v = 0; v < width; v++) {
        VECTOR first = OP(set)(0);
        if (p->bias)
            first = OP(load_n)((const REAL *)p->bias + j + v * LANES, FN(size_of)(v, width, last));
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r][v] = first;
    }
}

/* Does what the epilogue asks for to the block at row i, column j, and stores it. */
INLINE void FN(finish)(const cpu_product *p, VECTOR (*sum)[4], int64_t i, int64_t j, const int rows,
                       const int width, int64_t last)
{
    const int64_t c_row = p->c_row;
    REAL *c = (REAL *)p->c + i * c_row + j;
    if (p->add)
        EACH_SUM
    sum[r][v] += OP(load_n)(c + r * c_row + v * LANES, FN(size_of)(v, width, last));
    if (p->relu)
        EACH_SUM
    sum[r][v] = OP(max_or_second)(OP(set)(0), sum[r][v]); // the second where it is NaN
    const int64_t at = i * p->n + j;
    if (p->open)
        EACH_SUM
        {
            const uint8_t *open = p->open + at + r * p->n + v * LANES;
            sum[r][v] =
                OP(select)(OP(load_mask)(open, FN(size_of)(v, width, last)), sum[r][v], OP(set)(0));
        }
    if (p->above)
        EACH_SUM
        {
            const REAL *above = (const REAL *)p->above + at + r * p->n + v * LANES;
            const VECTOR saved = OP(load_n)(above, FN(size_of)(v, width, last));
            sum[r][v] = OP(select)(OP(lt)(OP(set)(0), saved), sum[r][v], OP(set)(0));
        }
    if (p->positive)
        EACH_SUM
    OP(store_mask)
    (p->positive + at + r * p->n + v * LANES, OP(lt)(OP(set)(0), sum[r][v]),
     FN(size_of)(v, width, last));
    EACH_SUM
    OP(store_n)(c + r * c_row + v * LANES, sum[r][v], FN(size_of)(v, width, last));
}
#undef EACH_SUM
