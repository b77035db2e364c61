/* curves_test.c: what becomes of curves of metrics. */
#include <kaon/test_figure.h>

#include <math.h>

static const double x[] = {0, 0.2, 1}, y[] = {0, 0.8, 1}, at[] = {INFINITY, 0.5, 0.1};
static const double sigma[] = {0.1, 0.1, 0.1};
static const char *const names[] = {"b", "s"};
static const kaon_scores two = {
    .size = sizeof two, .task = KAON_CLASSIFICATION, .rows = 3, .classes = 2, .class_names = names};

static kaon_curve curve(const char *name, int64_t of_class)
{
    return (kaon_curve){.size = sizeof(kaon_curve),
                        .name = name,
                        .of_class = of_class,
                        .count = 3,
                        .x = x,
                        .y = y,
                        .threshold = at,
                        .x_label = "false positive rate",
                        .y_label = "true positive rate"};
}

KT_TEST(one_curve_of_two_classes)
{
    const kaon_curve both[] = {curve("roc", 0), curve("roc", 1)};
    const kt_run run = {
        .scores = {[KAON_PART_TEST] = &two}, .curve_count = 2, .curves = both, .sigma = sigma};
    const kt_drawn *d = kt_figure("roc", "", &run);
    // 0.2 * 0.8 / 2 + 0.8 * (0.8 + 1) / 2
    const kaon_series *s = kt_series(d, "s, AUC 0.8000");
    kt_near(s->also[1], 0.5, 0);
    kt_near(s->low[1], 0.7, 1e-15);
    kt_near(s->low[0], 0, 0); // shares end at 0 and 1
    kt_near(s->high[2], 1, 0);
    kt_true(d->series_count == 4); // chance, its table, curve, band
}

KT_TEST(marks_the_highest_point)
{
    static const double peak[] = {1, 3, 2};
    kaon_curve c = curve("asimov_significance", 0);
    c.y = peak;
    const kt_run run = {.scores = {[KAON_PART_TEST] = &two}, .curve_count = 1, .curves = &c};
    kt_near(kt_series(kt_figure("significance", "", &run), "highest: 3 at 0.2")->x[0], 0.2, 0);
}

KT_TEST(says_nothing_without_curves)
{
    const kt_run none = {0}, bare = {.scores = {[KAON_PART_TEST] = &two}};
    kt_true(kt_figure("roc", "", &none)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("calibration", "", &bare)->status == KAON_UNSUPPORTED);
    kt_says(kt_words(), "no metric gives a curve 'calibration'");
}
