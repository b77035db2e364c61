/* config_test.c: YAML into trees with places, what is refused and where, edits, writing. */
#include "experiment/config_edit.h"
#include "experiment/config_write.h"
#include "kernel/config.h"
#include "kernel/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    kn_config_tree *tree;
    kn_faults faults;
    kn_config *root;
} fixture;

static fixture parse_bytes(const char *text, size_t bytes)
{
    fixture f = {.tree = kn_config_tree_new()};
    f.root = kn_config_parse(f.tree, "test.yaml", text, bytes, &f.faults);
    return f;
}

static fixture parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void done(fixture *f)
{
    kn_faults_fini(&f->faults);
    kn_config_tree_free(f->tree);
}

// `text` gives exactly one fault, of that code at that place.
static void check_fault(const char *text, int32_t code, int32_t line, int32_t column)
{
    fixture f = parse(text);
    assert_int_equal(f.faults.count, 1);
    assert_int_equal(f.faults.at[0].code, code);
    assert_int_equal(f.faults.at[0].line, line);
    assert_int_equal(f.faults.at[0].column, column);
    done(&f);
}

static void reads_maps_lists_scalars(void **state)
{
    (void)state;
    fixture f = parse("seed: 3\nmodel:\n  - scale\n  - net: {epochs: 5, name: \"12\"}\nempty:\n");
    assert_int_equal(f.faults.count, 0);
    int64_t seed = 0;
    assert_true(kn_config_int(kn_config_get(f.root, "seed"), &seed) && seed == 3);
    const kn_config *model = kn_config_get(f.root, "model");
    assert_int_equal(model->kind, KN_CONFIG_LIST);
    assert_int_equal(model->count, 2);
    assert_string_equal(model->first->text, "scale");
    const kn_config *net = kn_config_get(model->last, "net");
    assert_string_equal(kn_config_text(net, "epochs", ""), "5");
    // In quotes it is a text, whatever it looks like.
    assert_false(kn_config_int(kn_config_get(net, "name"), &seed));
    assert_int_equal(kn_config_get(f.root, "empty")->kind, KN_CONFIG_NULL);
    assert_null(kn_config_get(f.root, "seeds"));
    done(&f);
}

static void knows_places(void **state)
{
    (void)state;
    fixture f = parse("a: 1\nlonger:\n    - {key: value}\n");
    const kn_config *map = kn_config_get(f.root, "longer")->first;
    const kn_config *value = kn_config_get(map, "key");
    assert_int_equal(value->place.line, 3);
    assert_int_equal(value->place.column, 13);
    assert_int_equal(value->place.length, 5);
    assert_int_equal(value->key_place.column, 8);
    assert_int_equal(value->key_place.length, 3);
    done(&f);
}

static void words_for_true_and_false(void **state)
{
    (void)state;
    fixture f = parse("[true, False, YES, no, on, OFF, maybe, \"true\"]");
    static const int32_t expected[] = {1, 0, 1, 0, 1, 0, -1, -1};
    int i = 0;
    for (const kn_config *n = f.root->first; n; n = n->next, i++) {
        int32_t truth = -1;
        assert_int_equal(kn_config_bool(n, &truth), expected[i] >= 0);
        assert_int_equal(truth, expected[i]);
    }
    done(&f);
}

static void refuses(void **state)
{
    (void)state;
    check_fault("a: 1\na: 2\n", KN_FAULT_DUPLICATE, 2, 1);
    check_fault("a: &x 1\n", KN_FAULT_ALIAS, 1, 4);
    check_fault("a: *x\n", KN_FAULT_ALIAS, 1, 4);
    check_fault("a: !!int 1\n", KN_FAULT_ALIAS, 1, 4);
    check_fault("{[a]: 1}\n", KN_FAULT_SYNTAX, 1, 2);
    check_fault("a: [1, 2\n", KN_FAULT_SYNTAX, 1, 9);
    check_fault("a: 1\n---\nb: 2\n", KN_FAULT_SYNTAX, 2, 1);
    check_fault("a:\n\tb: 1\n", KN_FAULT_SYNTAX, 2, 1);
    check_fault("a: 'x\n", KN_FAULT_SYNTAX, 1, 6);
    check_fault(": 1\n", KN_FAULT_SYNTAX, 1, 1);
}

static void refuses_bytes(void **state)
{
    (void)state;
    fixture f = parse_bytes("a: \xff\n", 5);
    assert_int_equal(f.faults.at[0].code, KN_FAULT_BYTES);
    done(&f);
    f = parse_bytes("a: \0b\n", 6);
    assert_int_equal(f.faults.at[0].code, KN_FAULT_BYTES);
    done(&f);
    f = parse_bytes("\xEF\xBB\xBF"
                    "a: 1\n",
                    8);
    assert_int_equal(f.faults.count, 0);
    done(&f);
}

static void depth_is_limited(void **state)
{
    char text[400];
    (void)state;
    memset(text, '[', sizeof text);
    fixture f = parse_bytes(text, sizeof text);
    assert_int_equal(f.faults.at[0].code, KN_FAULT_DEPTH);
    done(&f);
    memset(text, '[', KN_CONFIG_DEPTH);
    memset(text + KN_CONFIG_DEPTH, ']', KN_CONFIG_DEPTH);
    f = parse_bytes(text, 2 * KN_CONFIG_DEPTH);
    assert_int_equal(f.faults.count, 0);
    done(&f);
}

static void size_is_limited(void **state)
{
    (void)state;
    const size_t bytes = KN_CONFIG_BYTES + 1;
    char *text = malloc(bytes);
    memset(text, ' ', bytes);
    fixture f = parse_bytes(text, bytes);
    assert_int_equal(f.faults.at[0].code, KN_FAULT_LARGE);
    done(&f);
    free(text);
}

static void empty_text_is_nothing(void **state)
{
    (void)state;
    fixture f = parse("");
    assert_int_equal(f.faults.count, 0);
    assert_int_equal(f.root->kind, KN_CONFIG_NULL);
    done(&f);
}

/* --- edits ------------------------------------------------------------------------------------ */

static void check_edit(const char *text, const char *edit, const char *expected)
{
    kn_text json = {0};
    fixture f = parse(text);
    assert_int_equal(kn_config_set(f.tree, &f.root, edit, &f.faults), KAON_OK);
    kn_config_write_json(f.root, &json);
    assert_string_equal(kn_text_get(&json), expected);
    kn_text_fini(&json);
    done(&f);
}

static void edits(void **state)
{
    (void)state;
    check_edit("a: 1", "a=2", "{\"a\": 2}");
    check_edit("", "a.b=[1, x]", "{\"a\": {\"b\": [1, \"x\"]}}");
    check_edit("m: [s, n: {e: 1}]", "m.n.e=5", "{\"m\": [\"s\", {\"n\": {\"e\": 5}}]}");
    check_edit("m: [s, n: {e: 1}]", "m.1.n.f=2", "{\"m\": [\"s\", {\"n\": {\"e\": 1, \"f\": 2}}]}");
    check_edit("m: [s, n]", "m.n.e=5", "{\"m\": [\"s\", {\"n\": {\"e\": 5}}]}");
    check_edit("o: calo", "o.calo.rate=0.1", "{\"o\": {\"calo\": {\"rate\": 0.1}}}");
    check_edit("o: calo", "o=hcal", "{\"o\": \"hcal\"}");
    check_edit("a: {b: 1}", "a=", "{\"a\": null}");
}

static void check_bad_edit(const char *text, const char *edit, int32_t column)
{
    fixture f = parse(text);
    assert_int_not_equal(kn_config_set(f.tree, &f.root, edit, &f.faults), KAON_OK);
    assert_int_equal(f.faults.count, 1);
    assert_int_equal(f.faults.at[0].column, column);
    done(&f);
}

static void bad_edits(void **state)
{
    (void)state;
    check_bad_edit("a: 1", "a", 1);
    check_bad_edit("a: 1", "=3", 1);
    check_bad_edit("a: 1", "a.b=3", 3);
    check_bad_edit("m: [s]", "m.4=3", 3);
    check_bad_edit("m: [s]", "m..x=3", 3);
    check_bad_edit("a: 1", "a=[1", 5);
    check_bad_edit("a: 1", "\xff=1", 1);
}

/* --- writing ---------------------------------------------------------------------------------- */

// What was written reads back as the same tree.
static void check_round_trip(const char *text)
{
    kn_text yaml = {0}, json = {0}, again = {0};
    fixture f = parse(text);
    kn_config_write_json(f.root, &json);
    kn_config_write_yaml(f.root, &yaml);
    fixture g = parse(kn_text_get(&yaml));
    if (g.faults.count)
        fail_msg("%s gave\n%s which is no YAML", text, kn_text_get(&yaml));
    kn_config_write_json(g.root, &again);
    assert_string_equal(kn_text_get(&again), kn_text_get(&json));
    fixture h = parse(kn_text_get(&json)); // JSON is YAML
    assert_int_equal(h.faults.count, 0);
    kn_text_clear(&again);
    kn_config_write_json(h.root, &again);
    assert_string_equal(kn_text_get(&again), kn_text_get(&json));
    kn_text_fini(&yaml);
    kn_text_fini(&json);
    kn_text_fini(&again);
    done(&f);
    done(&g);
    done(&h);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    check_round_trip("a: 1\nb: {c: [1, 2, {d: e}], f: null, g: ''}\n");
    check_round_trip("- [a, b]\n- {c: {d: {e: [f]}}}\n- - - x\n");
    check_round_trip("t: \"true\"\nn: '12'\nw: \"a b: c # d\"\nu: \"\\u00e9\\n\\t\\\"\\\\\"\n");
    check_round_trip("'key with: colon': 1\n");
    check_round_trip("e: {}\nl: []\nnull_: ~\n'-': '-'\n");
    check_round_trip(
        "long: [aaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccccc, "
        "dddddddddddddddddd]\n");
}

static void marks_defaults(void **state)
{
    kn_text yaml = {0};
    (void)state;
    fixture f = parse("a: 1\nb: 2\n");
    kn_config_get(f.root, "b")->is_default = 1;
    kn_config_write_yaml(f.root, &yaml);
    assert_string_equal(kn_text_get(&yaml), "a: 1\nb: 2  # default\n");
    kn_text_fini(&yaml);
    done(&f);
}

/* --- memory ----------------------------------------------------------------------------------- */

// Whichever request fails, there is a fault or a result, and nothing leaks.
static void survives_without_memory(void **state)
{
    static const char text[] = "a: [1, {b: c}]\nd: 'e'\nd: 2\n";
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    for (int64_t n = 1; n < 200; n++) {
        kn_memory_fail(n, KN_FAIL_ON);
        kn_config_tree *tree = kn_config_tree_new();
        kn_faults faults = {0};
        if (tree) {
            kn_config *root = kn_config_parse(tree, "x", text, strlen(text), &faults);
            kn_config_set(tree, &root, "a=3", &faults);
            assert_true(root || faults.failed);
        }
        const int64_t failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ON);
        kn_faults_fini(&faults);
        kn_config_tree_free(tree);
        if (!failed)
            break;
    }
    assert_int_equal(kn_memory_count().blocks, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_maps_lists_scalars),
        cmocka_unit_test(knows_places),
        cmocka_unit_test(words_for_true_and_false),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_bytes),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(empty_text_is_nothing),
        cmocka_unit_test(edits),
        cmocka_unit_test(bad_edits),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(marks_defaults),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
