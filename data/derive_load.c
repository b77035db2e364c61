/* derive_load.c: columns of Arrow arrays as inputs of the programs of formulas. */
#include "data/derive_own.h"

#include "kernel/memory.h"

#include <math.h>
#include <string.h>

enum {
    MOST_ROWS = 16384,      // of a chunk: a column of it stays in the cache
    LEAST_ROWS = 64,        // shorter arrays are filled up to this many
    MOST_NUMBERS = 1 << 19, // of a chunk of padded lists
    MOST_ENTRIES = 1 << 24  // of a list
};

/* --- opening ------------------------------------------------------------------------ */

static kaon_status find_ends(kn_program_input *in, kaon_diag *diag)
{
    char *at = NULL;
    in->ends.bytes = 0;
    KAON_TRY(kn_buffer_extend(&in->ends, in->look.rows + 1, sizeof(int64_t), &at, diag));
    kn_arrow_offsets(&in->look, 0, in->look.rows, (int64_t *)(void *)at);
    return KAON_OK;
}

static const int64_t *ends_of(const kn_program_input *in)
{
    return (const int64_t *)(const void *)in->ends.at;
}

kaon_status kn_derive_open(kn_derive *d, const struct ArrowSchema *schema,
                           const struct ArrowArray *array, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_program_input *in = &d->inputs[i];
        const kn_symbol *known = in->known;
        kn_arrow_kind kind;
        char now[96], before[96];
        if (in->child < 0)
            continue;
        kaon_status status = kn_arrow_kind_of(schema->children[in->child], &kind, diag);
        if (!status && (kind.jagged != known->kind.jagged || kind.width != known->kind.width ||
                        kind.rank != known->kind.rank ||
                        (kind.dtype == KN_TEXT_COLUMN) != (known->kind.dtype == KN_TEXT_COLUMN)))
            status = kaon_fail(diag, KAON_INVALID, "it is %s here and %s in the first file",
                               kn_arrow_kind_text(&kind, now, sizeof now),
                               kn_arrow_kind_text(&known->kind, before, sizeof before));
        if (!status)
            status = kn_arrow_open(&kind, array->children[in->child], &in->look, diag);
        if (!status && in->look.rows != array->length)
            status = kaon_fail(diag, KAON_INTERNAL, "it has %lld rows of %lld",
                               (long long)in->look.rows, (long long)array->length);
        if (!status && kind.jagged)
            status = find_ends(in, diag);
        KAON_TRY(kaon_context(diag, status, "column '%s'", known->name));
    }
    return KAON_OK;
}

static int64_t power_of_two(int64_t least)
{
    int64_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

// Entries of the longest list of each lane among some rows.
static kaon_status measure_lanes(kn_derive *d, int64_t first, int64_t rows, kaon_diag *diag)
{
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].width = 1;
    for (int32_t i = 0; i < d->input_count; i++) {
        const kn_program_input *in = &d->inputs[i];
        if (!in->known->kind.jagged)
            continue;
        kn_lane_input *lane = &d->lanes[kn_derive_lane(d, in->known->lane)];
        const int64_t *ends = ends_of(in);
        for (int64_t row = first; row < first + rows; row++) {
            const int64_t length = ends[row + 1] - ends[row];
            if (length > MOST_ENTRIES)
                return kaon_fail(diag, KAON_UNSUPPORTED,
                                 "row %lld has %lld entries of '%s'; formulas take %d",
                                 (long long)(d->next_row + row), (long long)length, in->known->name,
                                 MOST_ENTRIES);
            lane->width = length > lane->width ? length : lane->width;
        }
    }
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].width = power_of_two(d->lanes[i].width);
    return KAON_OK;
}

// Rows of the next chunk: a power of two, fewer where lists are long.
kaon_status kn_derive_chunk(kn_derive *d, int64_t first, int64_t left, int64_t *rows,
                            kaon_diag *diag)
{
    int64_t n = power_of_two(left < MOST_ROWS ? left : MOST_ROWS), widest = 1;
    n = n < LEAST_ROWS ? LEAST_ROWS : n;
    KAON_TRY(measure_lanes(d, first, n < left ? n : left, diag));
    for (int32_t i = 0; i < d->lane_count; i++)
        widest = d->lanes[i].width > widest ? d->lanes[i].width : widest;
    while (n > 1 && n * widest > MOST_NUMBERS)
        n /= 2;
    *rows = n;
    return n < left ? measure_lanes(d, first, n, diag) : KAON_OK;
}

kaon_status kn_derive_room(kn_buffer *b, int64_t count, double **out, kaon_diag *diag)
{
    char *at = NULL;
    b->bytes = 0;
    KAON_TRY(kn_buffer_extend(b, count, sizeof **out, &at, diag));
    *out = (double *)(void *)at;
    return KAON_OK;
}

// Lists of one column side by side, each filled up with zeros to the width of its lane.
static kaon_status load_lists(kn_derive *d, kn_program_input *in, int64_t first, int64_t count,
                              int64_t rows, kaon_diag *diag)
{
    kn_lane_input *lane = &d->lanes[kn_derive_lane(d, in->known->lane)];
    const int64_t width = lane->width;
    const int32_t is_first = lane->lengths.bytes == 0;
    double *lengths = (double *)(void *)lane->lengths.at, *to = NULL, *from = NULL;
    const int64_t *ends = ends_of(in) + first;
    KAON_TRY(kn_derive_room(&in->flat, ends[count] - ends[0] + 1, &from, diag));
    kn_arrow_numbers(&in->look, ends[0], ends[count] - ends[0], KAON_F64, from);
    if (is_first) {
        KAON_TRY(kn_derive_room(&lane->lengths, rows, &lengths, diag));
        memset(lengths, 0, (size_t)rows * sizeof *lengths);
    }
    KAON_TRY(kn_derive_room(&in->block, rows * width, &to, diag));
    memset(to + count * width, 0, (size_t)((rows - count) * width) * sizeof *to);
    for (int64_t i = 0; i < count; i++) {
        const int64_t length = ends[i + 1] - ends[i];
        double *row = to + i * width;
        for (int64_t k = 0; k < length; k++)
            row[k] = *from++;
        for (int64_t k = length; k < width; k++)
            row[k] = 0;
        if (is_first)
            lengths[i] = (double)length;
        else if (lengths[i] != (double)length)
            return kaon_fail(
                diag, KAON_INVALID,
                "row %lld has %lld entries of '%s' and %lld of what it is combined with",
                (long long)(d->next_row + first + i), (long long)length, in->known->name,
                (long long)lengths[i]);
    }
    in->at = to;
    return KAON_OK;
}

static void load_equals(const kn_program_input *in, int64_t first, int64_t count, double *to)
{
    const size_t wanted = strlen(in->known->labels);
    for (int64_t i = 0; i < count; i++) {
        size_t bytes = 0;
        const char *text = kn_arrow_text(&in->look, first + i, &bytes);
        to[i] = bytes == wanted && !memcmp(text, in->known->labels, wanted);
        if (kn_arrow_is_null(&in->look, first + i))
            to[i] = NAN;
    }
}

static void load_own(const kn_derive *d, const kn_symbol *known, int64_t file, int64_t first,
                     int64_t count, double *to)
{
    const double weight = d->spec.weight_of ? d->spec.weight_of[file] : 1;
    for (int64_t i = 0; i < count; i++)
        to[i] = known->from == KN_FROM_ROW     ? (double)(d->next_row + first + i)
                : known->from == KN_FROM_CLASS ? (double)d->spec.class_of[file]
                                               : weight;
}

// Where the program can read the file's own memory, it does.
static const void *in_place(const kn_program_input *in, int64_t first, int64_t count, int64_t rows)
{
    const kn_arrow_look *look = &in->look;
    if (in->known->from != KN_FROM_FILE || look->kind.dtype != KAON_F64 || look->kind.jagged ||
        look->row_valid || look->leaf_valid || count < rows)
        return NULL;
    return (const double *)look->data + look->first + first * look->kind.width;
}

kaon_status kn_derive_load(kn_derive *d, int64_t file, int64_t first, int64_t count, int64_t rows,
                           kaon_diag *diag)
{
    for (int32_t i = 0; i < d->lane_count; i++)
        d->lanes[i].lengths.bytes = 0;
    for (int32_t i = 0; i < d->input_count; i++) {
        kn_program_input *in = &d->inputs[i];
        const kn_symbol *known = in->known;
        double *to = NULL;
        if (known->kind.jagged) {
            KAON_TRY(load_lists(d, in, first, count, rows, diag));
            continue;
        }
        in->at = in_place(in, first, count, rows);
        if (in->at)
            continue;
        const int64_t width = kn_derive_width(d, known);
        KAON_TRY(kn_derive_room(&in->block, rows * width, &to, diag));
        memset(to + count * width, 0, (size_t)((rows - count) * width) * sizeof *to);
        if (known->from == KN_FROM_FILE)
            kn_arrow_numbers(&in->look, first, count, KAON_F64, to);
        else if (known->from == KN_FROM_EQUALS)
            load_equals(in, first, count, to);
        else
            load_own(d, known, file, first, count, to);
        in->at = to;
    }
    return KAON_OK;
}
