/* linalg.c: dense linear algebra on the last two axes, one matrix after the other, through LAPACK.
 *
 * LAPACK counts by columns, so a row-major matrix is its transpose there: a symmetric matrix is the
 * same, a lower triangle is an upper one. Where that does not help the matrix is turned into
 * scratch. A matrix that has no answer gives NaN. Work arrays are asked for when a step is
 * prepared; a launch allocates nothing.
 */
#include "cpu.h"

#include <cblas.h>
#include <lapack.h>
#include <math.h>
#include <string.h>

typedef struct linalg_state linalg_state;
typedef void linalg_fn(const linalg_state *s, void *const *in, void *const *out, char *scratch);

enum { MOST_OPERANDS = 4 };

struct linalg_state {
    cpu_work work;
    linalg_fn *function;
    int64_t m, n; // of the first matrix; n of the second where there is one
    int64_t copy_count, work_count, integer_count; // numbers in the scratch
    int64_t integers_at;
    int64_t steps[MOST_OPERANDS]; // bytes from one matrix to the next
    int32_t operands, inputs;
    int32_t lower, transpose, unit;
    int32_t reserved;
};

#define REAL         float
#define FN(name)     name##_f32
#define LAPACK(name) LAPACK_s##name
#define BLAS(name)   cblas_s##name
#include "linalg_body.h"
#undef REAL
#undef FN
#undef LAPACK
#undef BLAS

#define REAL         double
#define FN(name)     name##_f64
#define LAPACK(name) LAPACK_d##name
#define BLAS(name)   cblas_d##name
#include "linalg_body.h"

/* One row per operation: the functions for f32 and f64, what they ask LAPACK first, and whether
 * they copy the matrix and need pivots. */
static const struct {
    const char *name;
    linalg_fn *f32, *f64;
    void (*ask_f32)(linalg_state *s);
    void (*ask_f64)(linalg_state *s);
    int32_t copies, pivots;
} kinds[] = {
    {"cholesky", cholesky_f32, cholesky_f64, NULL, NULL, 0, 0},
    {"triangular_solve", triangular_f32, triangular_f64, NULL, NULL, 0, 0},
    {"solve", solve_f32, solve_f64, NULL, NULL, 1, 1},
    {"slogdet", slogdet_f32, slogdet_f64, NULL, NULL, 1, 1},
    {"qr", qr_f32, qr_f64, ask_qr_f32, ask_qr_f64, 1, 0},
    {"eigh", eigh_f32, eigh_f64, ask_eigh_f32, ask_eigh_f64, 1, 0},
    {"svd", svd_f32, svd_f64, ask_svd_f32, ask_svd_f64, 1, 0},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int32_t find_kind(const char *name)
{
    int32_t k = 0;
    while (k < KINDS && strcmp(kinds[k].name, name))
        k++;
    return k;
}

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    const linalg_state *s = (const linalg_state *)w;
    for (int64_t i = first; i < end; i++) {
        void *at[MOST_OPERANDS];
        for (int32_t o = 0; o < s->operands; o++)
            at[o] = (char *)l->operands[o] + i * s->steps[o];
        s->function(s, at, at + s->inputs, scratch);
    }
}

static int64_t matrix_size(const kaon_operand *o, int64_t matrices)
{
    return matrices ? cpu_count(o) / matrices : 0;
}

static void lay_out_scratch(linalg_state *s, int32_t kind, int64_t bytes)
{
    const int64_t k = s->m < s->n ? s->m : s->n;
    // The matrix, a second one of n columns, and what qr keeps besides.
    s->copy_count =
        kinds[kind].copies ? s->m * (s->m > s->n ? s->m : s->n) + s->m * s->n + 2 * k : 0;
    if (kinds[kind].pivots)
        s->integer_count = s->m;
    s->integers_at = ((s->copy_count + s->work_count) * bytes + 63) & ~(int64_t)63;
    const int64_t integers = s->integer_count * (int64_t)sizeof(lapack_int);
    s->work.scratch_bytes = (uint64_t)((s->integers_at + integers + 63) & ~(int64_t)63);
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    const int32_t kind = find_kind(step->op);
    const kaon_operand *a = cpu_operand(step, 0), *last = cpu_operand(step, step->input_count - 1);
    linalg_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const int32_t is_f32 = a->dtype == KAON_F32;
    const int64_t bytes = (int64_t)kaon_dtype_bytes(a->dtype);
    s->function = is_f32 ? kinds[kind].f32 : kinds[kind].f64;
    s->m = a->shape[a->rank - 2];
    s->n = last->shape[last->rank - 1];
    s->lower = cpu_attr_int(step, "lower", 1) != 0;
    s->transpose = cpu_attr_int(step, "transpose", 0) != 0;
    s->unit = cpu_attr_int(step, "unit", 0) != 0;
    s->work.items = 1;
    for (int32_t i = 0; i < a->rank - 2; i++)
        s->work.items *= a->shape[i];
    s->inputs = step->input_count;
    s->operands = step->input_count + step->output_count;
    for (int32_t o = 0; o < s->operands; o++)
        s->steps[o] = matrix_size(cpu_operand(step, o), s->work.items) * bytes;
    // LAPACK refuses empty matrices, and only the determinant of one is a number.
    if (kinds[kind].ask_f32 && s->m && s->n)
        (is_f32 ? kinds[kind].ask_f32 : kinds[kind].ask_f64)(s);
    if ((!s->m || !s->n) && strcmp(step->op, "slogdet"))
        s->work.items = 0;
    lay_out_scratch(s, kind, bytes);
    s->work.run = run;
    return cpu_work_ready(d, step, &s->work, 16 * s->m * (s->n + s->m), out, diag);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    const kaon_operand *a = cpu_operand(step, 0);
    return (a->dtype == KAON_F32 || a->dtype == KAON_F64) && cpu_all_contiguous(step);
}

const cpu_op cpu_linalg_ops[] = {
    {"cholesky", supports, prepare}, {"triangular_solve", supports, prepare},
    {"solve", supports, prepare},    {"slogdet", supports, prepare},
    {"qr", supports, prepare},       {"eigh", supports, prepare},
    {"svd", supports, prepare},      {0},
};
