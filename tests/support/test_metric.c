/* test_metric.c: predictions and what metrics say of them, for tests. */
#include <kaon/test_metric.h>

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static void *room(int64_t count, size_t bytes)
{
    void *memory = calloc((size_t)count + 1, bytes);
    kt_true(memory != NULL);
    return memory;
}

// The same, kept until the program ends: in a chain, so that leak checkers find it.
static void *kept_room(int64_t count, size_t bytes)
{
    typedef struct link {
        struct link *next;
        double block[];
    } link;
    static link *last;
    link *l = room(1, sizeof *l + ((size_t)count + 1) * bytes);
    l->next = last;
    last = l;
    return l->block;
}

/* --- scores ----------------------------------------------------------------------------------- */

static const double *weights_of(int64_t rows, const double *weight, double *total)
{
    double *ones = weight ? NULL : kept_room(rows, sizeof *ones);
    for (int64_t i = 0; i < rows; i++) {
        if (ones)
            ones[i] = 1;
        *total += weight ? weight[i] : 1;
    }
    return weight ? weight : ones;
}

typedef struct {
    double key;
    int64_t row;
} ranked;

static int falling(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    const int x_broken = x->key != x->key, y_broken = y->key != y->key;
    if (x_broken != y_broken)
        return y_broken - x_broken;
    return x->key < y->key ? 1 : x->key > y->key ? -1 : (x->row > y->row) - (x->row < y->row);
}

static const int64_t *order_of(int64_t rows, int64_t width, const double *key)
{
    int64_t *order = kept_room(rows * width, sizeof *order);
    ranked *sorted = room(rows, sizeof *sorted);
    for (int64_t k = 0; k < width; k++) {
        for (int64_t i = 0; i < rows; i++)
            sorted[i] = (ranked){key[i * width + k], i};
        qsort(sorted, (size_t)rows, sizeof *sorted, falling);
        for (int64_t i = 0; i < rows; i++)
            order[k * rows + i] = sorted[i].row;
    }
    free(sorted);
    return order;
}

kaon_scores kt_classified(int64_t rows, int64_t classes, const double *predicted,
                          const int64_t *truth, const double *weight)
{
    kaon_scores s = {.size = sizeof s, .task = KAON_CLASSIFICATION, .rows = rows};
    int64_t *chosen = kept_room(rows, sizeof *chosen);
    double *confusion = kept_room(classes * classes, sizeof *confusion);
    s.classes = classes;
    s.predicted = predicted;
    s.truth = truth;
    s.weight = weights_of(rows, weight, &s.total);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 1; k < classes; k++)
            if (predicted[i * classes + k] > predicted[i * classes + chosen[i]])
                chosen[i] = k;
        confusion[truth[i] * classes + chosen[i]] += s.weight[i];
    }
    s.chosen = chosen;
    s.confusion = confusion;
    s.order = order_of(rows, classes, predicted);
    return s;
}

kaon_scores kt_regressed(int64_t rows, int64_t width, const double *predicted, const double *target,
                         const double *weight)
{
    kaon_scores s = {.size = sizeof s, .task = KAON_REGRESSION, .rows = rows, .width = width};
    double *residual = room(rows * width, sizeof *residual);
    for (int64_t i = 0; i < rows * width; i++)
        residual[i] = predicted[i] - target[i];
    s.predicted = predicted;
    s.target = target;
    s.weight = weights_of(rows, weight, &s.total);
    s.order = order_of(rows, width, residual);
    free(residual);
    return s;
}

kaon_scores kt_clustered(int64_t rows, const int64_t *clusters, const int64_t *truth,
                         int64_t feature_width, const double *features, const double *weight)
{
    kaon_scores s = {.size = sizeof s, .task = KAON_CLUSTERING, .rows = rows};
    s.chosen = clusters;
    s.truth = truth;
    s.features = features;
    s.feature_width = feature_width;
    s.weight = weights_of(rows, weight, &s.total);
    for (int64_t i = 0; i < rows; i++) {
        s.width = clusters[i] >= s.width ? clusters[i] + 1 : s.width;
        s.classes = truth && truth[i] >= s.classes ? truth[i] + 1 : s.classes;
    }
    return s;
}

/* --- what was said ---------------------------------------------------------------------------- */

enum { MOST = 64, NAME = 64 };

// Values of a number (1), of classes, of a matrix, or x, y and thresholds of a curve.
typedef struct {
    char name[NAME];
    char kind; // 'n', 'c', 'm', 'x'
    int64_t columns;
    int64_t count;
    double *values;
    kaon_curve curve;
} saying;

static struct {
    int64_t classes;
    int64_t count;
    saying at[MOST];
} said;

static saying *keep(char kind, const char *name, int64_t count, const double *values)
{
    assert_true(said.count < MOST);
    saying *s = &said.at[said.count++];
    *s = (saying){.kind = kind, .count = count, .values = room(count, sizeof(double))};
    snprintf(s->name, NAME, "%s", name);
    if (count)
        memcpy(s->values, values, (size_t)count * sizeof *values);
    return s;
}

static void on_number(kaon_measures *m, const char *name, double value)
{
    (void)m;
    keep('n', name, 1, &value);
}

static void on_count(kaon_measures *m, const char *name, int64_t value)
{
    on_number(m, name, (double)value);
}

static void on_by_class(kaon_measures *m, const char *name, const double *values)
{
    (void)m;
    keep('c', name, said.classes, values);
}

static void on_matrix(kaon_measures *m, const char *name, int64_t rows, int64_t columns,
                      const double *values)
{
    (void)m;
    keep('m', name, rows * columns, values)->columns = columns;
}

static double *copied(const double *values, int64_t count)
{
    double *copy = values ? room(count, sizeof *copy) : NULL;
    if (copy && count)
        memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

static void on_curve(kaon_measures *m, const kaon_curve *curve)
{
    (void)m;
    saying *s = keep('x', curve->name, 0, NULL);
    s->curve = *curve;
    s->curve.name = s->name;
    s->curve.x = copied(curve->x, curve->count);
    s->curve.y = copied(curve->y, curve->count);
    s->curve.threshold = copied(curve->threshold, curve->count);
}

static void forget(void)
{
    for (int64_t i = 0; i < said.count; i++) {
        free(said.at[i].values);
        free((void *)(uintptr_t)said.at[i].curve.x);
        free((void *)(uintptr_t)said.at[i].curve.y);
        free((void *)(uintptr_t)said.at[i].curve.threshold);
    }
    said.count = 0;
}

static kaon_status ask(const char *metric, const char *settings, const kaon_scores *scores)
{
    static const kaon_measures_api api = {sizeof api, 0,        on_number, on_by_class,
                                          on_matrix,  on_curve, on_count};
    const kaon_part *part = kt_part(KAON_METRIC, metric, settings);
    kaon_measures into = {.api = &api};
    forget();
    said.classes = scores->classes;
    return ((const kaon_metric *)part->table)
        ->measure(kt_host(), part->settings, scores, &into, kt_diag());
}

void kt_measure(const char *metric, const char *settings, const kaon_scores *scores)
{
    kt_ok(ask(metric, settings, scores));
}

void kt_measure_fails(const char *metric, const char *settings, const kaon_scores *scores,
                      const char *text)
{
    kt_true(ask(metric, settings, scores) != KAON_OK);
    kt_says(kt_words(), text);
}

static const saying *find(char kind, const char *name)
{
    for (int64_t i = 0; i < said.count; i++)
        if (said.at[i].kind == kind && !strcmp(said.at[i].name, name))
            return &said.at[i];
    return NULL;
}

static double value_of(char kind, const char *name, int64_t at)
{
    const saying *s = find(kind, name);
    if (!s || at < 0 || at >= s->count)
        fail_msg("the metric did not say '%s' (%lld)", name, (long long)at);
    return s->values[at];
}

double kt_number(const char *name)
{
    return value_of('n', name, 0);
}

int kt_said(const char *name)
{
    return find('n', name) != NULL;
}

double kt_of_class(const char *name, int64_t of_class)
{
    return value_of('c', name, of_class);
}

double kt_cell(const char *matrix, int64_t row, int64_t column)
{
    const saying *s = find('m', matrix);
    return value_of('m', matrix, s ? row * s->columns + column : 0);
}

const kaon_curve *kt_curve(const char *name, int64_t of_class)
{
    for (int64_t i = 0; i < said.count; i++)
        if (said.at[i].kind == 'x' && !strcmp(said.at[i].name, name) &&
            said.at[i].curve.of_class == of_class)
            return &said.at[i].curve;
    return NULL;
}
