/* model_test.c: learners in a row: fitted, applied, saved, loaded, and files somebody has tampered
 * with. */
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "experiment/model.h"
#include "experiment/predictor.h"
#include "experiment/safetensors.h"
#include "kernel/host.h"
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 60, WIDTH = 3 };

static char path[] = "/tmp/kaon-model-XXXXXX";
static kn_diag fault;
static kn_kernel *kernel;
static int missing;

static const char *const two_learners = "[standardize, kmeans: {clusters: 2, restarts: 2}]";

/* --- a table: two clouds far apart --------------------------------------------------------------
 */

static kaon_table *make_table(int64_t width)
{
    kaon_table *t = NULL;
    const int64_t shape[] = {ROWS, width};
    kaon_column c = {.size = sizeof c,
                     .role = KAON_ROLE_FEATURES,
                     .name = "features",
                     .view = {.size = sizeof c.view,
                              .dtype = KAON_F32,
                              .device_type = KAON_DEVICE_CPU,
                              .rank = 2,
                              .shape = shape}};
    assert_int_equal(kn_table_new(ROWS, &t, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_column_add(t, &c, &fault.diag), KAON_OK);
    for (int64_t i = 0; i < ROWS * width; i++)
        ((float *)c.view.data)[i] = (float)(i / width % 2 * 100 + i * 7 % 5);
    return t;
}

// A model with everything it borrows.
typedef struct {
    kn_config_tree *tree;
    kn_settings settings;
    kn_faults faults;
    kn_model *model;
} fixture;

static void make_model(fixture *f, const char *list)
{
    kn_config *resolved = NULL;
    *f = (fixture){.tree = kn_config_tree_new()};
    kn_settings_init(&f->settings, kernel, f->tree, &f->faults);
    const kn_config *node = kn_config_parse(f->tree, "model", list, strlen(list), &f->faults);
    const kaon_parts parts = kn_settings_parts(&f->settings, KAON_LEARNER, node, &resolved);
    if (kn_faults_status(&f->faults, &fault.diag) ||
        kn_model_new(&f->settings, parts, resolved, &f->model, &fault.diag))
        fail_msg("%s", fault.text);
}

static void fit(fixture *f, kaon_table *table)
{
    const kn_model_fit how = {.train = table, .seed = 3, .float_type = KAON_F32};
    if (kn_model_fit_tables(f->model, &how, &fault.diag))
        fail_msg("%s", fault.text);
}

static void done(fixture *f)
{
    kn_model_free(f->model);
    kn_settings_fini(&f->settings);
    kn_faults_fini(&f->faults);
    kn_config_tree_free(f->tree);
}

static const int64_t *clusters_of(kaon_table *predicted)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(predicted, KAON_ROLE_PREDICTION, &c), KAON_OK);
    assert_int_equal(c.view.dtype, KAON_I64);
    return c.view.data;
}

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (missing)                                                                               \
            skip();                                                                                \
    } while (0)

/* --- tests ------------------------------------------------------------------------------------ */

static void fits_and_predicts(void **state)
{
    fixture f;
    kaon_table *table = make_table(WIDTH), *predicted = NULL;
    (void)state;
    NEED_PLUGINS;
    make_model(&f, two_learners);
    assert_false(kn_model_ready(f.model));
    assert_int_equal(kn_model_apply(f.model, table, &predicted, &fault.diag), KAON_INVALID);
    fit(&f, table);
    assert_true(kn_model_ready(f.model));
    assert_int_equal(kn_model_apply(f.model, table, &predicted, &fault.diag), KAON_OK);
    const int64_t *cluster = clusters_of(predicted);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(cluster[i], cluster[i % 2]);
    assert_int_not_equal(cluster[0], cluster[1]);
    kn_table_release(predicted);
    kn_table_release(table);
    done(&f);
}

static void refuses_other_features(void **state)
{
    fixture f;
    kaon_table *table = make_table(WIDTH), *wider = make_table(WIDTH + 1), *predicted = NULL;
    (void)state;
    NEED_PLUGINS;
    make_model(&f, two_learners);
    fit(&f, table);
    kn_diag_clear(&fault);
    assert_int_equal(kn_model_apply(f.model, wider, &predicted, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "fitted to 3 numbers per event (rank 1), the table has 4"));
    kn_table_release(wider);
    kn_table_release(table);
    done(&f);
}

static void comes_back_from_its_file(void **state)
{
    static const char *const features[] = {"pt", "eta", "phi"};
    fixture f;
    kn_model *loaded = NULL;
    kn_faults faults = {0};
    kaon_table *table = make_table(WIDTH), *a = NULL, *b = NULL;
    (void)state;
    NEED_PLUGINS;
    make_model(&f, two_learners);
    fit(&f, table);
    const kn_model_data data = {.feature_count = WIDTH, .features = features, .config = "{}"};
    assert_int_equal(kn_model_set_data(f.model, &data, &fault.diag), KAON_OK);
    assert_int_equal(kn_model_save(f.model, path, &fault.diag), KAON_OK);
    if (kn_model_load(kernel, path, &loaded, &faults, &fault.diag))
        fail_msg("%s", fault.text);
    assert_int_equal(kn_model_count(loaded), 2);
    assert_int_equal(kn_model_facts(loaded)->seed, 3);
    assert_string_equal(kn_model_get_data(loaded)->features[2], "phi");
    assert_int_equal(kn_model_apply(f.model, table, &a, &fault.diag), KAON_OK);
    assert_int_equal(kn_model_apply(loaded, table, &b, &fault.diag), KAON_OK);
    assert_memory_equal(clusters_of(a), clusters_of(b), ROWS * sizeof(int64_t));
    kn_table_release(a);
    kn_table_release(b);
    kn_model_free(loaded);
    kn_faults_fini(&faults);
    kn_table_release(table);
    done(&f);
}

// The fast path through tables and through one program gives what `apply` gives.
static void predictors_agree(void **state)
{
    fixture f;
    kn_predictor *p = NULL;
    kaon_table *table = make_table(WIDTH), *predicted = NULL;
    kaon_column features = {.size = sizeof features};
    float out[ROWS];
    (void)state;
    NEED_PLUGINS;
    make_model(&f, two_learners);
    fit(&f, table);
    kn_host *host = kn_host_new("test");
    if (kn_predictor_new(f.model, kn_host_table(host), 7, KAON_F32, &p, &fault.diag))
        fail_msg("%s", fault.text);
    assert_int_equal(kn_predictor_inputs(p), WIDTH);
    assert_int_equal(kn_predictor_outputs(p), 1);
    assert_int_equal(kn_table_column_of(table, KAON_ROLE_FEATURES, &features), KAON_OK);
    assert_int_equal(kn_predictor_run_rows(p, ROWS, features.view.data, out, &fault.diag), KAON_OK);
    assert_int_equal(kn_model_apply(f.model, table, &predicted, &fault.diag), KAON_OK);
    for (int i = 0; i < ROWS; i++)
        assert_true(out[i] == (float)clusters_of(predicted)[i]);
    kn_predictor_free(p);
    kn_host_free(host);
    kn_table_release(predicted);
    kn_table_release(table);
    done(&f);
}

static void refuses_what_is_no_model(void **state)
{
    kn_model *loaded = NULL;
    kn_faults faults = {0};
    (void)state;
    kn_safetensors *file = kn_safetensors_new();
    assert_int_equal(kn_safetensors_put_text(file, "format", "pt", &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_write(file, path, &fault.diag), KAON_OK);
    kn_diag_clear(&fault);
    assert_int_equal(kn_model_load(kernel, path, &loaded, &faults, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "no Kaon model"));
    assert_null(loaded);
    kn_safetensors_free(file);
    kn_faults_fini(&faults);
}

/* --- tampering -------------------------------------------------------------------------------- */

// A copy of the file with one text changed and sealed again, as somebody with bad intentions would.
static void write_changed(const kn_safetensors *from, const char *which, const char *text)
{
    kn_safetensors *to = kn_safetensors_new();
    const char *name;
    for (int32_t i = 0; (name = kn_safetensors_text_name(from, i)); i++)
        assert_int_equal(kn_safetensors_put_text(
                             to, name, strcmp(name, which) ? kn_safetensors_text(from, name) : text,
                             &fault.diag),
                         KAON_OK);
    for (int32_t i = 0; (name = kn_safetensors_name(from, i)); i++) {
        kaon_view view;
        assert_int_equal(kn_safetensors_get(from, name, &view, &fault.diag), KAON_OK);
        assert_int_equal(kn_safetensors_put(to, name, &view, &fault.diag), KAON_OK);
    }
    assert_int_equal(kn_safetensors_write(to, path, &fault.diag), KAON_OK);
    kn_safetensors_free(to);
}

// Loads what may be anything; a failure has words, a success can predict or say why not.
static void load_anything(kaon_table *table)
{
    kn_model *loaded = NULL;
    kn_faults faults = {0};
    kaon_table *predicted = NULL;
    kn_diag_clear(&fault);
    if (kn_model_load(kernel, path, &loaded, &faults, &fault.diag)) {
        assert_null(loaded);
        assert_true(*fault.text);
    } else if (!kn_model_apply(loaded, table, &predicted, &fault.diag)) {
        kn_table_release(predicted);
    }
    kn_model_free(loaded);
    kn_faults_fini(&faults);
}

static void tampered_files_are_harmless(void **state)
{
    static const char *const names[] = {"kaon.model", "kaon.facts", "kaon.features", "format"};
    fixture f;
    kn_safetensors *file = NULL;
    kaon_table *table = make_table(WIDTH);
    (void)state;
    NEED_PLUGINS;
    make_model(&f, two_learners);
    fit(&f, table);
    assert_int_equal(kn_model_save(f.model, path, &fault.diag), KAON_OK);
    assert_int_equal(kn_safetensors_read(path, &file, &fault.diag), KAON_OK);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const char *text = kn_safetensors_text(file, names[n]);
        for (size_t i = 0; text && i < strlen(text); i++) {
            char *changed = kn_copy_text(text);
            changed[i] = (char)('!' + (i * 7 + n) % 90);
            write_changed(file, names[n], changed);
            load_anything(table);
            changed[i] = 0;
            write_changed(file, names[n], changed);
            load_anything(table);
            kn_free(changed);
        }
    }
    kn_safetensors_free(file);
    kn_table_release(table);
    done(&f);
}

static int set_up(void **state)
{
    static const char *const names[] = {"standardize", "kmeans"};
    const kn_kernel_settings settings = {.flags = KN_NO_CACHE | KN_NO_PROBE, .threads = 1};
    const kn_item *item = NULL;
    (void)state;
    kn_diag_init(&fault);
    const int file = mkstemp(path);
    if (file < 0 || close(file) || kn_kernel_new(&settings, &kernel, &fault.diag))
        return 1;
    for (int i = 0; i < 2; i++)
        missing |= kn_item_find(kernel, KAON_LEARNER, names[i], &item, NULL) != KAON_OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kn_kernel_free(kernel);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_and_predicts),        cmocka_unit_test(refuses_other_features),
        cmocka_unit_test(comes_back_from_its_file), cmocka_unit_test(predictors_agree),
        cmocka_unit_test(refuses_what_is_no_model), cmocka_unit_test(tampered_files_are_harmless),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
