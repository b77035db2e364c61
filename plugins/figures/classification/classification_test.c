/* classification_test.c: matrices and efficiencies one can check by hand, KS against scipy. */
#include <kaon/test_figure.h>

#include <math.h>
#include <string.h>

// Scores of the second of two classes, as a classification has them.
typedef struct {
    kaon_scores at;
    double predicted[64];
    double weight[32];
    int64_t truth[32];
    int64_t chosen[32];
    double confusion[4];
} sample;

static const char *const names[] = {"bad", "good"};

static void fill(sample *s, int64_t rows, const double *second, const int64_t *truth,
                 const double *weight)
{
    memset(s, 0, sizeof *s);
    for (int64_t i = 0; i < rows; i++) {
        s->predicted[2 * i] = 1 - second[i];
        s->predicted[2 * i + 1] = second[i];
        s->weight[i] = weight ? weight[i] : 1;
        s->truth[i] = truth ? truth[i] : 1;
        s->chosen[i] = second[i] > 0.5;
        s->confusion[2 * s->truth[i] + s->chosen[i]] += s->weight[i];
    }
    s->at = (kaon_scores){.size = sizeof s->at,
                          .task = KAON_CLASSIFICATION,
                          .rows = rows,
                          .classes = 2,
                          .predicted = s->predicted,
                          .weight = s->weight,
                          .truth = s->truth,
                          .chosen = s->chosen,
                          .confusion = s->confusion,
                          .class_names = names};
}

/* --- confusion -------------------------------------------------------------------------------- */

KT_TEST(shares_of_a_class)
{
    sample s;
    // Of weight 4 of the first class 3 is right, of weight 2 of the second one all.
    fill(&s, 4, (const double[]){0.1, 0.9, 0.8, 0.7}, (const int64_t[]){0, 0, 1, 1},
         (const double[]){3, 1, 1.5, 0.5});
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s.at}};
    const kt_drawn *d = kt_figure("confusion", "", &run);
    kt_true(d->status == KAON_OK && d->series_count == 1);
    const double expected[] = {75, 25, 0, 100};
    for (int i = 0; i < 4; i++)
        kt_near(d->series[0].z[i], expected[i], 1e-12);
    kt_same_text(d->panels[0].y.names[1], "good");
}

/* --- the overtraining check ------------------------------------------------------------------- */

// scipy 1.x: ks_2samp and special.kolmogorov(sqrt(n) D); the second one with weights, D by hand.
static const double first[] = {0.625, 0.897, 0.776, 0.225, 0.3,   0.874,
                               0.005, 0.821, 0.797, 0.468, 0.303, 0.278};
static const double second[] = {0.112, 0.274, 0.335, 0.388, 0.993, 0.69, 0.468, 0.982, 0.086};
static const double first_weights[] = {1, 2, 1, 1, 0.5, 1, 1, 3, 1, 1, 1, -0.5};
static const double second_weights[] = {1, 1, 2, 1, 1, 1, 0.5, 1, 1};

static const char *check(const sample *train, const sample *test)
{
    const kt_run run = {.scores = {[KAON_PART_TRAIN] = &train->at, [KAON_PART_TEST] = &test->at}};
    const kt_drawn *d = kt_figure("scores", "", &run);
    kt_true(d->status == KAON_OK && d->panel_count == 1);
    return d->caption;
}

KT_TEST(as_scipy_has_it)
{
    sample train, test;
    fill(&train, 12, first, NULL, NULL);
    fill(&test, 9, second, NULL, NULL);
    kt_says(check(&train, &test), "good 0.961361");
    fill(&train, 12, first, NULL, first_weights);
    fill(&test, 9, second, NULL, second_weights);
    kt_says(check(&train, &test), "good 0.53328");
    kt_says(check(&train, &test), "bad nan"); // no row of it
}

KT_TEST(the_same_sample_twice)
{
    sample s;
    fill(&s, 12, first, NULL, NULL);
    kt_says(check(&s, &s), "good 1,");
}

KT_TEST(histograms_have_area_one)
{
    sample s;
    double area = 0;
    fill(&s, 12, first, NULL, first_weights);
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s.at}};
    const kaon_series *h = kt_series(kt_figure("scores", "bins: 10", &run), "good");
    for (int i = 0; i < 10; i++)
        area += h->y[i] * (h->x[i + 1] - h->x[i]);
    kt_near(area, 1, 1e-12);
}

/* --- efficiency ------------------------------------------------------------------------------- */

KT_TEST(half_of_four_pass)
{
    sample s;
    const double features[] = {0, 0, 0, 0, 1, 1, 1, 1};
    fill(&s, 8, (const double[]){0.9, 0.8, 0.1, 0.2, 0.9, 0.9, 0.9, 0.9}, NULL, NULL);
    kaon_table *table =
        kt_table(&(kt_data){.dtype = KAON_F64, .rows = 8, .width = 1, .features = features});
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s.at}, .tables = {[KAON_PART_TEST] = table}};
    const kaon_series *e = kt_series(kt_figure("efficiency", "", &run), "good");
    kt_true(e->count == 2); // whole numbers have a bin each
    kt_near(e->y[0], 0.5, 1e-12);
    kt_near(e->high[0] - e->y[0], 0.22360679774997896, 1e-12); // sqrt(1/16 + 1/64) / 1.25
    kt_near(e->y[1], 1, 1e-12);
    kt_near(e->low[1], 0.8, 1e-12); // 4 / (4 + 1)
    kt_true(kt_figure("efficiency", "variable: absent", &run)->status == KAON_NOT_FOUND);
    ((const kaon_table_api *)kt_service(KAON_TABLE_SERVICE))->release(table);
}

KT_TEST(says_nothing_without_classes)
{
    const kt_run run = {0};
    kt_true(kt_figure("confusion", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("scores", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("efficiency", "", &run)->status == KAON_UNSUPPORTED);
}
