/* arrays.c: operations that move numbers about or work along one axis. */
#include "null.h"

#include <math.h>
#include <string.h>

static null_number add(int32_t dtype, null_number a, null_number b)
{
    (void)dtype;
    return (null_number){a.real + b.real, (int64_t)((uint64_t)a.whole + (uint64_t)b.whole)};
}

static null_number load_at(const null_tensor *t, const int64_t *index)
{
    return null_load(t->dtype, null_at(t, index));
}

static void store_at(const null_tensor *t, const int64_t *index, null_number n)
{
    null_store(t->dtype, null_at(t, index), n);
}

static int64_t index_at(const null_tensor *t, const int64_t *index)
{
    return load_at(t, index).whole;
}

static int64_t clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/* --- along one axis --------------------------------------------------------------------------- */

// Calls `work` once for each line of the first input along attribute `axis`, `index` at its begin.
static void each_line(null_task *t, void (*work)(null_task *t, int32_t axis, int64_t *index))
{
    const null_tensor *a = null_in(t, 0);
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t lines[KAON_MAX_RANK], index[KAON_MAX_RANK] = {0};
    memcpy(lines, a->shape, sizeof lines);
    lines[axis] = 1;
    if (null_count(a) == 0)
        return;
    do
        work(t, axis, index);
    while (null_next(a->rank, lines, index));
}

static int64_t extreme(const null_task *t, int32_t axis, int64_t *index, int32_t sign)
{
    const null_tensor *a = null_in(t, 0);
    int64_t best = 0;
    index[axis] = 0;
    null_number at_best = load_at(a, index);
    for (int64_t i = 1; i < a->shape[axis]; i++) {
        index[axis] = i;
        const null_number n = load_at(a, index);
        const int32_t is_nan = null_is_float(a->dtype) && isnan(n.real);
        const int32_t has_nan = null_is_float(a->dtype) && isnan(at_best.real);
        if (!has_nan && (is_nan || sign * null_compare(a->dtype, n, at_best) > 0)) {
            best = i;
            at_best = n;
        }
    }
    index[axis] = 0;
    return best;
}

static void store_extreme(null_task *t, int32_t axis, int64_t *index, int32_t sign)
{
    int64_t place[KAON_MAX_RANK] = {0};
    for (int32_t i = 0, to = 0; i < null_in(t, 0)->rank; i++)
        if (i != axis)
            place[to++] = index[i];
    store_at(null_out(t, 0), place, (null_number){0, extreme(t, axis, index, sign)});
}

static void argmax_line(null_task *t, int32_t axis, int64_t *index)
{
    store_extreme(t, axis, index, 1);
}

static void argmin_line(null_task *t, int32_t axis, int64_t *index)
{
    store_extreme(t, axis, index, -1);
}

static void run_argmax(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, argmax_line);
}

static void run_argmin(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, argmin_line);
}

enum { BY_SUM, BY_PRODUCT, BY_MAXIMUM };

static null_number accumulate(int32_t how, int32_t dtype, null_number a, null_number b)
{
    if (how == BY_SUM)
        return add(dtype, a, b);
    if (how == BY_PRODUCT)
        return (null_number){a.real * b.real, (int64_t)((uint64_t)a.whole * (uint64_t)b.whole)};
    if (null_is_float(dtype) && isnan(a.real))
        return a;
    return null_compare(dtype, a, b) >= 0 ? a : b;
}

static null_number lowest(int32_t dtype)
{
    static const double numbers[] = {[KAON_I8] = -0x1p7,
                                     [KAON_I16] = -0x1p15,
                                     [KAON_I32] = -0x1p31,
                                     [KAON_I64] = -0x1p63,
                                     [KAON_BOOL] = 0};
    return null_of(dtype, null_is_float(dtype) ? -(double)INFINITY : numbers[dtype]);
}

static void accumulate_line(null_task *t, int32_t axis, int64_t *index, int32_t how)
{
    const null_tensor *a = null_in(t, 0), *out = null_out(t, 0);
    const int64_t reverse = null_attr_int(t, "reverse"), exclusive = null_attr_int(t, "exclusive");
    null_number so_far =
        how == BY_MAXIMUM ? lowest(a->dtype) : null_of(a->dtype, how == BY_PRODUCT);
    for (int64_t i = 0; i < a->shape[axis]; i++) {
        index[axis] = reverse ? a->shape[axis] - 1 - i : i;
        const null_number n = load_at(a, index);
        if (exclusive)
            store_at(out, index, so_far);
        so_far = accumulate(how, a->dtype, so_far, n);
        if (!exclusive)
            store_at(out, index, so_far);
    }
    index[axis] = 0;
}

static void sum_line(null_task *t, int32_t axis, int64_t *index)
{
    accumulate_line(t, axis, index, BY_SUM);
}

static void product_line(null_task *t, int32_t axis, int64_t *index)
{
    accumulate_line(t, axis, index, BY_PRODUCT);
}

static void maximum_line(null_task *t, int32_t axis, int64_t *index)
{
    accumulate_line(t, axis, index, BY_MAXIMUM);
}

static void run_cumsum(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, sum_line);
}

static void run_cumprod(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, product_line);
}

static void run_cummax(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, maximum_line);
}

// Whether the number at `x` belongs before that at `y`; NaN belongs last either way.
static int32_t belongs_before(const null_task *t, int32_t axis, int64_t *index, int64_t x,
                              int64_t y)
{
    const null_tensor *a = null_in(t, 0);
    index[axis] = x;
    const null_number m = load_at(a, index);
    index[axis] = y;
    const null_number n = load_at(a, index);
    index[axis] = 0;
    if (null_is_float(a->dtype) && (isnan(m.real) || isnan(n.real)))
        return !isnan(m.real) && isnan(n.real);
    const int order = null_compare(a->dtype, m, n);
    return null_attr_int(t, "descending") ? order > 0 : order < 0;
}

// Where the sorted numbers of a line stand, into the task's room: insertion, which is stable.
static int64_t *sorted_line(null_task *t, int32_t axis, int64_t *index)
{
    int64_t *order = t->room;
    for (int64_t i = 0; i < null_in(t, 0)->shape[axis]; i++) {
        int64_t to = i;
        for (; to > 0 && belongs_before(t, axis, index, i, order[to - 1]); to--)
            order[to] = order[to - 1];
        order[to] = i;
    }
    return order;
}

static void argsort_line(null_task *t, int32_t axis, int64_t *index)
{
    const int64_t *order = sorted_line(t, axis, index);
    for (int64_t i = 0; i < null_in(t, 0)->shape[axis]; i++) {
        index[axis] = i;
        store_at(null_out(t, 0), index, (null_number){0, order[i]});
    }
    index[axis] = 0;
}

static void sort_line(null_task *t, int32_t axis, int64_t *index)
{
    const int64_t *order = sorted_line(t, axis, index);
    for (int64_t i = 0; i < null_in(t, 0)->shape[axis]; i++) {
        index[axis] = order[i];
        const null_number n = load_at(null_in(t, 0), index);
        index[axis] = i;
        store_at(null_out(t, 0), index, n);
    }
    index[axis] = 0;
}

static void run_argsort(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, argsort_line);
}

static void run_sort(null_task *t, const kaon_launch *l)
{
    (void)l;
    each_line(t, sort_line);
}

/* --- moving ----------------------------------------------------------------------------------- */

// Copies the input to places `shift` further along an axis of the output.
static void place(const null_tensor *from, const null_tensor *to, int32_t axis, int64_t shift)
{
    int64_t index[KAON_MAX_RANK] = {0}, place[KAON_MAX_RANK];
    if (null_count(from) == 0)
        return;
    do {
        memcpy(place, index, sizeof place);
        place[axis] += shift;
        store_at(to, place, load_at(from, index));
    } while (null_next(from->rank, from->shape, index));
}

static void copy_all(const null_tensor *from, const null_tensor *to)
{
    int64_t index[KAON_MAX_RANK] = {0};
    if (null_count(from) == 0)
        return;
    do
        store_at(to, index, load_at(from, index));
    while (null_next(from->rank, from->shape, index));
}

static void run_pad(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *out = null_out(t, 0);
    int64_t index[KAON_MAX_RANK] = {0};
    if (null_count(out) == 0)
        return;
    do
        store_at(out, index, load_at(null_in(t, 1), index));
    while (null_next(out->rank, out->shape, index));
    place(null_in(t, 0), out, (int32_t)null_attr_int(t, "axis"), null_attr_int(t, "low"));
}

static void run_concat(null_task *t, const kaon_launch *l)
{
    (void)l;
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t shift = 0;
    for (int32_t i = 0; i < t->input_count; i++) {
        place(null_in(t, i), null_out(t, 0), axis, shift);
        shift += null_in(t, i)->shape[axis];
    }
}

/* --- by index --------------------------------------------------------------------------------- */

// Where indices replace an axis: the parts of an index of (before, indices, after).
static void split(const null_task *t, const int64_t *index, int64_t *chosen, int64_t *place)
{
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    const int32_t own = null_in(t, 1)->rank, rank = null_in(t, 0)->rank;
    for (int32_t i = 0; i < own; i++)
        chosen[i] = index[axis + i];
    for (int32_t i = 0; i < rank; i++)
        place[i] = i < axis ? index[i] : i == axis ? 0 : index[i + own - 1];
}

static void run_gather(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *a = null_in(t, 0), *out = null_out(t, 0);
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t index[KAON_MAX_RANK] = {0}, chosen[KAON_MAX_RANK] = {0}, from[KAON_MAX_RANK];
    if (null_count(out) == 0 || null_count(a) == 0)
        return;
    do {
        split(t, index, chosen, from);
        from[axis] = clamp(index_at(null_in(t, 1), chosen), a->shape[axis]);
        store_at(out, index, load_at(a, from));
    } while (null_next(out->rank, out->shape, index));
}

static void run_scatter_add(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *updates = null_in(t, 2), *out = null_out(t, 0);
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t index[KAON_MAX_RANK] = {0}, chosen[KAON_MAX_RANK] = {0}, to[KAON_MAX_RANK];
    copy_all(null_in(t, 0), out);
    if (null_count(updates) == 0)
        return;
    do {
        split(t, index, chosen, to);
        to[axis] = index_at(null_in(t, 1), chosen);
        if (to[axis] < 0 || to[axis] >= out->shape[axis])
            continue;
        store_at(out, to, add(out->dtype, load_at(out, to), load_at(updates, index)));
    } while (null_next(updates->rank, updates->shape, index));
}

static void run_take_along(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *a = null_in(t, 0), *out = null_out(t, 0);
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t index[KAON_MAX_RANK] = {0}, from[KAON_MAX_RANK];
    if (null_count(out) == 0 || null_count(a) == 0)
        return;
    do {
        memcpy(from, index, sizeof from);
        from[axis] = clamp(index_at(null_in(t, 1), index), a->shape[axis]);
        store_at(out, index, load_at(a, from));
    } while (null_next(out->rank, out->shape, index));
}

static void run_put_along_add(null_task *t, const kaon_launch *l)
{
    (void)l;
    const null_tensor *updates = null_in(t, 2), *out = null_out(t, 0);
    const int32_t axis = (int32_t)null_attr_int(t, "axis");
    int64_t index[KAON_MAX_RANK] = {0}, to[KAON_MAX_RANK];
    copy_all(null_in(t, 0), out);
    if (null_count(updates) == 0)
        return;
    do {
        memcpy(to, index, sizeof to);
        to[axis] = index_at(null_in(t, 1), index);
        if (to[axis] < 0 || to[axis] >= out->shape[axis])
            continue;
        store_at(out, to, add(out->dtype, load_at(out, to), load_at(updates, index)));
    } while (null_next(updates->rank, updates->shape, index));
}

const null_op null_arrays[] = {
    {"argmax", run_argmax, 0},
    {"argmin", run_argmin, 0},
    {"cumsum", run_cumsum, 0},
    {"cumprod", run_cumprod, 0},
    {"cummax", run_cummax, 0},
    {"sort", run_sort, 1},
    {"argsort", run_argsort, 1},
    {"pad", run_pad, 0},
    {"concat", run_concat, 0},
    {"gather", run_gather, 0},
    {"scatter_add", run_scatter_add, 0},
    {"take_along", run_take_along, 0},
    {"put_along_add", run_put_along_add, 0},
    {NULL, NULL, 0},
};
