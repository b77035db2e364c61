/* network_test.c: fits with known answers, the training loop's promises, refusals. */
#include <kaon/test.h>

#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEEDS_PARTS()                                                                              \
    do {                                                                                           \
        KT_NEEDS(KAON_LAYER, "dense");                                                             \
        KT_NEEDS(KAON_LAYER, "relu");                                                              \
        KT_NEEDS(KAON_LAYER, "dropout");                                                           \
        KT_NEEDS(KAON_LOSS, "mse");                                                                \
        KT_NEEDS(KAON_LOSS, "softmax_cross_entropy");                                              \
        KT_NEEDS(KAON_OPTIMIZER, "adam");                                                          \
        KT_NEEDS(KAON_PENALTY, "l2");                                                              \
    } while (0)

/* --- early stopping --------------------------------------------------------------------------- */

// The lecture's list: 0.79 is better than 0.8 by more than 0.005; 0.789 and 0.7885 are not better
// than 0.79 by as much.
KT_TEST(stops_as_the_lecture_does)
{
    const double losses[] = {1.0, 0.8, 0.79, 0.795, 0.789, 0.7885, 0.1};
    stopping s = {.patience = 3, .delta = 0.005, .best = INFINITY};
    int64_t epoch = 1;
    for (;; epoch++) {
        stopping_better(&s, epoch, losses[epoch - 1]);
        if (stopping_now(&s))
            break;
    }
    kt_near((double)epoch, 6, 0);
    kt_near((double)s.best_epoch, 3, 0);
    kt_near(s.best, 0.79, 0);
}

/* --- fits with known answers ------------------------------------------------------------------ */

// y = 2 x1 - 3 x2 + 1 on a grid.
enum { GRID = 25 };
static double grid_x[2 * GRID], grid_y[GRID];

static kt_data grid(void)
{
    for (int i = 0; i < GRID; i++) {
        grid_x[2 * i] = i % 5 - 2;
        grid_x[2 * i + 1] = (double)(i / 5) / 2 - 1;
        grid_y[i] = 2 * grid_x[2 * i] - 3 * grid_x[2 * i + 1] + 1;
    }
    return (kt_data){
        .rows = GRID, .width = 2, .features = grid_x, .values = grid_y, .dtype = KAON_F64};
}

KT_TEST(finds_a_line)
{
    NEEDS_PARTS();
    const kt_data data = grid();
    kt_learner n = kt_learner_open("network",
                                   "layers: [dense: {units: 1}], loss: mse, epochs: 400, batch: 0, "
                                   "optimizer: {gd: {learning_rate: 0.2}}",
                                   &data);
    kt_ok(kt_fit(&n, &data, NULL));
    int64_t count = 0;
    double *y = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    kt_near((double)count, GRID, 0);
    for (int i = 0; i < GRID; i++)
        kt_near(y[i], grid_y[i], 1e-9);
    kt_near(kt_metric("loss", 400), 0, 1e-12);
    kt_true(kt_metric("loss", 1) > 1);
    free(y);
    kt_learner_close(&n);
}

// An event of weight 2 pulls as much as two events, one of weight 0 not at all.
KT_TEST(weights_count)
{
    NEEDS_PARTS();
    const double x[] = {0, 0, 0, 0}, y[] = {1, 4, 4, 99}, w[] = {1, 2, 0, 0};
    const kt_data weighted = {
        .rows = 4, .width = 1, .features = x, .values = y, .weights = w, .dtype = KAON_F64};
    kt_learner n = kt_learner_open("network",
                                   "layers: [dense: {units: 1}], loss: mse, epochs: 300, batch: 0, "
                                   "optimizer: {gd: {learning_rate: 0.1}}",
                                   &weighted);
    kt_ok(kt_fit(&n, &weighted, NULL));
    int64_t count = 0;
    double *p = kt_apply(&n, &weighted, KAON_ROLE_PREDICTION, &count);
    kt_near(p[0], 3, 1e-9);                   // (1 + 4 + 4) / 3
    kt_near(kt_metric("loss", 300), 2, 1e-9); // (4 + 1 + 1) / 3
    free(p);
    kt_learner_close(&n);
}

// With strength s on w^2 and unit variance of x, w = 2 / (1 + s): the loss is the mean square.
KT_TEST(penalties_shrink_weights_and_leave_offsets)
{
    NEEDS_PARTS();
    const double x[] = {-1, 1}, y[] = {3, 7};
    const kt_data data = {.rows = 2, .width = 1, .features = x, .values = y, .dtype = KAON_F64};
    kt_learner n = kt_learner_open("network",
                                   "layers: [dense: {units: 1}], loss: mse, epochs: 300, batch: 0, "
                                   "optimizer: {gd: {learning_rate: 0.2}}, "
                                   "penalty: {l2: {strength: 0.25}}",
                                   &data);
    kt_ok(kt_fit(&n, &data, NULL));
    int64_t count = 0;
    double *p = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    kt_near(p[0], 5 - 1.6, 1e-9);
    kt_near(p[1], 5 + 1.6, 1e-9);
    free(p);
    kt_learner_close(&n);
}

// One event, one weight, no offset, mse: w <- w - 0.1 * 2 (w - y) from the same start. A gradient
// of 2 (w - 10) is cut to -4 by value, and to 3 in length by norm.
static double after_one_step(const char *more)
{
    const double x[] = {1}, y[] = {10};
    const kt_data data = {.rows = 1, .width = 1, .features = x, .values = y, .dtype = KAON_F64};
    char settings[512];
    snprintf(settings, sizeof settings,
             "layers: [dense: {units: 1, bias: false}], loss: mse, batch: 0, "
             "optimizer: {gd: {learning_rate: 0.1}}, %s",
             more);
    kt_learner n = kt_learner_open("network", settings, &data);
    kt_ok(kt_fit(&n, &data, NULL));
    int64_t count = 0;
    double *p = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    const double weight = p[0];
    free(p);
    kt_learner_close(&n);
    return weight;
}

KT_TEST(gradients_are_clipped)
{
    NEEDS_PARTS();
    const double start = after_one_step("epochs: 0");
    const double free_step = -0.2 * (start - 10);
    kt_true(free_step > 0.5);
    kt_near(after_one_step("epochs: 1"), start + free_step, 1e-12);
    kt_near(after_one_step("epochs: 1, clip_value: 4"), start + 0.4, 1e-12);
    kt_near(after_one_step("epochs: 1, clip_norm: 3"), start + 0.3, 1e-12);
    kt_near(after_one_step("epochs: 1, clip_value: 1e6"), start + free_step, 1e-12);
}

// Half the rate in the second epoch: w1 = w0 + a d, w2 = w1 + a d' / 2.
KT_TEST(schedules_multiply_the_rate)
{
    NEEDS_PARTS();
    KT_NEEDS(KAON_SCHEDULE, "step");
    const double start = after_one_step("epochs: 0");
    const double first = start - 0.2 * (start - 10), second = first - 0.1 * (first - 10);
    kt_near(after_one_step("epochs: 2, schedule: {step: {factor: 0.5, epochs: 1}}"), second, 1e-12);
}

// With ema of decay 1/2 the model holds (w1 + w2) / 2 after two steps.
KT_TEST(averages_take_the_place_of_weights)
{
    NEEDS_PARTS();
    KT_NEEDS(KAON_AVERAGE, "ema");
    const double one = after_one_step("epochs: 1"), two = after_one_step("epochs: 2");
    kt_near(after_one_step("epochs: 2, average: {ema: {decay: 0.5}}"), (one + two) / 2, 1e-12);
    kt_near(after_one_step("epochs: 1, average: {ema: {decay: 0.5}}"), one, 1e-12);
    kt_near(after_one_step("epochs: 0, average: ema"), after_one_step("epochs: 0"), 0);
}

// A target around 1e6 with a spread of 1e4 is learned as one around 0 with a spread of 1 would be,
// comes back in its own unit, also from a file and as graph, and weights count.
KT_TEST(targets_may_be_scaled)
{
    NEEDS_PARTS();
    const double x[] = {-1, 0, 1, 7}, y[] = {990000, 1000000, 1010000, 0}, w[] = {1, 1, 1, 0};
    const kt_data data = {
        .rows = 4, .width = 1, .features = x, .values = y, .weights = w, .dtype = KAON_F64};
    const char settings[] = "layers: [dense: {units: 1}], loss: mse, epochs: 200, batch: 0, "
                            "scale_target: true, optimizer: {gd: {learning_rate: 0.3}}";
    kt_learner n = kt_learner_open("network", settings, &data);
    const kaon_learner *table = n.part->table;
    kt_ok(kt_fit(&n, &data, NULL));
    kt_near(kt_metric("loss", 200), 0, 1e-12);
    kaon_archive *file = kt_archive_new();
    kt_ok(table->save(n.self, file, kt_diag()));
    kt_learner copy = kt_learner_open("network", settings, &data);
    kt_ok(table->load(copy.self, file, kt_diag()));
    int64_t count = 0;
    double *p = kt_apply(&copy, &data, KAON_ROLE_PREDICTION, &count);
    for (int i = 0; i < 3; i++)
        kt_near(p[i], y[i], 1e-3);

    const int64_t shape[] = {2, 1};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *out = table->build(copy.self, g, g->api->input(g, "x", KAON_F64, 2, shape));
    double result[2];
    const void *inputs[] = {x};
    void *results[] = {result};
    kt_compute(g, NULL, 1, &out, inputs, results);
    kt_near(result[0], 990000, 1e-3);
    kt_near(result[1], 1000000, 1e-3);
    free(p);
    kt_learner_close(&copy);
    kt_learner_close(&n);
    kt_archive_free(file);
}

/* --- classes ---------------------------------------------------------------------------------- */

// Four clouds at the corners of a square, opposite ones of one class: no line separates them.
enum { CLOUD = 400 };
static double cloud_x[2 * CLOUD];
static int64_t cloud_class[CLOUD];

static kt_data clouds(void)
{
    for (int i = 0; i < CLOUD; i++) {
        const double a = sin(12.9898 * i) * 0.6, b = cos(78.233 * i) * 0.6;
        cloud_x[2 * i] = (i % 2 ? 1 : -1) + a;
        cloud_x[2 * i + 1] = (i / 2 % 2 ? 1 : -1) + b;
        cloud_class[i] = (i % 2) ^ (i / 2 % 2);
    }
    return (kt_data){.rows = CLOUD,
                     .width = 2,
                     .features = cloud_x,
                     .classes = cloud_class,
                     .class_count = 2,
                     .dtype = KAON_F32};
}

static const char crossed[] = "layers: [dense: {units: 16, activation: relu}, dense: {units: 2}], "
                              "loss: softmax_cross_entropy, epochs: 40, batch: 32, "
                              "optimizer: {adam: {learning_rate: 0.02}}";

static double accuracy(const double *p, const int64_t *classes, int64_t rows, int64_t width)
{
    int64_t right = 0;
    for (int64_t i = 0; i < rows; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < width; k++)
            best = p[i * width + k] > p[i * width + best] ? k : best;
        right += best == classes[i];
    }
    return (double)right / (double)rows;
}

KT_TEST(separates_what_no_line_does)
{
    NEEDS_PARTS();
    const kt_data data = clouds();
    kt_learner n = kt_learner_open("network", crossed, &data);
    kt_ok(kt_fit(&n, &data, &data));
    int64_t count = 0;
    double *p = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    kt_near((double)count, 2 * CLOUD, 0);
    for (int i = 0; i < CLOUD; i++)
        kt_near(p[2 * i] + p[2 * i + 1], 1, 1e-6);
    kt_true(accuracy(p, cloud_class, CLOUD, 2) > 0.99);
    double best = 0;
    for (int64_t epoch = 1; epoch <= 40; epoch++)
        best = fmax(best, kt_metric("validation_accuracy", epoch));
    kt_true(best > 0.99);
    free(p);
    kt_learner_close(&n);
}

KT_TEST(same_seed_same_bits)
{
    NEEDS_PARTS();
    const kt_data data = clouds();
    double losses[2];
    for (int i = 0; i < 2; i++) {
        kt_learner n = kt_learner_open("network",
                                       "layers: [dense: {units: 16}, relu, dropout: {rate: 0.2}, "
                                       "dense: {units: 2}], loss: softmax_cross_entropy, epochs: 3",
                                       &data);
        kt_ok(kt_fit(&n, &data, NULL));
        losses[i] = kt_metric("loss", 3);
        kt_learner_close(&n);
    }
    kt_near(losses[1], losses[0], 0);
}

/* --- validation ------------------------------------------------------------------------------- */

// What is learned from one half is wrong on the other: the validation loss only rises, and the
// weights of the first epoch come back.
KT_TEST(best_weights_are_kept)
{
    NEEDS_PARTS();
    const double x[] = {1, 1}, y[] = {5, 5}, other[] = {0, 0};
    const kt_data train = {.rows = 2, .width = 1, .features = x, .values = y, .dtype = KAON_F64};
    const kt_data check = {
        .rows = 2, .width = 1, .features = x, .values = other, .dtype = KAON_F64};
    kt_learner n =
        kt_learner_open("network",
                        "layers: [dense: {units: 1, init: zero}], loss: mse, "
                        "epochs: 50, patience: 4, optimizer: {gd: {learning_rate: 0.05}}",
                        &train);
    kt_ok(kt_fit(&n, &train, &check));
    kt_near((double)kt_metric_steps("loss"), 5, 0);
    // After one step both weight and offset are 0.05 * 2 * 5 = 0.5.
    int64_t count = 0;
    double *p = kt_apply(&n, &train, KAON_ROLE_PREDICTION, &count);
    kt_near(p[0], 1, 1e-12);
    kt_near(kt_metric("validation_loss", 1), 1, 1e-12);
    free(p);
    kt_learner_close(&n);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static void trouble(const char *settings, const kt_data *data, const char *words)
{
    kt_learner n = kt_learner_open("network", settings, data);
    kt_fails(kt_fit(&n, data, NULL), KAON_NOT_FINITE);
    kt_says(kt_words(), words);
    kt_says(kt_words(), "epoch ");
    kt_says(kt_words(), "step ");
    // The network still predicts numbers: its weights are those of before the fault.
    const double zeros[] = {0, 0};
    const kt_data one = {.rows = 1, .width = 2, .features = zeros, .dtype = data->dtype};
    int64_t count = 0;
    double *p = kt_apply(&n, &one, KAON_ROLE_PREDICTION, &count);
    kt_true(isfinite(p[0]));
    free(p);
    kt_learner_close(&n);
}

KT_TEST(a_loss_that_is_not_finite_names_its_source)
{
    NEEDS_PARTS();
    kt_data data = grid();
    data.dtype = KAON_F32;
    trouble("layers: [dense: {units: 1}], loss: mse, epochs: 300, batch: 0, "
            "optimizer: {gd: {learning_rate: 50}}",
            &data, "the first that is not is ");
    grid_x[7] = NAN;
    trouble("layers: [dense: {units: 1}], loss: mse, epochs: 2, batch: 0", &data,
            "the features of the batch");
    data = grid();
    data.dtype = KAON_F32;
    grid_y[3] = INFINITY;
    trouble("layers: [dense: {units: 1}], loss: mse, epochs: 2, batch: 0", &data,
            "the target of the batch");
}

KT_TEST(stops_when_asked_and_keeps_what_it_learned)
{
    NEEDS_PARTS();
    const kt_data data = grid();
    kt_learner n = kt_learner_open("network",
                                   "layers: [dense: {units: 1}], loss: mse, epochs: 400, batch: 0, "
                                   "optimizer: {gd: {learning_rate: 0.2}}",
                                   &data);
    kt_cancel_at(300);
    kt_fails(kt_fit(&n, &data, NULL), KAON_CANCELLED);
    int64_t count = 0;
    double *p = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    kt_near(p[0], grid_y[0], 1e-6);
    free(p);
    kt_learner_close(&n);
}

KT_TEST(long_gradients_are_clipped)
{
    NEEDS_PARTS();
    const kt_data data = grid();
    kt_learner n = kt_learner_open("network",
                                   "layers: [dense: {units: 1, init: zero}], loss: mse, epochs: 1, "
                                   "batch: 0, clip_norm: 0.001, "
                                   "optimizer: {gd: {learning_rate: 1}}",
                                   &data);
    kt_ok(kt_fit(&n, &data, NULL));
    const double unit[] = {0, 0, 1, 0, 0, 1};
    const kt_data probe = {.rows = 3, .width = 2, .features = unit, .dtype = KAON_F64};
    int64_t count = 0;
    double *p = kt_apply(&n, &probe, KAON_ROLE_PREDICTION, &count);
    const double w1 = p[1] - p[0], w2 = p[2] - p[0];
    kt_near(sqrt(p[0] * p[0] + w1 * w1 + w2 * w2), 0.001, 1e-12); // one step of just that length
    free(p);
    kt_learner_close(&n);
}

KT_TEST(the_layer_that_fails_first_is_named)
{
    NEEDS_PARTS();
    // 1e25 fits into f32, its square does not: all layers pass, the loss fails. 1e37 grows by 2, by
    // 8 and by 8, and only the last of these is beyond 3.4e38.
    kt_data data = grid();
    data.dtype = KAON_F32;
    for (int i = 0; i < 2 * GRID; i++)
        grid_x[i] = 1e25;
    trouble("layers: [{dense: {units: 1, init: one}, as: only}], loss: mse, epochs: 1, batch: 0",
            &data, "the loss mse");
    for (int i = 0; i < 2 * GRID; i++)
        grid_x[i] = 1e37;
    trouble(
        "layers: [{dense: {units: 8, init: one}, as: first}, "
        "{dense: {units: 8, init: one}, as: middle}, {dense: {units: 1, init: one}, as: last}], "
        "loss: mse, epochs: 1, batch: 0",
        &data, "the output of layer last");
}

// Whole blocks, buckets and a rest: each row is predicted as it is alone.
KT_TEST(predicts_any_number_of_rows)
{
    NEEDS_PARTS();
    enum { MOST = 17000 };
    static double x[2 * MOST];
    const int64_t counts[] = {0, 1, 2, 64, 65, 1030, MOST};
    for (int i = 0; i < 2 * MOST; i++)
        x[i] = sin(i);
    kt_data data = {.rows = MOST, .width = 2, .features = x, .values = x, .dtype = KAON_F64};
    kt_learner n = kt_learner_open("network", "layers: [dense: {units: 1}], loss: mse", &data);
    int64_t count = 0;
    double *all = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        data.rows = counts[i];
        double *some = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
        kt_near((double)count, (double)counts[i], 0);
        for (int64_t j = 0; j < count; j++)
            kt_near(some[j], all[j], 1e-15);
        free(some);
    }
    free(all);
    kt_learner_close(&n);
}

/* --- models ----------------------------------------------------------------------------------- */

KT_TEST(comes_back_from_a_file_and_as_graph)
{
    NEEDS_PARTS();
    const kt_data data = clouds();
    kt_learner n = kt_learner_open("network", crossed, &data);
    const kaon_learner *table = n.part->table;
    kt_ok(kt_fit(&n, &data, NULL));
    kaon_archive *file = kt_archive_new();
    kt_ok(table->save(n.self, file, kt_diag()));
    kt_near(file->api->count(file), 4, 0); // two kernels, two biases, no optimizer memory
    kt_learner copy = kt_learner_open("network", crossed, &data);
    kt_ok(table->load(copy.self, file, kt_diag()));
    int64_t count = 0;
    double *a = kt_apply(&n, &data, KAON_ROLE_PREDICTION, &count);
    double *b = kt_apply(&copy, &data, KAON_ROLE_PREDICTION, &count);
    for (int64_t i = 0; i < count; i++)
        kt_near(b[i], a[i], 0);

    const int64_t shape[] = {3, 2};
    kaon_graph *g = kt_graph(KAON_F32, 0);
    kaon_node *in = g->api->input(g, "features", KAON_F32, 2, shape);
    kaon_node *out = table->build(n.self, g, in);
    float x[6], p[6];
    for (int i = 0; i < 6; i++)
        x[i] = (float)cloud_x[i];
    const void *inputs[] = {x};
    void *results[] = {p};
    kt_compute(g, NULL, 1, &out, inputs, results);
    for (int i = 0; i < 6; i++)
        kt_near(p[i], a[i], 1e-6);

    char *text = NULL;
    kt_ok(table->describe(n.self, &text, kt_diag()));
    kt_says(text, "1_dense");
    kt_says(text, "82 parameters"); // 2 * 16 + 16 + 16 * 2 + 2
    kt_host()->resize(kt_host(), text, 0);
    free(a);
    free(b);
    kt_learner_close(&copy);
    kt_learner_close(&n);
    kt_archive_free(file);
}

static void refuses(const char *settings, const kt_data *data, const char *words)
{
    const kaon_part *part = kt_part(KAON_LEARNER, "network", settings);
    const kaon_learner *table = part->table;
    const kaon_task_facts facts = {
        .size = sizeof facts,
        .feature_rank = 1,
        .feature_shape = &data->width,
        .target_dtype = data->classes ? KAON_I64 : KAON_F32,
        .classes = data->class_count,
        .target_width = 1,
        .float_type = KAON_F32,
    };
    void *self = NULL;
    kaon_status status = table->create(kt_host(), part->settings, &facts, &self, kt_diag());
    if (!status) {
        kt_learner n = {part, self};
        status = kt_fit(&n, data, NULL);
        kt_learner_close(&n);
    }
    kt_fails(status, KAON_INVALID);
    kt_says(kt_words(), words);
}

KT_TEST(refuses_what_does_not_fit)
{
    NEEDS_PARTS();
    const kt_data lines = grid();
    const kt_data classes = clouds();
    refuses("layers: [dense: {units: 1}], loss: mse", &classes, "the target has 2 classes");
    refuses("layers: [dense: {units: 3}], loss: softmax_cross_entropy", &lines,
            "the target holds numbers");
    kt_data five = clouds();
    five.class_count = 5;
    refuses("layers: [dense: {units: 3}], loss: softmax_cross_entropy", &five,
            "gives 3 numbers per event, the target has 5 classes");
    refuses("layers: [dense: {units: 3}, radial: {units: 2}, dense: {units: 1}], loss: mse",
            &(kt_data){.rows = 0, .width = 2, .features = grid_x, .values = grid_y},
            "no events for training");
    cloud_class[17] = 2;
    refuses("layers: [dense: {units: 2}], loss: softmax_cross_entropy", &classes,
            "row 17 of the target 'class' is class 2, 0 to 1 are possible");
    kt_refuses_settings(KAON_LEARNER, "network", "loss: mse", "layers");
    kt_refuses_settings(KAON_LEARNER, "network", "layers: [dense: {unit: 3}], loss: mse", "units");
}
