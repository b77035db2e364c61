/* harvest.c: files or a generator into one table, or as they were converted before. */
#include "data/harvest.h"

#include <string.h>

#include "data/conversion.h"
#include "data/source.h"
#include "kernel/memory.h"

enum {
    MANY_COLUMNS = 4096, // beyond, nobody reads a line for each
    FEW_ROWS = 8192      // of an array, where memory has a limit
};

kn_want kn_want_of(const kn_dataset_plan *plan, const kn_dataset_load *load)
{
    const kn_data_settings *d = plan->settings;
    return (kn_want){
        .features = d->features.at,
        .feature_count = d->features.count,
        .target = d->target,
        .target_optional = load->target_optional,
        .task = d->task,
        .weight = d->weight,
        .weight_optional = load->target_optional,
        .missing = d->missing,
        .keep = d->keep.at,
        .keep_count = d->keep.count,
        .aside = plan->split.columns,
        .aside_count = plan->split.column_count,
        .classes = d->classes.at,
        .class_count = d->classes.count,
        .pad = d->pad,
        .pad_value = d->pad_value,
        .float_type = load->float_type,
        .sentinels = d->missing_values.at,
        .sentinel_count = d->missing_values.count,
    };
}

// What is read, and where its rows end in each file.
typedef struct intake {
    kn_table_builder *builder;
    const kn_source *source;
    int64_t *ends;
} intake;

static kaon_status add_array(void *context, const struct ArrowSchema *schema,
                             const struct ArrowArray *array, kaon_diag *diag)
{
    const intake *in = context;
    KAON_TRY(kn_table_builder_add(in->builder, schema, array, diag));
    if (in->ends)
        in->ends[kn_source_at(in->source)] = kn_table_builder_rows(in->builder);
    return KAON_OK;
}

static kaon_status name_files(const kn_source *source, kn_row_files *files, kaon_diag *diag)
{
    const int64_t count = kn_source_path_count(source);
    files->paths = kn_alloc_array((size_t)count, sizeof *files->paths);
    files->ends = kn_alloc_array((size_t)count, sizeof *files->ends);
    files->count = files->paths ? count : 0;
    int ok = files->paths && files->ends;
    for (int64_t i = 0; ok && i < count; i++)
        ok = (files->paths[i] = kn_copy_text(kn_source_path(source, i))) != NULL;
    return ok ? KAON_OK : kn_no_memory(diag, "names of files");
}

// A file without rows ends where the one before it does.
static void close_ends(kn_row_files *files)
{
    for (int64_t i = 1; i < files->count; i++)
        if (files->ends[i] < files->ends[i - 1])
            files->ends[i] = files->ends[i - 1];
}

// What a pattern passed over is worth a line: text is not a number.
static void tell_left_out(const kn_dataset_plan *plan, const kn_source *source,
                          const char *const *taken, int64_t count)
{
    const struct ArrowSchema *schema = kn_source_schema(source);
    for (int64_t i = 0; i < schema->n_children && schema->n_children < MANY_COLUMNS; i++) {
        const struct ArrowSchema *column = schema->children[i];
        int64_t at = 0;
        while (at < count && strcmp(taken[at], column->name))
            at++;
        if (at == count && (column->format[0] == 'u' || column->format[0] == 'U'))
            kn_log(plan->s->kernel, KAON_LOG_INFO, "%s: column '%s' holds text and is not used",
                   kn_source_name(source), column->name);
    }
}

static kaon_status keep_features(const kn_table_builder *b, kn_harvest *out, kaon_diag *diag)
{
    const char *const *names = NULL;
    kn_table_builder_features(b, &names, &out->feature_count);
    out->features = kn_copy_texts(out->feature_count, names);
    if (out->features)
        return KAON_OK;
    out->feature_count = 0;
    return kn_no_memory(diag, "names of features");
}

static kaon_status scan(kn_table_builder *b, const kn_want *want, kn_source *source, int64_t limit,
                        kn_harvest *out, kaon_diag *diag)
{
    const char *const *columns = NULL;
    int64_t count = 0;
    kn_table_builder_columns(b, &columns, &count);
    const kaon_read what = {
        .size = sizeof what,
        .column_count = (int32_t)count,
        .columns = columns,
        .row_count = limit,
        .batch_rows = want->spill ? FEW_ROWS : 0,
    };
    intake in = {b, source, out->files.count ? out->files.ends : NULL};
    KAON_TRY(kn_source_scan(source, &what, add_array, &in, diag));
    close_ends(&out->files);
    out->cut = kn_source_cut(source);
    KAON_TRY(kaon_context(diag, kn_table_builder_finish(b, &out->table, &out->incomplete, diag),
                          "%s", kn_source_name(source)));
    return keep_features(b, out, diag);
}

static kaon_status build(const kn_dataset_plan *plan, kn_source *source, const kn_want *want,
                         int64_t limit, int32_t tell, kn_harvest *out, kaon_diag *diag)
{
    kn_table_builder *b = NULL;
    const char *const *columns = NULL;
    int64_t rows = -1, count = 0;
    KAON_TRY(name_files(source, &out->files, diag));
    out->source = kn_copy_text(kn_source_name(source));
    if (!out->source)
        return kn_no_memory(diag, "a name");
    if (kn_source_path_count(source) <= 1) // else each file would be opened twice
        KAON_TRY(kn_source_rows(source, &rows, diag));
    rows = limit && (rows < 0 || rows > limit) ? limit : rows;
    KAON_TRY(kaon_context(diag,
                          kn_table_builder_new(kn_source_schema(source), want, rows, &b, diag),
                          "columns of %s", kn_source_name(source)));
    kn_table_builder_columns(b, &columns, &count);
    if (tell)
        tell_left_out(plan, source, columns, count);
    const kaon_status status = scan(b, want, source, limit, out, diag);
    kn_table_builder_free(b);
    return status;
}

// From what was kept, or from the files, which are then kept. A check reads too little for that.
static kaon_status convert(const kn_dataset_plan *plan, const kn_dataset_load *load,
                           kn_source *source, const kn_want *want, int32_t tell, kn_harvest *out,
                           kaon_diag *diag)
{
    kn_conversion c = {0};
    int64_t limit = plan->settings->rows;
    if (load->max_rows && (!limit || load->max_rows < limit))
        limit = load->max_rows;
    if (!load->max_rows)
        kn_conversion_init(&c, plan, want, source, limit);
    kaon_status status = KAON_OK;
    if (!kn_conversion_get(&c, plan, want, source, out)) {
        status = build(plan, source, want, limit, tell, out, diag);
        if (!status)
            kn_conversion_put(&c, plan, want, out);
    }
    kn_conversion_fini(&c);
    return status;
}

static void tell_cut(const kn_dataset_plan *plan, const kn_cut_counts *cut)
{
    if (!plan->formulas.cut.text)
        return;
    kn_log(plan->s->kernel, KAON_LOG_INFO, "cut '%s': %lld of %lld rows are kept",
           plan->formulas.cut.text, (long long)cut->kept, (long long)cut->rows);
    if (cut->unknown)
        kn_log(plan->s->kernel, KAON_LOG_WARNING,
               "cut '%s': rows left out since a value it needs is missing: %lld",
               plan->formulas.cut.text, (long long)cut->unknown);
}

kaon_status kn_harvest_read(const kn_dataset_plan *plan, const kn_dataset_load *load,
                            const kn_want *want, kaon_texts paths, int32_t tell, kn_harvest *out,
                            kaon_diag *diag)
{
    kn_source *source = NULL;
    const kaon_part *reader = load->reader ? load->reader : plan->reader;
    *out = (kn_harvest){0};
    KAON_TRY(kn_source_open(plan->s, reader, load->folder, paths.at, paths.count, &source, diag));
    kn_want own = *want;
    const kn_formulas_use use = {.s = plan->s,
                                 .pad = plan->settings->pad_value,
                                 .other_files = paths.at != plan->formulas.paths.at,
                                 .only_features = load->only_features,
                                 .row_numbers = load->row_numbers};
    kaon_status status = kn_formulas_apply(&plan->formulas, &use, source, &own, diag);
    if (!status)
        status = convert(plan, load, source, &own, tell, out, diag);
    kn_source_close(source);
    if (!status)
        tell_cut(plan, &out->cut);
    else
        kn_harvest_fini(out);
    return status;
}

/* --- the limit of memory ---------------------------------------------------------------------- */

kaon_status kn_harvest_spill(const kn_dataset_plan *plan, kn_spill **out, kaon_diag *diag)
{
    *out = NULL;
    if (!plan->memory)
        return KAON_OK;
    char *folder = kn_conversion_folder(plan);
    if (!folder)
        return kaon_fail(diag, KAON_INVALID,
                         "`memory` needs a folder for what goes beyond it: set `cache: DIR`");
    // The other half is for what learners and programs take.
    const kaon_status status = kn_spill_new(folder, plan->memory / 2, out, diag);
    kn_free(folder);
    return status;
}
