/* gemm_large.c: products of large matrices, packed into panels.
 *
 * Compiled once per instruction set. A panel of A holds some rows, a panel of B some columns, step
 * by step along k, so that a tile of C reads both from one end to the other. Each number of C is
 * summed in order of k by one accumulator per block of k, so it does not depend on the tile it
 * falls in. Method: Goto, van de Geijn, "Anatomy of high-performance matrix multiplication",
 * doi:10.1145/1356052.1356053, with the loops of BLIS, doi:10.1145/2764454.
 */
#include "vectors.h"
#include "lanes.h"
#include "unroll.h"

#define REAL     float
#define VECTOR   f32v
#define LANES    F32_LANES
#define OP(name) f32_##name
#define FN(name) name##_f32
#include "gemm_finish.h"
#include "gemm_panels.h"
#undef REAL
#undef VECTOR
#undef LANES
#undef OP
#undef FN

#define REAL     double
#define VECTOR   f64v
#define LANES    F64_LANES
#define OP(name) f64_##name
#define FN(name) name##_f64
#include "gemm_finish.h"
#include "gemm_panels.h"

const cpu_panels CPU_VARIANT(cpu_panels)[2] = {
    {TILE_ROWS_f32, TILE_COLUMNS_f32, multiply_f32},
    {TILE_ROWS_f64, TILE_COLUMNS_f64, multiply_f64},
};
