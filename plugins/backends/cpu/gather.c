/* gather.c: "gather", "scatter_add", "take_along" and "put_along_add".
 *
 * Reading clamps indices to the axis; adding drops those outside. Additions to one place happen in
 * order of the index list whatever the number of threads: threads share out places, not indices.
 */
#include "cpu.h"

#include <string.h>

typedef struct gather_state {
    cpu_work work;
    cpu_lines table;     // a along the axis
    int64_t count;       // indices for one line of a
    int64_t index_outer; // 1: each line of a has indices of its own
    int64_t span;        // numbers that move with one index
    int32_t bytes;       // of a number
    int32_t dtype;       // of a
    int32_t index_dtype;
    int32_t index_bytes;
    int64_t ranges, range; // scatter: places of the axis are shared out in so many parts
    cpu_columns_fn *add;   // NULL: half precision, number by number
} gather_state;

static int64_t index_at(const gather_state *s, const void *indices, int64_t i)
{
    if (s->index_dtype == KAON_I64)
        return ((const int64_t *)indices)[i];
    if (s->index_dtype == KAON_I32)
        return ((const int32_t *)indices)[i];
    int64_t index;
    s->work.state.device->set->casts[s->index_dtype][KAON_I64](
        &index, (const char *)indices + i * s->index_bytes, 1);
    // A u64 beyond the signed range is beyond every axis too.
    return s->index_dtype == KAON_U64 && index < 0 ? INT64_MAX : index;
}

static int64_t clamp(int64_t index, int64_t n)
{
    return index < 0 ? 0 : index >= n ? n - 1 : index;
}

static void move(void *to, const void *from, int64_t bytes)
{
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, (size_t)bytes);
}

static void add_numbers(const gather_state *s, void *to, const void *from, int64_t n)
{
    if (s->add) {
        s->add(to, from, 1, n, n);
        return;
    }
    cpu_cast_fn *const *widen = s->work.state.device->set->casts[s->dtype];
    cpu_cast_fn *shorten = s->work.state.device->set->casts[KAON_F32][s->dtype];
    for (int64_t i = 0; i < n; i++) {
        float a, b;
        widen[KAON_F32](&a, (char *)to + i * s->bytes, 1);
        widen[KAON_F32](&b, (const char *)from + i * s->bytes, 1);
        a += b;
        shorten((char *)to + i * s->bytes, &a, 1);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

// An item is one index of one line: `span` numbers.
static void run_gather(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                       char *scratch)
{
    (void)scratch;
    const gather_state *s = (const gather_state *)w;
    const int64_t bytes = s->span * s->bytes;
    const char *table = l->operands[0];
    char *to = (char *)l->operands[2] + first * bytes;
    for (int64_t i = first; i < end; i++, to += bytes) {
        const int64_t line = i / s->count, k = i % s->count;
        const int64_t place = clamp(index_at(s, l->operands[1], k), s->table.n);
        move(to, table + (line * s->table.n + place) * bytes, bytes);
    }
}

// An item is one line of indices: one index before the axis.
static void run_take(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                     char *scratch)
{
    (void)scratch;
    const gather_state *s = (const gather_state *)w;
    const int64_t inner = s->table.inner, lines = s->count * inner;
    for (int64_t line = first; line < end; line++) {
        const char *from = (const char *)l->operands[0] + line * s->table.n * inner * s->bytes;
        char *to = (char *)l->operands[2] + line * lines * s->bytes;
        for (int64_t i = 0; i < lines; i++, to += s->bytes) {
            const int64_t place = clamp(index_at(s, l->operands[1], line * lines + i), s->table.n);
            move(to, from + (place * inner + i % inner) * s->bytes, s->bytes);
        }
    }
}

/* --- adding ----------------------------------------------------------------------------------- */

// An item is one part of the places of one line: what is added there, in order.
static void run_scatter(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                        char *scratch)
{
    (void)scratch;
    const gather_state *s = (const gather_state *)w;
    const int64_t bytes = s->span * s->bytes;
    for (int64_t item = first; item < end; item++) {
        const int64_t line = item / s->ranges, low = item % s->ranges * s->range;
        const int64_t high = low + s->range < s->table.n ? low + s->range : s->table.n;
        char *to = (char *)l->operands[3] + line * s->table.n * bytes;
        const char *from = (const char *)l->operands[0] + line * s->table.n * bytes;
        const char *updates = (const char *)l->operands[2] + line * s->count * bytes;
        if (high > low && to != from)
            memcpy(to + low * bytes, from + low * bytes, (size_t)((high - low) * bytes));
        for (int64_t k = 0; k < s->count; k++) {
            const int64_t place = index_at(s, l->operands[1], k);
            if (place >= low && place < high)
                add_numbers(s, to + place * bytes, updates + k * bytes, s->span);
        }
    }
}

static void run_put(const cpu_work *w, const kaon_launch *l, int64_t first, int64_t end,
                    char *scratch)
{
    (void)scratch;
    const gather_state *s = (const gather_state *)w;
    const int64_t inner = s->table.inner, lines = s->count * inner;
    const int64_t line_bytes = s->table.n * inner * s->bytes;
    for (int64_t line = first; line < end; line++) {
        const char *from = (const char *)l->operands[0] + line * line_bytes;
        const char *updates = (const char *)l->operands[2] + line * lines * s->bytes;
        char *to = (char *)l->operands[3] + line * line_bytes;
        if (line_bytes && to != from)
            memcpy(to, from, (size_t)line_bytes);
        for (int64_t i = 0; i < lines; i++) {
            const int64_t place = index_at(s, l->operands[1], line * lines + i);
            if (place >= 0 && place < s->table.n)
                add_numbers(s, to + (place * inner + i % inner) * s->bytes, updates + i * s->bytes,
                            1);
        }
    }
}

/* --- the steps -------------------------------------------------------------------------------- */

static gather_state *new_state(const cpu_device *d, const kaon_step *step)
{
    gather_state *s = cpu_state_new(d, sizeof *s);
    if (!s)
        return NULL;
    const kaon_operand *a = cpu_operand(step, 0), *indices = cpu_operand(step, 1);
    s->table = cpu_lines_of(a, cpu_attr_axis(step, "axis", a->rank));
    s->span = s->table.inner;
    s->count = cpu_count(indices);
    s->dtype = a->dtype;
    s->bytes = (int32_t)kaon_dtype_bytes(a->dtype);
    s->index_dtype = indices->dtype;
    s->index_bytes = (int32_t)kaon_dtype_bytes(indices->dtype);
    s->add = d->set->columns[a->dtype];
    return s;
}

static kaon_status prepare_gather(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                  kaon_diag *diag)
{
    gather_state *s = new_state(d, step);
    if (!s)
        return cpu_no_memory(diag, step->op);
    s->work.items = s->table.outer * s->count;
    s->work.run = run_gather;
    return cpu_work_ready(d, step, &s->work, s->span, out, diag);
}

static kaon_status prepare_take(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                kaon_diag *diag)
{
    gather_state *s = new_state(d, step);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *indices = cpu_operand(step, 1);
    s->count = indices->shape[cpu_attr_axis(step, "axis", indices->rank)];
    s->work.items = s->table.outer;
    s->work.run = run_take;
    return cpu_work_ready(d, step, &s->work, s->count * s->span, out, diag);
}

static kaon_status prepare_put(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                               kaon_diag *diag)
{
    gather_state *s = new_state(d, step);
    if (!s)
        return cpu_no_memory(diag, step->op);
    const kaon_operand *indices = cpu_operand(step, 1);
    s->count = indices->shape[cpu_attr_axis(step, "axis", indices->rank)];
    s->work.items = s->table.outer;
    s->work.run = run_put;
    return cpu_work_ready(d, step, &s->work, (s->count + s->table.n) * s->span, out, diag);
}

static kaon_status prepare_scatter(const cpu_device *d, const kaon_step *step, kaon_kernel *out,
                                   kaon_diag *diag)
{
    enum { PARTS = 16, WORTH_PARTS = 64 * 1024 };
    gather_state *s = new_state(d, step);
    if (!s)
        return cpu_no_memory(diag, step->op);
    // Every part reads all indices: that pays where what is added outweighs them.
    s->ranges = s->span >= PARTS && s->count * s->span > WORTH_PARTS ? PARTS : 1;
    s->range = (s->table.n + s->ranges - 1) / s->ranges;
    s->work.items = s->table.outer * s->ranges;
    s->work.run = run_scatter;
    const int64_t numbers = (s->count + s->table.n) * s->span / s->ranges;
    return cpu_work_ready(d, step, &s->work, numbers, out, diag);
}

static int32_t supports(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_all_contiguous(step);
}

static int32_t supports_add(const cpu_device *d, const kaon_step *step)
{
    (void)d;
    return cpu_all_contiguous(step) && cpu_operand(step, 0)->dtype != KAON_BOOL;
}

const cpu_op cpu_gather_ops[] = {
    {"gather", supports, prepare_gather},
    {"scatter_add", supports_add, prepare_scatter},
    {"take_along", supports, prepare_take},
    {"put_along_add", supports_add, prepare_put},
    {0},
};
