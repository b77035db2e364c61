/* metrics.c: how good predictions are. Sums are in double, in the order of the rows. */
#include "kernel/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/memory.h"
#include "kernel/table.h"
#include "kernel/tensor.h"

enum { CLASSIFICATION = 1, REGRESSION = 2, CLUSTERING = 4 };

// Below it a probability counts as this much, so that one certain mistake is not infinite.
static const double smallest_probability = 1e-15;

// Everything the measures look at, as doubles.
typedef struct {
    int32_t task;
    int64_t rows;
    int64_t classes;   // of the target; 0: it is no class
    int64_t width;     // numbers per row of a regression, clusters of a clustering
    double *predicted; // (rows, classes) or (rows, width)
    double *target;    // (rows, width) of a regression
    double *weight;    // (rows)
    double *features;  // (rows, feature_width), of a clustering
    int64_t feature_width;
    int64_t *truth;           // (rows) class numbers; NULL: none
    int64_t *chosen;          // (rows) class or cluster with the highest score
    double *table;            // (classes, classes): weight of true class i said to be j
    double total;             // weight of all rows
    const char *const *names; // of classes, or NULL
} scores;

/* --- classification --------------------------------------------------------------------------- */

static double accuracy(const scores *s)
{
    double right = 0;
    for (int64_t i = 0; i < s->classes; i++)
        right += s->table[i * s->classes + i];
    return right / s->total;
}

static double error_rate(const scores *s)
{
    return 1 - accuracy(s);
}

static double log_loss(const scores *s)
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        const double p = s->predicted[i * s->classes + s->truth[i]];
        sum -= s->weight[i] * log(p > smallest_probability || p != p ? p : smallest_probability);
    }
    return sum / s->total;
}

// Two classes: (p1 - y)^2, as the meteorologists have it; more: summed over the classes.
static double brier(const scores *s)
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = s->classes == 2 ? 1 : 0; k < s->classes; k++) {
            const double d = s->predicted[i * s->classes + k] - (double)(s->truth[i] == k);
            sum += s->weight[i] * d * d;
        }
    return sum / s->total;
}

typedef struct {
    double score;
    int64_t row;
} ranked;

static int by_score(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return (x > y) - (x < y);
}

static double auc_of_ranked(int64_t count, const ranked *r, const int64_t *classes,
                            int64_t positive, const double *weights)
{
    double area = 0, below = 0, signal = 0;
    for (int64_t i = 0; i < count;) {
        double tied_signal = 0, tied_rest = 0;
        const double score = r[i].score;
        for (; i < count && r[i].score == score; i++) {
            if (classes[r[i].row] == positive)
                tied_signal += weights[r[i].row];
            else
                tied_rest += weights[r[i].row];
        }
        area += tied_signal * (below + 0.5 * tied_rest);
        below += tied_rest;
        signal += tied_signal;
    }
    return signal != 0 && below != 0 ? area / (signal * below) : NAN;
}

double kn_metric_auc(int64_t count, const double *scores_at, int64_t stride, const int64_t *classes,
                     int64_t positive, const double *weights)
{
    ranked *r = kn_alloc_array((size_t)count + 1, sizeof *r);
    double area = NAN;
    int32_t broken = !r;
    for (int64_t i = 0; i < count && !broken; i++) {
        r[i] = (ranked){scores_at[i * stride], i};
        broken = r[i].score != r[i].score;
    }
    if (!broken) {
        qsort(r, (size_t)count, sizeof *r, by_score);
        area = auc_of_ranked(count, r, classes, positive, weights);
    }
    kn_free(r);
    return area;
}

static double class_auc(const scores *s, int64_t k)
{
    return kn_metric_auc(s->rows, s->predicted + k, s->classes, s->truth, k, s->weight);
}

// Of the rows said to be k, those that are; NaN if there is none.
static double class_precision(const scores *s, int64_t k)
{
    double said = 0;
    for (int64_t i = 0; i < s->classes; i++)
        said += s->table[i * s->classes + k];
    return s->table[k * s->classes + k] / said;
}

// Of the rows that are k, those said to be.
static double class_recall(const scores *s, int64_t k)
{
    double are = 0;
    for (int64_t j = 0; j < s->classes; j++)
        are += s->table[k * s->classes + j];
    return s->table[k * s->classes + k] / are;
}

static double class_f1(const scores *s, int64_t k)
{
    double both = 0;
    for (int64_t i = 0; i < s->classes; i++)
        both += s->table[i * s->classes + k] + s->table[k * s->classes + i];
    return 2 * s->table[k * s->classes + k] / both;
}

// Mean over the classes that have a value; 0 / 0 counts as none.
static double class_mean(const scores *s, double (*of)(const scores *s, int64_t k))
{
    double sum = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < s->classes; k++) {
        const double value = of(s, k);
        if (value != value)
            continue;
        sum += value;
        count++;
    }
    return count ? sum / (double)count : NAN;
}

static double mean_auc(const scores *s)
{
    return s->classes == 2 ? class_auc(s, 1) : class_mean(s, class_auc);
}

static double mean_precision(const scores *s)
{
    return class_mean(s, class_precision);
}

static double mean_recall(const scores *s)
{
    return class_mean(s, class_recall);
}

static double mean_f1(const scores *s)
{
    return class_mean(s, class_f1);
}

/* --- regression ------------------------------------------------------------------------------- */

static double mean_of(const scores *s, double (*of)(double residual))
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < s->width; k++)
            sum += s->weight[i] * of(s->predicted[i * s->width + k] - s->target[i * s->width + k]);
    return sum / (s->total * (double)s->width);
}

static double square(double residual)
{
    return residual * residual;
}

static double itself(double residual)
{
    return residual;
}

static double rmse(const scores *s)
{
    return sqrt(mean_of(s, square));
}

static double mae(const scores *s)
{
    return mean_of(s, fabs);
}

static double bias(const scores *s)
{
    return mean_of(s, itself);
}

// 1 - sum w (y - p)^2 / sum w (y - mean y)^2; mean over the outputs.
static double r2(const scores *s)
{
    double sum = 0;
    for (int64_t k = 0; k < s->width; k++) {
        double mean = 0, left = 0, all = 0;
        for (int64_t i = 0; i < s->rows; i++)
            mean += s->weight[i] * s->target[i * s->width + k];
        mean /= s->total;
        for (int64_t i = 0; i < s->rows; i++) {
            const double y = s->target[i * s->width + k];
            left += s->weight[i] * square(s->predicted[i * s->width + k] - y);
            all += s->weight[i] * square(y - mean);
        }
        sum += 1 - left / all;
    }
    return sum / (double)s->width;
}

/* --- clustering ------------------------------------------------------------------------------- */

// Sum of the weighted squared distances to the means of the clusters.
static double inertia(const scores *s)
{
    const int64_t n = s->feature_width;
    double *means =
        s->features ? kn_alloc_array((size_t)(s->width * (n + 1)), sizeof *means) : NULL;
    double *weights = means + s->width * n, sum = 0;
    if (!means)
        return NAN;
    for (int64_t i = 0; i < s->rows; i++) {
        weights[s->chosen[i]] += s->weight[i];
        for (int64_t k = 0; k < n; k++)
            means[s->chosen[i] * n + k] += s->weight[i] * s->features[i * n + k];
    }
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t k = 0; k < n; k++)
            sum += s->weight[i] * square(s->features[i * n + k] -
                                         means[s->chosen[i] * n + k] / weights[s->chosen[i]]);
    kn_free(means);
    return sum;
}

static double cluster_count(const scores *s)
{
    return (double)s->width;
}

// Weight of class i in cluster j, (classes, clusters); NULL: no memory or no classes.
static double *contingency(const scores *s)
{
    double *table =
        s->truth ? kn_alloc_array((size_t)(s->classes * s->width) + 1, sizeof *table) : NULL;
    for (int64_t i = 0; table && i < s->rows; i++)
        table[s->truth[i] * s->width + s->chosen[i]] += s->weight[i];
    return table;
}

// Share of the weight that lies in the strongest class of its cluster.
static double purity(const scores *s)
{
    double *table = contingency(s), sum = 0;
    if (!table)
        return NAN;
    for (int64_t j = 0; j < s->width; j++) {
        double most = table[j];
        for (int64_t i = 1; i < s->classes; i++)
            most = fmax(most, table[i * s->width + j]);
        sum += most;
    }
    kn_free(table);
    return sum / s->total;
}

static double pairs(double n)
{
    return n * (n - 1) / 2;
}

// Hubert and Arabie, doi:10.1007/BF01908075, with weights as multiplicities.
static double adjusted_rand(const scores *s)
{
    double *table = contingency(s), both = 0, rows = 0, columns = 0;
    if (!table)
        return NAN;
    for (int64_t i = 0; i < s->classes; i++) {
        double row = 0;
        for (int64_t j = 0; j < s->width; j++) {
            both += pairs(table[i * s->width + j]);
            row += table[i * s->width + j];
        }
        rows += pairs(row);
    }
    for (int64_t j = 0; j < s->width; j++) {
        double column = 0;
        for (int64_t i = 0; i < s->classes; i++)
            column += table[i * s->width + j];
        columns += pairs(column);
    }
    kn_free(table);
    const double expected = rows * columns / pairs(s->total);
    return (both - expected) / (0.5 * (rows + columns) - expected);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int32_t task;
    int32_t direction; // 1: higher is better
    double (*of)(const scores *s);
} measures[] = {
    // clang-format off
    {"accuracy",      CLASSIFICATION,  1, accuracy},
    {"error_rate",    CLASSIFICATION, -1, error_rate},
    {"auc",           CLASSIFICATION,  1, mean_auc},
    {"log_loss",      CLASSIFICATION, -1, log_loss},
    {"brier",         CLASSIFICATION, -1, brier},
    {"precision",     CLASSIFICATION,  1, mean_precision},
    {"recall",        CLASSIFICATION,  1, mean_recall},
    {"f1",            CLASSIFICATION,  1, mean_f1},
    {"rmse",          REGRESSION,     -1, rmse},
    {"mae",           REGRESSION,     -1, mae},
    {"bias",          REGRESSION,      0, bias},
    {"r2",            REGRESSION,      1, r2},
    {"clusters",      CLUSTERING,      0, cluster_count},
    {"inertia",       CLUSTERING,     -1, inertia},
    {"purity",        CLUSTERING,      1, purity},
    {"adjusted_rand", CLUSTERING,      1, adjusted_rand},
    // clang-format on
};

// Of each class: one number per class name.
static const struct {
    const char *name;
    double (*of)(const scores *s, int64_t k);
} class_measures[] = {
    {"auc_by_class", class_auc},
    {"precision_by_class", class_precision},
    {"recall_by_class", class_recall},
    {"f1_by_class", class_f1},
};

int32_t kn_metric_direction(const char *name)
{
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        if (!strcmp(measures[i].name, name))
            return measures[i].direction;
    return 0;
}

/* --- gathering -------------------------------------------------------------------------------- */

static double *as_doubles(const kaon_view *view)
{
    double *values = kn_alloc_array((size_t)kaon_view_count(view) + 1, sizeof *values);
    if (values)
        kn_view_copy(view, KAON_F64, values);
    return values;
}

static double *get_weights(const kaon_table *table, int64_t rows)
{
    kaon_column column = {.size = sizeof column};
    if (!kn_table_column_of(table, KAON_ROLE_WEIGHT, &column))
        return as_doubles(&column.view);
    double *ones = kn_alloc_array((size_t)rows + 1, sizeof *ones);
    for (int64_t i = 0; ones && i < rows; i++)
        ones[i] = 1;
    return ones;
}

// Probabilities of both classes from that of the second.
static double *both_classes(double *second, int64_t rows)
{
    double *both = second ? kn_alloc_array((size_t)rows * 2 + 1, sizeof *both) : NULL;
    for (int64_t i = 0; both && i < rows; i++) {
        both[2 * i] = 1 - second[i];
        both[2 * i + 1] = second[i];
    }
    kn_free(second);
    return both;
}

// Probability 1 for the class that was said.
static double *from_numbers(const int64_t *said, int64_t rows, int64_t classes)
{
    double *all = kn_alloc_array((size_t)(rows * classes) + 1, sizeof *all);
    for (int64_t i = 0; all && i < rows; i++)
        if (said[i] >= 0 && said[i] < classes)
            all[i * classes + said[i]] = 1;
    return all;
}

static kaon_status get_truth(scores *s, const kaon_column *target, kaon_diag *diag)
{
    s->classes = target->label_count;
    s->names = target->labels;
    s->truth = kn_alloc_array((size_t)s->rows + 1, sizeof *s->truth);
    if (!s->truth)
        return kn_no_memory(diag, "metrics");
    kn_view_copy(&target->view, KAON_I64, s->truth);
    for (int64_t i = 0; i < s->rows && !target->label_count; i++)
        s->classes = s->truth[i] >= s->classes ? s->truth[i] + 1 : s->classes;
    for (int64_t i = 0; i < s->rows; i++)
        if (s->truth[i] < 0 || s->truth[i] >= s->classes)
            return kaon_fail(diag, KAON_INVALID, "row %lld has class %lld, there are %lld",
                             (long long)i, (long long)s->truth[i], (long long)s->classes);
    return KAON_OK;
}

static void choose(scores *s)
{
    for (int64_t i = 0; i < s->rows; i++) {
        const double *p = s->predicted + i * s->classes;
        int64_t best = 0;
        for (int64_t k = 1; k < s->classes; k++)
            if (p[k] > p[best])
                best = k;
        s->chosen[i] = best;
        s->table[s->truth[i] * s->classes + best] += s->weight[i];
    }
}

static kaon_status get_classification(scores *s, const kaon_column *said, kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view);
    s->task = CLASSIFICATION;
    if (said->view.dtype == KAON_I64)
        s->predicted = from_numbers(said->view.data, s->rows, s->classes);
    else if (s->classes <= 2 && count == s->rows) {
        s->classes = 2;
        s->predicted = both_classes(as_doubles(&said->view), s->rows);
    } else if (count == s->rows * s->classes)
        s->predicted = as_doubles(&said->view);
    else
        return kaon_fail(diag, KAON_INVALID,
                         "the prediction has %lld numbers per row, the target has %lld classes",
                         (long long)(s->rows ? count / s->rows : 0), (long long)s->classes);
    s->table = kn_alloc_array((size_t)(s->classes * s->classes) + 1, sizeof *s->table);
    s->chosen = kn_alloc_array((size_t)s->rows + 1, sizeof *s->chosen);
    if (!s->predicted || !s->table || !s->chosen)
        return kn_no_memory(diag, "metrics");
    choose(s);
    return KAON_OK;
}

static kaon_status get_regression(scores *s, const kaon_column *said, const kaon_column *target,
                                  kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view), wanted = kaon_view_count(&target->view);
    if (count != wanted)
        return kaon_fail(diag, KAON_INVALID, "the prediction has %lld numbers, the target %lld",
                         (long long)count, (long long)wanted);
    s->task = REGRESSION;
    s->width = s->rows ? count / s->rows : 1;
    s->predicted = as_doubles(&said->view);
    s->target = as_doubles(&target->view);
    return s->predicted && s->target ? KAON_OK : kn_no_memory(diag, "metrics");
}

static kaon_status get_clustering(scores *s, const kaon_table *table, const kaon_column *said,
                                  kaon_diag *diag)
{
    kaon_column features = {.size = sizeof features};
    s->task = CLUSTERING;
    s->chosen = kn_alloc_array((size_t)s->rows + 1, sizeof *s->chosen);
    if (!s->chosen)
        return kn_no_memory(diag, "metrics");
    kn_view_copy(&said->view, KAON_I64, s->chosen);
    for (int64_t i = 0; i < s->rows; i++) {
        if (s->chosen[i] < 0)
            return kaon_fail(diag, KAON_INVALID, "row %lld is in cluster %lld", (long long)i,
                             (long long)s->chosen[i]);
        s->width = s->chosen[i] >= s->width ? s->chosen[i] + 1 : s->width;
    }
    if (s->width > s->rows)
        return kaon_fail(diag, KAON_INVALID, "%lld rows are in clusters up to %lld",
                         (long long)s->rows, (long long)(s->width - 1));
    if (!kn_table_column_of(table, KAON_ROLE_FEATURES, &features) && !features.offsets) {
        s->feature_width = s->rows ? kaon_view_count(&features.view) / s->rows : 0;
        s->features = as_doubles(&features.view);
    }
    return KAON_OK;
}

static kaon_status gather(scores *s, const kaon_table *table, kaon_diag *diag)
{
    kaon_column said = {.size = sizeof said}, target = {.size = sizeof target};
    if (kn_table_column_of(table, KAON_ROLE_PREDICTION, &said))
        return KAON_OK;
    const int32_t has_target = !kn_table_column_of(table, KAON_ROLE_TARGET, &target);
    s->rows = kn_table_rows(table);
    s->weight = get_weights(table, s->rows);
    if (!s->weight)
        return kn_no_memory(diag, "metrics");
    for (int64_t i = 0; i < s->rows; i++)
        s->total += s->weight[i];
    const int32_t of_classes = has_target && !kaon_dtype_is_float(target.view.dtype);
    if (of_classes)
        KAON_TRY(get_truth(s, &target, diag));
    if (!kaon_dtype_is_float(said.view.dtype) && !(of_classes && said.label_count))
        return get_clustering(s, table, &said, diag);
    if (of_classes)
        return get_classification(s, &said, diag);
    return has_target ? get_regression(s, &said, &target, diag) : KAON_OK;
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static const char *class_name(const scores *s, int64_t k, char room[24])
{
    if (s->names && s->names[k])
        return s->names[k];
    snprintf(room, 24, "%lld", (long long)k);
    return room;
}

static void put_by_class(const scores *s, json_t *out)
{
    char room[24];
    for (size_t m = 0; m < sizeof class_measures / sizeof *class_measures; m++) {
        json_t *map = json_object();
        for (int64_t k = 0; k < s->classes; k++)
            json_object_set_new(map, class_name(s, k, room), number(class_measures[m].of(s, k)));
        json_object_set_new(out, class_measures[m].name, map);
    }
    json_t *matrix = json_array(), *names = json_array();
    for (int64_t i = 0; i < s->classes; i++) {
        json_t *row = json_array();
        for (int64_t j = 0; j < s->classes; j++)
            json_array_append_new(row, number(s->table[i * s->classes + j]));
        json_array_append_new(matrix, row);
        json_array_append_new(names, json_string(class_name(s, i, room)));
    }
    json_object_set_new(out, "classes", names);
    json_object_set_new(out, "confusion", matrix);
}

static void put_sizes(const scores *s, json_t *out)
{
    double *sizes = kn_alloc_array((size_t)s->width + 1, sizeof *sizes);
    json_t *list = json_array();
    for (int64_t i = 0; sizes && i < s->rows; i++)
        sizes[s->chosen[i]] += s->weight[i];
    for (int64_t k = 0; sizes && k < s->width; k++)
        json_array_append_new(list, number(sizes[k]));
    json_object_set_new(out, "sizes", list);
    kn_free(sizes);
}

static json_t *measure(const scores *s)
{
    json_t *out = json_object();
    if (!out)
        return NULL;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (!(measures[i].task & s->task))
            continue;
        const double value = measures[i].of(s);
        if (s->task != CLUSTERING || isfinite(value)) // purity needs classes
            json_object_set_new(out, measures[i].name, number(value));
    }
    if (s->task == CLASSIFICATION)
        put_by_class(s, out);
    if (s->task == CLUSTERING)
        put_sizes(s, out);
    return out;
}

kaon_status kn_metrics_of(const kaon_table *table, json_t **out, kaon_diag *diag)
{
    scores s = {0};
    *out = NULL;
    kaon_status status = gather(&s, table, diag);
    if (!status) {
        *out = measure(&s);
        status = *out ? KAON_OK : kn_no_memory(diag, "metrics");
    }
    double *const blocks[] = {s.predicted, s.target, s.weight, s.features, s.table};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        kn_free(blocks[i]);
    kn_free(s.truth);
    kn_free(s.chosen);
    return kaon_context(diag, status, "metrics");
}
