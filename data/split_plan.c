/* split_plan.c: the `split` of a data section, checked. */
#include "data/split_plan.h"

#include "kernel/arena.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 16, MOST_FOLDS = 1000 };

typedef struct split_settings {
    const kn_config *share[KN_PARTS]; // ORDER part
    kaon_texts key;
    const char *column;
    int64_t folds;
    int64_t every;
    int32_t shuffle;
    int32_t stratify;
    int64_t seed;
} split_settings;

// clang-format off
#define SHARE(part, key, words) \
    {.size = sizeof(kaon_option), .kind = KN_OPTION_TREE, .name = key, \
     .offset = offsetof(split_settings, share) + (part) * sizeof(const kn_config *), .help = words}

static const kaon_option options[] = {
    SHARE(KN_TRAIN, "train", "fraction, range a..b, files, values of 'column', or rest (the default)"),
    SHARE(KN_VALIDATION, "validation", "fraction, range a..b, files, or values of 'column'"),
    SHARE(KN_TEST, "test", "fraction, range a..b, files, or values of 'column'"),
    KAON_TEXTS(split_settings, key, "[]", .max_count = MOST_KEYS,
               .help = "columns, as a run number: rows of equal values stay together, drawn by a hash"),
    KAON_TEXT(split_settings, column, NULL,
              .help = "its values are train, validation, test, or those the parts list"),
    KAON_INT(split_settings, folds, 0, .min = 0, .max = MOST_FOLDS,
             .help = "cross-validation: so many models, each tested on the part it did not see; 0: no"),
    KAON_INT(split_settings, every, 0, .min = 0, .max = 1e9,
             .help = "rows i with i mod every = 0 are test rows; 0: no"),
    KAON_BOOL(split_settings, shuffle, 1,
              .help = "draw fractions at random; else one after the other in file order"),
    KAON_BOOL(split_settings, stratify, 0, .help = "hold fractions (of the weight) within each class"),
    KAON_INT(split_settings, seed, -1, .min = -1, .max = 9e15,
             .help = "of the draw; -1: the experiment's seed"),
    {0},
};
// clang-format on

const kn_schema kn_split_schema = {
    .what = "split",
    .more = "experiment:split",
    .options = options,
    .size = sizeof(split_settings),
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

// A text or a list of them: files, or values of the column.
static void read_names(kn_settings *s, const kn_config *node, const char *name, kn_share *out)
{
    const int32_t is_list = node->kind == KN_CONFIG_LIST;
    const char **names =
        kn_arena_array(&s->arena, is_list ? (size_t)node->count + 1 : 1, sizeof *names);
    int64_t count = 0;
    s->faults->failed |= !names;
    for (const kn_config *at = is_list ? node->first : node; names && at;
         at = is_list ? at->next : NULL) {
        if (at->kind == KN_CONFIG_SCALAR)
            names[count++] = at->text;
        else
            kn_fault_add(s->faults, KN_FAULT_TYPE, at->place,
                         "'%s' lists files, or values of the column", name);
    }
    if (is_list && !node->count)
        kn_fault_add(s->faults, KN_FAULT_COUNT, node->place, "'%s' lists nothing", name);
    *out = (kn_share){.kind = KN_SHARE_NAMED, .names = {count, names}};
}

static int looks_like_file(const char *text)
{
    return strpbrk(text, "*?./") != NULL;
}

static void read_share(kn_settings *s, const kn_config *node, const char *name, int32_t by_column,
                       kn_share *out)
{
    double number;
    char found[96];
    const int32_t is_scalar = node && node->kind == KN_CONFIG_SCALAR;
    if (!node)
        return;
    if (is_scalar && !strcmp(node->text, "rest")) {
        out->kind = KN_SHARE_REST;
        return;
    }
    if (node->kind == KN_CONFIG_LIST || (is_scalar && by_column)) {
        read_names(s, node, name, out);
        return;
    }
    if (is_scalar && read_range(node->text, out))
        return;
    if (!kn_config_float(node, &number)) {
        if (is_scalar && looks_like_file(node->text)) {
            read_names(s, node, name, out);
            return;
        }
        kn_fault_add(s->faults, KN_FAULT_TYPE, node->place,
                     "'%s' is a fraction (0.2), a range of rows (0..1000), files, or rest, found "
                     "%s",
                     name, kn_config_say(node, found, sizeof found));
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

/* --- what must stand together ----------------------------------------------------------------- */

static void clash(kn_settings *s, const kn_config *node, const char *key, const char *words)
{
    const kn_config *at = kn_config_get(node, key);
    kn_fault_add(s->faults, KN_FAULT_CLASH, at ? at->key_place : node->place, "%s", words);
}

static void check_own_files(kn_settings *s, const kn_split_plan *plan)
{
    for (int32_t part = KN_VALIDATION; part < KN_PARTS; part++) {
        const int32_t wanted = plan->spec.share[part].kind != KN_SHARE_NONE ||
                               (part == KN_TEST && (plan->spec.every || plan->spec.folds));
        if (plan->own[part] && wanted)
            kn_fault_add(s->faults, KN_FAULT_CLASH, plan->node->place,
                         "the %s rows come from '%s_path', so the split cannot take some too",
                         kn_part_text(part), kn_part_text(part));
    }
}

static void check_folds(kn_settings *s, const kn_split_plan *plan)
{
    const kn_split_spec *spec = &plan->spec;
    const int32_t kind = spec->share[KN_VALIDATION].kind;
    if (spec->folds == 1)
        clash(s, plan->node, "folds", "one fold leaves nothing to train on; take 2 or more");
    if (spec->folds < 2)
        return;
    for (int32_t part = 0; part < KN_PARTS; part++)
        if (part != KN_VALIDATION && plan->given[part])
            clash(s, plan->node, kn_part_text(part),
                  "with 'folds' each fold tests once and the others train");
    if (spec->every)
        clash(s, plan->node, "every", "'folds' and 'every' exclude each other");
    if (plan->column)
        clash(s, plan->node, "column", "'folds' and 'column' exclude each other");
    if (kind != KN_SHARE_NONE && kind != KN_SHARE_FRACTION)
        clash(s, plan->node, "validation",
              "with 'folds' the validation rows are a fraction of those that do not test");
}

static void check_together(kn_settings *s, const kn_split_plan *plan)
{
    const kn_split_spec *spec = &plan->spec;
    if (fractions(spec) > 1 + 1e-9)
        kn_fault_add(s->faults, KN_FAULT_RANGE, plan->node->place,
                     "the parts take %g of the rows, more than all", fractions(spec));
    if (plan->key.count && spec->stratify)
        clash(s, plan->node, "stratify",
              "'key' keeps rows together, so fractions cannot be held in each class, too");
    check_own_files(s, plan);
    check_folds(s, plan);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void set_default(kn_split_plan *plan)
{
    kn_split_spec *spec = &plan->spec;
    spec->share[KN_TRAIN].kind = KN_SHARE_REST;
    for (int32_t part = KN_VALIDATION; part < KN_PARTS; part++)
        if (!plan->own[part])
            spec->share[part] = (kn_share){.kind = KN_SHARE_FRACTION, .fraction = 0.15};
    spec->shuffle = 1;
}

static void name_columns(kn_split_plan *plan)
{
    for (int64_t i = 0; i < plan->key.count && i < MOST_KEYS; i++)
        plan->columns[plan->column_count++] = plan->key.at[i];
    if (plan->column)
        plan->columns[plan->column_count++] = plan->column;
}

// The values of a column name the parts where nothing else is said.
static void name_parts(kn_split_plan *plan)
{
    static const char *const names[KN_PARTS] = {"train", "validation", "test"}; // ORDER part
    plan->strict = 1;
    for (int32_t part = 0; part < KN_PARTS; part++)
        plan->spec.share[part] = (kn_share){.kind = KN_SHARE_NAMED, .names = {1, &names[part]}};
}

void kn_split_plan_read(kn_settings *s, const kn_config *node, kn_split_plan *plan,
                        kn_config **resolved)
{
    kn_split_spec *spec = &plan->spec;
    *resolved = NULL;
    if (!node) {
        set_default(plan);
        return;
    }
    const split_settings *split = kn_settings_fill(s, &kn_split_schema, node, resolved);
    if (!split)
        return;
    plan->node = node;
    plan->key = split->key;
    plan->column = split->column;
    plan->has_seed = split->seed >= 0;
    *spec = (kn_split_spec){.every = split->every,
                            .shuffle = split->shuffle,
                            .stratify = split->stratify,
                            .seed = (uint64_t)split->seed,
                            .folds = split->folds};
    int32_t given = 0;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        read_share(s, split->share[part], kn_part_text(part), split->column != NULL,
                   &spec->share[part]);
        plan->given[part] = split->share[part] != NULL;
        given |= plan->given[part];
    }
    if (split->column && !given)
        name_parts(plan);
    else if (!split->share[KN_TRAIN])
        spec->share[KN_TRAIN].kind = KN_SHARE_REST;
    name_columns(plan);
    check_together(s, plan);
}
