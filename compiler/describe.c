/* describe.c: a step of the compiler as a backend sees it. */
#include "compiler/compile.h"

#include <string.h>
#include <unistd.h>

// Operands of a step: inputs, then outputs.
static void describe_look(const kn_compile *c, const kn_look *look, kaon_operand *o)
{
    const kn_value *v = &c->values[look->value];
    o->size = sizeof *o;
    o->dtype = v->dtype;
    o->rank = look->rank;
    memcpy(o->shape, look->shape, sizeof o->shape);
    memcpy(o->strides, look->strides, sizeof o->strides);
    if (v->place == KN_PLACE_CONST && v->data)
        o->value = (const char *)v->data + look->offset * (int64_t)kaon_dtype_bytes(v->dtype);
}

// A reduced result keeps its reduced axes with size 1; a total keeps axis 0 so.
static void describe_result(const kn_compile *c, const kn_fused *f, const kn_result *r,
                            kaon_operand *o)
{
    kn_look look = {.value = r->value, .rank = f->rank};
    for (int32_t i = 0; i < f->rank; i++)
        look.shape[i] = f->shape[i];
    for (int32_t i = 0; i < r->axes; i++)
        look.shape[f->rank - 1 - i] = 1;
    if (r->total)
        look.shape[0] = 1;
    kn_shape_strides(look.rank, look.shape, look.strides);
    describe_look(c, &look, o);
}

// An operand of the operation itself, not of an expression.
static int32_t is_own_operand(const kn_step *s, int32_t index)
{
    return s->kind == KN_STEP_OP && index < s->use->input_count;
}

// For a whole step the axis of rows is a matter of no interest.
static void describe_operands(const kn_compile *c, const kn_step *s, int64_t tile_rows,
                              kaon_operand *operands)
{
    const int64_t rows = tile_rows * s->factor;
    for (int32_t i = 0; i < s->input_count; i++)
        describe_look(c, &s->inputs[i], &operands[i]);
    for (int32_t i = 0; i < s->output_count; i++) {
        kaon_operand *o = &operands[s->input_count + i];
        if (s->fused) {
            describe_result(c, s->fused, &s->fused->results[i], o);
        } else {
            const kn_look whole = kn_look_whole(&c->values[s->outputs[i]]);
            describe_look(c, &whole, o);
        }
    }
    if (!tile_rows)
        return;
    for (int32_t i = 0; i < s->input_count + s->output_count; i++) {
        kaon_operand *o = &operands[i];
        o->kind = s->kinds[i];
        // A sum over rows by matmul contracts them: they are axis 1 of its first operand. What is
        // broadcast over the rows of a space has as many.
        const int32_t axis = i == 0 && s->contracts ? 1 : 0;
        const int32_t spread =
            s->fused && i < s->input_count && o->rank == s->fused->rank && o->strides[0] == 0;
        if (o->kind == KAON_OPERAND_ROWS || (spread && o->rank && !is_own_operand(s, i)))
            o->shape[axis] = rows;
    }
}

// Inputs of a step's expression. Input 0 of an epilogue is the product, the others are the operands
// after those of the operation.
static int32_t expression_inputs(const kn_step *s)
{
    return s->kind == KN_STEP_OP ? s->input_count - s->use->input_count + 1 : s->input_count;
}

static int32_t outer_register(const kn_step *s, int32_t from)
{
    return from < 0 ? ~from : expression_inputs(s) + from;
}

static void describe_code(const kn_step *s, kaon_instruction *code, kaon_result *results,
                          kaon_expression *e)
{
    const kn_fused *f = s->fused;
    for (int32_t i = 0; i < f->code_count; i++) {
        const kn_instruction *from = &f->code[i];
        kaon_instruction *to = &code[i];
        to->op = from->op;
        to->dtype = from->dtype;
        to->number = from->number;
        to->a = from->count > 0 ? outer_register(s, from->from[0]) : from->from[0];
        to->b = from->count > 1 ? outer_register(s, from->from[1]) : 0;
        to->c = from->count > 2 ? outer_register(s, from->from[2]) : 0;
    }
    for (int32_t i = 0; i < f->result_count; i++) {
        results[i].from = outer_register(s, f->results[i].from);
        results[i].how = f->results[i].how;
        results[i].axes = f->results[i].axes;
    }
    e->size = sizeof *e;
    e->rank = f->rank;
    memcpy(e->shape, f->shape, sizeof e->shape);
    e->input_count = expression_inputs(s);
    e->code_count = f->code_count;
    e->code_stride = sizeof *code;
    e->code = code;
    e->result_count = f->result_count;
    e->result_stride = sizeof *results;
    e->results = results;
}

static kaon_status describe_fused(kn_compile *c, const kn_step *s, int64_t tile_rows,
                                  kn_description *d)
{
    kaon_instruction *code = kn_compile_take(c, (size_t)s->fused->code_count, sizeof *code);
    kaon_result *results = kn_compile_take(c, (size_t)s->fused->result_count, sizeof *results);
    if (!code || !results)
        return KAON_NO_MEMORY;
    describe_code(s, code, results, &d->expression);
    if (tile_rows)
        d->expression.shape[0] = tile_rows * s->factor;
    d->step.fused = &d->expression;
    return KAON_OK;
}

/* 1 if a value in memory of its own is too large to be read from a cache later. An expression stores
 * each number once and waits for nothing; a kernel that goes over its rows more than once loses by
 * going past a last cache that would have held them. */
static int32_t streams(const kn_compile *c, const kn_step *s)
{
    uint64_t most = 32 << 20;
    const long cache = s->kind == KN_STEP_OP ? sysconf(_SC_LEVEL3_CACHE_SIZE) : 0;
    if (cache > 0 && (uint64_t)cache > most)
        most = (uint64_t)cache;
    for (int32_t i = 0; i < s->output_count; i++) {
        const kn_value *v = &c->values[s->outputs[i]];
        if (v->place != KN_PLACE_TILE && v->bytes >= most)
            return 1;
    }
    return 0;
}

kaon_status kn_describe(kn_compile *c, const kn_step *s, int64_t tile_rows, kn_description **out)
{
    kn_description *d = kn_compile_take(c, 1, sizeof *d);
    const int32_t count = s->input_count + s->output_count;
    kaon_operand *operands = kn_compile_take(c, (size_t)count, sizeof *operands);
    if (!d || !operands)
        return KAON_NO_MEMORY;
    describe_operands(c, s, tile_rows, operands);
    d->step = (kaon_step){
        .size = sizeof d->step,
        .operand_stride = sizeof *operands,
        .op = s->kind == KN_STEP_FUSED ? "fused" : s->use->name,
        .input_count = s->input_count,
        .output_count = s->output_count,
        .operands = operands,
        .attr_stride = sizeof(kaon_attr),
        .in_place = -1,
        .flags = (tile_rows ? KAON_STEP_ROWS : 0u) | (streams(c, s) ? KAON_STEP_STREAM : 0u),
        .seed = c->seed,
    };
    if (s->use) {
        d->step.attrs = s->use->attrs;
        d->step.attr_count = s->use->attr_count;
        d->step.settings = s->use->settings;
        if (s->use->composite) {
            d->step.codes = s->use->composite->codes;
            d->step.code_stride = s->use->composite->code_stride;
            d->step.code_count = s->use->composite->code_count;
        }
    }
    if (s->fused)
        KAON_TRY(describe_fused(c, s, tile_rows, d));
    *out = d;
    return KAON_OK;
}

int32_t kn_supported(kn_compile *c, const kn_step *s, int64_t tile_rows)
{
    kn_description *d = NULL;
    if (kn_describe(c, s, tile_rows, &d))
        return 0;
    return c->device->backend->supports(c->device->handle, &d->step) == 1;
}
