/* tune_test.c: values of a space, its faults, the state that survives crashes, numbers of runs. */
#include "experiment/fault_show.h"
#include "experiment/tune.h"
#include "experiment/tune_plan.h"
#include "experiment/tune_state.h"
#include "kernel/diag.h"
#include "kernel/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static kn_kernel *kernel;
static kn_diag fault;

/* --- the section ------------------------------------------------------------------------------ */

typedef struct {
    kn_config_tree *tree;
    kn_settings settings;
    kn_faults faults;
    kn_text words; // of the faults
    kn_tune_plan *plan;
} fixture;

static fixture read_section(const char *yaml)
{
    fixture f = {.tree = kn_config_tree_new()};
    kn_settings_init(&f.settings, kernel, f.tree, &f.faults);
    const kn_config *node = kn_config_parse(f.tree, "tune", yaml, strlen(yaml), &f.faults);
    assert_non_null(node);
    f.plan = kn_tune_plan_new(&f.settings, node);
    kn_faults_write(&f.faults, &f.words);
    return f;
}

static void fixture_fini(fixture *f)
{
    kn_text_fini(&f->words);
    kn_settings_fini(&f->settings);
    kn_faults_fini(&f->faults);
    kn_config_tree_free(f->tree);
}

static void edit_is(const fixture *f, int axis, double u, const char *expected)
{
    kn_text edit = {0};
    kn_tune_edit(&f->plan->axes[axis], u, &edit);
    assert_string_equal(kn_text_get(&edit), expected);
    kn_text_fini(&edit);
}

static void values_of_a_space(void **state)
{
    (void)state;
    fixture f = read_section("{metric: auc, space: {a: {min: 2, max: 4},"
                             "b: {min: 1e-4, max: 1, scale: log}, c: {min: 1, max: 4, whole: true},"
                             "d: {min: 1, max: 1000, scale: log, whole: true},"
                             "e: [8, relu, {dense: {units: 3}}]}}");
    assert_int_equal(f.faults.count, 0);
    assert_int_equal(f.plan->axis_count, 5);
    edit_is(&f, 0, 0, "a=2");
    edit_is(&f, 0, 0.25, "a=2.5");
    edit_is(&f, 0, 1, "a=4");
    edit_is(&f, 1, 0, "b=0.0001");
    edit_is(&f, 1, 0.5, "b=0.01");
    edit_is(&f, 1, 1, "b=1");
    edit_is(&f, 2, 0.24, "c=1"); // each of four whole numbers has a quarter
    edit_is(&f, 2, 0.26, "c=2");
    edit_is(&f, 2, 1, "c=4");
    edit_is(&f, 3, 1.0 / 3, "d=10");
    edit_is(&f, 3, 1, "d=1000");
    edit_is(&f, 4, 0.3, "e=8");
    edit_is(&f, 4, 0.5, "e=\"relu\"");
    edit_is(&f, 4, 1, "e={\"dense\": {\"units\": 3}}");
    assert_int_equal(kn_tune_levels(&f.plan->axes[0]), 0);
    assert_int_equal(kn_tune_levels(&f.plan->axes[2]), 4);
    assert_int_equal(kn_tune_levels(&f.plan->axes[3]), 0);
    assert_int_equal(kn_tune_levels(&f.plan->axes[4]), 3);
    fixture_fini(&f);
}

static void refuses(const char *yaml, const char *words)
{
    fixture f = read_section(yaml);
    if (!strstr(kn_text_get(&f.words), words))
        fail_msg("'%s' is not in: %s", words, kn_text_get(&f.words));
    fixture_fini(&f);
}

static void faults_of_a_section(void **state)
{
    (void)state;
    refuses("{space: {a: [1]}}", "'metric'");
    refuses("{metric: auc}", "'space'");
    refuses("{metric: auc, space: {}}", "the space to search is empty");
    refuses("{metric: auc, space: 3}", "the space to search is empty");
    refuses("{metric: auc, space: {a: 3}}", "'a' has the number 3 to vary");
    refuses("{metric: auc, space: {a: []}}", "'a' has");
    refuses("{metric: auc, space: {a: {min: 2, max: 1}}}", "the range is empty: min 2, max 1");
    refuses("{metric: auc, space: {a: {min: 0, max: 1, scale: log}}}", "begins above 0, not at 0");
    refuses("{metric: auc, space: {a: {min: 0, max: 1, scal: log}}}",
            "unknown key 'scal' in 'a range'");
    refuses("{metric: auc, space: {a: [1]}, serach: grid}", "unknown key 'serach' in 'tune'");
    refuses("{metric: auc, space: {a: [1]}, direction: up}", "'up'");
}

/* --- the state -------------------------------------------------------------------------------- */

static char folder[] = "/tmp/kaon_tune_XXXXXX";

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    assert_int_equal(kn_file_write(path_of(name), text, strlen(text), &fault.diag), KAON_OK);
}

static size_t lines_of(const char *text, kaon_status expected)
{
    kn_tune_state s;
    json_t *lines = NULL;
    write_file("tune.jsonl", text);
    assert_int_equal(kn_tune_state_open(&s, path_of("tune.jsonl"), &lines, &fault.diag), expected);
    const size_t count = json_array_size(lines);
    json_decref(lines);
    kn_tune_state_fini(&s);
    return count;
}

static void a_line_cut_short_is_cut_off(void **state)
{
    kn_tune_state s;
    json_t *lines = NULL;
    (void)state;
    assert_int_equal(lines_of("", KAON_OK), 0);
    assert_int_equal(lines_of("{\"ask\": 1}\n{\"tell\": 2}\n", KAON_OK), 2);
    assert_int_equal(lines_of("{\"ask\": 1}\n{\"tell\": 2", KAON_OK), 1);
    assert_int_equal(lines_of("{\"ask\": 1}\n{\"te\n", KAON_OK), 1); // blocks out of order
    lines_of("{\"ask\n{\"tell\": 2}\n", KAON_CORRUPT);
    assert_non_null(strstr(fault.text, "line 1 of"));
    // what is added after a cut stands on a line of its own
    write_file("tune.jsonl", "{\"ask\": 1}\n{\"te");
    assert_int_equal(kn_tune_state_open(&s, path_of("tune.jsonl"), &lines, &fault.diag), KAON_OK);
    json_decref(lines);
    assert_int_equal(kn_tune_state_add(&s, "tell", json_real(0.1), &fault.diag), KAON_OK);
    kn_tune_state_fini(&s);
    assert_int_equal(kn_tune_state_open(&s, path_of("tune.jsonl"), &lines, &fault.diag), KAON_OK);
    assert_int_equal(json_array_size(lines), 2);
    assert_true(json_number_value(json_object_get(json_array_get(lines, 1), "tell")) == 0.1);
    json_decref(lines);
    kn_tune_state_fini(&s);
}

/* --- the value of a run ----------------------------------------------------------------------- */

static void values_of_runs(void **state)
{
    double value = 0;
    (void)state;
    write_file("metrics.json",
               "{\"auc\": 0.9, \"parts\": {\"validation\": {\"auc\": 0.8, \"bad\": null}}}");
    write_file(
        "metrics.jsonl",
        "{\"step\": 1, \"loss\": 3}\n{\"step\": 2, \"loss\": 1}\n{\"step\": 3, \"loss\": 2}\n");
    assert_int_equal(kn_run_value(folder, "auc", 1, &value, &fault.diag), KAON_OK);
    assert_true(value == 0.8); // of the validation part
    assert_int_equal(kn_run_value(folder, "loss", -1, &value, &fault.diag), KAON_OK);
    assert_true(value == 1); // the best of those told
    assert_int_equal(kn_run_value(folder, "loss", 1, &value, &fault.diag), KAON_OK);
    assert_true(value == 3);
    assert_int_equal(kn_run_value(folder, "bad", 1, &value, &fault.diag), KAON_OK);
    assert_true(isnan(value));
    assert_int_equal(kn_run_value(folder, "acu", 1, &value, &fault.diag), KAON_NOT_FOUND);
    assert_non_null(strstr(fault.text, "the validation part has auc; told by epoch are loss"));
    write_file("metrics.json", "{\"return\": 7}"); // of an agent
    assert_int_equal(kn_run_value(folder, "return", 1, &value, &fault.diag), KAON_OK);
    assert_true(value == 7);
    write_file("metrics.json", "{");
    assert_int_equal(kn_run_value(folder, "auc", 1, &value, &fault.diag), KAON_NOT_FOUND);
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"tune.jsonl", "metrics.json", "metrics.jsonl"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_a_space),
        cmocka_unit_test(faults_of_a_section),
        cmocka_unit_test(a_line_cut_short_is_cut_off),
        cmocka_unit_test(values_of_runs),
    };
    kn_diag_init(&fault);
    if (!mkdtemp(folder) || kn_kernel_new(NULL, &kernel, &fault.diag))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, remove_folder);
    kn_kernel_free(kernel);
    return failed;
}
