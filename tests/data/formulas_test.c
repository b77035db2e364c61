/* formulas_test.c: formulas in the `data` section, and files that are classes, through real
 * readers. */
#include "experiment/advice.h"
#include "experiment/config_write.h"
#include "data/dataset.h"
#include "data/source.h"
#include "data/table.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// One section and what comes of it.
typedef struct stage {
    kn_kernel *kernel;
    kn_config_tree *tree;
    kn_faults faults;
    kn_settings settings;
    kn_dataset_plan *plan;
    kn_config *resolved;
    kn_dataset *data;
    kn_diag fault;
    char log[2048];
} stage;

static char folder[64];

static void on_log(void *context, int32_t level, const char *text)
{
    stage *s = context;
    (void)level;
    const size_t at = strlen(s->log);
    snprintf(s->log + at, sizeof s->log - at, "%s\n", text);
}

static void needs(kn_kernel *kernel, const char *reader)
{
    const kn_item *item = NULL;
    kn_diag ignored;
    kn_diag_init(&ignored);
    if (kn_item_find(kernel, KAON_READER, reader, &item, &ignored.diag) == KAON_OK)
        return;
    print_message("skipped: there is no reader '%s'\n", reader);
    skip();
}

static void plan(stage *s, const char *reader, const char *yaml)
{
    const kn_kernel_settings settings = {
        .log_level = KAON_LOG_INFO, .log = on_log, .log_context = s};
    memset(s, 0, sizeof *s);
    kn_diag_init(&s->fault);
    assert_int_equal(kn_kernel_new(&settings, &s->kernel, &s->fault.diag), KAON_OK);
    s->kernel->advice = &kn_settings_advice;
    needs(s->kernel, reader);
    s->tree = kn_config_tree_new();
    kn_settings_init(&s->settings, s->kernel, s->tree, &s->faults);
    const kn_config *node = kn_config_parse(s->tree, "test.yaml", yaml, strlen(yaml), &s->faults);
    assert_non_null(node);
    s->plan = kn_dataset_plan_new(&s->settings, node, &s->resolved);
}

static kn_dataset_load loading(void)
{
    return (kn_dataset_load){.folder = folder, .seed = 3, .float_type = KAON_F32};
}

static void load(stage *s, const char *reader, const char *yaml)
{
    const kn_dataset_load how = loading();
    plan(s, reader, yaml);
    if (s->faults.count)
        fail_msg("%s", s->faults.at[0].message);
    if (kn_dataset_load_parts(s->plan, &how, &s->data, &s->fault.diag))
        fail_msg("%s", s->fault.text);
}

static void leave(stage *s)
{
    kn_dataset_free(s->data);
    kn_settings_fini(&s->settings);
    kn_config_tree_free(s->tree);
    kn_faults_fini(&s->faults);
    kn_kernel_free(s->kernel);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(kn_file_write(path, text, strlen(text), NULL), KAON_OK);
}

static void check_values(const kaon_table *t, int32_t role, int64_t count, const float *expected)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(t, role, &c), KAON_OK);
    assert_int_equal(kaon_view_count(&c.view), count);
    for (int64_t i = 0; i < count; i++)
        if (((const float *)c.view.data)[i] != expected[i])
            fail_msg("number %d is %g and not %g", (int)i, (double)((const float *)c.view.data)[i],
                     (double)expected[i]);
}

static void check_target(const kaon_table *t, int64_t count, const int64_t *expected)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(t, KAON_ROLE_TARGET, &c), KAON_OK);
    assert_int_equal(c.view.dtype, KAON_I64);
    assert_int_equal(kaon_view_count(&c.view), count);
    assert_memory_equal(c.view.data, expected, (size_t)count * sizeof *expected);
}

#define VALUES(...)                                                                                \
    sizeof((float[]){__VA_ARGS__}) / sizeof(float), (float[])                                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define CLASSES(...)                                                                               \
    sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[])                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ALL "split: {shuffle: false}"

static const char *const pairs = "px,py,w,kind\n3,4,1,2\n6,8,2,3\n,1,1,2\n5,12,4,2\n8,15,1,3\n";

/* --- columns ---------------------------------------------------------------------------------- */

static void features_and_weights(void **state)
{
    stage s;
    (void)state;
    write_file("pairs.csv", pairs);
    load(&s, "csv",
         "{path: pairs.csv, define: {pt: 'sqrt(px**2 + py**2)'}, cut: 'pt > 0', features: [pt, "
         "'py / px*12', px*py], target: kind == 3, weight: 'w * 0.5', " ALL "}");
    check_values(s.data->part[KN_TRAIN], KAON_ROLE_FEATURES,
                 VALUES(5, 16, 12, 10, 16, 48, 13, 28.8F, 60, 17, 22.5F, 120));
    check_values(s.data->part[KN_TRAIN], KAON_ROLE_WEIGHT, VALUES(.5F, 1, 2, .5F));
    check_target(s.data->part[KN_TRAIN], CLASSES(0, 1, 0, 1));
    assert_string_equal(s.data->features[1], "py / px*12");
    assert_string_equal(s.data->classes[1], "true");
    assert_int_equal(s.data->rows, 4);
    assert_int_equal(s.data->cut.rows, 5);
    assert_int_equal(s.data->cut.kept, 4);
    assert_int_equal(s.data->cut.unknown, 1);
    assert_non_null(strstr(s.log, "cut 'pt > 0': 4 of 5 rows are kept"));
    assert_non_null(strstr(s.log, "rows left out since a value it needs is missing: 1"));
    leave(&s);
}

// What a target is made from would tell it: a pattern takes none of that.
static void patterns_do_not_tell_the_target(void **state)
{
    stage s;
    (void)state;
    write_file("pairs.csv", pairs);
    load(&s, "csv",
         "{path: pairs.csv, define: {sum: px + py, odd: kind % 2}, cut: px > 0, features: ['*'], "
         "target: kind == 3, weight: 2 * w, " ALL "}");
    assert_int_equal(s.data->feature_count, 3);
    assert_string_equal(s.data->features[0], "px");
    assert_string_equal(s.data->features[2], "sum");
    assert_non_null(strstr(s.log, "column 'kind' has to do with target or weight"));
    leave(&s);
}

static void names_go_before_formulas(void **state)
{
    stage s;
    (void)state;
    write_file("odd.csv", "a-b,a,b,a b,t\n1,2,3,4,0.5\n");
    load(&s, "csv",
         "{path: odd.csv, features: [a-b, a - b, a b, '`a b` * 2'], target: t, " ALL "}");
    check_values(s.data->part[KN_TRAIN], KAON_ROLE_FEATURES, VALUES(1, -1, 4, 8));
    leave(&s);
}

/* Jets of toyjets: the leading three, filled up, beside what a loop makes of the lists. */
static void lists(void **state)
{
    stage s;
    kaon_column x = {.size = sizeof x}, pt = {.size = sizeof pt};
    (void)state;
    load(&s, "toyjets",
         "{reader: {toyjets: {jets: 300}}, features: ['p*[:3]', 'sum(pt)', 'count(pt > 20)', "
         "'max(abs(eta))'], keep: [pt, eta], target: label, pad_value: -1, " ALL "}");
    const kaon_table *t = s.data->part[KN_TRAIN];
    assert_int_equal(kn_table_column_of(t, KAON_ROLE_FEATURES, &x), KAON_OK);
    assert_int_equal(x.view.shape[1], 9); // pt, phi: three each
    assert_string_equal(x.labels[4], "phi[:3][1]");
    assert_int_equal(kn_table_column_named(t, "pt", &pt), KAON_OK);
    for (int64_t i = 0; i < kn_table_rows(t); i++) {
        const float *row = (const float *)x.view.data + i * 9;
        double sum = 0, hard = 0;
        for (int64_t k = pt.offsets[i]; k < pt.offsets[i + 1]; k++) {
            const float value = ((const float *)pt.view.data)[k];
            sum += (double)value;
            hard += value > 20;
            if (k < pt.offsets[i] + 3)
                assert_true(row[k - pt.offsets[i]] == value);
        }
        for (int64_t k = pt.offsets[i + 1] - pt.offsets[i]; k < 3; k++)
            assert_true(row[k] == -1);
        assert_true(fabs(sum - (double)row[6]) < 1e-3 * sum);
        assert_true((float)hard == row[7]);
    }
    leave(&s);
}

static void jagged_features(void **state)
{
    stage s;
    kaon_column x = {.size = sizeof x};
    (void)state;
    load(&s, "toyjets",
         "{reader: {toyjets: {jets: 100}}, define: {hard: 'pt[pt > 10]'}, features: [hard, "
         "'mask(hard)'], target: label, pad: 5, " ALL "}");
    assert_int_equal(kn_table_column_of(s.data->part[KN_TRAIN], KAON_ROLE_FEATURES, &x), KAON_OK);
    assert_int_equal(x.view.rank, 3);
    const float *at = x.view.data;
    for (int64_t i = 0; i < x.view.shape[0] * 5; i++)
        assert_true(at[2 * i + 1] == (float)(at[2 * i] > 10));
    leave(&s);
}

// What splits the rows may be a formula too.
static void split_by_formula(void **state)
{
    stage s;
    char text[4096] = "run,x,y\n";
    (void)state;
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%d,%d\n", 100 + i, i, i % 2);
    write_file("runs.csv", text);
    load(&s, "csv",
         "{path: runs.csv, features: [x], target: y, split: {column: run % 3, test: [0], "
         "validation: [1]}}");
    kaon_column x = {.size = sizeof x};
    assert_int_equal(kn_table_column_of(s.data->part[KN_TEST], KAON_ROLE_FEATURES, &x), KAON_OK);
    assert_int_equal(x.view.shape[0], 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal((100 + (int)((const float *)x.view.data)[i]) % 3, 0);
    leave(&s);
}

/* --- files that are classes ------------------------------------------------------------------- */

static void classes_by_file(void **state)
{
    stage s;
    (void)state;
    write_file("s.csv", "x,w\n1,1\n2,2\n");
    write_file("b_1.csv", "x,w\n3,3\n");
    write_file("b_2.csv", "w,x\n4,4\n5,5\n");
    load(
        &s, "csv",
        "{files: {signal: s.csv, background: {path: 'b_*.csv', weight: 0.1}}, weight: w, features: "
        "[x], " ALL "}");
    check_values(s.data->part[KN_TRAIN], KAON_ROLE_FEATURES, VALUES(1, 2, 3, 4, 5));
    check_values(s.data->part[KN_TRAIN], KAON_ROLE_WEIGHT,
                 VALUES(1, 2, .1F * 3, (float)(.1 * 4), .5F));
    check_target(s.data->part[KN_TRAIN], CLASSES(0, 0, 1, 1, 1));
    assert_string_equal(s.data->classes[0], "signal"); // in the order of the section
    assert_string_equal(s.data->target, "class");
    leave(&s);
    load(&s, "csv",
         "{files: {b: [b_1.csv, b_2.csv], s: [s.csv]}, target: kind, features: [x], " ALL "}");
    check_target(s.data->part[KN_TRAIN], CLASSES(0, 0, 0, 1, 1));
    assert_string_equal(s.data->target, "kind");
    leave(&s);
}

// What was resolved means the same when it is read again, classes and weights of files too.
static void resolved_sections(void **state)
{
    static const char *const sections[] = {
        "{files: {signal: s.csv, background: {path: 'b_*.csv', weight: 0.1}}, weight: w, define: "
        "{y: "
        "x * 2}, cut: y > 2, features: ['*', x / y], " ALL "}",
        "{path: pairs.csv, features: [px / py, py], target: -1, weight: '2 * w', cut: px > 0, " ALL
        "}",
    };
    (void)state;
    write_file("pairs.csv", pairs);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        stage s, again;
        kn_text json = {0};
        kaon_column a = {.size = sizeof a}, b = {.size = sizeof b};
        load(&s, "csv", sections[i]);
        kn_config_write_json(s.resolved, &json);
        load(&again, "csv", kn_text_get(&json));
        for (int32_t role = KAON_ROLE_FEATURES; role <= KAON_ROLE_WEIGHT; role++) {
            assert_int_equal(kn_table_column_of(s.data->part[KN_TRAIN], role, &a), KAON_OK);
            assert_int_equal(kn_table_column_of(again.data->part[KN_TRAIN], role, &b), KAON_OK);
            assert_int_equal(kaon_view_count(&a.view), kaon_view_count(&b.view));
            assert_memory_equal(a.view.data, b.view.data,
                                (size_t)kaon_view_count(&a.view) * kaon_dtype_bytes(a.view.dtype));
        }
        kn_text_fini(&json);
        leave(&again);
        leave(&s);
    }
}

/* --- prediction ------------------------------------------------------------------------------- */

// Prediction asks for features alone: whatever the target is, or whether it is there.
static void only_features(void **state)
{
    static const char *const files[] = {"px,py,w\n3,4,1\n0,1,1\n6,8,1\n",
                                        "py,px,kind\n4,3,signal\n1,0,\n8,6,noise\n"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        stage s;
        kaon_table *t = NULL;
        kaon_column c = {.size = sizeof c};
        kn_dataset_load how = loading();
        how.only_features = how.row_numbers = 1;
        write_file("new.csv", files[i]);
        plan(&s, "csv",
             "{path: new.csv, features: [px / py, px], target: kind, weight: weight, cut: px > 0, "
             "classes: [a, b]}");
        if (kn_dataset_load_table(s.plan, &how, -1, &t, &s.fault.diag))
            fail_msg("%s", s.fault.text);
        check_values(t, KAON_ROLE_FEATURES, VALUES(.75F, 3, .75F, 6));
        assert_int_equal(kn_table_column_of(t, KAON_ROLE_TARGET, &c), KAON_NOT_FOUND);
        assert_int_equal(kn_table_column_named(t, "row", &c), KAON_OK);
        assert_memory_equal(c.view.data, ((const int64_t[]){0, 2}), 16);
        assert_int_equal(kn_table_column_named(t, "kind", &c), i ? KAON_OK : KAON_NOT_FOUND);
        kn_table_release(t);
        leave(&s);
    }
}

/* --- faults ----------------------------------------------------------------------------------- */

static void check_fault(const char *yaml, int32_t code, const char *words, const char *hint)
{
    stage s;
    const kn_dataset_load how = loading();
    plan(&s, "csv", yaml);
    if (!s.faults.count && kn_dataset_load_parts(s.plan, &how, &s.data, &s.fault.diag) == KAON_OK)
        fail_msg("'%s' was accepted", yaml);
    if (!s.faults.count)
        fail_msg("'%s' has no fault: %s", yaml, s.fault.text);
    const kn_fault *fault = &s.faults.at[0];
    if (fault->code != code || strcmp(fault->message, words))
        fail_msg("%d: %s", (int)fault->code, fault->message);
    if (!hint != !fault->hint || (hint && strcmp(hint, fault->hint)))
        fail_msg("'%s', hint: %s", yaml, fault->hint ? fault->hint : "none");
    assert_int_equal(fault->line, 1);
    leave(&s);
}

static void faults(void **state)
{
    (void)state;
    write_file("pairs.csv", pairs);
    write_file("class.csv", "class,x\n1,2\n");
    write_file("odd.csv", "fixed acidity,x\n1,2\n");
    // Without a look at the file:
    check_fault("{path: none.csv, cut: 'px >'}", KN_FAULT_FORMULA,
                "the formula ends where a value should stand", NULL);
    check_fault("{path: none.csv, define: {a: 'b c'}}", KN_FAULT_FORMULA,
                "'c' stands where an operator or the end should", NULL);
    check_fault("{path: none.csv, define: [a]}", KN_FAULT_TYPE,
                "'define' is a map of names and formulas",
                "write define: {pt: \"sqrt(px**2 + py**2)\"}");
    check_fault("{path: none.csv, define: {a: [b]}}", KN_FAULT_TYPE,
                "'a' is a formula, found a list of 1", NULL);
    check_fault("{files: [a.csv]}", KN_FAULT_TYPE, "'files' is a map of classes to files",
                "write files: {signal: a.csv, background: b.csv}");
    check_fault("{files: {a: a.csv, b: []}}", KN_FAULT_COUNT, "class 'b' has no files", NULL);
    check_fault("{files: {a: {path: a.csv, weigt: 2}}}", KN_FAULT_UNKNOWN,
                "unknown key 'weigt' in 'files'", "did you mean 'weight'?");
    check_fault("{files: {a: a.csv, b: b.csv}, path: c.csv}", KN_FAULT_CLASH,
                "'path' and 'files' exclude each other",
                "'files' names all files, each with its class");
    // With one at its columns:
    check_fault("{path: pairs.csv, features: [px, pz * 2], target: kind}", KN_FAULT_DATA,
                "there is no column 'pz'", "did you mean 'px'?");
    check_fault("{path: pairs.csv, features: [px], target: knd == 1}", KN_FAULT_DATA,
                "there is no column 'knd'", "did you mean 'kind'?");
    check_fault("{path: pairs.csv, features: ['q*[:2]'], target: kind}", KN_FAULT_DATA,
                "no column of lists fits 'q*'", NULL);
    check_fault("{path: odd.csv, features: [fixed acidty], target: x}", KN_FAULT_DATA,
                "there is no column 'fixed acidty'", "did you mean 'fixed acidity'?");
    check_fault("{path: pairs.csv, features: [px +], target: kind}", KN_FAULT_FORMULA,
                "the formula ends where a value should stand", NULL);
    check_fault("{files: {a: class.csv}, features: [x]}", KN_FAULT_CLASH,
                "the files have a column 'class' themselves",
                "set 'target': class, or a new name for the class of the file");
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kaon-formulas-XXXXXX");
    return !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"pairs.csv", "odd.csv",   "s.csv",    "b_1.csv", "b_2.csv",
                                        "new.csv",   "class.csv", "runs.csv", NULL};
    for (int i = 0; names[i]; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_and_weights),
        cmocka_unit_test(patterns_do_not_tell_the_target),
        cmocka_unit_test(names_go_before_formulas),
        cmocka_unit_test(lists),
        cmocka_unit_test(jagged_features),
        cmocka_unit_test(split_by_formula),
        cmocka_unit_test(classes_by_file),
        cmocka_unit_test(resolved_sections),
        cmocka_unit_test(only_features),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
