/* gemm_small.c: products of small matrices, and of one row with a matrix.
 *
 * Compiled once per instruction set. A block of C, some rows by one to four vectors, stays in
 * registers while k runs; B is read as it lies, A one number at a time. Each number of C is summed
 * in order of k by one accumulator, so it does not depend on the block it falls in. Only a single
 * row, where latency rules, uses several accumulators along k. Denormals count as zero.
 */
#include "denormals.h"
#include "vectors.h"
#include "lanes.h"
#include "unroll.h"

#define REAL     float
#define VECTOR   f32v
#define LANES    F32_LANES
#define OP(name) f32_##name
#define FN(name) name##_f32
#include "gemm_finish.h"
#include "gemm_block.h"
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
#include "gemm_block.h"

const cpu_gemm CPU_VARIANT(cpu_gemm) = {.f32 = gemm_f32, .f64 = gemm_f64};
