/* metrics.c: how good predictions are. Sums are in double, in the order of the rows. */
#include "experiment/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/memory.h"
#include "experiment/scores.h"

// Below it a probability counts as this much, so that one certain mistake is not infinite.
static const double smallest_probability = 1e-15;

/* --- classification --------------------------------------------------------------------------- */

static double accuracy(const kn_scores *s)
{
    double right = 0;
    for (int64_t i = 0; i < s->classes; i++)
        right += s->table[i * s->classes + i];
    return right / s->total;
}

static double error_rate(const kn_scores *s)
{
    return 1 - accuracy(s);
}

static double log_loss(const kn_scores *s)
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        const double p = s->predicted[i * s->classes + s->truth[i]];
        sum -= s->weight[i] * log(p > smallest_probability || p != p ? p : smallest_probability);
    }
    return sum / s->total;
}

// Two classes: (p1 - y)^2, as the meteorologists have it; more: summed over the classes.
static double brier(const kn_scores *s)
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

static double class_auc(const kn_scores *s, int64_t k)
{
    return kn_metric_auc(s->rows, s->predicted + k, s->classes, s->truth, k, s->weight);
}

// Of the rows said to be k, those that are; NaN if there is none.
static double class_precision(const kn_scores *s, int64_t k)
{
    double said = 0;
    for (int64_t i = 0; i < s->classes; i++)
        said += s->table[i * s->classes + k];
    return s->table[k * s->classes + k] / said;
}

// Of the rows that are k, those said to be.
static double class_recall(const kn_scores *s, int64_t k)
{
    double are = 0;
    for (int64_t j = 0; j < s->classes; j++)
        are += s->table[k * s->classes + j];
    return s->table[k * s->classes + k] / are;
}

static double class_f1(const kn_scores *s, int64_t k)
{
    double both = 0;
    for (int64_t i = 0; i < s->classes; i++)
        both += s->table[i * s->classes + k] + s->table[k * s->classes + i];
    return 2 * s->table[k * s->classes + k] / both;
}

// Mean over the classes that have a value; 0 / 0 counts as none.
static double class_mean(const kn_scores *s, double (*of)(const kn_scores *s, int64_t k))
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

static double mean_auc(const kn_scores *s)
{
    return s->classes == 2 ? class_auc(s, 1) : class_mean(s, class_auc);
}

static double mean_precision(const kn_scores *s)
{
    return class_mean(s, class_precision);
}

static double mean_recall(const kn_scores *s)
{
    return class_mean(s, class_recall);
}

static double mean_f1(const kn_scores *s)
{
    return class_mean(s, class_f1);
}

/* --- regression ------------------------------------------------------------------------------- */

static double mean_of(const kn_scores *s, double (*of)(double residual))
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

static double rmse(const kn_scores *s)
{
    return sqrt(mean_of(s, square));
}

static double mae(const kn_scores *s)
{
    return mean_of(s, fabs);
}

static double bias(const kn_scores *s)
{
    return mean_of(s, itself);
}

// 1 - sum w (y - p)^2 / sum w (y - mean y)^2; mean over the outputs.
static double r2(const kn_scores *s)
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
static double inertia(const kn_scores *s)
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

// Weight of class i in cluster j, (classes, clusters); NULL: no memory or no classes.
static double *contingency(const kn_scores *s)
{
    double *table =
        s->truth ? kn_alloc_array((size_t)(s->classes * s->width) + 1, sizeof *table) : NULL;
    for (int64_t i = 0; table && i < s->rows; i++)
        table[s->truth[i] * s->width + s->chosen[i]] += s->weight[i];
    return table;
}

// Share of the weight that lies in the strongest class of its cluster.
static double purity(const kn_scores *s)
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
static double adjusted_rand(const kn_scores *s)
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
    double (*of)(const kn_scores *s);
} measures[] = {
    // clang-format off
    {"accuracy",      KN_CLASSIFICATION,  1, accuracy},
    {"error_rate",    KN_CLASSIFICATION, -1, error_rate},
    {"auc",           KN_CLASSIFICATION,  1, mean_auc},
    {"log_loss",      KN_CLASSIFICATION, -1, log_loss},
    {"brier",         KN_CLASSIFICATION, -1, brier},
    {"precision",     KN_CLASSIFICATION,  1, mean_precision},
    {"recall",        KN_CLASSIFICATION,  1, mean_recall},
    {"f1",            KN_CLASSIFICATION,  1, mean_f1},
    {"rmse",          KN_REGRESSION,     -1, rmse},
    {"mae",           KN_REGRESSION,     -1, mae},
    {"bias",          KN_REGRESSION,      0, bias},
    {"r2",            KN_REGRESSION,      1, r2},
    {"inertia",       KN_CLUSTERING,     -1, inertia},
    {"purity",        KN_CLUSTERING,      1, purity},
    {"adjusted_rand", KN_CLUSTERING,      1, adjusted_rand},
    // clang-format on
};

// Of each class: one number per class name.
static const struct {
    const char *name;
    double (*of)(const kn_scores *s, int64_t k);
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

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static const char *class_name(const kn_scores *s, int64_t k, char room[24])
{
    if (s->names && s->names[k])
        return s->names[k];
    snprintf(room, 24, "%lld", (long long)k);
    return room;
}

static void put_by_class(const kn_scores *s, json_t *out)
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

static void put_sizes(const kn_scores *s, json_t *out)
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

static json_t *measure(const kn_scores *s)
{
    json_t *out = json_object();
    if (!out)
        return NULL;
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
        if (!(measures[i].task & s->task))
            continue;
        const double value = measures[i].of(s);
        if (s->task != KN_CLUSTERING || isfinite(value)) // purity needs classes
            json_object_set_new(out, measures[i].name, number(value));
    }
    if (s->task == KN_CLUSTERING)
        json_object_set_new(out, "clusters", json_integer(s->width));
    if (s->task == KN_CLASSIFICATION)
        put_by_class(s, out);
    if (s->task == KN_CLUSTERING)
        put_sizes(s, out);
    return out;
}

kaon_status kn_metrics_of(const kaon_table *table, json_t **out, kaon_diag *diag)
{
    kn_scores s;
    *out = NULL;
    kaon_status status = kn_scores_init(&s, table, diag);
    if (!status) {
        *out = measure(&s);
        status = *out ? KAON_OK : kn_no_memory(diag, "metrics");
    }
    kn_scores_fini(&s);
    return kaon_context(diag, status, "metrics");
}
