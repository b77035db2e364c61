/* split.c: which rows train, which stop the training, which judge it. */
#include "data/split.h"

#include "data/batches.h"
#include "kernel/memory.h"

#include <math.h>
#include <string.h>

enum { FREE = -1 };

// ORDER part
static const char *const part_texts[KN_PARTS] = {"train", "validation", "test"};

const char *kn_part_text(int32_t part)
{
    return part >= 0 && part < KN_PARTS ? part_texts[part] : "?";
}

/* --- ranges and every k-th -------------------------------------------------------------------- */

static kaon_status claim(int8_t *part_of, int64_t row, int32_t part, kaon_diag *diag)
{
    if (part_of[row] != FREE)
        return kaon_fail(diag, KAON_INVALID, "row %lld is claimed by both %s and %s",
                         (long long)row, kn_part_text(part_of[row]), kn_part_text(part));
    part_of[row] = (int8_t)part;
    return KAON_OK;
}

static kaon_status claim_ranges(const kn_split_spec *spec, int64_t rows, int8_t *part_of,
                                kaon_diag *diag)
{
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kn_share *share = &spec->share[part];
        if (share->kind != KN_SHARE_RANGE)
            continue;
        const int64_t last = share->last < 0 ? rows : share->last;
        if (share->first < 0 || share->first > last || last > rows)
            return kaon_fail(diag, KAON_INVALID, "%s takes rows %lld..%lld of %lld",
                             kn_part_text(part), (long long)share->first, (long long)last,
                             (long long)rows);
        for (int64_t row = share->first; row < last; row++)
            KAON_TRY(claim(part_of, row, part, diag));
    }
    for (int64_t row = 0; spec->every > 0 && row < rows; row += spec->every)
        KAON_TRY(claim(part_of, row, KN_TEST, diag));
    return KAON_OK;
}

/* --- fractions -------------------------------------------------------------------------------- */

typedef struct share_out {
    double upto[KN_PARTS + 1]; // fractions added up
    int32_t rest;              // part of what is left, or FREE
} share_out;

static kaon_status add_fractions(const kn_split_spec *spec, share_out *out, kaon_diag *diag)
{
    double sum = 0;
    out->rest = FREE;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kn_share *share = &spec->share[part];
        if (share->kind == KN_SHARE_REST && out->rest != FREE)
            return kaon_fail(diag, KAON_INVALID, "%s and %s cannot both take the rest",
                             kn_part_text(out->rest), kn_part_text(part));
        if (share->kind == KN_SHARE_REST)
            out->rest = part;
        if (share->kind == KN_SHARE_FRACTION && !(share->fraction >= 0 && share->fraction <= 1))
            return kaon_fail(diag, KAON_INVALID, "%s takes %g of the rows; it must be 0 to 1",
                             kn_part_text(part), share->fraction);
        sum += share->kind == KN_SHARE_FRACTION ? share->fraction : 0;
        out->upto[part + 1] = sum;
    }
    if (sum > 1 + 1e-9)
        return kaon_fail(diag, KAON_INVALID, "the parts take %g of the rows, more than all", sum);
    return KAON_OK;
}

// Gives a list of rows to the parts, one stretch each.
static void share_list(const share_out *shares, const uint32_t *order, const int64_t *list,
                       int64_t count, int8_t *part_of)
{
    int64_t at = 0;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const int64_t end = llround(shares->upto[part + 1] * (double)count);
        for (; at < end && at < count; at++)
            part_of[list[order ? order[at] : at]] = (int8_t)part;
    }
    for (; at < count; at++)
        part_of[list[order ? order[at] : at]] = (int8_t)shares->rest;
}

// The free rows, those of one class after those of another if asked, and where each class ends.
typedef struct strata {
    int64_t *list;
    int64_t *ends;
    int64_t count; // of classes, or 1
} strata;

static void strata_fini(strata *s)
{
    kn_free(s->list);
    kn_free(s->ends);
}

static kaon_status strata_make(const int8_t *part_of, int64_t rows, const int64_t *classes,
                               strata *s, kaon_diag *diag)
{
    int64_t most = 0;
    for (int64_t i = 0; classes && i < rows; i++) {
        if (classes[i] < 0 || classes[i] >= rows)
            return kaon_fail(diag, KAON_INVALID, "row %lld has the class %lld", (long long)i,
                             (long long)classes[i]);
        most = classes[i] > most ? classes[i] : most;
    }
    s->count = most + 1;
    s->list = kn_alloc_array((size_t)rows, sizeof *s->list);
    s->ends = kn_alloc_array((size_t)s->count + 1, sizeof *s->ends);
    if (!s->list || !s->ends)
        return kn_no_memory(diag, "a split");
    // A counting sort, which keeps the file order within a class.
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] == FREE)
            s->ends[(classes ? classes[i] : 0) + 1]++;
    for (int64_t c = 0; c < s->count; c++)
        s->ends[c + 1] += s->ends[c];
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] == FREE)
            s->list[s->ends[classes ? classes[i] : 0]++] = i;
    return KAON_OK;
}

static kaon_status share_free_rows(const kn_split_spec *spec, int64_t rows, const int64_t *classes,
                                   int8_t *part_of, kaon_diag *diag)
{
    share_out shares = {.upto = {0}};
    strata s = {0};
    uint32_t *order = NULL;
    KAON_TRY(add_fractions(spec, &shares, diag));
    if (spec->shuffle && rows > UINT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld rows to shuffle; at most 2^32 - 1 can be",
                         (long long)rows);
    kaon_status status = strata_make(part_of, rows, spec->stratify ? classes : NULL, &s, diag);
    if (!status && spec->shuffle && !(order = kn_alloc_array((size_t)rows, sizeof *order)))
        status = kn_no_memory(diag, "a split");
    for (int64_t c = 0; !status && c < s.count; c++) {
        const int64_t first = c ? s.ends[c - 1] : 0, count = s.ends[c] - first;
        if (order) // epochs -1, -2 ...: no order of training is one of these
            kn_shuffle(spec->seed, -1 - c, count, order);
        share_list(&shares, order, s.list + first, count, part_of);
    }
    kn_free(order);
    strata_fini(&s);
    return status;
}

/* --- lists ------------------------------------------------------------------------------------ */

static kaon_status make_lists(const int8_t *part_of, int64_t rows, kn_split *out, kaon_diag *diag)
{
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] != FREE)
            out->count[part_of[i]]++;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        if (!out->count[part])
            continue;
        out->rows[part] = kn_alloc_array((size_t)out->count[part], sizeof *out->rows[part]);
        if (!out->rows[part])
            return kn_no_memory(diag, "a split");
        out->count[part] = 0;
    }
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] != FREE)
            out->rows[part_of[i]][out->count[part_of[i]]++] = i;
    return KAON_OK;
}

kaon_status kn_split_make(const kn_split_spec *spec, int64_t rows, const int64_t *classes,
                          kn_split *out, kaon_diag *diag)
{
    memset(out, 0, sizeof *out);
    int8_t *part_of = kn_alloc((size_t)rows);
    if (!part_of)
        return kn_no_memory(diag, "a split");
    memset(part_of, FREE, (size_t)rows);
    kaon_status status = claim_ranges(spec, rows, part_of, diag);
    if (!status)
        status = share_free_rows(spec, rows, classes, part_of, diag);
    if (!status)
        status = make_lists(part_of, rows, out, diag);
    kn_free(part_of);
    if (status)
        kn_split_fini(out);
    return status;
}

void kn_split_fini(kn_split *split)
{
    for (int32_t part = 0; part < KN_PARTS; part++)
        kn_free(split->rows[part]);
    memset(split, 0, sizeof *split);
}
