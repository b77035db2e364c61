/* split.c: which rows train, which stop the training, which judge it. */
#include "data/split.h"

#include "data/shuffle.h"
#include "kernel/memory.h"

#include <math.h>
#include <string.h>

// ORDER part
static const char *const part_texts[KN_PARTS] = {"train", "validation", "test"};

const char *kn_part_text(int32_t part)
{
    return part >= 0 && part < KN_PARTS ? part_texts[part] : "?";
}

/* --- ranges and every k-th -------------------------------------------------------------------- */

static kaon_status claim(int8_t *part_of, int64_t row, int32_t part, kaon_diag *diag)
{
    if (part_of[row] != KN_FREE)
        return kaon_fail(diag, KAON_INVALID, "row %lld is claimed by both %s and %s",
                         (long long)row, kn_part_text(part_of[row]), kn_part_text(part));
    part_of[row] = (int8_t)part;
    return KAON_OK;
}

static kaon_status claim_rows(const kn_split_spec *spec, const kn_split_rows *rows, int8_t *part_of,
                              kaon_diag *diag)
{
    if (rows->parts)
        memcpy(part_of, rows->parts, (size_t)rows->count);
    else
        memset(part_of, KN_FREE, (size_t)rows->count);
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kn_share *share = &spec->share[part];
        if (share->kind != KN_SHARE_RANGE)
            continue;
        const int64_t last = share->last < 0 ? rows->count : share->last;
        if (share->first < 0 || share->first > last || last > rows->count)
            return kaon_fail(diag, KAON_INVALID, "%s takes rows %lld..%lld of %lld",
                             kn_part_text(part), (long long)share->first, (long long)last,
                             (long long)rows->count);
        for (int64_t row = share->first; row < last; row++)
            KAON_TRY(claim(part_of, row, part, diag));
    }
    for (int64_t row = 0; spec->every > 0 && row < rows->count; row += spec->every)
        KAON_TRY(claim(part_of, row, KN_TEST, diag));
    return KAON_OK;
}

/* --- cuts ------------------------------------------------------------------------------------- */

// The free rows in some order from 0 to 1: up to here they belong to this part.
typedef struct cut {
    double upto;
    int32_t part; // or KN_FREE
} cut;

typedef struct cuts {
    cut at[KN_PARTS + 2];
    int32_t count;
} cuts;

static void add_cut(cuts *c, double upto, int32_t part)
{
    c->at[c->count++] = (cut){upto, part};
}

static kaon_status cut_parts(const kn_split_spec *spec, cuts *out, kaon_diag *diag)
{
    double sum = 0;
    int32_t rest = KN_FREE;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        const kn_share *share = &spec->share[part];
        if (share->kind == KN_SHARE_REST && rest != KN_FREE)
            return kaon_fail(diag, KAON_INVALID, "%s and %s cannot both take the rest",
                             kn_part_text(rest), kn_part_text(part));
        if (share->kind == KN_SHARE_REST)
            rest = part;
        if (share->kind != KN_SHARE_FRACTION)
            continue;
        if (!(share->fraction >= 0 && share->fraction <= 1))
            return kaon_fail(diag, KAON_INVALID, "%s takes %g of the rows; it must be 0 to 1",
                             kn_part_text(part), share->fraction);
        sum += share->fraction;
        add_cut(out, sum, part);
    }
    if (sum > 1 + 1e-9)
        return kaon_fail(diag, KAON_INVALID, "the parts take %g of the rows, more than all", sum);
    add_cut(out, INFINITY, rest);
    return KAON_OK;
}

/* The validation rows of a fold are those that follow it, round the end if need be: no second draw,
 * and keys and classes are held together there, too. */
static kaon_status cut_fold(const kn_split_spec *spec, cuts *out, kaon_diag *diag)
{
    const double k = (double)spec->folds, first = (double)spec->fold / k;
    const double last = (double)(spec->fold + 1) / k;
    const double end = last + spec->share[KN_VALIDATION].fraction * (1 - 1 / k);
    if (spec->folds < 2 || spec->fold < 0 || spec->fold >= spec->folds)
        return kaon_fail(diag, KAON_INVALID, "fold %lld of %lld; there must be 2 or more",
                         (long long)spec->fold + 1, (long long)spec->folds);
    if (end > 1)
        add_cut(out, end - 1, KN_VALIDATION);
    add_cut(out, first, KN_TRAIN);
    add_cut(out, last, KN_TEST);
    if (end <= 1)
        add_cut(out, end, KN_VALIDATION);
    add_cut(out, INFINITY, end > 1 ? KN_VALIDATION : KN_TRAIN);
    return KAON_OK;
}

/* --- fractions -------------------------------------------------------------------------------- */

// A list of rows in some order, cut by their number.
static void share_by_count(const cuts *c, const uint32_t *order, const int64_t *list, int64_t count,
                           int8_t *part_of)
{
    int64_t at = 0;
    for (int32_t i = 0; i < c->count; i++) {
        const double upto = c->at[i].upto * (double)count;
        const int64_t end = upto < (double)count ? llround(upto) : count;
        for (; at < end; at++)
            part_of[list[order ? order[at] : at]] = (int8_t)c->at[i].part;
    }
}

// The same, cut by weight: a row belongs where the middle of its weight lies.
static void share_by_weight(const cuts *c, const uint32_t *order, const int64_t *list,
                            int64_t count, const double *weights, int8_t *part_of)
{
    double total = 0, before = 0;
    int32_t i = 0;
    for (int64_t at = 0; at < count; at++)
        total += fabs(weights[list[at]]);
    if (!(total > 0)) {
        share_by_count(c, order, list, count, part_of);
        return;
    }
    for (int64_t at = 0; at < count; at++) {
        const int64_t row = list[order ? order[at] : at];
        const double own = fabs(weights[row]);
        while (before + own / 2 > c->at[i].upto * total && i + 1 < c->count)
            i++;
        part_of[row] = (int8_t)c->at[i].part;
        before += own;
    }
}

// Rows of one key have one hash, and so one part, whatever else the files hold.
static void share_by_key(const cuts *c, const kn_split_rows *rows, int8_t *part_of)
{
    for (int64_t row = 0; row < rows->count; row++) {
        const double place = (double)(rows->keys[row] >> 11) * 0x1p-53; // 0 <= place < 1
        int32_t i = 0;
        while (place >= c->at[i].upto)
            i++;
        if (part_of[row] == KN_FREE)
            part_of[row] = (int8_t)c->at[i].part;
    }
}

// The free rows, those of one class after those of another if asked, and where each class ends.
typedef struct strata {
    int64_t *list; // the memory of `block`
    kn_block block;
    int64_t *ends;
    int64_t count; // of classes, or 1
} strata;

static void strata_fini(strata *s)
{
    kn_block_free(&s->block);
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
    s->ends = kn_alloc_array((size_t)s->count + 1, sizeof *s->ends);
    if (!s->ends)
        return kn_no_memory(diag, "a split");
    KAON_TRY(kn_block_resize(&s->block, (size_t)rows * sizeof *s->list, "a split", diag));
    s->list = s->block.at;
    // A counting sort, which keeps the file order within a class.
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] == KN_FREE)
            s->ends[(classes ? classes[i] : 0) + 1]++;
    for (int64_t c = 0; c < s->count; c++)
        s->ends[c + 1] += s->ends[c];
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] == KN_FREE)
            s->list[s->ends[classes ? classes[i] : 0]++] = i;
    return KAON_OK;
}

static kaon_status share_by_place(const kn_split_spec *spec, const cuts *c,
                                  const kn_split_rows *rows, int8_t *part_of, kaon_diag *diag)
{
    strata s = {.block.spill = rows->spill};
    kn_block drawn = {.spill = rows->spill};
    const double *weights = spec->stratify ? rows->weights : NULL;
    if (spec->shuffle && rows->count > UINT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld rows to shuffle; at most 2^32 - 1 can be",
                         (long long)rows->count);
    kaon_status status =
        strata_make(part_of, rows->count, spec->stratify ? rows->classes : NULL, &s, diag);
    if (!status && spec->shuffle)
        status = kn_block_resize(&drawn, (size_t)rows->count * sizeof(uint32_t), "a split", diag);
    uint32_t *order = drawn.at;
    for (int64_t k = 0; !status && k < s.count; k++) {
        const int64_t first = k ? s.ends[k - 1] : 0, count = s.ends[k] - first;
        if (order) // epochs -1, -2 ...: no order of training is one of these
            kn_shuffle(spec->seed, -1 - k, count, order);
        if (weights)
            share_by_weight(c, order, s.list + first, count, weights, part_of);
        else
            share_by_count(c, order, s.list + first, count, part_of);
    }
    kn_block_free(&drawn);
    strata_fini(&s);
    return status;
}

static kaon_status share_free_rows(const kn_split_spec *spec, const kn_split_rows *rows,
                                   int8_t *part_of, kaon_diag *diag)
{
    cuts c = {.count = 0};
    KAON_TRY(spec->folds ? cut_fold(spec, &c, diag) : cut_parts(spec, &c, diag));
    if (!rows->keys)
        return share_by_place(spec, &c, rows, part_of, diag);
    share_by_key(&c, rows, part_of);
    return KAON_OK;
}

/* --- lists ------------------------------------------------------------------------------------ */

static kaon_status make_lists(const int8_t *part_of, int64_t rows, kn_spill *spill, kn_split *out,
                              kaon_diag *diag)
{
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] != KN_FREE)
            out->count[part_of[i]]++;
    for (int32_t part = 0; part < KN_PARTS; part++) {
        if (!out->count[part])
            continue;
        kn_block *block = &out->block[part];
        block->spill = spill;
        KAON_TRY(kn_block_resize(block, (size_t)out->count[part] * sizeof *out->rows[part],
                                 "a split", diag));
        out->rows[part] = block->at;
        out->count[part] = 0;
    }
    for (int64_t i = 0; i < rows; i++)
        if (part_of[i] != KN_FREE)
            out->rows[part_of[i]][out->count[part_of[i]]++] = i;
    return KAON_OK;
}

kaon_status kn_split_make(const kn_split_spec *spec, const kn_split_rows *rows, kn_split *out,
                          kaon_diag *diag)
{
    memset(out, 0, sizeof *out);
    kn_block parts = {.spill = rows->spill};
    KAON_TRY(kn_block_resize(&parts, (size_t)rows->count, "a split", diag));
    int8_t *part_of = parts.at;
    kaon_status status = claim_rows(spec, rows, part_of, diag);
    if (!status)
        status = share_free_rows(spec, rows, part_of, diag);
    if (!status)
        status = make_lists(part_of, rows->count, rows->spill, out, diag);
    kn_block_free(&parts);
    if (status)
        kn_split_fini(out);
    return status;
}

void kn_split_fini(kn_split *split)
{
    for (int32_t part = 0; part < KN_PARTS; part++)
        kn_block_free(&split->block[part]);
    memset(split, 0, sizeof *split);
}
