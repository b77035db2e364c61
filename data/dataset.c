/* dataset.c: the `data` section of an experiment, from checked settings to tables. */
#include "data/dataset.h"

#include "data/dataset_plan.h"
#include "data/harvest.h"
#include "data/notes.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "data/split_rows.h"
#include "data/table.h"

#include <string.h>

struct kn_dataset_own {
    kn_arena arena; // names
    const kn_dataset_plan *plan;
    kn_dataset_load load;
    kn_harvest whole; // kept where there are folds
    kn_split split;
};

/* --- splitting -------------------------------------------------------------------------------- */

static int64_t drop(const kn_harvest *h, int64_t *rows, int64_t count)
{
    const char *incomplete = h->incomplete.at;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (!incomplete || !incomplete[rows[i]])
            rows[kept++] = rows[i];
    return kept;
}

// A part somebody asked for must have rows.
static kaon_status check_parts(const kn_split_plan *split, const kn_split *made, kaon_diag *diag)
{
    const kn_split_spec *spec = &split->spec;
    for (int32_t part = 0; split->node && part < KN_PARTS; part++) {
        const kn_share *share = &spec->share[part];
        const int32_t asked = share->kind == KN_SHARE_NAMED || share->kind == KN_SHARE_RANGE ||
                              (share->kind == KN_SHARE_FRACTION && share->fraction > 0) ||
                              (spec->folds && part != KN_VALIDATION);
        if (!asked || made->count[part] || split->strict)
            continue;
        if (spec->folds)
            return kaon_fail(diag, KAON_INVALID,
                             "fold %lld of %lld leaves no rows to %s: take fewer folds%s",
                             (long long)spec->fold + 1, (long long)spec->folds,
                             part == KN_TEST ? "test on" : "train on",
                             split->key.count ? ", or a key of more values" : "");
        return kaon_fail(diag, KAON_INVALID, "no rows are left for the %s part",
                         kn_part_text(part));
    }
    return KAON_OK;
}

// A fault of the split stands where the split is written.
static kaon_status place_fault(const kn_dataset_plan *plan, const kn_diag *fault, kaon_diag *diag)
{
    if (!plan->split.node || fault->status == KAON_NO_MEMORY)
        return kaon_context(diag, kn_diag_pass(fault, diag), "split");
    kn_fault_add(plan->s->faults, KN_FAULT_DATA, plan->split.node->place, "%s", fault->text);
    return kn_faults_status(plan->s->faults, diag);
}

static kaon_status split_rows(const kn_dataset_plan *plan, const kn_split_spec *spec,
                              const kn_harvest *h, kn_split *out, kaon_diag *diag)
{
    kn_split_facts facts;
    KAON_TRY(kn_split_facts_init(&plan->split, h->table, &h->files, spec->seed, &facts, diag));
    const kaon_status status = kn_split_make(spec, &facts.rows, out, diag);
    kn_split_facts_fini(&facts);
    return status;
}

static kaon_status make_split(const kn_dataset_plan *plan, const kn_dataset_load *load,
                              const kn_harvest *h, int64_t fold, kn_split *out, kaon_diag *diag)
{
    kn_split_spec spec = plan->split.spec;
    kn_diag fault;
    kn_diag_init(&fault);
    spec.fold = fold;
    if (!plan->split.has_seed)
        spec.seed = load->seed;
    // A check reads a few rows only: ranges need not lie in them.
    for (int32_t part = 0; load->max_rows && part < KN_PARTS; part++)
        if (spec.share[part].kind == KN_SHARE_RANGE)
            spec.share[part] = (kn_share){.kind = KN_SHARE_FRACTION, .fraction = 0.3};
    kaon_status status = split_rows(plan, &spec, h, out, &fault.diag);
    for (int32_t part = 0; !status && part < KN_PARTS; part++)
        out->count[part] = drop(h, out->rows[part], out->count[part]);
    if (!status && !load->max_rows)
        status = check_parts(&plan->split, out, &fault.diag);
    if (!status)
        return KAON_OK;
    kn_split_fini(out);
    return place_fault(plan, &fault, diag);
}

static kaon_status pick_complete(const kn_harvest *h, kaon_table **out, kaon_diag *diag)
{
    const int64_t rows = kn_table_rows(h->table);
    int64_t *list = NULL;
    if (!h->incomplete.at) {
        kn_table_retain(h->table);
        *out = h->table;
        return KAON_OK;
    }
    list = kn_alloc_array((size_t)rows, sizeof *list);
    if (!list)
        return kn_no_memory(diag, "a list of rows");
    for (int64_t i = 0; i < rows; i++)
        list[i] = i;
    const kaon_status status = kn_table_pick(h->table, list, drop(h, list, rows), out, diag);
    kn_free(list);
    return status;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *const *copy_names(kn_arena *arena, int64_t count, const char *const *names)
{
    const char **copies = kn_arena_array(arena, (size_t)count + 1, sizeof *copies);
    for (int64_t i = 0; copies && i < count; i++)
        if (!(copies[i] = kn_arena_text(arena, names[i])))
            return NULL;
    return copies;
}

// The names of the table's columns; where the last axis has none, of the source's.
static kaon_status name(kn_dataset *d, const kaon_table *table, kaon_texts features,
                        const char *source, kaon_diag *diag)
{
    kn_arena *arena = &d->own->arena;
    kaon_column c = {.size = sizeof c};
    d->source = kn_arena_text(arena, source);
    d->features = features.at;
    d->feature_count = features.count;
    int ok = d->source && features.at;
    if (kn_table_column_of(table, KAON_ROLE_FEATURES, &c) == KAON_OK && c.label_count) {
        d->feature_count = c.label_count;
        d->features = copy_names(arena, c.label_count, c.labels);
        ok = ok && d->features;
    }
    if (kn_table_column_of(table, KAON_ROLE_TARGET, &c) == KAON_OK) {
        d->target = kn_arena_text(arena, c.name);
        ok = ok && d->target;
        if (c.view.dtype == KAON_I64) {
            d->class_count = c.label_count;
            d->classes = copy_names(arena, c.label_count, c.labels);
            ok = ok && d->classes;
        }
    }
    return ok ? KAON_OK : kn_no_memory(diag, "names of columns");
}

static void put_list(kn_config_tree *tree, kn_config *map, const char *key, int64_t count,
                     const char *const *texts)
{
    kn_config *list = kn_config_list_new(tree);
    for (int64_t i = 0; i < count; i++)
        kn_config_append(list, kn_config_scalar_new(tree, texts[i], 1));
    kn_config_put(tree, map, key, list);
}

// What was chosen by patterns and places is written down by name.
static void resolve(const kn_dataset_plan *plan, const kn_dataset *d, const kaon_table *table,
                    kaon_texts features)
{
    kn_config_tree *tree = plan->s->tree;
    kaon_column c = {.size = sizeof c};
    put_list(tree, plan->resolved, "features", features.count, features.at);
    if (d->target)
        kn_config_put(tree, plan->resolved, "target", kn_config_scalar_new(tree, d->target, 1));
    if (d->classes)
        put_list(tree, plan->resolved, "classes", d->class_count, d->classes);
    if (kn_table_column_of(table, KAON_ROLE_WEIGHT, &c) == KAON_OK)
        kn_config_put(tree, plan->resolved, "weight", kn_config_scalar_new(tree, c.name, 1));
    if (kn_table_column_of(table, KAON_ROLE_FEATURES, &c) == KAON_OK && c.view.rank == 3 &&
        c.label_count)
        kn_config_put(tree, plan->resolved, "pad",
                      kn_config_scalar_format(tree, 0, "%lld", (long long)c.view.shape[1]));
}

/* --- the calls -------------------------------------------------------------------------------- */

// The names of more files that were read.
static kaon_status note_files(kn_dataset *d, const kn_row_files *files, kaon_diag *diag)
{
    const int64_t count = d->file_count + files->count;
    const char **names = kn_arena_array(&d->own->arena, (size_t)count + 1, sizeof *names);
    for (int64_t i = 0; names && i < count; i++) {
        names[i] = i < d->file_count
                       ? d->files[i]
                       : kn_arena_text(&d->own->arena, files->paths[i - d->file_count]);
        if (!names[i])
            return kn_no_memory(diag, "names of files");
    }
    d->file_count = names ? count : 0;
    d->files = names;
    return names ? KAON_OK : kn_no_memory(diag, "names of files");
}

static void note_cut(kn_dataset *d, const kn_cut_counts *cut)
{
    d->cut.rows += cut->rows;
    d->cut.kept += cut->kept;
    d->cut.unknown += cut->unknown;
}

// Files of their own for validation or test: the same columns, classes and length.
static kaon_status load_part_files(kn_dataset_plan *plan, const kn_dataset_load *load,
                                   const kaon_table *like, kaon_texts features, kaon_texts paths,
                                   int32_t part, kn_dataset *d, kaon_diag *diag)
{
    kn_harvest h = {0};
    kn_want want = kn_want_of(plan, load);
    kaon_column c = {.size = sizeof c};
    if (!paths.count)
        return KAON_OK;
    want.features = features.at;
    want.feature_count = features.count;
    want.classes = d->classes;
    want.class_count = d->class_count;
    if (kn_table_column_of(like, KAON_ROLE_FEATURES, &c) == KAON_OK && c.view.rank == 3)
        want.pad = c.view.shape[1];
    want.spill = kn_table_spill_of(like);
    KAON_TRY(kn_harvest_read(plan, load, &want, paths, 0, &h, diag));
    kaon_status status = pick_complete(&h, &d->part[part], diag);
    if (!status) {
        status = note_files(d, &h.files, diag);
        note_cut(d, &h.cut);
        d->rows += kn_table_rows(h.table);
        d->dropped += kn_table_rows(h.table) - kn_table_rows(d->part[part]);
    }
    kn_harvest_fini(&h);
    return status;
}

// Rows of the files, which rise, into places among the complete ones.
static void count_complete(const kn_harvest *h, int64_t *rows, int64_t count)
{
    const char *incomplete = h->incomplete.at;
    int64_t row = 0, left_out = 0;
    for (int64_t i = 0; incomplete && i < count; i++) {
        for (; row < rows[i]; row++)
            left_out += incomplete[row];
        rows[i] -= left_out;
    }
}

// The parts a split makes of what was read.
static kaon_status pick_parts(kn_dataset *d, const kn_harvest *h, kaon_diag *diag)
{
    kn_split *split = &d->own->split;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        if (!split->count[part])
            continue;
        KAON_TRY(
            kn_table_pick(h->table, split->rows[part], split->count[part], &d->part[part], diag));
    }
    if (d->folds)
        count_complete(h, split->rows[KN_TEST], split->count[KN_TEST]);
    d->test_rows = d->folds ? split->rows[KN_TEST] : NULL;
    return KAON_OK;
}

kaon_status kn_dataset_whole(const kn_dataset *d, kaon_table **out, kaon_diag *diag)
{
    return pick_complete(&d->own->whole, out, diag);
}

static kaon_status split_harvest(kn_dataset_plan *plan, const kn_dataset_load *load,
                                 const kn_harvest *h, kn_dataset *d, kaon_diag *diag)
{
    KAON_TRY(make_split(plan, load, h, 0, &d->own->split, diag));
    d->folds = plan->split.spec.folds;
    d->rows = kn_table_rows(h->table);
    const char *incomplete = h->incomplete.at;
    for (int64_t i = 0; incomplete && i < d->rows; i++)
        d->dropped += incomplete[i];
    return pick_parts(d, h, diag);
}

kaon_status kn_dataset_set_fold(kn_dataset *d, int64_t fold, kaon_diag *diag)
{
    struct kn_dataset_own *own = d->own;
    const int32_t own_files = own->plan->settings->validation_path.count > 0;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        if (part == KN_VALIDATION && own_files)
            continue;
        kn_table_release(d->part[part]);
        d->part[part] = NULL;
    }
    kn_split_fini(&own->split);
    KAON_TRY(make_split(own->plan, &own->load, &own->whole, fold, &own->split, diag));
    d->fold = fold;
    return pick_parts(d, &own->whole, diag);
}

static void say_note(void *context, const char *text)
{
    const kn_dataset_plan *plan = context;
    kn_log(plan->s->kernel, KAON_LOG_WARNING, "data: %s", text);
}

static kaon_status divide(kn_dataset_plan *plan, const kn_dataset_load *load, const kn_harvest *h,
                          kn_dataset *d, kaon_diag *diag)
{
    const kn_data_settings *settings = plan->settings;
    const kaon_texts features = {h->feature_count, copy_names(&d->own->arena, h->feature_count,
                                                              (const char *const *)h->features)};
    KAON_TRY(name(d, h->table, features, h->source, diag));
    KAON_TRY(note_files(d, &h->files, diag));
    note_cut(d, &h->cut);
    KAON_TRY(split_harvest(plan, load, h, d, diag));
    KAON_TRY(load_part_files(plan, load, h->table, features, settings->validation_path,
                             KN_VALIDATION, d, diag));
    KAON_TRY(
        load_part_files(plan, load, h->table, features, settings->test_path, KN_TEST, d, diag));
    resolve(plan, d, h->table, features);
    if (d->part[KN_TRAIN] && !load->max_rows)
        kn_data_notes(d->part[KN_TRAIN], say_note, plan);
    return KAON_OK;
}

static kaon_status load_all(kn_dataset_plan *plan, const kn_dataset_load *load, kn_dataset *d,
                            kaon_diag *diag)
{
    kn_want want = kn_want_of(plan, load);
    const kaon_texts paths =
        load->path_count ? (kaon_texts){load->path_count, load->paths} : plan->settings->path;
    kn_harvest h = {0};
    KAON_TRY(kn_harvest_spill(plan, &want.spill, diag));
    kaon_status status = kn_harvest_read(plan, load, &want, paths, 1, &h, diag);
    if (!status)
        status = divide(plan, load, &h, d, diag);
    kn_spill_release(want.spill); // columns hold it
    if (!status && d->folds) {
        d->own->plan = plan;
        d->own->load = *load;
        d->own->whole = h;
        return KAON_OK;
    }
    kn_harvest_fini(&h);
    kn_split_fini(&d->own->split);
    return status;
}

kaon_status kn_dataset_load_parts(kn_dataset_plan *plan, const kn_dataset_load *load,
                                  kn_dataset **out, kaon_diag *diag)
{
    kn_dataset *d = kn_alloc_zero(sizeof *d);
    if (d)
        d->own = kn_alloc_zero(sizeof *d->own);
    if (!d || !d->own) {
        kn_free(d);
        return kn_no_memory(diag, "data");
    }
    const kaon_status status = load_all(plan, load, d, diag);
    if (status) {
        kn_dataset_free(d);
        return status;
    }
    *out = d;
    return KAON_OK;
}

void kn_dataset_free(kn_dataset *d)
{
    if (!d)
        return;
    for (int32_t part = 0; part < KN_PARTS; part++)
        kn_table_release(d->part[part]);
    kn_harvest_fini(&d->own->whole);
    kn_split_fini(&d->own->split);
    kn_arena_free(&d->own->arena);
    kn_free(d->own);
    kn_free(d);
}

// The files a part lies in; *whole: all their rows.
static kaon_texts files_of(const kn_data_settings *d, const kn_dataset_load *load, int32_t part,
                           int32_t *whole)
{
    *whole = part < 0;
    if (load->path_count)
        return (kaon_texts){load->path_count, load->paths};
    const kaon_texts *own = part == KN_TEST         ? &d->test_path
                            : part == KN_VALIDATION ? &d->validation_path
                                                    : &d->path;
    *whole |= part > KN_TRAIN && own->count > 0;
    return part > KN_TRAIN && own->count ? *own : d->path;
}

static kaon_status pick_part(kn_dataset_plan *plan, const kn_dataset_load *load,
                             const kn_harvest *h, int32_t part, kaon_table **out, kaon_diag *diag)
{
    kn_split split = {0};
    KAON_TRY(make_split(plan, load, h, 0, &split, diag));
    const kaon_status status =
        kn_table_pick(h->table, split.rows[part], split.count[part], out, diag);
    kn_split_fini(&split);
    return status;
}

kaon_status kn_dataset_load_table(kn_dataset_plan *plan, const kn_dataset_load *load, int32_t part,
                                  kaon_table **out, kaon_diag *diag)
{
    kn_want want = kn_want_of(plan, load);
    int32_t whole = 0;
    const kaon_texts paths = files_of(plan->settings, load, part, &whole);
    kn_harvest h = {0};
    KAON_TRY(kn_harvest_spill(plan, &want.spill, diag));
    kaon_status status = kn_harvest_read(plan, load, &want, paths, 0, &h, diag);
    if (!status)
        status = whole ? pick_complete(&h, out, diag) : pick_part(plan, load, &h, part, out, diag);
    kn_harvest_fini(&h);
    kn_spill_release(want.spill);
    return status;
}
