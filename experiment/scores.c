/* scores.c: predictions beside the truth, as doubles. */
#include "experiment/scores.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "data/table.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

/* --- memory ----------------------------------------------------------------------------------- */

// `count` cleared numbers of 8 bytes that live as long as the scores.
static void *get_block(kn_scores *s, int64_t count)
{
    kn_block *block = &s->blocks[s->block_count];
    block->spill = s->spill;
    if (kn_block_clear(block, (size_t)(count + 1) * sizeof(int64_t), "metrics", NULL))
        return NULL;
    s->block_count++;
    return block->at;
}

static double *as_doubles(kn_scores *s, const kaon_view *view)
{
    double *values = get_block(s, kaon_view_count(view));
    if (values)
        kn_view_copy(view, KAON_F64, values);
    return values;
}

/* --- gathering -------------------------------------------------------------------------------- */

static double *get_weights(kn_scores *s, const kaon_table *table)
{
    kaon_column column = {.size = sizeof column};
    if (!kn_table_column_of(table, KAON_ROLE_WEIGHT, &column))
        return as_doubles(s, &column.view);
    double *ones = get_block(s, s->at.rows);
    for (int64_t i = 0; ones && i < s->at.rows; i++)
        ones[i] = 1;
    return ones;
}

// Probabilities of both classes from that of the second.
static double *both_classes(kn_scores *s, const kaon_view *view)
{
    const double *second = as_doubles(s, view);
    double *both = second ? get_block(s, s->at.rows * 2) : NULL;
    for (int64_t i = 0; both && i < s->at.rows; i++) {
        both[2 * i] = 1 - second[i];
        both[2 * i + 1] = second[i];
    }
    return both;
}

// Probability 1 for the class that was said.
static double *from_numbers(kn_scores *s, const int64_t *said)
{
    const int64_t classes = s->at.classes;
    double *all = get_block(s, s->at.rows * classes);
    for (int64_t i = 0; all && i < s->at.rows; i++)
        if (said[i] >= 0 && said[i] < classes)
            all[i * classes + said[i]] = 1;
    return all;
}

static kaon_status get_truth(kn_scores *s, const kaon_column *target, kaon_diag *diag)
{
    int64_t *truth = get_block(s, s->at.rows);
    if (!truth)
        return kn_no_memory(diag, "metrics");
    s->at.truth = truth;
    s->at.classes = target->label_count;
    s->at.class_names = target->labels;
    kn_view_copy(&target->view, KAON_I64, truth);
    for (int64_t i = 0; i < s->at.rows && !target->label_count; i++)
        s->at.classes = truth[i] >= s->at.classes ? truth[i] + 1 : s->at.classes;
    for (int64_t i = 0; i < s->at.rows; i++)
        if (truth[i] < 0 || truth[i] >= s->at.classes)
            return kaon_fail(diag, KAON_INVALID, "row %lld has class %lld, there are %lld",
                             (long long)i, (long long)truth[i], (long long)s->at.classes);
    return KAON_OK;
}

static void choose(const kaon_scores *s, int64_t *chosen)
{
    for (int64_t i = 0; i < s->rows; i++) {
        const double *p = s->predicted + i * s->classes;
        for (int64_t k = 1; k < s->classes; k++)
            if (p[k] > p[chosen[i]])
                chosen[i] = k;
    }
}

void kn_scores_weigh(const kaon_scores *scores, double *confusion, double *total)
{
    *total = 0;
    for (int64_t i = 0; i < scores->rows; i++)
        *total += scores->weight[i];
    if (!confusion)
        return;
    memset(confusion, 0, (size_t)(scores->classes * scores->classes) * sizeof *confusion);
    for (int64_t i = 0; i < scores->rows; i++)
        confusion[scores->truth[i] * scores->classes + scores->chosen[i]] += scores->weight[i];
}

static kaon_status get_classification(kn_scores *s, const kaon_column *said, double **confusion,
                                      kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view);
    s->at.task = KAON_CLASSIFICATION;
    if (said->view.dtype == KAON_I64)
        s->at.predicted = from_numbers(s, said->view.data);
    else if (s->at.classes <= 2 && count == s->at.rows) {
        s->at.classes = 2;
        s->at.predicted = both_classes(s, &said->view);
    } else if (count == s->at.rows * s->at.classes)
        s->at.predicted = as_doubles(s, &said->view);
    else
        return kaon_fail(diag, KAON_INVALID,
                         "the prediction has %lld numbers per row, the target has %lld classes",
                         (long long)(s->at.rows ? count / s->at.rows : 0),
                         (long long)s->at.classes);
    *confusion = get_block(s, s->at.classes * s->at.classes);
    int64_t *chosen = get_block(s, s->at.rows);
    if (!s->at.predicted || !*confusion || !chosen)
        return kn_no_memory(diag, "metrics");
    choose(&s->at, chosen);
    s->at.chosen = chosen;
    s->at.confusion = *confusion;
    return KAON_OK;
}

// Columns [first, first + width) of rows of `all` numbers.
static double *take_columns(kn_scores *s, const double *from, int64_t all, int64_t first)
{
    double *part = from ? get_block(s, s->at.rows * s->at.width) : NULL;
    for (int64_t i = 0; part && i < s->at.rows; i++)
        memcpy(part + i * s->at.width, from + i * all + first, (size_t)s->at.width * sizeof *part);
    return part;
}

static kaon_status get_regression(kn_scores *s, const kaon_column *said, const kaon_column *target,
                                  kaon_diag *diag)
{
    const int64_t count = kaon_view_count(&said->view), wanted = kaon_view_count(&target->view);
    if (count != wanted && count != 2 * wanted)
        return kaon_fail(diag, KAON_INVALID, "the prediction has %lld numbers, the target %lld",
                         (long long)count, (long long)wanted);
    s->at.task = KAON_REGRESSION;
    s->at.width = s->at.rows ? wanted / s->at.rows : 1;
    s->at.predicted = as_doubles(s, &said->view);
    s->at.target = as_doubles(s, &target->view);
    if (count != wanted) {
        const double *all = s->at.predicted;
        s->at.predicted = take_columns(s, all, 2 * s->at.width, 0);
        s->at.sigma = take_columns(s, all, 2 * s->at.width, s->at.width);
    }
    const int32_t failed = !s->at.predicted || !s->at.target || (count != wanted && !s->at.sigma);
    return failed ? kn_no_memory(diag, "metrics") : KAON_OK;
}

static kaon_status get_clustering(kn_scores *s, const kaon_table *table, const kaon_column *said,
                                  kaon_diag *diag)
{
    kaon_column features = {.size = sizeof features};
    int64_t *chosen = get_block(s, s->at.rows);
    s->at.task = KAON_CLUSTERING;
    s->at.chosen = chosen;
    if (!chosen)
        return kn_no_memory(diag, "metrics");
    kn_view_copy(&said->view, KAON_I64, chosen);
    for (int64_t i = 0; i < s->at.rows; i++) {
        if (chosen[i] < 0)
            return kaon_fail(diag, KAON_INVALID, "row %lld is in cluster %lld", (long long)i,
                             (long long)chosen[i]);
        s->at.width = chosen[i] >= s->at.width ? chosen[i] + 1 : s->at.width;
    }
    if (s->at.width > s->at.rows)
        return kaon_fail(diag, KAON_INVALID, "%lld rows are in clusters up to %lld",
                         (long long)s->at.rows, (long long)(s->at.width - 1));
    if (!kn_table_column_of(table, KAON_ROLE_FEATURES, &features) && !features.offsets) {
        s->at.feature_width = s->at.rows ? kaon_view_count(&features.view) / s->at.rows : 0;
        s->at.features = as_doubles(s, &features.view);
    }
    return KAON_OK;
}

/* --- the order of the rows -------------------------------------------------------------------- */

typedef struct {
    double key;
    int64_t row;
} ranked;

// Falling; NaN first; rows of one key as they came, so that the order is one only.
static int by_key(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    const int x_broken = x->key != x->key, y_broken = y->key != y->key;
    if (x_broken != y_broken)
        return y_broken - x_broken;
    if (!x_broken && x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

typedef struct {
    const kaon_scores *scores;
    int64_t width;
    int64_t *order;
    atomic_int failed;
} sorting;

static void sort_column(void *context, int64_t k, int32_t lane)
{
    sorting *w = context;
    const kaon_scores *s = w->scores;
    const int64_t width = w->width;
    ranked *room = kn_alloc_array((size_t)s->rows + 1, sizeof *room);
    (void)lane;
    if (!room) {
        atomic_store(&w->failed, 1);
        return;
    }
    for (int64_t i = 0; i < s->rows; i++) {
        const int64_t at = i * width + k;
        room[i] = (ranked){s->target ? s->predicted[at] - s->target[at] : s->predicted[at], i};
    }
    qsort(room, (size_t)s->rows, sizeof *room, by_key);
    for (int64_t i = 0; i < s->rows; i++)
        w->order[k * s->rows + i] = room[i].row;
    kn_free(room);
}

static kaon_status put_in_order(kn_scores *s, kn_pool *pool, kaon_diag *diag)
{
    const int64_t width = s->at.task == KAON_CLASSIFICATION ? s->at.classes : s->at.width;
    sorting work = {.scores = &s->at, .width = width, .order = get_block(s, width * s->at.rows)};
    if (work.order)
        kn_pool_run(pool, width, sort_column, &work);
    s->at.order = work.order;
    return work.order && !atomic_load(&work.failed) ? KAON_OK : kn_no_memory(diag, "metrics");
}

/* --- all of it -------------------------------------------------------------------------------- */

static kaon_status gather(kn_scores *s, const kaon_table *table, kn_pool *pool, kaon_diag *diag)
{
    kaon_column said = {.size = sizeof said}, target = {.size = sizeof target};
    double *confusion = NULL;
    if (kn_table_column_of(table, KAON_ROLE_PREDICTION, &said))
        return KAON_OK;
    const int32_t has_target = !kn_table_column_of(table, KAON_ROLE_TARGET, &target);
    s->at.rows = kn_table_rows(table);
    s->at.weight = get_weights(s, table);
    if (!s->at.weight)
        return kn_no_memory(diag, "metrics");
    const int32_t of_classes = has_target && !kaon_dtype_is_float(target.view.dtype);
    if (of_classes)
        KAON_TRY(get_truth(s, &target, diag));
    if (!kaon_dtype_is_float(said.view.dtype) && !(of_classes && said.label_count))
        KAON_TRY(get_clustering(s, table, &said, diag));
    else if (of_classes)
        KAON_TRY(get_classification(s, &said, &confusion, diag));
    else if (has_target)
        KAON_TRY(get_regression(s, &said, &target, diag));
    kn_scores_weigh(&s->at, confusion, &s->at.total);
    return s->at.task & (KAON_CLASSIFICATION | KAON_REGRESSION) ? put_in_order(s, pool, diag)
                                                                : KAON_OK;
}

kaon_status kn_scores_init(kn_scores *s, const kaon_table *table, kn_pool *pool, kaon_diag *diag)
{
    *s = (kn_scores){.at.size = sizeof s->at, .spill = kn_table_spill_of(table)};
    return gather(s, table, pool, diag);
}

void kn_scores_fini(kn_scores *s)
{
    for (int32_t i = 0; i < s->block_count; i++)
        kn_block_free(&s->blocks[i]);
    s->block_count = 0;
}
