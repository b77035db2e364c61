/* split_rows.c: what a table and its files say about the part each row belongs to. */
#include "data/split_rows.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "data/selection.h"
#include "data/table.h"
#include "kernel/decimal.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

enum { BLOCK = 512 };

/* --- values of a column ----------------------------------------------------------------------- */

// A column with one number or one text per row.
static kaon_status single_column(const kaon_table *table, const char *name, kaon_column *out,
                                 kaon_diag *diag)
{
    *out = (kaon_column){.size = sizeof *out};
    if (kn_table_column_named(table, name, out))
        return kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s' to split by", name);
    if (out->view.rank != 1 || out->offsets)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "column '%s' holds more than one value per row and cannot split", name);
    return KAON_OK;
}

static kaon_status read_numbers(const kaon_column *c, int64_t first, int64_t count, double *out,
                                kaon_diag *diag)
{
    const size_t bytes = kaon_dtype_bytes(c->view.dtype);
    kn_convert(c->view.dtype, (const char *)c->view.data + (size_t)first * bytes, KAON_F64, out,
               count);
    for (int64_t i = 0; i < count; i++)
        if (isnan(out[i]))
            return kaon_fail(diag, KAON_NOT_FINITE,
                             "column '%s', which splits, has no value in "
                             "row %lld",
                             c->name, (long long)(first + i));
    return KAON_OK;
}

// Room for so many bytes per row, where the table's columns lie.
static kaon_status take(const kaon_table *table, size_t bytes, kn_block *out, kaon_diag *diag)
{
    out->spill = kn_table_spill_of(table);
    return kn_block_resize(out, (size_t)kn_table_rows(table) * bytes, "a split", diag);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* A number counts as the double it is, whatever type a file gave it, byte by byte from the lowest:
 * the same hash on every machine. */
static uint64_t hash_number(double value, uint64_t seed)
{
    uint64_t bits;
    unsigned char bytes[sizeof bits];
    value += 0.0; // -0 is 0
    memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++)
        bytes[i] = (unsigned char)(bits >> (8 * i));
    return XXH3_64bits_withSeed(bytes, sizeof bytes, seed);
}

static kaon_status hash_column(const kaon_column *c, int64_t rows, uint64_t *keys, kaon_diag *diag)
{
    double values[BLOCK];
    for (int64_t first = 0; first < rows; first += BLOCK) {
        const int64_t count = rows - first < BLOCK ? rows - first : BLOCK;
        KAON_TRY(read_numbers(c, first, count, values, diag));
        for (int64_t i = 0; i < count; i++) {
            uint64_t *key = &keys[first + i];
            const char *text =
                c->label_count && values[i] >= 0 ? c->labels[(int64_t)values[i]] : NULL;
            *key = text ? XXH3_64bits_withSeed(text, strlen(text), *key)
                        : hash_number(values[i], *key);
        }
    }
    return KAON_OK;
}

// Several columns: the hash of one is the seed of the next.
static kaon_status make_keys(const kn_split_plan *plan, const kaon_table *table, uint64_t seed,
                             kn_block *out, kaon_diag *diag)
{
    const int64_t rows = kn_table_rows(table);
    kaon_status status = take(table, sizeof(uint64_t), out, diag);
    uint64_t *keys = out->at;
    for (int64_t i = 0; !status && i < rows; i++)
        keys[i] = seed;
    for (int64_t k = 0; !status && k < plan->key.count; k++) {
        kaon_column c;
        status = single_column(table, plan->key.at[k], &c, diag);
        if (!status)
            status = hash_column(&c, rows, keys, diag);
    }
    return status;
}

/* --- parts by name ---------------------------------------------------------------------------- */

static int32_t value_is(const kaon_column *c, double value, const char *name)
{
    double wanted;
    if (c->label_count)
        return value >= 0 && !strcmp(c->labels[(int64_t)value], name);
    return kn_parse_double(name, &wanted) && wanted == value;
}

// The part that lists a value.
static int32_t part_of_value(const kn_split_plan *plan, const kaon_column *c, double value)
{
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kaon_texts *names = &plan->spec.share[part].names;
        for (int64_t i = 0; i < names->count; i++)
            if (value_is(c, value, names->at[i]))
                return part;
    }
    return KN_FREE;
}

static kaon_status refuse_value(const kn_split_plan *plan, const kaon_column *c, int64_t row,
                                double value, kaon_diag *diag)
{
    kn_text allowed = {0};
    char number[KN_NUMBER_BYTES];
    for (int32_t part = 0; part < KN_PARTS; part++)
        for (int64_t i = 0; i < plan->spec.share[part].names.count; i++)
            kn_text_format(&allowed, "%s%s", allowed.length ? ", " : "",
                           plan->spec.share[part].names.at[i]);
    const kaon_status status = kaon_fail(
        diag, KAON_INVALID, "column '%s' is '%s' in row %lld, which names no part; there are %s",
        c->name,
        c->label_count && value >= 0 ? c->labels[(int64_t)value] : kn_format_double(value, number),
        (long long)row, kn_text_get(&allowed));
    kn_text_fini(&allowed);
    return status;
}

static kaon_status parts_by_column(const kn_split_plan *plan, const kaon_table *table,
                                   int8_t *parts, kaon_diag *diag)
{
    double values[BLOCK];
    kaon_column c;
    const int64_t rows = kn_table_rows(table);
    KAON_TRY(single_column(table, plan->column, &c, diag));
    for (int64_t row = 0; row < rows; row++) {
        const int64_t at = row % BLOCK;
        if (at == 0)
            KAON_TRY(read_numbers(&c, row, rows - row < BLOCK ? rows - row : BLOCK, values, diag));
        parts[row] = (int8_t)part_of_value(plan, &c, values[at]);
        if (parts[row] == KN_FREE && plan->strict)
            return refuse_value(plan, &c, row, values[at], diag);
    }
    return KAON_OK;
}

static int32_t file_fits(const char *pattern, const char *path)
{
    return kn_pattern_fits(pattern, path) || kn_pattern_fits(pattern, kn_path_name(path));
}

// The part a file belongs to.
static kaon_status part_of_file(const kn_split_plan *plan, const char *path, int8_t *out,
                                kaon_diag *diag)
{
    *out = KN_FREE;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kaon_texts *names = &plan->spec.share[part].names;
        int32_t fits = 0;
        for (int64_t i = 0; i < names->count; i++)
            fits |= file_fits(names->at[i], path);
        if (fits && *out != KN_FREE)
            return kaon_fail(diag, KAON_INVALID, "%s is claimed by both %s and %s", path,
                             kn_part_text(*out), kn_part_text(part));
        *out = fits ? (int8_t)part : *out;
    }
    return KAON_OK;
}

static kaon_status check_patterns(const kn_split_plan *plan, const kn_row_files *files,
                                  kaon_diag *diag)
{
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kaon_texts *names = &plan->spec.share[part].names;
        for (int64_t i = 0; i < names->count; i++) {
            int32_t fits = 0;
            for (int64_t f = 0; f < files->count && !fits; f++)
                fits = file_fits(names->at[i], files->paths[f]);
            if (!fits)
                return kaon_fail(diag, KAON_NOT_FOUND,
                                 "none of the %lld files that were read is '%s' (%s)",
                                 (long long)files->count, names->at[i], kn_part_text(part));
        }
    }
    return KAON_OK;
}

static kaon_status parts_by_file(const kn_split_plan *plan, const kn_row_files *files,
                                 int8_t *parts, kaon_diag *diag)
{
    int64_t row = 0;
    KAON_TRY(check_patterns(plan, files, diag));
    for (int64_t f = 0; f < files->count; f++) {
        int8_t part;
        KAON_TRY(part_of_file(plan, files->paths[f], &part, diag));
        for (; row < files->ends[f]; row++)
            parts[row] = part;
    }
    return KAON_OK;
}

static kaon_status make_parts(const kn_split_plan *plan, const kaon_table *table,
                              const kn_row_files *files, kn_block *out, kaon_diag *diag)
{
    int32_t named = 0;
    for (int32_t part = 0; part < KN_PARTS; part++)
        named |= plan->spec.share[part].kind == KN_SHARE_NAMED;
    if (!named)
        return KAON_OK;
    const int64_t rows = kn_table_rows(table);
    KAON_TRY(take(table, 1, out, diag));
    memset(out->at, KN_FREE, (size_t)rows);
    return plan->column ? parts_by_column(plan, table, out->at, diag)
                        : parts_by_file(plan, files, out->at, diag);
}

/* --- classes and weights ---------------------------------------------------------------------- */

// Class numbers for a stratified split: rows without a class are left out later.
static kaon_status make_classes(const kaon_table *table, kn_block *out, kaon_diag *diag)
{
    kaon_column target = {.size = sizeof target};
    const int64_t rows = kn_table_rows(table);
    if (kn_table_column_of(table, KAON_ROLE_TARGET, &target) || target.view.dtype != KAON_I64)
        return kaon_fail(diag, KAON_INVALID, "a stratified split needs a target of classes");
    KAON_TRY(take(table, sizeof(int64_t), out, diag));
    int64_t *classes = out->at;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t number = ((const int64_t *)target.view.data)[i];
        classes[i] = number < 0 || number >= rows ? 0 : number;
    }
    return KAON_OK;
}

// Rows without a weight are left out later.
static kaon_status make_weights(const kaon_table *table, kn_block *out, kaon_diag *diag)
{
    kaon_column weight = {.size = sizeof weight};
    const int64_t rows = kn_table_rows(table);
    if (kn_table_column_of(table, KAON_ROLE_WEIGHT, &weight))
        return KAON_OK;
    KAON_TRY(take(table, sizeof(double), out, diag));
    double *weights = out->at;
    kn_convert(weight.view.dtype, weight.view.data, KAON_F64, weights, rows);
    for (int64_t i = 0; i < rows; i++)
        weights[i] = isfinite(weights[i]) ? weights[i] : 0;
    return KAON_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

kaon_status kn_split_facts_init(const kn_split_plan *plan, const kaon_table *table,
                                const kn_row_files *files, uint64_t seed, kn_split_facts *out,
                                kaon_diag *diag)
{
    *out = (kn_split_facts){0};
    kaon_status status = make_parts(plan, table, files, &out->parts, diag);
    if (!status && plan->key.count)
        status = make_keys(plan, table, seed, &out->keys, diag);
    if (!status && plan->spec.stratify)
        status = make_classes(table, &out->classes, diag);
    if (!status && plan->spec.stratify)
        status = make_weights(table, &out->weights, diag);
    out->rows = (kn_split_rows){kn_table_rows(table), out->classes.at, out->weights.at,
                                out->keys.at,         out->parts.at,   kn_table_spill_of(table)};
    if (status)
        kn_split_facts_fini(out);
    return status;
}

void kn_split_facts_fini(kn_split_facts *f)
{
    kn_block_free(&f->classes);
    kn_block_free(&f->weights);
    kn_block_free(&f->keys);
    kn_block_free(&f->parts);
    *f = (kn_split_facts){0};
}
