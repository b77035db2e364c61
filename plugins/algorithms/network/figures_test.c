/* figures_test.c: networks on real tables against the reference figures: 64-32 ReLU units, Adam.
 *
 * Row i is a test row if i mod 5 = 0, in file order. Columns are standardised with mean and
 * population deviation of the training rows; pixels are divided by 16.
 */
#include <kaon/test.h>

#include <math.h>
#include <stdlib.h>

// One table, split.
typedef struct {
    int64_t rows[2]; // train, test
    int64_t width;
    int32_t classes;
    double *features[2];
    int64_t *numbers[2];
} sample;

static void *room(int64_t count)
{
    void *memory = calloc((size_t)count, sizeof(double));
    kt_true(memory != NULL);
    return memory;
}

static void scale(sample *s, int64_t column, double divide)
{
    double mean = 0, square = 0;
    for (int64_t i = 0; i < s->rows[0]; i++)
        mean += s->features[0][i * s->width + column] / (double)s->rows[0];
    for (int64_t i = 0; i < s->rows[0]; i++)
        square += pow(s->features[0][i * s->width + column] - mean, 2) / (double)s->rows[0];
    for (int part = 0; part < 2; part++)
        for (int64_t i = 0; i < s->rows[part]; i++) {
            double *x = &s->features[part][i * s->width + column];
            *x = divide > 0 ? *x / divide : (*x - mean) / sqrt(square);
        }
}

static sample read_sample(const char *path, double divide)
{
    int64_t rows, columns;
    double *all = kt_read_csv(kt_shared(path), &rows, &columns);
    sample s = {.width = columns - 1};
    for (int part = 0; part < 2; part++) {
        s.features[part] = room(rows * s.width);
        s.numbers[part] = room(rows);
    }
    for (int64_t i = 0; i < rows; i++) {
        const int part = i % 5 == 0;
        const int64_t class = (int64_t)all[i * columns + s.width];
        for (int64_t j = 0; j < s.width; j++)
            s.features[part][s.rows[part] * s.width + j] = all[i * columns + j];
        s.numbers[part][s.rows[part]++] = class;
        s.classes = class >= s.classes ? (int32_t) class + 1 : s.classes;
    }
    for (int64_t j = 0; j < s.width; j++)
        scale(&s, j, divide);
    free(all);
    return s;
}

static kt_data part_of(const sample *s, int part)
{
    return (kt_data){.rows = s->rows[part],
                     .width = s->width,
                     .features = s->features[part],
                     .classes = s->numbers[part],
                     .class_count = s->classes,
                     .dtype = KAON_F32};
}

// Share of test rows put into their class.
static double accuracy(const char *path, double divide, int epochs)
{
    char settings[512];
    KT_NEEDS(KAON_LAYER, "dense");
    KT_NEEDS(KAON_LAYER, "relu");
    KT_NEEDS(KAON_LOSS, "softmax_cross_entropy");
    KT_NEEDS(KAON_OPTIMIZER, "adam");
    sample s = read_sample(path, divide);
    snprintf(settings, sizeof settings,
             "layers: [dense: {units: 64, activation: relu}, dense: {units: 32, activation: relu}, "
             "dense: {units: %d}], loss: softmax_cross_entropy, epochs: %d, batch: 32",
             (int)s.classes, epochs);
    const kt_data train = part_of(&s, 0), test = part_of(&s, 1);
    kt_learner n = kt_learner_open("network", settings, &train);
    kt_ok(kt_fit(&n, &train, NULL));
    int64_t count = 0, right = 0;
    double *p = kt_apply(&n, &test, KAON_ROLE_PREDICTION, &count);
    for (int64_t i = 0; i < test.rows; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < s.classes; k++)
            best = p[i * s.classes + k] > p[i * s.classes + best] ? k : best;
        right += best == test.classes[i];
    }
    printf("%s: %lld of %lld right, %.4f\n", path, (long long)right, (long long)test.rows,
           (double)right / (double)test.rows);
    free(p);
    kt_learner_close(&n);
    for (int part = 0; part < 2; part++) {
        free(s.features[part]);
        free(s.numbers[part]);
    }
    return (double)right / (double)test.rows;
}

// One row more or less for another random start, 1/2 point on digits.
KT_TEST(iris)
{
    kt_near(accuracy("physics/data/iris.csv", 0, 60), 0.967, 1.01 / 30);
}

KT_TEST(wine)
{
    kt_near(accuracy("physics/data/wine.csv", 0, 40), 1.000, 1.01 / 36);
}

KT_TEST(breast_cancer)
{
    const double a = accuracy("physics/data/breast-cancer.csv", 0, 40);
    kt_true(a >= 0.947 - 1.01 / 114);
    kt_true(a <= 0.956 + 3.01 / 114); // better is no fault
}

KT_TEST(digits)
{
    kt_near(accuracy("physics/data/digits-8x8.csv", 16, 40), 0.98, 0.0105);
}
