/* statistics.c: how the columns of a table are distributed and hang together. */
#include "data/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

enum { SAMPLE = 1000000, FAR = 8 };

const double kn_quantile_levels[KN_QUANTILES] = {0.05, 0.25, 0.5, 0.75, 0.95};

// Numbers of a table that are of one kind: every `stride`-th from `first` on, `per_row` of a row.
typedef struct series {
    const char *data;
    int32_t dtype;
    int64_t first;
    int64_t stride;
    int64_t count;
    int64_t per_row;
    int64_t entry; // padded rows: numbers of an entry; all 0: there is none. 0: not padded
    const kaon_view *weight; // NULL: ones
} series;

// One value and its weight.
typedef struct point {
    double value;
    double weight;
} point;

static double number_at(int32_t dtype, const char *data, int64_t index)
{
    double value;
    if (dtype == KAON_F32)
        return (double)((const float *)(const void *)data)[index];
    kn_convert(dtype, data + (size_t)index * kaon_dtype_bytes(dtype), KAON_F64, &value, 1);
    return value;
}

// 0 where a padded row has no entry.
static int32_t is_there(const series *s, int64_t i)
{
    const int64_t at = i * s->stride;
    int32_t some = s->entry == 0;
    for (int64_t k = 0; k < s->entry && !some; k++)
        some = number_at(s->dtype, s->data, at + k) != 0;
    return some;
}

static point point_at(const series *s, int64_t i)
{
    return (point){number_at(s->dtype, s->data, s->first + i * s->stride),
                   s->weight ? number_at(s->weight->dtype, s->weight->data, i / s->per_row) : 1};
}

/* --- moments ---------------------------------------------------------------------------------- */

static void measure(const series *s, kn_distribution *d)
{
    double sum = 0, squares = 0;
    d->min = INFINITY;
    d->max = -INFINITY;
    for (int64_t i = 0; i < s->count; i++) {
        const point p = point_at(s, i);
        if (!is_there(s, i))
            continue;
        d->missing += isnan(p.value);
        if (isnan(p.value))
            continue;
        d->values++;
        d->weight += p.weight;
        sum += p.weight * p.value;
        d->min = p.value < d->min ? p.value : d->min;
        d->max = p.value > d->max ? p.value : d->max;
    }
    d->mean = sum / d->weight;
    for (int64_t i = 0; i < s->count; i++) {
        const point p = point_at(s, i);
        if (!isnan(p.value) && is_there(s, i))
            squares += p.weight * (p.value - d->mean) * (p.value - d->mean);
    }
    d->std = sqrt(squares / d->weight);
}

/* --- quantiles and histogram ------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const point *p = a, *q = b;
    return (p->value > q->value) - (p->value < q->value);
}

// The first value below which, itself included, so much of the weight lies.
static double quantile(const point *points, int64_t count, double total, double level)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += points[i].weight;
        if (sum >= level * total)
            return points[i].value;
    }
    return count ? points[count - 1].value : NAN;
}

static int64_t sample(const series *s, point *points)
{
    const int64_t step = (s->count + SAMPLE - 1) / SAMPLE;
    int64_t count = 0;
    for (int64_t i = 0; i < s->count; i += step) {
        const point p = point_at(s, i);
        if (isfinite(p.value) && is_there(s, i))
            points[count++] = p;
    }
    qsort(points, (size_t)count, sizeof *points, by_value);
    return count;
}

// A few values far off would leave the others in one bin.
static void choose_range(const point *points, int64_t count, double total, kn_distribution *d)
{
    const double low = quantile(points, count, total, 0.01);
    const double high = quantile(points, count, total, 0.99);
    d->from = points[0].value;
    d->to = points[count - 1].value;
    if (high > low && d->to - d->from > FAR * (high - low)) {
        d->from = low;
        d->to = high;
    }
}

static void fill_bins(const series *s, kn_distribution *d)
{
    const double scale = d->to > d->from ? KN_BINS / (d->to - d->from) : 0;
    for (int64_t i = 0; i < s->count; i++) {
        const point p = point_at(s, i);
        if (!(p.value >= d->from && p.value <= d->to) || !is_there(s, i))
            continue;
        const int64_t bin = (int64_t)((p.value - d->from) * scale);
        d->bins[bin < KN_BINS ? bin : KN_BINS - 1] += p.weight;
    }
}

static void distribute(const series *s, point *points, kn_distribution *d)
{
    double total = 0;
    measure(s, d);
    const int64_t count = sample(s, points);
    for (int64_t i = 0; i < count; i++)
        total += points[i].weight;
    for (int32_t k = 0; k < KN_QUANTILES; k++)
        d->quantiles[k] = quantile(points, count, total, kn_quantile_levels[k]);
    if (!count)
        return;
    choose_range(points, count, total, d);
    fill_bins(s, d);
}

/* --- columns ---------------------------------------------------------------------------------- */

// How a column falls apart: stacked numbers each for itself, an image as a whole.
typedef struct parts {
    int64_t count;
    int64_t per_row; // values of each in a row
    int64_t width;   // numbers of a row
} parts;

static parts parts_of(const kaon_column *c)
{
    parts p = {.count = 1, .width = 1};
    for (int32_t i = 1; i < c->view.rank; i++)
        p.width *= c->view.shape[i];
    const int32_t stacked = c->view.rank == 2 || (c->view.rank == 3 && c->label_count > 0);
    p.count = stacked && !c->offsets ? c->view.shape[c->view.rank - 1] : 1;
    p.per_row = p.count ? p.width / p.count : 1;
    return p;
}

static int32_t is_measured(const kaon_column *c)
{
    return !(c->view.dtype == KAON_I64 && c->label_count);
}

static const char *name_part(kn_arena *arena, const kaon_column *c, const parts *p, int64_t k)
{
    char text[300];
    if (c->label_count == p->count && p->count > 0 && c->role == KAON_ROLE_FEATURES)
        return kn_arena_text(arena, c->labels[k]);
    if (p->count == 1)
        return kn_arena_text(arena, c->name);
    snprintf(text, sizeof text, "%.250s[%lld]", c->name, (long long)k);
    return kn_arena_text(arena, text);
}

// A jagged column's values are counted as they are: which event they belong to does not matter.
static series series_of(const kaon_column *c, const parts *p, int64_t k, const kaon_view *weight)
{
    series s = {.data = c->view.data,
                .dtype = c->view.dtype,
                .first = k,
                .stride = p->count,
                .count = c->view.shape[0] * p->per_row,
                .per_row = p->per_row,
                .entry = c->view.rank == 3 && p->count > 0 && c->label_count ? p->count : 0};
    if (!c->offsets && c->role != KAON_ROLE_WEIGHT)
        s.weight = weight;
    return s;
}

static kaon_status add_column(kn_statistics *s, const kaon_column *c, const kaon_view *weight,
                              point *points, kaon_diag *diag)
{
    const parts p = parts_of(c);
    for (int64_t k = 0; k < p.count; k++) {
        kn_distribution *d = &s->columns[s->count++];
        const series values = series_of(c, &p, k, weight);
        d->role = c->role;
        d->name = name_part(&s->arena, c, &p, k);
        if (!d->name)
            return kn_no_memory(diag, "statistics");
        distribute(&values, points, d);
    }
    if (c->role == KAON_ROLE_FEATURES)
        s->feature_count = p.count;
    return KAON_OK;
}

// Features first, then target and weight, then what was kept.
static kaon_status add_columns(kn_statistics *s, const kaon_table *table, const kaon_view *weight,
                               point *points, kaon_diag *diag)
{
    static const int32_t order[] = {KAON_ROLE_FEATURES, KAON_ROLE_TARGET, KAON_ROLE_WEIGHT,
                                    KAON_ROLE_NONE};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        for (int32_t i = 0; i < kn_table_column_count(table); i++) {
            kaon_column c = {.size = sizeof c};
            KAON_TRY(kn_table_column_at(table, i, &c, diag));
            if (c.role == order[k] && is_measured(&c))
                KAON_TRY(add_column(s, &c, weight, points, diag));
        }
    }
    return KAON_OK;
}

static int64_t count_columns(const kaon_table *table)
{
    int64_t count = 0;
    for (int32_t i = 0; i < kn_table_column_count(table); i++) {
        kaon_column c = {.size = sizeof c};
        kn_table_column_at(table, i, &c, NULL);
        count += is_measured(&c) ? parts_of(&c).count : 0;
    }
    return count;
}

/* --- classes ---------------------------------------------------------------------------------- */

static kaon_status count_classes(kn_statistics *s, const kaon_table *table, const kaon_view *weight,
                                 kaon_diag *diag)
{
    kaon_column c = {.size = sizeof c};
    if (kn_table_column_of(table, KAON_ROLE_TARGET, &c) || is_measured(&c))
        return KAON_OK;
    const size_t count = (size_t)c.label_count + 1;
    s->class_names = kn_arena_array(&s->arena, count, sizeof *s->class_names);
    s->class_rows = kn_arena_array(&s->arena, count, sizeof *s->class_rows);
    s->class_weights = kn_arena_array(&s->arena, count, sizeof *s->class_weights);
    if (!s->class_names || !s->class_rows || !s->class_weights)
        return kn_no_memory(diag, "statistics");
    for (int64_t i = 0; i < c.label_count; i++)
        if (!(s->class_names[i] = kn_arena_text(&s->arena, c.labels[i])))
            return kn_no_memory(diag, "statistics");
    s->class_count = c.label_count;
    for (int64_t i = 0; i < s->rows; i++) {
        const int64_t number = ((const int64_t *)c.view.data)[i];
        if (number < 0 || number >= s->class_count)
            continue;
        s->class_rows[number]++;
        s->class_weights[number] += weight ? number_at(weight->dtype, weight->data, i) : 1;
    }
    return KAON_OK;
}

/* --- correlations ----------------------------------------------------------------------------- */

// A row without gaps, measured from the means in units of the deviations; 0 if it has gaps.
static int32_t read_row(const kn_statistics *s, const kaon_column *x, int64_t row, double *out)
{
    const int64_t n = s->feature_count;
    for (int64_t k = 0; k < n; k++) {
        const kn_distribution *d = &s->columns[k];
        const double value = number_at(x->view.dtype, x->view.data, row * n + k) - d->mean;
        out[k] = d->std > 0 ? value / d->std : 0;
        if (!isfinite(out[k]))
            return 0;
    }
    return 1;
}

// Of the rows without gaps; theirs are other means than those of each feature alone.
typedef struct products {
    double weight;
    double *sums;    // (n)
    double *squares; // (n, n), the lower half
} products;

static void add_products(products *p, const double *row, int64_t n, double weight)
{
    p->weight += weight;
    for (int64_t a = 0; a < n; a++) {
        const double left = weight * row[a];
        p->sums[a] += left;
        for (int64_t b = 0; b <= a; b++)
            p->squares[a * n + b] += left * row[b];
    }
}

// Into coefficients, both halves; NaN where a feature is constant.
static void normalize(products *p, int64_t n)
{
    double *c = p->squares;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b <= a; b++)
            c[a * n + b] -= p->sums[a] * p->sums[b] / p->weight;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < a; b++)
            c[b * n + a] = c[a * n + b] /= sqrt(c[a * n + a] * c[b * n + b]);
    for (int64_t a = 0; a < n; a++)
        c[a * n + a] = c[a * n + a] > 0 ? 1 : NAN;
}

static kaon_status correlate(kn_statistics *s, const kaon_table *table, const kaon_view *weight,
                             kaon_diag *diag)
{
    kaon_column x = {.size = sizeof x};
    const int64_t n = s->feature_count;
    if (kn_table_column_of(table, KAON_ROLE_FEATURES, &x) || x.view.rank != 2 || n < 2 ||
        n > KN_CORRELATED || s->rows < 2)
        return KAON_OK;
    double *row = kn_arena_array(&s->arena, (size_t)n, sizeof *row);
    products p = {0, kn_arena_array(&s->arena, (size_t)n, sizeof *p.sums),
                  kn_arena_array(&s->arena, (size_t)(n * n), sizeof *p.squares)};
    if (!row || !p.sums || !p.squares)
        return kn_no_memory(diag, "statistics");
    const int64_t most = n > 32 ? SAMPLE / 10 : SAMPLE, step = (s->rows + most - 1) / most;
    for (int64_t i = 0; i < s->rows; i += step)
        if (read_row(s, &x, i, row))
            add_products(&p, row, n, weight ? number_at(weight->dtype, weight->data, i) : 1);
    normalize(&p, n);
    s->correlation = p.squares;
    return KAON_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

kaon_status kn_statistics_init(kn_statistics *s, const kaon_table *table, kaon_diag *diag)
{
    kaon_column w = {.size = sizeof w};
    *s = (kn_statistics){.rows = kn_table_rows(table)};
    s->weighted = kn_table_column_of(table, KAON_ROLE_WEIGHT, &w) == KAON_OK;
    const kaon_view *weight = s->weighted ? &w.view : NULL;
    s->columns = kn_arena_array(&s->arena, (size_t)count_columns(table) + 1, sizeof *s->columns);
    point *points = kn_alloc_array(SAMPLE, sizeof *points);
    kaon_status status = s->columns && points ? KAON_OK : kn_no_memory(diag, "statistics");
    if (!status)
        status = add_columns(s, table, weight, points, diag);
    kn_free(points);
    if (!status)
        status = count_classes(s, table, weight, diag);
    return status ? status : correlate(s, table, weight, diag);
}

void kn_statistics_fini(kn_statistics *s)
{
    kn_arena_free(&s->arena);
    *s = (kn_statistics){0};
}
