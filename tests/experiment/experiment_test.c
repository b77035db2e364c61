/* experiment_test.c: whole runs: what lies in the folder, runs that are stopped, runs without
 * memory. */
#define _GNU_SOURCE // nftw
#include "compiler/device.h"
#include "kernel/diag.h"
#include "experiment/experiment.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/kaon-experiment-XXXXXX";
static char file[64], out[64];
static kn_kernel *kernel;
static kn_run_log log_of_run;
static kn_diag fault;
static int missing;

static const char config[] =
    "data: {reader: {toyjets: {jets: 200}}, target: label,\n"
    "       features: [mass, multiplicity], split: {train: 0.5, test: 0.5}}\n"
    "model: [standardize, kmeans: {clusters: 3, restarts: 2}]\n";

static void write_config(const char *text)
{
    assert_int_equal(kn_file_write(file, text, strlen(text), &fault.diag), KAON_OK);
}

static kaon_status run(const atomic_int *stop, json_t **result, kn_faults *faults)
{
    const kaon_run_request request = {
        .size = sizeof request, .config_path = file, .folder = out, .threads = 1};
    kn_diag_clear(&fault);
    return kn_experiment_run(kernel, &request, &log_of_run, stop, faults, result, &fault.diag);
}

static int exists(const char *name)
{
    char path[128];
    struct stat facts;
    snprintf(path, sizeof path, "%s/%s", out, name);
    return stat(path, &facts) == 0 && facts.st_size > 0;
}

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts, (void)type, (void)where;
    return remove(path);
}

static void remove_run(void)
{
    nftw(out, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (missing)                                                                               \
            skip();                                                                                \
    } while (0)

static void leaves_a_folder(void **state)
{
    json_t *result = NULL;
    kn_faults faults = {0};
    (void)state;
    NEED_PLUGINS;
    write_config(config);
    if (run(NULL, &result, &faults))
        fail_msg("%s", fault.text);
    const json_t *metrics = json_object_get(result, "metrics");
    assert_int_equal(json_integer_value(json_object_get(metrics, "clusters")), 3);
    assert_string_equal(json_string_value(json_object_get(metrics, "part")), "test");
    assert_true(exists("model.safetensors") && exists("metrics.json") && exists("config.yaml") &&
                exists("log.txt"));
    json_decref(result);
    kn_faults_fini(&faults);
    remove_run();
}

static void wrong_files_leave_nothing(void **state)
{
    static const char *const texts[] = {
        "model: [standardize]\n",
        "data: {reader: {toyjets: {jets: 10}}, target: no_such_name}\nmodel: [standardize]\n",
        "data: {reader: {toyjets: {jets: 10}}}\nmodel: []\n",
        "data: {path: /absent}\nmodel: [standardize]\n",
    };
    (void)state;
    NEED_PLUGINS;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *result = NULL;
        kn_faults faults = {0};
        struct stat facts;
        write_config(texts[i]);
        assert_int_not_equal(run(NULL, &result, &faults), KAON_OK);
        assert_true(*fault.text);
        assert_null(result);
        assert_int_not_equal(stat(out, &facts), 0);
        kn_faults_fini(&faults);
    }
}

static void can_be_stopped(void **state)
{
    const atomic_int stop = 1;
    json_t *result = NULL;
    kn_faults faults = {0};
    (void)state;
    NEED_PLUGINS;
    write_config(config);
    assert_int_equal(run(&stop, &result, &faults), KAON_CANCELLED);
    assert_string_equal(json_string_value(json_object_get(result, "status")), "interrupted");
    json_decref(result);
    kn_faults_fini(&faults);
    remove_run();
}

/* --- without memory --------------------------------------------------------------------------- */

// One run whose nth request for memory fails; 1 if one did.
static int run_failing(int64_t nth, int32_t mode)
{
    json_t *result = NULL;
    kn_faults faults = {0};
    const int64_t before = kn_memory_count().blocks;
    kn_memory_fail(nth, mode);
    const kaon_status status = run(NULL, &result, &faults);
    const int64_t failed = kn_memory_failed();
    kn_memory_fail(0, mode);
    if (status && !faults.count && !*fault.text)
        fail_msg("request %lld failed, and nobody says so", (long long)nth);
    json_decref(result);
    kn_faults_fini(&faults);
    kn_device_close(kernel->device);
    kernel->device = NULL;
    if (kn_memory_count().blocks > before)
        fail_msg("after request %lld failed %lld blocks are left", (long long)nth,
                 (long long)(kn_memory_count().blocks - before));
    return failed > 0;
}

static void survives_without_memory(void **state)
{
    (void)state;
    NEED_PLUGINS;
    char quiet[sizeof config + 16]; // the report has a test of its own
    snprintf(quiet, sizeof quiet, "%sreport: none\n", config);
    write_config(quiet);
    // Once to load what is loaded once.
    run_failing(0, KN_FAIL_ONCE);
    for (int32_t mode = KN_FAIL_ONCE; mode <= KN_FAIL_ON; mode++)
        for (int64_t n = 1, step = 1; run_failing(n, mode); n += step)
            step = 1 + n / 40; // the first ones one by one, later ones in larger steps
    remove_run();
}

static int set_up(void **state)
{
    static const char *const needed[][2] = {{"kaon.reader/1", "toyjets"},
                                            {"kaon.learner/1", "standardize"},
                                            {"kaon.learner/1", "kmeans"}};
    const kn_kernel_settings settings = {.flags = KN_NO_CACHE | KN_NO_PROBE, .threads = 1};
    const kn_item *item = NULL;
    (void)state;
    kn_diag_init(&fault);
    kn_run_log_init(&log_of_run);
    if (!mkdtemp(folder) || kn_kernel_new(&settings, &kernel, &fault.diag))
        return 1;
    snprintf(file, sizeof file, "%s/run.yaml", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    for (int i = 0; i < 3; i++)
        missing |= kn_item_find(kernel, needed[i][0], needed[i][1], &item, NULL) != KAON_OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kn_kernel_free(kernel);
    kn_run_log_fini(&log_of_run);
    unlink(file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_a_folder),
        cmocka_unit_test(wrong_files_leave_nothing),
        cmocka_unit_test(can_be_stopped),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
