/* settings_test.c: options checked and filled: types, limits, choices, lists, suggestions. */
#include "experiment/advice.h"
#include "experiment/config_write.h"
#include "experiment/fault_show.h"
#include "kernel/memory.h"
#include "kernel/settings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    int64_t units;
    double rate;
    int32_t bias;
    const char *name;
    int32_t mode;
    kaon_ints shape;
    kaon_floats cuts;
    kaon_texts columns;
    int64_t free_number;
    double share;
    const kn_config *tree;
} config;

static const char *const modes[] = {"fast", "exact", NULL};

static const kaon_option options[] = {
    KAON_INT(config, units, 16, .min = 1, .max = 4096, .help = "number of sums"),
    KAON_FLOAT(config, rate, 0.5, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MIN, .unit = "GeV",
               .help = "a rate"),
    KAON_BOOL(config, bias, 1, .help = "a switch"),
    KAON_TEXT(config, name, "calo", .help = "a name"),
    KAON_CHOICE(config, mode, 1, modes, .help = "a mode"),
    KAON_INTS(config, shape, "[1, 2]", .min = 1, .max = 9, .max_count = 3, .help = "a shape"),
    KAON_FLOATS(config, cuts, NULL, .help = "cuts"),
    KAON_TEXTS(config, columns, "['*']", .min_count = 1, .help = "columns"),
    KAON_INT(config, free_number, -7, .help = "any"),
    KAON_FLOAT(config, share, 2, .min = 1, .help = "at least one"),
    KN_TREE(config, tree, .help = "anything"),
    {0},
};

static const kn_schema schema = {
    .what = "thing", .options = options, .size = sizeof(config), .more = "layer:thing"};

typedef struct {
    kn_config_tree *tree;
    kn_faults faults;
    kn_settings settings;
    const config *c;
    kn_config *resolved;
} fixture;

static fixture *fill(const char *text)
{
    static fixture f;
    f = (fixture){.tree = kn_config_tree_new()};
    kn_settings_init(&f.settings, NULL, f.tree, &f.faults);
    f.settings.advice = &kn_settings_advice;
    const kn_config *node = kn_config_parse(f.tree, "t.yaml", text, strlen(text), &f.faults);
    f.c = kn_settings_fill(&f.settings, &schema, node, &f.resolved);
    return &f;
}

static void done(fixture *f)
{
    kn_settings_fini(&f->settings);
    kn_faults_fini(&f->faults);
    kn_config_tree_free(f->tree);
}

static void defaults(void **state)
{
    (void)state;
    fixture *f = fill("");
    assert_int_equal(f->faults.count, 0);
    assert_int_equal(f->c->units, 16);
    assert_true(f->c->rate == 0.5);
    assert_int_equal(f->c->bias, 1);
    assert_string_equal(f->c->name, "calo");
    assert_int_equal(f->c->mode, 1);
    assert_int_equal(f->c->shape.count, 2);
    assert_int_equal(f->c->shape.at[1], 2);
    assert_int_equal(f->c->cuts.count, 0);
    assert_string_equal(f->c->columns.at[0], "*");
    assert_null(f->c->tree);
    done(f);
}

static void values(void **state)
{
    (void)state;
    fixture *f =
        fill("{units: 1e3, rate: 1, bias: no, name: 12, mode: fast, shape: 5, "
             "cuts: [1, -2.5, inf], columns: [pt, eta], free_number: -1_000, tree: {a: 1}}");
    assert_int_equal(f->faults.count, 0);
    assert_int_equal(f->c->units, 1000);
    assert_true(f->c->rate == 1);
    assert_int_equal(f->c->bias, 0);
    assert_string_equal(f->c->name, "12"); // what an option takes as text is text
    assert_int_equal(f->c->mode, 0);
    assert_int_equal(f->c->shape.count, 1);
    assert_int_equal(f->c->cuts.count, 3);
    assert_true(f->c->cuts.at[1] == -2.5 && isinf(f->c->cuts.at[2]));
    assert_string_equal(f->c->columns.at[1], "eta");
    assert_int_equal(f->c->free_number, -1000);
    assert_int_equal(f->c->tree->kind, KN_CONFIG_MAP);
    done(f);
}

// One fault with these words; the default has taken the value's place.
static void check(const char *text, int32_t code, const char *words)
{
    fixture *f = fill(text);
    assert_int_equal(f->faults.count, 1);
    assert_int_equal(f->faults.at[0].code, code);
    if (!strstr(f->faults.at[0].message, words))
        fail_msg("'%s' does not say '%s'", f->faults.at[0].message, words);
    assert_int_equal(f->c->units, 16);
    done(f);
}

static void refuses(void **state)
{
    (void)state;
    check("units: 0", KN_FAULT_RANGE, "allowed is 1 to 4096");
    check("units: 4097", KN_FAULT_RANGE, "'units' is 4097");
    check("units: many", KN_FAULT_TYPE, "a whole number, 1 to 4096, found the text 'many'");
    check("units: 1.5", KN_FAULT_TYPE, "found the number 1.5");
    check("units: '5'", KN_FAULT_TYPE, "whole number");
    check("units: [5]", KN_FAULT_TYPE, "a list of 1");
    check("units:", KN_FAULT_TYPE, "found nothing");
    check("rate: 0", KN_FAULT_RANGE, "above 0 and at most 1 GeV");
    check("rate: nan", KN_FAULT_TYPE, "a number");
    check("bias: maybe", KN_FAULT_TYPE, "true or false");
    check("name: [a]", KN_FAULT_TYPE, "a text");
    check("mode: exakt", KN_FAULT_CHOICE, "cannot be 'exakt'");
    check("shape: [1, 2, 3, 4]", KN_FAULT_COUNT, "4 entries, allowed are at most 3");
    check("shape: [1, 10]", KN_FAULT_RANGE, "10");
    check("shape: [1, [2]]", KN_FAULT_TYPE, "list of 1");
    check("columns: []", KN_FAULT_COUNT, "at least 1");
    check("cuts: {a: 1}", KN_FAULT_TYPE, "a map");
    check("share: 0.5", KN_FAULT_RANGE, "at least 1");
    check("untis: 5", KN_FAULT_UNKNOWN, "unknown key 'untis' in 'thing'");
    check("[1, 2]", KN_FAULT_TYPE, "keys and values, found a list of 2");
    check("5", KN_FAULT_TYPE, "keys and values, found the number 5");
}

static void suggests(void **state)
{
    static const char *const cases[][2] = {
        {"untis: 5", "did you mean 'units'?"},
        {"moed: fast", "did you mean 'mode'?"},
        {"mode: exakt", "did you mean 'exact'?"},
        {"neurons: 3", "did you mean 'units'?"}, // what others call it
        {"free-number: 3", "did you mean 'free_number'?"},
        {"Rate: 1", "did you mean 'rate'?"},
        {"columnz: [a]", "did you mean 'columns'?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = fill(cases[i][0]);
        assert_string_equal(f->faults.at[0].hint, cases[i][1]);
        done(f);
    }
    fixture *f = fill("xyzzy: 3");
    assert_null(f->faults.at[0].hint);
    assert_non_null(
        strstr(f->faults.at[0].note, "keys here: bias, columns, cuts, free_number, mode, name"));
    done(f);
}

// All faults in one pass, in the order of the file, with the first place in the status.
static void collects_all(void **state)
{
    kn_text text = {0};
    (void)state;
    fixture *f = fill("xunits: 1\nunits: 0\nrate: fast\nmode: slow\n");
    assert_int_equal(f->faults.count, 4);
    kn_faults_write(&f->faults, &text);
    const char *at = kn_text_get(&text);
    static const char *const order[] = {"xunits", "'units' is 0", "'rate'", "'mode'"};
    for (int i = 0; i < 4; i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
    kn_text_fini(&text);
    done(f);
}

static void many_faults_are_counted(void **state)
{
    kn_text yaml = {0}, text = {0};
    (void)state;
    for (int i = 0; i < 50; i++)
        kn_text_format(&yaml, "key_%d: 1\n", i);
    fixture *f = fill(kn_text_get(&yaml));
    assert_int_equal(f->faults.count, 50);
    kn_faults_write(&f->faults, &text);
    assert_non_null(strstr(kn_text_get(&text), "and 30 more"));
    kn_text_fini(&yaml);
    kn_text_fini(&text);
    done(f);
}

// The whole of one fault, as it is promised.
static void shows_everything(void **state)
{
    kn_text text = {0};
    (void)state;
    fixture *f = fill("rate: 1\nuntis: 32\n");
    kn_faults_write(&f->faults, &text);
    assert_string_equal(kn_text_get(&text),
                        "error[C0107]: unknown key 'untis' in 'thing'\n"
                        " --> t.yaml:2:1\n"
                        "  |\n"
                        "2 | untis: 32\n"
                        "  | ^^^^^ did you mean 'units'?\n"
                        "  = keys here: bias, columns, cuts, free_number, mode, name, rate, shape, "
                        "share, tree, ...\n"
                        "  = more: kaon explain C0107, kaon inspect layer:thing\n");
    kn_text_fini(&text);
    done(f);
}

static void shows_the_line(void **state)
{
    kn_text text = {0};
    (void)state;
    fixture *f = fill("a_name: 1\nunits:   \t0  # none\n");
    kn_faults_write(&f->faults, &text);
    assert_non_null(strstr(kn_text_get(&text), " --> t.yaml:2:11\n"
                                               "  |\n"
                                               "2 | units:    0  # none\n"
                                               "  |           ^\n"));
    kn_text_fini(&text);
    done(f);
}

// A long line is cut around the place.
static void cuts_long_lines(void **state)
{
    kn_text yaml = {0}, text = {0};
    (void)state;
    kn_text_add(&yaml, "{name: ");
    for (int i = 0; i < 300; i++)
        kn_text_add(&yaml, "x");
    kn_text_add(&yaml, ", units: 0, cuts: [");
    for (int i = 0; i < 300; i++)
        kn_text_add(&yaml, "1, ");
    kn_text_add(&yaml, "1]}");
    fixture *f = fill(kn_text_get(&yaml));
    kn_faults_write(&f->faults, &text);
    assert_true(text.length < 500);
    assert_non_null(strstr(kn_text_get(&text), "units: 0"));
    kn_text_fini(&yaml);
    kn_text_fini(&text);
    done(f);
}

static void resolves(void **state)
{
    kn_text json = {0};
    (void)state;
    fixture *f = fill("units: 5\ncolumns: [a]\n");
    kn_config_write_json(f->resolved, &json);
    assert_string_equal(
        kn_text_get(&json),
        "{\"units\": 5, \"rate\": 0.5, \"bias\": true, \"name\": \"calo\", \"mode\": "
        "\"exact\", \"shape\": [1, 2], \"cuts\": null, \"columns\": [\"a\"], "
        "\"free_number\": -7, \"share\": 2, \"tree\": null}");
    assert_false(kn_config_get(f->resolved, "units")->is_default);
    assert_true(kn_config_get(f->resolved, "rate")->is_default);
    // It can be used in place of what it was made from.
    kn_faults faults = {0};
    kn_settings s;
    kn_settings_init(&s, NULL, f->tree, &faults);
    const config *again = kn_settings_fill(&s, &schema, f->resolved, NULL);
    assert_int_equal(faults.count, 0);
    assert_int_equal(again->units, 5);
    assert_true(again->share == 2);
    kn_settings_fini(&s);
    kn_faults_fini(&faults);
    kn_text_fini(&json);
    done(f);
}

static void survives_without_memory(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    for (int64_t n = 1; n < 400; n++) {
        kn_memory_fail(n, KN_FAIL_ONCE);
        fixture f = {.tree = kn_config_tree_new()};
        const char text[] = "units: 0\nnaem: x\nshape: [1, 2]\n";
        if (f.tree) {
            kn_settings_init(&f.settings, NULL, f.tree, &f.faults);
            const kn_config *node =
                kn_config_parse(f.tree, "t.yaml", text, strlen(text), &f.faults);
            f.c = kn_settings_fill(&f.settings, &schema, node, &f.resolved);
            kn_settings_fini(&f.settings);
        }
        const int64_t failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_faults_fini(&f.faults);
        kn_config_tree_free(f.tree);
        if (!failed)
            break;
    }
    assert_int_equal(kn_memory_count().blocks, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),         cmocka_unit_test(values),
        cmocka_unit_test(refuses),          cmocka_unit_test(suggests),
        cmocka_unit_test(collects_all),     cmocka_unit_test(many_faults_are_counted),
        cmocka_unit_test(shows_the_line),   cmocka_unit_test(cuts_long_lines),
        cmocka_unit_test(resolves),         cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(shows_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
