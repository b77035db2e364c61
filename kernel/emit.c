/* emit.c: from placed steps to a program: kernels prepared, addresses filled in, launches in a row.
 */
#include "kernel/compile.h"
#include "kernel/explain.h"

#include "kernel/memory.h"
#include "kernel/pool.h"
#include "kernel/text.h"

#include <string.h>

// Below this a region is done by the caller alone: waking others costs more. Seconds.
#define WORTH_SHARING 30e-6

typedef struct {
    kn_compile *c;
    kaon_program *p;
    kaon_kernel **kernels; // by step
    kaon_kernel **sums;    // by region, then by group; see sum_groups
    int32_t sum_count;
    int32_t next_sum;
    char *arena;
    char *constants;
    char *lanes;
    uint64_t lane_stride;
    kn_patch *patches;
    int32_t patch_room;
    int32_t launch_room;
} emitter;

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

// Memory of the program's own.
static void *take(const emitter *e, int64_t count, size_t bytes)
{
    void *memory = kn_arena_array(&e->p->own, count ? (size_t)count : 1, bytes);
    if (!memory)
        kn_no_memory(e->c->diag, "a program");
    return memory;
}

/* --- kernels ---------------------------------------------------------------------------------- */

// Sums over rows that stand alone need memory that is cleared first.
static int32_t adds_alone(const kn_step *s)
{
    return s->region < 0 && s->has_total && s->fused != NULL;
}

static int64_t rows_of_launch(const kn_compile *c, const kn_step *s)
{
    if (s->region >= 0)
        return c->regions[s->region].tile_rows;
    return adds_alone(s) ? s->rows : 0;
}

// The input whose memory an output takes over, -1: none.
static int32_t in_place_of(const kn_compile *c, const kn_step *s)
{
    for (int32_t i = 0; s->kind == KN_STEP_FUSED && i < s->output_count; i++) {
        const kn_value *made = &c->values[s->outputs[i]];
        for (int32_t k = 0; made->place == KN_PLACE_VARIABLE && k < s->input_count; k++) {
            const kn_value *old = &c->values[s->inputs[k].value];
            if (old->place == KN_PLACE_VARIABLE && old->index == made->index)
                return k;
        }
    }
    return -1;
}

static kaon_kernel *next_kernel(const emitter *e)
{
    kaon_kernel *k = &e->p->kernels[e->p->kernel_count];
    memset(k, 0, sizeof *k);
    k->size = sizeof *k;
    return k;
}

static kaon_status prepare_step(emitter *e, int32_t step)
{
    kn_compile *c = e->c;
    const kn_step *s = c->steps[step];
    if (s->kind == KN_STEP_SCAN || s->kind == KN_STEP_COND)
        return KAON_OK;
    kn_description *d = NULL;
    KAON_TRY(kn_describe(c, s, rows_of_launch(c, s), &d));
    d->step.in_place = in_place_of(c, s);
    kaon_kernel *k = next_kernel(e);
    const kaon_status status = c->device->backend->prepare(c->device->handle, &d->step, k, c->diag);
    if (status)
        return kaon_context(c->diag, status, "preparing '%s' for backend '%s'", d->step.op,
                            c->device->name);
    e->p->kernel_count++;
    e->kernels[step] = k;
    return KAON_OK;
}

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
static kaon_status prepare_sum(emitter *e, const sum_group *g, int32_t chunks)
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
    kaon_kernel *k = next_kernel(e);
    KAON_TRY(c->device->backend->prepare(c->device->handle, &step, k, c->diag));
    e->p->kernel_count++;
    e->sums[e->sum_count++] = k;
    return KAON_OK;
}

static kaon_status prepare_all(emitter *e)
{
    kn_compile *c = e->c;
    const size_t room = (size_t)c->order_count + (size_t)c->value_count;
    sum_group *groups = kn_compile_take(c, (size_t)c->value_count, sizeof *groups);
    e->kernels = kn_compile_take(c, (size_t)c->step_count, sizeof *e->kernels);
    e->sums = kn_compile_take(c, (size_t)c->value_count, sizeof *e->sums);
    e->p->kernels = take(e, (int64_t)room, sizeof *e->p->kernels);
    if (!groups || !e->kernels || !e->sums || !e->p->kernels)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->order_count; i++)
        KAON_TRY(prepare_step(e, c->order[i]));
    for (int32_t i = 0; i < c->region_count; i++) {
        const int32_t count = sum_groups(c, &c->regions[i], groups);
        for (int32_t g = 0; g < count; g++)
            KAON_TRY(prepare_sum(e, &groups[g], (int32_t)c->regions[i].chunks));
    }
    return KAON_OK;
}

/* --- memory ----------------------------------------------------------------------------------- */

static int32_t is_shared(const kn_compile *c, const kn_region *r)
{
    return r->work > WORTH_SHARING && r->chunks > 1 && kn_pool_lanes(c->kernel->pool) > 1;
}

static int32_t lanes_wanted(const kn_compile *c)
{
    for (int32_t i = 0; i < c->region_count; i++)
        if (is_shared(c, &c->regions[i]))
            return kn_pool_lanes(c->kernel->pool);
    return 1;
}

static kaon_status copy_constants(emitter *e)
{
    kn_compile *c = e->c;
    for (int32_t i = 0; i < c->value_count; i++) {
        const kn_value *v = &c->values[i];
        if (v->place != KN_PLACE_CONST || v->last < 0 || v->bytes == 0)
            continue;
        if (c->device->shares_host)
            memcpy(e->constants + v->at, v->data, (size_t)v->bytes);
        else
            KAON_TRY(c->device->backend->copy(c->device->handle, KAON_TO_DEVICE,
                                              e->constants + v->at, v->data, v->bytes, c->diag));
    }
    return KAON_OK;
}

static kaon_status take_memory(emitter *e)
{
    kn_compile *c = e->c;
    uint64_t scratch = 0;
    for (int32_t i = 0; i < e->p->kernel_count; i++)
        if (e->p->kernels[i].scratch_bytes > scratch)
            scratch = e->p->kernels[i].scratch_bytes;
    c->lane_bytes = aligned(c->lane_bytes);
    e->lane_stride = c->lane_bytes + aligned(scratch);
    void **memory = e->p->memory;
    KAON_TRY(kn_device_alloc(c->device, c->arena_bytes, &memory[0], c->diag));
    KAON_TRY(kn_device_alloc(c->device, c->const_bytes, &memory[1], c->diag));
    KAON_TRY(kn_device_alloc(c->device, e->lane_stride * (uint64_t)lanes_wanted(c), &memory[2],
                             c->diag));
    e->arena = memory[0];
    e->constants = memory[1];
    e->lanes = memory[2];
    return copy_constants(e);
}

static kaon_status take_staging(emitter *e)
{
    kaon_program *p = e->p;
    const kn_graph *g = e->c->graph;
    p->staged_inputs = take(e, p->input_count, sizeof *p->staged_inputs);
    p->staged_outputs = take(e, p->output_count, sizeof *p->staged_outputs);
    p->input_bytes = take(e, p->input_count, sizeof *p->input_bytes);
    p->output_bytes = take(e, p->output_count, sizeof *p->output_bytes);
    if (!p->staged_inputs || !p->staged_outputs || !p->input_bytes || !p->output_bytes)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < p->input_count; i++) {
        const kn_node *node = g->inputs[i];
        p->input_bytes[i] = (uint64_t)kn_node_count(node) * kaon_dtype_bytes(node->dtype);
        KAON_TRY(
            kn_device_alloc(e->c->device, p->input_bytes[i], &p->staged_inputs[i], e->c->diag));
    }
    for (int32_t i = 0; i < p->output_count; i++) {
        p->output_bytes[i] = e->c->values[e->c->output_values[i]].bytes;
        KAON_TRY(
            kn_device_alloc(e->c->device, p->output_bytes[i], &p->staged_outputs[i], e->c->diag));
    }
    return KAON_OK;
}

/* --- addresses -------------------------------------------------------------------------------- */

static kaon_status add_patch(emitter *e, void **slot, const kn_value *v, int64_t offset)
{
    if (e->p->patch_count == e->patch_room) {
        const int32_t room = e->patch_room ? 2 * e->patch_room : 32;
        kn_patch *larger = take(e, room, sizeof *larger);
        if (!larger)
            return KAON_NO_MEMORY;
        if (e->patch_room)
            memcpy(larger, e->p->patches, (size_t)e->patch_room * sizeof *larger);
        e->p->patches = larger;
        e->patch_room = room;
    }
    e->p->patches[e->p->patch_count++] = (kn_patch){
        .slot = slot,
        .offset = offset,
        .index = v->index,
        .is_output = v->place == KN_PLACE_OUTPUT,
    };
    return KAON_OK;
}

static char *variable_memory(const emitter *e, int32_t index)
{
    const kn_variable *v = e->c->held[index];
    return e->c->device->shares_host ? v->memory : v->device_memory;
}

// Writes the address of a value, `offset` bytes in, or leaves that to the run.
static kaon_status set_address(emitter *e, void **slot, const kn_value *v, int64_t offset,
                               int32_t lane)
{
    const kaon_program *p = e->p;
    char *base = NULL;
    switch (v->place) {
    case KN_PLACE_ARENA:
        base = e->arena + v->at;
        break;
    case KN_PLACE_CONST:
        base = e->constants + v->at;
        break;
    case KN_PLACE_VARIABLE:
        base = variable_memory(e, v->index);
        break;
    case KN_PLACE_TILE:
        base = e->lanes + (uint64_t)lane * e->lane_stride + v->at;
        break;
    default:
        if (!p->staged_inputs)
            return add_patch(e, slot, v, offset);
        base =
            v->place == KN_PLACE_INPUT ? p->staged_inputs[v->index] : p->staged_outputs[v->index];
        break;
    }
    *slot = base + offset;
    return KAON_OK;
}

static const kn_value *operand_value(const kn_compile *c, const kn_step *s, int32_t k,
                                     int64_t *offset)
{
    const int32_t id = k < s->input_count ? s->inputs[k].value : s->outputs[k - s->input_count];
    const kn_value *v = &c->values[id];
    *offset = k < s->input_count ? s->inputs[k].offset * (int64_t)kaon_dtype_bytes(v->dtype) : 0;
    return v;
}

/* --- notes ------------------------------------------------------------------------------------ */

static kaon_status note_step(emitter *e, const kn_step *s, double share, kn_launch_note *note)
{
    kn_text text = {0};
    kn_step_text(e->c, s, &text);
    note->name = s->kind == KN_STEP_FUSED ? "fused" : kn_arena_text(&e->p->own, s->use->name);
    note->text = kn_arena_text(&e->p->own, kn_text_get(&text));
    note->flops = share * kn_step_flops(e->c, s);
    note->bytes = share * kn_step_bytes(e->c, s);
    const int32_t failed = text.failed || !note->text || !note->name;
    kn_text_fini(&text);
    return failed ? kn_no_memory(e->c->diag, "a program's notes") : KAON_OK;
}

/* --- launches --------------------------------------------------------------------------------- */

static kn_launch *add_launch(emitter *e, kn_launch_fn *launch, const void *state,
                             int32_t operand_count)
{
    void **operands = take(e, operand_count, sizeof *operands);
    if (!operands)
        return NULL;
    e->p->notes[e->p->launch_count] = (kn_launch_note){"own", "bookkeeping of the program", 0, 0};
    kn_launch *l = &e->p->launches[e->p->launch_count++];
    *l = (kn_launch){
        .launch = launch,
        .state = state,
        .call = {.size = sizeof l->call,
                 .operands = operands,
                 .scratch = e->lanes + e->c->lane_bytes},
    };
    return l;
}

static int64_t leading_rows(const kn_compile *c, const kn_step *s)
{
    if (s->fused)
        return s->fused->rank ? s->fused->shape[0] : 1;
    const kn_value *v = &c->values[s->outputs[0]];
    return v->rank ? v->shape[0] : 1;
}

static kaon_status emit_clear(emitter *e, const kn_value *v)
{
    kn_launch *l = add_launch(e, kn_run_clear, NULL, 1);
    if (!l)
        return KAON_NO_MEMORY;
    l->call.rows = (int64_t)v->bytes;
    return set_address(e, (void **)&l->call.operands[0], v, 0, 0);
}

static kaon_status set_operands(emitter *e, const kn_step *s, kn_launch *l)
{
    for (int32_t k = 0; k < s->input_count + s->output_count; k++) {
        int64_t offset = 0;
        const kn_value *v = operand_value(e->c, s, k, &offset);
        KAON_TRY(set_address(e, (void **)&l->call.operands[k], v, offset, 0));
    }
    return KAON_OK;
}

static kaon_status emit_whole(emitter *e, int32_t step)
{
    kn_compile *c = e->c;
    const kn_step *s = c->steps[step];
    for (int32_t i = 0; adds_alone(s) && i < s->output_count; i++)
        if (s->fused->results[i].total)
            KAON_TRY(emit_clear(e, &c->values[s->outputs[i]]));
    const kaon_kernel *k = e->kernels[step];
    kn_launch *l = add_launch(e, k->launch, k->state, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    l->call.rows = leading_rows(c, s);
    KAON_TRY(note_step(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
}

/* --- scans and conds -------------------------------------------------------------------------- */

static kaon_status add_body(emitter *e, kn_graph *graph, kaon_program **out)
{
    KAON_TRY(kn_compile_body(e->c, graph, out));
    e->p->bodies[e->p->body_count++] = *out;
    return KAON_OK;
}

static kaon_status emit_scan(emitter *e, const kn_step *s)
{
    const kn_use *use = s->use;
    kn_compile *c = e->c;
    kn_loop *loop = take(e, 1, sizeof *loop);
    if (!loop)
        return KAON_NO_MEMORY;
    loop->device = c->device;
    loop->length = use->length;
    loop->carry_count = use->carry_count;
    loop->x_count = use->x_count;
    loop->input_count = use->input_count;
    loop->stack_count = use->output_count - use->carry_count;
    loop->x_bytes = take(e, use->x_count, sizeof *loop->x_bytes);
    loop->stack_bytes = take(e, loop->stack_count, sizeof *loop->stack_bytes);
    loop->carry_bytes = take(e, use->carry_count, sizeof *loop->carry_bytes);
    loop->inputs = take(e, use->input_count, sizeof *loop->inputs);
    loop->outputs = take(e, use->output_count, sizeof *loop->outputs);
    if (!loop->x_bytes || !loop->stack_bytes || !loop->carry_bytes || !loop->inputs ||
        !loop->outputs)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < use->x_count; i++) {
        const kn_look *x = &s->inputs[use->carry_count + i];
        loop->x_bytes[i] = x->strides[0] * (int64_t)kaon_dtype_bytes(c->values[x->value].dtype);
    }
    for (int32_t i = 0; i < loop->stack_count && use->length; i++)
        loop->stack_bytes[i] =
            (int64_t)kn_step_value(c, s, use->carry_count + i)->bytes / use->length;
    for (int32_t i = 0; i < use->carry_count; i++)
        loop->carry_bytes[i] = kn_step_value(c, s, i)->bytes;
    KAON_TRY(add_body(e, use->bodies[0], &loop->body));
    kn_launch *l = add_launch(e, kn_run_loop, loop, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    KAON_TRY(note_step(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
}

static kaon_status emit_cond(emitter *e, const kn_step *s)
{
    kn_branch *b = take(e, 1, sizeof *b);
    if (!b)
        return KAON_NO_MEMORY;
    b->device = e->c->device;
    KAON_TRY(add_body(e, s->use->bodies[0], &b->bodies[1]));
    KAON_TRY(add_body(e, s->use->bodies[1], &b->bodies[0]));
    b->input_count = s->input_count - 1;
    kn_launch *l = add_launch(e, kn_run_branch, b, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    KAON_TRY(note_step(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
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
    emitter *e;
    const kn_region *r;
    kn_tiles *t;
} region_emitter;

// Operands that stay are set per lane; those that move or sum are listed once.
static kaon_status emit_operand(region_emitter *x, const kn_step *s, int32_t launch, int32_t k)
{
    kn_tiles *t = x->t;
    int64_t offset = 0;
    const kn_value *v = operand_value(x->e->c, s, k, &offset);
    if (s->kinds[k] == KAON_OPERAND_ROWS && v->place != KN_PLACE_TILE) {
        kn_moving *m = &t->moving[t->moving_count++];
        m->launch = launch;
        m->operand = k;
        m->bytes_per_row = row_bytes(x->e->c, x->r, s, k);
        return set_address(x->e, &m->base, v, offset, 0);
    }
    if (s->kinds[k] == KAON_OPERAND_TOTAL && t->totals) {
        t->summing[t->summing_count++] =
            (kn_summing){.launch = launch, .operand = k, .at = v->partial_at};
        return KAON_OK;
    }
    for (int32_t lane = 0; lane < t->lane_count; lane++) {
        void **slot = (void **)&t->lanes[lane].launches[launch].call.operands[k];
        KAON_TRY(set_address(x->e, slot, v, offset, lane));
    }
    return KAON_OK;
}

static kaon_status make_lanes(region_emitter *x)
{
    emitter *e = x->e;
    for (int32_t i = 0; i < x->t->lane_count; i++) {
        kn_lane *lane = &x->t->lanes[i];
        kn_diag_init(&lane->fault);
        lane->failed = -1;
        lane->launches = take(e, x->r->count, sizeof *lane->launches);
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
            l->call.operands = take(e, s->input_count + s->output_count, sizeof(void *));
            if (!l->call.operands)
                return KAON_NO_MEMORY;
        }
    }
    return KAON_OK;
}

static kaon_status make_tiles(region_emitter *x)
{
    emitter *e = x->e;
    const kn_region *r = x->r;
    int64_t operands = 0;
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        operands += s->input_count + s->output_count;
    }
    kn_tiles *t = take(e, 1, sizeof *t);
    int64_t *factors = take(e, r->count, sizeof *factors);
    if (!t || !factors)
        return KAON_NO_MEMORY;
    x->t = t;
    *t = (kn_tiles){.kernel = e->c->kernel,
                    .launch_count = r->count,
                    .factors = factors,
                    .rows = r->rows,
                    .tile_rows = r->tile_rows,
                    .tiles = r->tiles,
                    .chunks = r->chunks,
                    .total_bytes = r->total_bytes,
                    .in_parallel = is_shared(e->c, r)};
    t->lane_count = t->in_parallel ? kn_pool_lanes(e->c->kernel->pool) : 1;
    t->lanes = take(e, t->lane_count, sizeof *t->lanes);
    t->moving = take(e, operands, sizeof *t->moving);
    t->summing = take(e, operands, sizeof *t->summing);
    if (!t->lanes || !t->moving || !t->summing)
        return KAON_NO_MEMORY;
    if (r->has_totals && r->chunks > 1)
        t->totals = e->arena + r->total_at;
    t->notes = take(e, r->count, sizeof *t->notes);
    if (!t->notes)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        factors[i] = s->factor;
        KAON_TRY(note_step(e, s, (double)r->tile_rows / (double)r->rows, &t->notes[i]));
    }
    return make_lanes(x);
}

static kaon_status emit_sums(emitter *e, const kn_region *r)
{
    kn_compile *c = e->c;
    sum_group *groups = kn_compile_take(c, (size_t)c->value_count, sizeof *groups);
    if (!groups)
        return KAON_NO_MEMORY;
    const int32_t count = sum_groups(c, r, groups);
    for (int32_t g = 0; g < count; g++) {
        const kaon_kernel *k = e->sums[e->next_sum++];
        kn_launch *l = add_launch(e, k->launch, k->state, (int32_t)r->chunks + 1);
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
            KAON_TRY(set_address(e, &operands[r->chunks], &c->values[groups[g].value], 0, 0));
    }
    return KAON_OK;
}

static kaon_status emit_region(emitter *e, const kn_region *r)
{
    region_emitter x = {.e = e, .r = r};
    KAON_TRY(make_tiles(&x));
    for (int32_t i = 0; i < r->count; i++) {
        const kn_step *s = e->c->steps[e->c->order[r->first + i]];
        for (int32_t k = 0; k < s->input_count + s->output_count; k++) {
            KAON_TRY(emit_operand(&x, s, i, k));
            // A single chunk adds to the whole at once.
            if (s->kinds[k] == KAON_OPERAND_TOTAL && !x.t->totals)
                KAON_TRY(emit_clear(e, &e->c->values[s->outputs[k - s->input_count]]));
        }
    }
    kn_launch *l = add_launch(e, kn_run_tiles, x.t, 0);
    if (!l)
        return KAON_NO_MEMORY;
    return emit_sums(e, r);
}

/* --- the pass --------------------------------------------------------------------------------- */

static kaon_status emit_all(emitter *e)
{
    kn_compile *c = e->c;
    int32_t i = 0;
    while (i < c->order_count) {
        const kn_step *s = c->steps[c->order[i]];
        if (s->region >= 0) {
            KAON_TRY(emit_region(e, &c->regions[s->region]));
            i += c->regions[s->region].count;
            continue;
        }
        if (s->kind == KN_STEP_SCAN)
            KAON_TRY(emit_scan(e, s));
        else if (s->kind == KN_STEP_COND)
            KAON_TRY(emit_cond(e, s));
        else
            KAON_TRY(emit_whole(e, c->order[i]));
        i++;
    }
    return KAON_OK;
}

static kaon_status list_written(emitter *e)
{
    kn_compile *c = e->c;
    e->p->written = take(e, c->graph->variable_count, sizeof *e->p->written);
    if (!e->p->written)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->graph->variable_count && !c->is_body; i++)
        if (c->graph->variables[i].value)
            e->p->written[e->p->written_count++] = c->held[i];
    return KAON_OK;
}

static kaon_status begin(emitter *e)
{
    kn_compile *c = e->c;
    kaon_program *p = e->p;
    p->kernel = c->kernel;
    p->device = c->device;
    p->variables = c->is_body ? NULL : c->variables;
    if (p->variables)
        kn_variables_retain(p->variables);
    p->input_count = c->is_body ? 0 : c->graph->input_count;
    p->output_count = c->output_count;
    int64_t room = 0;
    for (int32_t i = 0; i < c->order_count; i++)
        room += 1 + 2 * c->steps[c->order[i]]->output_count;
    p->launches = take(e, room + c->region_count, sizeof *p->launches);
    p->bodies = take(e, 2 * (int64_t)c->order_count, sizeof *p->bodies);
    p->notes = take(e, room + c->region_count, sizeof *p->notes);
    return p->launches && p->bodies && p->notes ? KAON_OK : KAON_NO_MEMORY;
}

static kaon_status emit(emitter *e)
{
    KAON_TRY(begin(e));
    KAON_TRY(prepare_all(e));
    KAON_TRY(take_memory(e));
    if (!e->c->device->shares_host && !e->c->is_body)
        KAON_TRY(take_staging(e));
    KAON_TRY(list_written(e));
    return emit_all(e);
}

/* Makes the program; nothing of the compilation is needed after it. */
kaon_status kn_emit(kn_compile *c, kaon_program **out)
{
    kn_arena own = {0};
    kaon_program *p = kn_arena_take(&own, sizeof *p);
    if (!p) {
        kn_arena_free(&own);
        return kn_no_memory(c->diag, "a program");
    }
    p->own = own;
    emitter e = {.c = c, .p = p};
    kaon_status status = emit(&e);
    if (!status)
        status = kn_explain(c, p);
    if (status) {
        kn_program_free(p);
        return status;
    }
    *out = p;
    return KAON_OK;
}
