/* dataset_plan.c: the `data` section, checked; nothing is opened. */
#include "data/dataset_plan.h"

#include "data/conversion.h"
#include "kernel/decimal.h"

#include <kaon/io.h>
#include <stdio.h>
#include <string.h>

// ORDER task
static const char *const tasks[] = {"auto", "classification", "regression", NULL};
// ORDER missing
static const char *const missing_ways[] = {"refuse", "drop", "keep", NULL};

static const kaon_option options[] = {
    KN_TREE(kn_data_settings, reader, .interface_id = KAON_READER, .max_count = 1,
            .help = "reader and its settings; absent: by the ending of the path"),
    KAON_TEXTS(kn_data_settings, path, "[]", .help = "files to read; * and ? stand for any text"),
    KAON_TEXTS(kn_data_settings, validation_path, "[]", .help = "files of validation rows"),
    KAON_TEXTS(kn_data_settings, test_path, "[]", .help = "files of test rows"),
    KN_TREE(kn_data_settings, files,
            .help = "in place of path, files that are classes: {signal: a.csv, background: b.csv}"),
    KN_TREE(kn_data_settings, define,
            .help = "columns made from others: {pt: \"sqrt(px**2 + py**2)\"}"),
    KAON_TEXT(kn_data_settings, cut, NULL,
              .help = "condition on the rows to use: nmuon >= 2 && abs(eta) < 2.4"),
    KAON_TEXTS(kn_data_settings, features, "['*']",
               .help = "columns to learn from: names, patterns, formulas; '-name' takes away"),
    KAON_TEXT(kn_data_settings, target, NULL,
              .help = "column to predict: a name, a formula, or a place (-1: the last column)"),
    KAON_TEXT(kn_data_settings, weight, NULL, .help = "column of event weights, or a formula"),
    KAON_TEXTS(kn_data_settings, keep, "[]", .help = "further columns to carry along"),
    KAON_CHOICE(kn_data_settings, task, KN_TASK_AUTO, tasks,
                .help = "what the target is; auto: text, integers and bool are classes"),
    KAON_TEXTS(kn_data_settings, classes, "[]",
               .help = "names of the classes in the order of their numbers; absent: sorted"),
    KAON_CHOICE(kn_data_settings, missing, KN_MISSING_REFUSE, missing_ways,
                .help = "rows with missing values: refuse them, drop them, keep NaN"),
    KAON_FLOATS(kn_data_settings, missing_values, "[]",
                .help = "numbers that stand for a missing value, as -999"),
    KAON_INT(kn_data_settings, pad, 0, .min = 0, .max = 1e6,
             .help = "entries of jagged features, cut or filled up; 0: the longest row"),
    KAON_FLOAT(kn_data_settings, pad_value, 0, .help = "what fills up jagged features"),
    KAON_INT(kn_data_settings, rows, 0, .min = 0, .max = 1e15,
             .help = "read only so many rows; 0: all"),
    KAON_TEXT(
        kn_data_settings, memory, NULL,
        .help = "of all columns at most, as 2GiB: what is beyond lies in files; absent: no limit"),
    KAON_TEXT(kn_data_settings, cache, "auto",
              .help = "keep what was read for the next time: auto (large files), off, or a folder"),
    KN_TREE(kn_data_settings, split,
            .help =
                "what trains, validates, tests: fractions, ranges, files, a column, a key, folds"),
    {0},
};

static const kn_section data_sections[] = {{"split", &kn_split_schema}, {0}};

const kn_schema kn_data_schema = {
    .what = "data",
    .more = "experiment:data",
    .options = options,
    .size = sizeof(kn_data_settings),
    .sections = data_sections,
};

// Parts that have files of their own take none of the others.
static void read_split(kn_dataset_plan *plan)
{
    const kn_data_settings *d = plan->settings;
    kn_config *resolved = NULL;
    plan->split.own[KN_VALIDATION] = d->validation_path.count > 0;
    plan->split.own[KN_TEST] = d->test_path.count > 0;
    kn_split_plan_read(plan->s, d->split, &plan->split, &resolved);
    if (resolved)
        kn_config_put(plan->s->tree, plan->resolved, "split", resolved);
}

/* --- memory ----------------------------------------------------------------------------------- */

// A size with its unit; 0 if it is none.
static double read_size(const char *text)
{
    // clang-format off
    static const struct {
        const char *name;
        double bytes;
    } units[] = {
        {"B", 1},      {"kB", 1e3},     {"KB", 1e3},    {"MB", 1e6},           {"GB", 1e9},
        {"TB", 1e12},  {"KiB", 1024.0}, {"MiB", 0x1p20}, {"GiB", 0x1p30},      {"TiB", 0x1p40},
    };
    // clang-format on
    char number[32];
    double value = 0;
    const size_t digits = strspn(text, "0123456789.");
    const char *unit = text + digits + strspn(text + digits, " ");
    snprintf(number, sizeof number, "%.*s", (int)digits, text);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(unit, units[i].name) && kn_parse_double(number, &value))
            return value * units[i].bytes;
    return 0;
}

enum { LEAST_MEMORY = 1 << 20 };

static void read_memory(kn_dataset_plan *plan, const kn_config *node)
{
    const char *text = plan->settings->memory;
    const kn_config *at = kn_config_get(node, "memory");
    if (!text || !*text)
        return;
    const double bytes = read_size(text);
    if (bytes >= LEAST_MEMORY && bytes < 0x1p60) {
        plan->memory = (uint64_t)bytes;
        return;
    }
    kn_fault_add(
        plan->s->faults, KN_FAULT_TYPE, at ? at->place : node->place,
        "'memory' is %s, allowed is a size of 1MiB or more with its unit, as 2GiB or 500MB", text);
}

/* --- formulas --------------------------------------------------------------------------------- */

static void clash(kn_dataset_plan *plan, const kn_config *node, const char *key)
{
    const kn_config *at = kn_config_get(node, key);
    kn_fault_add(plan->s->faults, KN_FAULT_CLASH, at ? at->key_place : node->place,
                 "'%s' and 'files' exclude each other", key);
    kn_fault_hint(plan->s->faults, "'files' names all files, each with its class");
}

// Files that are classes become the paths. 0: no memory.
static int32_t read_formulas(kn_dataset_plan *plan, const kn_config *node)
{
    const kn_data_settings *d = plan->settings;
    static const char *const keys[] = {"define", "files"};
    kn_formulas_read(plan->s, node, d->define, d->cut, d->files, &plan->formulas);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const kn_config *at = kn_config_get(node, keys[i]);
        if (at && at->kind != KN_CONFIG_NULL)
            kn_config_put(plan->s->tree, plan->resolved, keys[i],
                          kn_config_copy(plan->s->tree, at));
    }
    if (!plan->formulas.class_count)
        return 1;
    if (d->path.count)
        clash(plan, node, "path");
    if (d->validation_path.count)
        clash(plan, node, "validation_path");
    if (d->test_path.count)
        clash(plan, node, "test_path");
    kn_data_settings *own = kn_arena_copy(&plan->s->arena, d, sizeof *d);
    if (!own)
        return 0;
    own->path = plan->formulas.paths;
    plan->settings = own;
    return 1;
}

/* --- the section ------------------------------------------------------------------------------ */

static void check_source(kn_dataset_plan *plan, const kn_config *node)
{
    if (plan->settings->reader || plan->settings->path.count)
        return;
    kn_fault_add(plan->s->faults, KN_FAULT_MISSING, node->place,
                 "the data have neither a 'path' nor a 'reader'");
    kn_fault_note(plan->s->faults, "give the files, `path: events_*.ext`, or a generator, `reader: "
                                   "name`");
}

kn_dataset_plan *kn_dataset_plan_new(kn_settings *s, const kn_config *node, kn_config **resolved)
{
    kn_config *written = NULL, *reader = NULL;
    const kn_data_settings *settings = kn_settings_fill(s, &kn_data_schema, node, &written);
    kn_dataset_plan *plan = kn_arena_take(&s->arena, sizeof *plan);
    if (!settings || !plan || !written) {
        s->faults->failed |= !plan;
        return NULL;
    }
    plan->s = s;
    plan->settings = settings;
    plan->resolved = written;
    if (!read_formulas(plan, node))
        return NULL;
    check_source(plan, node);
    if (settings->reader) {
        plan->reader = kn_settings_part(s, KAON_READER, settings->reader, &reader);
        kn_config_put(s->tree, written, "reader", reader);
    }
    read_split(plan);
    read_memory(plan, node);
    plan->digest = kn_conversion_digest(written);
    if (resolved)
        *resolved = written;
    return plan;
}
