/* vectors.h: what is compiled once per instruction set, as tables.
 *
 * A source named under VARIANTS in CMakeLists.txt defines CPU_VARIANT(name) for the names declared
 * here; select.c takes the best set the processor and the system allow.
 */
#ifndef CPU_VECTORS_H
#define CPU_VECTORS_H

#include <kaon/backend.h>

/* The name of `f` in this instruction set's build: cpu_gemm -> cpu_gemm_avx512. */
#define CPU_JOIN_(f, v) f##_##v
#define CPU_JOIN(f, v)  CPU_JOIN_(f, v)
#define CPU_VARIANT(f)  CPU_JOIN(f, KAON_VARIANT)

/* One instruction of an expression over a block of n numbers. `out` may be one of the inputs. */
typedef void cpu_block_fn(void *out, const void *const *in, int64_t n);

/* The same with one number in the place of the second input. */
typedef void cpu_scalar_fn(void *out, const void *in, const void *number, int64_t n);

enum { CPU_X_COUNT = 50 }; // above the number of every elementwise operation

/* C (m, n) = A (m, k) B (k, n), or C += A B, then the epilogue. Rows of B and C are contiguous; A
 * is contiguous along its rows (a_step 1) or its columns (a_row 1). Strides in elements. */
typedef struct cpu_product {
    int64_t m, n, k;
    const void *a;
    int64_t a_row, a_step;
    const void *b;
    int64_t b_row;
    void *c;
    int64_t c_row;
    const void *bias;    // n numbers added to each row, or NULL
    const uint8_t *open; // (m, n) bools without gaps: where 0, the result becomes 0; or NULL
    const void *above;   // (m, n) numbers without gaps: where not above 0, the result becomes 0
    uint8_t *positive;   // (m, n) bools without gaps: whether the result is above 0; or NULL
    int32_t add;         // 1: adds to what C holds
    int32_t relu;        // 1: negative results become 0
} cpu_product;

typedef struct cpu_gemm {
    void (*f32)(const cpu_product *p);
    void (*f64)(const cpu_product *p);
} cpu_gemm;

/* A part of C. */
typedef struct cpu_box {
    int64_t row, rows, column, columns;
} cpu_box;

/* The same for a box of C, with a: the box's rows in panels of `rows` rows, k steps of each one
 * after the other, and b: its columns in panels of `columns` columns; the last panels are filled up
 * with zeros. c, the epilogue and n are those of all of C. */
typedef struct cpu_panels {
    int64_t rows, columns;
    void (*multiply)(const cpu_product *p, const cpu_box *box);
} cpu_panels;

/* n numbers of one element type into another. */
typedef void cpu_cast_fn(void *out, const void *in, int64_t n);

/* Reductions of `rows` rows of n numbers each, `stride` apart. Sums and products of f32 run in
 * several interleaved f32 accumulators, which are added up in f64; integers accumulate in 64 bits.
 */
typedef union cpu_sum {
    double real;
    int64_t whole;
    uint64_t natural;
} cpu_sum;

typedef void cpu_reduce_fn(cpu_sum *out, const void *in, int64_t rows, int64_t stride, int64_t n);

/* total[j] += the sum of column j of `rows` rows of n numbers, `stride` apart, added up from the
 * first row to the last. */
typedef void cpu_columns_fn(void *total, const void *in, int64_t rows, int64_t stride, int64_t n);

/* to[i * to_row + j] = from[j * from_row + i], i < rows, j < columns. */
typedef void cpu_transpose_fn(void *to, int64_t to_row, const void *from, int64_t from_row,
                              int64_t rows, int64_t columns);

/* Copies past the caches; cpu_stream_end comes before others may read it. */
typedef void cpu_stream_fn(void *to, const void *from, uint64_t bytes);

static inline void cpu_stream_end(void)
{
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}

/* e^x / sum e^x of each of `rows` rows of n numbers, without gaps. `streams` 1: the results may go
 * past the caches. */
typedef void cpu_softmax_fn(float *out, const float *in, int64_t rows, int64_t n, int32_t streams);

enum { CPU_HOW_COUNT = 5 }; // above KAON_REDUCE_PROD

typedef cpu_block_fn *const cpu_block_row[CPU_X_COUNT];
typedef cpu_scalar_fn *const cpu_scalar_row[CPU_X_COUNT];

#define CPU_DECLARE(set)                                                                           \
    extern const cpu_gemm cpu_gemm_##set;                                                          \
    extern const cpu_panels cpu_panels_##set[2];                                                   \
    extern cpu_block_row cpu_f32_blocks_##set;                                                     \
    extern cpu_block_row cpu_f64_blocks_##set;                                                     \
    extern cpu_scalar_row cpu_f32_scalars_##set;                                                   \
    extern cpu_scalar_row cpu_f64_scalars_##set;                                                   \
    extern cpu_block_row cpu_plain_blocks_##set[KAON_DTYPE_COUNT];                                 \
    extern cpu_cast_fn *const cpu_casts_##set[KAON_DTYPE_COUNT][KAON_DTYPE_COUNT];                 \
    extern cpu_reduce_fn *const cpu_reductions_##set[KAON_DTYPE_COUNT][CPU_HOW_COUNT];             \
    extern cpu_columns_fn *const cpu_columns_##set[KAON_DTYPE_COUNT];                              \
    extern cpu_transpose_fn *const cpu_transpose_##set[2];                                         \
    extern cpu_stream_fn *const cpu_stream_##set;                                                  \
    extern cpu_softmax_fn *const cpu_softmax_##set;
CPU_DECLARE(baseline)
CPU_DECLARE(avx2)
CPU_DECLARE(avx512)

/* The best set for this processor. [any] */
typedef struct cpu_set {
    const char *name;
    uint32_t isa; // KAON_ISA_*
    const cpu_gemm *gemm;
    const cpu_panels *panels; // of f32, of f64
    cpu_block_row *f32_blocks, *f64_blocks;
    cpu_scalar_row *f32_scalars, *f64_scalars;
    cpu_block_row *plain_blocks;                       // by dtype
    cpu_cast_fn *const (*casts)[KAON_DTYPE_COUNT];     // from, to
    cpu_reduce_fn *const (*reductions)[CPU_HOW_COUNT]; // by dtype, KAON_REDUCE_*
    cpu_columns_fn *const *columns;                    // by dtype
    cpu_transpose_fn *const *transpose;                // numbers of 4 and of 8 bytes
    cpu_stream_fn *const *stream;
    cpu_softmax_fn *const *softmax;
} cpu_set;

const cpu_set *cpu_choose_set(void);

#endif
