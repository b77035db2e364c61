/* dataset_split_test.c: rows split by their file, the values of a column, the hash of a key, folds.
 */
#include "dataset_stage.h"

/* --- splits by what rows say ------------------------------------------------------------------ */

static const char runs[] = "x,run,part\n1,7,train\n2,8,test\n3,7,train\n4,9,validation\n5,8,test\n"
                           "6,7,train\n7,9,validation\n8,8,test\n";

static void by_file(void **state)
{
    (void)state;
    stage s;
    write_file("s1.csv", "x\n1\n2\n");
    write_file("s2.csv", "x\n");
    write_file("s3.csv", "x\n3\n4\n5\n");
    write_file("s4.csv", "x\n6\n");
    load(&s, "csv",
         "{path: [s1.csv, s2.csv, s3.csv, s4.csv],"
         " split: {test: [s3.csv, 's2*'], validation: 's4.*'}}");
    assert_int_equal(rows_of(&s, KN_TRAIN), 2);
    assert_int_equal(rows_of(&s, KN_VALIDATION), 1);
    const kaon_column x = column(s.data->part[KN_TEST], KAON_ROLE_FEATURES);
    assert_int_equal(x.view.shape[0], 3);
    assert_true(((const float *)x.view.data)[0] == 3);
    assert_int_equal(s.data->file_count, 4);
    assert_non_null(strstr(s.data->files[3], "s4.csv"));
    leave(&s);
}

static void by_column(void **state)
{
    (void)state;
    stage s;
    write_file("runs.csv", runs);
    load(&s, "csv", "{path: runs.csv, features: [x], split: {column: part}}");
    assert_int_equal(rows_of(&s, KN_TRAIN), 3);
    assert_int_equal(rows_of(&s, KN_VALIDATION), 2);
    assert_int_equal(rows_of(&s, KN_TEST), 3);
    leave(&s);
    // Patterns pass the column over; rows of values nobody lists go to the rest.
    load(&s, "csv", "{path: runs.csv, split: {column: run, test: [8], validation: 9}}");
    assert_int_equal(s.data->feature_count, 1);
    assert_int_equal(rows_of(&s, KN_TRAIN), 3);
    assert_int_equal(rows_of(&s, KN_TEST), 3);
    leave(&s);
}

// The same runs in the same part, in whatever order and file they stand.
static void by_key(void **state)
{
    (void)state;
    stage s;
    kn_text rows = {0}, turned = {0};
    kn_text_add(&rows, "x,run\n");
    kn_text_add(&turned, "run,x\n");
    for (int i = 0; i < 300; i++) {
        kn_text_format(&rows, "%d,%d\n", i % 60, i % 60);
        kn_text_format(&turned, "%d.0,%d\n", 59 - i % 60, 59 - i % 60);
    }
    write_file("key.csv", kn_text_get(&rows));
    write_file("turned.csv", kn_text_get(&turned));
    char seen[2][60] = {{0}};
    for (int turn = 0; turn < 2; turn++) {
        load(&s, "csv",
             turn ? "{path: turned.csv, split: {key: run, test: 0.3, seed: 5}}"
                  : "{path: key.csv, split: {key: [run], test: 0.3, seed: 5}}");
        for (int32_t part = 0; part < KN_PARTS; part++) {
            if (!s.data->part[part])
                continue;
            const kaon_column x = column(s.data->part[part], KAON_ROLE_FEATURES);
            assert_int_equal(x.view.shape[1], 1);
            for (int64_t i = 0; i < x.view.shape[0]; i++)
                seen[turn][(int)((const float *)x.view.data)[i]] |= (char)(1 << part);
        }
        assert_in_range(rows_of(&s, KN_TEST), 50, 130);
        leave(&s);
    }
    for (int i = 0; i < 60; i++)
        assert_true(seen[0][i] == 1 || seen[0][i] == 1 << KN_TEST);
    assert_memory_equal(seen[0], seen[1], 60);
    // Fixed for good: these runs test, on every machine.
    int tests = 0;
    for (int i = 0; i < 60; i++)
        tests = tests * 3 % 1000003 + (seen[0][i] == 1 << KN_TEST);
    assert_int_equal(tests, 0x951e);
    kn_text_fini(&rows);
    kn_text_fini(&turned);
}

static void by_fold(void **state)
{
    (void)state;
    stage s;
    write_file("runs.csv", runs);
    load(&s, "csv", "{path: runs.csv, features: [x], split: {folds: 4, validation: 0.34}}");
    int tested[8] = {0};
    assert_int_equal(s.data->folds, 4);
    for (int64_t fold = 0; fold < 4; fold++) {
        assert_int_equal(kn_dataset_set_fold(s.data, fold, &s.fault.diag), KAON_OK);
        assert_int_equal(rows_of(&s, KN_TRAIN), 4);
        assert_int_equal(rows_of(&s, KN_VALIDATION), 2);
        assert_int_equal(rows_of(&s, KN_TEST), 2);
        for (int i = 0; i < 2; i++)
            tested[s.data->test_rows[i]]++;
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(tested[i], 1);
    leave(&s);
}

// What is refused is said at its place in the file.
static void split_faults(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *words;
    } cases[] = {
        {"{path: runs.csv, split: {test: ['absent*']}}", "none of the 1 files that were read"},
        {"{path: runs.csv, features: [x], split: {column: run}}", "names no part"},
        {"{path: runs.csv, split: {column: run, test: [99]}}", "no rows are left for the test"},
        {"{path: runs.csv, split: {column: rnu, test: [9]}}", "did you mean 'run'"},
        {"{path: runs.csv, features: [run], split: {key: run}}", "splits the rows"},
        {"{path: runs.csv, split: {key: part, folds: 7}}", "leaves no rows to test on"},
        {"{path: runs.csv, split: {test: 0.01}}", "no rows are left for the test"},
        {"{path: runs.csv, split: {folds: 4, test: 0.1}}", "each fold tests once"},
        {"{path: runs.csv, split: {folds: 1}}", "nothing to train on"},
        {"{path: runs.csv, split: {key: run, stratify: true}}", "cannot be held"},
    };
    write_file("runs.csv", runs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage s;
        const kn_dataset_load how = loading();
        plan(&s, "csv", cases[i].yaml);
        const char *said = s.faults.count ? s.faults.at[0].message : s.fault.text;
        if (!s.faults.count) {
            assert_int_not_equal(kn_dataset_load_parts(s.plan, &how, &s.data, &s.fault.diag), 0);
            said = s.faults.count ? s.faults.at[0].message : s.fault.text;
        }
        if (!strstr(said, cases[i].words))
            fail_msg("'%s' does not say '%s'", said, cases[i].words);
        leave(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_file), cmocka_unit_test(by_column),    cmocka_unit_test(by_key),
        cmocka_unit_test(by_fold), cmocka_unit_test(split_faults),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
