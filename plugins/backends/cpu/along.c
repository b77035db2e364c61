/* along.c: "argmax", "argmin", "cumsum", "cumprod" and "cummax": one line after the other.
 *
 * Running sums and products are kept in f64, those of integers in 64 bits. A NaN is the greatest
 * and the smallest number at once: it is found first, and stays in a running maximum.
 */
#include "expression.h"
#include "keys.h"

#include <string.h>

typedef struct along_state {
    cpu_work work;
    cpu_lines lines;
    int32_t dtype, bytes;
    int32_t how; // KAON_REDUCE_*
    int32_t reverse, exclusive;
    int32_t reserved;
} along_state;

/* --- where the extreme is --------------------------------------------------------------------- */

// In pieces, so that any length of line needs little room.
enum { PIECE = 512 };

static int64_t find_extreme(const along_state *s, const char *from)
{
    const int64_t n = s->lines.n, inner = s->lines.inner;
    const int32_t most = s->how == KAON_REDUCE_MAX;
    uint64_t keys[PIECE], best = most ? 0 : UINT64_MAX;
    int64_t at = -1;
    for (int64_t start = 0; start < n; start += PIECE) {
        const int64_t count = n - start < PIECE ? n - start : PIECE;
        cpu_keys(s->dtype, from + start * inner * s->bytes, inner, count, most ? UINT64_MAX : 0,
                 keys);
        for (int64_t i = 0; i < count; i++)
            if (at < 0 || (most ? keys[i] > best : keys[i] < best)) {
                best = keys[i];
                at = start + i;
            }
    }
    return at;
}

static void run_arg(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                    char *scratch)
{
    (void)scratch;
    const along_state *s = (const along_state *)w;
    const int64_t inner = s->lines.inner;
    int64_t *out = l->operands[1];
    for (int64_t line = first; line < end; line++) {
        const int64_t at = line / inner * s->lines.n * inner + line % inner;
        out[line] = find_extreme(s, (const char *)l->operands[0] + at * s->bytes);
    }
}

/* --- running sums ----------------------------------------------------------------------------- */

#define CUMULATE(type)                                                                             \
    for (int64_t i = 0; i < n; i++, from += step, to += step) {                                    \
        const double a = (double)*(const type *)(const void *)from;                                \
        const double next = s->how == KAON_REDUCE_SUM ? sum + a : sum * a;                         \
        *(type *)(void *)to = (type)(s->exclusive ? sum : next);                                   \
        sum = next;                                                                                \
    }

static void cumulate_any(const along_state *s, const char *from, char *to, int64_t step)
{
    const cpu_device *d = s->work.state.device;
    cpu_sum sum = cpu_sum_start(s->dtype, s->how);
    for (int64_t i = 0; i < s->lines.n; i++, from += step, to += step) {
        const cpu_sum next = cpu_sum_join(s->dtype, s->how, sum, cpu_sum_load(d, s->dtype, from));
        cpu_sum_store(d, s->dtype, to, s->exclusive ? sum : next);
        sum = next;
    }
}

static void cumulate(const along_state *s, const char *from, char *to, int64_t step)
{
    const int64_t n = s->lines.n;
    double sum = s->how == KAON_REDUCE_SUM ? 0 : 1;
    if (s->dtype == KAON_F32 && s->how != KAON_REDUCE_MAX) {
        CUMULATE(float)
    } else if (s->dtype == KAON_F64 && s->how != KAON_REDUCE_MAX) {
        CUMULATE(double)
    } else {
        cumulate_any(s, from, to, step);
    }
}

static void run_cumulative(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                           char *scratch)
{
    (void)scratch;
    const along_state *s = (const along_state *)w;
    const int64_t n = s->lines.n, inner = s->lines.inner;
    const int64_t step = inner * s->bytes * (s->reverse ? -1 : 1);
    for (int64_t line = first; line < end; line++) {
        int64_t at = line / inner * n * inner + line % inner;
        if (s->reverse)
            at += (n - 1) * inner;
        cumulate(s, (const char *)l->operands[0] + at * s->bytes,
                 (char *)l->operands[1] + at * s->bytes, step);
    }
}

/* --- the steps -------------------------------------------------------------------------------- */

static kaon_status prepare(const cpu_device *d, const kaon_step *step, cpu_range *run, int32_t how,
                           kaon_kernel *out, kaon_diag *diag)
{
    along_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *a = cpu_operand(step, 0);
    s->lines = cpu_lines_of(a, cpu_attr_axis(step, "axis", a->rank));
    s->dtype = a->dtype;
    s->bytes = (int32_t)kaon_dtype_bytes(a->dtype);
    s->how = how;
    s->reverse = cpu_attr_int(step, "reverse", 0) != 0;
    s->exclusive = cpu_attr_int(step, "exclusive", 0) != 0;
    s->work.items = s->lines.outer * s->lines.inner;
    s->work.run = run;
    return cpu_work_ready(d, step, &s->work, s->lines.n, out, diag);
}

#define PREPARE(name, run, how)                                                                    \
    static kaon_status prepare_##name(const cpu_device *d, const kaon_step *step,                  \
                                      kaon_kernel *out, kaon_diag *diag)                           \
    {                                                                                              \
        return prepare(d, step, run, how, out, diag);                                              \
    }
PREPARE(argmax, run_arg, KAON_REDUCE_MAX)
PREPARE(argmin, run_arg, KAON_REDUCE_MIN)
PREPARE(cumsum, run_cumulative, KAON_REDUCE_SUM)
PREPARE(cumprod, run_cumulative, KAON_REDUCE_PROD)
PREPARE(cummax, run_cumulative, KAON_REDUCE_MAX)

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_all_contiguous(step);
}

const cpu_op cpu_along_ops[] = {
    {"argmax", supports, prepare_argmax}, {"argmin", supports, prepare_argmin},
    {"cumsum", supports, prepare_cumsum}, {"cumprod", supports, prepare_cumprod},
    {"cummax", supports, prepare_cummax}, {0},
};
