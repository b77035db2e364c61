/* report_test.c: the page and the files of a report, with and without gnuplot, memory and luck. */
#define _GNU_SOURCE // nftw
#include "experiment/experiment.h"
#include "experiment/report_page.h"
#include "compiler/device.h"
#include "kernel/diag.h"
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

static char folder[] = "/tmp/kaon-report-XXXXXX";
static char file[64], out[64];
static char *path_before;
static kn_kernel *kernel;
static kn_run_log log_of_run;
static kn_diag fault;
static int missing, has_gnuplot;

#define NEED_PLUGINS                                                                               \
    do {                                                                                           \
        if (missing)                                                                               \
            skip();                                                                                \
    } while (0)

static int remove_entry(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts, (void)type, (void)where;
    return remove(path);
}

static void remove_run(void)
{
    nftw(out, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

// Two classes whose names are no names a page should believe, with weights, some below zero.
static void write_data(const char *report)
{
    kn_text text = {0};
    char data[64];
    snprintf(data, sizeof data, "%s/data.csv", folder);
    kn_text_add(&text, "px,py,w,what\n");
    for (int i = 0; i < 120; i++)
        kn_text_format(&text, "%d,%d,%s,%s\n", i % 7 + (i % 2) * 3, i % 5, i % 9 ? "1" : "-0.2",
                       i % 2 ? "<script>alert(1)</script>" : "b&w");
    assert_int_equal(kn_file_write(data, text.at, text.length, &fault.diag), KAON_OK);
    kn_text_clear(&text);
    kn_text_format(
        &text,
        "data: {path: %s, target: what, weight: w, features: [px, py],\n"
        "       split: {train: 0.5, test: 0.5}}\n"
        "model:\n  - standardize\n  - network: {layers: [dense: {units: 2}], epochs: 3,\n"
        "              loss: softmax_cross_entropy, batch: 16}\n%s",
        data, report);
    assert_int_equal(kn_file_write(file, text.at, text.length, &fault.diag), KAON_OK);
    kn_text_fini(&text);
}

static kaon_status run(json_t **result)
{
    kn_faults faults = {0};
    const kaon_run_request request = {
        .size = sizeof request, .config_path = file, .folder = out, .threads = 1};
    kn_diag_clear(&fault);
    const kaon_status status =
        kn_experiment_run(kernel, &request, &log_of_run, NULL, &faults, result, &fault.diag);
    kn_faults_fini(&faults);
    return status;
}

static kaon_status again(int64_t count, const char *const *figures, json_t **made)
{
    kn_faults faults = {0};
    const kaon_report_request request = {
        .size = sizeof request, .folder = out, .figure_count = count, .figures = figures};
    kn_diag_clear(&fault);
    const kaon_status status =
        kn_experiment_report_again(kernel, &request, &faults, made, &fault.diag);
    kn_faults_fini(&faults);
    return status;
}

static char *page(void)
{
    char path[128];
    void *text = NULL;
    size_t bytes;
    snprintf(path, sizeof path, "%s/report.html", out);
    if (kn_file_read(path, 0, &text, &bytes, &fault.diag))
        fail_msg("%s", fault.text);
    return text;
}

static int exists(const char *name)
{
    char path[128];
    struct stat facts;
    snprintf(path, sizeof path, "%s/figures/%s", out, name);
    return stat(path, &facts) == 0 && facts.st_size > 0;
}

/* --- a run ------------------------------------------------------------------------------------ */

static void a_whole_run(void **state)
{
    json_t *result = NULL, *made = NULL;
    (void)state;
    NEED_PLUGINS;
    write_data("");
    if (run(&result))
        fail_msg("%s", fault.text);
    assert_non_null(strstr(json_string_value(json_object_get(result, "report")), "report.html"));
    char *first = page();
    static const char *const sections[] = {"metrics", "loss",   "roc",         "confusion",
                                           "scores",  "inputs", "environment", "configuration"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char id[64];
        snprintf(id, sizeof id, "id=\"%s\"", sections[i]);
        if (!strstr(first, id))
            fail_msg("the page has no section %s", sections[i]);
    }
    assert_null(strstr(first, "<script"));
    assert_non_null(strstr(first, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_null(strstr(first, "b&w"));
    assert_null(strstr(first, "id=\"landscape\"")); // only on request
    assert_true(exists("roc.csv") && exists("confusion.csv") && exists("scores.csv"));
    assert_int_equal(exists("roc.pdf"), has_gnuplot);
    // Made anew from the same files it is the same page.
    if (again(0, NULL, &made))
        fail_msg("%s", fault.text);
    char *second = page();
    assert_string_equal(first, second);
    kn_free(first);
    kn_free(second);
    json_decref(made);
    json_decref(result);
}

// In the run that is there.
static void figures_by_name(void **state)
{
    static const char *const wanted[] = {"confusion", "efficiency: {variable: py, bins: 3}",
                                         "landscape: {points: 3, rows: 20}", "residuals"};
    static const char *const wrong[] = {"efficiency: {variable: pz}"}, *const unknown[] = {"rocs"};
    json_t *made = NULL;
    (void)state;
    NEED_PLUGINS;
    if (again(4, wanted, &made))
        fail_msg("%s", fault.text);
    const size_t notes = json_array_size(json_object_get(made, "notes"));
    assert_int_equal(notes, has_gnuplot ? 1 : 2); // no regression, so no residuals
    assert_int_equal(json_array_size(json_object_get(made, "figures")), 3);
    assert_true(exists("efficiency.csv") && exists("landscape.csv") && !exists("roc.csv"));
    json_decref(made);
    assert_int_equal(again(1, wrong, &made), KAON_OK);
    assert_non_null(
        strstr(json_string_value(json_array_get(json_object_get(made, "notes"), 0)), "'pz'"));
    json_decref(made);
    assert_int_not_equal(again(1, unknown, &made), KAON_OK);
    assert_null(made);
}

static void without_gnuplot(void **state)
{
    json_t *made = NULL;
    (void)state;
    NEED_PLUGINS;
    setenv("PATH", folder, 1);
    const kaon_status status = again(0, NULL, &made);
    setenv("PATH", path_before, 1);
    assert_int_equal(status, KAON_OK);
    const json_t *notes = json_object_get(made, "notes");
    assert_int_equal(json_array_size(notes), 1); // one line, not one per figure
    assert_non_null(strstr(json_string_value(json_array_get(notes, 0)), "gnuplot-nox"));
    char *text = page();
    assert_non_null(strstr(text, "gnuplot-nox"));
    assert_null(strstr(text, "<svg"));
    assert_true(exists("roc.csv") && !exists("roc.pdf"));
    kn_free(text);
    json_decref(made);
}

// Every request for memory fails in turn; without gnuplot, whose time it would take.
static void survives_without_memory(void **state)
{
    static const char *const figures[] = {"loss", "confusion", "inputs"};
    json_t *made = NULL;
    (void)state;
    NEED_PLUGINS;
    setenv("PATH", folder, 1);
    assert_int_equal(again(3, figures, &made), KAON_OK); // what is loaded once
    json_decref(made);
    const int64_t before = kn_memory_count().blocks;
    int64_t failed = 1;
    for (int64_t n = 1; failed; n += 1 + n / 12) {
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = again(3, figures, &made);
        failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        assert_true(!status || *fault.text);
        json_decref(made);
        kn_device_close(kernel->device);
        kernel->device = NULL;
        if (kn_memory_count().blocks > before)
            fail_msg("after request %lld failed %lld blocks are left", (long long)n,
                     (long long)(kn_memory_count().blocks - before));
    }
    setenv("PATH", path_before, 1);
}

static void none_and_no_run(void **state)
{
    json_t *result = NULL;
    char path[128];
    (void)state;
    NEED_PLUGINS;
    remove_run();
    assert_int_equal(again(0, NULL, &result), KAON_NOT_FOUND);
    assert_non_null(strstr(fault.text, "is no run folder"));
    write_data("report: none\n");
    if (run(&result))
        fail_msg("%s", fault.text);
    snprintf(path, sizeof path, "%s/report.html", out);
    assert_int_not_equal(access(path, F_OK), 0);
    json_decref(result);
    remove_run();
}

/* --- the page alone --------------------------------------------------------------------------- */

static void text_is_text(void **state)
{
    kn_text out_text = {0};
    (void)state;
    kn_html_add(&out_text, "<a href=\"x\">'&'</a>");
    assert_string_equal(kn_text_get(&out_text),
                        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    kn_text_fini(&out_text);
}

static void a_page_of_an_empty_folder(void **state)
{
    kn_text text = {0};
    (void)state;
    kn_report_page_write(&(kn_report_page){.folder = "/nowhere/a<b/", .note = "<note>"}, &text);
    assert_non_null(strstr(kn_text_get(&text), "<title>a&lt;b</title>"));
    assert_non_null(strstr(kn_text_get(&text), "&lt;note&gt;"));
    assert_non_null(strstr(kn_text_get(&text), "</html>"));
    kn_text_fini(&text);
}

static void times_are_kept(void **state)
{
    kn_timing t = {0}, read = {0};
    char path[128];
    (void)state;
    kn_timing_begin(&t, "reading");
    kn_timing_begin(&t, "reading"); // goes on
    kn_timing_begin(&t, "fitting");
    kn_timing_end(&t);
    kn_timing_end(&t);
    assert_int_equal(t.count, 2);
    t.stages[0].seconds = 1.5;
    t.stages[1].joules = -1;
    snprintf(path, sizeof path, "%s/timing.json", folder);
    assert_int_equal(kn_timing_write(&t, path, &fault.diag), KAON_OK);
    kn_timing_read(&read, path);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.stages[1].name, "fitting");
    assert_true(read.stages[0].seconds == 1.5 && read.stages[1].joules < 0);
    unlink(path);
    kn_timing_read(&read, path);
    assert_int_equal(read.count, 0);
}

static int set_up(void **state)
{
    static const char *const needed[][2] = {
        {"kaon.reader/1", "csv"},       {"kaon.learner/1", "standardize"},
        {"kaon.learner/1", "network"},  {"kaon.layer/1", "dense"},
        {"kaon.backend/1", "cpu"},      {"kaon.figure/1", "loss"},
        {"kaon.figure/1", "roc"},       {"kaon.figure/1", "confusion"},
        {"kaon.figure/1", "landscape"}, {"kaon.figure/1", "residuals"},
        {"kaon.figure/1", "inputs"},    {"kaon.metric/1", "auc"}};
    const kn_kernel_settings settings = {.flags = KN_NO_CACHE | KN_NO_PROBE, .threads = 1};
    const kn_item *item = NULL;
    (void)state;
    kn_diag_init(&fault);
    kn_run_log_init(&log_of_run);
    const char *path = getenv("PATH");
    path_before = kn_copy_text(path ? path : "/usr/bin:/bin");
    has_gnuplot = !access("/usr/bin/gnuplot", X_OK);
    if (!path_before || !mkdtemp(folder) || kn_kernel_new(&settings, &kernel, &fault.diag))
        return 1;
    snprintf(file, sizeof file, "%s/run.yaml", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        missing |= kn_item_find(kernel, needed[i][0], needed[i][1], &item, NULL) != KAON_OK;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kn_kernel_free(kernel);
    kn_run_log_fini(&log_of_run);
    kn_free(path_before);
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_run),     cmocka_unit_test(figures_by_name),
        cmocka_unit_test(without_gnuplot), cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(none_and_no_run), cmocka_unit_test(text_is_text),
        cmocka_unit_test(times_are_kept),  cmocka_unit_test(a_page_of_an_empty_folder),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
