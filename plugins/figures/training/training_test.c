/* training_test.c: histories and stages made by hand. */
#include <kaon/test_figure.h>

#include <math.h>

static const double epochs[] = {1, 2, 3}, falling[] = {3, 2, 1}, lowest[] = {3, 1, 2};

static kaon_history history(const char *learner, const char *name, const double *values)
{
    return (kaon_history){.size = sizeof(kaon_history),
                          .learner = learner,
                          .name = name,
                          .count = 3,
                          .step = epochs,
                          .value = values};
}

KT_TEST(loss_with_its_best_epoch)
{
    const kaon_history all[] = {history("net", "validation_loss", lowest),
                                history("net", "rate", falling), history("net", "loss", falling)};
    const kt_run run = {.history_count = 3, .histories = all};
    const kt_drawn *d = kt_figure("loss", "", &run);
    kt_true(d->status == KAON_OK && d->panel_count == 2); // the loss first, both parts in one
    kt_same_text(d->panels[0].y.label, "loss (net)");
    kt_near(kt_series(d, "validation")->y[1], 1, 0);
    kt_near(kt_series(d, "best: 2")->x[0], 2, 0);
}

KT_TEST(return_of_an_agent)
{
    const kaon_history all[] = {history("q", "return", falling)};
    const kt_run run = {.history_count = 1, .histories = all};
    kt_near(kt_series(kt_figure("return", "", &run), "q")->y[0], 3, 0);
    kt_true(kt_figure("loss", "", &run)->status == KAON_UNSUPPORTED);
}

KT_TEST(stages_in_their_order)
{
    const kaon_stage stages[] = {
        {.size = sizeof stages[0], .name = "reading", .seconds = 1, .joules = 9},
        {.size = sizeof stages[0], .name = "fitting", .seconds = 2, .joules = -1}};
    const kt_run run = {.stage_count = 2, .stages = stages},
                 first = {.stage_count = 1, .stages = stages};
    const kt_drawn *d = kt_figure("timing", "", &run);
    kt_near(d->series[0].x[1], 2, 0);
    kt_same_text(d->panels[0].y.names[1], "fitting");
    kt_same_text(d->panels[0].x.unit, "s");
    kt_near(kt_figure("energy", "", &first)->series[0].x[0], 9, 0);
    kt_true(kt_figure("energy", "", &run)->status == KAON_UNSUPPORTED); // not known of all stages
    kt_says(kt_words(), "powercap");
}

KT_TEST(says_nothing_without_numbers)
{
    const kt_run run = {0};
    kt_true(kt_figure("loss", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("return", "", &run)->status == KAON_UNSUPPORTED);
    kt_true(kt_figure("timing", "", &run)->status == KAON_UNSUPPORTED);
}
