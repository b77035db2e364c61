/* folds_test.c: cross-validation from YAML to the folder: each row is predicted by a model that has
 * not seen it; an interrupted one goes on to the same bits.
 */
#include "data/dataset.h"
#include "experiment/experiment.h"
#include "experiment/model.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

#include <kaon/backend.h>
#include <kaon/layer.h>
#include <kaon/metric.h>

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/kaon-folds-XXXXXX";
static char file[64];
static kn_kernel *kernel;
static kn_run_log log_of_run;
static kn_diag fault;
static int missing;

static const char config[] =
    "data: {reader: {toyjets: {jets: 600}}, target: label, keep: [multiplicity],\n"
    "       features: [mass, c1_b1], split: {folds: 3, validation: 0.2, stratify: true}}\n"
    "model:\n"
    "  - standardize\n"
    "  - network: {layers: [dense: {units: 5}], loss: softmax_cross_entropy,\n"
    "              optimizer: sgd, epochs: 3, batch: 64}\n"
    "checkpoint: {epochs: 1}\n";

static char *in_folder(const char *run, const char *name)
{
    static char path[4][160];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s%s%s", folder, run, *name ? "/" : "", name);
    return out;
}

static void clean(const char *run)
{
    char path[400];
    DIR *dir = opendir(in_folder(run, ""));
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", in_folder(run, ""), entry->d_name);
        if (entry->d_name[0] != '.' && unlink(path))
            kn_checkpoints_remove(path);
    }
    if (dir)
        closedir(dir);
    rmdir(in_folder(run, ""));
}

static kaon_status run(const char *name, uint32_t flags, int32_t threads,
                       void (*event)(void *context, const kaon_event *event), atomic_int *stop,
                       json_t **result)
{
    kn_faults faults = {0};
    const kaon_run_request request = {.size = sizeof request,
                                      .flags = flags,
                                      .config_path = file,
                                      .folder = in_folder(name, ""),
                                      .event = event,
                                      .event_context = stop,
                                      .threads = threads};
    kn_diag_clear(&fault);
    const kaon_status status =
        kn_experiment_run(kernel, &request, &log_of_run, stop, &faults, result, &fault.diag);
    kn_faults_fini(&faults);
    return status;
}

static void same_file(const char *a, const char *b, const char *name)
{
    void *one = NULL, *other = NULL;
    size_t bytes = 0, others = 0;
    if (kn_file_read(in_folder(a, name), 0, &one, &bytes, &fault.diag) ||
        kn_file_read(in_folder(b, name), 0, &other, &others, &fault.diag))
        fail_msg("%s", fault.text);
    assert_int_equal(bytes, others);
    assert_memory_equal(one, other, bytes);
    kn_free(one);
    kn_free(other);
}

static void same_run(const char *a, const char *b)
{
    static const char *const names[] = {"out_of_fold.csv", "metrics.json", "fold-1.safetensors",
                                        "fold-2.safetensors", "fold-3.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        same_file(a, b, names[i]);
}

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (missing)                                                                               \
            skip();                                                                                \
    } while (0)

static void a_whole_run(void **state)
{
    json_t *result = NULL, *other = NULL;
    (void)state;
    NEED_PLUGINS;
    if (run("a", 0, 1, NULL, NULL, &result))
        fail_msg("%s", fault.text);
    const json_t *m = json_object_get(result, "metrics");
    const json_t *each = json_object_get(m, "folds");
    assert_int_equal(json_array_size(each), 3);
    assert_string_equal(json_string_value(json_object_get(m, "part")), "out_of_fold");
    assert_int_equal(json_integer_value(json_object_get(m, "rows")), 600);
    double sum = 0, squares = 0, value[3];
    for (size_t i = 0; i < 3; i++)
        sum += value[i] = json_real_value(json_object_get(json_array_get(each, i), "accuracy"));
    for (int i = 0; i < 3; i++)
        squares += (value[i] - sum / 3) * (value[i] - sum / 3);
    const double mean = json_real_value(json_object_get(json_object_get(m, "mean"), "accuracy"));
    const double spread =
        json_real_value(json_object_get(json_object_get(m, "spread"), "accuracy"));
    assert_true(fabs(mean - sum / 3) < 1e-12 && fabs(spread - sqrt(squares / 2)) < 1e-12);
    // Folds of one size: the accuracy of all is the mean of the folds'.
    assert_true(fabs(json_real_value(json_object_get(m, "accuracy")) - mean) < 1e-9);
    // Another number of threads, another folder: the same bits.
    assert_int_equal(run("b", 0, 3, NULL, NULL, &other), KAON_OK);
    same_run("a", "b");
    json_decref(result);
    json_decref(other);
    clean("b");
}

static int stop_after;

static void stop_there(void *context, const kaon_event *event)
{
    if (event->kind == KAON_EVENT_PROGRESS && stop_after-- == 0)
        atomic_store((atomic_int *)context, 1);
}

// Stopped in every fold, at the beginning and the end of it.
static void interrupted_and_resumed(void **state)
{
    (void)state;
    NEED_PLUGINS;
    for (int at = 1; at < 75; at += 13) {
        atomic_int stop = 0;
        json_t *result = NULL;
        stop_after = at;
        const kaon_status status = run("c", 0, 2, stop_there, &stop, &result);
        json_decref(result);
        result = NULL;
        if (status == KAON_CANCELLED) {
            atomic_int on = 0;
            if (run("c", KAON_RUN_RESUME, 1, NULL, &on, &result))
                fail_msg("stopped after %d: %s", at, fault.text);
            json_decref(result);
        } else if (status) {
            fail_msg("%s", fault.text);
        }
        same_run("a", "c");
        clean("c");
    }
    clean("a");
}

static int set_up(void **state)
{
    (void)state;
    kn_diag_init(&fault);
    if (!mkdtemp(folder) || kn_kernel_new(NULL, &kernel, &fault.diag))
        return 1;
    static const char *const needed[][2] = {
        {KAON_READER, "toyjets"}, {KAON_LEARNER, "network"}, {KAON_LEARNER, "standardize"},
        {KAON_WRITER, "csv"},     {KAON_LAYER, "dense"},     {KAON_LOSS, "softmax_cross_entropy"},
        {KAON_OPTIMIZER, "sgd"},  {KAON_METRIC, "accuracy"}, {KAON_BACKEND, "cpu"}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const kn_item *item = NULL;
        missing |= kn_item_find(kernel, needed[i][0], needed[i][1], &item, NULL) != KAON_OK;
    }
    snprintf(file, sizeof file, "%s/folds.yaml", folder);
    return kn_file_write(file, config, strlen(config), &fault.diag);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    kn_kernel_free(kernel);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_run),
        cmocka_unit_test(interrupted_and_resumed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
