/* improve.c: small changes to steps that make what follows cheaper.
 *
 * Comparisons with a maximum. The derivative of max(h, c) asks whether h > c. Where the maximum is
 * kept anyway, max(h, c) > c is the same question, NaN included, and h need not be kept.
 *
 * Transposed weights. A product by rows reads its second operand once for every tile; where that
 * lies across, it is copied once per run, or once for all if it is constant.
 */
#include "kernel/compile.h"

#include <string.h>

/* --- comparisons ------------------------------------------------------------------------------ */

// The operation a step of one instruction does, besides making constants; NULL: it is no such step.
static const kn_instruction *only_instruction(const kn_step *s)
{
    if (s->dead || s->kind != KN_STEP_FUSED || s->fused->code_count == 0)
        return NULL;
    for (int32_t i = 0; i < s->fused->code_count - 1; i++)
        if (s->fused->code[i].op != KAON_X_CONST)
            return NULL;
    return &s->fused->code[s->fused->code_count - 1];
}

static int32_t same_look(const kn_look *a, const kn_look *b)
{
    return a->value == b->value && a->offset == b->offset &&
           kn_shape_same(a->rank, a->shape, b->rank, b->shape) &&
           kn_shape_same(a->rank, a->strides, b->rank, b->strides);
}

// 1 if both registers hold the same: the same look, or the same constant.
static int32_t same_register(const kn_step *a, int32_t m, const kn_step *b, int32_t n)
{
    if ((m < 0) != (n < 0))
        return 0;
    if (m < 0)
        return same_look(&a->inputs[~m], &b->inputs[~n]);
    const kn_instruction *x = &a->fused->code[m], *y = &b->fused->code[n];
    return x->op == KAON_X_CONST && y->op == KAON_X_CONST && x->dtype == y->dtype &&
           memcmp(&x->number, &y->number, sizeof x->number) == 0;
}

// Which side of a comparison an extreme of both sides can stand for: x > max is x > y, ...
static int32_t side_for(int32_t compare, int32_t extreme)
{
    const int32_t first = compare == KAON_X_GT || compare == KAON_X_LE;
    return extreme == KAON_X_MAX ? !first : first;
}

static int32_t is_comparison(int32_t op)
{
    return op == KAON_X_GT || op == KAON_X_GE || op == KAON_X_LT || op == KAON_X_LE;
}

// Lets a comparison read the extreme another step makes of the same two operands.
static void compare_with(kn_compile *c, kn_step *s, const kn_step *other)
{
    const kn_instruction *x = only_instruction(other);
    if (!x || (x->op != KAON_X_MAX && x->op != KAON_X_MIN))
        return;
    const kn_instruction *i = only_instruction(s);
    const int32_t straight = same_register(s, i->from[0], other, x->from[0]) &&
                             same_register(s, i->from[1], other, x->from[1]);
    const int32_t crossed = same_register(s, i->from[0], other, x->from[1]) &&
                            same_register(s, i->from[1], other, x->from[0]);
    const int32_t from = i->from[side_for(i->op, x->op)];
    if ((straight || crossed) && from < 0)
        s->inputs[~from] = kn_look_whole(&c->values[other->outputs[0]]);
}

void kn_improve_comparisons(kn_compile *c)
{
    for (int32_t i = 0; i < c->step_count; i++) {
        const kn_instruction *x = only_instruction(c->steps[i]);
        if (!x || !is_comparison(x->op))
            continue;
        for (int32_t k = 0; k < i; k++)
            if (c->steps[k]->kind == KN_STEP_FUSED)
                compare_with(c, c->steps[i], c->steps[k]);
    }
}

/* --- operands that lie across ----------------------------------------------------------------- */

enum { ROWS_WORTH_A_COPY = 32 };

// A constant as a look sees it, copied while compiling. -1: no memory.
static int32_t copy_constant(kn_compile *c, const kn_look *look)
{
    const int32_t value = kn_value_new(c, c->values[look->value].dtype, look->rank, look->shape);
    if (value < 0)
        return -1;
    kn_value *v = &c->values[value];
    const size_t bytes = (size_t)kaon_dtype_bytes(v->dtype);
    const char *from = (const char *)c->values[look->value].data + look->offset * (int64_t)bytes;
    const int64_t count = kn_shape_count(look->rank, look->shape);
    char *to = kn_compile_take(c, (size_t)count, bytes);
    if (!to)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0, rest = i;
        for (int32_t axis = look->rank - 1; axis >= 0; axis--) {
            at += rest % look->shape[axis] * look->strides[axis];
            rest /= look->shape[axis];
        }
        memcpy(to + i * (int64_t)bytes, from + at * (int64_t)bytes, bytes);
    }
    v->place = KN_PLACE_CONST;
    v->data = to;
    return value;
}

static int32_t lies_across(const kn_step *s)
{
    const kn_look *b = &s->inputs[1];
    return s->kind == KN_STEP_OP && s->use->op && s->use->op->rows == KN_ROWS_MATMUL &&
           s->rows >= ROWS_WORTH_A_COPY && s->kinds[1] == KAON_OPERAND_WHOLE && b->rank == 2 &&
           b->shape[1] > 1 && b->strides[1] != 1;
}

kaon_status kn_improve_products(kn_compile *c)
{
    const int32_t count = c->step_count;
    for (int32_t i = 0; c->device->facts.tile_bytes && i < count; i++) {
        kn_step *s = c->steps[i];
        if (!lies_across(s))
            continue;
        kn_look *b = &s->inputs[1];
        if (c->values[b->value].place == KN_PLACE_CONST) {
            const int32_t value = copy_constant(c, b);
            if (value < 0)
                return KAON_NO_MEMORY;
            *b = kn_look_whole(&c->values[value]);
            continue;
        }
        const kn_step *copy = kn_step_copy(c, b);
        if (!copy)
            return KAON_NO_MEMORY;
        *b = kn_look_whole(kn_step_value(c, copy, 0));
    }
    kn_count_readers(c);
    KAON_TRY(kn_sort_steps(c));
    kn_find_rows(c);
    return KAON_OK;
}
