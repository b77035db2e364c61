/* config_load_test.c: files that include others, variables, and both without memory. */
#include "experiment/config_load.h"
#include "experiment/config_write.h"
#include "experiment/experiment_plan.h"
#include "kernel/files.h"
#include "kernel/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/kaon-load-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(kn_file_write(path, text, strlen(text), NULL), KAON_OK);
}

// The file with includes and variables, as JSON; the first fault's message where there is one.
static char *load(const char *name)
{
    char path[128];
    kn_faults faults = {0};
    kn_text text = {0};
    kn_config_tree *tree = kn_config_tree_new();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    kn_config *root = tree ? kn_config_load(tree, path, &kn_experiment_schema, &faults) : NULL;
    if (root)
        kn_config_put_vars(tree, root, &faults);
    if (faults.count)
        kn_text_add(&text, faults.at[0].message ? faults.at[0].message : "");
    else if (root)
        kn_config_write_json(root, &text);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    return kn_text_take(&text);
}

static void expect(const char *name, const char *wanted)
{
    char *found = load(name);
    assert_string_equal(found, wanted);
    kn_free(found);
}

static void expect_words(const char *name, const char *wanted)
{
    char *found = load(name);
    if (!strstr(found, wanted))
        fail_msg("'%s' does not say '%s'", found, wanted);
    kn_free(found);
}

static void sections_are_merged(void **state)
{
    (void)state;
    write_file("base.yaml", "seed: 1\nname: b\ndata: {target: t, split: {train: 0.7, seed: 3}}\n"
                            "model: [a, b]\n");
    write_file("over.yaml", "include: base.yaml\nseed: 2\ndata: {split: {train: 0.5}, weight: w}\n"
                            "model: [c]\n");
    expect("over.yaml", "{\"seed\": 2, \"name\": \"b\", \"data\": {\"target\": \"t\", \"split\": "
                        "{\"train\": 0.5, \"seed\": 3}, \"weight\": \"w\"}, \"model\": [\"c\"]}");
    // Items are no sections: one reader replaces another.
    write_file("base.yaml", "data: {reader: {one: {a: 1}}}\n");
    write_file("over.yaml", "include: [base.yaml]\ndata: {reader: {two: {b: 2}}}\n");
    expect("over.yaml", "{\"data\": {\"reader\": {\"two\": {\"b\": 2}}}}");
}

static void later_files_go_before(void **state)
{
    (void)state;
    write_file("one.yaml", "seed: 1\nname: one\n");
    write_file("two.yaml", "seed: 2\n");
    write_file("both.yaml", "include: [one.yaml, two.yaml]\n");
    expect("both.yaml", "{\"seed\": 2, \"name\": \"one\"}");
    // A file may be included twice, but not by itself.
    write_file("one.yaml", "include: two.yaml\nname: one\n");
    expect("both.yaml", "{\"seed\": 2, \"name\": \"one\"}");
    write_file("two.yaml", "include: both.yaml\n");
    expect_words("both.yaml", "includes itself");
    write_file("two.yaml", "[1, 2]\n");
    expect_words("both.yaml", "holds no keys and values");
}

static void variables_keep_their_type(void **state)
{
    (void)state;
    write_file("v.yaml",
               "vars: {n: 3, text: '7', list: [1, {k: \"${n}\"}], flag: true, none: null}\n"
               "a: ${n}\nb: \"${text}\"\nc: x${n}y${flag}\nd: ${list}\ne: $${n}\n"
               "f: [\"${flag}\", \"${none}\", 'cost: $5']\ng: ${n\n");
    expect("v.yaml", "{\"a\": 3, \"b\": \"7\", \"c\": \"x3ytrue\", \"d\": [1, {\"k\": 3}], \"e\": "
                     "\"${n}\", \"f\": [true, null, \"cost: $5\"], \"g\": \"${n\"}");
    write_file("v.yaml", "vars: {units: 3}\na: ${unit}\n");
    expect("v.yaml", "there is no variable 'unit'");
    write_file("v.yaml", "a: ${unit}\n");
    expect("v.yaml", "there is no variable 'unit'");
    write_file("v.yaml", "vars: {a: \"${b}\", b: \"${a}\"}\nx: ${a}\n");
    expect_words("v.yaml", "stands for itself");
    write_file("v.yaml", "vars: [1]\n");
    expect_words("v.yaml", "'vars' are names and values");
}

// Variables of variables multiply: ten lists of ten each would be ten thousand million values.
static void multiplying_variables_end(void **state)
{
    kn_text text = {0};
    (void)state;
    kn_text_add(&text, "vars:\n  v0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for (int i = 1; i < 10; i++) {
        kn_text_format(&text, "  v%d: [", i);
        for (int k = 0; k < 10; k++)
            kn_text_format(&text, "\"${v%d}\", ", i - 1);
        kn_text_add(&text, "1]\n");
    }
    kn_text_add(&text, "x: ${v9}\n");
    write_file("bomb.yaml", kn_text_get(&text));
    expect_words("bomb.yaml", "too many values");
    kn_text_fini(&text);
}

static void survives_without_memory(void **state)
{
    (void)state;
    write_file("base.yaml", "vars: {n: 3}\ndata: {target: t}\n");
    write_file("over.yaml", "include: base.yaml\nname: x${n}\ndata: {weight: \"${n}\"}\n");
    for (int how = 0; how < 2; how++) {
        const int64_t before = kn_memory_count().blocks;
        int64_t failed = 1;
        for (int64_t n = 1; failed && n < 500; n++) {
            kn_memory_fail(n, how ? KN_FAIL_ON : KN_FAIL_ONCE);
            char *text = load("over.yaml");
            failed = kn_memory_failed();
            kn_memory_fail(0, KN_FAIL_ONCE);
            kn_free(text);
        }
        assert_int_equal(failed, 0);
        assert_int_equal(kn_memory_count().blocks, before);
    }
}

static void nearest_file(void **state)
{
    char path[128], near[256];
    (void)state;
    write_file("jets.yaml", "");
    snprintf(path, sizeof path, "%s/jest.yaml", folder);
    const char *found = kn_nearest_file(path, near, sizeof near);
    assert_non_null(found);
    assert_string_equal(kn_path_name(found), "jets.yaml");
    snprintf(path, sizeof path, "%s/nothing_like_it", folder);
    assert_null(kn_nearest_file(path, near, sizeof near));
    assert_null(kn_nearest_file("/no/such/folder/x", near, sizeof near));
}

static int make(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int clear(void **state)
{
    static const char *const names[] = {"base.yaml", "over.yaml", "one.yaml",  "two.yaml",
                                        "both.yaml", "v.yaml",    "bomb.yaml", "jets.yaml"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_merged),       cmocka_unit_test(later_files_go_before),
        cmocka_unit_test(variables_keep_their_type), cmocka_unit_test(multiplying_variables_end),
        cmocka_unit_test(survives_without_memory),   cmocka_unit_test(nearest_file),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
