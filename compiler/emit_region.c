/* emit_region.c: the part of a program that is done tile by tile, and the sums over its chunks. */
#include "compiler/emit.h"

#include "kernel/pool.h"

#include <string.h>

// Below this a region is done by the caller alone: waking others costs more. Seconds.
#define WORTH_SHARING 30e-6

int32_t kn_region_shared(const kn_compile *c, const kn_region *r)
{
    return r->work > WORTH_SHARING && r->chunks > 1 && kn_pool_lanes(c->kernel->pool) > 1;
}

/* --- sums over chunks ------------------------------------------------------------------------- */

/* Partial totals of one block, or of one value that lies alone, are added up by one launch. */
typedef struct {
    int32_t value; // one of the group
    int32_t block; // -1: the value alone
    int32_t dtype;
    uint64_t bytes;
    uint64_t partial_at;
} sum_group;

static int32_t first_of_block(const kn_compile *c, const kn_value *v)
{
    for (int32_t i = 0; i < v->id; i++)
        if (c->values[i].block == v->block)
            return 0;
    return 1;
}

static int32_t sum_groups(const kn_compile *c, const kn_region *r, sum_group *groups)
{
    int32_t count = 0;
    for (int32_t i = r->first; r->chunks > 1 && i < r->first + r->count; i++) {
        const kn_step *s = c->steps[c->order[i]];
        for (int32_t k = 0; k < s->output_count; k++) {
            const kn_value *v = &c->values[s->outputs[k]];
            if (!v->is_total || (v->block >= 0 && !first_of_block(c, v)))
                continue;
            const kn_block *b = v->block >= 0 ? &c->blocks[v->block] : NULL;
            groups[count++] = (sum_group){.value = v->id,
                                          .block = v->block,
                                          .dtype = v->dtype,
                                          .bytes = b ? b->bytes : v->bytes,
                                          .partial_at = b ? b->partial_at : v->partial_at};
        }
    }
    return count;
}

// One vector from `chunks` vectors, added from the first to the last.
static kaon_status prepare_sum(kn_emitter *e, const sum_group *g, int32_t chunks)
{
    kn_compile *c = e->c;
    kaon_operand *operands = kn_compile_take(c, (size_t)chunks + 1, sizeof *operands);
    kaon_instruction *code = kn_compile_take(c, (size_t)chunks, sizeof *code);
    if (!operands || !code)
        return KAON_NO_MEMORY;
    const int64_t count = (int64_t)(g->bytes / kaon_dtype_bytes(g->dtype));
    for (int32_t i = 0; i <= chunks; i++)
        operands[i] = (kaon_operand){.size = sizeof *operands,
                                     .dtype = g->dtype,
                                     .rank = 1,
                                     .shape = {count},
                                     .strides = {1}};
    for (int32_t i = 1; i < chunks; i++)
        code[i - 1] = (kaon_instruction){
            .op = KAON_X_ADD, .dtype = g->dtype, .a = i == 1 ? 0 : chunks + i - 2, .b = i};
    const kaon_result result = {.from = 2 * chunks - 2, .how = KAON_STORE};
    const kaon_expression expression = {.size = sizeof expression,
                                        .rank = 1,
                                        .shape = {count},
                                        .input_count = chunks,
                                        .code_count = chunks - 1,
                                        .result_count = 1,
                                        .code_stride = sizeof *code,
                                        .code = code,
                                        .results = &result,
                                        .result_stride = sizeof result};
    const kaon_step step = {.size = sizeof step,
                            .operand_stride = sizeof *operands,
                            .op = "fused",
                            .input_count = chunks,
                            .output_count = 1,
                            .operands = operands,
                            .fused = &expression,
                            .in_place = -1};
    kaon_kernel *k = kn_emit_kernel(e);
    KAON_TRY(c->device->backend->prepare(c->device->handle, &step, k, c->diag));
    e->p->kernel_count++;
    e->sums[e->sum_count++] = k;
    return KAON_OK;
}

kaon_status kn_prepare_sums(kn_emitter *e)
{
    kn_compile *c = e->c;
    sum_group *groups = kn_compile_take(c, (size_t)c->value_count, sizeof *groups);
    if (!groups)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->region_count; i++) {
        const int32_t count = sum_groups(c, &c->regions[i], groups);
        for (int32_t g = 0; g < count; g++)
            KAON_TRY(prepare_sum(e, &groups[g], (int32_t)c->regions[i].chunks));
    }
    return KAON_OK;
}

/* --- regions ---------------------------------------------------------------------------------- */

static int64_t row_bytes(const kn_compile *c, const kn_region *r, const kn_step *s, int32_t k)
{
    if (k >= s->input_count) {
        const kn_value *v = &c->values[s->outputs[k - s->input_count]];
        return (int64_t)v->bytes / r->rows;
    }
    const int32_t axis = k == 0 && s->contracts ? 1 : 0;
    const kn_look *look = &s->inputs[k];
    return look->strides[axis] * s->factor *
           (int64_t)kaon_dtype_bytes(c->values[look->value].dtype);
}

typedef struct {
    kn_emitter *e;
    const kn_region *r;
    kn_tiles *t;
} region_emitter;

// Operands that stay are set per lane; those that move or sum are listed once.
static kaon_status emit_operand(region_emitter *x, const kn_step *s, int32_t launch, int32_t k)
{
    kn_tiles *t = x->t;
    int64_t offset = 0;
    const kn_value *v = kn_emit_operand(x->e->c, s, k, &offset);
    if (s->kinds[k] == KAON_OPERAND_ROWS && v->place != KN_PLACE_TILE) {
        kn_moving *m = &t->moving[t->moving_count++];
        m->launch = launch;
        m->operand = k;
        m->bytes_per_row = row_bytes(x->e->c, x->r, s, k);
        return kn_emit_address(x->e, &m->base, v, offset, 0);
    }
    if (s->kinds[k] == KAON_OPERAND_TOTAL && t->totals) {
        t->summing[t->summing_count++] =
            (kn_summing){.launch = launch, .operand = k, .at = v->partial_at};
        return KAON_OK;
    }
    for (int32_t lane = 0; lane < t->lane_count; lane++) {
        void **slot = (void **)&t->lanes[lane].launches[launch].call.operands[k];
        KAON_TRY(kn_emit_address(x->e, slot, v, offset, lane));
    }
    return KAON_OK;
}

static kaon_status make_lanes(region_emitter *x)
{
    kn_emitter *e = x->e;
    for (int32_t i = 0; i < x->t->lane_count; i++) {
        kn_lane *lane = &x->t->lanes[i];
        kn_diag_init(&lane->fault);
        lane->failed = -1;
        lane->launches = kn_emit_take(e, x->r->count, sizeof *lane->launches);
        if (!lane->launches)
            return KAON_NO_MEMORY;
        for (int32_t k = 0; k < x->r->count; k++) {
            const int32_t step = e->c->order[x->r->first + k];
            const kn_step *s = e->c->steps[step];
            kn_launch *l = &lane->launches[k];
            l->launch = e->kernels[step]->launch;
            l->state = e->kernels[step]->state;
            l->call.size = sizeof l->call;
            l->call.lane = i;
            l->call.scratch = e->lanes + (uint64_t)i * e->lane_stride + e->c->lane_bytes;
            l->call.operands = kn_emit_take(e, s->input_count + s->output_count, sizeof(void *));
            if (!l->call.operands)
                return KAON_NO_MEMORY;
        }
    }
    return KAON_OK;
}

static kaon_status make_tiles(region_emitter *x)
{
    kn_emitter *e = x->e;
    const kn_region *r = x->r;
    int64_t operands = 0;
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        operands += s->input_count + s->output_count;
    }
    kn_tiles *t = kn_emit_take(e, 1, sizeof *t);
    int64_t *factors = kn_emit_take(e, r->count, sizeof *factors);
    if (!t || !factors)
        return KAON_NO_MEMORY;
    x->t = t;
    *t = (kn_tiles){.kernel = e->c->kernel,
                    .device = e->c->device,
                    .launch_count = r->count,
                    .factors = factors,
                    .rows = r->rows,
                    .tile_rows = r->tile_rows,
                    .tiles = r->tiles,
                    .chunks = r->chunks,
                    .total_bytes = r->total_bytes,
                    .in_parallel = kn_region_shared(e->c, r)};
    t->lane_count = t->in_parallel ? kn_pool_lanes(e->c->kernel->pool) : 1;
    t->lanes = kn_emit_take(e, t->lane_count, sizeof *t->lanes);
    t->moving = kn_emit_take(e, operands, sizeof *t->moving);
    t->summing = kn_emit_take(e, operands, sizeof *t->summing);
    if (!t->lanes || !t->moving || !t->summing)
        return KAON_NO_MEMORY;
    if (r->has_totals && r->chunks > 1)
        t->totals = e->arena + r->total_at;
    t->notes = kn_emit_take(e, r->count, sizeof *t->notes);
    if (!t->notes)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        factors[i] = s->factor;
        KAON_TRY(kn_emit_note(e, s, (double)r->tile_rows / (double)r->rows, &t->notes[i]));
    }
    return make_lanes(x);
}

static kaon_status emit_sums(kn_emitter *e, const kn_region *r)
{
    kn_compile *c = e->c;
    sum_group *groups = kn_compile_take(c, (size_t)c->value_count, sizeof *groups);
    if (!groups)
        return KAON_NO_MEMORY;
    const int32_t count = sum_groups(c, r, groups);
    for (int32_t g = 0; g < count; g++) {
        const kaon_kernel *k = e->sums[e->next_sum++];
        kn_launch *l = kn_emit_launch(e, k->launch, k->state, (int32_t)r->chunks + 1);
        if (!l)
            return KAON_NO_MEMORY;
        void **operands = (void **)l->call.operands;
        for (int64_t i = 0; i < r->chunks; i++)
            operands[i] =
                e->arena + r->total_at + (uint64_t)i * r->total_bytes + groups[g].partial_at;
        l->call.rows = (int64_t)(groups[g].bytes / kaon_dtype_bytes(groups[g].dtype));
        if (groups[g].block >= 0)
            operands[r->chunks] = e->arena + c->blocks[groups[g].block].at;
        else
            KAON_TRY(kn_emit_address(e, &operands[r->chunks], &c->values[groups[g].value], 0, 0));
    }
    return KAON_OK;
}

kaon_status kn_emit_region(kn_emitter *e, const kn_region *r)
{
    region_emitter x = {.e = e, .r = r};
    KAON_TRY(make_tiles(&x));
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        for (int32_t k = 0; k < s->input_count + s->output_count; k++) {
            KAON_TRY(emit_operand(&x, s, i, k));
            // A single chunk adds to the whole at once.
            if (s->kinds[k] == KAON_OPERAND_TOTAL && !x.t->totals)
                KAON_TRY(kn_emit_clear(e, &e->c->values[s->outputs[k - s->input_count]]));
        }
    }
    kn_launch *l = kn_emit_launch(e, kn_run_tiles, x.t, 0);
    if (!l)
        return KAON_NO_MEMORY;
    return emit_sums(e, r);
}
