/* metric_test.c: what every metric must do: measure nothing, one event, events without weight; take
 * away with a negative weight what a positive one brought; say the same numbers whatever else is
 * wanted.
 */
#include <kaon/items.h>
#include <kaon/test_metric.h>

#include <math.h>
#include <string.h>

enum { ROWS = 6, ALL_ROWS = 8, MOST = 128, NAME = 64 };

static const double predicted[] = {0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.3, 0.7,
                                   0.4, 0.6, 0.3, 0.7, 0.8, 0.2, 0.8, 0.2};
static const int64_t truth[] = {0, 1, 0, 1, 0, 1, 1, 1};
static const double values[] = {1, 2, 3, 4, 5, 6, 9, 9};
static const double told[] = {1.5, 2, 2.5, 4.5, 5, 7, 8, 8};

static kaon_scores scores_of(int32_t task, int64_t rows, const double *weight)
{
    return task == KAON_CLASSIFICATION ? kt_classified(rows, 2, predicted, truth, weight)
           : task == KAON_REGRESSION   ? kt_regressed(rows, 1, told, values, weight)
                                       : kt_clustered(rows, truth, truth, 1, values, weight);
}

/* --- what is said ----------------------------------------------------------------------------- */

typedef struct {
    int count;
    int lists; // by class, matrices, curves
    char name[MOST][NAME];
    double value[MOST];
} saying;

static saying said;

static void on_number(kaon_measures *m, const char *name, double value)
{
    (void)m;
    kt_true(said.count < MOST && strlen(name) < NAME);
    kt_true(*name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name));
    for (int i = 0; i < said.count; i++)
        kt_true(strcmp(said.name[i], name) != 0); // each name once
    snprintf(said.name[said.count], NAME, "%s", name);
    said.value[said.count++] = value;
}

static void on_count(kaon_measures *m, const char *name, int64_t value)
{
    on_number(m, name, (double)value);
}

static void on_by_class(kaon_measures *m, const char *name, const double *values_of)
{
    (void)m;
    said.lists += name != NULL && values_of != NULL;
}

static void on_matrix(kaon_measures *m, const char *name, int64_t rows, int64_t columns,
                      const double *cells)
{
    (void)m;
    kt_true(rows >= 0 && columns >= 0);
    said.lists += name != NULL && cells != NULL;
}

static void on_curve(kaon_measures *m, const kaon_curve *curve)
{
    (void)m;
    kt_true(curve->name && curve->x_label && curve->y_label && curve->count >= 0);
    const double sign = curve->count && curve->x[curve->count - 1] < curve->x[0] ? -1 : 1;
    for (int64_t i = 1; i < curve->count; i++)
        kt_true(!(sign * curve->x[i] < sign * curve->x[i - 1])); // from one end to the other
    said.lists++;
}

static kaon_status ask(const kaon_part *part, const kaon_scores *s, int32_t numbers_only)
{
    static const kaon_measures_api api = {sizeof api, 0,        on_number, on_by_class,
                                          on_matrix,  on_curve, on_count};
    kaon_measures into = {&api, numbers_only, 0};
    said = (saying){0};
    return ((const kaon_metric *)part->table)
        ->measure(kt_host(), part->settings, s, &into, kt_diag());
}

/* --- each metric ------------------------------------------------------------------------------ */

static void edges(const kaon_part *part, int32_t task)
{
    static const double none[ROWS] = {0};
    const kaon_scores empty = scores_of(task, 0, NULL), one = scores_of(task, 1, NULL),
                      weightless = scores_of(task, ROWS, none);
    kt_ok(ask(part, &empty, 0));
    kt_ok(ask(part, &one, 0));
    kt_ok(ask(part, &weightless, 0));
}

// Numbers do not depend on what else is wanted; the rest is spared where nobody wants it.
static void numbers_alone(const kaon_part *part, const kaon_scores *s)
{
    kt_ok(ask(part, s, 0));
    const saying all = said;
    kt_ok(ask(part, s, 1));
    kt_near(said.count, all.count, 0);
    kt_near(said.lists, 0, 0);
    for (int i = 0; i < all.count; i++)
        kt_near(said.value[i], all.value[i], 0);
}

// The last two rows are equal: with weights 5 and -5 they are not there.
static void weights_add_up(const kaon_part *part, int32_t task)
{
    static const double w[ALL_ROWS] = {2, 1, 1, 3, 1, 2, 5, -5};
    const kaon_scores some = scores_of(task, ROWS, w), all = scores_of(task, ALL_ROWS, w);
    kt_ok(ask(part, &some, 1));
    const saying before = said;
    kt_ok(ask(part, &all, 1));
    kt_near(said.count, before.count, 0);
    for (int i = 0; i < said.count; i++)
        kt_near(said.value[i], before.value[i], 1e-12);
}

static kaon_status check_one(void *context, const char *interface_id, const char *name)
{
    static const int32_t tasks[] = {KAON_CLASSIFICATION, KAON_REGRESSION, KAON_CLUSTERING};
    const kaon_part *part = kt_part(interface_id, name, "");
    const kaon_metric *metric = part->table;
    kt_true(metric->help && *metric->help);
    kt_true(metric->tasks && !(metric->by_default & ~metric->tasks));
    kt_true(metric->direction >= -1 && metric->direction <= 1);
    for (int i = 0; i < 3; i++) {
        if (!(metric->tasks & tasks[i]))
            continue;
        const kaon_scores s = scores_of(tasks[i], ROWS, NULL);
        edges(part, tasks[i]);
        numbers_alone(part, &s);
        weights_add_up(part, tasks[i]);
    }
    ++*(int *)context;
    return KAON_OK;
}

KT_TEST(every_metric)
{
    const kaon_items_api *items = kt_service(KAON_ITEMS_SERVICE);
    int count = 0;
    kt_ok(items->each(kt_host(), KAON_METRIC, check_one, &count, kt_diag()));
    if (!count)
        kt_skip("no plugin of metrics is installed");
}
