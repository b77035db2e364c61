/* scores.c: predictions beside the truth, as doubles. */
#include "experiment/scores.h"

#include "kernel/memory.h"
#include "data/table.h"
#include "kernel/tensor.h"

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

static kaon_status get_truth(kn_scores *s, const kaon_column *target, kaon_diag *diag)
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

static void choose(kn_scores *s)
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

static kaon_status get_classification(kn_scores *s, const kaon_column *said, kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view);
    s->task = KN_CLASSIFICATION;
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

static kaon_status get_regression(kn_scores *s, const kaon_column *said, const kaon_column *target,
                                  kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view), wanted = kaon_view_count(&target->view);
    if (count != wanted)
        return kaon_fail(diag, KAON_INVALID, "the prediction has %lld numbers, the target %lld",
                         (long long)count, (long long)wanted);
    s->task = KN_REGRESSION;
    s->width = s->rows ? count / s->rows : 1;
    s->predicted = as_doubles(&said->view);
    s->target = as_doubles(&target->view);
    return s->predicted && s->target ? KAON_OK : kn_no_memory(diag, "metrics");
}

static kaon_status get_clustering(kn_scores *s, const kaon_table *table, const kaon_column *said,
                                  kaon_diag *diag)
{
    kaon_column features = {.size = sizeof features};
    s->task = KN_CLUSTERING;
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

static kaon_status gather(kn_scores *s, const kaon_table *table, kaon_diag *diag)
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

kaon_status kn_scores_init(kn_scores *s, const kaon_table *table, kaon_diag *diag)
{
    *s = (kn_scores){0};
    return gather(s, table, diag);
}

void kn_scores_fini(kn_scores *s)
{
    double *const blocks[] = {s->predicted, s->target, s->weight, s->features, s->table};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        kn_free(blocks[i]);
    kn_free(s->truth);
    kn_free(s->chosen);
}
