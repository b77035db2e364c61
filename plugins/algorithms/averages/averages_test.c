/* averages_test.c: averages one can work out by hand. */
#include <kaon/test.h>

#include <math.h>

enum { STEPS = 8 };

// The average after each step, where the weight takes the values 1, 2, 3, ... in turn.
static void averages(const char *name, const char *settings, int32_t dtype, double out[STEPS])
{
    const kaon_program_api *programs = kt_service(KAON_PROGRAM_SERVICE);
    const kaon_part *part = kt_part(KAON_AVERAGE, name, settings);
    const kaon_average *table = part->table;
    kaon_variables *variables = NULL;
    kaon_program *p = NULL;
    kt_ok(programs->variables_new(kt_host(), 1, &variables, kt_diag()));
    kaon_graph *g = kt_graph(dtype, 1);
    const int64_t one = 1;
    kaon_node *weight = kaon_param(g, "w", 1, &one, KAON_INIT_ZERO);
    kaon_node *done = g->api->input(g, "done", KAON_F64, 0, NULL);
    const kaon_pace pace = {.size = sizeof pace,
                            .step = done,
                            .steps = kaon_scalar_as(g, KAON_F64, STEPS),
                            .epoch = done,
                            .epochs = kaon_scalar_as(g, KAON_F64, STEPS),
                            .fresh = done,
                            .loss = done};
    kaon_node *next = kaon_shift(g, weight, 1), *slot = kaon_slot(g, weight, "average");
    kaon_node *average = table->build(g, part->settings, slot, next, &pace);
    kaon_update(g, weight, next);
    kaon_update(g, slot, average);
    kt_ok(g->api->check(g, kt_diag()));
    kaon_node *seen = kaon_cast(g, average, KAON_F64);
    const kaon_compile_job job = {sizeof job, 1, g, &seen, variables, 1};
    kt_ok(programs->compile(kt_host(), &job, &p, kt_diag()));
    for (int i = 0; i < STEPS; i++) {
        const double at = i;
        const void *inputs[] = {&at};
        void *outputs[] = {&out[i]};
        kt_ok(programs->run(p, inputs, outputs, (uint64_t)i, kt_diag()));
    }
    programs->program_free(p);
    programs->graph_free(g);
    programs->variables_release(variables);
}

// 1, then 1 + (2 - 1) / 4 = 1.25, then 1.25 + (3 - 1.25) / 4 = 1.6875: exact in binary.
KT_TEST(ema_moves_a_quarter_of_the_way)
{
    double a[STEPS];
    for (int i = 0; i < 2; i++) {
        averages("ema", "decay: 0.75", i ? KAON_F64 : KAON_F32, a);
        kt_near(a[0], 1, 0);
        kt_near(a[1], 1.25, 0);
        kt_near(a[2], 1.6875, 0);
    }
    averages("ema", "decay: 0", KAON_F32, a);
    kt_near(a[7], 8, 0);
}

// From the fifth step on: 5, (5 + 6) / 2, (5 + 6 + 7) / 3, (5 + 6 + 7 + 8) / 4.
KT_TEST(swa_is_the_mean_of_the_last_half)
{
    double a[STEPS];
    averages("swa", "start: 0.5", KAON_F64, a);
    for (int i = 0; i < 5; i++)
        kt_near(a[i], i + 1, 0);
    kt_near(a[5], 5.5, 0);
    kt_near(a[6], 6, 1e-15);
    kt_near(a[7], 6.5, 1e-15);
}

KT_TEST(refuses_nonsense)
{
    kt_refuses_settings(KAON_AVERAGE, "ema", "decay: 1", "decay");
    kt_refuses_settings(KAON_AVERAGE, "swa", "start: -0.5", "start");
}
