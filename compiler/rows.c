/* rows.c: which steps treat the rows of a batch one by one, and the regions made of them.
 *
 * Levels. Steps that work on whole tensors have levels 0, 1, ..; regions have levels 1, 2, ..:
 *
 *     whole 0, regions 1, whole 1, regions 2, whole 2, ...
 *
 * A step by rows can stand in the region of a step it reads from if it reads the same rows it works
 * on; a sum over the rows is complete only after its region, so its readers come one level later.
 * All steps of a level that run over the same number of rows make one region. Where a value would
 * have to be kept for a later region anyway, the step that makes it moves there.
 */
#include "compiler/compile.h"

#include <string.h>

// What a core of today does in a second, for rough guesses.
#define FLOPS 50e9
#define BYTES 50e9

// Seconds of work below which a batch that fits in the cache is done in one piece.
#define WORTH_TILING 10e-6

/* --- one step --------------------------------------------------------------------------------- */

static void set_kinds(kn_step *s, int32_t inputs, int32_t outputs)
{
    memset(s->kinds, inputs, (size_t)s->input_count);
    memset(s->kinds + s->input_count, outputs, (size_t)s->output_count);
}

static int64_t leading(const kn_look *look)
{
    return look->rank ? look->shape[0] : 0;
}

static int64_t leading_out(const kn_compile *c, const kn_step *s)
{
    const kn_value *v = &c->values[s->outputs[0]];
    return v->rank ? v->shape[0] : 0;
}

// Kinds of an expression's inputs from `first` on, and of its results. 0: rows are reduced away.
static int64_t fused_rows(kn_step *s, int32_t first)
{
    const kn_fused *f = s->fused;
    for (int32_t i = first; i < s->input_count; i++)
        s->kinds[i] = f->rank && s->inputs[i].strides[0] ? KAON_OPERAND_ROWS : KAON_OPERAND_WHOLE;
    for (int32_t i = 0; i < f->result_count; i++) {
        const kn_result *r = &f->results[i];
        if (r->axes >= f->rank)
            return 0;
        s->kinds[s->input_count + i] = r->total ? KAON_OPERAND_TOTAL : KAON_OPERAND_ROWS;
        s->has_total |= r->total;
    }
    return f->rank ? f->shape[0] : 0;
}

static int64_t rows_each(kn_compile *c, kn_step *s)
{
    const int64_t rows = leading_out(c, s);
    set_kinds(s, KAON_OPERAND_ROWS, KAON_OPERAND_ROWS);
    for (int32_t i = 0; i < s->input_count; i++) {
        if (s->inputs[i].rank == 0)
            s->kinds[i] = KAON_OPERAND_WHOLE;
        else if (leading(&s->inputs[i]) != rows)
            return 0;
    }
    return rows;
}

static int64_t rows_first(kn_compile *c, kn_step *s)
{
    set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_ROWS);
    s->kinds[0] = KAON_OPERAND_ROWS;
    const int64_t rows = leading_out(c, s);
    return leading(&s->inputs[0]) == rows ? rows : 0;
}

static int64_t rows_axis(kn_compile *c, kn_step *s)
{
    return kn_attr_int(s->use, "axis", 0) == 0 ? 0 : rows_each(c, s);
}

static int64_t rows_gather(kn_compile *c, kn_step *s)
{
    if (kn_attr_int(s->use, "axis", 0) != 0)
        return rows_first(c, s);
    set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_ROWS);
    s->kinds[1] = KAON_OPERAND_ROWS;
    const int64_t rows = leading_out(c, s);
    return leading(&s->inputs[1]) == rows ? rows : 0;
}

static int64_t rows_matmul(kn_compile *c, kn_step *s)
{
    const kn_look *a = &s->inputs[0], *b = &s->inputs[1];
    if (a->rank < 2 || b->rank < 2 || b->rank > a->rank)
        return 0;
    const int64_t rows = a->shape[0];
    set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_ROWS);
    s->kinds[0] = KAON_OPERAND_ROWS;
    if (b->rank == a->rank && b->rank > 2 && b->shape[0] == rows && b->strides[0])
        s->kinds[1] = KAON_OPERAND_ROWS;
    if (s->fused && fused_rows(s, 2) != rows)
        return 0;
    return s->fused || leading_out(c, s) == rows ? rows : 0;
}

static int64_t rows_total(kn_compile *c, kn_step *s)
{
    (void)c;
    set_kinds(s, KAON_OPERAND_ROWS, KAON_OPERAND_TOTAL);
    s->has_total = 1;
    return leading(&s->inputs[0]) == leading(&s->inputs[1]) ? leading(&s->inputs[0]) : 0;
}

static int64_t rows_matrix(kn_compile *c, kn_step *s)
{
    for (int32_t i = 0; i < s->input_count; i++)
        if (s->inputs[i].rank < 3)
            return 0;
    return rows_each(c, s);
}

static int64_t rows_none(kn_compile *c, kn_step *s)
{
    (void)c;
    (void)s;
    return 0;
}

typedef int64_t rows_rule(kn_compile *c, kn_step *s);

static rows_rule *const rules[] = {
    [KN_ROWS_NONE] = rows_none,   [KN_ROWS_EACH] = rows_each,     [KN_ROWS_FIRST] = rows_first,
    [KN_ROWS_AXIS] = rows_axis,   [KN_ROWS_GATHER] = rows_gather, [KN_ROWS_MATMUL] = rows_matmul,
    [KN_ROWS_TOTAL] = rows_total, [KN_ROWS_MATRIX] = rows_matrix, [KN_ROWS_RANDOM] = rows_each,
};

void kn_row_kinds(kn_compile *c, kn_step *s)
{
    set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_WHOLE);
    s->has_total = s->contracts = 0;
    s->factor = 1;
    s->rows = 0;
    if (s->kind == KN_STEP_FUSED)
        s->rows = fused_rows(s, 0);
    else if (s->kind == KN_STEP_OP) // a composite works row by row if its kernel says it can
        s->rows = s->use->op ? rules[s->use->op->rows](c, s) : rows_each(c, s);
    if (s->rows < 2 || (s->kind == KN_STEP_OP && !kn_supported(c, s, s->rows))) {
        s->rows = 0;
        s->has_total = 0;
        set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_WHOLE);
    }
}

/* --- two steps -------------------------------------------------------------------------------- */

static int32_t row_axis_of(const kn_step *s, int32_t input)
{
    return input == 0 && s->contracts ? 1 : 0;
}

// 1 if input `i` reads, row by row, what a step over the same rows makes.
static int32_t reads_aligned(const kn_compile *c, const kn_step *s, int32_t i)
{
    const kn_value *v = &c->values[s->inputs[i].value];
    if (v->maker < 0 || v->is_total || s->kinds[i] != KAON_OPERAND_ROWS)
        return 0;
    const kn_step *maker = c->steps[v->maker];
    int64_t factor = 0;
    return maker->rows == s->rows &&
           kn_look_row_axis(&s->inputs[i], v, s->rows, &factor) == row_axis_of(s, i) &&
           factor == s->factor;
}

enum { ROWS_WORTH_SHARING = 8 }; // fewer would be too coarse for tiles

/* Batches of sequences: a step over (batch, time) as one axis has `factor` rows for each row of one
 * over batch alone. Both can share a region of batch rows if the one reads the other's rows in
 * order. */
static int32_t share_rows(const kn_compile *c, kn_step *s, int32_t i)
{
    const kn_value *v = &c->values[s->inputs[i].value];
    kn_step *maker = v->maker < 0 ? NULL : c->steps[v->maker];
    int64_t factor = 0;
    if (!maker || !maker->rows || maker->rows == s->rows || s->kinds[i] != KAON_OPERAND_ROWS ||
        v->is_total)
        return 0;
    kn_step *finer = maker->rows > s->rows ? maker : s;
    const int64_t rows = finer == s ? maker->rows : s->rows;
    const int64_t all = finer->rows * finer->factor;
    if (rows < ROWS_WORTH_SHARING || all % rows)
        return 0;
    if (kn_look_row_axis(&s->inputs[i], v, rows, &factor) != row_axis_of(s, i) ||
        factor != s->rows * s->factor / rows)
        return 0;
    finer->rows = rows;
    finer->factor = all / rows;
    return 1;
}

static void share_all_rows(const kn_compile *c)
{
    int32_t changed = 1;
    while (changed) { // each round makes some step coarser
        changed = 0;
        for (int32_t i = 0; i < c->step_count; i++)
            for (int32_t k = 0; c->steps[i]->rows && k < c->steps[i]->input_count; k++)
                changed |= share_rows(c, c->steps[i], k);
    }
}

// Rows at which a product would contract operand `i`, as the step that makes it has them; 0: none.
static int64_t rows_made(const kn_compile *c, const kn_step *s, int32_t i)
{
    const int32_t maker = c->values[s->inputs[i].value].maker;
    const int64_t all = s->inputs[1].shape[0];
    const int64_t rows = maker < 0 ? 0 : c->steps[maker]->rows;
    return rows > 1 && all % rows == 0 ? rows : 0;
}

// A product that contracts the rows of what a step by rows makes becomes a sum over these rows.
static void try_contract(kn_compile *c, kn_step *s)
{
    const kn_look *a = &s->inputs[0], *b = &s->inputs[1];
    if (s->kind != KN_STEP_OP || !s->use->op || s->use->op->rows != KN_ROWS_MATMUL || s->fused)
        return;
    if (a->rank != 2 || b->rank != 2 || b->shape[0] < 2)
        return;
    uint8_t kinds[3] = {KAON_OPERAND_ROWS, KAON_OPERAND_ROWS, KAON_OPERAND_TOTAL};
    for (int32_t i = 0; i < 2; i++) {
        kn_step trial = *s;
        trial.kinds = kinds;
        trial.rows = rows_made(c, s, i);
        trial.contracts = trial.has_total = 1;
        trial.factor = trial.rows ? b->shape[0] / trial.rows : 1;
        if (!trial.rows || !reads_aligned(c, &trial, i) || !kn_supported(c, &trial, trial.rows))
            continue;
        memcpy(s->kinds, kinds, sizeof kinds);
        s->rows = trial.rows;
        s->factor = trial.factor;
        s->contracts = s->has_total = 1;
        return;
    }
}

static void mark_totals(kn_compile *c, const kn_step *s)
{
    for (int32_t k = 0; k < s->output_count; k++)
        c->values[s->outputs[k]].is_total =
            s->rows && s->kinds[s->input_count + k] == KAON_OPERAND_TOTAL;
}

void kn_find_rows(kn_compile *c)
{
    for (int32_t i = 0; i < c->step_count; i++) {
        kn_row_kinds(c, c->steps[i]);
        mark_totals(c, c->steps[i]);
    }
    share_all_rows(c);
    for (int32_t i = 0; i < c->step_count; i++) {
        try_contract(c, c->steps[i]);
        mark_totals(c, c->steps[i]);
    }
}

// A step that shares its rows with no other gains nothing in a region, unless it is long enough to
// be shared among threads; as a whole step it delays nobody.
static kaon_status drop_lonely(kn_compile *c)
{
    uint8_t *has_company = kn_compile_take(c, (size_t)c->step_count, 1);
    if (!has_company)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->step_count; i++) {
        const kn_step *s = c->steps[i];
        for (int32_t k = 0; s->rows && k < s->input_count; k++)
            if (reads_aligned(c, s, k))
                has_company[i] = has_company[c->values[s->inputs[k].value].maker] = 1;
    }
    for (int32_t i = 0; i < c->step_count; i++) {
        kn_step *s = c->steps[i];
        const double work = kn_step_flops(c, s) / FLOPS + kn_step_bytes(c, s) / BYTES;
        if (has_company[i] || s->has_total || work > WORTH_TILING)
            continue;
        s->rows = 0;
        set_kinds(s, KAON_OPERAND_WHOLE, KAON_OPERAND_WHOLE);
    }
    return KAON_OK;
}

/* --- levels ----------------------------------------------------------------------------------- */

// The earliest level at which a step can read input `i`.
static int32_t level_after(const kn_compile *c, const kn_step *s, int32_t i)
{
    const kn_value *v = &c->values[s->inputs[i].value];
    if (v->maker < 0)
        return s->rows ? 1 : 0;
    const kn_step *maker = c->steps[v->maker];
    if (!s->rows)
        return maker->level;
    return reads_aligned(c, s, i) ? maker->level : maker->level + 1;
}

static int32_t set_earliest(kn_compile *c)
{
    int32_t top = 0;
    for (int32_t i = 0; i < c->step_count; i++) {
        kn_step *s = c->steps[i];
        s->level = s->rows ? 1 : 0;
        for (int32_t k = 0; k < s->input_count; k++) {
            const int32_t level = level_after(c, s, k);
            s->level = level > s->level ? level : s->level;
        }
        top = s->level > top ? s->level : top;
    }
    return top;
}

// The latest level at which input `i` of a step must be there.
static int32_t level_before(const kn_compile *c, const kn_step *s, int32_t i)
{
    const kn_step *maker = c->steps[c->values[s->inputs[i].value].maker];
    if (!s->rows)
        return s->level;
    return maker->rows && reads_aligned(c, s, i) ? s->level : s->level - 1;
}

// 1 if moving a step by rows up keeps no more for later than leaving it does.
static int32_t pays_to_move(const kn_compile *c, const kn_step *s, int32_t level)
{
    uint64_t kept = 0, needed = 0;
    for (int32_t i = 0; i < s->output_count; i++)
        kept += c->values[s->outputs[i]].bytes;
    for (int32_t i = 0; i < s->input_count; i++) {
        const kn_value *v = &c->values[s->inputs[i].value];
        const kn_step *maker = v->maker < 0 ? NULL : c->steps[v->maker];
        if (maker && maker->rows && maker->level < level && reads_aligned(c, s, i))
            needed += v->readers > 1 ? 0 : v->bytes;
    }
    return needed <= kept;
}

// Latest levels, from the last step down. `limit` is per step.
static void set_latest(kn_compile *c, int32_t top, int32_t *limit)
{
    for (int32_t i = 0; i < c->step_count; i++)
        limit[i] = top;
    for (int32_t i = c->step_count - 1; i >= 0; i--) {
        kn_step *s = c->steps[i];
        if (limit[i] > s->level && (!s->rows || pays_to_move(c, s, limit[i])))
            s->level = limit[i];
        for (int32_t k = 0; k < s->input_count; k++) {
            const int32_t maker = c->values[s->inputs[k].value].maker;
            if (maker < 0)
                continue;
            const int32_t level = level_before(c, s, k);
            limit[maker] = level < limit[maker] ? level : limit[maker];
        }
    }
}

/* --- regions ---------------------------------------------------------------------------------- */

double kn_step_flops(const kn_compile *c, const kn_step *s)
{
    double flops = 0;
    if (s->fused)
        flops +=
            (double)s->fused->code_count * (double)kn_shape_count(s->fused->rank, s->fused->shape);
    if (s->kind != KN_STEP_OP || !s->use->op)
        return flops;
    const kn_node *out = &s->use->outputs[0];
    const kn_node *a = s->use->inputs ? s->use->inputs[0] : out;
    if (s->use->op->rows == KN_ROWS_MATMUL)
        return flops + 2 * (double)kn_node_count(out) * (double)a->shape[a->rank ? a->rank - 1 : 0];
    if (s->use->op->rows == KN_ROWS_FIRST && s->input_count > 1) {
        const kn_node *w = s->use->inputs[1];
        const double larger =
            (double)(kn_node_count(out) > kn_node_count(a) ? kn_node_count(a) : kn_node_count(out));
        return flops +
               2 * larger * (double)kn_node_count(w) / (double)(w->shape[0] ? w->shape[0] : 1);
    }
    (void)c;
    return flops + (double)kn_node_count(out);
}

double kn_step_bytes(const kn_compile *c, const kn_step *s)
{
    double bytes = 0;
    for (int32_t i = 0; i < s->input_count; i++) {
        const double look = (double)kn_shape_count(s->inputs[i].rank, s->inputs[i].shape) *
                            (double)kaon_dtype_bytes(c->values[s->inputs[i].value].dtype);
        const double whole = (double)c->values[s->inputs[i].value].bytes;
        bytes += look < whole ? look : whole;
    }
    for (int32_t i = 0; i < s->output_count; i++)
        bytes += (double)c->values[s->outputs[i]].bytes;
    return bytes;
}

typedef struct {
    uint64_t whole;   // bytes all tiles share
    uint64_t per_row; // bytes of one row, at the step where most are alive
} footprint;

static int32_t operand_value(const kn_step *s, int32_t k)
{
    return k < s->input_count ? s->inputs[k].value : s->outputs[k - s->input_count];
}

// The place in order of the last step of the region that touches each value.
static void find_last_touches(const kn_compile *c, const kn_region *r, int32_t *last)
{
    for (int32_t i = 0; i < c->value_count; i++)
        last[i] = -1;
    for (int32_t i = r->first; i < r->first + r->count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; k < s->input_count + s->output_count; k++)
            last[operand_value(s, k)] = i;
    }
}

static footprint measure(const kn_compile *c, const kn_region *r, int32_t *last)
{
    footprint f = {0, 0};
    uint64_t alive = 0;
    find_last_touches(c, r, last);
    for (int32_t i = r->first; i < r->first + r->count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        uint64_t over = 0; // alive until this step
        for (int32_t k = 0; k < s->input_count + s->output_count; k++) {
            const kn_value *v = &c->values[operand_value(s, k)];
            const uint64_t row = v->bytes / (uint64_t)r->rows + 1;
            const int32_t is_row = s->kinds[k] == KAON_OPERAND_ROWS;
            const int32_t is_made =
                k >= s->input_count || v->maker < 0 || c->steps[v->maker]->region != s->region;
            if (is_row && is_made && last[v->id] >= 0)
                alive += row;
            else if (!is_row)
                f.whole += v->bytes;
            if (is_row && last[v->id] == i) {
                over += row;
                last[v->id] = -1;
            }
        }
        f.per_row = alive > f.per_row ? alive : f.per_row;
        alive -= over < alive ? over : alive;
    }
    f.per_row += f.per_row == 0;
    return f;
}

static int64_t power_below(uint64_t n)
{
    int64_t power = 1;
    while ((uint64_t)power * 2 <= n)
        power *= 2;
    return power;
}

enum {
    ROWS_AT_LEAST = 32,    // below that a product reads its weights too often
    ROWS_HEAVY = 256,      // the same where the weights do not stay in the cache
    ROWS_OF_IMAGES = 4,    // the fewest
    ROOM_HEAVY = 16 << 20, // bytes of such tiles at most
    TILES_WANTED = 2,      // so that a batch can be shared
    MAX_PIECES = 256,      // chunks without totals
    MAX_CHUNKS = 16        // partial totals; also the most lanes that can share such a batch
};

// Fewer rows where a row is so large that a product reads little else.
static int64_t least_rows(footprint f, uint64_t cache)
{
    const int32_t is_heavy = f.whole > cache / 2;
    const uint64_t room = is_heavy ? ROOM_HEAVY : 2 * cache;
    int64_t rows = is_heavy ? ROWS_HEAVY : ROWS_AT_LEAST;
    while (rows > ROWS_OF_IMAGES && f.per_row * (uint64_t)rows > room)
        rows /= 2;
    return rows;
}

// Tile and chunk sizes follow from the program and the device alone, never from the number of
// threads: they decide the order in which sums are added.
static void size_tiles(kn_compile *c, kn_region *r, int32_t *last)
{
    const uint64_t cache = c->device->facts.tile_bytes;
    const footprint f = measure(c, r, last);
    r->tile_rows = r->rows;
    const int32_t is_small =
        r->work < WORTH_TILING && f.whole + f.per_row * (uint64_t)r->rows < cache;
    if (cache && !is_small) {
        const uint64_t room = f.whole < cache / 2 ? cache - f.whole : cache / 2;
        const int64_t least = least_rows(f, cache);
        const int64_t fits = power_below(room / f.per_row + 1);
        const int64_t shared = power_below((uint64_t)(r->rows + TILES_WANTED - 1) / TILES_WANTED);
        r->tile_rows = fits < shared ? fits : shared;
        r->tile_rows = r->tile_rows < least ? least : r->tile_rows;
        r->tile_rows = r->tile_rows < r->rows ? r->tile_rows : r->rows;
    }
    r->tiles = (r->rows + r->tile_rows - 1) / r->tile_rows;
    const int64_t most = r->has_totals ? MAX_CHUNKS : MAX_PIECES;
    r->chunks = r->tiles < most ? r->tiles : most;
}

static void finish_region(kn_compile *c, kn_region *r, int32_t *last)
{
    double flops = 0, bytes = 0;
    r->has_totals = 0;
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = c->steps[c->order[r->first + i]];
        flops += kn_step_flops(c, s);
        bytes += kn_step_bytes(c, s);
        r->has_totals |= s->has_total;
    }
    r->work = flops / FLOPS + bytes / BYTES;
    size_tiles(c, r, last);
}

// A lone step is the backend's to split, and one tile needs no tiling.
static int32_t is_worth(const kn_compile *c, const kn_region *r)
{
    return r->tiles > 1 && (r->count > 1 || c->steps[c->order[r->first]]->has_total);
}

/* --- order ------------------------------------------------------------------------------------ */

static void place_step(kn_compile *c, kn_step *s, int32_t region)
{
    s->order = c->order_count;
    s->region = region;
    c->order[c->order_count++] = s->id;
}

static void place_whole(kn_compile *c, int32_t level)
{
    for (int32_t i = 0; i < c->step_count; i++)
        if (!c->steps[i]->rows && c->steps[i]->level == level)
            place_step(c, c->steps[i], -1);
}

// One region of all steps of this level over as many rows as `first`.
static void place_region(kn_compile *c, const kn_step *first, uint8_t *placed, int32_t *last)
{
    kn_region *r = &c->regions[c->region_count];
    *r = (kn_region){.first = c->order_count, .rows = first->rows};
    for (int32_t i = first->id; i < c->step_count; i++) {
        kn_step *s = c->steps[i];
        if (placed[i] || s->rows != first->rows || s->level != first->level)
            continue;
        placed[i] = 1;
        place_step(c, s, c->region_count);
        r->count++;
    }
    finish_region(c, r, last);
    if (is_worth(c, r)) {
        c->region_count++;
        return;
    }
    for (int32_t i = 0; i < r->count; i++)
        c->steps[c->order[r->first + i]]->region = -1;
}

static kaon_status place_all(kn_compile *c, int32_t top)
{
    uint8_t *placed = kn_compile_take(c, (size_t)c->step_count, 1);
    int32_t *last = kn_compile_take(c, (size_t)c->value_count, sizeof *last);
    c->order = kn_compile_take(c, (size_t)c->step_count, sizeof *c->order);
    c->regions = kn_compile_take(c, (size_t)c->step_count + 1, sizeof *c->regions);
    if (!placed || !last || !c->order || !c->regions)
        return KAON_NO_MEMORY;
    c->order_count = c->region_count = 0;
    for (int32_t level = 0; level <= top; level++) {
        for (int32_t i = 0; i < c->step_count; i++)
            if (!placed[i] && c->steps[i]->rows && c->steps[i]->level == level)
                place_region(c, c->steps[i], placed, last);
        place_whole(c, level);
    }
    return KAON_OK;
}

/* Finds regions and puts all steps in order. */
kaon_status kn_rows(kn_compile *c)
{
    kn_find_rows(c);
    KAON_TRY(kn_improve_products(c));
    KAON_TRY(drop_lonely(c));
    const int32_t top = set_earliest(c);
    int32_t *limit = kn_compile_take(c, (size_t)c->step_count, sizeof *limit);
    if (!limit)
        return KAON_NO_MEMORY;
    set_latest(c, top, limit);
    return place_all(c, top);
}
