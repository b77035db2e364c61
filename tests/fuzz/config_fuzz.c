/* config_fuzz.c: configuration fed with anything: parsed, checked, edited, written, read again. */
#include "experiment/config_edit.h"
#include "experiment/config_load.h"
#include "experiment/config_write.h"
#include "experiment/fault_show.h"
#include "kernel/config.h"
#include "kernel/settings.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    int64_t seed;
    double rate;
    int32_t truth;
    const char *name;
    int32_t choice;
    kaon_ints ints;
    kaon_floats floats;
    kaon_texts texts;
    const kn_config *data, *model;
} config;

static const char *const choices[] = {"f32", "f64", NULL};

static const kaon_option options[] = {
    KAON_INT(config, seed, 1, .min = 0, .max = 100),
    KAON_FLOAT(config, rate, 0.1, .flags = KAON_OPTION_OPEN_MIN),
    KAON_BOOL(config, truth, 0, .help = ""),
    KAON_TEXT(config, name, NULL, .help = ""),
    KAON_CHOICE(config, choice, 0, choices, .help = ""),
    KAON_INTS(config, ints, "[1]", .max_count = 4),
    KAON_FLOATS(config, floats, NULL, .help = ""),
    KAON_TEXTS(config, texts, NULL, .choices = choices),
    KN_TREE(config, data, .help = ""),
    KN_TREE(config, model, .help = ""),
    {0},
};

static const kn_schema schema = {.what = "", .options = options, .size = sizeof(config)};

// What is written must read back without a fault, as YAML and as JSON.
static void check_writing(kn_config_tree *tree, const kn_config *root)
{
    kn_text texts[2] = {{0}, {0}};
    kn_config_write_yaml(root, &texts[0]);
    kn_config_write_json(root, &texts[1]);
    for (int i = 0; i < 2; i++) {
        kn_faults faults = {0};
        if (texts[i].length <= KN_CONFIG_BYTES &&
            (!kn_config_parse(tree, "again", kn_text_get(&texts[i]), texts[i].length, &faults) ||
             faults.count))
            abort();
        kn_faults_fini(&faults);
        kn_text_fini(&texts[i]);
    }
}

static void check_faults(const kn_faults *faults)
{
    kn_text text = {0};
    kn_faults_write(faults, &text);
    kn_faults_write_json(faults, &text);
    if (faults->count && !text.length)
        abort(); // a failure without words
    kn_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kn_faults faults = {0};
    kn_settings s;
    kn_config *resolved = NULL;
    kn_config_tree *tree = kn_config_tree_new();
    if (!tree)
        abort();
    kn_config *root = kn_config_parse(tree, "fuzz", (const char *)data, size, &faults);
    if (!root != (faults.count > 0) && !root)
        abort(); // nothing, and nobody says why
    kn_settings_init(&s, NULL, tree, &faults);
    if (root && faults.count == 0)
        check_writing(tree, root);
    if (root && !kn_settings_fill(&s, &schema, root, &resolved))
        abort();
    if (root) {
        kn_text text = {0};
        kn_config_put_vars(tree, root, &faults);
        kn_config_write_origins(resolved, &text);
        kn_text_fini(&text);
        kn_config_drop_echoes(&faults);
    }
    // The same bytes as an edit of what they mean.
    char *edit = malloc(size + 1);
    if (!edit)
        abort();
    if (size)
        memcpy(edit, data, size);
    edit[size] = 0;
    kn_config_set(tree, &root, edit, &faults);
    free(edit);
    check_faults(&faults);
    kn_settings_fini(&s);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    return 0;
}
