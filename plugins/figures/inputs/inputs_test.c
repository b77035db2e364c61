/* inputs_test.c: distributions and correlations one can check by hand. */
#include <kaon/test_figure.h>

static const double features[] = {1, 2, -1, 2, 4, -2, 3, 6, -3, 4, 8, -4}; // x, 2x, -x
static const int64_t classes[] = {0, 0, 1, 1};

static void release(kaon_table *table)
{
    ((const kaon_table_api *)kt_service(KAON_TABLE_SERVICE))->release(table);
}

KT_TEST(lines_are_fully_correlated)
{
    kaon_table *t = kt_table(&(kt_data){.dtype = KAON_F64,
                                        .rows = 4,
                                        .width = 3,
                                        .features = features,
                                        .weights = (const double[]){1, 2, 0.5, 1}});
    const kt_run run = {.tables = {[KAON_PART_TEST] = t}};
    const kt_drawn *d = kt_figure("correlation", "", &run);
    const double expected[] = {100, 100, -100, 100, 100, -100, -100, -100, 100};
    kt_true(d->status == KAON_OK);
    for (int i = 0; i < 9; i++)
        kt_near(d->series[0].z[i], expected[i], 1e-9);
    release(t);
}

KT_TEST(shares_of_each_class)
{
    kaon_table *t = kt_table(&(kt_data){.dtype = KAON_F32,
                                        .rows = 4,
                                        .width = 3,
                                        .features = features,
                                        .classes = classes,
                                        .weights = (const double[]){1, 3, -1, 2}});
    const kt_run run = {.tables = {[KAON_PART_TEST] = t}};
    const kt_drawn *d = kt_figure("inputs", "", &run);
    kt_true(d->status == KAON_OK && d->panel_count == 3);
    const kaon_series *first = kt_series(d, "0"), *second = kt_series(d, "1");
    kt_near(first->x[0], 0.5, 0); // whole numbers, a bin each
    kt_near(first->y[0], 0.25, 1e-12);
    kt_near(first->y[1], 0.75, 1e-12);
    kt_near(second->y[2], -1, 1e-12); // negative weights stay what they are
    kt_near(second->y[3], 2, 1e-12);
    release(t);
}

KT_TEST(what_separates_best_is_shown)
{
    const double two[] = {1, 0, 1, 1, 2, 0, 2, 1}; // the second feature says nothing
    kaon_table *t = kt_table(
        &(kt_data){.dtype = KAON_F64, .rows = 4, .width = 2, .features = two, .classes = classes});
    const kt_run run = {.tables = {[KAON_PART_TRAIN] = t}};
    const kt_drawn *d = kt_figure("inputs", "panels: 1", &run);
    kt_true(d->panel_count == 1);
    kt_same_text(d->panels[0].x.label, "feature 0");
    kt_says(d->caption, "1 of 2 features");
    release(t);
}

KT_TEST(says_nothing_without_features)
{
    const kt_run run = {0};
    kt_true(kt_figure("inputs", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("correlation", "", &run)->status == KAON_UNSUPPORTED);
}
