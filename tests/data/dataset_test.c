/* dataset_test.c: the `data` section, from words to tables, on readers that are installed. */
#include "dataset_stage.h"
#include "experiment/config_write.h"

/* --- the generator ---------------------------------------------------------------------------- */

static void jets(void **state)
{
    (void)state;
    stage s;
    load(&s, "toyjets", "{reader: {toyjets: {jets: 1000}}, target: label}");
    assert_int_equal(rows_of(&s, KN_TRAIN), 700);
    assert_int_equal(rows_of(&s, KN_VALIDATION), 150);
    assert_int_equal(rows_of(&s, KN_TEST), 150);
    assert_int_equal(s.data->feature_count, 16);
    assert_string_equal(s.data->features[14], "mass");
    assert_int_equal(s.data->class_count, 5);
    assert_string_equal(s.data->classes[0], "gluon");
    assert_string_equal(s.data->classes[4], "top");
    assert_string_equal(s.data->source, "toyjets");
    assert_string_equal(s.data->target, "label");
    // All patterns have become names.
    const kn_config *features = kn_config_get(s.resolved, "features");
    assert_int_equal(features->count, 16);
    assert_string_equal(features->first->text, "zlogz");
    assert_int_equal(kn_config_get(s.resolved, "classes")->count, 5);
    leave(&s);
}

static void constituents(void **state)
{
    (void)state;
    stage s;
    load(&s, "toyjets",
         "{reader: {toyjets: {jets: 50}}, target: label, features: [pt, eta, phi], pad: 30,"
         " keep: [mass], split: {train: 0..40, test: 40..50}}");
    const kaon_column x = column(s.data->part[KN_TEST], KAON_ROLE_FEATURES);
    assert_int_equal(x.view.rank, 3);
    assert_int_equal(x.view.shape[0], 10);
    assert_int_equal(x.view.shape[1], 30);
    assert_int_equal(x.view.shape[2], 3);
    assert_string_equal(s.data->features[2], "phi");
    kaon_column mass = {.size = sizeof mass};
    assert_int_equal(kn_table_column_named(s.data->part[KN_TRAIN], "mass", &mass), KAON_OK);
    assert_null(s.data->part[KN_VALIDATION]);
    leave(&s);
}

/* --- files ------------------------------------------------------------------------------------ */

static const char numbers[] = "x,y,w,kind\n1,10,1,b\n2,20,2,a\n3,,1,b\n4,40,2,a\n5,50,1,b\n";

static void files_globs_and_order(void **state)
{
    (void)state;
    stage s;
    write_file("part_2.csv", "x,kind\n4,b\n5,a\n");
    write_file("part_1.csv", "x,kind\n1,a\n2,b\n3,a\n");
    load(&s, "csv", "{path: part_*.csv, target: kind, split: {shuffle: false, test: 3..}}");
    assert_string_equal(s.data->source, "part_1.csv and 1 more");
    assert_memory_equal(column(s.data->part[KN_TRAIN], KAON_ROLE_FEATURES).view.data,
                        ((const float[]){1, 2, 3}), 3 * sizeof(float));
    assert_memory_equal(column(s.data->part[KN_TEST], KAON_ROLE_FEATURES).view.data,
                        ((const float[]){4, 5}), 2 * sizeof(float));
    leave(&s);
}

static void rows_with_gaps(void **state)
{
    (void)state;
    stage s;
    const kn_dataset_load how = loading();
    write_file("numbers.csv", numbers);
    plan(&s, "csv", "{path: numbers.csv, target: kind, weight: w}");
    assert_int_equal(kn_dataset_load_parts(s.plan, &how, &s.data, &s.fault.diag), KAON_NOT_FINITE);
    assert_non_null(strstr(s.fault.text, "column 'y' has no value in row 2"));
    leave(&s);
    // Ranges are of the file's rows, whatever is dropped.
    load(&s, "csv",
         "{path: numbers.csv, target: kind, weight: w, missing: drop, split: {test: 3..5}}");
    assert_int_equal(rows_of(&s, KN_TRAIN), 2);
    assert_int_equal(rows_of(&s, KN_TEST), 2);
    assert_int_equal(s.data->dropped, 1);
    assert_memory_equal(column(s.data->part[KN_TEST], KAON_ROLE_FEATURES).view.data,
                        ((const float[]){4, 40, 5, 50}), 4 * sizeof(float));
    assert_memory_equal(column(s.data->part[KN_TEST], KAON_ROLE_WEIGHT).view.data,
                        ((const float[]){2, 1}), 2 * sizeof(float));
    leave(&s);
}

static void files_of_their_own(void **state)
{
    (void)state;
    stage s;
    write_file("train.csv", "x,kind\n1,a\n2,b\n3,c\n4,a\n");
    write_file("test.csv", "kind,x\nc,7\na,8\n");
    load(&s, "csv",
         "{path: train.csv, test_path: test.csv, target: kind, split: {validation: 0.25}}");
    assert_int_equal(rows_of(&s, KN_TRAIN), 3);
    assert_int_equal(rows_of(&s, KN_VALIDATION), 1);
    assert_int_equal(s.data->rows, 6);
    assert_memory_equal(column(s.data->part[KN_TEST], KAON_ROLE_TARGET).view.data,
                        ((const int64_t[]){2, 0}), 2 * sizeof(int64_t)); // the same numbers
    leave(&s);
}

// What a plan has resolved chooses the same on files that hold more, or no target.
static void the_same_selection_elsewhere(void **state)
{
    (void)state;
    stage s;
    kaon_table *t = NULL;
    write_file("first.csv", "x,y,kind\n1,10,b\n2,20,a\n3,30,b\n");
    load(&s, "csv", "{path: first.csv, features: ['*'], target: -1}");
    kn_text yaml = {0};
    kn_config_write_yaml(s.resolved, &yaml);
    leave(&s);

    write_file("other.csv", "extra,y,x\n7,1,2\n8,3,4\n");
    plan(&s, "csv", kn_text_get(&yaml));
    kn_dataset_load how = loading();
    const char *const paths[] = {"other.csv"};
    how.paths = paths;
    how.path_count = 1;
    assert_int_equal(kn_dataset_load_table(s.plan, &how, -1, &t, &s.fault.diag), KAON_NOT_FOUND);
    assert_non_null(strstr(s.fault.text, "no column 'kind' for the target"));
    how.target_optional = 1;
    assert_int_equal(kn_dataset_load_table(s.plan, &how, -1, &t, &s.fault.diag), KAON_OK);
    assert_memory_equal(column(t, KAON_ROLE_FEATURES).view.data, ((const float[]){2, 1, 4, 3}),
                        4 * sizeof(float));
    kn_table_release(t);
    kn_text_fini(&yaml);
    leave(&s);
}

static void one_part_alone(void **state)
{
    (void)state;
    stage s;
    kaon_table *t = NULL;
    const kn_dataset_load how = loading();
    load(&s, "toyjets", "{reader: {toyjets: {jets: 200}}, target: label}");
    assert_int_equal(kn_dataset_load_table(s.plan, &how, KN_TEST, &t, &s.fault.diag), KAON_OK);
    const kaon_column a = column(t, KAON_ROLE_FEATURES);
    const kaon_column b = column(s.data->part[KN_TEST], KAON_ROLE_FEATURES);
    assert_int_equal(a.view.shape[0], b.view.shape[0]);
    assert_memory_equal(a.view.data, b.view.data, (size_t)b.view.shape[0] * 16 * sizeof(float));
    kn_table_release(t);
    leave(&s);
}

static void a_check_reads_a_little(void **state)
{
    (void)state;
    stage s;
    kn_dataset_load how = loading();
    how.max_rows = 100;
    plan(&s, "toyjets",
         "{reader: {toyjets: {jets: 1000000000}}, target: label, split: {test: 5000..9000}}");
    assert_int_equal(kn_dataset_load_parts(s.plan, &how, &s.data, &s.fault.diag), KAON_OK);
    assert_int_equal(s.data->rows, 100);
    leave(&s);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void check_fault(const char *yaml, int32_t code, const char *words)
{
    stage s;
    plan(&s, "csv", yaml);
    if (!s.faults.count)
        fail_msg("'%s' has no fault", yaml);
    assert_int_equal(s.faults.at[0].code, code);
    if (!strstr(s.faults.at[0].message, words))
        fail_msg("'%s' does not say '%s'", s.faults.at[0].message, words);
    leave(&s);
}

static void faults_of_the_section(void **state)
{
    (void)state;
    check_fault("{target: y}", KN_FAULT_MISSING, "neither a 'path' nor a 'reader'");
    check_fault("{path: a.csv, targt: y}", KN_FAULT_UNKNOWN, "targt");
    check_fault("{path: a.csv, reader: csw}", KN_FAULT_ITEM, "csw");
    check_fault("{path: a.csv, task: guess}", KN_FAULT_CHOICE, "guess");
    check_fault("{path: a.csv, split: {train: 70}}", KN_FAULT_RANGE, "fraction from 0 to 1");
    check_fault("{path: a.csv, split: {train: 0.9, test: 0.2}}", KN_FAULT_RANGE, "more than all");
    check_fault("{path: a.csv, split: {train: most}}", KN_FAULT_TYPE, "most");
    check_fault("{path: a.csv, test_path: b.csv, split: {test: 0.2}}", KN_FAULT_CLASH, "test_path");
}

static void check_failure(const char *yaml, kaon_status expected, const char *words)
{
    stage s;
    const kn_dataset_load how = loading();
    plan(&s, "csv", yaml);
    assert_int_equal(s.faults.count, 0);
    const kaon_status status = kn_dataset_load_parts(s.plan, &how, &s.data, &s.fault.diag);
    if (!strstr(s.fault.text, words))
        fail_msg("'%s' does not say '%s'", s.fault.text, words);
    assert_int_equal(status, expected);
    leave(&s);
}

static void files_that_fail(void **state)
{
    (void)state;
    write_file("bad.csv", "x,kind\n1,a\n2\n");
    write_file("strange.qqq", "1,2\n");
    write_file("few.csv", "x,kind\n1,a\n2,b\n");
    check_failure("{path: nothing.csv}", KAON_NOT_FOUND, "there is no file");
    check_failure("{path: nothing_*.csv}", KAON_NOT_FOUND, "no file matches");
    check_failure("{path: bad.csv}", KAON_CORRUPT, "bad.csv: line 3: there are 1 fields");
    check_failure("{path: strange.qqq}", KAON_UNSUPPORTED, "no reader knows the ending");
    check_failure("{path: few.csv, target: kjnd}", KAON_NOT_FOUND, "did you mean 'kind'");
    check_failure("{path: few.csv, split: {test: 0..9}}", KAON_INVALID, "rows 0..9 of 2");
    check_failure("{reader: csv}", KAON_INVALID, "give it a path");
}

// Whichever request for memory fails, the words say so and nothing is left.
static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    stage s;
    const kn_dataset_load how = loading();
    write_file("memory.csv", numbers);
    plan(&s, "csv", "{path: memory.csv, target: kind, missing: drop, keep: [w]}");
    int failures = 0;
    for (int64_t n = 1;; n++, failures++) {
        kn_dataset *data = NULL;
        kn_diag_clear(&s.fault);
        const int64_t before = kn_memory_count().blocks;
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = kn_dataset_load_parts(s.plan, &how, &data, &s.fault.diag);
        const int64_t failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_dataset_free(data);
        if (!failed)
            break;
        // The tree of the configuration and the arena of the settings grow; nothing else may.
        assert_in_range(kn_memory_count().blocks - before, 0, 40);
        if (status)
            assert_int_equal(status, KAON_NO_MEMORY);
    }
    assert_in_range(failures, 50, 2000);
    leave(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jets),
        cmocka_unit_test(constituents),
        cmocka_unit_test(files_globs_and_order),
        cmocka_unit_test(rows_with_gaps),
        cmocka_unit_test(files_of_their_own),
        cmocka_unit_test(the_same_selection_elsewhere),
        cmocka_unit_test(one_part_alone),
        cmocka_unit_test(a_check_reads_a_little),
        cmocka_unit_test(faults_of_the_section),
        cmocka_unit_test(files_that_fail),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
