/* optimizers_test.c: exact traces on f(w) = (w1^2 + 10 w2^2) / 2 from (1, 1), of the lecture. */
#include <kaon/test.h>

#include <math.h>
#include <stdio.h>

enum { STEPS = 10 };

// Runs ten steps; trace[i] is the point after step i + 1.
static void descend(const char *name, const char *settings, double trace[STEPS][2])
{
    const kaon_program_api *programs = kt_service(KAON_PROGRAM_SERVICE);
    const kaon_part *part = kt_part(KAON_OPTIMIZER, name, settings);
    const kaon_optimizer *table = part->table;
    const int64_t two = 2;
    const double bend[] = {1, 10};
    kaon_variables *variables = NULL;
    kaon_program *p = NULL;
    kt_ok(programs->variables_new(kt_host(), 1, &variables, kt_diag()));
    kaon_graph *g = kt_graph(KAON_F64, 1);
    if (table->point)
        g->api->through(g, table->point, part->settings);
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0, 1, 0, (void *)bend,
                            &two,        NULL};
    kaon_node *w = kaon_param(g, "w", 1, &two, KAON_INIT_ONE), *param = NULL, *grad = NULL;
    kaon_node *f = kaon_scale(
        g, kaon_sum_all(g, kaon_mul(g, g->api->constant(g, &view), kaon_square(g, w))), 0.5);
    g->api->through(g, NULL, NULL);
    kt_near(g->api->params(g, 1, &param), 1, 0);
    kt_ok(g->api->gradient(g, f, NULL, 1, &param, &grad));
    kaon_node *rate = g->api->input(g, "rate", KAON_F64, 0, NULL);
    kaon_node *step = g->api->input(g, "step", KAON_F64, 0, NULL);
    kaon_node *next = table->build(g, part->settings, param, grad, rate, step);
    kaon_update(g, param, next);
    kt_ok(g->api->check(g, kt_diag()));
    const kaon_compile_job job = {sizeof job, 1, g, &next, variables, 7};
    kt_ok(programs->compile(kt_host(), &job, &p, kt_diag()));
    for (int i = 0; i < STEPS; i++) {
        const double one = 1, number = i + 1;
        const void *inputs[] = {&one, &number};
        void *results[] = {trace[i]};
        kt_ok(programs->run(p, inputs, results, (uint64_t)i, kt_diag()));
    }
    programs->program_free(p);
    programs->graph_free(g);
    programs->variables_release(variables);
}

// clang-format off
// The lecture's table; NAN where it prints one number only. Rows without a figure of the lecture are
// followed by a property instead.
static const struct {
    const char *name, *settings;
    double after[4][2]; // 1, 2, 3, 10 steps
} rows[] = {
    { "gd", "learning_rate: 0.1",
      {{0.9, 0}, {0.81, 0}, {0.729, 0}, {0.34867844, 0}} },
    { "sgd", "learning_rate: 0.1",
      {{0.9, 0}, {0.81, 0}, {0.729, 0}, {0.34867844, 0}} },
    { "momentum", "learning_rate: 0.1",
      {{0.99, 0.9}, {0.9711, 0.72}, {0.944379, 0.486}, {0.62107911, -0.58878939}} },
    { "momentum", "learning_rate: 0.01, classical: true",
      {{0.99, 0.9}, {0.9711, 0.72}, {0.944379, 0.486}, {0.62107911, -0.58878939}} },
    { "nesterov", "learning_rate: 0.01",
      {{0.99, 0.9}, {0.97119, 0.729}, {0.94471839, 0.51759}, {0.62995645, -0.35037540}} },
    { "adagrad", "learning_rate: 0.1",
      {{0.9, 0.9}, {0.83310353, 0.83310353}, {0.78045618, 0.78045618}, {0.55373120, 0.55373120}} },
    { "adadelta", "",
      {{0.99955279, 0.99955279}, {0.99909997, 0.99909997}, {0.99864344, 0.99864344},
       {0.99539124, 0.99539124}} },
    { "rmsprop", "learning_rate: 0.01",
      {{0.96837722, 0.96837722}, {0.94578803, 0.94578802}, {0.92705310, 0.92705310},
       {0.83205242, 0.83205242}} },
    { "adam", "learning_rate: 0.1",
      {{0.9, 0.9}, {0.80041223, 0.80041223}, {0.70158627, 0.70158627}, {0.07624916, 0.07624915}} },
    { "adam", "learning_rate: 0.1, epsilon_inside: true",
      {{0.9, 0.9}, {0.80041223, 0.80041223}, {0.70158627, 0.70158627}, {0.07624916, 0.07624915}} },
    { "adamw", "learning_rate: 0.1, weight_decay: 0",
      {{0.9, 0.9}, {0.80041223, 0.80041223}, {0.70158627, 0.70158627}, {0.07624916, 0.07624915}} },
    { "amsgrad", "learning_rate: 0.1",
      {{0.68377382, 0.68377225}, {0.27020885, 0.27020600}, {-0.16213777, -0.16214144},
       {0.15641839, 0.15642276}} },
};
// clang-format on

KT_TEST(traces_of_the_lecture)
{
    static const int at[] = {0, 1, 2, 9};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double trace[STEPS][2];
        descend(rows[i].name, rows[i].settings, trace);
        printf("%-9s", rows[i].name);
        for (int j = 0; j < 4; j++)
            printf("  %11.8f %11.8f", trace[at[j]][0], trace[at[j]][1]);
        printf("   %s\n", rows[i].settings);
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 2; k++)
                kt_near(trace[at[j]][k], rows[i].after[j][k], 1e-7);
    }
}

// With decay d a plain step is (1 - eta (1 + d)) w; adamw takes eta d w beside its step of eta.
KT_TEST(weight_decay)
{
    double trace[STEPS][2];
    descend("gd", "learning_rate: 0.1, weight_decay: 0.5", trace);
    kt_near(trace[0][0], 1 - 0.1 * 1.5, 1e-15);
    kt_near(trace[1][0], 0.85 * 0.85, 1e-15);
    descend("adamw", "learning_rate: 0.1, weight_decay: 0.5", trace);
    kt_near(trace[0][0], 1 - 0.1 * 0.5 - 0.1, 1e-8);
}

// Beyond 2 / lambda_max = 0.2 plain descent diverges.
KT_TEST(too_long_steps_diverge)
{
    double trace[STEPS][2];
    descend("gd", "learning_rate: 0.19", trace);
    kt_true(fabs(trace[9][1]) < 1);
    descend("gd", "learning_rate: 0.21", trace);
    kt_true(fabs(trace[9][1]) > 1);
}

KT_TEST(refuses_nonsense)
{
    kt_refuses_settings(KAON_OPTIMIZER, "adam", "learning_rate: 0", "learning_rate");
    kt_refuses_settings(KAON_OPTIMIZER, "adam", "beta1: 1", "beta1");
    kt_refuses_settings(KAON_OPTIMIZER, "adam", "learning_rat: 1", "learning_rate");
}
