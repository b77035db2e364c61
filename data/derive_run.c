/* derive_run.c: formulas over Arrow arrays, chunk by chunk, and the rows that are left. */
#include "data/derive_own.h"

#include "kernel/memory.h"

#include <math.h>
#include <string.h>

/* --- a chunk ---------------------------------------------------------------------------------- */

static int64_t output_width(const kn_derive *d, const kn_computed *c)
{
    const kn_form *form = &c->expression.root->form;
    const int64_t count = kn_form_count(form);
    if (form->shape == KN_ONE || count)
        return form->shape == KN_ONE ? 1 : count;
    if (form->axis.lane >= 0) {
        const int64_t lane = kn_derive_lane(d, form->axis.lane);
        return d->lanes[lane].width;
    }
    return -1 - form->axis.lane; // chosen of a list of so many
}

static kaon_status run_chunk(kn_derive *d, int64_t file, int64_t first, int64_t count, int64_t rows,
                             kaon_diag *diag)
{
    kaon_program *program = NULL;
    const void **in =
        kn_alloc_array((size_t)d->input_count + (size_t)d->lane_count + 1, sizeof *in);
    void **out = kn_alloc_array((size_t)d->computed_count * 2 + 1, sizeof *out);
    int32_t outputs = 0;
    double *at = NULL;
    kaon_status status = in && out ? KAON_OK : kn_no_memory(diag, "a program");
    if (!status)
        status = kn_derive_load(d, file, first, count, rows, diag);
    if (!status)
        status = kn_derive_program(d, rows, &program, diag);
    for (int32_t i = 0; !status && i < d->input_count; i++)
        in[i] = d->inputs[i].at;
    for (int32_t i = 0; !status && i < d->lane_count; i++)
        in[d->input_count + i] = d->lanes[i].lengths.at;
    for (int64_t i = 0; !status && i < d->computed_count; i++) {
        kn_computed *c = d->computed[i];
        if (!c->wanted)
            continue;
        const int32_t is_open = c->schema[0].format[1] == 'L';
        status = kn_derive_room(&c->chunk, rows * output_width(d, c), &at, diag);
        out[outputs++] = at;
        if (!status && is_open) {
            status = kn_derive_room(&c->counts, rows, &at, diag);
            out[outputs++] = at;
        }
    }
    if (!status && d->cut.root) {
        status = kn_derive_room(&d->cut_chunk, rows, &at, diag);
        out[outputs++] = at;
    }
    if (!status)
        status = kn_program_run(program, in, out, 0, diag);
    kn_free(in);
    kn_free(out);
    return status;
}

// Which rows of a chunk stay: the cut is true there.
static void mark_rows(kn_derive *d, int64_t first, int64_t count)
{
    const double *cut = (const double *)(const void *)d->cut_chunk.at;
    char *keep = d->keep.at + first;
    for (int64_t i = 0; i < count; i++) {
        keep[i] = cut[i] == 1;
        d->counts.kept += keep[i];
        d->counts.unknown += isnan(cut[i]) != 0;
    }
}

static kaon_status keep_numbers(kn_derive *d, kn_computed *c, int64_t first, int64_t count,
                                kaon_diag *diag)
{
    const int64_t width = output_width(d, c);
    const size_t bytes = (size_t)width * sizeof(double);
    char *to = NULL;
    const char *keep = d->cut.root ? d->keep.at + first : NULL;
    KAON_TRY(kn_buffer_extend(&c->values, count, bytes, &to, diag));
    if (!keep) {
        memcpy(to, c->chunk.at, (size_t)count * bytes);
        return KAON_OK;
    }
    const double *from = (const double *)(const void *)c->chunk.at;
    for (int64_t i = 0; width == 1 && i < count; i++) { // written always, passed over if it goes
        memcpy(to, &from[i], sizeof *from);
        to += keep[i] ? sizeof *from : 0;
    }
    for (int64_t i = 0; width > 1 && i < count; i++) {
        if (!keep[i])
            continue;
        memcpy(to, c->chunk.at + (size_t)i * bytes, bytes);
        to += bytes;
    }
    c->values.bytes = (size_t)(to - c->values.at);
    return KAON_OK;
}

static kaon_status keep_lists(kn_derive *d, kn_computed *c, int64_t first, int64_t count,
                              kaon_diag *diag)
{
    const int64_t width = output_width(d, c);
    const double *counts = (const double *)(const void *)c->counts.at;
    char *to = NULL, *offset = NULL;
    for (int64_t i = 0; i < count; i++) {
        const int64_t length = (int64_t)counts[i];
        if (d->cut.root && !d->keep.at[first + i])
            continue;
        KAON_TRY(kn_buffer_extend(&c->values, length, sizeof(double), &to, diag));
        memcpy(to, c->chunk.at + (size_t)(i * width) * sizeof(double),
               (size_t)length * sizeof(double));
        KAON_TRY(kn_buffer_extend(&c->offsets, 1, sizeof(int64_t), &offset, diag));
        *(int64_t *)(void *)offset = (int64_t)(c->values.bytes / sizeof(double));
    }
    return KAON_OK;
}

static kaon_status run_rows(kn_derive *d, int64_t file, int64_t rows, kaon_diag *diag)
{
    for (int64_t first = 0, chunk = 0; first < rows; first += chunk) {
        KAON_TRY(kn_derive_chunk(d, first, rows - first, &chunk, diag));
        const int64_t count = rows - first < chunk ? rows - first : chunk;
        KAON_TRY(run_chunk(d, file, first, count, chunk, diag));
        if (d->cut.root)
            mark_rows(d, first, count);
        for (int64_t i = 0; i < d->computed_count; i++) {
            kn_computed *c = d->computed[i];
            if (c->wanted)
                KAON_TRY(c->schema[0].format[1] == 'L' ? keep_lists(d, c, first, count, diag)
                                                       : keep_numbers(d, c, first, count, diag));
        }
    }
    return KAON_OK;
}

/* --- the arrays that come out ----------------------------------------------------------------- */

static kaon_status begin_columns(kn_derive *d, int64_t rows, kaon_diag *diag)
{
    char *at = NULL;
    d->keep.bytes = 0;
    KAON_TRY(kn_buffer_extend(&d->keep, rows + 1, 1, &at, diag));
    for (int64_t i = 0; i < d->computed_count; i++) {
        kn_computed *c = d->computed[i];
        c->values.bytes = c->offsets.bytes = 0;
        if (!c->wanted)
            continue;
        KAON_TRY(kn_buffer_reserve(&c->values, sizeof(double), diag)); // never NULL
        KAON_TRY(kn_buffer_extend(&c->offsets, 1, sizeof(int64_t), &at, diag));
        memset(at, 0, sizeof(int64_t));
    }
    return KAON_OK;
}

// Numbers become what the schema says: whole ones i64, conditions bits; NaN is no value there.
static kaon_status narrow(kn_computed *c, int64_t rows, kaon_diag *diag)
{
    int64_t missing = 0;
    uint8_t *bits = (uint8_t *)c->values.at;
    const int32_t is_whole = c->schema[0].format[0] == 'l';
    char *at = NULL;
    if (!is_whole && c->schema[0].format[0] != 'b')
        return KAON_OK;
    c->valid.bytes = 0;
    KAON_TRY(kn_buffer_extend(&c->valid, rows / 8 + 1, 1, &at, diag));
    memset(at, 0, (size_t)rows / 8 + 1);
    for (int64_t i = 0; i < rows; i++) {
        double value; // read before its place is written
        memcpy(&value, c->values.at + (size_t)i * sizeof value, sizeof value);
        const int32_t there = !isnan(value);
        missing += !there;
        at[i >> 3] = (char)(at[i >> 3] | there << (i & 7));
        const int64_t whole = !there || fabs(value) >= 9.2e18 ? 0 : (int64_t)value;
        if (is_whole)
            memcpy(c->values.at + (size_t)i * sizeof whole, &whole, sizeof whole);
        else
            bits[i >> 3] = (uint8_t)((i & 7 ? bits[i >> 3] : 0) | (value == 1) << (i & 7));
    }
    c->array[0].null_count = missing;
    return KAON_OK;
}

static kaon_status give_computed(kn_computed *c, int64_t rows, kaon_diag *diag)
{
    const int32_t is_open = c->schema[0].format[1] == 'L';
    const int32_t is_list = c->schema[0].n_children > 0;
    memset(c->array, 0, sizeof c->array);
    memset(c->buffers, 0, sizeof c->buffers);
    KAON_TRY(narrow(c, rows, diag));
    struct ArrowArray *top = &c->array[0], *item = &c->array[1];
    top->length = rows;
    top->n_buffers = is_list && !is_open ? 1 : 2;
    top->buffers = c->buffers[0];
    top->buffers[0] = top->null_count ? c->valid.at : NULL;
    top->buffers[1] = is_open ? c->offsets.at : c->values.at;
    if (!is_list)
        return KAON_OK;
    c->array_child = item;
    top->n_children = 1;
    top->children = &c->array_child;
    item->length = (int64_t)(c->values.bytes / sizeof(double));
    item->n_buffers = 2;
    item->buffers = c->buffers[1];
    item->buffers[1] = c->values.at;
    return KAON_OK;
}

static kaon_status give_column(kn_derive *d, kn_scanned *s, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, int64_t kept,
                               struct ArrowSchema **out_schema, struct ArrowArray **out,
                               kaon_diag *diag)
{
    kn_arrow_kind kind;
    kn_arrow_look look;
    if (s->computed) {
        *out_schema = &s->computed->schema[0];
        *out = &s->computed->array[0];
        return give_computed(s->computed, kept, diag);
    }
    *out_schema = schema->children[s->child];
    *out = array->children[s->child];
    if (kept == array->length)
        return KAON_OK;
    KAON_TRY(kn_arrow_kind_of(*out_schema, &kind, diag));
    KAON_TRY(kn_arrow_open(&kind, *out, &look, diag));
    if (look.rows != array->length)
        return kaon_fail(diag, KAON_INTERNAL, "it has %lld rows of %lld", (long long)look.rows,
                         (long long)array->length);
    KAON_TRY(kn_rows_pick(&look, d->keep.at, kept, &s->picked, diag));
    *out = &s->picked.array[0];
    return KAON_OK;
}

kaon_status kn_derive_array(kn_derive *d, int64_t file, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, const struct ArrowSchema **out_schema,
                            const struct ArrowArray **out, kaon_diag *diag)
{
    const int64_t before = d->counts.kept;
    if (array->n_children != d->raw_count || schema->n_children != d->raw_count)
        return kaon_fail(diag, KAON_INTERNAL, "the reader gave %lld columns, asked for were %lld",
                         (long long)array->n_children, (long long)d->raw_count);
    if (array->offset || array->length < 0)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the reader gave a part of an array");
    KAON_TRY(kn_derive_open(d, schema, array, diag));
    KAON_TRY(begin_columns(d, array->length, diag));
    int32_t has_formulas = d->cut.root != NULL;
    for (int64_t i = 0; i < d->computed_count; i++)
        has_formulas |= d->computed[i]->wanted;
    if (has_formulas)
        KAON_TRY(run_rows(d, file, array->length, diag));
    d->counts.kept += d->cut.root ? 0 : array->length;
    d->counts.rows += array->length;
    d->next_row += array->length;
    const int64_t kept = d->counts.kept - before;
    for (int64_t i = 0; i < d->scanned_count; i++) {
        kn_scanned *c = &d->scanned[i];
        const char *name = c->computed ? c->computed->name : d->raw_names[c->child];
        const kaon_status status = give_column(
            d, c, schema, array, kept, &d->out_schema.children[i], &d->out.children[i], diag);
        KAON_TRY(kaon_context(diag, status, "column '%s'", name));
    }
    d->out.length = kept;
    *out_schema = &d->out_schema;
    *out = &d->out;
    return KAON_OK;
}

kn_cut_counts kn_derive_counts(const kn_derive *d)
{
    return d->counts;
}

int32_t kn_derive_has_cut(const kn_derive *d)
{
    return d->cut.root != NULL;
}
