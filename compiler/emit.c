/* emit.c: from placed steps to a program: kernels prepared, addresses filled in, launches in a row.
 * Regions are put together in emit_region.c.
 */
#include "compiler/emit.h"

#include "compiler/explain.h"
#include "compiler/fallback.h"
#include "kernel/memory.h"
#include "kernel/pool.h"

#include <string.h>

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
}

// Memory of the program's own.
void *kn_emit_take(const kn_emitter *e, int64_t count, size_t bytes)
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

kaon_kernel *kn_emit_kernel(const kn_emitter *e)
{
    kaon_kernel *k = &e->p->kernels[e->p->kernel_count];
    memset(k, 0, sizeof *k);
    k->size = sizeof *k;
    return k;
}

static kaon_status prepare_step(kn_emitter *e, int32_t step)
{
    kn_compile *c = e->c;
    const kn_step *s = c->steps[step];
    if (s->kind == KN_STEP_SCAN || s->kind == KN_STEP_COND)
        return KAON_OK;
    kn_description *d = NULL;
    KAON_TRY(kn_describe(c, s, rows_of_launch(c, s), &d));
    d->step.in_place = in_place_of(c, s);
    kaon_kernel *k = kn_emit_kernel(e);
    const kaon_status status = kn_prepare(c->device, &d->step, k, c->diag);
    if (status)
        return kaon_context(c->diag, status, "preparing '%s' for backend '%s'", d->step.op,
                            c->device->name);
    e->p->kernel_count++;
    e->kernels[step] = k;
    return KAON_OK;
}

static kaon_status prepare_all(kn_emitter *e)
{
    kn_compile *c = e->c;
    const size_t room = (size_t)c->order_count + (size_t)c->value_count;
    e->kernels = kn_compile_take(c, (size_t)c->step_count, sizeof *e->kernels);
    e->sums = kn_compile_take(c, (size_t)c->value_count, sizeof *e->sums);
    e->p->kernels = kn_emit_take(e, (int64_t)room, sizeof *e->p->kernels);
    if (!e->kernels || !e->sums || !e->p->kernels)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->order_count; i++)
        KAON_TRY(prepare_step(e, c->order[i]));
    return kn_prepare_sums(e);
}

/* --- memory ----------------------------------------------------------------------------------- */

static int32_t lanes_wanted(const kn_compile *c)
{
    for (int32_t i = 0; i < c->region_count; i++)
        if (kn_region_shared(c, &c->regions[i]))
            return kn_pool_lanes(c->kernel->pool);
    return 1;
}

static kaon_status copy_constants(kn_emitter *e)
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

static kaon_status take_memory(kn_emitter *e)
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

static kaon_status take_staging(kn_emitter *e)
{
    kaon_program *p = e->p;
    const kn_graph *g = e->c->graph;
    p->staged_inputs = kn_emit_take(e, p->input_count, sizeof *p->staged_inputs);
    p->staged_outputs = kn_emit_take(e, p->output_count, sizeof *p->staged_outputs);
    p->input_bytes = kn_emit_take(e, p->input_count, sizeof *p->input_bytes);
    p->output_bytes = kn_emit_take(e, p->output_count, sizeof *p->output_bytes);
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

static kaon_status add_patch(kn_emitter *e, void **slot, const kn_value *v, int64_t offset)
{
    if (e->p->patch_count == e->patch_room) {
        const int32_t room = e->patch_room ? 2 * e->patch_room : 32;
        kn_patch *larger = kn_emit_take(e, room, sizeof *larger);
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

static char *variable_memory(const kn_emitter *e, int32_t index)
{
    const kn_variable *v = e->c->held[index];
    return e->c->device->shares_host ? v->memory : v->device_memory;
}

// Writes the address of a value, `offset` bytes in, or leaves that to the run.
kaon_status kn_emit_address(kn_emitter *e, void **slot, const kn_value *v, int64_t offset,
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

const kn_value *kn_emit_operand(const kn_compile *c, const kn_step *s, int32_t k, int64_t *offset)
{
    const int32_t id = k < s->input_count ? s->inputs[k].value : s->outputs[k - s->input_count];
    const kn_value *v = &c->values[id];
    *offset = k < s->input_count ? s->inputs[k].offset * (int64_t)kaon_dtype_bytes(v->dtype) : 0;
    return v;
}

/* --- notes ------------------------------------------------------------------------------------ */

kaon_status kn_emit_note(kn_emitter *e, const kn_step *s, double share, kn_launch_note *note)
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

kn_launch *kn_emit_launch(kn_emitter *e, kn_launch_fn *launch, const void *state,
                          int32_t operand_count)
{
    void **operands = kn_emit_take(e, operand_count, sizeof *operands);
    if (!operands)
        return NULL;
    e->p->notes[e->p->launch_count] = (kn_launch_note){"own", "bookkeeping of the program", 0, 0};
    kn_launch *l = &e->p->launches[e->p->launch_count++];
    *l = (kn_launch){
        .launch = launch,
        .state = state,
        .call = {.size = sizeof l->call,
                 .operands = operands,
                 .scratch = e->lanes ? e->lanes + e->c->lane_bytes : NULL},
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

kaon_status kn_emit_clear(kn_emitter *e, const kn_value *v)
{
    kn_launch *l = kn_emit_launch(e, kn_run_clear, NULL, 1);
    if (!l)
        return KAON_NO_MEMORY;
    l->call.rows = (int64_t)v->bytes;
    return kn_emit_address(e, (void **)&l->call.operands[0], v, 0, 0);
}

static kaon_status set_operands(kn_emitter *e, const kn_step *s, kn_launch *l)
{
    for (int32_t k = 0; k < s->input_count + s->output_count; k++) {
        int64_t offset = 0;
        const kn_value *v = kn_emit_operand(e->c, s, k, &offset);
        KAON_TRY(kn_emit_address(e, (void **)&l->call.operands[k], v, offset, 0));
    }
    return KAON_OK;
}

static kaon_status emit_whole(kn_emitter *e, int32_t step)
{
    kn_compile *c = e->c;
    const kn_step *s = c->steps[step];
    for (int32_t i = 0; adds_alone(s) && i < s->output_count; i++)
        if (s->fused->results[i].total)
            KAON_TRY(kn_emit_clear(e, &c->values[s->outputs[i]]));
    const kaon_kernel *k = e->kernels[step];
    kn_launch *l = kn_emit_launch(e, k->launch, k->state, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    l->call.rows = leading_rows(c, s);
    KAON_TRY(kn_emit_note(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
}

/* --- scans and conds -------------------------------------------------------------------------- */

static kaon_status add_body(kn_emitter *e, kn_graph *graph, kaon_program **out)
{
    KAON_TRY(kn_compile_body(e->c, graph, out));
    e->p->bodies[e->p->body_count++] = *out;
    return KAON_OK;
}

static kaon_status emit_scan(kn_emitter *e, const kn_step *s)
{
    const kn_use *use = s->use;
    kn_compile *c = e->c;
    kn_loop *loop = kn_emit_take(e, 1, sizeof *loop);
    if (!loop)
        return KAON_NO_MEMORY;
    loop->device = c->device;
    loop->length = use->length;
    loop->carry_count = use->carry_count;
    loop->x_count = use->x_count;
    loop->input_count = use->input_count;
    loop->stack_count = use->output_count - use->carry_count;
    loop->x_bytes = kn_emit_take(e, use->x_count, sizeof *loop->x_bytes);
    loop->stack_bytes = kn_emit_take(e, loop->stack_count, sizeof *loop->stack_bytes);
    loop->carry_bytes = kn_emit_take(e, use->carry_count, sizeof *loop->carry_bytes);
    loop->inputs = kn_emit_take(e, use->input_count, sizeof *loop->inputs);
    loop->outputs = kn_emit_take(e, use->output_count, sizeof *loop->outputs);
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
    kn_launch *l = kn_emit_launch(e, kn_run_loop, loop, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    KAON_TRY(kn_emit_note(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
}

static kaon_status emit_cond(kn_emitter *e, const kn_step *s)
{
    kn_branch *b = kn_emit_take(e, 1, sizeof *b);
    if (!b)
        return KAON_NO_MEMORY;
    b->device = e->c->device;
    KAON_TRY(add_body(e, s->use->bodies[0], &b->bodies[1]));
    KAON_TRY(add_body(e, s->use->bodies[1], &b->bodies[0]));
    b->input_count = s->input_count - 1;
    kn_launch *l = kn_emit_launch(e, kn_run_branch, b, s->input_count + s->output_count);
    if (!l)
        return KAON_NO_MEMORY;
    KAON_TRY(kn_emit_note(e, s, 1, &e->p->notes[e->p->launch_count - 1]));
    return set_operands(e, s, l);
}

/* --- the pass --------------------------------------------------------------------------------- */

static kaon_status emit_all(kn_emitter *e)
{
    kn_compile *c = e->c;
    int32_t i = 0;
    while (i < c->order_count) {
        const kn_step *s = c->steps[c->order[i]];
        if (s->region >= 0) {
            KAON_TRY(kn_emit_region(e, &c->regions[s->region]));
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

static kaon_status list_written(kn_emitter *e)
{
    kn_compile *c = e->c;
    e->p->written = kn_emit_take(e, c->graph->variable_count, sizeof *e->p->written);
    if (!e->p->written)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->graph->variable_count && !c->is_body; i++)
        if (c->graph->variables[i].value)
            e->p->written[e->p->written_count++] = c->held[i];
    return KAON_OK;
}

static kaon_status begin(kn_emitter *e)
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
    p->launches = kn_emit_take(e, room + c->region_count, sizeof *p->launches);
    p->bodies = kn_emit_take(e, 2 * (int64_t)c->order_count, sizeof *p->bodies);
    p->notes = kn_emit_take(e, room + c->region_count, sizeof *p->notes);
    return p->launches && p->bodies && p->notes ? KAON_OK : KAON_NO_MEMORY;
}

static kaon_status emit(kn_emitter *e)
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
    kn_emitter e = {.c = c, .p = p};
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
