/* measured.c: where metrics put what they measured. */
#include "experiment/measured.h"

#include <math.h>
#include <string.h>

#include "kernel/memory.h"
#include "kernel/text.h"

enum { CURVE_STEPS = 1000 }; // of each axis that an eye can tell apart

/* --- a result --------------------------------------------------------------------------------- */

void kn_measured_free(kn_measured *m)
{
    if (!m)
        return;
    for (int64_t i = 0; m->class_names && i < m->class_count; i++)
        kn_free(m->class_names[i]);
    for (int64_t i = 0; i < m->number_count; i++)
        kn_free(m->numbers[i].name);
    for (int64_t i = 0; i < m->by_class_count; i++) {
        kn_free(m->by_class[i].name);
        kn_free(m->by_class[i].values);
    }
    for (int64_t i = 0; i < m->matrix_count; i++) {
        kn_free(m->matrices[i].name);
        kn_free(m->matrices[i].values);
    }
    for (int64_t i = 0; i < m->curve_count; i++) {
        kn_curve *c = &m->curves[i];
        void *const blocks[] = {c->name, c->x_label,   c->y_label, c->x,
                                c->y,    c->threshold, c->sigma,   c->replicas};
        for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++)
            kn_free(blocks[k]);
    }
    void *const lists[] = {m->class_names, m->numbers, m->by_class,
                           m->matrices,    m->curves,  m->replicas};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        kn_free(lists[i]);
    kn_free(m);
}

kaon_status kn_measured_begin(kn_measured *m, const kaon_scores *scores, kaon_diag *diag)
{
    m->task = scores->task;
    m->class_names = kn_alloc_array((size_t)scores->classes + 1, sizeof *m->class_names);
    m->class_count = m->class_names ? scores->classes : 0;
    int32_t failed = !m->class_names;
    for (int64_t k = 0; k < m->class_count; k++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)k);
        const char *given = scores->class_names ? scores->class_names[k] : NULL;
        m->class_names[k] = kn_copy_text(given ? given : number);
        failed |= !m->class_names[k];
    }
    return failed ? kn_no_memory(diag, "metrics") : KAON_OK;
}

/* --- collecting ------------------------------------------------------------------------------- */

// One more entry, cleared, at the end of a list of `count`; NULL: no memory.
static void *add_entry(kn_collector *c, void *list, int64_t *count, size_t bytes)
{
    char *grown = kn_resize_array(*(void **)list, (size_t)*count + 1, bytes);
    if (!grown) {
        c->failed = 1;
        return NULL;
    }
    *(void **)list = grown;
    memset(grown + (size_t)*count * bytes, 0, bytes);
    return grown + (size_t)(*count)++ * bytes;
}

static double *copy_numbers(kn_collector *c, const double *values, int64_t count)
{
    double *copy = kn_alloc_array((size_t)count + 1, sizeof *copy);
    c->failed |= !copy;
    if (copy && count)
        memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

static char *copy_name(kn_collector *c, const char *name)
{
    char *copy = kn_copy_text(name ? name : "");
    c->failed |= !copy;
    return copy;
}

static void put_number(kn_collector *c, const char *name, double value, int32_t is_count)
{
    kn_number *number =
        add_entry(c, &c->into->numbers, &c->into->number_count, sizeof *c->into->numbers);
    if (number)
        *number = (kn_number){copy_name(c, name), value, NAN, c->direction, is_count};
}

static void on_number(kaon_measures *m, const char *name, double value)
{
    put_number((kn_collector *)m, name, value, 0);
}

static void on_count(kaon_measures *m, const char *name, int64_t value)
{
    put_number((kn_collector *)m, name, (double)value, 1);
}

static void on_by_class(kaon_measures *m, const char *name, const double *values)
{
    kn_collector *c = (kn_collector *)m;
    kn_by_class *entry = add_entry(c, &c->into->by_class, &c->into->by_class_count, sizeof *entry);
    if (entry)
        *entry = (kn_by_class){copy_name(c, name), copy_numbers(c, values, c->into->class_count)};
}

static void on_matrix(kaon_measures *m, const char *name, int64_t rows, int64_t columns,
                      const double *values)
{
    kn_collector *c = (kn_collector *)m;
    kn_matrix *entry = add_entry(c, &c->into->matrices, &c->into->matrix_count, sizeof *entry);
    if (entry)
        *entry =
            (kn_matrix){copy_name(c, name), rows, columns, copy_numbers(c, values, rows * columns)};
}

/* --- curves ----------------------------------------------------------------------------------- */

// The span of finite values over the steps an eye can tell apart.
static double least_step(const double *values, int64_t count)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    return high > low ? (high - low) / CURVE_STEPS : 0;
}

static void keep_point(kn_curve *to, const kaon_curve *from, int64_t i)
{
    to->x[to->count] = from->x[i];
    to->y[to->count] = from->y[i];
    if (to->threshold)
        to->threshold[to->count] = from->threshold[i];
    to->count++;
}

static void thin_out(kn_curve *to, const kaon_curve *from)
{
    const double dx = least_step(from->x, from->count), dy = least_step(from->y, from->count);
    for (int64_t i = 0; i < from->count; i++) {
        const int64_t last = to->count - 1;
        if (!i || i == from->count - 1 || fabs(from->x[i] - to->x[last]) >= dx ||
            !(fabs(from->y[i] - to->y[last]) < dy))
            keep_point(to, from, i);
    }
}

static void on_curve(kaon_measures *m, const kaon_curve *from)
{
    kn_collector *c = (kn_collector *)m;
    if (!c->curves)
        return;
    kn_curve *to = add_entry(c, &c->into->curves, &c->into->curve_count, sizeof *to);
    if (!to)
        return;
    *to = (kn_curve){.name = copy_name(c, from->name),
                     .x_label = copy_name(c, from->x_label),
                     .y_label = copy_name(c, from->y_label),
                     .of_class = from->of_class,
                     .x = copy_numbers(c, from->x, from->count),
                     .y = copy_numbers(c, from->y, from->count),
                     .threshold =
                         from->threshold ? copy_numbers(c, from->threshold, from->count) : NULL};
    if (!c->failed)
        thin_out(to, from);
}

static const kaon_measures_api collector_api = {
    .size = sizeof collector_api,
    .number = on_number,
    .by_class = on_by_class,
    .matrix = on_matrix,
    .curve = on_curve,
    .count = on_count,
};

void kn_collector_begin(kn_collector *c, kn_measured *into, int32_t direction, int32_t curves)
{
    *c = (kn_collector){.into = into, .direction = direction, .curves = curves};
    c->measures.api = &collector_api;
}

/* --- replicas --------------------------------------------------------------------------------- */

kaon_status kn_measured_make_room(kn_measured *m, int64_t replicas, kaon_diag *diag)
{
    m->replicas = kn_alloc_array((size_t)(replicas * m->number_count) + 1, sizeof *m->replicas);
    int32_t failed = !m->replicas;
    m->replica_count = failed ? 0 : replicas;
    for (int64_t i = 0; !failed && i < replicas * m->number_count; i++)
        m->replicas[i] = NAN;
    for (int64_t i = 0; i < m->curve_count && !failed; i++) {
        kn_curve *c = &m->curves[i];
        c->replicas = kn_alloc_array((size_t)(replicas * c->count) + 1, sizeof *c->replicas);
        c->sigma = kn_alloc_array((size_t)c->count + 1, sizeof *c->sigma);
        failed = !c->replicas || !c->sigma;
        for (int64_t k = 0; !failed && k < replicas * c->count; k++)
            c->replicas[k] = NAN;
    }
    return failed ? kn_no_memory(diag, "the bootstrap of the metrics") : KAON_OK;
}

static void on_replica_number(kaon_measures *m, const char *name, double value)
{
    kn_replica *r = (kn_replica *)m;
    const kn_measured *of = r->into;
    for (int64_t tried = 0; tried < of->number_count; tried++) {
        const int64_t i = (r->next + tried) % of->number_count;
        if (strcmp(of->numbers[i].name, name))
            continue;
        of->replicas[r->at * of->number_count + i] = value;
        r->next = i + 1;
        return;
    }
}

// y at `x`, along the curve: straight between its points, NaN beyond its ends.
static double curve_at(const kaon_curve *c, double x)
{
    const double sign = c->x[c->count - 1] < c->x[0] ? -1 : 1;
    int64_t low = 0, high = c->count; // x[low - 1] <= x < x[high]
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (sign * c->x[middle] <= sign * x)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || (low == c->count && c->x[low - 1] != x))
        return NAN;
    if (c->x[low - 1] == x)
        return c->y[low - 1];
    const double share = (x - c->x[low - 1]) / (c->x[low] - c->x[low - 1]);
    return c->y[low - 1] + share * (c->y[low] - c->y[low - 1]);
}

static void on_replica_curve(kaon_measures *m, const kaon_curve *curve)
{
    kn_replica *r = (kn_replica *)m;
    for (int64_t i = 0; i < r->into->curve_count; i++) {
        kn_curve *c = &r->into->curves[i];
        if (c->of_class != curve->of_class || strcmp(c->name, curve->name))
            continue;
        for (int64_t k = 0; k < c->count && curve->count; k++)
            c->replicas[r->at * c->count + k] = curve_at(curve, c->x[k]);
        return;
    }
}

static void on_replica_by_class(kaon_measures *m, const char *name, const double *values)
{
    (void)m;
    (void)name;
    (void)values;
}

static void on_replica_matrix(kaon_measures *m, const char *name, int64_t rows, int64_t columns,
                              const double *values)
{
    (void)rows;
    (void)columns;
    on_replica_by_class(m, name, values);
}

static void on_replica_count(kaon_measures *m, const char *name, int64_t value)
{
    (void)m;
    (void)name;
    (void)value; // a count has no uncertainty
}

static const kaon_measures_api replica_api = {
    .size = sizeof replica_api,
    .number = on_replica_number,
    .by_class = on_replica_by_class,
    .matrix = on_replica_matrix,
    .curve = on_replica_curve,
    .count = on_replica_count,
};

void kn_replica_begin(kn_replica *r, kn_measured *into, int64_t at)
{
    *r = (kn_replica){.into = into, .at = at};
    r->measures.api = &replica_api;
    r->measures.numbers_only = !into->curve_count;
}

// Standard deviation of values[0], values[stride], ... that are finite; NaN of fewer than two.
static double spread(const double *values, int64_t count, int64_t stride)
{
    double sum = 0, squares = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i * stride])) {
            sum += values[i * stride];
            n++;
        }
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i * stride])) {
            const double d = values[i * stride] - sum / (double)n;
            squares += d * d;
        }
    return n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
}

void kn_measured_find_sigmas(kn_measured *m)
{
    for (int64_t i = 0; i < m->number_count; i++)
        if (!m->numbers[i].is_count)
            m->numbers[i].sigma = spread(m->replicas + i, m->replica_count, m->number_count);
    for (int64_t i = 0; i < m->curve_count; i++) {
        kn_curve *c = &m->curves[i];
        for (int64_t k = 0; k < c->count; k++)
            c->sigma[k] = spread(c->replicas + k, m->replica_count, c->count);
        kn_free(c->replicas);
        c->replicas = NULL;
    }
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *number_list(const double *values, int64_t count, int64_t stride)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, number(values[i * stride]));
    return list;
}

static void put_numbers(const kn_measured *m, json_t *out)
{
    json_t *uncertainty = json_object();
    for (int64_t i = 0; i < m->number_count; i++) {
        const kn_number *n = &m->numbers[i];
        json_object_set_new(out, n->name,
                            n->is_count ? json_integer((json_int_t)n->value) : number(n->value));
        if (isfinite(n->sigma))
            json_object_set_new(uncertainty, n->name, json_real(n->sigma));
    }
    if (json_object_size(uncertainty))
        json_object_set(out, "uncertainty", uncertainty);
    json_decref(uncertainty);
}

static void put_by_class(const kn_measured *m, json_t *out)
{
    for (int64_t i = 0; i < m->by_class_count; i++) {
        json_t *map = json_object();
        for (int64_t k = 0; k < m->class_count; k++)
            json_object_set_new(map, m->class_names[k], number(m->by_class[i].values[k]));
        json_object_set_new(out, m->by_class[i].name, map);
    }
    json_t *names = json_array();
    for (int64_t k = 0; k < m->class_count; k++)
        json_array_append_new(names, json_string(m->class_names[k]));
    if (m->task == KAON_CLASSIFICATION)
        json_object_set(out, "classes", names);
    json_decref(names);
}

// A matrix of one row is a list.
static void put_matrices(const kn_measured *m, json_t *out)
{
    for (int64_t i = 0; i < m->matrix_count; i++) {
        const kn_matrix *matrix = &m->matrices[i];
        json_t *rows = json_array();
        for (int64_t k = 0; k < matrix->rows; k++)
            json_array_append_new(
                rows, number_list(matrix->values + k * matrix->columns, matrix->columns, 1));
        json_object_set(out, matrix->name, matrix->rows == 1 ? json_array_get(rows, 0) : rows);
        json_decref(rows);
    }
}

json_t *kn_measured_json(const kn_measured *m)
{
    json_t *out = json_object();
    if (!out || !m->task)
        return out;
    put_numbers(m, out);
    put_by_class(m, out);
    put_matrices(m, out);
    return out;
}

json_t *kn_measured_replicas(const kn_measured *m)
{
    json_t *out = json_object();
    for (int64_t i = 0; m->replica_count && i < m->number_count; i++)
        if (!m->numbers[i].is_count)
            json_object_set_new(out, m->numbers[i].name,
                                number_list(m->replicas + i, m->replica_count, m->number_count));
    return out;
}
