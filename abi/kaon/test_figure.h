/* test_figure.h: figures drawn from a run made by hand, for tests.
 *
 *     const kt_run run = {.scores = {[KAON_PART_TEST] = &scores}};
 *     const kt_drawn *drawn = kt_figure("confusion", "", &run);
 *     kt_near(drawn->series[0].z[0], 75, 1e-12);
 */
#ifndef KAON_TEST_FIGURE_H
#define KAON_TEST_FIGURE_H

#include <kaon/figure.h>
#include <kaon/test.h>

#ifdef __cplusplus
extern "C" {
#endif

// All that a figure may ask for; what is NULL or 0 is not there.
typedef struct kt_run {
    const kaon_scores *scores[KAON_PART_COUNT];
    kaon_table *tables[KAON_PART_COUNT];
    int64_t curve_count;
    const kaon_curve *curves;
    const double *sigma; // of all curves
    int64_t history_count;
    const kaon_history *histories;
    int64_t stage_count;
    const kaon_stage *stages;
    int64_t weight_count;
    const kaon_view *weights;
    // Predictions for rows of features, and with other weights.
    void (*predict)(int64_t rows, const double *features, double *out);
    void (*predict_with)(int64_t rows, const double *const *values, double *out);
} kt_run;

// What the figure described. Valid until the next kt_figure.
typedef struct kt_drawn {
    kaon_status status; // of `draw`
    int64_t panel_count;
    kaon_panel panels[64];
    int64_t series_count;
    kaon_series series[256]; // arrays are copies; `reserved` of each: its panel
    char caption[4096];
} kt_drawn;

/* Draws; any status is fine. [one thread] */
const kt_drawn *kt_figure(const char *name, const char *settings, const kt_run *run);

/* The first series with that label; fails the test if there is none. */
const kaon_series *kt_series(const kt_drawn *drawn, const char *label);

#ifdef __cplusplus
}
#endif
#endif
