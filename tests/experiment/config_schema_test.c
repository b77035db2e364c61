/* config_schema_test.c: the JSON Schema of experiments: sound in itself, takes the examples,
 * refuses what the checks refuse. The validator here knows the words of draft 2020-12 the schema
 * uses, and fails on any other.
 */
#include "experiment/config_schema.h"
#include "experiment/config_write.h"
#include "experiment/experiment_plan.h"
#include "kernel/kernel.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_kernel *kernel;
static json_t *root;

/* --- a validator ------------------------------------------------------------------------------ */

static int fits(const json_t *schema, const json_t *value);

static const json_t *follow(const char *reference)
{
    static const char start[] = "#/$defs/";
    assert_int_equal(strncmp(reference, start, strlen(start)), 0);
    const json_t *found =
        json_object_get(json_object_get(root, "$defs"), reference + strlen(start));
    if (!found)
        fail_msg("nothing is called %s", reference);
    return found;
}

static int is_type(const char *type, const json_t *value)
{
    if (!strcmp(type, "integer"))
        return json_is_integer(value) ||
               (json_is_real(value) &&
                json_real_value(value) == (double)(int64_t)json_real_value(value));
    if (!strcmp(type, "object"))
        return json_is_object(value);
    if (!strcmp(type, "array"))
        return json_is_array(value);
    if (!strcmp(type, "string"))
        return json_is_string(value);
    if (!strcmp(type, "boolean"))
        return json_is_boolean(value);
    if (!strcmp(type, "number"))
        return json_is_number(value);
    assert_string_equal(type, "null");
    return json_is_null(value);
}

static int fits_type(const json_t *types, const json_t *value)
{
    size_t i;
    json_t *type;
    if (json_is_string(types))
        return is_type(json_string_value(types), value);
    json_array_foreach(types, i, type)
    {
        if (is_type(json_string_value(type), value))
            return 1;
    }
    return 0;
}

static int fits_any(const json_t *list, const json_t *value, int as_enum)
{
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        if (as_enum ? json_equal(entry, value) : fits(entry, value))
            return 1;
    }
    return 0;
}

static int fits_properties(const json_t *schema, const json_t *value)
{
    const char *key;
    json_t *below;
    size_t i;
    json_t *name;
    const json_t *properties = json_object_get(schema, "properties");
    json_object_foreach((json_t *)(uintptr_t)value, key, below)
    {
        const json_t *property = json_object_get(properties, key);
        if (property ? !fits(property, below)
                     : json_is_false(json_object_get(schema, "additionalProperties")))
            return 0;
    }
    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        if (!json_object_get(value, json_string_value(name)))
            return 0;
    }
    return 1;
}

static int fits_number(const char *word, double limit, double value)
{
    return !strcmp(word, "minimum")            ? value >= limit
           : !strcmp(word, "maximum")          ? value <= limit
           : !strcmp(word, "exclusiveMinimum") ? value > limit
                                               : value < limit;
}

// One keyword; those that only tell people something fit anything.
static int fits_word(const json_t *schema, const char *word, const json_t *with,
                     const json_t *value)
{
    static const char *const told[] = {
        "description", "default", "title", "$schema", "$defs", "additionalProperties", "required"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (!strcmp(told[i], word))
            return 1;
    const int64_t limit = json_integer_value(with);
    if (!strcmp(word, "$ref"))
        return fits(follow(json_string_value(with)), value);
    if (!strcmp(word, "type"))
        return fits_type(with, value);
    if (!strcmp(word, "anyOf") || !strcmp(word, "enum"))
        return fits_any(with, value, *word == 'e');
    if (!strcmp(word, "properties"))
        return !json_is_object(value) || fits_properties(schema, value);
    if (!strcmp(word, "pattern"))
        return !json_is_string(value) || strstr(json_string_value(value), "${") != NULL;
    if (!strcmp(word, "minItems"))
        return !json_is_array(value) || (int64_t)json_array_size(value) >= limit;
    if (!strcmp(word, "maxItems"))
        return !json_is_array(value) || (int64_t)json_array_size(value) <= limit;
    if (!strcmp(word, "minProperties"))
        return !json_is_object(value) || (int64_t)json_object_size(value) >= limit;
    if (!strcmp(word, "maxProperties"))
        return !json_is_object(value) || (int64_t)json_object_size(value) <= limit;
    if (!strcmp(word, "items")) {
        size_t i;
        json_t *entry;
        json_array_foreach(value, i, entry)
        {
            if (!fits(with, entry))
                return 0;
        }
        return 1;
    }
    if (strcmp(word, "minimum") && strcmp(word, "maximum") && strcmp(word, "exclusiveMinimum") &&
        strcmp(word, "exclusiveMaximum"))
        fail_msg("the schema uses the word %s", word);
    return !json_is_number(value) ||
           fits_number(word, json_number_value(with), json_number_value(value));
}

static int fits(const json_t *schema, const json_t *value)
{
    const char *word;
    json_t *with;
    json_object_foreach((json_t *)(uintptr_t)schema, word, with)
    {
        if (!fits_word(schema, word, with, value))
            return 0;
    }
    return 1;
}

/* --- files ------------------------------------------------------------------------------------ */

static int file_fits(const char *folder, const char *name)
{
    char path[512];
    kn_faults faults = {0};
    kn_text text = {0};
    kn_config_tree *tree = kn_config_tree_new();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const kn_config *node = kn_config_read(tree, path, &faults);
    if (!node)
        fail_msg("%s cannot be read", path);
    kn_config_write_json(node, &text);
    json_t *value = json_loads(kn_text_get(&text), 0, NULL);
    assert_non_null(value);
    const int result = fits(root, value);
    json_decref(value);
    kn_text_fini(&text);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    return result;
}

// With few plugins installed the examples name items that are not there.
static int is_complete(void)
{
    const json_t *defs = json_object_get(root, "$defs");
    return json_object_get(defs, "learner.network") && json_object_get(defs, "reader.csv") &&
           json_object_get(defs, "layer.dense") && json_object_get(defs, "reader.toyjets");
}

static void takes_the_examples(void **state)
{
    int count = 0;
    (void)state;
    if (!is_complete())
        skip();
    DIR *folder = opendir("examples");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const char *ending = strrchr(entry->d_name, '.');
        if (!ending || strcmp(ending, ".yaml"))
            continue;
        count++;
        if (!file_fits("examples", entry->d_name))
            fail_msg("examples/%s does not fit the schema", entry->d_name);
    }
    closedir(folder);
    assert_true(count > 5);
}

static void refuses_what_is_wrong(void **state)
{
    static const char *const wrong[] = {
        "unknown_keys.yaml", "wrong_values.yaml",  "wrong_forms.yaml", "unknown_items.yaml",
        "other_levels.yaml", "foreign_words.yaml", "list_at_top.yaml", "missing_keys.yaml"};
    (void)state;
    if (!is_complete())
        skip();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (file_fits("tests/golden", wrong[i]))
            fail_msg("tests/golden/%s fits the schema", wrong[i]);
}

static int text_fits(const char *json)
{
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    const int result = fits(root, value);
    json_decref(value);
    return result;
}

static void knows_forms(void **state)
{
    (void)state;
    assert_true(text_fits("{\"seed\": 3, \"include\": \"a.yaml\", \"vars\": {\"a\": [1]}}"));
    assert_true(text_fits("{\"seed\": \"${seed}\"}"));
    assert_false(text_fits("{\"seed\": \"three\"}"));
    assert_false(text_fits("{\"seed\": -1}"));
    assert_false(text_fits("{\"sed\": 1}"));
    assert_false(text_fits("[]"));
    assert_true(text_fits("{\"data\": {\"target\": -1, \"path\": [\"a\", \"b\"]}}"));
    assert_false(text_fits("{\"data\": {\"path\": {\"a\": 1}}}"));
}

// Every definition can be reached from the values it describes: follows all references.
static void visit_all(const json_t *node)
{
    const char *key;
    size_t i;
    json_t *below;
    if (json_is_array(node)) {
        json_array_foreach(node, i, below) visit_all(below);
    }
    json_object_foreach((json_t *)(uintptr_t)node, key, below)
    {
        if (!strcmp(key, "$ref") && json_is_string(below))
            follow(json_string_value(below));
        visit_all(below);
    }
}

static void references_lead_somewhere(void **state)
{
    (void)state;
    assert_string_equal(json_string_value(json_object_get(root, "$schema")),
                        "https://json-schema.org/draft/2020-12/schema");
    visit_all(root);
}

static int make(void **state)
{
    (void)state;
    return kn_kernel_new(NULL, &kernel, NULL) ||
           kn_config_schema_make(kernel, &kn_experiment_schema, &root, NULL);
}

static int end(void **state)
{
    (void)state;
    json_decref(root);
    kn_kernel_free(kernel);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_lead_somewhere),
        cmocka_unit_test(knows_forms),
        cmocka_unit_test(takes_the_examples),
        cmocka_unit_test(refuses_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, make, end);
}
