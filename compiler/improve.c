/* improve.c: small changes to steps that make what follows cheaper.
 *
 * Transposed weights. A product by rows reads its second operand once for every tile; where that
 * lies across, it is copied once per run, or once for all if it is constant.
 */
#include "compiler/compile.h"

#include <string.h>

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
