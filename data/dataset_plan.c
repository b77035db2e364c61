/* dataset_plan.c: the `data` section, checked; nothing is opened. */
#include "data/dataset_plan.h"

#include <kaon/io.h>

#include <stdlib.h>
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
    KAON_TEXTS(kn_data_settings, features, "['*']",
               .help = "columns to learn from: names, patterns, '-name' takes away"),
    KAON_TEXT(kn_data_settings, target, NULL,
              .help = "column to predict: a name, or a place (-1: the last column)"),
    KAON_TEXT(kn_data_settings, weight, NULL, .help = "column of event weights"),
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
             .help = "entries of jagged features, cut or filled with zeros; 0: the longest row"),
    KAON_INT(kn_data_settings, rows, 0, .min = 0, .max = 1e15,
             .help = "read only so many rows; 0: all"),
    KN_TREE(kn_data_settings, split,
            .help = "what trains, validates, tests: fractions, ranges a..b, every k-th row"),
    {0},
};

typedef struct split_settings {
    const kn_config *train;
    const kn_config *validation;
    const kn_config *test;
    int64_t every;
    int32_t shuffle;
    int32_t stratify;
    int64_t seed;
} split_settings;

static const kaon_option split_options[] = {
    KN_TREE(split_settings, train, .help = "fraction, range a..b, or rest (the default)"),
    KN_TREE(split_settings, validation, .help = "fraction or range a..b"),
    KN_TREE(split_settings, test, .help = "fraction or range a..b"),
    KAON_INT(split_settings, every, 0, .min = 0, .max = 1e9,
             .help = "rows i with i mod every = 0 are test rows; 0: no"),
    KAON_BOOL(split_settings, shuffle, 1,
              .help = "draw fractions at random; else one after the other in file order"),
    KAON_BOOL(split_settings, stratify, 0, .help = "hold fractions within each class"),
    KAON_INT(split_settings, seed, -1, .min = -1, .max = 9e15,
             .help = "of the draw; -1: the experiment's seed"),
    {0},
};

static const kn_schema split_schema = {
    .what = "split",
    .more = "experiment:split",
    .options = split_options,
    .size = sizeof(split_settings),
};

static const kn_section data_sections[] = {{"split", &split_schema}, {0}};

const kn_schema kn_data_schema = {
    .what = "data",
    .more = "experiment:data",
    .options = options,
    .size = sizeof(kn_data_settings),
    .sections = data_sections,
};

/* --- shares ----------------------------------------------------------------------------------- */

// "100..200", "100..": 1 if it is a range.
static int read_range(const char *text, kn_share *out)
{
    char *end = NULL;
    const long long first = strtoll(text, &end, 10);
    if (end == text || strncmp(end, "..", 2) || first < 0)
        return 0;
    const char *from = end + 2;
    const long long last = strtoll(from, &end, 10);
    if (*end || (end != from && last < first))
        return 0;
    *out = (kn_share){.kind = KN_SHARE_RANGE, .first = first, .last = end == from ? -1 : last};
    return 1;
}

static void read_share(kn_settings *s, const kn_config *node, const char *name, kn_share *out)
{
    double number;
    char found[96];
    if (!node)
        return;
    if (node->kind == KN_CONFIG_SCALAR && read_range(node->text, out))
        return;
    if (node->kind == KN_CONFIG_SCALAR && !strcmp(node->text, "rest")) {
        out->kind = KN_SHARE_REST;
        return;
    }
    if (!kn_config_float(node, &number)) {
        kn_fault_add(s->faults, KN_FAULT_TYPE, node->place,
                     "'%s' is a fraction (0.2), a range of rows (0..1000) or rest, found %s", name,
                     kn_config_say(node, found, sizeof found));
        return;
    }
    if (!(number >= 0 && number <= 1)) {
        kn_fault_add(s->faults, KN_FAULT_RANGE, node->place,
                     "'%s' is %s, allowed is a fraction from 0 to 1", name, node->text);
        kn_fault_note(s->faults, "a number of rows is written as a range: %s: 0..%s", name,
                      node->text);
        return;
    }
    *out = (kn_share){.kind = KN_SHARE_FRACTION, .fraction = number};
}

static double fractions(const kn_split_spec *spec)
{
    double sum = 0;
    for (int32_t part = 0; part < KN_PARTS; part++)
        sum += spec->share[part].kind == KN_SHARE_FRACTION ? spec->share[part].fraction : 0;
    return sum;
}

static void set_default_split(kn_dataset_plan *plan)
{
    const kn_data_settings *d = plan->settings;
    kn_split_spec *spec = &plan->split;
    spec->share[KN_TRAIN].kind = KN_SHARE_REST;
    if (!d->validation_path.count)
        spec->share[KN_VALIDATION] = (kn_share){.kind = KN_SHARE_FRACTION, .fraction = 0.15};
    if (!d->test_path.count)
        spec->share[KN_TEST] = (kn_share){.kind = KN_SHARE_FRACTION, .fraction = 0.15};
    spec->shuffle = 1;
}

static void check_clash(kn_dataset_plan *plan, const kn_config *node, int32_t part,
                        const kaon_texts *paths)
{
    const kn_share *share = &plan->split.share[part];
    if (!paths->count || (share->kind == KN_SHARE_NONE && !(part == KN_TEST && plan->split.every)))
        return;
    kn_fault_add(plan->s->faults, KN_FAULT_CLASH, node->place,
                 "the %s rows come from '%s_path', so the split cannot take some too",
                 kn_part_text(part), kn_part_text(part));
}

static void read_split(kn_dataset_plan *plan, const kn_config *node)
{
    kn_config *resolved = NULL;
    kn_split_spec *spec = &plan->split;
    set_default_split(plan);
    if (!node)
        return;
    const split_settings *split = kn_settings_fill(plan->s, &split_schema, node, &resolved);
    if (!split)
        return;
    memset(spec, 0, sizeof *spec);
    read_share(plan->s, split->train, "train", &spec->share[KN_TRAIN]);
    read_share(plan->s, split->validation, "validation", &spec->share[KN_VALIDATION]);
    read_share(plan->s, split->test, "test", &spec->share[KN_TEST]);
    if (!split->train)
        spec->share[KN_TRAIN].kind = KN_SHARE_REST;
    spec->every = split->every;
    spec->shuffle = split->shuffle;
    spec->stratify = split->stratify;
    plan->has_seed = split->seed >= 0;
    spec->seed = (uint64_t)split->seed;
    if (fractions(spec) > 1 + 1e-9)
        kn_fault_add(plan->s->faults, KN_FAULT_RANGE, node->place,
                     "the parts take %g of the rows, more than all", fractions(spec));
    check_clash(plan, node, KN_VALIDATION, &plan->settings->validation_path);
    check_clash(plan, node, KN_TEST, &plan->settings->test_path);
    kn_config_put(plan->s->tree, plan->resolved, "split", resolved);
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
    check_source(plan, node);
    if (settings->reader) {
        plan->reader = kn_settings_part(s, KAON_READER, settings->reader, &reader);
        kn_config_put(s->tree, written, "reader", reader);
    }
    read_split(plan, settings->split);
    if (resolved)
        *resolved = written;
    return plan;
}
