/* pool.c: "pool_max", "pool_sum" and their gradients, over the trailing axes.
 *
 * An item is one index of the leading axes. Padding counts for nothing: windows are cut to what
 * lies inside. A sum runs over its window in order; a maximum is NaN if anything in its window is,
 * and its gradient goes to the first of equals.
 */
#include "windows.h"

#include <math.h>
#include <string.h>

typedef struct pool_state pool_state;
typedef void pool_fn(const pool_state *s, const void *first, const void *second, void *out);

struct pool_state {
    cpu_work work;
    cpu_windows windows;
    pool_fn *function;
    int64_t first_bytes, second_bytes, out_bytes; // of one item
};

/* A window cut to the input: its first number and its size along each axis. */
typedef struct cut {
    int64_t size[KAON_MAX_RANK];
    int64_t at;
    int32_t empty;
} cut;

static cut cut_window(const cpu_windows *w, const int64_t *index)
{
    cut c = {.at = 0};
    for (int32_t i = 0; i < w->axes; i++) {
        int64_t from = index[i] * w->stride[i] - w->low[i], to = from + w->window[i];
        from = from < 0 ? 0 : from;
        to = to > w->in[i] ? w->in[i] : to;
        c.size[i] = to - from;
        c.empty |= to <= from;
        c.at = c.at * w->in[i] + from;
    }
    return c;
}

// The next index below `size`, in row-major order; 0 after the last.
static int32_t next_index(int64_t *index, const int64_t *size, int32_t axes)
{
    for (int32_t i = axes - 1; i >= 0; i--) {
        if (++index[i] < size[i])
            return 1;
        index[i] = 0;
    }
    return 0;
}

static int64_t offset_in(const cpu_windows *w, const int64_t *index)
{
    int64_t at = 0;
    for (int32_t i = 0; i < w->axes; i++)
        at = at * w->in[i] + index[i];
    return at;
}

/* `step` is done for each row of numbers x[0 .. n) of the window; the last axis is walked inside.
 */
#define EACH_ROW(type, base, step)                                                                 \
    if (!c.empty) {                                                                                \
        int64_t inside[KAON_MAX_RANK] = {0};                                                       \
        const int64_t n = c.size[w->axes - 1];                                                     \
        do {                                                                                       \
            type *x = (base) + c.at + offset_in(w, inside);                                        \
            step                                                                                   \
        } while (next_index(inside, c.size, w->axes - 1));                                         \
    }

#define EACH_WINDOW(body)                                                                          \
    const cpu_windows *w = &s->windows;                                                            \
    int64_t index[KAON_MAX_RANK] = {0};                                                            \
    for (int64_t o = 0; o < w->out_count; o++, next_index(index, w->out, w->axes)) {               \
        const cut c = cut_window(w, index);                                                        \
        body                                                                                       \
    }

#define POOLS(name, type)                                                                          \
    static void sum_##name(const pool_state *s, const void *first, const void *second, void *out)  \
    {                                                                                              \
        (void)second;                                                                              \
        EACH_WINDOW(type sum = 0;                                                                  \
                    EACH_ROW(const type, (const type *)first,                                      \
                             for (int64_t i = 0; i < n; i++) sum += x[i];)((type *)out)[o] = sum;) \
    }                                                                                              \
    static void max_##name(const pool_state *s, const void *first, const void *second, void *out)  \
    {                                                                                              \
        (void)second;                                                                              \
        EACH_WINDOW(type best = (type)-INFINITY;                                                   \
                    EACH_ROW(const type, (const type *)first,                                      \
                             for (int64_t i = 0; i < n; i++) best =                                \
                                 x[i] > best || x[i] != x[i] ? x[i] : best;)((type *)out)[o] =     \
                        best;)                                                                     \
    }                                                                                              \
    static void max_grad_##name(const pool_state *s, const void *first, const void *second,        \
                                void *out)                                                         \
    {                                                                                              \
        memset(out, 0, (size_t)s->out_bytes);                                                      \
        EACH_WINDOW(const type *best = NULL;                                                       \
                    EACH_ROW(const type, (const type *)first,                                      \
                             for (int64_t i = 0; i < n; i++) if (!best || x[i] > *best ||          \
                                                                 (x[i] != x[i] && *best == *best)) \
                                 best =                                                            \
                                     x + i;) if (best)((type *)out)[best - (const type *)first] += \
                    ((const type *)second)[o];)                                                    \
    }                                                                                              \
    static void sum_grad_##name(const pool_state *s, const void *first, const void *second,        \
                                void *out)                                                         \
    {                                                                                              \
        (void)second;                                                                              \
        memset(out, 0, (size_t)s->out_bytes);                                                      \
        EACH_WINDOW(const type dy = ((const type *)first)[o];                                      \
                    EACH_ROW(type, (type *)out, for (int64_t i = 0; i < n; i++) x[i] += dy;))      \
    }

// clang-format off
POOLS(f32, float)
POOLS(f64, double)
// clang-format on

/* --- the steps -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    pool_fn *f32, *f64;
    int32_t in_is_output; // 1: windows stand on the output, not on the first input
} kinds[] = {
    {"pool_sum", sum_f32, sum_f64, 0},
    {"pool_max", max_f32, max_f64, 0},
    {"pool_max_grad", max_grad_f32, max_grad_f64, 1},
    {"pool_sum_grad", sum_grad_f32, sum_grad_f64, 1},
};

static void run(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end, char *scratch)
{
    (void)scratch;
    const pool_state *s = (const pool_state *)w;
    const char *second = w->inputs > 1 ? l->operands[1] : NULL;
    for (int64_t i = first; i < end; i++)
        s->function(s, (const char *)l->operands[0] + i * s->first_bytes,
                    second ? second + i * s->second_bytes : NULL,
                    (char *)l->operands[w->inputs] + i * s->out_bytes);
}

static int64_t block_bytes(const kaon_operand *o, int32_t axes)
{
    int64_t bytes = (int64_t)kaon_dtype_bytes(o->dtype);
    for (int32_t i = o->rank - axes; i < o->rank; i++)
        bytes *= o->shape[i];
    return bytes;
}

static kaon_status prepare(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                           kaon_diag *diag)
{
    int32_t kind = 0;
    while (strcmp(kinds[kind].name, step->op))
        kind++;
    pool_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return cpu_no_memory(diag, step->op);
    int64_t axes;
    const int64_t *window = cpu_attr_ints(step, "window", &axes);
    const kaon_operand *first = cpu_operand(step, 0), *o = cpu_output(step, 0);
    const kaon_operand *second = cpu_operand(step, step->input_count - 1);
    cpu_windows_read(step, kinds[kind].in_is_output ? o : first,
                     kinds[kind].in_is_output ? second : o, (int32_t)axes, &s->windows);
    int64_t strides, size = 1;
    cpu_attr_ints(step, "stride", &strides);
    for (int32_t i = 0; i < axes; i++) {
        s->windows.window[i] = window[i];
        if (!strides) // windows side by side
            s->windows.stride[i] = window[i];
        size *= window[i];
    }
    s->function = o->dtype == KAON_F32 ? kinds[kind].f32 : kinds[kind].f64;
    s->first_bytes = block_bytes(first, (int32_t)axes);
    s->second_bytes = block_bytes(second, (int32_t)axes);
    s->out_bytes = block_bytes(o, (int32_t)axes);
    s->work.items = 1;
    for (int32_t i = 0; i < o->rank - axes; i++)
        s->work.items *= o->shape[i];
    s->work.run = run;
    return cpu_work_ready(d, step, &s->work, s->windows.out_count * size, out, diag);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    const int32_t dtype = cpu_output(step, 0)->dtype;
    return (dtype == KAON_F32 || dtype == KAON_F64) && cpu_all_contiguous(step);
}

const cpu_op cpu_pool_ops[] = {
    {"pool_max", supports, prepare},
    {"pool_sum", supports, prepare},
    {"pool_max_grad", supports, prepare},
    {"pool_sum_grad", supports, prepare},
    {0},
};
