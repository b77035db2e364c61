/* schedules_test.c: factors one can work out by hand, and those of PyTorch 2. */
#include <kaon/test.h>

#include <math.h>

enum { EPOCHS = 4, PER_EPOCH = 5, STEPS = EPOCHS * PER_EPOCH };

// The factor at each of the steps; after each epoch the loss losses[epoch] is told.
static void factors(const char *name, const char *settings, int steps, int per_epoch,
                    const double *losses, double *out)
{
    const kaon_program_api *programs = kt_service(KAON_PROGRAM_SERVICE);
    const kaon_part *part = kt_part(KAON_SCHEDULE, name, settings);
    const kaon_schedule *table = part->table;
    kaon_variables *variables = NULL;
    kaon_program *p = NULL;
    kt_ok(programs->variables_new(kt_host(), 1, &variables, kt_diag()));
    kaon_graph *g = kt_graph(KAON_F32, 1);
    const kaon_pace pace = {.size = sizeof pace,
                            .step = g->api->input(g, "step", KAON_F64, 0, NULL),
                            .epoch = g->api->input(g, "epoch", KAON_F64, 0, NULL),
                            .fresh = g->api->input(g, "fresh", KAON_F64, 0, NULL),
                            .loss = g->api->input(g, "loss", KAON_F64, 0, NULL),
                            .steps = kaon_scalar_as(g, KAON_F64, steps),
                            .epochs = kaon_scalar_as(g, KAON_F64, steps / per_epoch)};
    kaon_node *factor = table->build(g, part->settings, &pace);
    kt_ok(g->api->check(g, kt_diag()));
    const kaon_compile_job job = {sizeof job, 1, g, &factor, variables, 1};
    kt_ok(programs->compile(kt_host(), &job, &p, kt_diag()));
    for (int i = 0; i < steps; i++) {
        const int fresh = i % per_epoch == 0 && i > 0;
        const double in[] = {i, (double)i / per_epoch, fresh,
                             fresh ? losses[i / per_epoch - 1] : 0};
        const void *inputs[] = {&in[0], &in[1], &in[2], &in[3]};
        void *outputs[] = {&out[i]};
        kt_ok(programs->run(p, inputs, outputs, (uint64_t)i, kt_diag()));
    }
    programs->program_free(p);
    programs->graph_free(g);
    programs->variables_release(variables);
}

static const double no_losses[STEPS];

KT_TEST(a_constant_rate_stays)
{
    double f[STEPS];
    factors("constant", "", STEPS, PER_EPOCH, no_losses, f);
    for (int i = 0; i < STEPS; i++)
        kt_near(f[i], 1, 0);
}

KT_TEST(steps_drop_at_whole_epochs)
{
    double f[STEPS];
    factors("step", "factor: 0.1, epochs: 2", STEPS, PER_EPOCH, no_losses, f);
    kt_near(f[0], 1, 0);
    kt_near(f[9], 1, 0);
    kt_near(f[10], 0.1, 1e-15);
    kt_near(f[19], 0.1, 1e-15);
}

KT_TEST(exponentials_fall_all_the_time)
{
    double f[STEPS];
    factors("exponential", "factor: 0.01, epochs: 2", STEPS, PER_EPOCH, no_losses, f);
    kt_near(f[0], 1, 0);
    kt_near(f[5], 0.1, 1e-14);
    kt_near(f[10], 0.01, 1e-15);
}

// CosineAnnealingLR(T_max=20, eta_min=0.1), every third.
KT_TEST(cosine_as_pytorch_has_it)
{
    static const double want[] = {1.0,
                                  0.9509529358847655,
                                  0.8145033635316129,
                                  0.620395509268104,
                                  0.41094235253127387,
                                  0.23180194846605376,
                                  0.12202456766718094};
    double f[STEPS];
    factors("cosine", "last: 0.1", STEPS, PER_EPOCH, no_losses, f);
    for (int i = 0; i < 7; i++)
        kt_near(f[3 * i], want[i], 1e-14);
}

// Four steps of twenty: 1/5, 2/5, 3/5, 4/5 of the rate, then half a cosine over the other sixteen.
KT_TEST(a_warmup_comes_before)
{
    double f[STEPS];
    factors("cosine", "warmup: 0.2, last: 0", STEPS, PER_EPOCH, no_losses, f);
    for (int i = 0; i < 4; i++)
        kt_near(f[i], (i + 1) / 5.0, 1e-15);
    kt_near(f[4], 1, 1e-15);
    kt_near(f[12], 0.5, 1e-15);
    kt_near(f[19], 0.5 * (1 + cos(15 * acos(-1) / 16)), 1e-14);
}

// OneCycleLR(max_lr=1, total_steps=20).
KT_TEST(one_cycle_as_pytorch_has_it)
{
    static const double want[STEPS] = {0.04,
                                       0.1316718427000253,
                                       0.3716718427000253,
                                       0.6683281572999747,
                                       0.9083281572999747,
                                       1.0,
                                       0.9874640062350873,
                                       0.9504846320134737,
                                       0.89091617757105,
                                       0.8117456539497631,
                                       0.7169430017913008,
                                       0.6112620219362893,
                                       0.500002,
                                       0.388741978063711,
                                       0.2830609982086992,
                                       0.188258346050237,
                                       0.10908782242895,
                                       0.0495193679865265,
                                       0.0125399937649126,
                                       4e-06};
    double f[STEPS];
    factors("one_cycle", "", STEPS, PER_EPOCH, no_losses, f);
    for (int i = 0; i < STEPS; i++)
        kt_near(f[i], want[i], 1e-14);
}

// ReduceLROnPlateau(factor=0.5, patience=1, threshold=0), which counts what is more than its
// patience.
KT_TEST(plateau_as_pytorch_has_it)
{
    static const double losses[] = {1.0,  0.9,  0.95, 0.9,  0.91, 0.8,
                                    0.85, 0.81, 0.82, 0.83, 0.84, 0.7};
    static const double want[] = {1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125};
    double f[24];
    factors("plateau", "factor: 0.5, patience: 2", 24, 2, losses, f);
    for (int i = 0; i < 24; i++)
        kt_near(f[i], want[i / 2], 0);
    factors("plateau", "factor: 0.5, patience: 2, least: 0.3", 24, 2, losses, f);
    kt_near(f[23], 0.3, 0);
    // Falling by 0.1 is not more than 0.15: only the first loss and the last are.
    factors("plateau", "factor: 0.5, patience: 3, delta: 0.15", 24, 2, losses, f);
    kt_near(f[6], 1, 0);
    kt_near(f[8], 0.5, 0);
}

KT_TEST(refuses_nonsense)
{
    kt_refuses_settings(KAON_SCHEDULE, "step", "factor: 2", "factor");
    kt_refuses_settings(KAON_SCHEDULE, "cosine", "warmup: 1", "warmup");
    kt_refuses_settings(KAON_SCHEDULE, "plateau", "patience: 0", "patience");
}
