/* regression_test.c: residuals whose width is known. */
#include <kaon/random.h>
#include <kaon/test_figure.h>

#include <math.h>
#include <stdlib.h>

enum { ROWS = 20000 };

typedef struct {
    kaon_scores at;
    double predicted[ROWS], target[ROWS], weight[ROWS], sigma[ROWS];
} sample;

// Residuals of mean 2 and width 3, with one row in ten far away.
static sample *draw_sample(int32_t with_sigma)
{
    sample *s = calloc(1, sizeof *s);
    kaon_random_stream random = {.seed = 5};
    kt_true(s != NULL);
    for (int i = 0; i < ROWS; i++) {
        const double u = 1 - kaon_random_uniform(&random), v = kaon_random_uniform(&random);
        const double z = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
        s->target[i] = 100 * kaon_random_uniform(&random);
        s->predicted[i] = s->target[i] + 2 + 3 * z + (i % 10 == 0 ? 100 : 0);
        s->weight[i] = 1;
        s->sigma[i] = 3;
    }
    s->at = (kaon_scores){.size = sizeof s->at,
                          .task = KAON_REGRESSION,
                          .rows = ROWS,
                          .width = 1,
                          .predicted = s->predicted,
                          .sigma = with_sigma ? s->sigma : NULL,
                          .target = s->target,
                          .weight = s->weight};
    return s;
}

static void core_of(const kt_drawn *d, int64_t panel, const char *format, double *mean,
                    double *width)
{
    *mean = *width = NAN;
    for (int64_t i = 0; i < d->series_count; i++)
        if (d->series[i].reserved == panel && d->series[i].label)
            kt_true(sscanf(d->series[i].label, format, mean, width) == 2);
}

KT_TEST(the_core_is_found_among_outliers)
{
    double mean, width;
    sample *s = draw_sample(1);
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s->at}};
    const kt_drawn *d = kt_figure("residuals", "", &run);
    kt_true(d->status == KAON_OK && d->panel_count == 4);
    core_of(d, 0, "Gaussian, mean %lf, width %lf", &mean, &width);
    kt_near(mean, 2, 0.08); // 3 / sqrt(18000) = 0.02, and what outliers pull
    kt_near(width, 3, 0.08);
    core_of(d, 1, "unit Gaussian (core: %lf, width %lf)", &mean, &width); // pulls
    kt_near(mean, 2.0 / 3, 0.03);
    kt_near(width, 1, 0.03);
    const kaon_series *bias = kt_series(d, "bias");
    kt_near(bias->y[6], 2, 0.4);
    kt_near(kt_series(d, "resolution (width)")->y[6], 3, 0.4);
    free(s);
}

KT_TEST(pulls_without_predicted_uncertainties)
{
    double mean, width;
    sample *s = draw_sample(0);
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s->at}};
    core_of(kt_figure("residuals", "", &run), 1, "unit Gaussian (core: %lf, width %lf)", &mean,
            &width);
    kt_near(width, 1, 0.03); // by construction
    free(s);
}

KT_TEST(few_rows_and_none)
{
    sample *s = draw_sample(1);
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s->at}}, none = {0};
    s->at.rows = 1;
    kt_true(kt_figure("residuals", "", &run)->status == KAON_OK);
    s->at.rows = 0;
    kt_true(kt_figure("residuals", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("residuals", "", &none)->status == KAON_UNSUPPORTED);
    free(s);
}
