/* lower.c: from a graph to steps that make values and looks at them.
 *
 * Shape moves become looks. Elementwise operations, casts, copies and reductions become fused steps
 * of one instruction at most; everything else is a step of its own.
 */
#include "compiler/compile.h"
#include "compiler/fallback.h"

#include "kernel/element.h"
#include "kernel/memory.h"

#include <string.h>

void *kn_compile_take(kn_compile *c, size_t count, size_t bytes)
{
    void *memory = kn_arena_array(&c->arena, count ? count : 1, bytes);
    if (!memory)
        kn_no_memory(c->diag, "compiling a program");
    return memory;
}

// Room for one more in an array of the arena; what it had before stays in the arena.
static void *grow(kn_compile *c, void *array, int32_t count, int32_t *room, size_t bytes)
{
    if (count < *room)
        return array;
    const int32_t wanted = *room ? 2 * *room : 64;
    void *larger = kn_compile_take(c, (size_t)wanted, bytes);
    if (!larger)
        return NULL;
    if (count)
        memcpy(larger, array, (size_t)count * bytes);
    *room = wanted;
    return larger;
}

int32_t kn_value_new(kn_compile *c, int32_t dtype, int32_t rank, const int64_t *shape)
{
    kn_value *values = grow(c, c->values, c->value_count, &c->value_room, sizeof *values);
    if (!values)
        return -1;
    c->values = values;
    kn_value *v = &values[c->value_count];
    v->id = c->value_count;
    v->dtype = dtype;
    v->rank = rank;
    v->maker = -1;
    v->block = -1;
    memcpy(v->shape, shape, (size_t)rank * sizeof *shape);
    v->bytes = (uint64_t)kn_shape_count(rank, shape) * kaon_dtype_bytes(dtype);
    return c->value_count++;
}

kn_step *kn_step_new(kn_compile *c, int32_t kind, int32_t input_count, int32_t output_count)
{
    kn_step **steps = grow(c, c->steps, c->step_count, &c->step_room, sizeof *steps);
    kn_step *s = kn_compile_take(c, 1, sizeof *s);
    if (!steps || !s)
        return NULL;
    c->steps = steps;
    s->inputs = kn_compile_take(c, (size_t)input_count, sizeof *s->inputs);
    s->outputs = kn_compile_take(c, (size_t)output_count, sizeof *s->outputs);
    s->kinds = kn_compile_take(c, (size_t)(input_count + output_count), 1);
    if (!s->inputs || !s->outputs || !s->kinds)
        return NULL;
    s->id = c->step_count;
    s->kind = kind;
    s->input_count = input_count;
    s->output_count = output_count;
    s->region = -1;
    s->factor = 1;
    steps[c->step_count++] = s;
    return s;
}

/* --- fused steps of one instruction ----------------------------------------------------------- */

// A fused step over `shape` with room for a little code and one result; its value is new.
static kn_step *small_step(kn_compile *c, int32_t input_count, int32_t rank, const int64_t *shape)
{
    kn_step *s = kn_step_new(c, KN_STEP_FUSED, input_count, 1);
    kn_fused *f = kn_compile_take(c, 1, sizeof *f);
    if (!s || !f)
        return NULL;
    f->code = kn_compile_take(c, 4, sizeof *f->code);
    f->results = kn_compile_take(c, 1, sizeof *f->results);
    if (!f->code || !f->results)
        return NULL;
    f->rank = rank;
    f->result_count = 1;
    memcpy(f->shape, shape, (size_t)rank * sizeof *shape);
    s->fused = f;
    return s;
}

static kaon_status finish(kn_compile *c, kn_step *s, int32_t value)
{
    if (value < 0)
        return KAON_NO_MEMORY;
    s->outputs[0] = value;
    s->fused->results[0].value = value;
    c->values[value].maker = s->id;
    return KAON_OK;
}

kn_step *kn_step_copy(kn_compile *c, const kn_look *look)
{
    kn_step *s = small_step(c, 1, look->rank, look->shape);
    if (!s)
        return NULL;
    s->inputs[0] = *look;
    s->fused->results[0].from = ~0;
    const int32_t value = kn_value_new(c, c->values[look->value].dtype, look->rank, look->shape);
    return finish(c, s, value) ? NULL : s;
}

// 1 if all elements of a constant are one number that a double holds.
static int32_t is_uniform(const kn_value *v, double *number)
{
    if (v->place != KN_PLACE_CONST || v->bytes == 0)
        return 0;
    const size_t bytes = (size_t)kaon_dtype_bytes(v->dtype);
    if (memcmp(v->data, (const char *)v->data + bytes, (size_t)v->bytes - bytes) != 0)
        return 0;
    *number = kn_element_get(v->dtype, v->data, 0);
    return v->bytes == bytes || (*number >= -0x1p53 && *number <= 0x1p53);
}

// The register that holds an operand: a constant becomes an instruction.
static int32_t operand(kn_compile *c, kn_step *s, const kn_look *look)
{
    kn_fused *f = s->fused;
    const kn_value *v = &c->values[look->value];
    double number = 0;
    const int32_t wide = v->dtype == KAON_I64 || v->dtype == KAON_U64;
    if (is_uniform(v, &number) && !(wide && !(number >= -0x1p53 && number <= 0x1p53))) {
        f->code[f->code_count] =
            (kn_instruction){.op = KAON_X_CONST, .dtype = v->dtype, .number = number};
        return f->code_count++;
    }
    s->inputs[s->input_count] = kn_look_broadcast(look, f->rank, f->shape);
    return ~s->input_count++;
}

static kaon_status lower_elementwise(kn_compile *c, const kn_use *use, int32_t op)
{
    const kn_node *out = &use->outputs[0];
    kn_step *s = small_step(c, use->input_count, out->rank, out->shape);
    if (!s)
        return KAON_NO_MEMORY;
    kn_instruction i = {.op = op, .dtype = out->dtype, .count = use->input_count};
    s->input_count = 0;
    for (int32_t k = 0; k < use->input_count; k++)
        i.from[k] = operand(c, s, &c->looks[use->inputs[k]->id]);
    if (op == KAON_X_IOTA)
        i.from[0] = (int32_t)kn_attr_int(use, "axis", 0);
    s->fused->code[s->fused->code_count] = i;
    s->fused->results[0].from = s->fused->code_count++;
    KAON_TRY(finish(c, s, kn_value_new(c, out->dtype, out->rank, out->shape)));
    c->looks[out->id] = kn_look_whole(kn_step_value(c, s, 0));
    return KAON_OK;
}

static kaon_status lower_cast(kn_compile *c, const kn_use *use)
{
    return lower_elementwise(c, use, KAON_X_CAST);
}

static kaon_status lower_iota(kn_compile *c, const kn_use *use)
{
    return lower_elementwise(c, use, KAON_X_IOTA);
}

/* --- shape moves ------------------------------------------------------------------------------ */

static kn_look *look_in(kn_compile *c, const kn_use *use)
{
    return &c->looks[use->inputs[0]->id];
}

static kn_look *look_out(kn_compile *c, const kn_use *use)
{
    return &c->looks[use->outputs[0].id];
}

static kaon_status lower_same(kn_compile *c, const kn_use *use)
{
    *look_out(c, use) = *look_in(c, use);
    return KAON_OK;
}

static kaon_status lower_reshape(kn_compile *c, const kn_use *use)
{
    const kn_node *out = &use->outputs[0];
    kn_look *to = look_out(c, use);
    if (kn_look_reshape(look_in(c, use), out->rank, out->shape, to))
        return KAON_OK;
    kn_step *copy = kn_step_copy(c, look_in(c, use));
    if (!copy)
        return KAON_NO_MEMORY;
    const kn_look whole = kn_look_whole(kn_step_value(c, copy, 0));
    kn_look_reshape(&whole, out->rank, out->shape, to);
    return KAON_OK;
}

static kaon_status lower_broadcast(kn_compile *c, const kn_use *use)
{
    const kn_node *out = &use->outputs[0];
    *look_out(c, use) = kn_look_broadcast(look_in(c, use), out->rank, out->shape);
    return KAON_OK;
}

static kaon_status lower_transpose(kn_compile *c, const kn_use *use)
{
    *look_out(c, use) = kn_look_transpose(look_in(c, use), kn_attr_find(use, "axes")->at);
    return KAON_OK;
}

static kaon_status lower_slice(kn_compile *c, const kn_use *use)
{
    const int32_t axis = (int32_t)kn_attr_int(use, "axis", 0);
    *look_out(c, use) = kn_look_slice(look_in(c, use), axis, kn_attr_int(use, "start", 0),
                                      kn_attr_int(use, "step", 1), use->outputs[0].shape[axis]);
    return KAON_OK;
}

static kaon_status lower_reverse(kn_compile *c, const kn_use *use)
{
    const int32_t axis = (int32_t)kn_attr_int(use, "axis", 0);
    const int64_t size = use->outputs[0].shape[axis];
    *look_out(c, use) = kn_look_slice(look_in(c, use), axis, size ? size - 1 : 0, -1, size);
    return KAON_OK;
}

/* --- reductions ------------------------------------------------------------------------------- */

typedef struct {
    int64_t order[KAON_MAX_RANK]; // axes of the input: kept ones, then reduced ones
    int32_t kept;
    int32_t reduced;
} split;

static split split_axes(const kn_use *use, int32_t rank)
{
    const kaon_attr *axes = kn_attr_find(use, "axes");
    uint8_t gone[KAON_MAX_RANK] = {0};
    for (int64_t i = 0; axes && i < axes->count; i++)
        gone[axes->at[i]] = 1;
    if (!axes || axes->count == 0)
        memset(gone, 1, sizeof gone);
    split s = {.kept = 0};
    for (int32_t i = 0; i < rank; i++)
        if (!gone[i])
            s.order[s.kept++] = i;
    for (int32_t i = 0; i < rank; i++)
        if (gone[i])
            s.order[s.kept + s.reduced++] = i;
    return s;
}

// Over rows a sum becomes a total: axis 0 comes first again, and is not among the reduced.
static int32_t sums_rows(const kn_look *in, split *s)
{
    if (s->reduced == 0 || s->order[s->kept] != 0 || in->shape[0] < 2)
        return 0;
    for (int32_t i = s->kept; i > 0; i--)
        s->order[i] = s->order[i - 1];
    s->order[0] = 0;
    s->reduced--;
    return 1;
}

static kn_step *reduce_step(kn_compile *c, const kn_use *use, int32_t how, split s, int32_t total)
{
    const kn_look in = kn_look_transpose(look_in(c, use), s.order);
    kn_step *step = small_step(c, 1, in.rank, in.shape);
    if (!step)
        return NULL;
    step->inputs[0] = in;
    step->fused->results[0] = (kn_result){
        .from = ~0, .how = s.reduced ? how : KAON_STORE, .axes = s.reduced, .total = total};
    const int32_t dtype = use->outputs[0].dtype;
    const int32_t value = kn_value_new(c, dtype, s.kept, in.shape + total);
    if (finish(c, step, value))
        return NULL;
    c->values[value].is_total = total;
    if (total) {
        step->rows = in.shape[0];
        step->kinds[0] = KAON_OPERAND_ROWS;
        step->kinds[1] = KAON_OPERAND_TOTAL;
    }
    return step;
}

static kaon_status lower_reduce(kn_compile *c, const kn_use *use, int32_t how)
{
    const kn_look *in = look_in(c, use);
    split s = split_axes(use, in->rank);
    const split plain = s;
    kn_step *step = NULL;
    if (how == KAON_REDUCE_SUM && sums_rows(in, &s)) {
        step = reduce_step(c, use, how, s, 1);
        if (step && !kn_supported(c, step, step->rows)) {
            step->dead = 1;
            step = NULL;
        }
    }
    if (!step)
        step = reduce_step(c, use, how, plain, 0);
    if (!step)
        return KAON_NO_MEMORY;
    const kn_look whole = kn_look_whole(kn_step_value(c, step, 0));
    kn_look_reshape(&whole, use->outputs[0].rank, use->outputs[0].shape, look_out(c, use));
    return KAON_OK;
}

static kaon_status lower_sum(kn_compile *c, const kn_use *use)
{
    return lower_reduce(c, use, KAON_REDUCE_SUM);
}

static kaon_status lower_max(kn_compile *c, const kn_use *use)
{
    return lower_reduce(c, use, KAON_REDUCE_MAX);
}

static kaon_status lower_min(kn_compile *c, const kn_use *use)
{
    return lower_reduce(c, use, KAON_REDUCE_MIN);
}

static kaon_status lower_prod(kn_compile *c, const kn_use *use)
{
    return lower_reduce(c, use, KAON_REDUCE_PROD);
}

/* --- steps of their own ----------------------------------------------------------------------- */

static kaon_status make_contiguous(kn_compile *c, kn_look *look)
{
    if (kn_look_contiguous(look))
        return KAON_OK;
    kn_step *copy = kn_step_copy(c, look);
    if (!copy)
        return KAON_NO_MEMORY;
    *look = kn_look_whole(kn_step_value(c, copy, 0));
    return KAON_OK;
}

static kn_step *own_step(kn_compile *c, const kn_use *use, int32_t kind)
{
    kn_step *s = kn_step_new(c, kind, use->input_count, use->output_count);
    if (!s)
        return NULL;
    s->use = use;
    for (int32_t i = 0; i < use->input_count; i++)
        s->inputs[i] = c->looks[use->inputs[i]->id];
    for (int32_t i = 0; i < use->output_count; i++) {
        const kn_node *out = &use->outputs[i];
        s->outputs[i] = kn_value_new(c, out->dtype, out->rank, out->shape);
        if (s->outputs[i] < 0)
            return NULL;
        c->values[s->outputs[i]].maker = s->id;
        c->looks[out->id] = kn_look_whole(&c->values[s->outputs[i]]);
    }
    return s;
}

static kaon_status refuse(kn_compile *c, const kn_use *use)
{
    const kn_node *about = use->input_count ? use->inputs[0] : &use->outputs[0];
    return kaon_fail(c->diag, KAON_UNSUPPORTED, "backend '%s' has no kernel for '%s' of %s %s",
                     c->device->name, use->name, kaon_dtype_text(about->dtype),
                     about->base.graph->api->shape_text(&about->base));
}

// A step of the backend's; operands it cannot take as they lie are copied first.
static kaon_status lower_op(kn_compile *c, const kn_use *use)
{
    kn_step *s = own_step(c, use, KN_STEP_OP);
    if (!s)
        return KAON_NO_MEMORY;
    if (kn_supported(c, s, 0))
        return KAON_OK;
    for (int32_t i = 0; i < s->input_count; i++)
        KAON_TRY(make_contiguous(c, &s->inputs[i]));
    kn_description *d = NULL;
    if (kn_supported(c, s, 0))
        return KAON_OK;
    KAON_TRY(kn_describe(c, s, 0, &d));
    return kn_can_prepare(c->device, &d->step) ? KAON_OK : refuse(c, use);
}

// Slices of a scan's sequences may lie anywhere, as long as each is in one piece.
static kaon_status make_slices_contiguous(kn_compile *c, kn_look *look)
{
    kn_look slice = *look;
    slice.shape[0] = 1;
    return kn_look_contiguous(&slice) ? KAON_OK : make_contiguous(c, look);
}

// The buffers a scan's carries alternate with stand behind its outputs.
static kaon_status add_spares(kn_compile *c, kn_step *s, const kn_use *use)
{
    const size_t count = (size_t)use->output_count + (size_t)use->carry_count;
    int32_t *outputs = kn_compile_take(c, count, sizeof *outputs);
    s->kinds = kn_compile_take(c, (size_t)s->input_count + count, 1);
    if (!outputs || !s->kinds)
        return KAON_NO_MEMORY;
    memcpy(outputs, s->outputs, (size_t)use->output_count * sizeof *outputs);
    s->outputs = outputs;
    for (int32_t i = 0; i < use->carry_count; i++) {
        const kn_node *carry = &use->outputs[i];
        const int32_t spare = kn_value_new(c, carry->dtype, carry->rank, carry->shape);
        if (spare < 0)
            return KAON_NO_MEMORY;
        c->values[spare].maker = s->id;
        s->outputs[s->output_count++] = spare;
    }
    return KAON_OK;
}

static kaon_status lower_scan(kn_compile *c, const kn_use *use)
{
    kn_step *s = own_step(c, use, KN_STEP_SCAN);
    if (!s)
        return KAON_NO_MEMORY;
    KAON_TRY(add_spares(c, s, use));
    for (int32_t i = 0; i < s->input_count; i++) {
        const int32_t is_x = i >= use->carry_count && i < use->carry_count + use->x_count;
        KAON_TRY(is_x ? make_slices_contiguous(c, &s->inputs[i])
                      : make_contiguous(c, &s->inputs[i]));
    }
    return KAON_OK;
}

static kaon_status lower_cond(kn_compile *c, const kn_use *use)
{
    kn_step *s = own_step(c, use, KN_STEP_COND);
    if (!s)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < s->input_count; i++)
        KAON_TRY(make_contiguous(c, &s->inputs[i]));
    return KAON_OK;
}

/* --- values that are there before ------------------------------------------------------------- */

static int32_t given(kn_compile *c, const kn_node *node, int32_t place, int32_t index)
{
    const int32_t value = kn_value_new(c, node->dtype, node->rank, node->shape);
    if (value < 0)
        return -1;
    c->values[value].place = place;
    c->values[value].index = index;
    c->looks[node->id] = kn_look_whole(&c->values[value]);
    return value;
}

static kaon_status lower_given(kn_compile *c, const kn_use *use)
{
    static const int32_t places[] = {
        [KN_USE_CONST] = KN_PLACE_CONST,
        [KN_USE_INPUT] = KN_PLACE_INPUT,
        [KN_USE_VARIABLE] = KN_PLACE_VARIABLE,
        [KN_USE_CAPTURE] = KN_PLACE_INPUT,
    };
    const int32_t value = given(c, &use->outputs[0], places[use->kind], use->index);
    if (value < 0)
        return KAON_NO_MEMORY;
    if (use->kind == KN_USE_CONST)
        c->values[value].data = use->data;
    if (use->kind == KN_USE_VARIABLE)
        c->held_values[use->index] = value;
    return KAON_OK;
}

/* --- the pass --------------------------------------------------------------------------------- */

typedef struct {
    const char *op;
    kaon_status (*lower)(kn_compile *c, const kn_use *use);
} lowering;

static const lowering lowerings[] = {
    {"cast", lower_cast},       {"iota", lower_iota},           {"stop_gradient", lower_same},
    {"reshape", lower_reshape}, {"broadcast", lower_broadcast}, {"transpose", lower_transpose},
    {"slice", lower_slice},     {"reverse", lower_reverse},     {"reduce_sum", lower_sum},
    {"reduce_max", lower_max},  {"reduce_min", lower_min},      {"reduce_prod", lower_prod},
};

static kaon_status lower_use(kn_compile *c, const kn_use *use)
{
    if (use->kind == KN_USE_SCAN)
        return lower_scan(c, use);
    if (use->kind == KN_USE_COND)
        return lower_cond(c, use);
    if (use->kind != KN_USE_OP)
        return lower_given(c, use);
    if (!use->op)
        return lower_op(c, use);
    if (use->op->elementwise)
        return lower_elementwise(c, use, use->op->elementwise);
    for (size_t i = 0; i < sizeof lowerings / sizeof *lowerings; i++)
        if (strcmp(lowerings[i].op, use->name) == 0)
            return lowerings[i].lower(c, use);
    return lower_op(c, use);
}

// What the outputs and updates need, by use.
static void mark(const kn_graph *g, const kn_node *node, uint8_t *wanted)
{
    (void)g;
    wanted[node->use->id] = 1;
}

static uint8_t *wanted_uses(kn_compile *c)
{
    const kn_graph *g = c->graph;
    uint8_t *wanted = kn_compile_take(c, (size_t)g->use_count, 1);
    if (!wanted)
        return NULL;
    for (int32_t i = 0; i < c->output_count; i++)
        mark(g, c->outputs[i], wanted);
    for (int32_t i = 0; i < g->variable_count && !c->is_body; i++)
        if (g->variables[i].value)
            mark(g, g->variables[i].value, wanted);
    for (int32_t i = g->use_count - 1; i >= 0; i--)
        for (int32_t k = 0; wanted[i] && k < g->uses[i]->input_count; k++)
            mark(g, g->uses[i]->inputs[k], wanted);
    return wanted;
}

// The value that holds what a node is, as it lies, and may be put anywhere; else a copy.
static int32_t placed(kn_compile *c, const kn_node *node, int32_t place, int32_t index)
{
    const kn_look *look = &c->looks[node->id];
    kn_value *v = &c->values[look->value];
    const int32_t as_it_lies = look->offset == 0 && kn_look_contiguous(look) &&
                               kn_node_count(node) == kn_shape_count(v->rank, v->shape);
    if (!as_it_lies || v->maker < 0 || v->place != KN_PLACE_ARENA) {
        const kn_step *copy = kn_step_copy(c, look);
        if (!copy)
            return -1;
        v = kn_step_value(c, copy, 0);
    }
    v->place = place;
    v->index = index;
    return v->id;
}

static kaon_status place_results(kn_compile *c)
{
    const kn_graph *g = c->graph;
    for (int32_t i = 0; i < g->variable_count && !c->is_body; i++) {
        const kn_node *value = g->variables[i].value;
        if (value && placed(c, value, KN_PLACE_VARIABLE, i) < 0)
            return KAON_NO_MEMORY;
    }
    for (int32_t i = 0; i < c->output_count; i++) {
        c->output_values[i] = placed(c, c->outputs[i], KN_PLACE_OUTPUT, i);
        if (c->output_values[i] < 0)
            return KAON_NO_MEMORY;
    }
    return KAON_OK;
}

/* Fills c->steps, c->values, c->looks from c->graph. Steps stand in topological order. */
kaon_status kn_lower(kn_compile *c)
{
    const kn_graph *g = c->graph;
    c->looks = kn_compile_take(c, (size_t)g->node_count, sizeof *c->looks);
    c->output_values = kn_compile_take(c, (size_t)c->output_count, sizeof *c->output_values);
    c->held_values = kn_compile_take(c, (size_t)g->variable_count, sizeof *c->held_values);
    const uint8_t *wanted = wanted_uses(c);
    if (!c->looks || !c->output_values || !c->held_values || !wanted)
        return KAON_NO_MEMORY;
    memset(c->held_values, 0xff, (size_t)g->variable_count * sizeof *c->held_values);
    for (int32_t i = 0; i < g->use_count; i++)
        if (wanted[i])
            KAON_TRY(lower_use(c, g->uses[i]));
    KAON_TRY(place_results(c));
    kn_count_readers(c);
    return KAON_OK;
}
