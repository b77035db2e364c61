/* learner_test.c: what every installed learner must do, on small tables of each task it takes.
 *
 * Same seed, same bits; what was saved and loaded applies alike, bit for bit; outputs are finite, of
 * the table's rows, and probabilities where they are classes; an event of weight zero counts for
 * nothing; a request to stop is obeyed; no events, one event, NaN, another width and an empty
 * archive are borne or refused in words. A task a learner refuses in words is not its own.
 */
#include <kaon/test.h>

#include <kaon/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "items.h"

enum { ROWS = 96, WIDTH = 4, CLASSES = 3 };

/* Settings that keep the test quick. */
static const struct {
    const char *name, *settings;
} known[] = {
    {"network", "layers: [{dense: {units: 4, activation: tanh}}, {dense: {units: 1}}], loss: mse, "
                "optimizer: sgd, epochs: 3, batch: 16"},
    {"kmeans", "clusters: 3"},
};

/* Further settings to try. */
static const struct {
    const char *name, *settings;
} variants[] = {
    {"network", "layers: [{dense: {units: 3}}], loss: softmax_cross_entropy, optimizer: adam, "
                "epochs: 2, batch: 16"},
};

/* Exclusions, each with its reason. */
static const struct {
    const char *name, *what, *why;
} excluded[] = {
    {"network", "weight", "an event more changes the batches of all others"},
};

enum { CLASS_TASK, VALUE_TASK, NO_TARGET, TASKS };
static const char *const task_words[] = {"classes", "values", "no target"};

static int is_excluded(const char *name, const char *what)
{
    for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++)
        if (strcmp(excluded[i].name, name) == 0 && strcmp(excluded[i].what, what) == 0)
            return 1;
    return 0;
}

static const char *settings_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].settings;
    return "";
}

/* --- tables ----------------------------------------------------------------------------------- */

typedef struct {
    double features[(ROWS + 1) * WIDTH], values[ROWS + 1], weights[ROWS + 1];
    int64_t classes[ROWS + 1];
} numbers;

// Three clouds of events with weights, some of them negative.
static numbers make_numbers(void)
{
    numbers n;
    kaon_random_stream r = {.seed = 11, .stream = 1};
    for (int64_t i = 0; i <= ROWS; i++) {
        n.classes[i] = i % CLASSES;
        n.values[i] = 0;
        for (int64_t k = 0; k < WIDTH; k++) {
            const double u = kaon_random_uniform(&r) - 0.5;
            n.features[i * WIDTH + k] = u + (k == n.classes[i] ? 3 : 0);
            n.values[i] += u / 2;
        }
        n.weights[i] = i % 8 == 7 ? -0.25 : 0.5 + kaon_random_uniform(&r);
    }
    return n;
}

static kt_data data_of(const numbers *n, int task, int64_t rows)
{
    return (kt_data){.rows = rows,
                     .width = WIDTH,
                     .features = n->features,
                     .classes = task == CLASS_TASK ? n->classes : NULL,
                     .values = task == VALUE_TASK ? n->values : NULL,
                     .weights = n->weights,
                     .class_count = task == CLASS_TASK ? CLASSES : 0,
                     .dtype = KAON_F64};
}

/* --- learners --------------------------------------------------------------------------------- */

// A learner of the part; `self` NULL where its plugin refuses the facts, in words.
static kt_learner open_learner(const kaon_part *part, const kt_data *data)
{
    kt_learner learner = {part, NULL};
    const kaon_learner *table = part->table;
    const kaon_task_facts facts = {
        .size = sizeof facts,
        .feature_rank = 1,
        .feature_shape = &data->width,
        .target_dtype = data->classes ? KAON_I64 : data->values ? data->dtype : -1,
        .classes = data->class_count,
        .target_width = 1,
        .seed = 1,
        .float_type = data->dtype,
    };
    if (table->create(kt_host(), part->settings, &facts, &learner.self, kt_diag())) {
        kt_true(kt_words()[0] != 0);
        learner.self = NULL;
    }
    return learner;
}

// Fits; NULL in `self` where it is refused, which must be in words.
static kt_learner fitted(const kaon_part *part, const kt_data *data)
{
    kt_learner learner = open_learner(part, data);
    if (learner.self && kt_fit(&learner, data, NULL)) {
        kt_true(kt_words()[0] != 0);
        kt_learner_close(&learner);
    }
    return learner;
}

// What the learner is for: predictions if it makes any, else its features.
static double *applied(const kt_learner *learner, const kt_data *data, int64_t *count, int32_t *role)
{
    static const int32_t roles[] = {KAON_ROLE_PREDICTION, KAON_ROLE_FEATURES};
    const kaon_learner *table = learner->part->table;
    const kaon_table_api *tables = kt_service(KAON_TABLE_SERVICE);
    kaon_table *in = kt_table(data), *out = NULL;
    kaon_column column = {.size = sizeof column};
    kt_ok(table->apply(learner->self, in, &out, kt_diag()));
    kt_true(tables->rows(out) == data->rows);
    *role = tables->column_of(out, roles[0], &column) ? roles[1] : roles[0];
    tables->release(in);
    tables->release(out);
    return kt_apply(learner, data, *role, count);
}

static void same_bits(const kt_learner *a, const kt_learner *b, const kt_data *data)
{
    int64_t count_a = 0, count_b = 0;
    int32_t role;
    double *of_a = applied(a, data, &count_a, &role);
    double *of_b = applied(b, data, &count_b, &role);
    kt_true(count_a == count_b);
    kt_true(memcmp(of_a, of_b, (size_t)count_a * sizeof *of_a) == 0);
    free(of_a);
    free(of_b);
}

static void check_outputs(const kt_learner *learner, const kt_data *data)
{
    int64_t count = 0;
    int32_t role;
    double *out = applied(learner, data, &count, &role);
    kt_true(data->rows > 0 && count % data->rows == 0);
    const int64_t width = count / data->rows;
    for (int64_t i = 0; i < count; i++)
        kt_true(isfinite(out[i]));
    for (int64_t i = 0; role == KAON_ROLE_PREDICTION && data->classes && i < data->rows; i++) {
        double sum = 0;
        for (int64_t k = 0; k < width && width == CLASSES; k++) {
            kt_true(out[i * width + k] >= 0);
            sum += out[i * width + k];
        }
        if (width == CLASSES)
            kt_near(sum, 1, 1e-6);
    }
    free(out);
}

static void check_file(const kaon_part *part, const kt_learner *learner, const kt_data *data)
{
    const kaon_learner *table = part->table;
    kaon_archive *file = kt_archive_new(), *empty = kt_archive_new();
    kt_ok(table->save(learner->self, file, kt_diag()));
    kt_learner again = open_learner(part, data);
    kt_ok(table->load(again.self, file, kt_diag()));
    same_bits(learner, &again, data);
    kt_learner nothing = open_learner(part, data);
    if (file->api->count(file)) {
        kt_true(table->load(nothing.self, empty, kt_diag()) != KAON_OK);
        kt_true(kt_words()[0] != 0);
    }
    kt_learner_close(&nothing);
    kt_learner_close(&again);
    kt_archive_free(file);
    kt_archive_free(empty);
}

// An event of weight zero, far away from all others.
static void check_weight(const char *name, const kaon_part *part, const kt_learner *learner,
                         const numbers *n, int task)
{
    numbers more = *n;
    int64_t count = 0;
    int32_t role;
    if (is_excluded(name, "weight"))
        return;
    const kt_data data = data_of(n, task, ROWS), longer = data_of(&more, task, ROWS + 1);
    for (int64_t k = 0; k < WIDTH; k++)
        more.features[ROWS * WIDTH + k] = 100;
    more.weights[ROWS] = 0;
    kt_learner other = fitted(part, &longer);
    kt_true(other.self != NULL);
    double *of_one = applied(learner, &data, &count, &role);
    double *of_other = applied(&other, &data, &count, &role);
    for (int64_t i = 0; i < count; i++)
        kt_near(of_other[i], of_one[i], 1e-9);
    free(of_one);
    free(of_other);
    kt_learner_close(&other);
}

static void check_stop(const kaon_part *part, const kt_data *data)
{
    kt_learner learner = open_learner(part, data);
    kt_cancel_at(1);
    const kaon_status status = kt_fit(&learner, data, NULL);
    kt_true(status == KAON_OK || status == KAON_CANCELLED); // a quick one may be done before it asks
    kt_learner_close(&learner);
}

// None of these may crash or hang; what is refused is refused in words.
static void check_odd_tables(const kaon_part *part, const kt_learner *learner, const numbers *n,
                             int task)
{
    const kaon_learner *table = part->table;
    const kaon_table_api *tables = kt_service(KAON_TABLE_SERVICE);
    numbers bad = *n;
    bad.features[5] = NAN;
    kt_data odd[] = {data_of(n, task, 0), data_of(n, task, 1), data_of(&bad, task, ROWS)};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        kt_learner one = fitted(part, &odd[i]);
        if (one.self)
            kt_learner_close(&one);
    }
    kt_data wide = data_of(n, task, ROWS / 2);
    wide.width = WIDTH * 2;
    kaon_table *in = kt_table(&wide), *out = NULL;
    kt_true(table->apply(learner->self, in, &out, kt_diag()) != KAON_OK);
    kt_true(kt_words()[0] != 0);
    tables->release(in);
}

static void check_task(const char *name, const kaon_part *part, int task)
{
    numbers n = make_numbers();
    const kt_data data = data_of(&n, task, ROWS);
    kt_learner learner = fitted(part, &data);
    if (!learner.self) { // negative weights may be refused, if the words say why
        print_message("    not for %s: %s\n", task_words[task], kt_words());
        for (int64_t i = 0; i <= ROWS; i++)
            n.weights[i] = fabs(n.weights[i]);
        learner = fitted(part, &data);
    }
    if (!learner.self)
        return;
    print_message("    %s\n", task_words[task]);
    kt_learner again = fitted(part, &data);
    same_bits(&learner, &again, &data);
    kt_learner_close(&again);
    check_outputs(&learner, &data);
    check_file(part, &learner, &data);
    check_weight(name, part, &learner, &n, task);
    check_stop(part, &data);
    check_odd_tables(part, &learner, &n, task);
    kt_learner_close(&learner);
}

static void check_learner(const char *name, const kaon_part *part)
{
    for (int task = 0; task < TASKS; task++)
        check_task(name, part, task);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        for (int task = 0; strcmp(variants[i].name, name) == 0 && task < TASKS; task++)
            check_task(name, kt_part(KAON_LEARNER, name, variants[i].settings), task);
}

KT_TEST(learners)
{
    each_item(KAON_LEARNER, settings_of, check_learner);
}
