/* api_test.c: the library as any program uses it: a run, its model, predictions three ways, errors.
 */
#include <kaon/host_api.h>
#include <kaon/io.h>
#include <kaon/layer.h>

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { JETS = 1500, FEATURES = 16, CLASSES = 5 };

static const char config[] =
    "data:\n"
    "  reader: {toyjets: {jets: 1500}}\n"
    "  features: ['*']\n"
    "  target: label\n"
    "  split: {train: 0.6, validation: 0.2, test: 0.2}\n"
    "model:\n"
    "  - standardize\n"
    "  - network:\n"
    "      layers: [dense: {units: 16, activation: relu}, dense: {units: 5}]\n"
    "      loss: softmax_cross_entropy\n"
    "      epochs: 4\n"
    "      batch: 64\n";

// What all tests share: a folder, a kernel, the run's result.
static struct {
    char folder[64];
    char file[96];
    char run[96];
    kaon_kernel *kernel;
    kaon_error *error;
    int skipped;
    int heads, steps, metrics;
    double last_done;
} all;

static void need(kaon_status status)
{
    if (status)
        fail_msg("%s", kaon_error_text(all.error));
}

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (all.skipped)                                                                           \
            skip();                                                                                \
    } while (0)

static json_t *parse(char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    kaon_text_free(text);
    return root;
}

static int has(const char *name)
{
    char *text = NULL;
    const int found = !kaon_item_json(all.kernel, name, &text, NULL);
    kaon_text_free(text);
    return found;
}

static void on_event(void *context, const kaon_event *event)
{
    (void)context;
    all.heads += event->kind == KAON_EVENT_HEAD;
    all.metrics += event->kind == KAON_EVENT_METRIC;
    if (event->kind != KAON_EVENT_PROGRESS)
        return;
    assert_true(event->done >= all.last_done && event->done <= event->total);
    all.last_done = event->done;
    all.steps++;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(all.folder, sizeof all.folder, "/tmp/kaon-api-XXXXXX");
    if (!mkdtemp(all.folder))
        return 1;
    snprintf(all.file, sizeof all.file, "%s/jets.yaml", all.folder);
    snprintf(all.run, sizeof all.run, "%s/run", all.folder);
    FILE *file = fopen(all.file, "w");
    if (!file || fputs(config, file) < 0 || fclose(file))
        return 1;
    const kaon_open_settings settings = {.size = sizeof settings,
                                         .flags = KAON_OPEN_NO_CACHE | KAON_OPEN_NO_PROBE};
    all.error = kaon_error_new();
    if (!all.error || kaon_open(&settings, &all.kernel, all.error))
        return 1;
    static const char *const names[] = {"reader:toyjets", "learner:standardize", "learner:network",
                                        "layer:dense"};
    for (int i = 0; i < 4; i++)
        all.skipped |= !has(names[i]);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"model.safetensors", "metrics.json", "metrics.jsonl",
                                        "config.yaml",       "log.txt",      ""};
    char path[160];
    (void)state;
    kaon_close(all.kernel);
    kaon_error_free(all.error);
    for (int i = 0; i < 6; i++) {
        snprintf(path, sizeof path, "%s/%s", all.run, names[i]);
        remove(path);
    }
    remove(all.file);
    return remove(all.folder);
}

/* --- a run ------------------------------------------------------------------------------------ */

static void runs(void **state)
{
    char *text = NULL;
    (void)state;
    NEED_PLUGINS;
    const kaon_run_request request = {
        .size = sizeof request, .config_path = all.file, .folder = all.run, .event = on_event};
    need(kaon_run(all.kernel, &request, &text, all.error));
    json_t *result = parse(text);
    json_t *metrics = json_object_get(result, "metrics");
    assert_string_equal(json_string_value(json_object_get(result, "folder")), all.run);
    assert_int_equal(json_integer_value(json_object_get(metrics, "rows")), JETS / 5);
    const double accuracy = json_number_value(json_object_get(metrics, "accuracy"));
    assert_true(accuracy > 0.3 && accuracy < 0.9);
    assert_non_null(json_object_get(json_object_get(metrics, "parts"), "validation"));
    assert_int_equal(all.heads, 1);
    assert_true(all.steps >= 4 * (JETS * 6 / 10 / 64));
    assert_true(all.metrics >= 8);
    json_decref(result);
}

static kaon_model *load(void)
{
    kaon_model *model = NULL;
    need(kaon_model_load(all.kernel, all.run, &model, all.error));
    return model;
}

static void model_tells_what_it_is(void **state)
{
    char *text = NULL;
    (void)state;
    NEED_PLUGINS;
    kaon_model *model = load();
    need(kaon_model_json(model, &text, all.error));
    json_t *root = parse(text);
    assert_int_equal(json_array_size(json_object_get(root, "learners")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "features")), FEATURES);
    assert_int_equal(json_array_size(json_object_get(root, "classes")), CLASSES);
    assert_string_equal(json_string_value(json_object_get(root, "target")), "label");
    // No path and no code in it.
    char *dump = json_dumps(root, 0);
    assert_null(strstr(dump, "/tmp"));
    assert_null(strstr(dump, ".so"));
    free(dump);
    json_decref(root);
    kaon_model_free(model);
}

/* --- predictions ------------------------------------------------------------------------------ */

// Features of the first jets, as numbers: what a program would have in its own memory.
static void get_features(float *features, int64_t rows)
{
    char *text = NULL;
    const kaon_data_request request = {
        .size = sizeof request, .reader = "toyjets: {jets: 1500}", .rows = rows};
    need(kaon_data_head(all.kernel, &request, &text, all.error));
    json_t *root = parse(text);
    const json_t *columns = json_object_get(root, "columns");
    kaon_model *model = load();
    need(kaon_model_json(model, &text, all.error));
    json_t *facts = parse(text);
    for (int64_t i = 0; i < rows; i++)
        for (int k = 0; k < FEATURES; k++) {
            const char *name =
                json_string_value(json_array_get(json_object_get(facts, "features"), (size_t)k));
            for (size_t c = 0; c < json_array_size(columns); c++)
                if (!strcmp(name,
                            json_string_value(json_object_get(json_array_get(columns, c), "name"))))
                    features[i * FEATURES + k] = (float)json_number_value(json_array_get(
                        json_array_get(json_object_get(root, "rows"), (size_t)i), c));
        }
    kaon_model_free(model);
    json_decref(facts);
    json_decref(root);
}

// One event per call, blocks that do not divide the number of events, tables: the same numbers.
static void three_ways_agree(void **state)
{
    enum { ROWS = 10, BLOCK = 4 };
    float features[ROWS * FEATURES], one[ROWS * CLASSES], blocks[ROWS * CLASSES];
    double in[ROWS * FEATURES], wide[ROWS * CLASSES];
    kaon_predictor *single = NULL, *block = NULL, *doubles = NULL;
    char *text = NULL;
    (void)state;
    NEED_PLUGINS;
    get_features(features, ROWS);
    kaon_model *model = load();
    need(kaon_predictor_new(model, 1, KAON_F32, &single, all.error));
    need(kaon_predictor_new(model, BLOCK, KAON_F32, &block, all.error));
    need(kaon_predictor_new(model, ROWS, KAON_F64, &doubles, all.error));
    assert_int_equal(kaon_predictor_inputs(single), FEATURES);
    assert_int_equal(kaon_predictor_outputs(single), CLASSES);
    for (int i = 0; i < ROWS; i++)
        need(kaon_predict(single, features + i * FEATURES, one + i * CLASSES));
    need(kaon_predict_rows(block, ROWS, features, blocks));
    for (int i = 0; i < ROWS * FEATURES; i++)
        in[i] = features[i];
    need(kaon_predict(doubles, in, wide));

    const kaon_apply_request request = {.size = sizeof request, .reader = "toyjets: {jets: 1500}"};
    need(kaon_model_predict(model, &request, &text, all.error));
    json_t *root = parse(text);
    assert_int_equal(json_integer_value(json_object_get(root, "rows")), JETS);
    for (int i = 0; i < ROWS; i++) {
        const json_t *row = json_array_get(json_object_get(root, "head"), (size_t)i);
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            const double table = json_number_value(json_array_get(row, (size_t)k));
            assert_float_equal(one[i * CLASSES + k], table, 1e-5);
            assert_float_equal(blocks[i * CLASSES + k], table, 1e-5);
            assert_float_equal(wide[i * CLASSES + k], table, 1e-5);
            sum += one[i * CLASSES + k];
        }
        assert_float_equal(sum, 1, 1e-5);
    }
    json_decref(root);
    kaon_predictor_free(single);
    kaon_predictor_free(block);
    kaon_predictor_free(doubles);
    kaon_model_free(model);
}

static void eval_repeats_the_run(void **state)
{
    char *text = NULL;
    (void)state;
    NEED_PLUGINS;
    kaon_model *model = load();
    const kaon_apply_request request = {.size = sizeof request, .part = "test"};
    need(kaon_model_eval(model, &request, &text, all.error));
    json_t *root = parse(text);
    char path[160];
    snprintf(path, sizeof path, "%s/metrics.json", all.run);
    json_t *written = json_load_file(path, 0, NULL);
    assert_float_equal(
        json_number_value(json_object_get(json_object_get(root, "metrics"), "log_loss")),
        json_number_value(json_object_get(written, "log_loss")), 1e-9);
    json_decref(root);
    json_decref(written);
    kaon_model_free(model);
}

/* --- errors ----------------------------------------------------------------------------------- */

static void errors_have_places(void **state)
{
    char *text = NULL;
    (void)state;
    NEED_PLUGINS;
    const char *const sets[] = {"model.network.epochz=3", "seed=-1"};
    const kaon_run_request request = {.size = sizeof request,
                                      .config_path = all.file,
                                      .folder = all.run,
                                      .set_count = 2,
                                      .sets = sets};
    assert_int_equal(kaon_run(all.kernel, &request, &text, all.error), KAON_INVALID);
    assert_null(text);
    assert_true(kaon_error_is_usage(all.error));
    assert_non_null(strstr(kaon_error_text(all.error), "did you mean 'epochs'?"));
    json_t *root = json_loads(kaon_error_json(all.error), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(root, "faults")), 2);
    json_decref(root);
}

static void structs_may_be_shorter_or_longer(void **state)
{
    struct {
        kaon_data_request request;
        uint64_t later;
    } longer = {.request = {.size = sizeof longer, .path = "/absent"}, .later = 0};
    char *text = NULL;
    (void)state;
    // Nothing reads this path: any failure but KAON_TOO_NEW says that the struct was understood.
    const kaon_status understood = kaon_data_head(all.kernel, &longer.request, &text, all.error);
    assert_true(understood != KAON_OK && understood != KAON_TOO_NEW);
    longer.later = 1;
    assert_int_equal(kaon_data_head(all.kernel, &longer.request, &text, all.error), KAON_TOO_NEW);
    longer.request.size = offsetof(kaon_data_request, reader);
    assert_int_equal(kaon_data_head(all.kernel, &longer.request, &text, all.error), understood);
    longer.request.size = 0;
    assert_int_equal(kaon_data_head(all.kernel, &longer.request, &text, all.error), KAON_INVALID);
}

static void nobody_has_to_listen(void **state)
{
    kaon_model *model = NULL;
    (void)state;
    assert_int_not_equal(kaon_model_load(all.kernel, "/absent", &model, NULL), KAON_OK);
    assert_null(model);
    assert_string_equal(kaon_error_text(NULL), "");
    kaon_model_free(NULL);
    kaon_predictor_free(NULL);
    kaon_use_free(NULL);
    kaon_text_free(NULL);
}

static void items_with_settings(void **state)
{
    static const char *const ways[] = {"units: 3", "{units: 3}", "units: 3\nbias: false\n"};
    kaon_use *use = NULL;
    (void)state;
    NEED_PLUGINS;
    for (int i = 0; i < 3; i++) {
        need(kaon_use_new(all.kernel, KAON_LAYER, "dense", ways[i], &use, all.error));
        assert_string_equal(kaon_use_part(use)->name, "dense");
        assert_non_null(kaon_use_host(use));
        kaon_use_free(use);
    }
    assert_int_equal(kaon_use_new(all.kernel, KAON_LAYER, "dense", "untis: 3", &use, all.error),
                     KAON_INVALID);
    assert_non_null(strstr(kaon_error_text(all.error), "did you mean 'units'?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(model_tells_what_it_is),
        cmocka_unit_test(three_ways_agree),
        cmocka_unit_test(eval_repeats_the_run),
        cmocka_unit_test(errors_have_places),
        cmocka_unit_test(structs_may_be_shorter_or_longer),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(items_with_settings),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
